//! This file is about verifying, the call that comes a hundred thousand times a second: read where it stands in
//! the body, written without an intermediate form.

use std::fmt::{self, Write};

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use keyward_client::wire;
use keyward_core::command::{Ask, Command, Shown};
use keyward_core::error::Error;
use keyward_core::scope::Scopes;
use keyward_core::verbs::verify::{Valid, Verdict};
use zeroize::Zeroizing;

use super::{access, body};
use crate::dialect::{Params, Parsed, Request, Response};

/// What a verdict takes besides name, scopes and metadata, in bytes.
const FRAME: usize = 320;

/// `Idempotency-Key` means nothing here: a question is asked anew every time, or a removed key would go on to
/// be called valid. A question that is sent twice counts twice: with few uses left that errs towards refusing.
pub(super) fn parse(request: &Request<'_>, _: &Params<'_, '_>) -> Result<Parsed, Error> {
    let given: wire::Verify<'_> = body::json(request)?;
    let shown = match (given.secret, given.access) {
        (Some(secret), None) => Shown::Secret(Zeroizing::new(secret.0.into_owned())),
        (None, Some(read)) => Shown::AtDoor(Box::new(access::read(read)?)),
        (None, None) => return Err(Error::invalid("secret", "given")),
        (Some(_), Some(_)) => return Err(Error::invalid("access", "absent where a secret is given")),
    };
    let ask = Ask {
        scopes: Scopes::parse(given.scopes.iter().map(|scope| &**scope))?,
        shown,
        address: given.ip.map(|ip| ip.to_canonical()),
        cost: given.cost.unwrap_or(1),
    };
    Ok(Command::Verify(Box::new(ask)).into())
}

pub(super) fn render(verdict: &Verdict) -> Response {
    let body = match verdict {
        Verdict::Valid(valid) => write_valid(valid).unwrap_or_default().into_bytes(),
        Verdict::Refused(refusal) => {
            [r#"{"valid":false,"code":""#, refusal.word(), r#""}"#].concat().into_bytes()
        }
    };
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Response { status: StatusCode::OK, headers, body }
}

fn write_valid(valid: &Valid) -> Result<String, fmt::Error> {
    let account = &valid.profile.account;
    let (name, metadata) = (valid.details.name(), valid.details.metadata());
    let mut body = String::with_capacity(FRAME + name.len() + metadata.len());
    body.push_str(r#"{"valid":true,"key_id":""#);
    valid.key.push_to(&mut body);
    body.push_str(r#"","account_id":""#);
    account.id.push_to(&mut body);
    body.push_str(r#"","organization_id":""#);
    account.organization.id.push_to(&mut body);
    body.push_str(r#"","name":"#);
    body.push_str(&serde_json::to_string(name).map_err(|_| fmt::Error)?);
    body.push_str(r#","scopes":["#);
    for (place, scope) in valid.profile.scopes.iter().enumerate() {
        // A scope has no character that JSON would escape.
        body.push_str(if place == 0 { "\"" } else { ",\"" });
        body.push_str(scope.as_str());
        body.push('"');
    }
    body.push_str(r#"],"metadata":"#);
    // It is kept as the compact text of an object.
    body.push_str(metadata);
    match valid.expires_at {
        Some(at) => write!(body, r#","expires_at":"{at}""#)?,
        None => body.push_str(r#","expires_at":null"#),
    }
    write!(body, r#","position":{}}}"#, valid.position)?;
    Ok(body)
}
