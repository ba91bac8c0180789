//! Which requests are in this language, and what they present.

use http::Method;
use keyward_core::error::Error;
use keyward_core::permit::Verb;
use keyward_dialects::Credential;
use serde_json::json;

use super::scene::{dialect, post, talk};
use crate::samples::send;

#[test]
fn the_path_tells_the_language() {
    let claims = |path: &str| (dialect().claims)(&send("GET", path).request());
    for ours in [
        "/v1/accesskeys/add",
        "/v1/accesskeys/remove",
        "/v1/accesskeys/nothing",
        "/v1/accesskeys",
        "/v1/accesskeys/",
        "/v1/accesslevels/list",
        "/v1/accesslevels",
        "/v1/events/list",
        "/v1/events/list/",
    ] {
        assert!(claims(ours), "{ours}");
    }
    for other in [
        "/",
        "/v1",
        "/v1/keys",
        "/v1/events",
        "/v1/events/",
        "/v1/events/lists",
        "/accesskeys/add",
        "/v1/accesskeys2",
    ] {
        assert!(!claims(other), "{other}");
    }
}

#[test]
fn every_call_is_a_post_and_lets_every_key_as_far_as_its_sort() {
    let dialect = dialect();
    let verb = |path: &str| dialect.route(&Method::POST, path).ok().and_then(|(route, _)| route.verb);
    for path in
        ["accesskeys/add", "accesskeys/remove", "accesskeys/status", "accesslevels/list", "events/list"]
    {
        assert_eq!(verb(&format!("/v1/{path}")), Some(Verb::ReadResources), "{path}");
    }
    for method in [Method::GET, Method::DELETE, Method::PUT] {
        let error = dialect.route(&method, "/v1/accesskeys/remove").err();
        assert_eq!(error, Some(Error::WrongMethod { allowed: vec!["POST"] }));
    }
    assert_eq!(dialect.route(&Method::POST, "/v1/accesskeys/list").err(), Some(Error::NoRoute));
}

#[test]
fn a_token_is_a_bearer_token() {
    let presented = |header: Option<&str>| {
        let sent = send("POST", "/v1/accesskeys/add");
        let sent = header.into_iter().fold(sent, |sent, text| sent.header("authorization", text));
        match (dialect().credential)(&sent.request()) {
            Credential::Anonymous | Credential::InBody => None,
            Credential::Secret(text) => Some(text.into_owned()),
        }
    };
    assert_eq!(presented(None), None);
    assert_eq!(presented(Some("Bearer abc")).as_deref(), Some("abc"));
    assert_eq!(presented(Some("Basic abc")).as_deref(), Some(""));
}

#[test]
fn a_body_is_a_json_object() {
    for body in ["{", "[]", "7", "null", "\"x\"", "{\"id\":1}x", "\u{0}"] {
        let (code, message) = talk(&post("/v1/accesskeys/remove", body), vec![]).wrong();
        assert_eq!(
            (code.as_str(), message.as_str()),
            ("invalid_json", "the body must be a JSON object"),
            "{body}"
        );
    }
    let mut latin = post("/v1/accesskeys/remove", "");
    latin.body = b"{\"id\":\"\xe4\"}".to_vec();
    assert_eq!(talk(&latin, vec![]).wrong().0, "invalid_json");
    let deep = format!(r#"{{"x":{}1{}}}"#, "[".repeat(2000), "]".repeat(2000));
    assert_eq!(talk(&post("/v1/accesskeys/remove", &deep), vec![]).wrong().0, "invalid_json");
    // None at all is an object without members.
    assert_eq!(talk(&send("POST", "/v1/accesskeys/remove"), vec![]).wrong().0, "invalid_request");
}

#[test]
fn a_body_that_says_that_it_is_something_else_is_not_read() {
    let sent = |content_type: Option<&str>| {
        let mut sent = send("POST", "/v1/accesskeys/remove");
        sent.body = b"{}".to_vec();
        content_type.into_iter().fold(sent, |sent, text| sent.header("content-type", text))
    };
    let said = talk(&sent(Some("application/x-www-form-urlencoded")), vec![]).said();
    assert_eq!((said.0, &said.1["error"]), (415, &json!("unsupported_media_type")));
    for content_type in [None, Some("application/json; charset=utf-8"), Some("Application/JSON")] {
        assert_eq!(talk(&sent(content_type), vec![]).wrong().0, "invalid_request");
    }
}
