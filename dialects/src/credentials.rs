//! This file is about the credentials that several languages have: a bearer, and a key in a header of its own.

use std::borrow::Cow;

use http::HeaderName;
use http::header::AUTHORIZATION;

use crate::dialect::{Credential, Request};

/// The scheme, with the space behind it.
const BEARER: &str = "bearer ";

/// `Authorization: Bearer <secret>` (RFC 6750, section 2.1).
pub(crate) fn bearer<'a>(request: &Request<'a>) -> Credential<'a> {
    let mut values = request.headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Credential::Anonymous };
    if values.next().is_some() {
        // Two readers could take different ones for the credential.
        return Credential::Secret(Cow::Borrowed(""));
    }
    let secret = value.to_str().ok().and_then(|text| {
        let (scheme, secret) = text.split_at_checked(BEARER.len())?;
        scheme.eq_ignore_ascii_case(BEARER).then_some(secret)
    });
    // Another scheme is a credential too, and opens nothing here.
    Credential::Secret(Cow::Borrowed(secret.unwrap_or_default().trim_matches(' ')))
}

/// The header field of a key that is no bearer.
pub(crate) const API_KEY: &str = "x-api-key";

/// `X-API-KEY: <key>`.
pub(crate) fn api_key<'a>(request: &Request<'a>) -> Credential<'a> {
    of_header(request, &HeaderName::from_static(API_KEY))
}

/// A key that is all that stands in a header field.
pub(crate) fn of_header<'a>(request: &Request<'a>, name: &HeaderName) -> Credential<'a> {
    let mut values = request.headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Credential::Anonymous,
        (Some(value), None) => Credential::Secret(Cow::Borrowed(value.to_str().unwrap_or_default())),
        // Two readers could take different ones for the credential.
        (Some(_), Some(_)) => Credential::Secret(Cow::Borrowed("")),
    }
}
