//! This file is about consent: anybody may ask the paired apps for a session, and gets one if an app says yes. What is asked for
//! can be read by the apps only.

use std::sync::Arc;

use keyward_core::error::Error;
use keyward_core::id::KeyId;
use serde_json::{Map, Value, json};

use super::super::answers::{FAILED, Flow, say};
use super::super::bearer::{Plan, Who};
use super::super::encoding::encode;
use super::super::gate::{Admitted, must};
use super::super::jwt::{self, Jwt};
use super::super::keys::{self, HemKey};
use super::super::scope::used_key;
use super::super::sealing::Sealing;
use super::super::tickets::{self, Purpose};
use super::tell;

/// For how long an app can consent, in seconds.
const CONSENT_SECONDS: u64 = 3600;
/// The same, to the use of one key.
const USE_SECONDS: u64 = 900;
/// The longest scope that can be asked for, in bytes.
const SCOPE: usize = 1023;
/// The longest context, in bytes.
const CONTEXT: usize = 64;
/// The longest note to whoever consents, in bytes.
const NOTE: usize = 128;
/// What kind of key it is, in the vendor's code, which is not published.
const NO_TYPE: &str = "0000";

/// An app that may consent.
struct App {
    pid: [u8; 32],
    public: [u8; 32],
}

/// What is asked for.
struct Asked {
    epk: [u8; 32],
    scope: String,
    context: Option<String>,
    note: Option<String>,
}

/// Asks the apps.
pub(in super::super) fn request(admitted: &Arc<Admitted>) -> Flow {
    let fields = admitted.ask.fields()?;
    let text = |name: &str, most: usize| match fields.text(name)? {
        Some(text) if text.len() > most => Err(Error::invalid(name, "not so long")),
        text => Ok(text.map(str::to_owned)),
    };
    let asked = Asked {
        epk: fields.needed_exactly("epk")?,
        scope: text("scope", SCOPE)?.ok_or_else(|| Error::invalid("scope", "given"))?,
        context: text("ctx", CONTEXT)?,
        note: text("note", NOTE)?,
    };
    let admitted = Arc::clone(admitted);
    let see = |apps: &mut Vec<App>, key: HemKey| {
        apps.extend(key.mark.pid.zip(key.app_public()).map(|(pid, public)| App { pid, public }));
    };
    Ok(keys::fold(Vec::new(), see, move |apps| match used_key(&asked.scope) {
        None => seal(&admitted, asked, apps, ""),
        Some(kid) => Ok(keys::attempt(kid, move |found| {
            let label = match found {
                Ok(key) => key.label,
                Err(Error::NotFound | Error::Gone(_)) => String::new(),
                Err(error) => return Err(error),
            };
            let shown = json!({ "t": NO_TYPE, "l": label }).to_string();
            seal(&admitted, asked, apps, &format!("#{}", encode(shown.as_bytes())))
        })),
    }))
}

/// Seals the scope for each app, with what it is to show, and signs the whole.
fn seal(admitted: &Arc<Admitted>, asked: Asked, apps: Vec<App>, shown: &str) -> Flow {
    let state = &admitted.loaded()?.state;
    let unit = &admitted.ask.unit;
    let seconds = if shown.is_empty() { CONSENT_SECONDS } else { USE_SECONDS };
    let ticket = unit.ticket_for(Purpose::Consent, seconds, beginning(&asked.epk));
    let now = unit.now().seconds();
    let mut claims = Map::from_iter([
        ("iss".to_owned(), state.eid_text().into()),
        ("aud".to_owned(), encode(&asked.epk).into()),
        ("iat".to_owned(), now.into()),
        ("exp".to_owned(), (now + seconds).into()),
        ("jti".to_owned(), encode(&ticket).into()),
    ]);
    claims.extend(asked.context.map(|context| ("ctx".to_owned(), context.into())));
    claims.extend(asked.note.map(|note| ("note".to_owned(), note.into())));
    let (identity, epk) = (state.identity()?, asked.epk);
    let scope = asked.scope + shown;
    for_each(identity, ticket, apps, scope, Map::new(), move |sealed| {
        claims.insert("scope".to_owned(), Value::Object(sealed));
        Ok(keys::agree(identity, epk, move |shared| {
            let authreq = jwt::write_agreed(&Value::Object(claims), &*shared.ok_or(FAILED)?);
            say(&json!({ "authreq": authreq, "epk": encode(&epk) }))
        }))
    })
}

