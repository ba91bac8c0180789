//! This file is about the unit's configuration: what its owner may read and change.

use std::sync::Arc;

use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use http::StatusCode;
use keyward_core::error::Error;
use serde_json::json;

use super::super::answers::{self, FAILED, Flow, say};
use super::super::ask::Fields;
use super::super::auth::spk;
use super::super::encoding::encode;
use super::super::gate::{Admitted, must};
use super::super::state::Owner;
use super::super::tickets::{Purpose, TICKET};
use super::super::unit::Unit;
use super::super::{agreement, keys, state};
use super::NONE;
use crate::dialect::Step;

/// For how long another passphrase can be set with what was read, in seconds.
const REKEY_SECONDS: u64 = 600;
/// The longest texts, in bytes.
const USER: usize = 32;
const EMAIL: usize = 254;
const ORIGIN: usize = 300;
/// The flags, as bits.
const TRUSTED_TS: u64 = 1;
const TRUSTED_BACKEND: u64 = 1 << 1;
const ALLOW_KEYSEARCH: u64 = 1 << 2;

pub(in super::super) fn show(admitted: &Arc<Admitted>) -> Flow {
    let (unit, loaded) = (&admitted.ask.unit, admitted.loaded()?);
    let (state, owner) = (loaded.state.clone(), admitted.owner()?.clone());
    let ticket = unit.ticket(Purpose::Rekey, REKEY_SECONDS);
    let spk = spk(unit, Purpose::Rekey, &ticket)?;
    let (signer, eid) = (state.signer()?, state.eid);
    Ok(keys::sign(signer, &eid, move |eid_sign| {
        let instance = hex::encode(state.instance);
        say(&json!({
            "iat": owner.iat,
            "uts": owner.uts,
            "devid": instance,
            "instanceid": instance,
            "eid": state.eid_text(),
            "eid_sign": encode(&eid_sign),
            "user": owner.user,
            "email": owner.email,
            "hostname": owner.hostname,
            "origin": owner.origin,
            "flags": flags(&owner),
            "ctx": NONE,
            "ip": "",
            "dnsd": "",
            "spk": encode(&spk),
            "nonce": encode(&ticket),
        }))
    }))
}

/// Changes what is named. `false` if nothing that is named can be changed; a wrong value is refused in the same form.
pub(in super::super) fn configure(admitted: &Arc<Admitted>) -> Flow {
    let Ok(fields) = admitted.ask.fields() else { return Ok(misshapen()) };
    if fields.names().any(|name| name == "wipeout") {
        return Err(FAILED);
    }
    let unit = Arc::clone(&admitted.ask.unit);
    let turn = unit.configuring().take().ok_or(Error::Stale)?;
    // Read again: another change may have come between.
    Ok(state::load(move |loaded| {
        let loaded = loaded?.ok_or(Error::Anonymous)?;
        let before = loaded.owner.as_ref().ok_or(Error::Anonymous)?;
        let (Ok(mut owner), Ok(rekey)) = (changed(&fields, before), Rekey::read(&fields)) else {
            return Ok(misshapen());
        };
        if let Some(rekey) = rekey {
            owner.user_key = rekey.prove(&unit)?;
        }
        let is_rekeyed = owner.user_key != before.user_key;
        if owner == *before {
            let is_named = |name: &str| ["user", "email", "origin", "flags", "userkey"].contains(&name);
            return say(&json!({ "updated": fields.names().any(is_named) }));
        }
        owner.uts = unit.now().seconds().max(before.uts.saturating_add(1));
        let again = Arc::clone(&unit);
        state::configure(&unit, &loaded, owner, move || {
            drop(turn);
            // Whoever knew the passphrase from before has no session any more.
            if is_rekeyed {
                again.end_sessions();
            }
            say(&json!({ "updated": true }))
        })
    }))
}

fn misshapen() -> Step {
    Step::Say(answers::json(StatusCode::BAD_REQUEST, &json!({ "updated": false })))
}

fn changed(fields: &Fields, before: &Owner) -> Result<Owner, Error> {
    let text = |name: &str, most: usize, before: &str| match fields.text(name)? {
        Some(text) if text.len() > most || text.chars().any(char::is_control) => {
            Err(Error::invalid(name, "not so long"))
        }
        text => Ok(text.unwrap_or(before).to_owned()),
    };
    let flags = fields.number("flags")?.unwrap_or_else(|| flags(before));
    if flags & !(TRUSTED_TS | TRUSTED_BACKEND | ALLOW_KEYSEARCH) != 0 {
        return Err(Error::invalid("flags", "known ones"));
    }
    Ok(Owner {
        user: text("user", USER, &before.user)?,
        email: text("email", EMAIL, &before.email)?,
        origin: text("origin", ORIGIN, &before.origin)?,
        trusted_ts: flags & TRUSTED_TS != 0,
        trusted_backend: flags & TRUSTED_BACKEND != 0,
        allow_keysearch: flags & ALLOW_KEYSEARCH != 0,
        ..before.clone()
    })
}

