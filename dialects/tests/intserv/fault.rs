//! What every error looks like.

use serde_json::Value;

use super::scene::dialect;
use crate::samples::{errors, name, send};

#[test]
fn every_error_has_a_status_and_a_form() {
    let status = |of: &str| match of {
        "Anonymous" | "BadCredential" | "OnHold, payment" | "OnHold, locked" => 401,
        "Forbidden" => 403,
        "NotFound" | "Gone" | "NoRoute" => 404,
        "Invalid" | "Malformed" | "BadHead" => 400,
        "HeadTooLarge" => 431,
        "Stale" | "Taken" | "WrongState" | "Protected" | "PlanChanged" | "IdempotencyMismatch" => 409,
        "Rejected" => 422,
        "TooLarge" => 413,
        "WrongMethod" => 405,
        "UnsupportedType" => 415,
        "Slow" | "Guessed" => 429,
        "TimedOut" => 408,
        "Unavailable" | "Locked" => 503,
        "Internal" => 500,
        other => panic!("{other}"),
    };
    for error in errors() {
        let response = (dialect().fault)(&error, &send("POST", "/v1/accesskeys/add").request(), "request-1");
        assert_eq!(response.status.as_u16(), status(name(&error)), "{error:?}");
        assert_eq!(response.headers["content-type"], "application/json");
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        let members: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["error", "message"], "{error:?}");
        let code = body["error"].as_str().unwrap();
        assert!(
            code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') && !code.is_empty(),
            "{code}"
        );
        assert!(!body.to_string().contains("INSIDE"), "{body}");
    }
}

#[test]
fn a_removed_key_is_answered_like_one_that_never_was() {
    let said = |wanted: &str| {
        let error = errors().into_iter().find(|error| name(error) == wanted).unwrap();
        (dialect().fault)(&error, &send("POST", "/v1/accesskeys/remove").request(), "request-1").body
    };
    assert_eq!(said("Gone"), said("NotFound"));
}

#[test]
fn header_fields_say_what_to_do() {
    let header = |wanted: &str, field: &str| {
        let error = errors().into_iter().find(|error| name(error) == wanted).unwrap();
        let response =
            (dialect().fault)(&error, &send("POST", "/v1/accesskeys/remove").request(), "request-1");
        response.headers[field].to_str().unwrap().to_owned()
    };
    assert_eq!(header("Anonymous", "www-authenticate"), "Bearer");
    assert_eq!(header("WrongMethod", "allow"), "GET, POST");
    assert_eq!(header("Slow", "retry-after"), "3");
}
