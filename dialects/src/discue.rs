//! This file is about discue, a message queue service: its calls on an organization's API keys, and on what the keys open.

mod events;
mod fault;
mod given;
mod grants;
mod ids;
mod keys;
mod organizations;
mod queues;
mod writer;

use keyward_core::error::Error;
use keyward_core::permit::{Caller, Verb};

use self::writer::Writer;
use crate::credentials::{API_KEY, api_key};
use crate::dialect::{Dialect, Form, Params, Request, Route, Step, in_steps};
use crate::{intserv, media};

/// The language of discue.
///
/// # Errors
/// [`Error::Internal`] if the table of routes contradicts itself, which a test would have shown.
pub fn dialect() -> Result<Dialect, Error> {
    Ok(Dialect::new("discue", &ROUTES, claims, api_key, fault::fault)?.closed())
}

/// What stands in front of every path, or nothing: one of the clients has no prefix unless it is given one.
const PREFIX: &str = "/v1";

/// The resources of which there are calls.
const SPOKEN: [&str; 4] = ["api_clients", "api_keys", "events", "queues"];

/// The resources that keys can be scoped to and of which there are no calls here.
const UNSPOKEN: [&str; 8] =
    ["listeners", "messages", "schemas", "stats", "subscriptions", "channels", "domains", "topics"];

/// A call for who takes JSON. Judged with the shape of the request: whoever may not ask is told that and nothing else.
macro_rules! acceptable {
    ($begin:path) => {
        |_| {
            Ok(Form::Steps(|request, params, caller| {
                let step = $begin(request, params, caller)?;
                Ok(if media::takes_json(request) { step } else { Step::Say(fault::not_acceptable(request)) })
            }))
        }
    };
}

/// The table of calls, each with the prefix and without.
macro_rules! calls {
    ($($method:literal $path:literal $verb:path => $begin:path,)*) => {
        [
            in_steps("GET", PREFIX, None, |_| Ok(Form::Steps(status))),
            // Never claimed: it is asked for under a host of this language's own only.
            in_steps("GET", "/", None, |_| Ok(Form::Steps(status))),
            $(
                in_steps($method, concat!("/v1", $path), Some($verb), acceptable!($begin)),
                in_steps($method, $path, Some($verb), acceptable!($begin)),
            )*
        ]
    };
}

static ROUTES: [Route; 36] = calls! {
    "POST" "/api_keys" Verb::Issue => keys::create,
    "GET" "/api_keys" Verb::List => keys::list,
    "GET" "/api_keys/{id}" Verb::Find => keys::find,
    "PUT" "/api_keys/{id}" Verb::Update => keys::update,
    // A key may end itself whatever else it may, so who may end this one is judged when it is known which it is.
    "DELETE" "/api_keys/{id}" Verb::ReadResources => keys::remove,
    "GET" "/events" Verb::ReadLog => events::list,
    "POST" "/api_clients" Verb::UpdateOrganization => organizations::create,
    "GET" "/api_clients" Verb::ReadOrganizations => organizations::list,
    "GET" "/api_clients/{id}" Verb::ReadOrganizations => organizations::find,
    "PUT" "/api_clients/{id}" Verb::UpdateOrganization => organizations::update,
    "POST" "/queues" Verb::WriteResources => queues::create,
    "GET" "/queues" Verb::ReadResources => queues::list,
    "GET" "/queues/{id}" Verb::ReadResources => queues::find,
    "PUT" "/queues/{id}" Verb::WriteResources => queues::update,
    "DELETE" "/queues/{id}" Verb::WriteResources => queues::remove,
    "POST" "/queues/{id}/messages" Verb::WriteResources => queues::send,
    "GET" "/queues/{id}/messages" Verb::ReadResources => queues::messages,
};

/// Whether there is a server at all.
fn status(request: &Request<'_>, _: &Params<'_, '_>, _: Option<&Caller>) -> Result<Step, Error> {
    if media::takes_json(request) {
        Ok(Writer::of(request).say(&serde_json::json!({ "status": "ok" })))
    } else {
        Ok(Step::Say(fault::not_acceptable(request)))
    }
}

/// By path. The native API has `/v1/events` too: there, the header field of the credential tells who asks for which, whatever
/// else a proxy or a library puts beside it. A request without that is in our own language; its 401 has the members `title`
/// and `status` that this one's has. What is below belongs to another vendor where it is a path of theirs.
fn claims(request: &Request<'_>) -> bool {
    if request.path == PREFIX {
        return true;
    }
    let ours = resource(request).is_some_and(|it| SPOKEN.contains(&it) || UNSPOKEN.contains(&it));
    ours && (!request.path.starts_with("/v1/events")
        || request.headers.contains_key(API_KEY) && !intserv::claims(request))
}

/// The first segment of the path behind the prefix.
fn resource<'a>(request: &Request<'a>) -> Option<&'a str> {
    let path = request.path.strip_prefix(PREFIX).filter(|rest| rest.starts_with('/')).unwrap_or(request.path);
    path.strip_prefix('/')?.split('/').next()
}
