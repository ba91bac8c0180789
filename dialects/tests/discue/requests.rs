//! Which requests are in this language, and how they present a credential.

use http::Method;
use keyward_core::error::Error;
use keyward_dialects::{Credential, Dialect, discue};
use serde_json::json;

use super::talk::{answer, caller, nobody, respond};
use crate::samples::{Sent, send};

fn dialect() -> Dialect {
    discue::dialect().unwrap_or_else(|error| panic!("{error:?}"))
}

fn is_claimed(sent: &Sent) -> bool {
    (dialect().claims)(&sent.request())
}

#[test]
fn requests_are_claimed_by_path() {
    for path in [
        "/v1",
        "/v1/api_keys",
        "/api_keys",
        "/v1/api_keys/x/y",
        "/v1/queues",
        "/queues/x",
        "/v1/topics",
        "/events",
    ] {
        assert!(is_claimed(&send("GET", path)), "{path}");
    }
    for path in [
        "/",
        "",
        "/v1/",
        "/v1/keys",
        "/v1/api_keysx",
        "/v10/api_keys",
        "/v1/v1/api_keys",
        "/v1/events",
        "/v1/events/list",
    ] {
        assert!(!is_claimed(&send("GET", path)), "{path}");
    }
}

#[test]
fn events_are_claimed_by_the_credential() {
    let events = || send("GET", "/v1/events").header("X-API-KEY", "x");
    assert!(is_claimed(&events()));
    // Whatever a proxy or a library puts beside it.
    for beside in ["Bearer x", "Basic eDp5"] {
        assert!(is_claimed(&events().header("authorization", beside)), "{beside}");
        assert!(!is_claimed(&send("GET", "/v1/events").header("authorization", beside)), "{beside}");
    }
    assert!(is_claimed(&send("PATCH", "/v1/events").header("X-API-KEY", "x")));
    assert!(is_claimed(&send("GET", "/v1/events/7").header("X-API-KEY", "x")));
    // Another vendor's.
    assert!(!is_claimed(&send("POST", "/v1/events/list").header("X-API-KEY", "x")));
}

#[test]
fn a_credential_is_one_header_field() {
    let presented = |sent: &Sent| match (dialect().credential)(&sent.request()) {
        Credential::Anonymous | Credential::InBody => None,
        Credential::Secret(secret) => Some(secret.into_owned()),
    };
    let sent = || send("GET", "/v1/api_keys");
    assert_eq!(presented(&sent()), None);
    assert_eq!(presented(&sent().header("authorization", "Bearer x")), None);
    assert_eq!(presented(&sent().header("X-API-KEY", "abc")).as_deref(), Some("abc"));
    let twice = sent().header("X-API-KEY", "abc").header("x-api-key", "abc");
    assert_eq!(presented(&twice).as_deref(), Some(""));
}

#[test]
fn anybody_may_ask_whether_there_is_a_server() {
    let (route, _) = dialect()
        .route(&Method::GET, "/v1")
        .map(|(route, _)| (route, ()))
        .unwrap_or_else(|e| panic!("{e:?}"));
    assert!(route.verb.is_none());
    assert_eq!(answer(&send("GET", "/v1"), nobody), (200, json!({ "status": "ok" })));
}

#[test]
fn who_does_not_take_json_is_told() {
    let list =
        |accept: &str| answer(&send("GET", "/v1/queues").header("accept", accept), |_| Err(Error::NotFound));
    for accept in [
        "*/*",
        "application/json",
        "text/html, application/json;q=0.9",
        "application/*",
        "APPLICATION/JSON",
        "",
        " , ",
        "application/json;q=0.001",
        "*/*;q=0, application/json",
        "application/json; charset=utf-8; q=1, application/*;q=0",
    ] {
        assert_eq!(list(accept).0, 404, "{accept}");
    }
    let refused = json!({ "title": "Not Acceptable", "status": 406 });
    for accept in [
        "text/html",
        "application/xml",
        "image/*",
        "application/json;q=0",
        "*/*;q=0",
        "*/*; Q=0.000",
        "application/json;q=0, */*",
        "application/*;q=0, text/html",
    ] {
        assert_eq!(list(accept), (406, refused.clone()), "{accept}");
        let status = send("GET", "/v1").header("accept", accept);
        assert_eq!(answer(&status, nobody), (406, refused.clone()), "{accept}");
    }
}

#[test]
fn every_answer_is_json() {
    for sent in
        [send("GET", "/v1"), send("PATCH", "/v1/api_keys"), send("GET", "/v1/queues").header("accept", "a/b")]
    {
        let response = respond(&caller(&["admin"]), &sent, nobody);
        assert_eq!(response.headers["content-type"], "application/json");
    }
}

#[test]
fn the_table_of_routes_is_the_page() {
    let page = include_str!("../../../docs/dialects/discue.md");
    for route in dialect().routes.iter().filter(|route| route.path.starts_with("/v1")) {
        let call = format!("`{} {}`", route.method, route.path);
        assert!(page.contains(&call), "{call} is not on the page");
    }
}