/// Seals a scope for one app after the other.
fn for_each(
    identity: KeyId,
    ticket: [u8; 32],
    mut apps: Vec<App>,
    scope: String,
    mut sealed: Map<String, Value>,
    next: impl FnOnce(Map<String, Value>) -> Flow + Send + 'static,
) -> Flow {
    let Some(app) = apps.pop() else { return next(sealed) };
    Ok(keys::agree(identity, app.public, move |shared| {
        let text = shared.and_then(|shared| Sealing::new(&shared, &ticket).seal(&scope));
        sealed.insert(encode(&app.pid), text.ok_or(FAILED)?.into());
        for_each(identity, ticket, apps, scope, sealed, next)
    }))
}

/// An app's consent: a session for whoever brings it.
pub(in super::super) fn grant(admitted: &Arc<Admitted>) -> Flow {
    let text = admitted.ask.fields()?.needed_text("authreply")?.to_owned();
    let jwt = Jwt::read(&text).ok_or(Error::BadCredential)?;
    let pid = jwt.bytes::<32>("pid").ok_or(Error::BadCredential)?;
    let admitted = Arc::clone(admitted);
    let see = move |found: &mut Option<HemKey>, key: HemKey| {
        if key.mark.pid == Some(pid) {
            *found = Some(key);
        }
    };
    Ok(keys::fold(None, see, move |found| {
        let key = found.ok_or(FAILED)?;
        let public = key.app_public().ok_or(FAILED)?;
        let identity = admitted.loaded()?.state.identity()?;
        Ok(keys::agree(identity, public, move |shared| {
            consented(&admitted, &text, &key, &*shared.ok_or(FAILED)?)
        }))
    }))
}

/// What a ticket keeps of a public key.
const fn beginning(public: &[u8; 32]) -> [u8; 4] {
    let [a, b, c, d, ..] = *public;
    [a, b, c, d]
}

fn consented(admitted: &Admitted, text: &str, app: &HemKey, shared: &[u8; 32]) -> Flow {
    let unit = &admitted.ask.unit;
    let jwt = Jwt::read(text).ok_or(Error::BadCredential)?;
    if jwt.bytes("iss") != app.app_public() {
        return Err(FAILED);
    }
    let ticket = jwt.bytes::<32>("jti").filter(|_| jwt.is_under(shared)).ok_or(Error::BadCredential)?;
    let expires = jwt.number("exp").ok_or(Error::BadCredential)?;
    let (eid, aud) = (admitted.loaded()?.state.eid, jwt.bytes::<32>("aud").ok_or(Error::BadCredential)?);
    let is_good = (aud == eid || tickets::is_for(&ticket, beginning(&aud)))
        && unit.tickets().is_good(Purpose::Consent, &ticket, unit.now())
        && (expires == 0 || unit.now().seconds() < expires);
    is_good.then_some(()).ok_or(Error::BadCredential)?;
    must(!app.mark.is_younger(unit, tickets::made_at(&ticket)))?;
    let sealed =
        jwt.text("scope").and_then(|sealed| Sealing::new(shared, &ticket).open(sealed)).ok_or(FAILED)?;
    let scope = sealed.split_once('#').map_or(sealed.as_str(), |(scope, _)| scope);
    let plan = Plan { who: Who::App(app.kid), scope, context: jwt.text("ctx"), expires };
    let session = plan.open(unit).ok_or(FAILED)?;
    unit.tickets().spend(ticket, unit.now()).then_some(()).ok_or(Error::BadCredential)?;
    admitted.is_by(plan.who);
    admitted.is_about(scope.as_bytes());
    tell(unit, scope, session)
}
