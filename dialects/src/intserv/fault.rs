//! This file is about errors: one exhaustive match from the core's list to IntServ's form.

use http::StatusCode;
use http::header::{ACCEPT, ALLOW, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use keyward_core::error::Error;
use serde_json::json;

use super::response;
use crate::dialect::{Request, Response};

/// What is said of an error.
struct Fault {
    status: u16,
    code: &'static str,
    message: String,
    header: Option<(HeaderName, String)>,
}

/// The answer for an error.
pub(super) fn fault(error: &Error, _: &Request<'_>, _: &str) -> Response {
    let Fault { status, code, message, header } = say(error);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let response = response(status, &json!({ "error": code, "message": message }));
    match header {
        Some((name, value)) => response.with(name, &value),
        None => response,
    }
}

fn say(error: &Error) -> Fault {
    match error {
        Error::Anonymous => Fault::new(401, "missing_token", "send Authorization: Bearer <token>")
            .with(WWW_AUTHENTICATE, "Bearer"),
        Error::BadCredential | Error::OnHold(_) => {
            Fault::new(401, "invalid_token", "this token opens nothing")
                .with(WWW_AUTHENTICATE, r#"Bearer error="invalid_token""#)
        }
        Error::Forbidden => Fault::new(403, "forbidden", "this sort of token may not do that"),
        // Whoever removes twice is told what a stranger is told.
        Error::NotFound | Error::Gone(_) => Fault::new(404, "not_found", "no such key"),
        Error::Invalid { field, must } => {
            Fault::new(400, "invalid_request", format!("{} must be {must}", member(field)))
        }
        Error::Malformed(why) => Fault::new(400, "invalid_json", why.as_str()),
        Error::BadHead { why } => Fault::new(400, "malformed_request", *why),
        Error::HeadTooLarge => Fault::new(431, "head_too_large", "the head of the request is too long"),
        Error::Taken { .. } => Fault::new(409, "identification_taken", "another key has this identification"),
        Error::Stale => Fault::new(409, "conflict", "it changed meanwhile: try again"),
        Error::WrongState { why } => Fault::new(409, "conflict", *why),
        Error::Protected => Fault::new(409, "protected", "this key is protected against removal"),
        Error::Rejected => Fault::new(422, "rejected", "the key does not accept this"),
        Error::PlanChanged | Error::IdempotencyMismatch => {
            Fault::new(409, "conflict", "this is not what was asked for before")
        }
        Error::TooLarge { limit } => Fault::new(413, "too_large", format!("at most {limit} bytes")),
        Error::NoRoute => Fault::new(404, "unknown_call", "no call has this path"),
        Error::WrongMethod { allowed } => {
            let allowed = allowed.join(", ");
            Fault::new(405, "method_not_allowed", format!("this path takes {allowed}")).with(ALLOW, allowed)
        }
        Error::UnsupportedType { wanted } => {
            Fault::new(415, "unsupported_media_type", format!("send {wanted}")).with(ACCEPT, *wanted)
        }
        Error::Slow { retry_after_seconds, .. } | Error::Guessed { retry_after_seconds } => {
            Fault::new(429, "too_many_requests", format!("try again in {retry_after_seconds} s"))
                .with(RETRY_AFTER, retry_after_seconds.to_string())
        }
        Error::TimedOut => Fault::new(408, "timed_out", "the request took too long to arrive"),
        Error::Unavailable { .. } => Fault::new(503, "unavailable", "not now").with(RETRY_AFTER, "1"),
        Error::Locked => Fault::new(503, "locked", "the server is locked"),
        Error::Internal { .. } => Fault::new(500, "internal_error", "something broke"),
    }
}

/// What this language calls a field of ours.
fn member(field: &str) -> &str {
    match field {
        "not_before" => "valid_from_date",
        "expires_at" => "valid_to_date",
        "access.levels" => "access_levels",
        "access.person" => "person",
        same => same,
    }
}

impl Fault {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), header: None }
    }

    fn with(self, name: HeaderName, value: impl Into<String>) -> Self {
        Self { header: Some((name, value.into())), ..self }
    }
}
