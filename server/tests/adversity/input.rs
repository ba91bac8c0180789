//! This file is about bytes that are no request, or not one that should be served: each is answered with a clear
//! problem or a closed connection, none is done by accident, and the server goes on.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::process::{Command, Stdio};

use serde_json::json;

use super::tls;
use crate::harness::{Answer, Server, eventually, folder, parse};

/// A server that has little patience.
fn impatient(folder: &std::path::Path) -> Server {
    Server::configured(folder, |config| {
        let limits = config["limits"].as_table_mut().expect("a table");
        limits.insert("head_seconds".to_owned(), 1.into());
        limits.insert("body_seconds".to_owned(), 1.into());
    })
}

/// Goes on, has not panicked, and ends in good order.
fn is_well(server: Server) {
    let (_, secret) = server.issue("after all that");
    assert_eq!(server.verify(&secret)["valid"], true);
    let log = server.folder.join("stderr.log");
    assert_eq!(server.stop().code(), Some(0));
    let log = std::fs::read_to_string(log).expect("it is there");
    assert!(!log.contains("panicked"), "{log}");
}

/// The head of a request of the owner's, up to the empty line.
fn head(server: &Server, first: &str) -> String {
    format!("{first} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n", server.owner)
}

/// A POST of JSON with a length that may be a lie.
fn post(server: &Server, path: &str, length: usize) -> String {
    let head = head(server, &format!("POST {path}"));
    format!("{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n")
}

/// Everything that comes back for these bytes, until the server closes the connection.
fn exchange(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let mut stream = server.connect();
    let _ = stream.write_all(bytes);
    let mut read = Vec::new();
    let _ = stream.read_to_end(&mut read);
    read
}

/// How many answers there are.
fn answers(bytes: &[u8]) -> usize {
    String::from_utf8_lossy(bytes).matches("HTTP/1.").count()
}

fn is_problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert!(answer.json()["request_id"].as_str().is_some_and(|id| id.len() == 32));
}

#[test]
fn what_is_too_long_or_too_slow_is_refused() {
    let folder = folder();
    let server = impatient(folder.path());
    let verify = "/v1/keys/verify";
    // Head: too long in one field, in many fields, in the path.
    for long in [
        format!("GET /healthz HTTP/1.1\r\nHost: x\r\nLong: {}\r\n\r\n", "x".repeat(1 << 20)),
        format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(5000)),
        format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(1 << 20)),
    ] {
        is_problem(&server.raw(long.as_bytes()).expect("an answer"), 431, "head_too_large");
    }
    let long = format!("GET /healthz HTTP/1.1\r\nHost: x\r\nLong: {}", "x".repeat(20_000));
    assert_eq!(server.raw(long.as_bytes()).map(|answer| answer.status), Some(431));
    let many = format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(100));
    assert_eq!(server.raw(many.as_bytes()).map(|answer| answer.status), Some(431));

    // Body: announced, and not; its sender may or may not go on sending.
    is_problem(&server.raw(post(&server, verify, 2 << 20).as_bytes()).expect("an answer"), 413, "too_large");
    let filler = "x".repeat(2 << 20);
    let sent = format!("{}{filler}", post(&server, verify, 2 << 20));
    is_problem(&server.raw(sent.as_bytes()).expect("an answer"), 413, "too_large");
    let chunked = head(&server, &format!("POST {verify}"))
        + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let sent = format!("{chunked}{:x}\r\n{filler}\r\n0\r\n\r\n", filler.len());
    is_problem(&server.raw(sent.as_bytes()).expect("an answer"), 413, "too_large");
    let just_over = format!("{chunked}{:x}\r\n{}\r\n", (1 << 20) + 1, "x".repeat((1 << 20) + 1));
    is_problem(&server.raw(just_over.as_bytes()).expect("an answer"), 413, "too_large");

    // Slow: nothing more comes, and the server does not wait for ever.
    assert_eq!(exchange(&server, b""), b"");
    assert_eq!(answers(&exchange(&server, b"GET /healthz HT")), 0);
    assert_eq!(answers(&exchange(&server, b"GET /healthz HTTP/1.1\r\nHost: x\r\n")), 0);
    for stalled in
        [post(&server, verify, 20), post(&server, verify, 20) + "{\"secret\":", chunked + "5\r\n{\"se"]
    {
        is_problem(&server.raw(stalled.as_bytes()).expect("an answer"), 408, "timed_out");
    }
    is_well(server);
}

