//! This file is about the standard questions of gateways and libraries that embed nothing of ours: token introspection (RFC
//! 7662), token revocation (RFC 7009), and forward authentication as nginx, Traefik, Caddy and Envoy ask it.

use std::net::IpAddr;

use http::header::{AUTHORIZATION, CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, StatusCode};
use keyward_client::wire;
use keyward_core::command::{Answer, Ask, Command, Done, Ending, Named, Shown};
use keyward_core::error::Error;
use keyward_core::permit::Caller;
use keyward_core::scope::Scopes;
use keyward_core::verbs::verify::{Refusal, Valid, Verdict};
use zeroize::Zeroizing;

use super::render::empty;
use super::{body, headers, render};
use crate::credentials::{api_key, bearer, of_header};
use crate::dialect::{Credential, Params, Parsed, Request, Response, Step};
use crate::media::is_of_type;

/// Where a gateway asks whether a request may pass; what stands behind it is the path of that request.
const FORWARD_AUTH: &str = "/v1/forward-auth";
/// Seconds after which a key that is used too often may be tried again.
const SOON: &str = "1";

/// What the fields begin with that a gateway and we tell each other. No client's key is in one of them: a client that could
/// name one would pass by the gateway's own.
const OURS: &str = "keyward-";
/// The gateway's own credential: `Authorization` holds its client's.
const CREDENTIAL: HeaderName = HeaderName::from_static("keyward-credential");
/// Which header field holds the client's key, where that is neither `Authorization` nor `X-API-Key`.
const HEADER: HeaderName = HeaderName::from_static("keyward-header");
/// The scopes that the client's key must have, with spaces between them.
const SCOPE: HeaderName = HeaderName::from_static("keyward-scope");

/// Where its client is.
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

const KEY_ID: HeaderName = HeaderName::from_static("keyward-key-id");
const ACCOUNT_ID: HeaderName = HeaderName::from_static("keyward-account-id");
const ORGANIZATION_ID: HeaderName = HeaderName::from_static("keyward-organization-id");
const SCOPES: HeaderName = HeaderName::from_static("keyward-scopes");
const EXPIRES_AT: HeaderName = HeaderName::from_static("keyward-expires-at");

/// How a request of the native API says who asks.
pub(super) fn credential<'a>(request: &Request<'a>) -> Credential<'a> {
    match request.is_below(FORWARD_AUTH) {
        true => of_header(request, &CREDENTIAL),
        false => bearer(request),
    }
}

pub(super) fn introspect(request: &Request<'_>, _: &Params<'_, '_>) -> Result<Parsed, Error> {
    Ok(ask(token(request)?, Scopes::default(), None))
}

/// Whatever the token was: a client that cannot know is not told (RFC 7009, section 2.2). While a verifier may go on accepting it,
/// it is 503, at which the client must take it for one that still exists (section 2.2.1), see [`crate::dialect::settled`].
pub(super) fn revoke(request: &Request<'_>, _: &Params<'_, '_>, _: Option<&Caller>) -> Result<Step, Error> {
    let token = token(request)?;
    Ok(Step::attempt(Command::Remove(Named::Secret(token), Ending::default()), |done| match done {
        Ok(_) | Err(Error::NotFound) => Ok(Step::Say(empty(StatusCode::OK))),
        Err(error) => Err(error),
    }))
}

pub(super) fn forward_auth(request: &Request<'_>, _: &Params<'_, '_>) -> Result<Parsed, Error> {
    let Credential::Secret(secret) = clients(request)? else { return Err(Error::Anonymous) };
    let scopes = text_of(request, &SCOPE)?.unwrap_or_default();
    let scopes = Scopes::parse(scopes.split_ascii_whitespace())?;
    Ok(ask(Zeroizing::new(secret.into_owned()), scopes, client(request)?))
}

fn ask(secret: Zeroizing<String>, scopes: Scopes, address: Option<IpAddr>) -> Parsed {
    Command::Verify(Box::new(Ask { shown: Shown::Secret(secret), scopes, address, cost: 1 })).into()
}

/// The parameter `token` of a form, which must not come twice (RFC 6749, section 3.2). Others are ignored, hints
/// among them: there is one place to look.
fn token(request: &Request<'_>) -> Result<Zeroizing<String>, Error> {
    body::no_query(request)?;
    if !is_of_type(request, &["application/x-www-form-urlencoded"]) {
        return Err(Error::UnsupportedType { wanted: "application/x-www-form-urlencoded" });
    }
    let mut tokens = form_urlencoded::parse(request.body).filter(|(name, _)| name == "token");
    match (tokens.next(), tokens.next()) {
        (Some((_, token)), None) => Ok(Zeroizing::new(token.into_owned())),
        (None, _) => Err(Error::invalid("token", "given")),
        (Some(_), Some(_)) => Err(Error::invalid("token", "given once")),
    }
}

