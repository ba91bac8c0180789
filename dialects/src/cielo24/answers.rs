//! This file is about what goes out: JSON, nothing at all, or an error of a type that cielo24's clients know.

use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use keyward_core::account::Account;
use keyward_core::command::Answer;
use keyward_core::error::Error;
use keyward_core::id::Id;
use keyward_core::resource::Resource;
use serde_json::{Value, json};

use super::fields::GIVEN;
use crate::dialect::{Request, Response, Step, unexpected};

/// Seconds after which a caller may hope that the server is there again.
const SOON: u64 = 1;

/// Says this.
#[expect(clippy::unnecessary_wraps, reason = "it is how a chain of steps ends")]
pub(super) fn say(body: &Value) -> Result<Step, Error> {
    Ok(Step::Say(object(StatusCode::OK, body)))
}

/// Says that it was done.
#[expect(clippy::unnecessary_wraps, reason = "it is how a chain of steps ends")]
pub(super) fn done() -> Result<Step, Error> {
    Ok(Step::Say(no_content()))
}

/// Says no, for a reason that only this language tells apart.
#[expect(clippy::unnecessary_wraps, reason = "it is how a chain of steps ends")]
pub(super) fn refuse(error_type: &str, comment: &str) -> Result<Step, Error> {
    Ok(Step::Say(refusal(StatusCode::BAD_REQUEST, error_type, comment)))
}

pub(super) fn no_content() -> Response {
    Response { status: StatusCode::NO_CONTENT, headers: HeaderMap::new(), body: Vec::new() }
}

/// The account of an answer.
pub(super) fn account(answer: Answer) -> Result<Box<Account>, Error> {
    if let Answer::Account(account) = answer { Ok(account) } else { Err(unexpected()) }
}

/// The resource of an answer.
pub(super) fn resource(answer: Answer) -> Result<Box<Resource>, Error> {
    if let Answer::Resource(resource) = answer { Ok(resource) } else { Err(unexpected()) }
}

/// The resources of an answer, and where the next page begins.
pub(super) fn resources(answer: Answer) -> Result<(Vec<Resource>, Option<Id>), Error> {
    if let Answer::Resources(resources, next) = answer { Ok((resources, next)) } else { Err(unexpected()) }
}

/// What an error looks like. What is wrong with a request is always 400; the transport keeps its own statuses, with
/// the same body, which the clients parse whatever the status is.
pub(super) fn fault(error: &Error, _: &Request<'_>, _: &str) -> Response {
    let bad = |error_type: &str, comment: &str| refusal(StatusCode::BAD_REQUEST, error_type, comment);
    match error {
        Error::Anonymous => bad("MISSING_PARAMETER", "api_token must be given"),
        Error::BadCredential | Error::OnHold(_) => bad("BAD_API_TOKEN", "Invalid or expired API token"),
        Error::Forbidden => {
            bad("ACCOUNT_UNPRIVILEGED", "Account does not have permission to access/change this data")
        }
        Error::NotFound | Error::Gone(_) => bad("ITEM_NOT_FOUND", "There is no such item"),
        Error::Invalid { field, must } => {
            let error_type = if must == GIVEN { "MISSING_PARAMETER" } else { "INVALID_OPTION" };
            bad(error_type, &format!("{field} must be {must}"))
        }
        Error::Malformed(why) => bad("INVALID_QUERY", why),
        Error::BadHead { why } => bad("INVALID_QUERY", why),
        Error::HeadTooLarge => refusal(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "INVALID_QUERY",
            "The head of the request is too long",
        ),
        Error::Stale => bad("INVALID_QUERY", "It changed meanwhile: send this again"),
        // Not of what: a name is taken in the caller's organization, a login may be in another.
        Error::Taken { .. } => bad("ACCOUNT_EXISTS", "This name is in use"),
        Error::WrongState { why } => bad("INVALID_QUERY", why),
        Error::Protected => bad("ACCOUNT_UNPRIVILEGED", "This is protected against removal"),
        Error::Rejected => bad("INVALID_QUERY", "The key does not accept this"),
        Error::PlanChanged => bad("INVALID_QUERY", "This is no longer what would be done"),
        Error::IdempotencyMismatch => bad("INVALID_QUERY", "This was asked before, otherwise"),
        Error::TooLarge { limit } => {
            let comment = format!("At most {limit} bytes or items");
            refusal(StatusCode::PAYLOAD_TOO_LARGE, "INVALID_QUERY", &comment)
        }
        Error::NoRoute => refusal(StatusCode::NOT_FOUND, "NOT_IMPLEMENTED", "No call has this path"),
        Error::WrongMethod { allowed } => {
            let allowed = allowed.join(", ");
            let comment = format!("This path takes {allowed}");
            refusal(StatusCode::METHOD_NOT_ALLOWED, "INVALID_QUERY", &comment).with(ALLOW, &allowed)
        }
        Error::UnsupportedType { wanted } => {
            refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "INVALID_QUERY", &format!("Send {wanted}"))
        }
        Error::Slow { retry_after_seconds: seconds, .. }
        | Error::Guessed { retry_after_seconds: seconds } => {
            let comment = format!("Try again in {seconds} s");
            later(StatusCode::TOO_MANY_REQUESTS, &comment, *seconds)
        }
        Error::TimedOut => {
            refusal(StatusCode::REQUEST_TIMEOUT, "INVALID_QUERY", "The request took too long to arrive")
        }
        Error::Unavailable { .. } => later(StatusCode::SERVICE_UNAVAILABLE, "Not now: try again", SOON),
        Error::Locked => later(StatusCode::SERVICE_UNAVAILABLE, "The server is locked", SOON),
        Error::Internal { .. } => {
            refusal(StatusCode::INTERNAL_SERVER_ERROR, "UNHANDLED_ERROR", "Something broke")
        }
    }
}

fn later(status: StatusCode, comment: &str, seconds: u64) -> Response {
    refusal(status, "UNHANDLED_ERROR", comment).with(RETRY_AFTER, &seconds.to_string())
}

fn refusal(status: StatusCode, error_type: &str, comment: &str) -> Response {
    object(status, &json!({ "ErrorType": error_type, "ErrorComment": comment }))
}

fn object(status: StatusCode, body: &Value) -> Response {
    let response = Response { status, headers: HeaderMap::new(), body: body.to_string().into_bytes() };
    response.with(CONTENT_TYPE, "application/json")
}
