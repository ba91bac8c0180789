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
use keyward_core::permit::{Reach, Verb};

use self::fields::Fields;
use crate::dialect::{Choose, Credential, Dialect, Form, Request, Route, in_steps};

/// The language of cielo24's clients.
///
/// # Errors
/// [`Error::Internal`] if the table of routes contradicts itself, which a test would have shown.
pub fn dialect() -> Result<Dialect, Error> {
    // A parent acts for its descendants, and nobody for anybody else, whatever role they have in our own API.
    Ok(Dialect::new("cielo24", &ROUTES, claims, credential, answers::fault)?.reaching(Reach::Account))
}

static ROUTES: [Route; 28] = {
    const LOGIN: Choose = |_| Ok(Form::Steps(sessions::login));
    const LOGOUT: Choose = |_| Ok(Form::Steps(sessions::logout));
    const GENERATE: Choose = |_| Ok(Form::Steps(keys::generate));
    const REMOVE: Choose = |_| Ok(Form::Steps(keys::remove));
    const VERIFY: Choose = |_| Ok(Form::Steps(accounts::verify_key));
    const SETTINGS: Choose = |_| Ok(Form::Steps(settings::list));
    const SET: Choose = |_| Ok(Form::Steps(settings::update));
    const NEW: Choose = |_| Ok(Form::Steps(jobs::create));
    const MEDIA: Choose = |_| Ok(Form::Steps(jobs::add_media));
    const LIST: Choose = |_| Ok(Form::Steps(jobs::list));
    const INFO: Choose = |_| Ok(Form::Steps(jobs::info));
    const DELETE: Choose = |_| Ok(Form::Steps(jobs::delete));
    [
        Route { has_head: false, ..in_steps("GET", "/api/account/login", None, LOGIN) },
        in_steps("POST", "/api/account/login", None, LOGIN),
        // Whoever has a session may end it: the verb is one that every key and role has.
        Route {
            has_head: false,
            ..in_steps("GET", "/api/account/logout", Some(Verb::ReadResources), LOGOUT)
        },
        in_steps("POST", "/api/account/logout", Some(Verb::ReadResources), LOGOUT),
        in_steps("POST", "/api/account/update_password", Some(Verb::Issue), |_| {
            Ok(Form::Steps(accounts::update_password))
        }),
        in_steps("GET", "/api/account/generate_api_key", Some(Verb::Issue), GENERATE),
        in_steps("POST", "/api/account/generate_api_key", Some(Verb::Issue), GENERATE),
        // Who may remove nothing is told so of keys that are there; that one is gone, whoever has a session is told.
        Route {
            has_head: false,
            ..in_steps("GET", "/api/account/remove_api_key", Some(Verb::ReadResources), REMOVE)
        },
        in_steps("POST", "/api/account/remove_api_key", Some(Verb::ReadResources), REMOVE),
        in_steps("GET", "/api/account/verify_key", Some(Verb::ReadAccounts), VERIFY),
        in_steps("POST", "/api/account/verify_key", Some(Verb::ReadAccounts), VERIFY),
        in_steps("GET", "/api/account/get_settings", Some(Verb::ReadResources), SETTINGS),
        in_steps("POST", "/api/account/get_settings", Some(Verb::ReadResources), SETTINGS),
        in_steps("GET", "/api/account/update_setting", Some(Verb::WriteResources), SET),
        in_steps("POST", "/api/account/update_setting", Some(Verb::WriteResources), SET),
        in_steps("POST", "/api/account/create", Some(Verb::CreateAccount), |_| {
            Ok(Form::Steps(accounts::create))
        }),
        in_steps("GET", "/api/job/new", Some(Verb::WriteResources), NEW),
        in_steps("POST", "/api/job/new", Some(Verb::WriteResources), NEW),
        in_steps("GET", "/api/job/add_media", Some(Verb::WriteResources), MEDIA),
        in_steps("POST", "/api/job/add_media", Some(Verb::WriteResources), MEDIA),
        in_steps("GET", "/api/job/list", Some(Verb::ReadResources), LIST),
        in_steps("POST", "/api/job/list", Some(Verb::ReadResources), LIST),
        in_steps("GET", "/api/job/info", Some(Verb::ReadResources), INFO),
        in_steps("POST", "/api/job/info", Some(Verb::ReadResources), INFO),
        in_steps("GET", "/api/job/del", Some(Verb::WriteResources), DELETE),
        in_steps("POST", "/api/job/del", Some(Verb::WriteResources), DELETE),
        in_steps("GET", "/api/job/delete", Some(Verb::WriteResources), DELETE),
        in_steps("POST", "/api/job/delete", Some(Verb::WriteResources), DELETE),
    ]
};

fn claims(request: &Request<'_>) -> bool {
    ["/api/account", "/api/job"].into_iter().any(|root| request.is_below(root))
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
