//! This file is about setting up: a unit becomes somebody's, once. Over the wire whoever comes first proves to hold the key that
//! is to be the master's; on the command line whoever runs the server says so.

use std::sync::Arc;

use keyward_core::error::Error;
use serde_json::json;
use zeroize::Zeroizing;

use super::super::answers::{FAILED, Flow, done, say};
use super::super::ask::Fields;
use super::super::audit::Event;
use super::super::bearer::{Plan, Who};
use super::super::encoding::encode;
use super::super::gate::{Admitted, must};
use super::super::state::{self, Loaded, Owner};
use super::super::system::attest;
use super::super::tickets::Purpose;
use super::super::unit::Unit;
use super::super::{agreement, logging, passphrase};
use super::{Answered, CHALLENGE_SECONDS, spk};

/// Whose a unit is to be, as whoever runs the server says.
pub struct SetUp {
    /// What clients call it: the host of its address.
    pub hostname: String,
    /// The name of its user.
    pub user: String,
    /// What the user signs in with.
    pub user_passphrase: Zeroizing<String>,
    /// What signs in for configuration when the user's is lost.
    pub master_passphrase: Zeroizing<String>,
    /// Whether anybody may look for keys by the beginning of their description.
    pub allow_keysearch: bool,
}

/// A challenge for whoever sets it up.
pub(in super::super) fn challenge(admitted: &Arc<Admitted>) -> Flow {
    let loaded = admitted.loaded()?;
    must(loaded.owner.is_none())?;
    let unit = &admitted.ask.unit;
    let ticket = unit.ticket(Purpose::SetUp, CHALLENGE_SECONDS);
    let (spk, exp) = (spk(unit, Purpose::SetUp, &ticket)?, unit.now().seconds() + CHALLENGE_SECONDS);
    let eid = loaded.state.eid_text();
    attest(loaded, &ticket, move |genuine| {
        say(
            &json!({ "exp": exp, "spk": encode(&spk), "jti": encode(&ticket), "genuine": genuine, "eid": eid }),
        )
    })
}

/// The answer to it: the unit is theirs, and they may go on to configure it.
pub(in super::super) fn over_wire(admitted: &Arc<Admitted>) -> Flow {
    let loaded = admitted.loaded()?;
    must(loaded.owner.is_none())?;
    let (fields, unit) = (admitted.ask.fields()?, &admitted.ask.unit);
    let answered =
        Answered::read(unit, Purpose::SetUp, fields.needed_text("init")?).ok_or(Error::BadCredential)?;
    let (jwt, now) = (&answered.jwt, unit.now().seconds());
    if jwt.has("exp") && jwt.number("exp").is_none_or(|exp| exp <= now) {
        return Err(Error::BadCredential);
    }
    let members = jwt.object("cfg").ok_or_else(|| Error::invalid("cfg", "an object"))?;
    let owner = read(&Fields::of(members.clone()), now)?;
    // Whoever signs holds the master's key: nobody sets up a unit that they could not enter.
    if owner.master_key != answered.by {
        return Err(Error::BadCredential);
    }
    // And none that its user could not.
    must(agreement::is_sound(&owner.user_key))?;
    answered.spend(unit)?;
    let (unit, admitted) = (Arc::clone(unit), Arc::clone(admitted));
    state::own(&Arc::clone(&unit), loaded.clone(), owner, move |loaded| {
        admitted.is_by(Who::Master);
        let plan = Plan { who: Who::User, scope: "system:config", context: None, expires: 0 };
        let token = plan.open(&unit).ok_or(FAILED)?.token;
        let made = json!({ "instanceid": hex::encode(loaded.state.instance), "token": token });
        // There was no log before it was somebody's.
        logging::begin(&unit, &loaded, Some(Event::Started), move || say(&made))
    })
}

/// Sets it up as whoever runs the server says, unless it is somebody's already.
pub(in super::super) fn by_plan(unit: &Arc<Unit>, loaded: Loaded, plan: &SetUp) -> Flow {
    if loaded.owner.is_some() {
        return done();
    }
    let eid = loaded.state.eid_text();
    let public = |passphrase: &str| {
        let public = agreement::public(&passphrase::seed(passphrase, &eid));
        public.ok_or_else(|| Error::internal("a private key was refused"))
    };
    let now = unit.now().seconds();
    let owner = Owner {
        user_key: public(&plan.user_passphrase)?,
        master_key: public(&plan.master_passphrase)?,
        user: plan.user.clone(),
        email: String::new(),
        hostname: plan.hostname.clone(),
        origin: format!("https://{}", plan.hostname),
        trusted_ts: false,
        trusted_backend: false,
        allow_keysearch: plan.allow_keysearch,
        iat: now,
        uts: now,
    };
    state::own(unit, loaded, owner, |_| done())
}

fn read(fields: &Fields, now: u64) -> Result<Owner, Error> {
    let text = |name: &str, most: usize| {
        let text = fields.needed_text(name)?;
        if text.len() <= most { Ok(text.to_owned()) } else { Err(Error::invalid(name, "not so long")) }
    };
    let flag = |name: &str| fields.flag(name)?.ok_or_else(|| Error::invalid(name, "given"));
    Ok(Owner {
        user_key: fields.needed_exactly("userkey")?,
        master_key: fields.needed_exactly("masterkey")?,
        user: text("user", 32)?,
        email: text("email", 254)?,
        hostname: text("hostname", 253)?,
        origin: text("origin", 300)?,
        trusted_ts: flag("trusted_ts")?,
        trusted_backend: flag("trusted_backend")?,
        allow_keysearch: flag("allow_keysearch")?,
        iat: now,
        uts: now,
    })
}
