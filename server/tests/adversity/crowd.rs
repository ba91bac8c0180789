//! This file is about many: ten thousand connections that do nothing, and one address that guesses.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::json;

use super::client::Client;
use crate::harness::{Answer, Server, eventually, folder, parse};

const IDLE: u64 = 10_000;
/// Descriptors that a process needs besides.
const OTHERS: u64 = 500;

#[test]
#[expect(clippy::print_stderr, reason = "a test that did not run must be seen")]
fn ten_thousand_idle_connections_keep_nobody_waiting() {
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(0);
    if limit < IDLE + OTHERS {
        eprintln!("NOT TESTED: {IDLE} connections need more descriptors than this system's limit of {limit}");
        return;
    }
    let folder = folder();
    let server = Server::configured(folder.path(), |config| {
        let limits = config["limits"].as_table_mut().expect("a table");
        limits.insert("head_seconds".to_owned(), 600.into());
        limits.insert("shutdown_seconds".to_owned(), 1.into());
    });
    let (_, secret) = server.issue("in a crowd");
    let idle: Vec<TcpStream> = (0..IDLE)
        .map(|number| {
            let mut stream = server.connect();
            // Every other one has begun a request and thinks.
            if number % 2 == 0 {
                stream.write_all(b"GET /healthz HTTP/1.1\r\nHo").expect("it takes it");
            }
            stream
        })
        .collect();
    eventually("that the server counts them", || {
        let metrics = server.metrics();
        let count =
            metrics.lines().find_map(|line| line.strip_prefix("keyward_connections ")?.parse::<u64>().ok());
        (count? >= IDLE).then_some(())
    });
    let mut client = Client::new(&server);
    for _ in 0..500 {
        assert!(client.accepts(&secret).expect("an answer"));
        assert_eq!(server.verify(&secret)["valid"], true);
    }
    // And one of those that thought goes on.
    let mut thinker = &idle[0];
    thinker.write_all(b"st: x\r\nConnection: close\r\n\r\n").expect("it takes it");
    let mut came = Vec::new();
    thinker.read_to_end(&mut came).expect("an answer");
    assert_eq!(parse(&came).map(|answer| answer.status), Some(200));
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn whoever_finds_no_room_waits_until_the_idle_are_sent_away() {
    let folder = folder();
    let server = Server::configured(folder.path(), |config| {
        let limits = config["limits"].as_table_mut().expect("a table");
        limits.insert("connections".to_owned(), 8.into());
        limits.insert("head_seconds".to_owned(), 1.into());
    });
    let idle: Vec<TcpStream> = (0..20).map(|_| server.connect()).collect();
    assert_eq!(server.request("GET", "/healthz", "", b"").status, 200);
    drop(idle);
    assert_eq!(server.stop().code(), Some(0));
}

/// A request from one of this machine's own addresses.
fn from(server: &Server, address: &str, secret: &str) -> Answer {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let connected = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind(format!("{address}:0").parse().expect("an address"))?;
        socket
            .connect(server.http.trim_start_matches("http://").parse().expect("an address"))
            .await?
            .into_std()
    });
    let mut stream: TcpStream = connected.expect("it listens");
    stream.set_nonblocking(false).expect("a socket option");
    let request = format!(
        "GET /v1/keys HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {secret}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("it takes it");
    let mut came = Vec::new();
    stream.read_to_end(&mut came).expect("an answer");
    parse(&came).expect("an answer")
}

/// Guesses until it is told to wait; how often it was let.
fn guess(server: &Server, address: &str, wrong: impl Fn(usize) -> String) -> (usize, Answer) {
    for count in 0..300 {
        let answer = from(server, address, &wrong(count));
        if answer.status != 401 {
            return (count, answer);
        }
    }
    panic!("it may guess for ever");
}

#[test]
fn an_address_that_guesses_is_told_to_wait_and_others_are_not() {
    let folder = folder();
    let server = Server::configured(folder.path(), |_| {});
    let issued = json!({ "kind": "secret", "name": "holder", "scopes": ["keys:read"] });
    let issued = server.call("POST", "/v1/keys", Some(issued)).json();
    let secret = issued["secret"].as_str().expect("text").to_owned();

    let (let_in, told) = guess(&server, "127.0.0.2", |count| format!("a-wrong-credential-{count}"));
    // 60 in a minute, and as many again if a new minute began in between.
    assert!((60..=120).contains(&let_in), "{let_in}");
    assert_eq!((told.status, told.json()["code"].as_str()), (429, Some("too_many_guesses")));
    let wait: u64 =
        told.header("retry-after").and_then(|text| text.parse().ok()).expect("a number of seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    // It may be a gateway with many behind it, of whom one presents a key that was removed: who has a key is let in.
    assert_eq!(from(&server, "127.0.0.2", &server.owner).status, 200);
    assert_eq!(from(&server, "127.0.0.2", "a-wrong-credential").status, 429);
    // Elsewhere nothing has changed.
    assert_eq!(from(&server, "127.0.0.3", &server.owner).status, 200);
    assert_eq!(from(&server, "127.0.0.3", "a-wrong-credential").status, 401);

    // Guesses at one key, from several addresses, do not stop its holder at another.
    let end = secret.len() - 8;
    for address in ["127.0.0.4", "127.0.0.5"] {
        let (_, told) = guess(&server, address, |count| format!("{}{count:08}", &secret[..end]));
        assert_eq!(told.status, 429);
    }
    assert_eq!(from(&server, "127.0.0.6", &secret).status, 200);
    assert_eq!(server.stop().code(), Some(0));
}
