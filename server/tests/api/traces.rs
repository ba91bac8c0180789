//! What a collector is told: each request and each command in it, and nothing that is secret or a client's own words.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use crate::harness::{Server, folder};

/// The trace that a client says its request is part of, and the span in it.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

#[test]
fn requests_and_their_commands_are_told_and_nothing_secret() {
    let (address, bodies) = collector("200 OK");
    let folder = folder();
    let server = tracing(&folder, address, 1.0);
    let (id, secret) = server.issue("a name nobody is told");
    assert_eq!(server.verify(&secret)["key_id"], id.as_str());
    let with_parent =
        format!("Authorization: Bearer {}\r\nTraceparent: 00-{TRACE}-{PARENT}-01\r\n", server.owner);
    assert_eq!(server.request("DELETE", &format!("/v1/keys/{id}"), &with_parent, b"").status, 204);
    // Where a secret does not belong, and a method and a path of a client's own words.
    assert_eq!(server.request(&secret, &format!("/{secret}?key={secret}"), "", b"").status, 404);
    let owner = server.owner.clone();
    assert_eq!(server.stop().code(), Some(0));

    let bodies: Vec<Vec<u8>> = bodies.try_iter().collect();
    for word in [&owner, &secret, &id, "nobody is told", "127.0.0.1"] {
        let is_told = bodies.iter().any(|body| body.windows(word.len()).any(|part| part == word.as_bytes()));
        assert!(!is_told, "told of {word}");
    }
    let spans = spans(&bodies);
    let removal = named(&spans, "DELETE /v1/keys/{id}");
    assert_eq!((hex(&removal.trace_id), hex(&removal.parent_span_id)), (TRACE.to_owned(), PARENT.to_owned()));
    assert_eq!(said(removal, "http.response.status_code"), Some(Any::IntValue(204)));
    assert_eq!(said(removal, "keyward.dialect"), Some(Any::StringValue("native".to_owned())));
    let command = named(&spans, "remove");
    assert_eq!((&command.trace_id, &command.parent_span_id), (&removal.trace_id, &removal.span_id));
    assert!(command.end_time_unix_nano >= command.start_time_unix_nano);
    let verify = named(&spans, "POST /v1/keys/verify");
    assert!(verify.parent_span_id.is_empty() && verify.trace_id != removal.trace_id);
    let stray = named(&spans, "another one");
    assert_eq!(said(stray, "http.route"), None);
}

#[test]
fn what_is_not_wanted_is_not_told() {
    let (address, bodies) = collector("200 OK");
    let folder = folder();
    let server = tracing(&folder, address, 0.0);
    server.issue("unseen");
    let wanted = format!("Authorization: Bearer {}\r\nTraceparent: 00-{TRACE}-{PARENT}-01\r\n", server.owner);
    assert_eq!(server.request("GET", "/v1/keys", &wanted, b"").status, 200);
    assert_eq!(server.stop().code(), Some(0));
    let spans = spans(&bodies.try_iter().collect::<Vec<_>>());
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["list", "GET /v1/keys"]);
}

#[test]
fn a_collector_that_takes_nothing_holds_nobody_up() {
    let (address, bodies) = collector("503 Service Unavailable");
    drop(bodies);
    let folder = folder();
    let server = tracing(&folder, address, 1.0);
    let (_, secret) = server.issue("told to nobody");
    assert_eq!(server.verify(&secret)["valid"], true);
    let log = folder.path().join("stderr.log");
    assert_eq!(server.stop().code(), Some(0));
    let log = std::fs::read_to_string(log).expect("a log");
    assert!(log.contains("the collector does not take traces"), "{log}");
}

fn tracing(folder: &tempfile::TempDir, collector: SocketAddr, ratio: f64) -> Server {
    Server::configured(folder.path(), |config| {
        let endpoint = format!("http://{collector}/v1/traces");
        config.insert(
            "traces".to_owned(),
            toml::Table::from_iter([
                ("endpoint".to_owned(), endpoint.into()),
                ("ratio".to_owned(), ratio.into()),
            ])
            .into(),
        );
    })
}

/// A collector that gives this status to whatever comes, and what comes. It ends with the test.
fn collector(status: &'static str) -> (SocketAddr, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (sender, bodies) = channel();
    std::thread::spawn(move || {
        // Whoever asks for what came hangs up.
        while let Ok((stream, _)) = listener.accept() {
            take(stream, status, &sender);
        }
    });
    (address, bodies)
}

fn spans(bodies: &[Vec<u8>]) -> Vec<Span> {
    let requests =
        bodies.iter().map(|body| ExportTraceServiceRequest::decode(body.as_slice()).expect("OTLP"));
    let scopes =
        requests.flat_map(|request| request.resource_spans).flat_map(|resource| resource.scope_spans);
    scopes.flat_map(|scope| scope.spans).collect()
}

fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let names = || spans.iter().map(|span| span.name.as_str()).collect::<Vec<_>>();
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name} in {:?}", names()))
}

/// What a span says under this name.
fn said(span: &Span, name: &str) -> Option<Any> {
    span.attributes.iter().find(|attribute| attribute.key == name)?.value.clone()?.value
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn take(stream: TcpStream, status: &str, bodies: &Sender<Vec<u8>>) {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).expect("a line") == 0 {
            return;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let _ = bodies.send(body);
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    reader.get_mut().write_all(answer.as_bytes()).expect("an answer");
}
