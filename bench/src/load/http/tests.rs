//! The client, against answers written by hand.

use std::cell::RefCell;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use super::*;

#[test]
fn requests_are_what_http_says() {
    assert_eq!(
        request("DELETE", "/v1/keys/key_1", "s", ""),
        b"DELETE /v1/keys/key_1 HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer s\r\n\r\n"
    );
    assert_eq!(
        request("POST", "/x", "s", "{}"),
        b"POST /x HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer s\r\nContent-Type: application/json\r\n\
          Content-Length: 2\r\n\r\n{}"
    );
}

#[test]
fn heads_whole_broken_and_cut() {
    let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    assert_eq!(parse_head(whole).unwrap(), Some(Head { status: 200, length: 38, body_length: 2 }));
    assert_eq!(parse_head(&whole[..37]).unwrap(), None);
    let empty = b"HTTP/1.1 204 No Content\r\n\r\n";
    assert_eq!(parse_head(empty).unwrap(), Some(Head { status: 204, length: empty.len(), body_length: 0 }));
    assert!(parse_head(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    assert!(parse_head(b"nonsense\r\n\r\n").is_err());
}

/// A server that answers each request on one connection with the next of these pieces, sent apart.
fn serve(answers: Vec<Vec<&'static [u8]>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        for pieces in answers {
            assert!(stream.read(&mut request).unwrap() > 0);
            for piece in pieces {
                stream.write_all(piece).unwrap();
                stream.flush().unwrap();
            }
        }
    });
    address
}

#[test]
fn answers_reach_the_check_even_in_pieces() {
    let address = serve(vec![
        vec![b"HTTP/1.1 204 No Content\r\n\r\n"],
        vec![b"HTTP/1.1 200 OK\r\nContent-", b"Length: 5\r\n\r\nhe", b"llo"],
    ]);
    let requests = vec![request("GET", "/a", "s", ""), request("GET", "/b", "s", "")];
    let seen = RefCell::new(Vec::new());
    let reading = run(address, 1, &requests, Duration::from_secs(30), |turn, answer| {
        seen.borrow_mut().push((turn, answer.status, answer.body.to_vec()));
        Ok(())
    });
    assert_eq!(reading.unwrap().operations, 2);
    assert_eq!(seen.into_inner(), vec![(0, 204, vec![]), (1, 200, b"hello".to_vec())]);
}

#[test]
fn a_closed_connection_and_a_failed_check_end_the_run() {
    let requests = vec![request("GET", "/a", "s", "")];
    let limit = Duration::from_secs(30);
    assert!(run(serve(vec![]), 1, &requests, limit, |_, _| Ok(())).is_err());
    let address = serve(vec![vec![b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"]]);
    let refuse = |_: usize, answer: &Answer<'_>| {
        ensure!(answer.status == 204, "status {}", answer.status);
        Ok(())
    };
    assert_eq!(run(address, 1, &requests, limit, refuse).unwrap_err().to_string(), "status 500");
}
