//! This file is about apps: a unit and an app exchange public keys once; after that the app may consent to what others ask for.
//! An app is paired as long as its key is there, which says so: no description does.

use std::sync::Arc;

use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use keyward_core::error::Error;
use serde_json::{Map, json};

use super::super::answers::{FAILED, Flow, say};
use super::super::ask::Fields;
use super::super::encoding::encode;
use super::super::gate::{Admitted, must};
use super::super::jwt::{self, Jwt};
use super::super::keymgmt::{label as label_of, make_app};
use super::super::keys;
use super::super::pairings::Pid;
use super::super::tickets::Purpose;

/// For how long an app can answer, in seconds.
const PAIRING_SECONDS: u64 = 24 * 3600;
/// The most paired apps.
const MOST: usize = 8;

/// Asks an app to pair.
pub(in super::super) fn pair(admitted: &Arc<Admitted>) -> Flow {
    let epk = admitted.ask.fields()?.needed_exactly("epk")?;
    let state = &admitted.loaded()?.state;
    let (unit, eid) = (Arc::clone(&admitted.ask.unit), state.eid_text());
    Ok(keys::agree(state.identity()?, epk, move |shared| {
        let shared = shared.ok_or(FAILED)?;
        let claims = json!({
            "jti": encode(&unit.ticket(Purpose::Pair, PAIRING_SECONDS)),
            "exp": unit.now().seconds() + PAIRING_SECONDS,
            "aud": encode(&epk),
            "iss": eid,
        });
        say(&json!({ "request": jwt::write_agreed(&claims, &*shared), "eid": eid }))
    }))
}

/// Takes an app's reply: it is paired, and told that by a code.
pub(in super::super) fn validate(admitted: &Arc<Admitted>) -> Flow {
    let fields = admitted.ask.fields()?;
    let (pid, reply) = (fields.needed_exactly::<32>("pid")?, fields.needed_text("reply")?.to_owned());
    let state = &admitted.loaded()?.state;
    let (identity, eid, unit) = (state.identity()?, state.eid, Arc::clone(&admitted.ask.unit));
    let jwt = Jwt::read(&reply).ok_or(Error::BadCredential)?;
    let claim = |name| jwt.bytes::<32>(name).ok_or(Error::BadCredential);
    let (app, jti, epk) = (claim("iss")?, claim("jti")?, claim("epk")?);
    let is_ours = claim("aud")? == eid && unit.tickets().is_good(Purpose::Pair, &jti, unit.now());
    is_ours.then_some(()).ok_or(Error::BadCredential)?;
    let admitted = Arc::clone(admitted);
    Ok(keys::agree(identity, app, move |shared| {
        let jwt = Jwt::read(&reply).ok_or(Error::BadCredential)?;
        let is_signed = shared.is_some_and(|shared| jwt.is_under(&*shared));
        is_signed.then_some(()).ok_or(Error::BadCredential)?;
        let label = json!(jwt.text("label"));
        let label = label_of(&Fields::of(Map::from_iter([("label".to_owned(), label)])))?;
        Ok(keys::agree(identity, epk, move |shared| {
            let key = Key::new(HMAC_SHA256, &*shared.ok_or(FAILED)?);
            let code = encode(hmac::sign(&key, reply.as_bytes()).as_ref());
            store(&admitted, (pid, app, jti), label, code)
        }))
    }))
}

/// Keeps the key of an app, unless there are too many or it is there already.
fn store(
    admitted: &Arc<Admitted>,
    (pid, app, jti): (Pid, [u8; 32], [u8; 32]),
    label: String,
    code: String,
) -> Flow {
    let admitted = Arc::clone(admitted);
    let pairing = admitted.ask.unit.pairings().begin(pid);
    let see = |paired: &mut Vec<Pid>, key: keys::HemKey| paired.extend(key.mark.pid);
    Ok(keys::fold(Vec::new(), see, move |paired| {
        must(pairing.fits(paired, MOST))?;
        let unit = &admitted.ask.unit;
        unit.tickets().spend(jti, unit.now()).then_some(()).ok_or(Error::BadCredential)?;
        let admitted_too = Arc::clone(&admitted);
        make_app(&admitted, label, app, pid, move |key| {
            drop(pairing);
            admitted_too.is_about(key.kid.bytes());
            say(&json!({ "kid": key.kid.to_string(), "code": code }))
        })
    }))
}

/// Proves to an app that the unit is the one that it knows.
pub(in super::super) fn mac(admitted: &Arc<Admitted>) -> Flow {
    let epk = admitted.ask.fields()?.needed_exactly("epk")?;
    let state = &admitted.loaded()?.state;
    let (nonce, eid) = (admitted.ask.unit.random::<32>(), state.eid_text());
    Ok(keys::agree(state.identity()?, epk, move |shared| {
        let key = Key::new(HMAC_SHA256, &*shared.ok_or(FAILED)?);
        let mac = hmac::sign(&key, &nonce);
        say(&json!({ "nonce": encode(&nonce), "mac": encode(mac.as_ref()), "eid": eid }))
    }))
}
