//! This file is about the language of Resolver's clients: its routes, and how a request presents a credential. What is
//! spoken, and what was decided, stands in `docs/dialects/resolver.md`.

mod answers;
mod given;
mod keys;
mod page;
mod sessions;
mod users;
mod uses;

use std::borrow::Cow;

use keyward_core::error::Error;
use keyward_core::permit::{Caller, Reach, Verb};

use crate::bearer::bearer;
use crate::dialect::{Begin, Credential, Dialect, Form, Request, Route};

/// The language of Resolver's clients.
///
/// # Errors
/// [`Error::Internal`] if the table of routes contradicts itself, which a test would have shown.
pub fn dialect() -> Result<Dialect, Error> {
    Ok(Dialect::new("resolver", &ROUTES, claims, credential, answers::fault)?.with_acting(acts_as))
}

/// Reads how a request goes on.
type Steps = fn(&Request<'_>) -> Result<Form, Error>;

static ROUTES: [Route; 14] = [
    route("POST", "/user/authenticate", None, |_| steps(sessions::authenticate)),
    route("GET", "/user/authenticate", Some(Verb::Verify), |_| steps(sessions::renew)),
    route("POST", "/user/apiKey", Some(Verb::Issue), |_| steps(keys::create)),
    route("GET", "/user/apiKey/user/{userId}", Some(Verb::List), |_| steps(keys::list)),
    route("GET", "/user/apiKey/{id}", Some(Verb::List), |_| steps(keys::find)),
    route("DELETE", "/user/apiKey/{id}", Some(Verb::Remove), |_| steps(keys::remove)),
    route("GET", "/user/org/{orgId}/user/{userId}", Some(Verb::ReadAccounts), |_| steps(users::membership)),
    route("GET", "/user/users/me", Some(Verb::ReadAccounts), |_| steps(users::me)),
    route("POST", "/creation/import/json", Some(Verb::WriteResources), |_| steps(uses::import)),
    route("POST", "/data/file/file", Some(Verb::WriteResources), |_| steps(uses::upload)),
    route("POST", "/data/object/{objectID}/file/{fileID}", Some(Verb::WriteResources), |_| {
        steps(uses::attach)
    }),
    route("GET", "/user/docs", None, |_| steps(page::enter)),
    route("GET", "/user/docs/", None, |_| steps(page::show)),
    route("GET", "/user/docs/{file}", None, |_| steps(page::asset)),
];

const fn route(method: &'static str, path: &'static str, verb: Option<Verb>, form: Steps) -> Route {
    Route {
        method,
        path,
        verb,
        form,
        parse: |_, _| Err(answers::unexpected()),
        render: |_, request| answers::fault(&answers::unexpected(), request, ""),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it is one of the forms of a table, and others can fail")]
fn steps(begin: Begin) -> Result<Form, Error> {
    Ok(Form::Steps(begin))
}

fn claims(request: &Request<'_>) -> bool {
    ["/user", "/data", "/creation"].iter().any(|root| {
        request.path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// `x-api-key: <key>`, or else `Authorization: bearer <token>`.
fn credential<'a>(request: &Request<'a>) -> Credential<'a> {
    let mut keys = request.headers.get_all("x-api-key").iter();
    match (keys.next(), keys.next()) {
        (None, _) => bearer(request),
        (Some(key), None) => Credential::Secret(Cow::Borrowed(key.to_str().unwrap_or_default())),
        // Two readers could take different ones for the credential.
        (Some(_), Some(_)) => Credential::Secret(Cow::Borrowed("")),
    }
}

/// `impersonate-user-id: <userId>`.
fn acts_as(request: &Request<'_>) -> Option<Result<u32, Error>> {
    const NAME: &str = "impersonate-user-id";
    let mut users = request.headers.get_all(NAME).iter();
    let user = users.next()?.to_str().ok().filter(|_| users.next().is_none());
    Some(given::number(NAME, user.unwrap_or_default()))
}

/// The caller of a route that is not for anybody.
fn known(caller: Option<&Caller>) -> Result<&Caller, Error> {
    caller.ok_or(Error::Anonymous)
}

/// The caller, who must administer an organization.
fn administrator(caller: Option<&Caller>, verb: Verb) -> Result<&Caller, Error> {
    let caller = known(caller)?;
    match caller.permit(verb)?.reach() {
        Reach::Organization | Reach::Everywhere => Ok(caller),
        Reach::Account => Err(Error::Forbidden),
    }
}