/// Another passphrase of the user's.
struct Rekey {
    /// Its public half.
    public: [u8; 32],
    ticket: [u8; TICKET],
    proof: [u8; 32],
}

impl Rekey {
    fn read(fields: &Fields) -> Result<Option<Self>, Error> {
        let Some(public) = fields.exactly("userkey")? else { return Ok(None) };
        let (ticket, proof) =
            (fields.needed_exactly("userkey_nonce")?, fields.needed_exactly("userkey_hmac")?);
        Ok(Some(Self { public, ticket, proof }))
    }

    /// The public half, from whoever proves to have the private one.
    fn prove(self, unit: &Unit) -> Result<[u8; 32], Error> {
        let Self { public, ticket, proof } = self;
        must(unit.tickets().is_good(Purpose::Rekey, &ticket, unit.now()))?;
        let private = unit.tickets().private(Purpose::Rekey, &ticket);
        let shared = agreement::shared(&private, &public).ok_or(FAILED)?;
        hmac::verify(&Key::new(HMAC_SHA256, &*shared), &ticket, &proof).map_err(|_| FAILED)?;
        must(unit.tickets().spend(ticket, unit.now()))?;
        Ok(public)
    }
}

fn flags(owner: &Owner) -> u64 {
    let bits = [
        (owner.trusted_ts, TRUSTED_TS),
        (owner.trusted_backend, TRUSTED_BACKEND),
        (owner.allow_keysearch, ALLOW_KEYSEARCH),
    ];
    bits.into_iter().filter(|(is_set, _)| *is_set).fold(0, |flags, (_, bit)| flags | bit)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Method, StatusCode};
    use keyward_core::command::{Answer, Command};
    use serde_json::json;

    use crate::dialect::{Form, Request, Step};
    use crate::encedo::answers::Flow;
    use crate::encedo::bearer::{Plan, Who};
    use crate::encedo::dialect;
    use crate::encedo::example::{asked, kept, read, unit};

    /// One of two changes that came at once was told that it was made, and undone by the other.
    #[test]
    fn of_two_changes_at_once_none_undoes_the_other() {
        let (unit, before, mut kept) = (unit(), kept(), kept());
        let plan = Plan { who: Who::User, scope: "system:config", context: None, expires: 0 };
        let bearer = format!("Bearer {}", plan.open(&unit).unwrap().token);
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_str(&bearer).unwrap());
        headers.insert("content-length", HeaderValue::from_static("0"));
        let dialect = dialect().unwrap();
        let begin = |body: serde_json::Value| -> Flow {
            let (method, path, body) = (&Method::POST, "/api/system/config", body.to_string());
            let (body, headers) = (body.as_bytes(), &headers);
            let request =
                Request { method, path, prefix: "", query: "", headers, body, tls: true, unit: &unit };
            let (route, params) = dialect.route(method, path).unwrap();
            let Ok(Form::Steps(begin)) = (route.form)(&request) else { panic!("it has no steps") };
            begin(&request, &params, None)
        };
        // Both are let in, and the first has read what it is to change.
        let first = read(begin(json!({ "user": "bob" })), &kept);
        let first = asked(read(first, &kept));
        let second = read(begin(json!({ "email": "bob@example.com" })), &kept);
        let Ok(Step::Say(second)) = second else { panic!("it is told nothing") };
        assert_eq!(second.status, StatusCode::CONFLICT);
        let (Command::UpdateResource { patch, .. }, next) = first else { panic!("it changes nothing") };
        kept[1].content = patch.content.unwrap();
        let changed = Answer::Resource(Box::new(kept[1].clone()));
        let Ok(Step::Say(first)) = next(Ok(changed)) else { panic!("it is told nothing") };
        assert_eq!(first.status, StatusCode::OK);
        // The next changes what is there by now, whatever was there when it was let in.
        let third = read(begin(json!({ "email": "bob@example.com" })), &before);
        let (third, _) = asked(read(third, &kept));
        let Command::UpdateResource { patch, .. } = third else { panic!("it changes nothing") };
        let content = patch.content.unwrap();
        assert_eq!((&content["user"], &content["email"]), (&json!("bob"), &json!("bob@example.com")));
    }
}
