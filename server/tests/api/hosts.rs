//! This file is about hosts that have a language of their own: there, every path is in it.

use serde_json::{Value, json};

use super::scene::Scene;
use crate::harness::Answer;

/// What a host answers to this request of nobody.
fn at(scene: &Scene, host: &str, method: &str, path: &str) -> Answer {
    scene.request(method, path, &format!("Host: {host}\r\n"), b"")
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
    // To strangers two of them do not even say which calls there are.
    let known = format!("X-API-KEY: {}\r\n", scene.owner);
    let asked = |host: &str, method: &str, path: &str, headers: &str| {
        scene.request(method, path, &format!("Host: {host}\r\n{headers}"), b"")
    };
    for path in ["/nothing", "/v1/keys", "/user/users/me", "/api/nothing"] {
        let (stranger, owner) =
            (("discue.example", "GET", path, ""), ("discue.example", "GET", path, &*known));
        for ((host, method, path, headers), status, title) in
            [(stranger, 401, "Unauthorized"), (owner, 404, "Not Found")]
        {
            let answer = asked(host, method, path, headers);
            assert_eq!(answer.json(), json!({ "title": title, "status": status }), "{path}");
            assert_eq!(answer.status, status, "{path}");
        }
    }
    for path in ["/", "/v1/keys", "/api_keys"] {
        for (headers, status) in [("", 403), (&*known, 404)] {
            let answer = asked("resolver.example", "GET", path, headers);
            assert_eq!((answer.status, &answer.json()["statusCode"]), (status, &json!(status)), "{path}");
        }
    }
    for path in ["/", "/api_keys", "/user/users/me"] {
        let answer = asked("native.example", "GET", path, "");
        assert_eq!((answer.status, &answer.json()["code"]), (404, &json!("no_route")), "{path}");
    }
    assert_eq!(in_discue(&asked("discue.example", "PATCH", "/v1/queues", "")), Some(401));
    assert_eq!(in_discue(&asked("discue.example", "PATCH", "/v1/queues", &known)), Some(405));
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
    for host in ["discue.example", "DISCUE.Example", "discue.example:8443"] {
        assert_eq!(at(&scene, host, "GET", "/").json(), json!({ "status": "ok" }), "{host}");
    }
    // RFC 9112, section 3.2.2: the host of the target counts, where it has one.
    assert_eq!(at(&scene, "localhost", "GET", "http://discue.example/").json(), json!({ "status": "ok" }));
    for host in ["localhost", "example", "x.discue.example", "discue.example.org", "discue.example@x", ""] {
        assert_eq!(in_discue(&at(&scene, host, "GET", "/")), None, "{host}");
    }
}

#[test]
fn our_own_pages_are_on_every_host() {
    let scene = Scene::with_hosts();
    for host in ["discue.example", "resolver.example", "encedo.example", "native.example", "localhost"] {
        for page in ["/healthz", "/readyz", "/openapi.json"] {
            assert_eq!(at(&scene, host, "GET", page).status, 200, "{host}{page}");
        }
        let headers = format!("Host: {host}\r\nAuthorization: Bearer {}\r\n", scene.owner);
        assert_eq!(scene.request("GET", "/metrics", &headers, b"").status, 200, "{host}");
    }
    let document: Value = at(&scene, "discue.example", "GET", "/openapi.json").json();
    assert!(document["paths"]["/v1/keys"].is_object());
}
