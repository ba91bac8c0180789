//! The four sample programs of the vendor's page, which remove a key: their requests as they are on the wire, and what they
//! make of the answer.

use std::io::{Read as _, Write as _};

use serde_json::json;

use super::super::scene::Scene;
use super::{first, made, status};
use crate::harness::{Answer, Server, parse};

/// curl 7.88.
const CURL: &str = "DELETE {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: curl/7.88.1\r\n\
    Accept: application/json\r\nX-API-KEY: {key}\r\n\r\n";
/// `fetch` of Node.
const FETCH: &str = "DELETE {path} HTTP/1.1\r\nhost: {host}\r\nconnection: keep-alive\r\n\
    Accept: application/json\r\nX-API-KEY: {key}\r\naccept-language: *\r\nsec-fetch-mode: cors\r\nuser-agent: node\r\n\
    accept-encoding: gzip, deflate\r\n\r\n";
/// requests 2 of Python.
const REQUESTS: &str = "DELETE {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: python-requests/2.34.2\r\n\
    Accept-Encoding: gzip, deflate\r\nAccept: application/json\r\nConnection: keep-alive\r\nX-API-KEY: {key}\r\n\
    Content-Length: 0\r\n\r\n";
/// `net/http` of Go; this sample sends a body, without saying of what type.
const GO: &str = "DELETE {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Go-http-client/1.1\r\n\
    Content-Length: 7\r\nAccept: application/json\r\nX-API-KEY: {key}\r\nAccept-Encoding: gzip\r\n\r\njsonReq";

/// Sends bytes, and reads one answer from a connection that stays open.
fn exchange(server: &Server, bytes: &str) -> Answer {
    let mut stream = server.connect();
    stream.write_all(bytes.as_bytes()).expect("it is sent");
    let mut read = Vec::new();
    let mut part = [0; 4096];
    loop {
        let count = stream.read(&mut part).expect("an answer");
        assert!(count > 0, "closed: {}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&part[..count]);
        let answer = parse(&read);
        let is_whole = |answer: &Answer| {
            answer.header("content-length").and_then(|length| length.parse().ok()) == Some(answer.body.len())
        };
        if let Some(answer) = answer.filter(is_whole) {
            return answer;
        }
    }
}

#[test]
fn the_sample_programs_remove_keys() {
    let scene = Scene::demo();
    let admin = first(&scene);
    for program in [CURL, FETCH, REQUESTS, GO] {
        let (path, key) = made(&scene, &admin, &json!({ "name": "sample" }));
        assert_eq!(status(&scene, &key, "GET", "/v1/queues"), 200);
        let host = scene.http.trim_start_matches("http://");
        let request =
            |key: &str| program.replace("{path}", &path).replace("{host}", host).replace("{key}", key);
        let refused = exchange(&scene, &request("API_KEY"));
        assert_eq!(
            (refused.status, refused.json()),
            (401, json!({ "title": "Unauthorized", "status": 401 }))
        );
        let removed = exchange(&scene, &request(&admin));
        assert_eq!(
            (removed.status, removed.json()),
            (200, json!({ "_links": { "self": { "href": path } } }))
        );
        assert_eq!(status(&scene, &key, "GET", "/v1/queues"), 401, "{program}");
        let again = exchange(&scene, &request(&admin));
        assert_eq!((again.status, again.json()), (404, json!({ "title": "Not Found", "status": 404 })));
    }
}
