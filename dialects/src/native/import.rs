//! This file is about importing: a JSON array, or lines without end; each item is judged, done and answered
//! alone, so nothing is half-imported.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use keyward_client::wire;
use keyward_core::command::{Answer, Command, Done, Draft, Given, Import};
use keyward_core::error::Error;
use keyward_core::id::AccountId;
use keyward_core::key::Scheme;
use keyward_core::secret::Secret;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::{body, crypto, fault, fields, headers};
use crate::dialect::{Form, Lines, Params, Parsed, Request};
use crate::{media, slow_hash};

/// The most items of an array.
const ITEMS: usize = 1000;

static LINES: Lines =
    Lines { content_type: "application/x-ndjson", split, parse: parse_line, render: render_line };

pub(super) fn form(request: &Request<'_>) -> Result<Form, Error> {
    if media::is_of_type(request, &["application/json"]) {
        Ok(Form::Items(&LINES))
    } else if media::is_of_type(request, &["application/x-ndjson", "application/ndjson"]) {
        Ok(Form::Lines(&LINES))
    } else {
        Err(Error::UnsupportedType { wanted: "application/json, application/x-ndjson" })
    }
}

/// For a caller who has one item in hand; the server asks [`LINES`].
pub(super) fn parse(request: &Request<'_>, _: &Params<'_, '_>) -> Result<Parsed, Error> {
    body::no_query(request)?;
    parse_line(request, 1, request.body)
}

fn split(body: &[u8]) -> Result<Vec<&[u8]>, Error> {
    let items: Vec<&RawValue> = body::document(body)?;
    if items.len() > ITEMS {
        return Err(Error::TooLarge { limit: ITEMS as u64 });
    }
    Ok(items.into_iter().map(|item| item.get().as_bytes()).collect())
}

fn parse_line(request: &Request<'_>, line: u64, bytes: &[u8]) -> Result<Parsed, Error> {
    body::no_query(request)?;
    let command = import(body::object(bytes)?)?;
    // Every line of a repeated import gets the answer that it got before.
    let idempotency_key = headers::idempotency_key(request)?.map(|key| format!("{key}/{line}"));
    Ok(Parsed { command, idempotency_key })
}

fn import(given: wire::ImportKey) -> Result<Command, Error> {
    match given.kind {
        wire::Kind::Secret if given.crypto.is_none() => {}
        wire::Kind::Secret => return Err(Error::invalid("crypto", "absent: it is for the kind `crypto`")),
        wire::Kind::Access => return Err(Error::invalid("kind", "`secret`: a door credential is issued")),
        wire::Kind::Crypto => return import_crypto(&given),
    }
    Ok(Command::Import(Box::new(Import {
        draft: draft(&given)?,
        account: fields::maybe_id("account_id", given.account_id.as_deref(), AccountId::parse)?,
        environment: fields::label("environment", given.environment.as_deref(), "live")?,
        protected: given.protected,
        given: match (given.secret, given.digest) {
            (Some(text), None) => Given::Text(Secret::import(text.expose())?),
            (None, Some(digest)) => read_digest(&digest)?,
            (Some(_), Some(_)) | (None, None) => {
                return Err(Error::invalid("secret", "given where digest is not, and only there"));
            }
        },
        handle: given.handle.map(|text| fields::handle(&text)).transpose()?,
    })))
}

fn import_crypto(given: &wire::ImportKey) -> Result<Command, Error> {
    if given.secret.is_some() || given.digest.is_some() || given.handle.is_some() {
        return Err(Error::invalid(
            "secret",
            "absent, as digest and handle: of this key only a public half is brought",
        ));
    }
    let crypto = given.crypto.as_ref().ok_or_else(|| Error::invalid("crypto", "given"))?;
    Ok(Command::IssueCrypto(Box::new(crypto::import(crypto, given, draft(given)?)?)))
}

fn draft(given: &wire::ImportKey) -> Result<Draft, Error> {
    Ok(Draft {
        name: given.name.clone(),
        scopes: fields::scopes(&given.scopes)?,
        metadata: fields::metadata(&given.metadata)?,
        tags: given.tags.clone(),
        not_before: fields::maybe_instant("not_before", given.not_before.as_deref())?,
        expires_at: fields::maybe_instant("expires_at", given.expires_at.as_deref())?,
        ip_allow: fields::networks(&given.ip_allow)?,
        rate_limit: given.rate_limit.map(fields::rate_limit),
        uses: given.uses_left,
    })
}

fn read_digest(given: &wire::Digest) -> Result<Given, Error> {
    let scheme = match given.algorithm {
        wire::Algorithm::Sha256 => Scheme::Sha256,
        wire::Algorithm::Sha512 => Scheme::Sha512,
        wire::Algorithm::HmacSha256 => {
            let pepper = given.pepper.as_ref().and_then(|text| STANDARD.decode(text.expose()).ok());
            let pepper = pepper.filter(|pepper| !pepper.is_empty());
            Scheme::HmacSha256(pepper.ok_or_else(|| Error::invalid("digest.pepper", "base64"))?.into())
        }
        wire::Algorithm::Bcrypt => return slow(given, &["$2a$", "$2b$", "$2y$"]),
        wire::Algorithm::Argon2id => return slow(given, &["$argon2id$"]),
    };
    if given.pepper.is_some() && !matches!(scheme, Scheme::HmacSha256(_)) {
        return Err(no_pepper());
    }
    let bytes = Zeroizing::new(hex::decode(given.value.expose()).unwrap_or_default());
    let digest = scheme.fold(&bytes);
    let must = "a digest of the algorithm's length, in hexadecimal";
    Ok(Given::Digest(scheme, digest.ok_or_else(|| Error::invalid("digest.value", must))?))
}

fn slow(given: &wire::Digest, beginnings: &[&str]) -> Result<Given, Error> {
    if given.pepper.is_some() {
        return Err(no_pepper());
    }
    let hash = given.value.expose();
    let fits = beginnings.iter().any(|beginning| hash.starts_with(beginning)) && slow_hash::is_bearable(hash);
    let must = "a hash in the algorithm's own notation, of a cost of at most 14, or m=65536,t=10,p=4";
    fits.then(|| Given::Slow(hash.to_owned())).ok_or_else(|| Error::invalid("digest.value", must))
}

fn no_pepper() -> Error {
    Error::invalid("digest.pepper", "left out: it belongs to hmac-sha256")
}

fn render_line(line: u64, outcome: &Result<Done, Error>, request_id: &str) -> Vec<u8> {
    let uncovered = outcome.as_ref().map_or_else(|_| Vec::new(), |done| done.uncovered.clone());
    let outcome = match outcome.as_ref().map(|done| &done.answer) {
        Ok(Answer::Key(key) | Answer::IssuedCrypto(key)) => wire::ImportOutcome::Id(key.head.id.to_string()),
        Ok(_) => problem(&Error::internal("an import was answered by something else"), request_id),
        Err(error) => problem(error, request_id),
    };
    let mut bytes = serde_json::to_vec(&wire::ImportedLine { line, outcome, uncovered }).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn problem(error: &Error, request_id: &str) -> wire::ImportOutcome {
    wire::ImportOutcome::Problem(Box::new(fault::problem(error, request_id)))
}
