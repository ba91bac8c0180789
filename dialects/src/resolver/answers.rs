//! This file is about what goes out: JSON, or nothing at all, and what every error looks like.

use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use keyward_core::account::Account;
use keyward_core::command::Answer;
use keyward_core::error::Error;
use serde_json::{Value, json};

use crate::dialect::{Request, Response, Step, unexpected};

/// Seconds after which a caller may hope that the server is there again.
const SOON: u64 = 1;

/// Says this.
#[expect(clippy::unnecessary_wraps, reason = "it is how a chain of steps ends")]
pub(super) fn say(body: &Value) -> Result<Step, Error> {
    Ok(Step::Say(object(StatusCode::OK, body)))
}

/// Says that this was made.
#[expect(clippy::unnecessary_wraps, reason = "it is how a chain of steps ends")]
pub(super) fn created(body: &Value) -> Result<Step, Error> {
    Ok(Step::Say(object(StatusCode::CREATED, body)))
}

/// Says that it is gone.
#[expect(clippy::unnecessary_wraps, reason = "it is how a chain of steps ends")]
pub(super) fn removed() -> Result<Step, Error> {
    Ok(Step::Say(Response { status: StatusCode::NO_CONTENT, headers: HeaderMap::new(), body: Vec::new() }))
}

/// The account of an answer.
pub(super) fn account(answer: Answer) -> Result<Box<Account>, Error> {
    if let Answer::Account(account) = answer { Ok(account) } else { Err(unexpected()) }
}

/// What an error looks like.
pub(super) fn fault(error: &Error, _: &Request<'_>, _: &str) -> Response {
    match error {
        Error::Anonymous => refusal(StatusCode::FORBIDDEN, "A session or an API key is needed"),
        Error::BadCredential | Error::OnHold(_) => refusal(StatusCode::UNAUTHORIZED, "Invalid credentials"),
        Error::Forbidden => refusal(StatusCode::FORBIDDEN, "Not allowed to this user"),
        // What was removed is as unknown as what never was.
        Error::NotFound | Error::Gone(_) => refusal(StatusCode::NOT_FOUND, "There is no such thing here"),
        Error::Invalid { field, must } => {
            refusal(StatusCode::BAD_REQUEST, &format!("{field} must be {must}"))
        }
        Error::Malformed(why) => refusal(StatusCode::BAD_REQUEST, why),
        Error::BadHead { why } => refusal(StatusCode::BAD_REQUEST, why),
        Error::HeadTooLarge => {
            refusal(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "The head of the request is too long")
        }
        Error::Stale => refusal(StatusCode::CONFLICT, "It changed meanwhile: send this again"),
        Error::Taken { what } => refusal(StatusCode::CONFLICT, &format!("This {what} is in use")),
        Error::WrongState { why } => refusal(StatusCode::CONFLICT, why),
        Error::Protected => refusal(StatusCode::LOCKED, "This is protected against removal"),
        Error::Rejected => refusal(StatusCode::UNPROCESSABLE_ENTITY, "The key does not accept this"),
        Error::PlanChanged => refusal(StatusCode::CONFLICT, "This is no longer what would be done"),
        Error::IdempotencyMismatch => {
            refusal(StatusCode::UNPROCESSABLE_ENTITY, "This was asked before, otherwise")
        }
        Error::TooLarge { limit } => {
            refusal(StatusCode::PAYLOAD_TOO_LARGE, &format!("At most {limit} bytes or items"))
        }
        Error::NoRoute => refusal(StatusCode::NOT_FOUND, "No call has this path"),
        Error::WrongMethod { allowed } => {
            let allowed = allowed.join(", ");
            let message = format!("This path takes {allowed}");
            refusal(StatusCode::METHOD_NOT_ALLOWED, &message).with(ALLOW, &allowed)
        }
        Error::UnsupportedType { wanted } => {
            refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, &format!("Send {wanted}"))
        }
        Error::Slow { retry_after_seconds: seconds, .. }
        | Error::Guessed { retry_after_seconds: seconds } => {
            later(StatusCode::TOO_MANY_REQUESTS, &format!("Try again in {seconds} s"), *seconds)
        }
        Error::TimedOut => refusal(StatusCode::REQUEST_TIMEOUT, "The request took too long to arrive"),
        Error::Unavailable { .. } => later(StatusCode::SERVICE_UNAVAILABLE, "Not now: try again", SOON),
        Error::Locked => later(StatusCode::SERVICE_UNAVAILABLE, "The server is locked", SOON),
        Error::Internal { .. } => refusal(StatusCode::INTERNAL_SERVER_ERROR, "Something broke"),
    }
}

fn later(status: StatusCode, message: &str, seconds: u64) -> Response {
    refusal(status, message).with(RETRY_AFTER, &seconds.to_string())
}

fn refusal(status: StatusCode, message: &str) -> Response {
    let error = status.canonical_reason().unwrap_or_default();
    object(status, &json!({ "statusCode": status.as_u16(), "error": error, "message": message }))
}

fn object(status: StatusCode, body: &Value) -> Response {
    let response = Response { status, headers: HeaderMap::new(), body: body.to_string().into_bytes() };
    response.with(CONTENT_TYPE, "application/json")
}
