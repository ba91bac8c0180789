//! This file is about the order of judgement: transport, credential, permission, shape, existence, state. Whoever
//! may not ask learns nothing from what is said about a later step.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use keyward_dialects::native;
use serde_json::{Value, json};

use super::scene::{Scene, no, refusal};
use crate::harness::Answer;

/// A request that is wrong in every way that comes after the credential.
fn misshapen(scene: &Scene, secret: &str, method: &str, path: &str) -> Answer {
    let path = path.replace("{id}", "no-id-at-all").replace("{*tile}", "no/tile").replace("{*path}", "of");
    let method = if method == "ANY" { "PUT" } else { method };
    let credential = match secret {
        "" => String::new(),
        // A gateway's own stands beside its client's.
        _ if path.starts_with("/v1/forward-auth") => format!("Keyward-Credential: {secret}\r\n"),
        _ => format!("Authorization: Bearer {secret}\r\n"),
    };
    let headers = format!(
        "{credential}Content-Type: application/json\r\nIf-Match: nonsense\r\nIdempotency-Key: \u{fc}\r\n\
         Keyward-Header: no name\r\n"
    );
    scene.request(method, &format!("{path}?no=such"), &headers, br#"{"name":"x","name":"#)
}

#[test]
fn who_may_not_ask_learns_nothing_of_the_shape() {
    let scene = Scene::new();
    let powerless = scene.held(json!({})).secret;
    for route in native::dialect().expect("the table holds").routes {
        let (method, path) = (route.method, route.path);
        assert_eq!(
            refusal(&misshapen(&scene, "", method, path)),
            no(401, "credential_missing"),
            "{method} {path}"
        );
        let wrong = misshapen(&scene, "kw_live_nobody", method, path);
        assert_eq!(refusal(&wrong), no(401, "credential_invalid"), "{method} {path}");
        assert_eq!(
            refusal(&misshapen(&scene, &powerless, method, path)),
            no(403, "forbidden"),
            "{method} {path}"
        );
        let known = misshapen(&scene, &scene.owner, method, path);
        let one_by_one = path.ends_with("/import");
        assert!(known.status == 400 || one_by_one && known.status == 200, "{method} {path}: {}", known.body);
    }
}

/// Whoever held a stolen key sent the head of a request and waited with its body until the key was removed: then it made
/// another one.
#[test]
fn a_key_that_is_removed_while_its_request_arrives_does_nothing_any_more() {
    let scene = Scene::new();
    let stolen = scene.held(json!({ "scopes": ["keys:issue", "keys:read"] }));
    let body = json!({ "kind": "secret", "name": "a way back", "scopes": ["keys:read"] }).to_string();
    let (first, rest) = body.split_at(5);
    let host = scene.http.strip_prefix("http://").expect("plain HTTP");
    let head = format!(
        "POST /v1/keys HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Authorization: Bearer {}\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        stolen.secret,
        body.len()
    );
    let mut stream = TcpStream::connect(host).expect("it listens");
    stream.write_all(head.as_bytes()).expect("it takes it");
    // That it wants the body says that it has judged the key.
    let mut wanted = [0; 25];
    stream.read_exact(&mut wanted).expect("it goes on");
    assert_eq!(&wanted, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(first.as_bytes()).expect("it takes it");
    scene.ok("DELETE", &format!("/v1/keys/{}", stolen.id), Value::Null);
    stream.write_all(rest.as_bytes()).expect("it takes it");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert_eq!(scene.read("/v1/keys")["data"].as_array().map(Vec::len), Some(1), "the owner's alone");
}

#[test]
fn a_path_or_a_method_that_is_none_is_told_to_anybody() {
    let scene = Scene::new();
    for secret in ["", scene.owner.as_str()] {
        let of = |method: &str, path: &str| scene.call_as(secret, method, path, None);
        for path in ["/v1/key", "/v1/keys/", "/v1/keys/a/b", "/v2/keys", "/v1/log/tile", "//v1/keys"] {
            assert_eq!(refusal(&of("GET", path)), no(404, "no_route"), "{path}");
        }
        let put = of("PUT", "/v1/keys");
        assert_eq!(refusal(&put), no(405, "wrong_method"));
        let mut allowed: Vec<&str> = put.header("allow").expect("what it takes").split(", ").collect();
        allowed.sort_unstable();
        assert_eq!(allowed, ["GET", "POST"]);
    }
}

#[test]
fn a_credential_is_a_bearer_secret_and_nothing_else() {
    let scene = Scene::new();
    let ask = |header: &str| scene.request("GET", "/v1/keys", &format!("{header}\r\n"), b"");
    let owner = &scene.owner;
    assert_eq!(
        ask(&format!("Authorization: bearer {owner}")).status,
        200,
        "schemes have no case (RFC 9110, 11.1)"
    );
    let none = ask("X-Nothing: 1");
    assert_eq!(refusal(&none), no(401, "credential_missing"));
    assert!(none.header("www-authenticate").is_some_and(|value| value.starts_with("Bearer ")));
    for wrong in [
        format!("Authorization: Basic {owner}"),
        "Authorization: Bearer".to_owned(),
        "Authorization: Bearer ".to_owned(),
        format!("Authorization: Bearer {owner}x"),
        format!("Authorization: {owner}"),
        format!("Authorization: Bearer {owner} {owner}"),
    ] {
        let answer = ask(&wrong);
        assert_eq!(refusal(&answer), no(401, "credential_invalid"), "{wrong}");
        assert!(!answer.body.contains(owner.as_str()), "it is not said again");
    }
    // Two of them are not one.
    let two = ask(&format!("Authorization: Bearer {owner}\r\nAuthorization: Bearer other"));
    assert_ne!(two.status, 200, "{}", two.body);
}

#[test]
fn shape_comes_before_existence_and_existence_before_state() {
    let scene = Scene::new();
    let gone = scene.held(json!({}));
    scene.ok("DELETE", &format!("/v1/keys/{}", gone.id), Value::Null);
    let nothing = format!("/v1/keys/key_{}", "0".repeat(26));
    let gone = format!("/v1/keys/{}", gone.id);
    for path in [&nothing, &gone] {
        assert_eq!(scene.refused("PATCH", path, json!({ "nam": "x" })), no(400, "invalid_field"));
        assert_eq!(scene.refused("PATCH", path, json!({ "name": 1 })), no(400, "invalid_field"));
    }
    assert_eq!(scene.refused("PATCH", &nothing, json!({ "name": "x" })), no(404, "not_found"));
    assert_eq!(scene.refused("PATCH", &gone, json!({ "name": "x" })), no(410, "removed"));
}

#[test]
fn a_problem_names_its_request() {
    let scene = Scene::new();
    let [one, two] = [(); 2].map(|()| scene.call("GET", "/v1/nothing", None).json());
    assert_ne!(one["request_id"], two["request_id"]);
    assert_eq!(
        (&one["type"], &one["title"], &one["status"]),
        (&json!("about:blank"), &json!("Not Found"), &json!(404))
    );
}

/// `HEAD` is `GET` without the body.
#[test]
fn head_goes_where_get_goes() {
    let scene = Scene::new();
    let key = scene.held(json!({}));
    let answer = scene.call("HEAD", &format!("/v1/keys/{}", key.id), None);
    assert_eq!((answer.status, answer.header("etag"), answer.body.as_str()), (200, Some("\"1\""), ""));
    assert_eq!(scene.call("HEAD", "/v1/keys/key_1", None).status, 400);
}

/// A stranger could tell calls from paths that are none, and what is spoken from what is not, without a key.
#[test]
fn a_stranger_to_a_vendors_language_is_told_of_no_call() {
    let scene = Scene::new();
    let keyless = scene.held(json!({ "scopes": ["intserv:app"] })).secret;
    let owner = scene.owner.clone();
    let asks: [(&str, &str, &str, u16, u16); 8] = [
        ("X-API-KEY", "GET", "/v1/listeners", 401, 501),
        ("X-API-KEY", "GET", "/v1/api_keys/x/y", 401, 404),
        ("X-API-KEY", "PATCH", "/v1/api_keys", 401, 405),
        ("x-api-key", "GET", "/user/nothing", 403, 404),
        ("x-api-key", "GET", "/data", 403, 404),
        ("x-api-key", "PATCH", "/user/apiKey/7", 403, 405),
        ("Authorization", "POST", "/v1/accesskeys/list", 401, 404),
        ("Authorization", "GET", "/v1/accesskeys/add", 401, 405),
    ];
    for (field, method, path, anonymous, known) in asks {
        let scheme = if field == "Authorization" { "Bearer " } else { "" };
        let status = |secret: &str| {
            let line = format!("{field}: {scheme}{secret}\r\n");
            scene.request(method, path, if secret.is_empty() { "" } else { &line }, b"").status
        };
        assert_eq!([status(""), status("kw_live_nobody")], [anonymous, 401], "{method} {path}");
        assert_eq!([status(&owner), status(&keyless)], [known, known], "{method} {path}");
    }
}

/// Whoever may not ask was told first that an answer in this form is not to be had.
#[test]
fn what_discues_clients_take_is_judged_after_who_may_ask() {
    let scene = Scene::new();
    let powerless = scene.held(json!({})).secret;
    for (method, path, body) in [
        ("GET", "/v1/queues", ""),
        ("POST", "/v1/queues", "{"),
        ("GET", "/v1/api_keys", ""),
        ("DELETE", "/v1/api_keys/x", ""),
    ] {
        let status = |secret: &str| {
            let line = format!("X-API-KEY: {secret}\r\nAccept: text/html\r\n");
            scene.request(method, path, &line, body.as_bytes()).status
        };
        assert_eq!([status("kw_live_nobody"), status(&powerless)], [401, 403], "{method} {path}");
    }
    let line = format!("X-API-KEY: {}\r\nAccept: text/html\r\n", scene.owner);
    assert_eq!(scene.request("GET", "/v1/queues", &line, b"").status, 406);
}

/// Both languages have the path, and nobody can tell whose client forgot its key.
#[test]
fn who_asks_for_events_with_no_key_is_refused_in_words_that_both_languages_have() {
    let scene = Scene::new();
    let refused = scene.request("GET", "/v1/events", "", b"");
    assert_eq!(refused.status, 401);
    assert_eq!((&refused.json()["status"], refused.json()["title"].is_string()), (&json!(401), true));
    let signed = scene.request("GET", "/v1/events", "X-API-KEY: nobody\r\n", b"");
    assert_eq!((signed.status, signed.json()), (401, json!({ "title": "Unauthorized", "status": 401 })));
}
