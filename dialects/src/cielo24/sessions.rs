//! This file is about sessions: signing in with a password or a key, and signing out.

use http::HeaderMap;
use keyward_core::command::{Answer, Command, Ending, SessionPlan, SignIn};
use keyward_core::error::Error;
use keyward_core::permit::Caller;
use serde_json::json;
use zeroize::Zeroizing;

use super::fields::{Fields, hex, missing};
use super::{answers, keys};
use crate::dialect::{Params, Request, Step, unexpected};

/// What a session is like: it ends after an hour without use.
const PLAN: SessionPlan = SessionPlan { format: keys::FORMAT, life_seconds: None, idle_seconds: Some(3600) };

pub(super) fn login(request: &Request<'_>, _: &Params<'_, '_>, _: Option<&Caller>) -> Result<Step, Error> {
    let fields = Fields::of(request)?;
    let or_header = |field, name| fields.maybe(field).or_else(|| header(request.headers, name));
    let login = or_header("username", "x-auth-user").ok_or_else(|| missing("username"))?;
    let password = or_header("password", "x-auth-password").or_else(|| header(request.headers, "x-auth-key"));
    let key = fields.key().or_else(|| header(request.headers, "x-auth-securekey"));
    let proof = Zeroizing::new(match (password, key) {
        (Some(password), _) => password.to_owned(),
        (None, Some(key)) => key.to_ascii_lowercase(),
        (None, None) => return Err(missing("password")),
    });
    // As with every call, who asks is judged before what is asked.
    let session = fields.judge_version().map(|()| PLAN);
    let login = login.to_owned();
    // A key comes as a password too, in any letter case; and a password may look like a key.
    Ok(match hex(&proof).filter(|key| *key != *proof) {
        Some(key) => sign_in(login, session, Zeroizing::new(key), Some(proof)),
        None => sign_in(login, session, proof, None),
    })
}

/// Signs in with this, or with what it was typed as.
fn sign_in(
    login: String,
    session: Result<SessionPlan, Error>,
    proof: Zeroizing<String>,
    typed: Option<Zeroizing<String>>,
) -> Step {
    let looks_like_key = hex(&proof).is_some();
    let sign_in = SignIn { login: login.clone(), proof, organization: None, session: session.clone() };
    let next = move |opened| match (opened, typed) {
        (Ok(Answer::Issued(_, token)), _) => {
            // Both generations of clients find their spelling.
            answers::say(&json!({ "ApiToken": token.expose(), "api_token": token.expose() }))
        }
        (Ok(_), _) => Err(unexpected()),
        (Err(Error::BadCredential), Some(typed)) => Ok(self::sign_in(login, session, typed, None)),
        // Clients tell a key that was removed from a password that is wrong. Nobody learns from it whether there is
        // such an account or was such a key: only the shape of what was sent decides.
        (Err(Error::BadCredential), None) if looks_like_key => Err(Error::Forbidden),
        (Err(Error::BadCredential), None) => answers::refuse("LOGIN_INVALID", "Invalid username or password"),
        (Err(error), _) => Err(error),
    };
    Step::SignIn(Box::new(sign_in), Box::new(next))
}

pub(super) fn logout(
    request: &Request<'_>,
    _: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    let session = session(caller)?;
    Fields::read(request)?;
    let end = Command::Remove(session.key.into(), Ending::default());
    Ok(Step::then(end, |_| answers::done()))
}

/// The caller, who must have signed in: a key is no session.
pub(super) fn session(caller: Option<&Caller>) -> Result<&Caller, Error> {
    caller.filter(|caller| caller.idles).ok_or(Error::BadCredential)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let text = headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
    text.filter(|text| !text.is_empty())
}
