//! This file is about the header fields that say how a call is to be done.

use http::header::IF_MATCH;
use http::{HeaderName, HeaderValue};
use keyward_core::command::Command;
use keyward_core::error::Error;

use crate::dialect::{Parsed, Request};
use crate::media;

/// Longest idempotency key, in bytes.
const LONGEST: usize = 255;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The command, to be done once however often this request comes.
pub(super) fn once(request: &Request<'_>, command: Command) -> Result<Parsed, Error> {
    Ok(Parsed { command, idempotency_key: idempotency_key(request)? })
}

/// A field that says one thing. Of two that differ nobody knows which is meant, and what lies before us may have read the
/// other one.
pub(super) fn one<'a>(
    request: &Request<'a>,
    name: &HeaderName,
    shown: &str,
) -> Result<Option<&'a HeaderValue>, Error> {
    let mut values = request.headers.get_all(name).iter();
    let value = values.next();
    if values.next().is_some() {
        return Err(Error::invalid(shown, "given once"));
    }
    Ok(value)
}

/// `Idempotency-Key`.
pub(super) fn idempotency_key(request: &Request<'_>) -> Result<Option<String>, Error> {
    let Some(value) = one(request, &IDEMPOTENCY_KEY, "Idempotency-Key")? else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=LONGEST).contains(&key.len()));
    let key = key.ok_or_else(|| Error::invalid("Idempotency-Key", "1 to 255 printable ASCII characters"))?;
    Ok(Some(key.to_owned()))
}

/// The version that `If-Match` asks for (RFC 9110, section 13.1.1); `None` where any will do.
pub(super) fn if_match(request: &Request<'_>) -> Result<Option<u64>, Error> {
    let Some(value) = one(request, &IF_MATCH, "If-Match")? else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let opaque = text.strip_prefix("W/").unwrap_or(text).strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    let opaque = opaque.filter(|tag| !tag.contains('"'));
    let opaque = opaque.ok_or_else(|| Error::invalid("If-Match", "one entity tag, or *"))?;
    // A weak tag never matches here, nor does one that is not as we write it: no record has version 0.
    let version = opaque.parse().ok().filter(|version: &u64| text == format!("\"{version}\""));
    Ok(Some(version.unwrap_or(0)))
}

/// True if the caller prefers the whole representation (RFC 7240, section 4.2).
pub(super) fn prefers_representation(request: &Request<'_>) -> bool {
    media::names(request, &HeaderName::from_static("prefer"), "return=representation")
}
