//! Every error of the core, in this language.

use super::scene::dialect;
use crate::samples::{errors, json, name, send};

#[test]
fn every_error_has_its_status_and_the_one_body() {
    let dialect = dialect();
    let sent = send("GET", "/user/users/me");
    let expected = [
        ("Anonymous", 403),
        ("BadCredential", 401),
        ("OnHold, payment", 401),
        ("OnHold, locked", 401),
        ("Forbidden", 403),
        ("NotFound", 404),
        ("Gone", 404),
        ("Invalid", 400),
        ("Malformed", 400),
        ("BadHead", 400),
        ("HeadTooLarge", 431),
        ("Stale", 409),
        ("Taken", 409),
        ("WrongState", 409),
        ("Protected", 423),
        ("Rejected", 422),
        ("PlanChanged", 409),
        ("IdempotencyMismatch", 422),
        ("TooLarge", 413),
        ("NoRoute", 404),
        ("WrongMethod", 405),
        ("UnsupportedType", 415),
        ("Slow", 429),
        ("Guessed", 429),
        ("TimedOut", 408),
        ("Unavailable", 503),
        ("Locked", 503),
        ("Internal", 500),
    ];
    let said: Vec<_> = errors()
        .iter()
        .map(|error| {
            let response = (dialect.fault)(error, &sent.request(), "request-1");
            let body = json(&response);
            assert_eq!(body["statusCode"], response.status.as_u16());
            assert_eq!(body["error"], response.status.canonical_reason().unwrap());
            assert!(!body["message"].as_str().unwrap().is_empty());
            assert!(!body.to_string().contains("INSIDE"));
            (name(error), response.status.as_u16())
        })
        .collect();
    assert_eq!(said, expected);
}

#[test]
fn a_removed_key_is_answered_like_an_unknown_one() {
    let dialect = dialect();
    let sent = send("DELETE", "/user/apiKey/77");
    let said = |wanted: &str| {
        let error = errors().into_iter().find(|error| name(error) == wanted).unwrap();
        let response = (dialect.fault)(&error, &sent.request(), "request-1");
        (response.status, response.headers, response.body)
    };
    assert_eq!(said("Gone"), said("NotFound"));
}

#[test]
fn paths_and_methods_that_are_not_spoken_are_told_apart() {
    let dialect = dialect();
    for (method, path, status) in [
        ("GET", "/user/nothing", 404),
        ("GET", "/data", 404),
        ("PUT", "/user/apiKey/7", 405),
        ("DELETE", "/user/authenticate", 405),
    ] {
        let sent = send(method, path);
        let error = dialect.route(&sent.method, &sent.path).map(|_| ()).unwrap_err();
        let response = (dialect.fault)(&error, &sent.request(), "request-1");
        assert_eq!(response.status.as_u16(), status, "{method} {path}");
    }
}
