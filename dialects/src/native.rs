//! This file is about the native API: its routes, and how a request presents a credential.

mod access;
mod access_levels;
mod accounts;
mod body;
mod crypto;
mod fault;
mod fields;
mod format;
mod gateways;
mod headers;
mod import;
mod keys;
mod log;
mod operations;
mod organizations;
mod removals;
mod render;
mod show;
mod store;
mod verifiers;
mod verify;
mod words;

use keyward_core::access::LEVELS;
use keyward_core::error::Error;
use keyward_core::permit::Verb;

pub use self::format::format;
pub use self::operations::{OPERATIONS, PROBLEM};
use crate::dialect::{ANY, Dialect, Form, Parse, Route, has_head, in_steps};

/// The native API.
///
/// # Errors
/// [`Error::Internal`] if the table of routes contradicts itself, which a test would have shown.
pub fn dialect() -> Result<Dialect, Error> {
    Dialect::new("native", &ROUTES, |_| true, gateways::credential, fault::fault)
}

static ROUTES: [Route; 52] = [
    route("POST", "/v1/keys", Verb::Issue, keys::issue),
    Route { form: import::form, ..route("POST", "/v1/keys/import", Verb::Import, import::parse) },
    route("GET", "/v1/keys", Verb::List, keys::list),
    route("GET", "/v1/keys/{id}", Verb::Find, keys::find),
    route("PATCH", "/v1/keys/{id}", Verb::Update, keys::update),
    route("DELETE", "/v1/keys/{id}", Verb::Remove, keys::remove),
    route("POST", "/v1/keys/{id}/suspend", Verb::Suspend, keys::suspend),
    route("POST", "/v1/keys/{id}/resume", Verb::Resume, keys::resume),
    route("POST", "/v1/keys/{id}/rotate", Verb::Rotate, keys::rotate),
    route("GET", "/v1/keys/{id}/usage", Verb::Find, keys::usage),
    route("POST", "/v1/keys/verify", Verb::Verify, verify::parse),
    Route {
        render: gateways::introspected,
        ..route("POST", "/v1/introspect", Verb::Verify, gateways::introspect)
    },
    in_steps("POST", "/v1/revoke", Some(Verb::Remove), |_| Ok(Form::Steps(gateways::revoke))),
    Route {
        render: gateways::forwarded,
        ..route(ANY, "/v1/forward-auth", Verb::Verify, gateways::forward_auth)
    },
    Route {
        render: gateways::forwarded,
        ..route(ANY, "/v1/forward-auth/{*path}", Verb::Verify, gateways::forward_auth)
    },
    route("POST", "/v1/keys/{id}/derive", Verb::Derive, crypto::derive),
    route("POST", "/v1/keys/{id}/sign", Verb::Exercise, crypto::sign),
    route("POST", "/v1/keys/{id}/verify", Verb::Exercise, crypto::verify),
    route("POST", "/v1/keys/{id}/mac", Verb::Exercise, crypto::mac),
    route("POST", "/v1/keys/{id}/encrypt", Verb::Exercise, crypto::encrypt),
    route("POST", "/v1/keys/{id}/decrypt", Verb::Exercise, crypto::decrypt),
    route("POST", "/v1/keys/{id}/wrap", Verb::Exercise, crypto::wrap),
    route("POST", "/v1/keys/{id}/unwrap", Verb::Exercise, crypto::unwrap),
    route("POST", "/v1/keys/{id}/agree", Verb::Exercise, crypto::agree),
    route("POST", "/v1/keys/{id}/encapsulate", Verb::Exercise, crypto::encapsulate),
    route("POST", "/v1/keys/{id}/decapsulate", Verb::Exercise, crypto::decapsulate),
    route("POST", "/v1/removals", Verb::Remove, removals::start),
    route("GET", "/v1/removals/{id}", Verb::Find, removals::find),
    route("GET", "/v1/receipts/{id}", Verb::Find, log::receipt),
    route("GET", "/v1/verifiers", Verb::ReadVerifiers, verifiers::list),
    Route {
        form: verifiers::stream_form,
        ..route("GET", "/v1/verifiers/stream", Verb::JoinVerifiers, verifiers::list)
    },
    route("GET", "/v1/log/checkpoint", Verb::ReadLog, log::checkpoint),
    route("GET", "/v1/log/tile/{*tile}", Verb::ReadLog, log::tile),
    Route { form: log::events_form, ..route("GET", "/v1/events", Verb::ReadLog, log::events) },
    route("POST", "/v1/store/reroot", Verb::Reroot, store::reroot),
    route("POST", "/v1/store/backup", Verb::BackUp, store::back_up),
    route("POST", "/v1/accounts", Verb::CreateAccount, accounts::create),
    route("GET", "/v1/accounts", Verb::ReadAccounts, accounts::list),
    route("GET", "/v1/accounts/{id}", Verb::ReadAccounts, accounts::find),
    route("PATCH", "/v1/accounts/{id}", Verb::UpdateAccount, accounts::update),
    route("DELETE", "/v1/accounts/{id}", Verb::RemoveAccount, accounts::remove),
    route("PUT", "/v1/accounts/{id}/password", Verb::Issue, accounts::set_password),
    level("POST", "/v1/access-levels", Verb::WriteResources, access_levels::create),
    level("GET", "/v1/access-levels", Verb::ReadResources, access_levels::list),
    level("GET", "/v1/access-levels/{id}", Verb::ReadResources, access_levels::find),
    level("PATCH", "/v1/access-levels/{id}", Verb::WriteResources, access_levels::update),
    level("DELETE", "/v1/access-levels/{id}", Verb::WriteResources, access_levels::remove),
    route("POST", "/v1/organizations", Verb::CreateOrganization, organizations::create),
    route("GET", "/v1/organizations", Verb::ReadOrganizations, organizations::list),
    route("GET", "/v1/organizations/{id}", Verb::ReadOrganizations, organizations::find),
    route("PATCH", "/v1/organizations/{id}", Verb::UpdateOrganization, organizations::update),
    route("DELETE", "/v1/organizations/{id}", Verb::RemoveOrganization, organizations::remove),
];

const fn route(method: &'static str, path: &'static str, verb: Verb, parse: Parse) -> Route {
    let has_head = has_head(Some(verb));
    Route {
        method,
        path,
        verb: Some(verb),
        collection: None,
        has_head,
        form: |_| Ok(Form::Document),
        parse,
        render: render::answer,
    }
}

/// A call on what doors are of.
const fn level(method: &'static str, path: &'static str, verb: Verb, parse: Parse) -> Route {
    Route { collection: Some(LEVELS), ..route(method, path, verb, parse) }
}
