//! This file is about errors on the wire: one exhaustive match from the core's list to a status, and the one body that
//! they all have.

use http::header::{ALLOW, RETRY_AFTER};
use http::{HeaderName, StatusCode};
use keyward_core::account::Hold;
use keyward_core::error::Error;
use serde_json::json;

use super::writer::Writer;
use super::{UNSPOKEN, ids, resource};
use crate::dialect::{Request, Response};

/// Seconds after which a caller may hope that the server is there again.
const SOON: &str = "1";
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// The answer for an error.
pub(super) fn fault(error: &Error, request: &Request<'_>, _: &str) -> Response {
    match error {
        Error::Anonymous | Error::BadCredential => say(StatusCode::UNAUTHORIZED, request),
        Error::OnHold(Hold::Payment) => say(StatusCode::PAYMENT_REQUIRED, request),
        Error::OnHold(Hold::Locked) => say(StatusCode::LOCKED, request),
        Error::Forbidden => say(StatusCode::FORBIDDEN, request),
        // A key that was removed is as unknown as one that never was.
        Error::NotFound | Error::Gone(_) => say(StatusCode::NOT_FOUND, request),
        Error::NoRoute if resource(request).is_some_and(|it| UNSPOKEN.contains(&it)) => {
            say(StatusCode::NOT_IMPLEMENTED, request)
        }
        Error::NoRoute => say(StatusCode::NOT_FOUND, request),
        Error::Invalid { field, .. } if field == ids::ID => say(StatusCode::BAD_REQUEST, request),
        Error::Invalid { .. } | Error::Taken { .. } | Error::Rejected | Error::IdempotencyMismatch => {
            say(StatusCode::UNPROCESSABLE_ENTITY, request)
        }
        Error::Malformed(_) | Error::BadHead { .. } => say(StatusCode::BAD_REQUEST, request),
        Error::HeadTooLarge => say(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, request),
        Error::Stale | Error::WrongState { .. } | Error::PlanChanged => say(StatusCode::CONFLICT, request),
        Error::Protected => say(StatusCode::LOCKED, request),
        Error::TooLarge { .. } => say(StatusCode::PAYLOAD_TOO_LARGE, request),
        Error::WrongMethod { allowed } => {
            say(StatusCode::METHOD_NOT_ALLOWED, request).with(ALLOW, &allowed.join(", "))
        }
        Error::UnsupportedType { .. } => say(StatusCode::UNSUPPORTED_MEDIA_TYPE, request),
        Error::Guessed { retry_after_seconds } => {
            say(StatusCode::FORBIDDEN, request).with(RETRY_AFTER, &retry_after_seconds.to_string())
        }
        Error::Slow { retry_after_seconds, limit } => {
            let seconds = retry_after_seconds.to_string();
            say(StatusCode::TOO_MANY_REQUESTS, request)
                .with(RETRY_AFTER, &seconds)
                .with(LIMIT, &limit.to_string())
                .with(REMAINING, "0")
                .with(RESET, &seconds)
        }
        Error::TimedOut => say(StatusCode::REQUEST_TIMEOUT, request),
        Error::Unavailable { .. } | Error::Locked => {
            say(StatusCode::SERVICE_UNAVAILABLE, request).with(RETRY_AFTER, SOON)
        }
        Error::Internal { .. } => say(StatusCode::INTERNAL_SERVER_ERROR, request),
    }
}

/// The answer for who does not take JSON; it is JSON, for want of another form.
pub(super) fn not_acceptable(request: &Request<'_>) -> Response {
    say(StatusCode::NOT_ACCEPTABLE, request)
}

fn say(status: StatusCode, request: &Request<'_>) -> Response {
    let title = status.canonical_reason().unwrap_or_default();
    Writer::of(request).response(status, &json!({ "title": title, "status": status.as_u16() }))
}
