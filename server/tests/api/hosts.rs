//! This file is about hosts that have a language of their own: there, every path is in it.

use serde_json::{Value, json};

use super::scene::Scene;
use crate::harness::Answer;

/// What a host answers to this request of nobody.
fn at(scene: &Scene, host: &str, method: &str, path: &str) -> Answer {
    scene.request(method, path, &format!("Host: {host}\r\n"), b"")
}

/// What it answers to who may know which calls there are.
fn known_at(scene: &Scene, host: &str, method: &str, path: &str) -> Answer {
    scene.request(method, path, &format!("Host: {host}\r\nX-API-KEY: {}\r\n", scene.owner), b"")
}

/// What a host answers, if it is an error of discue's.
fn in_discue(answer: &Answer) -> Option<u16> {
    let body = answer.json();
    let is_theirs =
        body["title"].is_string() && body["status"] == answer.status && body.get("code").is_none();
    is_theirs.then_some(answer.status)
}

#[test]
fn every_answer_of_a_host_is_in_its_language() {
    let scene = Scene::with_hosts();
    let not_there = |host: &str, path: &str| {
        let answer = known_at(&scene, host, "GET", path);
        assert_eq!(answer.status, 404, "{host}{path}: {}", answer.body);
        answer.json()
    };
    for path in ["/nothing", "/v1/keys", "/user/users/me", "/api/nothing", "/openapi.json"] {
        assert_eq!(
            not_there("discue.example", path),
            json!({ "title": "Not Found", "status": 404 }),
            "{path}"
        );
    }
    for path in ["/", "/v1/keys", "/api_keys"] {
        assert_eq!(not_there("resolver.example", path)["statusCode"], 404, "{path}");
    }
    for path in ["/", "/api_keys", "/user/users/me"] {
        assert_eq!(not_there("native.example", path)["code"], "no_route", "{path}");
    }
    let wrong_method = known_at(&scene, "discue.example", "PATCH", "/v1/queues");
    assert_eq!(in_discue(&wrong_method), Some(405));
    let stranger = at(&scene, "discue.example", "GET", "/nothing");
    assert_eq!(in_discue(&stranger), Some(401), "a stranger is not told which calls there are");
    for host in ["cielo24", "encedo", "intserv"] {
        let [there, elsewhere] = [format!("{host}.example"), "localhost".to_owned()]
            .map(|host| at(&scene, &host, "GET", "/v1/keys"));
        assert_ne!((there.status, there.body), (elsewhere.status, elsewhere.body), "{host}");
    }
}

/// It is a path of our own language, too, and that is what a request without `X-API-KEY` was answered in.
#[test]
fn events_are_discues_on_its_host_whoever_asks() {
    let scene = Scene::with_hosts();
    assert_eq!(in_discue(&at(&scene, "discue.example", "GET", "/v1/events")), Some(401));
    assert_eq!(in_discue(&at(&scene, "localhost", "GET", "/v1/events")), None);
    let events = |headers: &str| {
        scene.request("GET", "/v1/events", &format!("Host: discue.example\r\n{headers}"), b"")
    };
    assert_eq!(in_discue(&events(&format!("Authorization: Bearer {}\r\n", scene.owner))), Some(401));
    let both = events(&format!("Authorization: x\r\nX-API-KEY: {}\r\n", scene.owner));
    assert!(both.status == 200 && both.json()["events"].is_array(), "{}", both.body);
}

#[test]
fn a_host_is_the_same_in_any_case_and_on_any_port() {
    let scene = Scene::with_hosts();
    for host in
        ["discue.example", "DISCUE.Example", "discue.example:8443", "discue.example.", "discue.example.:8443"]
    {
        assert_eq!(at(&scene, host, "GET", "/").json(), json!({ "status": "ok" }), "{host}");
    }
    // RFC 9112, section 3.2.2: the host of the target counts, where it has one.
    assert_eq!(at(&scene, "localhost", "GET", "http://discue.example/").json(), json!({ "status": "ok" }));
    for host in [
        "localhost",
        "example",
        "x.discue.example",
        "discue.example.org",
        "discue.example@x",
        "discue.example..",
        "",
    ] {
        assert_eq!(in_discue(&at(&scene, host, "GET", "/")), None, "{host}");
    }
}

#[test]
fn our_own_pages_are_on_every_host() {
    let scene = Scene::with_hosts();
    for host in ["discue.example", "resolver.example", "encedo.example", "native.example", "localhost"] {
        for page in ["/healthz", "/readyz"] {
            assert_eq!(at(&scene, host, "GET", page).status, 200, "{host}{page}");
        }
        let headers = format!("Host: {host}\r\nAuthorization: Bearer {}\r\n", scene.owner);
        assert_eq!(scene.request("GET", "/metrics", &headers, b"").status, 200, "{host}");
    }
    for host in ["native.example", "localhost"] {
        let document: Value = at(&scene, host, "GET", "/openapi.json").json();
        assert!(document["paths"]["/v1/keys"].is_object(), "{host}");
    }
    // It says nothing of what is spoken there.
    assert_eq!(in_discue(&at(&scene, "discue.example", "GET", "/openapi.json")), Some(401));
    assert_eq!(at(&scene, "resolver.example", "GET", "/openapi.json").json()["statusCode"], 403);
}
