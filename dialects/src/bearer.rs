//! This file is about the bearer credential, which several languages have.

use std::borrow::Cow;

use http::header::AUTHORIZATION;

use crate::dialect::{Credential, Request};

/// `Authorization: Bearer <secret>` (RFC 6750, section 2.1).
pub(crate) fn bearer<'a>(request: &Request<'a>) -> Credential<'a> {
    let mut values = request.headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Credential::Anonymous };
    if values.next().is_some() {
        // Two readers could take different ones for the credential.
        return Credential::Secret(Cow::Borrowed(""));
    }
    let secret = value.to_str().ok().and_then(|text| {
        let (scheme, secret) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(secret)
    });
    // Another scheme is a credential too, and opens nothing here.
    Credential::Secret(Cow::Borrowed(secret.unwrap_or_default().trim_matches(' ')))
}
