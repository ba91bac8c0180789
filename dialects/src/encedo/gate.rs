//! This file is about the gate: what is judged of every call, in the order that the vendor publishes, and what is written down
//! of it when it ends. A stranger learns nothing from what comes later.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use http::StatusCode;
use keyward_core::error::Error;

use super::answers::{self, FAILED, Flow};
use super::ask::{Ask, Fields, Presented};
use super::audit::{Entry, Event, Outcome};
use super::bearer::{Bearer, Who};
use super::encoding::encode_url_safe;
use super::keys::HemKey;
use super::page::Page;
use super::scope::Needs;
use super::state::{self, Loaded, Owner};
use super::unit::Unit;
use super::{keys, logging};
use crate::dialect::{Params, Request, Response, Step};

/// One call, and what it takes.
pub(super) struct Call {
    /// Whether it is refused over plain HTTP.
    pub(super) needs_tls: bool,
    /// Whether it is refused before the unit was set up.
    pub(super) needs_owner: bool,
    /// What a session must be for.
    pub(super) needs: Needs,
    /// Who may have such a session.
    pub(super) roles: Roles,
    /// Whether this one needs no session.
    pub(super) is_open: fn(&Ask, &Owner) -> bool,
    /// What is written down when it ends.
    pub(super) event: Option<Event>,
    /// What is written down when it fails; a derivation that fails is an error.
    pub(super) failure: Outcome,
    /// Whether its answer takes its time, see [`super::delay`].
    pub(super) is_slow: bool,
    /// What it does.
    pub(super) run: fn(&Arc<Admitted>) -> Flow,
}

/// Whose sessions may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Roles {
    All,
    NotMaster,
    UserOnly,
    NotApps,
}

impl Roles {
    const fn admit(self, who: Who) -> bool {
        match (self, who) {
            (Self::All, _) | (_, Who::User) => true,
            (Self::NotMaster, Who::App(_)) | (Self::NotApps, Who::Master) => true,
            (Self::NotMaster | Self::UserOnly, Who::Master)
            | (Self::UserOnly | Self::NotApps, Who::App(_)) => false,
        }
    }
}

/// A call that was let in.
pub(super) struct Admitted {
    pub(super) ask: Ask,
    /// `None` before the first start.
    loaded: Option<Loaded>,
    pub(super) bearer: Option<Bearer>,
    who: OnceLock<Who>,
    about: Mutex<Vec<u8>>,
}

impl Admitted {
    /// The unit as it was read.
    pub(super) fn loaded(&self) -> Result<&Loaded, Error> {
        self.loaded.as_ref().ok_or(Error::Anonymous)
    }

    /// Whose it is.
    pub(super) fn owner(&self) -> Result<&Owner, Error> {
        self.loaded()?.owner.as_ref().ok_or(Error::Anonymous)
    }

    /// Says who this turns out to be.
    pub(super) fn is_by(&self, who: Who) {
        let _ = self.who.set(who);
    }

    /// Says what is to be written down that it was about; the last time counts.
    pub(super) fn is_about(&self, what: &[u8]) {
        *self.about.lock().unwrap_or_else(PoisonError::into_inner) = what.to_vec();
    }

    /// The members of a call on a key. It is about that key, whatever is wrong with the others.
    pub(super) fn fields_of_key(&self) -> Result<Fields, Error> {
        let fields = self.ask.fields()?;
        if let Ok(kid) = fields.kid("kid") {
            self.is_about(kid.bytes());
        }
        Ok(fields)
    }
}

/// Judges a call, and has it done.
pub(super) fn begin(request: &Request<'_>, params: &Params<'_, '_>, call: &'static Call) -> Flow {
    let ask = Ask::of(request, params);
    if let Some(status) = ask.refused_by_transport() {
        return refuse(&ask, status);
    }
    let bearer = ask.session()?;
    Ok(state::load(move |loaded| judge(ask, bearer, loaded, call)))
}

/// What can be read of the unit: nothing of one that cannot act.
type Read = Result<Option<Loaded>, Error>;

fn judge(ask: Ask, bearer: Option<Bearer>, loaded: Read, call: &'static Call) -> Flow {
    let (Some(Bearer { who: Who::App(kid), opened, .. }), Ok(_)) = (&bearer, &loaded) else {
        return admit(ask, loaded, bearer, call);
    };
    let (kid, opened) = (*kid, *opened);
    Ok(keys::attempt(kid, move |found| {
        if is_paired(found, &ask.unit, opened)? {
            admit(ask, loaded, bearer, call)
        } else {
            refuse(&ask, StatusCode::UNAUTHORIZED)
        }
    }))
}

/// Judges a request that is no call: a bearer that is bad is refused before that, and what is said to others is said with the
/// error.
pub(super) fn astray(error: Error, request: &Request<'_>) -> Flow {
    let presented = Presented::of(request.headers).session(request.unit);
    let Ok(Some(Bearer { who: Who::App(kid), opened, .. })) = presented else { return Err(error) };
    if Page::of(request).is_foreign() {
        return Err(error);
    }
    let unit = Arc::clone(request.unit);
    Ok(keys::attempt(kid, move |found| {
        Err(if is_paired(found, &unit, opened)? { error } else { Error::BadCredential })
    }))
}