/// A connection with more answers on their way than its buffers hold, of which none is read.
fn deaf(server: &Server) -> TcpStream {
    let mut stream = server.connect();
    let asked = "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n".repeat(300);
    stream.write_all(asked.as_bytes()).expect("it takes the questions");
    stream
}

#[test]
fn who_reads_no_answer_is_cut_off() {
    let folder = folder();
    let server = Server::configured(folder.path(), |config| {
        let limits = config["limits"].as_table_mut().expect("a table");
        limits.insert("head_seconds".to_owned(), 3600.into());
        limits.insert("body_seconds".to_owned(), 1.into());
    });
    let mut stream = deaf(&server);
    // Nothing is read, so that the end is seen by writing.
    eventually("the connection is closed", || stream.write(b"G").err());
    is_well(server);
}

/// Such a client held the server's end up for all of `shutdown_seconds`.
#[test]
fn who_reads_no_answer_is_not_waited_for_at_the_end() {
    let folder = folder();
    let mut server = Server::configured(folder.path(), |config| {
        config["limits"].as_table_mut().expect("a table").insert("shutdown_seconds".to_owned(), 3600.into());
    });
    let _stream = deaf(&server);
    let mut answered = String::new();
    eventually("no more answers leave", || {
        let page = server.metrics();
        let bytes = page.lines().find(|line| line.starts_with("keyward_answers_total{status=\"200\"}"));
        let before = std::mem::replace(&mut answered, bytes.unwrap_or_default().to_owned());
        let count = |line: &str| line.rsplit(' ').next().and_then(|count| count.parse::<u64>().ok());
        // The question itself is not counted: it is asked where the server is watched.
        (count(&answered)? == count(&before)?).then_some(())
    });
    server.signal("TERM");
    eventually("it ends", || server.has_ended().then_some(()));
}

/// Each part came in time, and the line that they were parts of never ended.
#[test]
fn a_line_that_never_ends_is_cut_off() {
    let folder = folder();
    let server = impatient(folder.path());
    for drip in ["1\r\n \r\n", "1\r\n\n\r\n", "1\r\nx\r\n"] {
        let mut stream = server.connect();
        let head = head(&server, "POST /v1/keys/import")
            + "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).expect("it takes them");
        eventually("the connection is closed", || stream.write_all(drip.as_bytes()).err());
    }
    is_well(server);
}

#[test]
fn a_body_that_was_cut_short_changes_nothing() {
    let folder = folder();
    let server = impatient(folder.path());
    let body = json!({ "kind": "secret", "name": "never" }).to_string();
    let events = || server.call("GET", "/v1/events?limit=500", None).json()["data"].as_array().map(Vec::len);
    let before = events();
    for length in 0..body.len() {
        let mut stream = server.connect();
        let bytes = post(&server, "/v1/keys", body.len()) + &body[..length];
        stream.write_all(bytes.as_bytes()).expect("it takes them");
        stream.shutdown(Shutdown::Write).expect("a half-closed connection");
        let mut read = Vec::new();
        let _ = stream.read_to_end(&mut read);
        let answer = parse(&read);
        assert!(answer.as_ref().is_none_or(|answer| answer.status == 400), "{length}: {answer:?}");
    }
    for garbage in
        ["zz\r\n", "5\r\n{}", "-1\r\n", "ffffffffffffffffff\r\n", "2\r\n{}XX", "2;\u{0}\r\n{}\r\n0\r\n\r\n"]
    {
        let head = head(&server, "POST /v1/keys")
            + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        let answer = server.raw(format!("{head}{garbage}").as_bytes());
        assert!(
            answer.as_ref().is_none_or(|answer| matches!(answer.status, 400 | 408)),
            "{garbage:?}: {answer:?}"
        );
    }
    assert_eq!(events(), before);
    is_well(server);
}

