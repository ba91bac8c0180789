//! This file is about what goes out: JSON, text, or nothing at all, and what every error looks like. Errors have no body: their
//! status is all that is said.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ALLOW, CONTENT_TYPE, RETRY_AFTER,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use keyward_core::error::Error;
use serde_json::Value;

use super::ask::Presented;
use super::page::Page;
use crate::dialect::{Request, Response, Step};

/// What an error of ours, or of the core, ends a call with; or what comes next.
pub(super) type Flow = Result<Step, Error>;

/// The methods that the unit knows, as it tells browsers.
const METHODS: &str = "GET, POST, DELETE, OPTIONS";

/// The same under the name that the vendor's reference gives it.
const ALLOW_METHODS: HeaderName = HeaderName::from_static("allow-methods");

/// Well-formed, and failed.
pub(super) const FAILED: Error = Error::WrongState { why: "the vendor's 406" };

/// Says this.
#[expect(clippy::unnecessary_wraps, reason = "it is how a chain of steps ends")]
pub(super) fn say(body: &Value) -> Flow {
    Ok(Step::Say(json(StatusCode::OK, body)))
}

/// Says that it is done.
#[expect(clippy::unnecessary_wraps, reason = "it is how a chain of steps ends")]
pub(super) fn done() -> Flow {
    Ok(Step::Say(empty(StatusCode::OK)))
}

/// A body of JSON.
pub(super) fn json(status: StatusCode, body: &Value) -> Response {
    Response { body: body.to_string().into_bytes(), ..empty(status) }
}

/// A body of plain text.
pub(super) fn text(body: String) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    Response { status: StatusCode::OK, headers, body: body.into_bytes() }
}

/// No body. The server says its length, which is 0.
pub(super) fn empty(status: StatusCode) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Response { status, headers, body: Vec::new() }
}

/// The status of an error.
pub(super) fn status(error: &Error) -> StatusCode {
    match error {
        Error::Invalid { .. }
        | Error::Malformed(_)
        | Error::BadHead { .. }
        | Error::UnsupportedType { .. } => StatusCode::BAD_REQUEST,
        Error::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Error::BadCredential => StatusCode::UNAUTHORIZED,
        Error::Forbidden => StatusCode::FORBIDDEN,
        // Well-formed, and failed. What was removed is as unknown as what never was.
        Error::NotFound
        | Error::Gone(_)
        | Error::Taken { .. }
        | Error::WrongState { .. }
        | Error::Protected
        | Error::Rejected => StatusCode::NOT_ACCEPTABLE,
        // Not set up, failed, or busy.
        Error::Anonymous
        | Error::OnHold(_)
        | Error::Stale
        | Error::PlanChanged
        | Error::IdempotencyMismatch
        | Error::Unavailable { .. }
        | Error::Locked => StatusCode::CONFLICT,
        Error::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Error::NoRoute => StatusCode::NOT_FOUND,
        Error::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
        Error::Guessed { .. } | Error::Slow { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::TimedOut => StatusCode::REQUEST_TIMEOUT,
        Error::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What an error looks like.
pub(super) fn fault(error: &Error, request: &Request<'_>, _: &str) -> Response {
    let page = Page::of(request);
    let is_unrouted = matches!(error, Error::NoRoute | Error::WrongMethod { .. });
    if is_unrouted && page.is_foreign() {
        return empty(StatusCode::PRECONDITION_FAILED);
    }
    if is_unrouted && Presented::of(request.headers).session(request.unit).is_err() {
        return page.told(empty(StatusCode::UNAUTHORIZED));
    }
    if is_unrouted && *request.method == Method::OPTIONS {
        return page.told(options());
    }
    let response = page.told(empty(status(error)));
    if let Error::WrongMethod { allowed } = error {
        response.with(ALLOW, &allowed.join(", "))
    } else if let Error::Guessed { retry_after_seconds } | Error::Slow { retry_after_seconds, .. } = error {
        response.with(RETRY_AFTER, &retry_after_seconds.to_string())
    } else {
        response
    }
}

/// What a browser asks before it asks.
fn options() -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(ALLOW_METHODS, HeaderValue::from_static(METHODS));
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Authorization, Content-Type"));
    Response { status: StatusCode::NO_CONTENT, headers, body: Vec::new() }
}
