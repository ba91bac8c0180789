//! This file is about sessions: fifteen minutes for whoever knows an e-mail address and its password.

use keyward_core::command::{Answer, Command, SessionPlan, SignIn};
use keyward_core::error::Error;
use keyward_core::permit::Caller;
use keyward_core::secret::{Alphabet, Format};
use serde_json::json;
use zeroize::Zeroizing;

use super::answers;
use super::given::Given;
use crate::dialect::{Params, Request, Step, unexpected};

/// What a session is like.
const PLAN: SessionPlan = SessionPlan {
    format: Format::Plain { alphabet: Alphabet::UrlSafe, public: 0, private: 43, hint: 0 },
    life_seconds: Some(15 * 60),
    idle_seconds: None,
};

pub(super) fn authenticate(
    request: &Request<'_>,
    _: &Params<'_, '_>,
    _: Option<&Caller>,
) -> Result<Step, Error> {
    let given = Given::read(request)?;
    let sign_in = SignIn {
        login: given.text("email")?.to_owned(),
        proof: Zeroizing::new(given.text("password")?.to_owned()),
        organization: given.number("selectedOrg")?,
        session: Ok(PLAN),
    };
    let next = |opened| match opened {
        // Not active, or not in the organization: then there is none to be signed in to.
        Err(Error::Forbidden) => Err(Error::NotFound),
        opened => say_session(opened?),
    };
    Ok(Step::SignIn(Box::new(sign_in), Box::new(next)))
}

pub(super) fn renew(_: &Request<'_>, _: &Params<'_, '_>, _: Option<&Caller>) -> Result<Step, Error> {
    Ok(Step::then(Command::Renew(PLAN), say_session))
}

fn say_session(opened: Answer) -> Result<Step, Error> {
    let Answer::Issued(session, token) = opened else { return Err(unexpected()) };
    let expires_at = session.traits.expires_at.map(|at| at.millis() / 1000);
    answers::say(&json!({ "token": token.expose(), "expiresAt": expires_at }))
}
