//! Errors.

use keyward_core::error::Error;
use serde_json::Value;

use super::scene::dialect;
use crate::samples::{errors, name, send};

/// Every type of error that cielo24 names.
const TYPES: [&str; 15] = [
    "LOGIN_INVALID",
    "ACCOUNT_EXISTS",
    "ACCOUNT_UNPRIVILEGED",
    "BAD_API_TOKEN",
    "INVALID_QUERY",
    "INVALID_OPTION",
    "MISSING_PARAMETER",
    "INVALID_URL",
    "ITEM_NOT_FOUND",
    "ACCOUNT_DOES_NOT_EXIST",
    "NOT_IMPLEMENTED",
    "INVALID_RETURN_HANDLERS",
    "NOT_PARENT_ACCOUNT",
    "NO_CHILDREN_FOUND",
    "UNHANDLED_ERROR",
];

/// The errors that keep a status of their own.
const TRANSPORT: [(&str, u16); 11] = [
    ("NoRoute", 404),
    ("WrongMethod", 405),
    ("TimedOut", 408),
    ("TooLarge", 413),
    ("UnsupportedType", 415),
    ("HeadTooLarge", 431),
    ("Slow", 429),
    ("Guessed", 429),
    ("Internal", 500),
    ("Unavailable", 503),
    ("Locked", 503),
];

fn said(error: &Error) -> (u16, String) {
    let sent = send("GET", "/api/account/verify_key?api_token=SECRET");
    let response = (dialect().fault)(error, &sent.request(), "request-1");
    assert_eq!(response.headers["content-type"], "application/json");
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    let members = body.as_object().unwrap();
    assert!(members.len() == 2 && !members["ErrorComment"].as_str().unwrap().is_empty(), "{body}");
    // What is for the log only stays there, and what was sent is not repeated.
    assert!(!body.to_string().contains("INSIDE") && !body.to_string().contains("SECRET"));
    (response.status.as_u16(), members["ErrorType"].as_str().unwrap().to_owned())
}

#[test]
fn every_error_is_one_that_clients_can_read() {
    for error in errors() {
        let (status, error_type) = said(&error);
        assert!(TYPES.contains(&error_type.as_str()), "{error_type}");
        let transport = TRANSPORT.iter().find(|(known, _)| *known == name(&error));
        assert_eq!(status, transport.map_or(400, |(_, status)| *status), "{}", name(&error));
    }
}

#[test]
fn the_errors_that_clients_tell_apart() {
    for (error, error_type) in [
        (Error::Anonymous, "MISSING_PARAMETER"),
        (Error::BadCredential, "BAD_API_TOKEN"),
        (Error::Forbidden, "ACCOUNT_UNPRIVILEGED"),
        (Error::NotFound, "ITEM_NOT_FOUND"),
        (Error::invalid("v", "given"), "MISSING_PARAMETER"),
        (Error::invalid("v", "1"), "INVALID_OPTION"),
        (Error::Taken { what: "name" }, "ACCOUNT_EXISTS"),
        (Error::NoRoute, "NOT_IMPLEMENTED"),
    ] {
        assert_eq!(said(&error).1, error_type);
    }
}

#[test]
fn a_wrong_method_names_the_right_ones() {
    let error = Error::WrongMethod { allowed: vec!["GET", "POST"] };
    let response = (dialect().fault)(&error, &send("PUT", "/api/job/new").request(), "r");
    assert_eq!(response.headers["allow"], "GET, POST");
}
