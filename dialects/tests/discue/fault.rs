//! Every error of the core.

use keyward_core::error::Error;
use keyward_dialects::{Response, discue};
use serde_json::{Value, json};

use crate::samples::{errors, name, send};

fn fault(error: &Error, path: &str) -> Response {
    let dialect = discue::dialect().unwrap_or_else(|error| panic!("{error:?}"));
    (dialect.fault)(error, &send("GET", path).request(), "request-1")
}

fn body(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

#[test]
fn every_error_is_a_title_and_a_status() {
    for error in errors() {
        let expected = match name(&error) {
            "Malformed" | "BadHead" => (400, "Bad Request"),
            "HeadTooLarge" => (431, "Request Header Fields Too Large"),
            "Anonymous" | "BadCredential" => (401, "Unauthorized"),
            "Forbidden" => (403, "Forbidden"),
            "NotFound" | "Gone" | "NoRoute" => (404, "Not Found"),
            "WrongMethod" => (405, "Method Not Allowed"),
            "TimedOut" => (408, "Request Timeout"),
            "Stale" | "WrongState" | "PlanChanged" => (409, "Conflict"),
            "TooLarge" => (413, "Payload Too Large"),
            "UnsupportedType" => (415, "Unsupported Media Type"),
            "Invalid" | "Taken" | "Rejected" | "IdempotencyMismatch" => (422, "Unprocessable Entity"),
            "Protected" => (423, "Locked"),
            "OnHold, payment" => (402, "Payment Required"),
            "OnHold, locked" => (423, "Locked"),
            "Slow" => (429, "Too Many Requests"),
            "Guessed" => (403, "Forbidden"),
            "Internal" => (500, "Internal Server Error"),
            "Unavailable" | "Locked" => (503, "Service Unavailable"),
            other => panic!("{other}"),
        };
        let response = fault(&error, "/v1/api_keys");
        let (status, title) = expected;
        assert_eq!(
            (response.status.as_u16(), body(&response)),
            (status, json!({ "title": title, "status": status }))
        );
        assert_eq!(response.headers["content-type"], "application/json");
    }
}

#[test]
fn a_malformed_id_is_told_from_a_wrong_field() {
    assert_eq!(fault(&Error::invalid("id", "21 characters"), "/v1/api_keys").status.as_u16(), 400);
    assert_eq!(fault(&Error::invalid("name", "a text"), "/v1/api_keys").status.as_u16(), 422);
}

#[test]
fn what_the_vendor_has_and_we_do_not_is_not_implemented() {
    for path in ["/v1/listeners", "/v1/topics/x", "/channels", "/v1/subscriptions"] {
        let response = fault(&Error::NoRoute, path);
        let expected = json!({ "title": "Not Implemented", "status": 501 });
        assert_eq!((response.status.as_u16(), body(&response)), (501, expected), "{path}");
    }
    assert_eq!(fault(&Error::NoRoute, "/v1/api_keys/x/y").status.as_u16(), 404);
}

#[test]
fn some_errors_say_more_in_their_header() {
    let slow = fault(&Error::Slow { retry_after_seconds: 7, limit: 10 }, "/v1/queues").headers;
    assert_eq!(
        (&slow["retry-after"], &slow["x-ratelimit-remaining"], &slow["x-ratelimit-reset"]),
        (&"7".parse().unwrap(), &"0".parse().unwrap(), &"7".parse().unwrap())
    );
    let allowed = fault(&Error::WrongMethod { allowed: vec!["GET", "PUT"] }, "/v1/queues");
    assert_eq!(allowed.headers["allow"], "GET, PUT");
    assert_eq!(fault(&Error::Locked, "/v1/queues").headers["retry-after"], "1");
}
