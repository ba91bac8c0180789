//! This file is about the language of cielo24's clients: its routes, and how a request presents a credential. What is
//! spoken, and what was decided, stands in `docs/dialects/cielo24.md`.

mod accounts;
mod answers;
mod fields;
mod jobs;
mod keys;
mod resources;
mod sessions;
mod settings;

use std::borrow::Cow;

use keyward_core::error::Error;
use keyward_core::permit::Verb;

use self::fields::Fields;
use crate::dialect::{Begin, Credential, Dialect, Form, Request, Route};

/// The language of cielo24's clients.
///
/// # Errors
/// [`Error::Internal`] if the table of routes contradicts itself, which a test would have shown.
pub fn dialect() -> Result<Dialect, Error> {
    Dialect::new("cielo24", &ROUTES, claims, credential, answers::fault)
}

/// Reads how a request goes on.
type Steps = fn(&Request<'_>) -> Result<Form, Error>;

static ROUTES: [Route; 28] = {
    const LOGIN: Steps = |_| steps(sessions::login);
    const LOGOUT: Steps = |_| steps(sessions::logout);
    const GENERATE: Steps = |_| steps(keys::generate);
    const REMOVE: Steps = |_| steps(keys::remove);
    const VERIFY: Steps = |_| steps(accounts::verify_key);
    const SETTINGS: Steps = |_| steps(settings::list);
    const SET: Steps = |_| steps(settings::update);
    const NEW: Steps = |_| steps(jobs::create);
    const MEDIA: Steps = |_| steps(jobs::add_media);
    const LIST: Steps = |_| steps(jobs::list);
    const INFO: Steps = |_| steps(jobs::info);
    const DELETE: Steps = |_| steps(jobs::delete);
    [
        route("GET", "/api/account/login", None, LOGIN),
        route("POST", "/api/account/login", None, LOGIN),
        route("GET", "/api/account/logout", Some(Verb::Remove), LOGOUT),
        route("POST", "/api/account/logout", Some(Verb::Remove), LOGOUT),
        route("POST", "/api/account/update_password", Some(Verb::Issue), |_| {
            steps(accounts::update_password)
        }),
        route("GET", "/api/account/generate_api_key", Some(Verb::Issue), GENERATE),
        route("POST", "/api/account/generate_api_key", Some(Verb::Issue), GENERATE),
        route("GET", "/api/account/remove_api_key", Some(Verb::Remove), REMOVE),
        route("POST", "/api/account/remove_api_key", Some(Verb::Remove), REMOVE),
        route("GET", "/api/account/verify_key", Some(Verb::ReadAccounts), VERIFY),
        route("POST", "/api/account/verify_key", Some(Verb::ReadAccounts), VERIFY),
        route("GET", "/api/account/get_settings", Some(Verb::ReadResources), SETTINGS),
        route("POST", "/api/account/get_settings", Some(Verb::ReadResources), SETTINGS),
        route("GET", "/api/account/update_setting", Some(Verb::WriteResources), SET),
        route("POST", "/api/account/update_setting", Some(Verb::WriteResources), SET),
        route("POST", "/api/account/create", Some(Verb::CreateAccount), |_| steps(accounts::create)),
        route("GET", "/api/job/new", Some(Verb::WriteResources), NEW),
        route("POST", "/api/job/new", Some(Verb::WriteResources), NEW),
        route("GET", "/api/job/add_media", Some(Verb::WriteResources), MEDIA),
        route("POST", "/api/job/add_media", Some(Verb::WriteResources), MEDIA),
        route("GET", "/api/job/list", Some(Verb::ReadResources), LIST),
        route("POST", "/api/job/list", Some(Verb::ReadResources), LIST),
        route("GET", "/api/job/info", Some(Verb::ReadResources), INFO),
        route("POST", "/api/job/info", Some(Verb::ReadResources), INFO),
        route("GET", "/api/job/del", Some(Verb::WriteResources), DELETE),
        route("POST", "/api/job/del", Some(Verb::WriteResources), DELETE),
        route("GET", "/api/job/delete", Some(Verb::WriteResources), DELETE),
        route("POST", "/api/job/delete", Some(Verb::WriteResources), DELETE),
    ]
};

const fn route(method: &'static str, path: &'static str, verb: Option<Verb>, form: Steps) -> Route {
    Route {
        method,
        path,
        verb,
        form,
        parse: |_, _| Err(answers::unexpected()),
        render: |_, _| answers::no_content(),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it is one of the forms of a table, and others can fail")]
fn steps(begin: Begin) -> Result<Form, Error> {
    Ok(Form::Steps(begin))
}

fn claims(request: &Request<'_>) -> bool {
    ["/api/account", "/api/job"].iter().any(|root| {
        request.path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// `api_token` in the query or, of a POST, in the body. Only text of its shape is looked at: a key of another form is
/// no session.
fn credential<'a>(request: &Request<'a>) -> Credential<'a> {
    // What does not parse is told once it is known who asks.
    let fields = Fields::of(request).unwrap_or_default();
    match fields.maybe("api_token") {
        Some(token) => Credential::Secret(Cow::Owned(fields::hex(token).unwrap_or_default())),
        None if *request.method == http::Method::POST => Credential::InBody,
        None => Credential::Anonymous,
    }
}