/// An app is whoever has its key: once that is gone, so are its sessions.
fn is_paired(found: Result<HemKey, Error>, unit: &Unit, opened: u64) -> Result<bool, Error> {
    match found {
        Ok(key) => Ok(key.mark.pid.is_some() && !key.mark.is_younger(unit, opened)),
        Err(Error::NotFound | Error::Gone(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

fn admit(ask: Ask, loaded: Read, bearer: Option<Bearer>, call: &'static Call) -> Flow {
    if call.needs_tls && !ask.tls {
        return refuse(&ask, StatusCode::IM_A_TEAPOT);
    }
    let loaded = loaded.or_else(|error| if call.needs_owner { Err(error) } else { Ok(None) })?;
    let owner = loaded.as_ref().and_then(|loaded| loaded.owner.as_ref());
    if call.needs_owner && owner.is_none() {
        return refuse(&ask, StatusCode::CONFLICT);
    }
    let kid = ask.kid();
    let is_open =
        matches!(call.needs, Needs::Nothing) || owner.is_some_and(|owner| (call.is_open)(&ask, owner));
    let is_allowed = match &bearer {
        None if is_open => true,
        None => return refuse(&ask, StatusCode::UNAUTHORIZED),
        // What nobody needs a session for, nobody is refused for having another.
        Some(bearer) => call.roles.admit(bearer.who) && (is_open || call.needs.suffices(bearer, kid)),
    };
    let who = bearer.as_ref().map_or_else(OnceLock::new, |bearer| OnceLock::from(bearer.who));
    let admitted = Arc::new(Admitted { ask, loaded, bearer, who, about: Mutex::default() });
    let flow = if is_allowed { (call.run)(&admitted) } else { Err(Error::Forbidden) };
    watch(flow, move |done| finish(&admitted, call, done))
}

fn refuse(ask: &Ask, status: StatusCode) -> Flow {
    Ok(Step::Say(ask.page.told(answers::empty(status))))
}

/// Lets a chain of steps go on to its end, and tells how that was.
fn watch(flow: Flow, end: impl FnOnce(Result<Response, Error>) -> Flow + Send + 'static) -> Flow {
    match flow {
        Err(error) => end(Err(error)),
        Ok(Step::Say(response) | Step::SayAfter(_, response)) => end(Ok(response)),
        Ok(Step::Do(command, next)) => Ok(Step::Do(command, Box::new(move |done| watch(next(done), end)))),
        Ok(Step::SignIn(sign_in, next)) => {
            Ok(Step::SignIn(sign_in, Box::new(move |done| watch(next(done), end))))
        }
    }
}

/// Writes down how a call ended, then says it.
fn finish(admitted: &Arc<Admitted>, call: &'static Call, done: Result<Response, Error>) -> Flow {
    let status = done.as_ref().map_or_else(answers::status, |response| response.status);
    let response = match done {
        // What broke is the server's to say and to log.
        Err(error @ (Error::Internal { .. } | Error::Unavailable { .. } | Error::Locked)) => {
            return Err(error);
        }
        Err(error) => answers::empty(answers::status(&error)),
        Ok(response) => response,
    };
    let response = admitted.ask.page.told(response);
    let step =
        if call.is_slow { Step::SayAfter(wait(admitted, status), response) } else { Step::Say(response) };
    let Some(entry) = entry(admitted, call, status) else { return Ok(step) };
    logging::write(&admitted.ask.unit, admitted.loaded()?, entry, move || Ok(step))
}

/// How long the answer takes; and one wrong passphrase more, or none.
fn wait(admitted: &Admitted, status: StatusCode) -> std::time::Duration {
    let now = admitted.ask.unit.now();
    let mut delay = admitted.ask.unit.delay();
    let wait = delay.now(now);
    match status {
        StatusCode::OK => delay.succeeded(),
        StatusCode::UNAUTHORIZED | StatusCode::NOT_ACCEPTABLE => delay.failed(now),
        _ => {}
    }
    wait
}

/// What is written down of a call that ended so; nothing where nobody asked, or nothing came of it.
fn entry(admitted: &Admitted, call: &Call, status: StatusCode) -> Option<Entry> {
    let who = match admitted.who.get()? {
        Who::User => "U".to_owned(),
        Who::Master => "M".to_owned(),
        Who::App(kid) => encode_url_safe(kid.bytes()),
    };
    let data = encode_url_safe(&admitted.about.lock().unwrap_or_else(PoisonError::into_inner));
    if status == StatusCode::FORBIDDEN {
        let scope = admitted.bearer.as_ref().map_or("", |bearer| bearer.scope.as_str());
        let data = encode_url_safe(scope.as_bytes());
        return Some(Entry { event: Event::ScopeRefused, outcome: Outcome::Failed, who, data });
    }
    let outcome = match status {
        StatusCode::OK => Outcome::Ok,
        StatusCode::BAD_REQUEST => Outcome::Error,
        StatusCode::NOT_ACCEPTABLE => call.failure,
        _ => return None,
    };
    Some(Entry { event: call.event?, outcome, who, data })
}

/// Ends with 406 unless this holds.
pub(super) fn must(holds: bool) -> Result<(), Error> {
    holds.then_some(()).ok_or(FAILED)
}
