//! The gateway of the SDK's examples: what is open ends with its key.

#[path = "../../../../client/examples/gateway/lines.rs"]
mod lines;
#[path = "../../../../client/examples/gateway/proxy.rs"]
mod proxy;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use keyward_client::{Needs, Removed, VerifierOptions};
use serde_json::{Value, json};

use self::lines::Lines;
use self::proxy::Gateway;
use super::super::scene::{Held, Scene};
use super::{client, joined, joining, runtime};

const PATIENCE: Duration = Duration::from_secs(30);

/// A gateway before a server that is played by hand.
struct Passage {
    address: SocketAddr,
    upstream: TcpListener,
}

fn passage(runtime: &tokio::runtime::Runtime, scene: &Scene) -> Passage {
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a port");
    let to = upstream.local_addr().expect("an address");
    let (client, scopes) = (client(scene, &joining(scene).secret), ["orders:read".to_owned()]);
    let address = runtime.block_on(async {
        let gateway =
            Gateway::new(client, VerifierOptions::named("gateway"), &scopes, to).expect("it starts");
        tokio::time::timeout(PATIENCE, gateway.ready()).await.expect("it joins");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { gateway.serve(listener).await });
        address
    });
    Passage { address, upstream }
}

impl Passage {
    /// Sends a request through the gateway.
    fn ask(&self, by: &Held, fields: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        let head = format!(
            "GET /events HTTP/1.1\r\nHost: x\r\nX-API-Key: {}\r\nKeyward-Key-Id: me\r\n{fields}\r\n",
            by.secret
        );
        stream.write_all(head.as_bytes()).expect("it is sent");
        stream
    }

    /// The server's side of it, and the head that came there.
    fn accept(&self) -> (TcpStream, String) {
        let (mut stream, _) = self.upstream.accept().expect("it comes");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        let head = read_until(&mut stream, "\r\n\r\n");
        (stream, head)
    }

    /// Opens a stream of events, on which one has come.
    fn open(&self, by: &Held) -> (TcpStream, TcpStream) {
        let mut client = self.ask(by, "");
        let (mut server, head) = self.accept();
        assert!(head.contains(&by.id) && !head.contains(&by.secret) && !head.contains(": me"), "{head}");
        say(&mut server, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: first\n\n");
        read_until(&mut client, "data: first");
        (client, server)
    }
}

fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let (mut read, mut byte) = (String::new(), [0]);
    while !read.contains(end) {
        stream.read_exact(&mut byte).unwrap_or_else(|error| panic!("{error} after {read:?}"));
        read.push(char::from(byte[0]));
    }
    read
}

/// Says it to whoever still listens.
fn say(stream: &mut TcpStream, text: &str) {
    let _ = stream.write_all(text.as_bytes());
}

/// What comes until the other side has hung up.
fn rest(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    match stream.read_to_end(&mut read) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "it goes on"),
    }
    String::from_utf8_lossy(&read).into_owned()
}

#[test]
fn an_open_stream_ends_before_the_removal_of_its_key_is_answered() {
    let (scene, runtime) = (Scene::new(), runtime());
    let passage = passage(&runtime, &scene);
    let [key, other] = [(); 2].map(|()| scene.held(json!({ "scopes": ["orders:read"] })));
    let (mut cut, mut upstream) = passage.open(&key);
    let (mut kept, mut others) = passage.open(&other);
    scene.ok("DELETE", &format!("/v1/keys/{}", key.id), Value::Null);
    // Whatever the server says from the answer on does not arrive.
    say(&mut upstream, "data: second\n\n");
    assert!(!rest(&mut cut).contains("second"));
    assert!(read_until(&mut passage.ask(&key, ""), "\r\n\r\n").starts_with("HTTP/1.1 401"));
    say(&mut others, "data: second\n\n");
    read_until(&mut kept, "data: second");
}

#[test]
fn a_tunnel_ends_when_its_account_is_suspended() {
    let (scene, runtime) = (Scene::new(), runtime());
    let passage = passage(&runtime, &scene);
    let account = scene.account(None, "member", "theirs");
    let key = scene.held(json!({ "scopes": ["orders:read"], "account_id": account }));
    let mut client = passage.ask(&key, "Connection: upgrade\r\nUpgrade: websocket\r\n");
    let (mut server, head) = passage.accept();
    assert!(head.to_ascii_lowercase().contains("upgrade: websocket"), "{head}");
    say(&mut server, "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
    read_until(&mut client, "\r\n\r\n");
    say(&mut client, "ping");
    read_until(&mut server, "ping");
    say(&mut server, "pong");
    read_until(&mut client, "pong");
    scene.ok("PATCH", &format!("/v1/accounts/{account}"), json!({ "suspended": true }));
    say(&mut server, "more");
    assert_eq!(rest(&mut client), "");
}

#[test]
fn open_streams_end_when_the_lease_does() {
    let (scene, runtime) = (Scene::new(), runtime());
    let passage = passage(&runtime, &scene);
    let key = scene.held(json!({ "scopes": ["orders:read"] }));
    let (mut client, _server) = passage.open(&key);
    scene.signal("STOP");
    assert_eq!(rest(&mut client).trim(), "");
    scene.signal("CONT");
}

#[test]
fn what_is_removed_while_its_request_is_judged_is_not_carried() {
    let (scene, runtime) = (Scene::new(), runtime());
    let [key, other] = [(); 2].map(|()| scene.held(json!({})));
    let verifier = joined(&runtime, &scene, &joining(&scene), VerifierOptions::named("gateway"));
    let valid = |held: &Held| verifier.verify(&held.secret, &Needs::default()).valid().expect("it is live");
    let (key, other) = (valid(&key), valid(&other));
    let (lines, listener) = (Lines::default(), TcpListener::bind("127.0.0.1:0").expect("a port"));
    let line =
        lines.open(TcpStream::connect(listener.local_addr().expect("an address")).expect("it listens"));
    line.begin();
    lines.removed(Removed::Key(key.id()));
    assert!(!line.carry(&key));
    assert!(line.carry(&other));
    line.begin();
    assert!(line.carry(&key), "removals of before it began are the judgement's matter");
    line.begin();
    lines.removed(Removed::Owner(key.account().bits()));
    assert!(!line.carry(&key));
}
