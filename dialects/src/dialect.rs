//! This file is about the seam between the HTTP loop and a dialect.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use keyward_core::command::{Answer, Command, Done, Ending, Named, SignIn};
use keyward_core::error::Error;
use keyward_core::permit::{Caller, Permit, Reach, Verb};
use keyward_core::resource::Resource;
use keyward_core::store::Logged;
use matchit::Router;
use percent_encoding::percent_decode_str;

use crate::encedo::Unit;

/// A request, as a dialect sees it.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its path, still percent-encoded, without the prefix.
    pub path: &'a str,
    /// What stands in front of that because this server puts the language there; empty where it is where its vendor has it.
    pub prefix: &'a str,
    /// Its query without the question mark, still percent-encoded; empty where there is none.
    pub query: &'a str,
    /// Its header fields.
    pub headers: &'a HeaderMap,
    /// Its body; empty while only the head has been read.
    pub body: &'a [u8],
    /// Whether it came over TLS.
    pub tls: bool,
    /// What the server remembers as a unit of Encedo HEM.
    pub unit: &'a Arc<Unit>,
}

impl Request<'_> {
    /// Whether the path is this one, or goes on behind it.
    pub(crate) fn is_below(&self, root: &str) -> bool {
        self.path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// An answer, as a dialect writes it. The server adds what belongs to the connection.
#[derive(Clone, Debug)]
pub struct Response {
    /// Its status.
    pub status: StatusCode,
    /// Its header fields.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

/// What a request presents to prove who asks.
pub enum Credential<'a> {
    /// Nothing.
    Anonymous,
    /// The text of a key; empty where something is there that no key can look like.
    Secret(Cow<'a, str>),
    /// Not in the head: the body is to be read, and this asked again. Said of a body that was read: nothing. Only for
    /// routes of [`Form::Steps`].
    InBody,
}

/// What a request asks for.
pub struct Parsed {
    /// The command.
    pub command: Command,
    /// The caller's name for this request: under the same name it is done once.
    pub idempotency_key: Option<String>,
}

impl From<Command> for Parsed {
    fn from(command: Command) -> Self {
        Self { command, idempotency_key: None }
    }
}

/// Reads what a request asks for.
pub type Parse = fn(&Request<'_>, &Params<'_, '_>) -> Result<Parsed, Error>;

/// Writes what came of it.
pub type Render = fn(&Done, &Request<'_>) -> Response;

/// Says how a request goes on.
pub type Choose = fn(&Request<'_>) -> Result<Form, Error>;

/// The method of a call that is the same by every method.
pub(crate) const ANY: &str = "ANY";

/// One call of a dialect.
pub struct Route {
    /// Its method, as in the request line, or [`ANY`].
    pub method: &'static str,
    /// Its path; `{name}` stands for one segment, `{*name}` for all that are left.
    pub path: &'static str,
    /// What the caller must be permitted; `None` for what anybody may ask.
    pub verb: Option<Verb>,
    /// The collection that the caller's key must open a part of at least, where the verb is about one and nothing else is said.
    pub collection: Option<&'static str>,
    /// Whether `HEAD` goes where its `GET` goes. Not where that changes something: who sends `HEAD` asks for no effect (RFC
    /// 9110, section 9.2.1).
    pub has_head: bool,
    /// How body and answer flow, as far as the head of the request says.
    ///
    /// # Errors
    /// [`Error::UnsupportedType`] where that depends on a content type that is not understood.
    pub form: Choose,
    /// Reads what is asked for. Not called for [`Form::Items`], [`Form::Lines`] and [`Form::Steps`].
    pub parse: Parse,
    /// Writes the answer. Not called for [`Form::Items`], [`Form::Lines`], [`Form::Events`] and [`Form::Steps`].
    pub render: Render,
}

impl Route {
    /// Judges whether a caller may ask it at all, before anything of the request's content is looked at.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn permit(&self, caller: &Caller, verb: Verb) -> Result<Permit, Error> {
        let permit = caller.permit(verb)?;
        self.collection.map_or(Ok(()), |collection| permit.may_open_some(collection)).map(|()| permit)
    }

    /// The scope that a key needs for it, unless it has `admin`; of a collection, at least the one of that name for a part. `None`
    /// where any key will do, or who presents none.
    #[must_use]
    pub fn scope(&self) -> Option<String> {
        let word = if self.verb?.only_reads() { "read" } else { "write" };
        let right = || self.verb?.right().map(|right| right.word().to_owned());
        self.collection.map(|collection| format!("{collection}:{word}")).or_else(right)
    }
}

/// A call that answers in steps; `form` says where they begin.
pub(crate) const fn in_steps(
    method: &'static str,
    path: &'static str,
    verb: Option<Verb>,
    form: Choose,
) -> Route {
    let render: Render = |_, _| Response {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        headers: HeaderMap::new(),
        body: Vec::new(),
    };
    let has_head = has_head(verb);
    Route { method, path, verb, collection: None, has_head, form, parse: |_, _| Err(unexpected()), render }
}

/// Whether the verb of a call leaves everything as it is.
pub(crate) const fn has_head(verb: Option<Verb>) -> bool {
    match verb {
        Some(verb) => verb.only_reads(),
        None => true,
    }
}

/// The caller of a call that is not for anybody.
pub(crate) fn known(caller: Option<&Caller>) -> Result<&Caller, Error> {
    caller.ok_or(Error::Anonymous)
}

/// The error for an answer that belongs to another command than the one that was given.
pub(crate) fn unexpected() -> Error {
    Error::internal("an answer to another command")
}

/// How the body of a request and its answer flow.
#[derive(Clone, Copy)]
pub enum Form {
    /// A body of limited size in, an answer out.
    Document,
    /// A body of limited size that is many items; each is a line to [`Lines`].
    Items(&'static Lines),
    /// Lines of any number, each answered by a line as soon as it is done.
    Lines(&'static Lines),
    /// [`Command::ListEvents`] in, then events for as long as the caller listens.
    Events(&'static Events),
    /// A body of limited size in, then one command after the other until there is an answer.
    Steps(Begin),
    /// No body and no answer: the connection becomes a verifier's (`docs/verifier-protocol.md`).
    Verifier,
}

/// Begins an answer. The caller is there unless the route is for anybody.
pub type Begin = fn(&Request<'_>, &Params<'_, '_>, Option<&Caller>) -> Result<Step, Error>;

/// One step of an answer that takes several commands: systems other than ours have calls that are two of ours. No step is
/// undone when a later one fails, so what must not stay half-done is one command.
pub enum Step {
    /// Have this done; each command is permitted for itself.
    Do(Box<Command>, Next),
    /// Open a session, for somebody who has none.
    SignIn(Box<SignIn>, Next),
    /// Say this.
    Say(Response),
    /// Say this after a while, in which nothing is held but the connection: guesses are to be slow.
    SayAfter(Duration, Response),
}

/// Goes on when what the step asked for was done, or was not.
pub type Next = Box<dyn FnOnce(Result<Answer, Error>) -> Result<Step, Error> + Send>;

impl Step {
    /// Has a command done, and goes on with its answer.
    pub fn then(command: Command, next: impl FnOnce(Answer) -> Result<Self, Error> + Send + 'static) -> Self {
        Self::Do(Box::new(command), Box::new(|done| next(done?)))
    }

    /// Has a command done, and goes on with its answer or its error.
    pub fn attempt(
        command: Command,
        next: impl FnOnce(Result<Answer, Error>) -> Result<Self, Error> + Send + 'static,
    ) -> Self {
        Self::Do(Box::new(command), Box::new(next))
    }

    /// Has a key removed. One that was removed before is not found, as the vendors' clients expect.
    pub(crate) fn remove(
        key: Named,
        ending: Ending,
        next: impl FnOnce() -> Result<Self, Error> + Send + 'static,
    ) -> Self {
        Self::then(Command::Remove(key, ending), |answer| {
            let Answer::Removed(removed) = answer else { return Err(unexpected()) };
            if removed.again { Err(Error::NotFound) } else { next() }
        })
    }
}

/// What a call in steps comes to where verifiers may go on accepting what it took away, as their operators want. Who asks so
/// has no words for that, and takes any success, and any *gone*, for the end of the right; so it is "not now", as often as it
/// is asked, until those verifiers have caught up.
///
/// # Errors
/// [`Error::Unavailable`], or what was wrong anyway.
pub fn settled(said: Result<Response, Error>, uncovered: &[String]) -> Result<Response, Error> {
    match said {
        Ok(_) | Err(Error::NotFound | Error::Gone(_)) if !uncovered.is_empty() => Err(Error::Unavailable {
            inside: format!("what was taken away may still be accepted by {uncovered:?}"),
        }),
        said => said,
    }
}

/// What an answer to the removal of a resource says; one that was removed before is not found, as with keys.
pub(crate) fn resource_removed(answer: Answer) -> Result<Box<Resource>, Error> {
    let Answer::ResourceRemoved(resource, again) = answer else { return Err(unexpected()) };
    if again { Err(Error::NotFound) } else { Ok(resource) }
}

/// Takes a body apart into its items.
pub type Split = fn(&[u8]) -> Result<Vec<&[u8]>, Error>;

/// A request that is many commands, each judged, done and answered alone.
pub struct Lines {
    /// The content type of the answer.
    pub content_type: &'static str,
    /// Takes a body apart, for [`Form::Items`].
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::TooLarge`].
    pub split: Split,
    /// Reads the line with this number, from 1, without its line feed.
    pub parse: fn(&Request<'_>, u64, &[u8]) -> Result<Parsed, Error>,
    /// Writes what became of that line, for the request with this id: a line, with its line feed.
    pub render: fn(u64, &Result<Done, Error>, &str) -> Vec<u8>,
}

/// An answer that is events.
pub struct Events {
    /// The content type of the answer.
    pub content_type: &'static str,
    /// Writes one event.
    pub render: fn(&Logged) -> Vec<u8>,
}

/// What the variable segments of a path hold.
pub struct Params<'r, 'p>(matchit::Params<'r, 'p>);

impl<'p> Params<'_, 'p> {
    /// A segment, decoded.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is not there, or not UTF-8.
    pub fn text(&self, name: &str) -> Result<Cow<'p, str>, Error> {
        let encoded = self.0.get(name).ok_or_else(|| Error::invalid(name, "given"))?;
        if !encoded.contains('%') {
            return Ok(Cow::Borrowed(encoded));
        }
        percent_decode_str(encoded).decode_utf8().map_err(|_| Error::invalid(name, "UTF-8"))
    }
}

/// Reads which other account a request is to be done as.
pub type ActsAs = fn(&Request<'_>) -> Option<Result<u32, Error>>;

/// How a language goes that judges by itself who asks, and acts by a secret of the server's own. All its calls are of
/// [`Form::Steps`]; where that secret does not do, every command of theirs fails.
#[derive(Clone, Copy)]
pub struct ByItself {
    /// That secret, if there is one.
    pub secret: for<'a> fn(&Request<'a>) -> Option<&'a str>,
    /// Goes on with a request that is no call.
    ///
    /// # Errors
    /// The one that it is given, or one that comes before it.
    pub astray: fn(Error, &Request<'_>) -> Result<Step, Error>,
}

/// One language.
pub struct Dialect {
    /// Its name in logs, metrics and settings.
    pub name: &'static str,
    /// Every call of it.
    pub routes: &'static [Route],
    /// Whether a request is in this language: then every answer to it is, errors of the transport included.
    pub claims: fn(&Request<'_>) -> bool,
    /// What a request presents to prove who asks.
    pub credential: for<'a> fn(&Request<'a>) -> Credential<'a>,
    /// The number of another account that the presented key is to act as, or what is wrong with that number; `None`
    /// where it is to act as its own.
    pub acts_as: Option<ActsAs>,
    /// Whether only who presents a key is told which calls there are.
    pub is_closed: bool,
    /// How far its callers reach at most, whatever their role.
    pub farthest: Reach,
    /// `Some` if it judges by itself who asks; then the two above are not called.
    pub by_itself: Option<ByItself>,
    /// What an error looks like, for the request with this id.
    pub fault: fn(&Error, &Request<'_>, &str) -> Response,
    router: Router<Vec<&'static Route>>,
}

impl Dialect {
    /// A language of these tables.
    ///
    /// # Errors
    /// [`Error::Internal`] if two paths of the table cannot be told apart.
    pub fn new(
        name: &'static str,
        routes: &'static [Route],
        claims: fn(&Request<'_>) -> bool,
        credential: for<'a> fn(&Request<'a>) -> Credential<'a>,
        fault: fn(&Error, &Request<'_>, &str) -> Response,
    ) -> Result<Self, Error> {
        let mut by_path: BTreeMap<&str, Vec<&'static Route>> = BTreeMap::new();
        for route in routes {
            by_path.entry(route.path).or_default().push(route);
        }
        let mut router = Router::new();
        for (path, routes) in by_path {
            router.insert(path, routes).map_err(Error::internal)?;
        }
        Ok(Self {
            name,
            routes,
            claims,
            credential,
            acts_as: None,
            is_closed: false,
            farthest: Reach::Everywhere,
            by_itself: None,
            fault,
            router,
        })
    }

    /// The same language, in which a stranger is not even told which calls there are.
    #[must_use]
    pub fn closed(self) -> Self {
        Self { is_closed: true, ..self }
    }

    /// The same language, which judges by itself who asks.
    #[must_use]
    pub fn judging(self, by_itself: ByItself) -> Self {
        Self { by_itself: Some(by_itself), ..self }
    }

    /// The same language, in which a key may be told to act as another account. Its calls must not be of
    /// [`Form::Items`] or [`Form::Lines`], which look at the key alone.
    #[must_use]
    pub fn with_acting(self, acts_as: ActsAs) -> Self {
        Self { acts_as: Some(acts_as), ..self }
    }

    /// The same language, whose callers reach no further than this. Its calls must not be of [`Form::Items`] or
    /// [`Form::Lines`], as above.
    #[must_use]
    pub fn reaching(self, farthest: Reach) -> Self {
        Self { farthest, ..self }
    }

    /// The call that a request line means.
    ///
    /// # Errors
    /// [`Error::NoRoute`], [`Error::WrongMethod`].
    pub fn route<'r, 'p>(
        &'r self,
        method: &Method,
        path: &'p str,
    ) -> Result<(&'static Route, Params<'r, 'p>), Error> {
        let matched = self.router.at(path).map_err(|_| Error::NoRoute)?;
        let takes = |route: &&&Route| match (*method == Method::HEAD, route.method) {
            (_, ANY) => true,
            (true, own) => own == "GET" && route.has_head,
            (false, own) => own == method.as_str(),
        };
        match matched.value.iter().find(takes) {
            Some(route) => Ok((route, Params(matched.params))),
            None => {
                Err(Error::WrongMethod { allowed: matched.value.iter().map(|route| route.method).collect() })
            }
        }
    }
}