#[test]
fn bodies_of_the_wrong_shape_are_refused_with_a_reason() {
    let folder = folder();
    let server = impatient(folder.path());
    let json = format!("Authorization: Bearer {}\r\nContent-Type: application/json\r\n", server.owner);
    let bearer = format!("Authorization: Bearer {}\r\n", server.owner);
    let cases: [(&str, &[u8], u16, &str); 11] = [
        (&bearer, b"{}", 415, "unsupported_type"),
        (&format!("{bearer}Content-Type: text/plain\r\n"), b"{}", 415, "unsupported_type"),
        (
            &format!("{bearer}Content-Type: application/x-www-form-urlencoded\r\n"),
            b"secret=x",
            415,
            "unsupported_type",
        ),
        (&json, b"", 400, "malformed_body"),
        (&json, b"{", 400, "malformed_body"),
        (&json, b"{\"secret\":\"a\"} {}", 400, "malformed_body"),
        (&json, b"{\"secret\":\"\xff\xfe\"}", 400, "malformed_body"),
        (&json, b"\xef\xbb\xbf{\"secret\":\"a\"}", 400, "malformed_body"),
        (&json, b"{\"secret\":\"a\",\"secret\":\"b\"}", 400, "invalid_field"),
        (&json, b"{\"secret\":\"a\",\"surprise\":1}", 400, "invalid_field"),
        (&json, b"[]", 400, "invalid_field"),
    ];
    for (headers, body, status, code) in cases {
        let answer = server.request("POST", "/v1/keys/verify", headers, body);
        assert_eq!(answer.status, status, "{:?}: {}", String::from_utf8_lossy(body), answer.body);
        is_problem(&answer, status, code);
    }
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
        let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        for body in [
            deep.clone(),
            format!("{{\"secret\":{deep}}}"),
            format!("{{\"kind\":\"secret\",\"metadata\":{deep}}}"),
        ] {
            for path in ["/v1/keys/verify", "/v1/keys", "/v1/keys/import", "/v1/removals"] {
                let answer = server.request("POST", path, &json, body.as_bytes());
                // An import answers every item alone.
                let refused = answer.status == 200 && answer.body.contains(r#""status":400"#);
                assert!(refused || matches!(answer.status, 400 | 413), "{path}: {}", answer.body);
            }
        }
    }
    is_well(server);
}

#[test]
fn a_second_request_cannot_be_hidden_in_the_first() {
    let folder = folder();
    let server = impatient(folder.path());
    let (id, secret) = server.issue("smuggled");
    let delete = head(&server, &format!("DELETE /v1/keys/{id}")) + "\r\n";
    let post = head(&server, "POST /v1/keys/verify") + "Content-Type: application/json\r\n";
    let inner = delete.len();
    // Two readers that disagree about where the first request ends would see a removal in what follows.
    let shapes = [
        format!("{post}Content-Length: 2\r\nContent-Length: {}\r\n\r\n{{}}{delete}", inner + 2),
        format!("{post}Content-Length: 2, {}\r\n\r\n{{}}{delete}", inner + 2),
        format!("{post}Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{delete}", inner + 5),
        format!("{post}Transfer-Encoding: chunked\r\nContent-Length: {}\r\n\r\n0\r\n\r\n{delete}", inner + 5),
        format!("{post}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{delete}"),
        format!("{post}Transfer-Encoding: identity\r\n\r\n0\r\n\r\n{delete}"),
        format!("{post}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{delete}"),
        format!("{post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{delete}"),
        format!("{post}Transfer-Encoding:\u{b}chunked\r\n\r\n0\r\n\r\n{delete}"),
        format!("{post}X: y\rTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{{}}{delete}"),
        format!("{post}Content-Length: +2\r\n\r\n{{}}{delete}"),
        format!("{post}Content-Length: 0x2\r\n\r\n{{}}{delete}"),
        format!("{post}Content-Length: -1\r\n\r\n{{}}{delete}"),
        format!("{post}Content-Length: 99999999999999999999\r\n\r\n{{}}{delete}"),
        format!("{post}X: y\r\n Content-Length: 2\r\n\r\n{{}}{delete}"),
    ];
    for shape in &shapes {
        let came = exchange(&server, shape.as_bytes());
        let answer = parse(&came);
        assert!(answer.as_ref().is_none_or(|answer| answer.status == 400), "{shape}\n{answer:?}");
        assert!(answers(&came) <= 1, "{shape}\n{}", String::from_utf8_lossy(&came));
        assert_eq!(server.verify(&secret)["valid"], true, "{shape}");
    }
    // HTTP/1.0 knows no chunks, and two hosts are nobody's.
    let old = post.replace("HTTP/1.1", "HTTP/1.0") + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let hosts = "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned();
    let none = "GET /healthz HTTP/1.1\r\n\r\n".to_owned();
    for shape in [old, hosts, none] {
        let answer = server.raw(shape.as_bytes());
        assert!(answer.as_ref().is_none_or(|answer| answer.status == 400), "{shape}\n{answer:?}");
    }
    is_well(server);
}

