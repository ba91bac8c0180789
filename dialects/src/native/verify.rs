//! This file is about verifying, the call that comes a hundred thousand times a second: read where it stands in
//! the body, written without an intermediate form.

use std::io::{self, Write as _};

use http::StatusCode;
use keyward_client::wire;
use keyward_core::command::{Ask, Command, Shown};
use keyward_core::error::Error;
use keyward_core::scope::Scopes;
use keyward_core::verbs::verify::{Valid, Verdict};
use zeroize::Zeroizing;

use super::render::json_text;
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
        Verdict::Valid(valid) => write_valid(valid).unwrap_or_default(),
        Verdict::Refused(refusal) => {
            [r#"{"valid":false,"code":""#, refusal.word(), r#""}"#].concat().into_bytes()
        }
    };
    json_text(StatusCode::OK, body)
}

fn write_valid(valid: &Valid) -> io::Result<Vec<u8>> {
    let account = &valid.profile.account;
    let (name, metadata) = (valid.details.name(), valid.details.metadata());
    let mut body = Vec::with_capacity(FRAME + name.len() + metadata.len());
    body.extend(br#"{"valid":true,"key_id":""#);
    valid.key.push_to(&mut body);
    body.extend(br#"","account_id":""#);
    account.id.push_to(&mut body);
    body.extend(br#"","organization_id":""#);
    account.organization.id.push_to(&mut body);
    body.extend(br#"","name":"#);
    serde_json::to_writer(&mut body, name)?;
    body.extend(br#","scopes":["#);
    for (place, scope) in valid.profile.scopes.iter().enumerate() {
        // A scope has no character that JSON would escape.
        body.extend(if place == 0 { b"\"".as_slice() } else { b",\"" });
        body.extend(scope.as_str().as_bytes());
        body.push(b'"');
    }
    body.extend(br#"],"metadata":"#);
    // It is kept as the compact text of an object.
    body.extend(metadata.as_bytes());
    match valid.expires_at {
        Some(at) => write!(body, r#","expires_at":"{at}""#)?,
        None => body.extend(br#","expires_at":null"#),
    }
    body.extend(br#","position":"#);
    serde_json::to_writer(&mut body, &valid.position)?;
    body.push(b'}');
    Ok(body)
}
