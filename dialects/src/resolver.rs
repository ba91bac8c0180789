//! This file is about the language of Resolver's clients: its routes, and how a request presents a credential. What is
//! spoken, and what was decided, stands in `docs/dialects/resolver.md`.

mod answers;
mod given;
mod keys;
mod page;
mod sessions;
mod users;
mod uses;

use keyward_core::error::Error;
use keyward_core::permit::{Caller, Reach, Verb};

use crate::credentials::{api_key, bearer};
use crate::dialect::{Credential, Dialect, Form, Request, Route, in_steps, known};

/// The language of Resolver's clients.
///
/// # Errors
/// [`Error::Internal`] if the table of routes contradicts itself, which a test would have shown.
pub fn dialect() -> Result<Dialect, Error> {
    Ok(Dialect::new("resolver", &ROUTES, claims, credential, answers::fault)?.with_acting(acts_as).closed())
}

static ROUTES: [Route; 14] = [
    in_steps("POST", "/user/authenticate", None, |_| Ok(Form::Steps(sessions::authenticate))),
    // The verb is one that every role has; a session is opened all the same.
    Route {
        has_head: false,
        ..in_steps("GET", "/user/authenticate", Some(Verb::ReadResources), |_| {
            Ok(Form::Steps(sessions::renew))
        })
    },
    in_steps("POST", "/user/apiKey", Some(Verb::Issue), |_| Ok(Form::Steps(keys::create))),
    in_steps("GET", "/user/apiKey/user/{userId}", Some(Verb::List), |_| Ok(Form::Steps(keys::list))),
    in_steps("GET", "/user/apiKey/{id}", Some(Verb::List), |_| Ok(Form::Steps(keys::find))),
    // Whoever holds a key may end it, so who may end this one is judged when it is known which it is.
    in_steps("DELETE", "/user/apiKey/{id}", Some(Verb::ReadResources), |_| Ok(Form::Steps(keys::remove))),
    in_steps("GET", "/user/org/{orgId}/user/{userId}", Some(Verb::ReadAccounts), |_| {
        Ok(Form::Steps(users::membership))
    }),
    in_steps("GET", "/user/users/me", Some(Verb::ReadAccounts), |_| Ok(Form::Steps(users::me))),
    in_steps("POST", "/creation/import/json", Some(Verb::WriteResources), |_| Ok(Form::Steps(uses::import))),
    in_steps("POST", "/data/file/file", Some(Verb::WriteResources), |_| Ok(Form::Steps(uses::upload))),
    in_steps("POST", "/data/object/{objectID}/file/{fileID}", Some(Verb::WriteResources), |_| {
        Ok(Form::Steps(uses::attach))
    }),
    in_steps("GET", "/user/docs", None, |_| Ok(Form::Steps(page::enter))),
    in_steps("GET", "/user/docs/", None, |_| Ok(Form::Steps(page::show))),
    in_steps("GET", "/user/docs/{file}", None, |_| Ok(Form::Steps(page::asset))),
];

fn claims(request: &Request<'_>) -> bool {
    ["/user", "/data", "/creation"].into_iter().any(|root| request.is_below(root))
}

/// `x-api-key: <key>`, or else `Authorization: bearer <token>`.
fn credential<'a>(request: &Request<'a>) -> Credential<'a> {
    match api_key(request) {
        Credential::Anonymous => bearer(request),
        key @ (Credential::Secret(_) | Credential::InBody) => key,
    }
}

/// `impersonate-user-id: <userId>`.
fn acts_as(request: &Request<'_>) -> Option<Result<u32, Error>> {
    const NAME: &str = "impersonate-user-id";
    let mut users = request.headers.get_all(NAME).iter();
    let user = users.next()?.to_str().ok().filter(|_| users.next().is_none());
    Some(given::number(NAME, user.unwrap_or_default()))
}

/// The caller, who must administer an organization: auditors read as far as that, and change nothing.
fn administrator(caller: Option<&Caller>, verb: Verb) -> Result<&Caller, Error> {
    let caller = known(caller)?;
    caller.permit(verb)?;
    match caller.permit(Verb::WriteResources)?.reach() {
        Reach::Organization | Reach::Everywhere => Ok(caller),
        Reach::Account => Err(Error::Forbidden),
    }
}
