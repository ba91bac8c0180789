//! This file is about a client that keeps its connection, as a busy gateway would, and about chance.

use std::hash::BuildHasher as _;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use crate::harness::{Answer, Server, parse};

/// One connection, one request after the other.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    secret: String,
}

impl Client {
    /// Connects with the owner's secret.
    pub(crate) fn new(server: &Server) -> Self {
        let stream = server.connect();
        stream.set_nodelay(true).expect("a socket option");
        Self { stream: BufReader::new(stream), secret: server.owner.clone() }
    }

    /// Connects; an error if the server is gone.
    pub(crate) fn connect(address: &str, secret: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), secret: secret.to_owned() })
    }

    /// Sends a request and reads its answer. An error is a connection that ended: what was asked may be done.
    pub(crate) fn call(&mut self, method: &str, path: &str, body: Option<&Value>) -> io::Result<Answer> {
        self.send(method, path, body)?;
        self.receive()
    }

    /// Sends a request.
    pub(crate) fn send(&mut self, method: &str, path: &str, body: Option<&Value>) -> io::Result<()> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            self.secret,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())
    }

    /// Asks for events as they happen, and reads that they are coming.
    pub(crate) fn follow(&mut self, path: &str) -> io::Result<()> {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nAccept: text/event-stream\r\n\r\n",
            self.secret
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        while !line.starts_with("data:") {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    /// Reads the next answer.
    pub(crate) fn receive(&mut self) -> io::Result<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if self.stream.read_until(b'\n', &mut head)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let mut answer = parse(&head).expect("a head");
        let length = answer.header("content-length").map_or(0, |text| text.parse().expect("a length"));
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        answer.body = String::from_utf8(body).expect("text");
        Ok(answer)
    }

    /// Asks whether a secret is valid.
    pub(crate) fn accepts(&mut self, secret: &str) -> io::Result<bool> {
        let answer = self.call("POST", "/v1/keys/verify", Some(&serde_json::json!({ "secret": secret })))?;
        assert_eq!(answer.status, 200, "{}", answer.body);
        Ok(answer.json()["valid"].as_bool().expect("a verdict"))
    }

    /// What a key that never leaves makes of an empty message; nothing if it is removed.
    pub(crate) fn signs(&mut self, id: &str) -> io::Result<Option<String>> {
        let ask = serde_json::json!({ "scheme": "Ed25519", "message": "" });
        let answer = self.call("POST", &format!("/v1/keys/{id}/sign"), Some(&ask))?;
        assert!(matches!(answer.status, 200 | 410), "{}", answer.body);
        Ok(answer.json()["signature"].as_str().map(str::to_owned))
    }
}

/// What asks for a key that [`Client::signs`].
pub(crate) fn signing_key(name: &str) -> Value {
    let crypto = serde_json::json!({ "algorithm": "Ed25519", "usages": ["sign"] });
    serde_json::json!({ "kind": "crypto", "name": name, "crypto": crypto })
}

/// Chance that can be had again: `SplitMix64` from a seed that is printed.
pub(crate) struct Dice(u64);

impl Dice {
    /// Draws a seed, or takes the one in `KEYWARD_SEED`, and says which.
    #[expect(clippy::print_stderr, reason = "the seed of a failure must be seen")]
    pub(crate) fn new(test: &str) -> Self {
        let drawn = || std::collections::hash_map::RandomState::new().hash_one(test);
        let given = std::env::var("KEYWARD_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(drawn);
        eprintln!("{test}: run it again with KEYWARD_SEED={seed}");
        Self(seed)
    }

    /// Other dice, for another thread.
    pub(crate) fn split(&mut self) -> Self {
        Self(self.next())
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("it is less than a usize")
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
