//! This file is about errors on the wire: one exhaustive match from the core's list to problems (RFC 9457).
//! `docs/errors.md` is written from it.

use http::header::{ACCEPT, ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, StatusCode};
use keyward_client::wire;
use keyward_core::account::Hold;
use keyward_core::error::Error;

use super::show;
use crate::dialect::{Request, Response};

/// Seconds after which a caller may hope that the server is there again.
const SOON: u64 = 1;

/// What is said of an error.
struct Fault {
    status: StatusCode,
    code: &'static str,
    detail: String,
    header: Option<(HeaderName, String)>,
}

/// The answer for an error.
pub(super) fn fault(error: &Error, _: &Request<'_>, request_id: &str) -> Response {
    let Fault { status, header, .. } = say(error);
    let body = serde_json::to_vec(&problem(error, request_id)).unwrap_or_default();
    let response = Response { status, headers: HeaderMap::new(), body };
    let response = response.with(CONTENT_TYPE, "application/problem+json");
    match header {
        Some((name, value)) => response.with(name, &value),
        None => response,
    }
}

/// The problem for an error.
pub(super) fn problem(error: &Error, request_id: &str) -> wire::Problem {
    let Fault { status, code, detail, .. } = say(error);
    let mut problem = wire::Problem {
        problem_type: "about:blank".to_owned(),
        title: status.canonical_reason().unwrap_or_default().to_owned(),
        status: status.as_u16(),
        detail,
        code: code.to_owned(),
        field: None,
        tombstone: None,
        request_id: request_id.to_owned(),
    };
    if let Error::Invalid { field, .. } = error {
        problem.field = Some(field.clone()).filter(|field| !field.is_empty());
    } else if let Error::Taken { what } = error {
        problem.field = Some((*what).to_owned());
    } else if let Error::Gone(tombstone) = error {
        problem.tombstone = Some(show::tombstone(tombstone));
    }
    problem
}

fn say(error: &Error) -> Fault {
    match error {
        Error::Anonymous => Fault::new(401, "credential_missing", "send Authorization: Bearer <secret>")
            .with(WWW_AUTHENTICATE, r#"Bearer realm="keyward""#),
        Error::OnHold(Hold::Payment) => {
            Fault::new(402, "on_hold_payment", "the organization is stopped until it has paid")
        }
        Error::OnHold(Hold::Locked) => Fault::new(423, "on_hold_locked", "the organization is locked"),
        Error::BadCredential => Fault::new(401, "credential_invalid", "this credential opens nothing")
            .with(WWW_AUTHENTICATE, r#"Bearer realm="keyward", error="invalid_token""#),
        Error::Forbidden => Fault::new(403, "forbidden", "scopes or role of this credential do not allow it"),
        Error::NotFound => Fault::new(404, "not_found", "there is no such thing, or not for this credential"),
        Error::Gone(tombstone) => {
            Fault::new(410, "removed", format!("removed for ever at {}", tombstone.removed_at))
        }
        Error::Invalid { field, must } if field.is_empty() => {
            Fault::new(400, "invalid_field", format!("the body must be {must}"))
        }
        Error::Invalid { field, must } => Fault::new(400, "invalid_field", format!("{field} must be {must}")),
        Error::Malformed(why) => Fault::new(400, "malformed_body", why.as_str()),
        Error::BadHead { why } => Fault::new(400, "malformed_head", *why),
        Error::HeadTooLarge => Fault::new(431, "head_too_large", "the head of the request is too long"),
        Error::Stale => Fault::new(412, "stale", "it changed since it was read: read it again"),
        Error::Taken { what } => Fault::new(409, "taken", format!("this {what} is in use")),
        Error::WrongState { why } => Fault::new(409, "wrong_state", *why),
        Error::Protected => Fault::new(423, "protected", "protected against removal: lift that first"),
        Error::Rejected => Fault::new(422, "rejected", "the key does not accept what it was given"),
        Error::PlanChanged => {
            Fault::new(409, "plan_changed", "not what would be done now: plan it again, and confirm that")
        }
        Error::IdempotencyMismatch => {
            Fault::new(422, "idempotency_mismatch", "this Idempotency-Key came with another request before")
        }
        Error::TooLarge { limit } => Fault::new(413, "too_large", format!("at most {limit} bytes or items")),
        Error::NoRoute => Fault::new(404, "no_route", "no call has this path"),
        Error::WrongMethod { allowed } => {
            let allowed = allowed.join(", ");
            Fault::new(405, "wrong_method", format!("this path takes {allowed}")).with(ALLOW, allowed)
        }
        Error::UnsupportedType { wanted } => {
            Fault::new(415, "unsupported_type", format!("send {wanted}")).with(ACCEPT, *wanted)
        }
        Error::Guessed { retry_after_seconds } => {
            let detail =
                format!("too many wrong credentials from there: try again in {retry_after_seconds} s");
            Fault::new(429, "too_many_guesses", detail).with(RETRY_AFTER, retry_after_seconds.to_string())
        }
        Error::Slow { retry_after_seconds, .. } => {
            Fault::new(429, "slow_down", format!("try again in {retry_after_seconds} s"))
                .with(RETRY_AFTER, retry_after_seconds.to_string())
        }
        Error::TimedOut => Fault::new(408, "timed_out", "the request took too long to arrive"),
        Error::Unavailable { .. } => {
            Fault::new(503, "unavailable", "not now; with the same Idempotency-Key a repeat is safe")
                .with(RETRY_AFTER, SOON.to_string())
        }
        Error::Locked => {
            Fault::new(503, "locked", "the server is locked: somebody knows a newer state than it does")
        }
        Error::Internal { .. } => {
            Fault::new(500, "internal", "something broke; the server's log says what, under the request's id")
        }
    }
}

impl Fault {
    fn new(status: u16, code: &'static str, detail: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, code, detail: detail.into(), header: None }
    }

    fn with(self, name: HeaderName, value: impl Into<String>) -> Self {
        Self { header: Some((name, value.into())), ..self }
    }
}
