//! This file is about requests that are refused before they were heard out: whoever goes on sending is told so all the same, and
//! in the words of the language that the request is in, even if it is none.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use super::tls;
use crate::harness::{Answer, Server, folder, parse};

/// More than the buffers of both ends of a connection hold.
const LARGE: usize = 14 << 20;

/// Sends all of it, and looks for the answer only then.
fn tell(mut stream: impl Read + Write, bytes: &[u8]) -> Answer {
    stream.write_all(bytes).expect("all of it is taken");
    let mut read = Vec::new();
    stream.read_to_end(&mut read).expect("the connection is closed, not reset");
    parse(&read).unwrap_or_else(|| panic!("no answer: {}", String::from_utf8_lossy(&read)))
}

fn over_tls(server: &Server, folder: &Path) -> impl Read + Write + use<> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(folder.join("cert.pem")).expect("a certificate");
    roots.add(certificate).expect("a certificate");
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let session = ClientConnection::new(Arc::new(config), name).expect("a session");
    let address = server.https.strip_prefix("https://").expect("it listens for TLS");
    StreamOwned::new(session, std::net::TcpStream::connect(address).expect("it listens"))
}

/// The connection was closed with what nobody had read, which resets it: the answer was lost.
#[test]
fn whoever_sends_all_of_a_refused_body_can_read_why() {
    let folder = folder();
    let server = tls::serve(folder.path(), |_| {});
    let body = "x".repeat(LARGE);
    let owner = format!("Authorization: Bearer {}\r\nContent-Type: application/json\r\n", server.owner);
    let length = format!("Content-Length: {LARGE}\r\n\r\n{body}");
    let chunked = format!("Transfer-Encoding: chunked\r\n\r\n{LARGE:x}\r\n{body}\r\n0\r\n\r\n");
    let cases = [
        (format!("POST /v1/keys/verify HTTP/1.1\r\nHost: x\r\n{owner}{length}"), 413, "too_large"),
        (format!("POST /v1/keys/verify HTTP/1.1\r\nHost: x\r\n{owner}{chunked}"), 413, "too_large"),
        (format!("POST /v1/keys HTTP/1.1\r\nHost: x\r\n{length}"), 401, "credential_missing"),
        (format!("POST /nowhere HTTP/1.1\r\nHost: x\r\n{length}"), 404, "no_route"),
        (format!("GET /v1/keys HTTP/1.1\r\nHost: x\r\nLong: {body}\r\n\r\n"), 431, "head_too_large"),
        (
            format!("POST /v1/keys HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n{body}"),
            400,
            "malformed_head",
        ),
    ];
    for (request, status, code) in cases {
        for answer in [
            tell(server.connect(), request.as_bytes()),
            tell(over_tls(&server, folder.path()), request.as_bytes()),
        ] {
            assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)));
        }
    }
}

/// What the clients of a language parse, whatever the status.
fn is_in_form(language: &str, answer: &Answer) -> bool {
    let fields = |names: &[&str]| {
        let body: Value = answer.json();
        body.as_object().is_some_and(|body| names.iter().all(|name| body.contains_key(*name)))
    };
    match language {
        "native" => {
            answer.header("content-type") == Some("application/problem+json")
                && fields(&["code", "status", "request_id"])
                && answer.json()["status"] == answer.status
        }
        "cielo24" => fields(&["ErrorType", "ErrorComment"]),
        "discue" => fields(&["status", "title"]) && answer.json()["status"] == answer.status,
        "intserv" => fields(&["error", "message"]),
        "resolver" => fields(&["statusCode", "error", "message"]),
        "encedo" => {
            answer.body.is_empty()
                && answer.header("content-length") == Some("0")
                && answer.header("content-type") == Some("application/json")
        }
        other => panic!("{other}"),
    }
}

#[test]
fn what_is_no_request_is_refused_in_the_language_of_its_path() {
    let folder = folder();
    let server = Server::configured(folder.path(), |config| {
        config.insert("hosts".to_owned(), toml::toml! { "resolver.example" = "resolver" }.into());
    });
    let languages = [
        ("native", "/v1/keys", "x"),
        ("cielo24", "/api/account/verify_key?v=1", "x"),
        ("discue", "/queues", "x"),
        ("intserv", "/v1/accesskeys/add", "x"),
        ("resolver", "/user/apiKey", "x"),
        ("encedo", "/api/system/version", "x"),
        ("resolver", "/anywhere", "resolver.example"),
    ];
    let long = "x".repeat(20_000);
    let many = "A: b\r\n".repeat(100);
    for (language, path, host) in languages {
        let faults = [
            (format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nNo Name: x\r\n\r\n"), 400),
            (format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: -1\r\n\r\n"), 400),
            (format!("GET {path} HTTP/9.9\r\nHost: {host}\r\n\r\n"), 400),
            (format!("GET {path}<> HTTP/1.1\r\nHost: {host}\r\n\u{0}: x\r\n\r\n"), 400),
            (format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nLong: {long}\r\n\r\n"), 431),
            (format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{many}\r\n"), 431),
        ];
        for (head, status) in faults {
            // On a connection of its own, and after a request that was one.
            for before in ["", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"] {
                let mut stream = server.connect();
                if !before.is_empty() {
                    stream.write_all(before.as_bytes()).expect("it takes it");
                    let mut first = Vec::new();
                    while !first.ends_with(b"\r\n\r\nok\n") {
                        let mut byte = [0];
                        stream.read_exact(&mut byte).expect("an answer");
                        first.extend(byte);
                    }
                }
                let answer = tell(stream, head.as_bytes());
                let beginning = head.get(..60).unwrap_or(&head);
                assert_eq!(answer.status, status, "{beginning}: {answer:?}");
                assert!(is_in_form(language, &answer), "{language}: {beginning}: {answer:?}");
                assert_eq!(answer.header("cache-control"), Some("no-store"));
                assert_eq!(answer.header("connection"), Some("close"));
                assert!(answer.header("date").is_some());
            }
        }
    }
    // No path was read.
    for head in ["\u{1}\r\n\r\n", "GARBAGE\r\n\r\n", "G\u{0}T /queues HTTP/1.1\r\n\r\n"] {
        let answer = tell(server.connect(), head.as_bytes());
        assert!(answer.status == 400, "{head:?}: {answer:?}");
    }
    let garbage = tell(server.connect(), b"GARBAGE\r\n\r\n");
    assert!(is_in_form("native", &garbage), "{garbage:?}");
    let asked = tell(server.connect(), b"HEAD /v1/keys HTTP/1.1\r\nHost: x\r\nNo Name: x\r\n\r\n");
    assert_eq!((asked.status, &*asked.body), (400, ""));
}