/// What the gateway's client presents.
fn clients<'a>(request: &Request<'a>) -> Result<Credential<'a>, Error> {
    if let Some(name) = text_of(request, &HEADER)? {
        let name = HeaderName::try_from(name).ok().filter(|name| !name.as_str().starts_with(OURS));
        let must = "the name of a field, and of none that begins with Keyward-";
        return Ok(of_header(request, &name.ok_or_else(|| Error::invalid(HEADER.as_str(), must))?));
    }
    Ok(if request.headers.contains_key(AUTHORIZATION) { bearer(request) } else { api_key(request) })
}

/// Where the gateway's client is, as the gateway says. Proxies add themselves to `X-Forwarded-For`: the last one there is
/// the one that the gateway has seen itself.
fn client(request: &Request<'_>) -> Result<Option<IpAddr>, Error> {
    let forwarded =
        || request.headers.get_all(FORWARDED_FOR).iter().next_back()?.to_str().ok()?.rsplit(',').next();
    let address = text_of(request, &REAL_IP)?.or_else(forwarded);
    let address: Option<IpAddr> = address.and_then(|address| address.trim().parse().ok());
    Ok(address.map(|address| address.to_canonical()))
}

/// A field that the gateway sets. Of two, one came from its client.
fn text_of<'a>(request: &Request<'a>, name: &HeaderName) -> Result<Option<&'a str>, Error> {
    let value = headers::one(request, name, name.as_str())?;
    let text =
        value.map(|value| value.to_str().map_err(|_| Error::invalid(name.as_str(), "printable ASCII")));
    text.transpose()
}

pub(super) fn introspected(done: &Done, request: &Request<'_>) -> Response {
    let Answer::Verdict(verdict) = &done.answer else { return render::answer(done, request) };
    let told = match &**verdict {
        Verdict::Valid(valid) => told(valid),
        Verdict::Refused(_) => wire::Introspection::default(),
    };
    render::json(StatusCode::OK, &told).with(CACHE_CONTROL, "no-store")
}

fn told(valid: &Valid) -> wire::Introspection {
    let account = &valid.profile.account;
    wire::Introspection {
        active: true,
        scope: Some(scopes(valid)),
        token_type: Some("Bearer".to_owned()),
        exp: valid.expires_at.map(|at| at.seconds()),
        sub: Some(account.id.to_string()),
        jti: Some(valid.key.to_string()),
        organization_id: Some(account.organization.id.to_string()),
    }
}

/// Says it by status and header fields alone: gateways hand bodies on to their clients.
pub(super) fn forwarded(done: &Done, request: &Request<'_>) -> Response {
    let Answer::Verdict(verdict) = &done.answer else { return render::answer(done, request) };
    let response = match &**verdict {
        Verdict::Valid(valid) => passed(valid),
        Verdict::Refused(refusal) => stopped(*refusal),
    };
    response.with(CACHE_CONTROL, "no-store")
}

fn passed(valid: &Valid) -> Response {
    let account = &valid.profile.account;
    let response = empty(StatusCode::OK)
        .with(KEY_ID, &valid.key.to_string())
        .with(ACCOUNT_ID, &account.id.to_string())
        .with(ORGANIZATION_ID, &account.organization.id.to_string())
        .with(SCOPES, &scopes(valid));
    match valid.expires_at {
        Some(at) => response.with(EXPIRES_AT, &at.to_string()),
        None => response,
    }
}

fn stopped(refusal: Refusal) -> Response {
    match refusal {
        // Nothing that waiting mends: a use that is spent does not come back.
        Refusal::InsufficientScope
        | Refusal::AddressNotAllowed
        | Refusal::UsedUp
        | Refusal::WrongPin
        | Refusal::NoPin
        | Refusal::LevelNotGranted => empty(StatusCode::FORBIDDEN),
        Refusal::RateLimited => empty(StatusCode::TOO_MANY_REQUESTS).with(RETRY_AFTER, SOON),
        Refusal::Malformed
        | Refusal::Unknown
        | Refusal::Removed
        | Refusal::Suspended
        | Refusal::Expired
        | Refusal::NotYetValid => {
            empty(StatusCode::UNAUTHORIZED).with(WWW_AUTHENTICATE, r#"Bearer error="invalid_token""#)
        }
    }
}

/// The scopes of a key, with spaces between them.
fn scopes(valid: &Valid) -> String {
    let scopes: Vec<&str> = valid.profile.scopes.iter().map(|scope| scope.as_str()).collect();
    scopes.join(" ")
}