#[test]
fn odd_but_lawful_requests_are_served() {
    let folder = folder();
    let server = impatient(folder.path());
    let old = server.raw(b"GET /healthz HTTP/1.0\r\n\r\n").expect("an answer");
    assert_eq!((old.status, &*old.body), (200, "ok\n"));
    let head_only = exchange(&server, b"HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let head_only = String::from_utf8(head_only).expect("text");
    assert!(head_only.ends_with("\r\n\r\n"), "an answer to HEAD has no body: {head_only}");

    // Several requests in one packet: answered all, in order.
    let (_, secret) = server.issue("pipelined");
    let body = json!({ "secret": secret }).to_string();
    let mut packet = String::new();
    for _ in 0..50 {
        packet += &post(&server, "/v1/keys/verify", body.len());
        packet += &body;
        packet += "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    }
    let came = exchange(&server, packet.as_bytes());
    assert_eq!(answers(&came), 100);
    let verdicts = String::from_utf8_lossy(&came).matches(r#""valid":true"#).count();
    assert_eq!(verdicts, 50);

    let waiting = head(&server, "POST /v1/keys/verify")
        + &format!(
            "Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
    let mut stream = server.connect();
    stream.write_all(waiting.as_bytes()).expect("it takes it");
    let mut interim = [0; 12];
    stream.read_exact(&mut interim).expect("an interim answer");
    assert_eq!(&interim, b"HTTP/1.1 100");
    is_well(server);
}

#[test]
fn bytes_that_are_no_request_end_their_connection_only() {
    let folder = folder();
    let server = impatient(folder.path());
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a handshake of TLS on the plain port".to_vec();
    let mut cases: Vec<Vec<u8>> = vec![
        hello,
        b"\x00\x00\x00\x00\r\n\r\n".to_vec(),
        b"\r\n\r\n\r\n\r\nGARBAGE\r\n\r\n".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"GET /healthz HTTP/9.9\r\n\r\n".to_vec(),
        b"GET /healthz\r\n\r\n".to_vec(),
        b"G\xc3\x84T /healthz HTTP/1.1\r\n\r\n".to_vec(),
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nNull: a\0b\r\n\r\n".to_vec(),
        b"CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        b"SSH-2.0-x\r\n\r\n".to_vec(),
    ];
    // Every byte once as the first.
    cases.extend((0..=255).map(|byte: u8| {
        [&[byte], &b"ET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"[..]].concat()
    }));
    for case in cases {
        if case.starts_with(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection") {
            continue;
        }
        let came = exchange(&server, &case);
        let answer = parse(&came);
        let refused = answer.as_ref().is_none_or(|answer| matches!(answer.status, 400..500 | 505));
        assert!(refused, "{}\n{}", String::from_utf8_lossy(&case), String::from_utf8_lossy(&came));
    }
    is_well(server);
}

#[test]
fn the_tls_port_speaks_tls_1_3_and_nothing_else() {
    let folder = folder();
    let server = tls::serve(folder.path(), |_| {});
    let address = server.https.strip_prefix("https://").expect("it listens for TLS");
    let client = |version: &str| {
        let mut openssl = Command::new("openssl");
        openssl.args(["s_client", "-connect", address, version, "-quiet"]);
        let mut openssl = openssl
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("openssl is installed");
        let _ = openssl.stdin.take().expect("piped").write_all(b"GET /healthz HTTP/1.0\r\n\r\n");
        openssl.wait_with_output().expect("it ends")
    };
    let new = client("-tls1_3");
    assert!(String::from_utf8_lossy(&new.stdout).starts_with("HTTP/1.0 200"), "{new:?}");
    let old = client("-tls1_2");
    assert!(old.stdout.is_empty() && !old.status.success(), "{old:?}");
    let said = String::from_utf8_lossy(&old.stderr).into_owned();
    assert!(said.contains("alert protocol version"), "{said}");

    let mut plain = std::net::TcpStream::connect(address).expect("it listens");
    plain.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").expect("it takes it");
    let mut came = Vec::new();
    let _ = plain.read_to_end(&mut came);
    assert!(
        !came.starts_with(b"HTTP"),
        "{}",
        came.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    );
    is_well(server);
}
