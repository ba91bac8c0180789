//! This file is about the language of IntServ's clients: its routes, who may call them, and how a request is read. What is
//! spoken, and what was decided, stands in `docs/dialects/intserv.md`.

mod body;
mod events;
mod fault;
mod keys;
mod show;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use keyward_core::access::LEVELS;
use keyward_core::command::{Answer, Command, Page};
use keyward_core::error::Error;
use keyward_core::id::Id;
use keyward_core::permit::{Caller, Verb};
use keyward_core::resource::Resource;
use serde_json::{Value, json};

use self::body::Body;
use crate::credentials::bearer;
use crate::dialect::{Begin, Choose, Dialect, Form, Params, Request, Response, Route, Step, in_steps, known};

/// The scope of an Integration API Key: the only sort that may touch access keys. Making the next one removes the one
/// before.
pub(crate) const INTEGRATION: &str = "intserv:integration";
/// The scope of an App API Key.
const APP: &str = "intserv:app";

/// The language of IntServ's clients.
///
/// # Errors
/// [`Error::Internal`] if the table of routes contradicts itself, which a test would have shown.
pub fn dialect() -> Result<Dialect, Error> {
    Ok(Dialect::new("intserv", &ROUTES, claims, bearer, fault::fault)?.closed())
}

static ROUTES: [Route; 5] = [
    route("/v1/accesskeys/add", |_| Ok(Form::Steps(keys::add))),
    route("/v1/accesskeys/remove", |_| Ok(Form::Steps(keys::remove))),
    route("/v1/accesskeys/status", |_| Ok(Form::Steps(keys::status))),
    route("/v1/accesslevels/list", |_| Ok(Form::Steps(levels as Begin))),
    route("/v1/events/list", |_| Ok(Form::Steps(events::list))),
];

/// A call; all of them answer in steps. Whoever has a key may come as far as this: what sort of token that is, is judged
/// before what it may do.
const fn route(path: &'static str, form: Choose) -> Route {
    in_steps("POST", path, Some(Verb::ReadResources), form)
}

/// By path. The native API has `/v1/events` itself.
pub(crate) fn claims(request: &Request<'_>) -> bool {
    request.is_below("/v1/accesskeys")
        || request.is_below("/v1/accesslevels")
        || request.path.trim_end_matches('/') == "/v1/events/list"
}

/// The caller, if it has an Integration API Key that may do this.
fn integration(caller: Option<&Caller>, verb: Verb) -> Result<&Caller, Error> {
    let caller = anyone(caller)?;
    if !caller.has_scope(INTEGRATION) {
        return Err(Error::Forbidden);
    }
    caller.permit(verb).map(|_| caller)
}

/// The caller, if it has any sort of token of this language. Another key of Keyward's is none: it opens no more here than
/// an unknown one.
fn anyone(caller: Option<&Caller>) -> Result<&Caller, Error> {
    let caller = known(caller)?;
    let is_token = [INTEGRATION, APP].iter().any(|scope| caller.has_scope(scope));
    is_token.then_some(caller).ok_or(Error::BadCredential)
}

fn levels(request: &Request<'_>, _: &Params<'_, '_>, caller: Option<&Caller>) -> Result<Step, Error> {
    anyone(caller)?;
    Body::read(request)?;
    more_levels(None, Vec::new())
}

fn more_levels(after: Option<Id>, mut found: Vec<Value>) -> Result<Step, Error> {
    let page = Page { after, limit: Page::LIMIT };
    let list = Command::ListResources { collection: LEVELS, account: None, parent: None, page };
    Ok(Step::then(list, move |answer| {
        let Answer::Resources(levels, next) = answer else {
            return Err(Error::internal("no list of levels"));
        };
        found.extend(levels.iter().map(show::level));
        match next {
            Some(_) => more_levels(next, found),
            None => Ok(say(&json!({ "levels": found }))),
        }
    }))
}

/// The resource in an answer.
fn resource(answer: Answer) -> Result<Box<Resource>, Error> {
    let Answer::Resource(resource) = answer else { return Err(Error::internal("no resource")) };
    Ok(resource)
}

/// The last step of a call that went well.
fn say(body: &Value) -> Step {
    Step::Say(response(StatusCode::OK, body))
}

fn response(status: StatusCode, body: &Value) -> Response {
    let response = Response { status, headers: HeaderMap::new(), body: body.to_string().into_bytes() };
    response.with(CONTENT_TYPE, "application/json")
}
