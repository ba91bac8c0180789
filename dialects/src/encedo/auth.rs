//! This file is about signing in: a challenge, and an answer that only the holder of a private key can give.

mod apps;
mod consent;
mod set_up;

use std::sync::Arc;

use keyward_core::error::Error;
use serde_json::json;

pub(super) use self::apps::{mac, pair, validate};
pub(super) use self::consent::{grant, request};
pub use self::set_up::SetUp;
pub(super) use self::set_up::{by_plan, challenge as set_up_challenge, over_wire};
use super::answers::{Flow, say};
use super::bearer::{Plan, Session};
use super::encoding::encode;
use super::gate::Admitted;
use super::jwt::Jwt;
use super::scope::used_key;
use super::tickets::{Purpose, TICKET};
use super::unit::Unit;
use super::{agreement, keys};

/// For how long a challenge can be answered, in seconds.
const CHALLENGE_SECONDS: u64 = 60;
/// How far the clock of a client may be off, in seconds.
const CLOCK_SECONDS: u64 = 5;

/// A challenge: what to sign, and whom to agree with.
pub(super) fn challenge(admitted: &Arc<Admitted>) -> Flow {
    let (unit, loaded) = (&admitted.ask.unit, admitted.loaded()?);
    let ticket = unit.ticket(Purpose::LogIn, CHALLENGE_SECONDS);
    say(&json!({
        "eid": loaded.state.eid_text(),
        "spk": encode(&spk(unit, Purpose::LogIn, &ticket)?),
        "jti": encode(&ticket),
        "exp": unit.now().seconds() + CHALLENGE_SECONDS,
        "lbl": admitted.owner()?.hostname,
    }))
}

/// The answer to a challenge: a bearer.
pub(super) fn log_in(admitted: &Arc<Admitted>) -> Flow {
    let fields = admitted.ask.fields()?;
    let text = fields.needed_text("auth")?;
    let (unit, owner) = (&admitted.ask.unit, admitted.owner()?);
    let answered = Answered::read(unit, Purpose::LogIn, text).ok_or(Error::BadCredential)?;
    let (jwt, who) = (&answered.jwt, owner.who(&answered.by).ok_or(Error::BadCredential)?);
    let now = unit.now().seconds();
    let iat = jwt.number("iat").ok_or(Error::BadCredential)?;
    let exp = if jwt.has("exp") { jwt.number("exp").ok_or(Error::BadCredential)? } else { 0 };
    let is_in_time = is_now(iat, now) && (exp == 0 || now < exp);
    let plan = Plan {
        who,
        scope: jwt.text("scope").filter(|_| is_in_time).ok_or(Error::BadCredential)?,
        context: jwt.text("ctx"),
        expires: exp,
    };
    let session = plan.open(unit).ok_or(Error::BadCredential)?;
    // Another passphrase, which ends all sessions, may have come since the unit was read: this one would outlive that.
    let is_still = unit.owner().as_ref().and_then(|owner| owner.who(&answered.by)) == Some(who);
    is_still.then_some(()).ok_or(Error::BadCredential)?;
    answered.spend(unit)?;
    admitted.is_by(who);
    admitted.is_about(plan.scope.as_bytes());
    tell(unit, plan.scope, session)
}

/// Whether something was written just now, by a clock that is not ours.
const fn is_now(seconds: u64, now_seconds: u64) -> bool {
    now_seconds.abs_diff(seconds) <= CLOCK_SECONDS
}

/// Says the bearer of a session. One for the use of a kid that no key has is for the next that will have it.
fn tell(unit: &Arc<Unit>, scope: &str, Session { token, opened }: Session) -> Flow {
    let said = move || say(&json!({ "token": token }));
    let Some(kid) = used_key(scope) else { return said() };
    // Before it is looked up: a key that is made meanwhile is found, or comes to those that await it.
    unit.awaited().begin(kid, opened);
    let unit = Arc::clone(unit);
    Ok(keys::attempt(kid, move |found| match found {
        Ok(_) => {
            unit.awaited().is_there(kid, opened);
            said()
        }
        Err(Error::NotFound | Error::Gone(_)) => said(),
        Err(error) => Err(error),
    }))
}

/// An answer to a challenge of ours whose signature is right.
struct Answered<'a> {
    jwt: Jwt<'a>,
    /// Who signed: a public key.
    by: [u8; 32],
    ticket: [u8; TICKET],
}

impl<'a> Answered<'a> {
    fn read(unit: &Unit, purpose: Purpose, text: &'a str) -> Option<Self> {
        let jwt = Jwt::read(text)?;
        let (by, ticket) = (jwt.bytes("iss")?, jwt.bytes("jti")?);
        unit.tickets().is_good(purpose, &ticket, unit.now()).then_some(())?;
        let private = unit.tickets().private(purpose, &ticket);
        (jwt.bytes("aud") == agreement::public(&private)).then_some(())?;
        jwt.is_under(&*agreement::shared(&private, &by)?).then_some(())?;
        Some(Self { jwt, by, ticket })
    }

    /// Answers its challenge; each can be answered once.
    fn spend(&self, unit: &Unit) -> Result<(), Error> {
        unit.tickets().spend(self.ticket, unit.now()).then_some(()).ok_or(Error::BadCredential)
    }
}

/// Whom the answer to a ticket is to agree with.
pub(super) fn spk(unit: &Unit, purpose: Purpose, ticket: &[u8; TICKET]) -> Result<[u8; 32], Error> {
    let public = agreement::public(&unit.tickets().private(purpose, ticket));
    public.ok_or_else(|| Error::internal("a private key was refused"))
}

#[cfg(test)]
mod tests {
    use super::is_now;

    #[test]
    fn five_seconds_either_way_are_now() {
        for (seconds, fits) in
            [(1000, true), (995, true), (994, false), (1005, true), (1006, false), (0, false)]
        {
            assert_eq!(is_now(seconds, 1000), fits, "{seconds}");
        }
    }
}
