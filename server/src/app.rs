//! This file is about answering one request: dialect, credential, permission, shape, command, in this order, so
//! that a stranger learns nothing from what comes later.

mod callers;
mod pages;
mod steps;

use std::borrow::Cow;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use futures_util::poll;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use hyper::body::{Bytes, Incoming};
use keyward_core::command::Answer;
use keyward_core::epoch::Rhythm;
use keyward_core::error::Error;
use keyward_core::keyward::{Idempotency, Keyward, Origin};
use keyward_core::permit::{Permit, Verb};
use keyward_core::store::Store;
use keyward_core::verbs::verify::Verdict;
use keyward_dialects::{
    ByItself, Credential, Dialect, Form, Params, Response, Route, encedo::Unit, native, openapi,
};
use opentelemetry::trace::FutureExt as _;
use tokio::sync::watch;
use tracing::{debug, error, warn};

use self::steps::steps_of;
use crate::config::{Config, Limits};
use crate::environment::{self, World};
use crate::guess::Guesses;
use crate::http::Body;
use crate::languages::Languages;
use crate::metrics::Metrics;
use crate::request::{Head, fingerprint, names_one_host, read, salvaged};
use crate::traces::{self, Said, Traces};
use crate::{stream, unit, verifiers};

/// The server behind every connection.
pub(crate) struct App<S> {
    /// `None` while it is locked: behind its anchor, it accepts and signs nothing.
    keyward: Option<Arc<Keyward<S, World>>>,
    languages: Languages,
    unit: Arc<Unit>,
    openapi: Vec<u8>,
    limits: Limits,
    guesses: Guesses,
    metrics: Metrics,
    traces: Option<Traces>,
    requests: AtomicU64,
    request_base: u64,
    stop: watch::Sender<bool>,
}

/// A request whose route and caller are settled.
pub(crate) struct Admitted<'a, S> {
    pub(crate) keyward: &'a Arc<Keyward<S, World>>,
    pub(crate) route: &'static Route,
    pub(crate) params: Params<'a, 'a>,
    pub(crate) permit: Permit,
    pub(crate) verb: Verb,
    pub(crate) secret: Cow<'a, str>,
    pub(crate) head: &'a Head,
}

impl<S: Store> App<S> {
    pub(crate) fn open(keyward: Arc<Keyward<S, World>>, config: &Config) -> anyhow::Result<Arc<Self>> {
        Self::new(Some(keyward), config)
    }

    pub(crate) fn locked(config: &Config) -> anyhow::Result<Arc<Self>> {
        Self::new(None, config)
    }

    fn new(keyward: Option<Arc<Keyward<S, World>>>, config: &Config) -> anyhow::Result<Arc<Self>> {
        let mut base = [0; 8];
        environment::fill(&mut base);
        let metrics = Metrics::new()?;
        metrics.locked.set(keyward.is_none().into());
        let languages = Languages::new(config)?;
        let openapi = openapi::document(
            languages.native(),
            &native::OPERATIONS,
            native::PROBLEM,
            env!("CARGO_PKG_VERSION"),
        );
        let openapi = openapi.to_string().into_bytes();
        Ok(Arc::new(Self {
            keyward,
            openapi,
            languages,
            unit: Arc::new(Unit::new(Box::new(environment::now), Box::new(environment::fill))),
            limits: config.limits.clone(),
            guesses: Guesses::new(config.limits.guesses_per_minute),
            metrics,
            traces: config.traces.as_ref().map(Traces::new).transpose()?,
            requests: AtomicU64::new(0),
            request_base: u64::from_be_bytes(base),
            stop: watch::Sender::new(false),
        }))
    }

    /// What this server is for clients of Encedo HEM.
    pub(crate) const fn unit(&self) -> &Arc<Unit> {
        &self.unit
    }

    /// The core; `None` while it is locked.
    pub(crate) const fn keyward(&self) -> Option<&Arc<Keyward<S, World>>> {
        self.keyward.as_ref()
    }

    /// Tells everything that would go on for ever to end.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Turns true when the server is to stop.
    pub(crate) fn stopped(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Answers one request, whatever it is.
    pub(crate) async fn answer(
        &self,
        request: hyper::Request<Incoming>,
        peer: IpAddr,
        tls: bool,
    ) -> hyper::Response<Body> {
        let (parts, body) = request.into_parts();
        let (head, dialect) = self.head(parts, peer, tls);
        let span = self.traces.as_ref().and_then(|traces| traces.request(&head.parts.headers));
        // Made where it is waited for: it is large, and made before it would be moved there.
        let answer = match &span {
            Some(span) => Box::pin(self.answer_in(dialect, &head, body)).with_context(span.clone()).await,
            None => self.answer_in(dialect, &head, body).await,
        };
        self.answered(dialect, &head, answer.status());
        if let Some(span) = span {
            let route = dialect.route(&head.parts.method, head.path()).ok();
            traces::end_request(
                &span,
                Said {
                    method: method_of(&head.parts.method),
                    route: route.map(|(route, _)| route.path),
                    dialect: dialect.name,
                    request: head.id_text(),
                    status: answer.status(),
                },
            );
        }
        answer
    }

    async fn answer_in(&self, dialect: &Dialect, head: &Head, body: Incoming) -> hyper::Response<Body> {
        let answer = if !names_one_host(&head.parts) {
            whole(self.fault(dialect, &Error::BadHead { why: "a request must name one host" }, head))
        } else if let Some(page) = self.own_page(dialect, head).await {
            page
        } else {
            let answered = self.in_dialect(dialect, head, body).await;
            answered.unwrap_or_else(|error| whole(self.fault(dialect, &error, head)))
        };
        with_length(answer, &head.parts.method)
    }

    /// Does a command, and notes how long it took.
    async fn timed<T>(&self, verb: Verb, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let began = environment::moment();
        let span = self.traces.as_ref().and_then(|traces| traces.command(verb));
        let done = work.await;
        self.metrics.took(verb, began.elapsed().as_secs_f64());
        if let Some(mut span) = span {
            traces::end_command(&mut span, &done);
        }
        done
    }

    /// Answers a head that is no request, which HTTP gives this status.
    pub(crate) fn refuse_head(&self, status: u16, head: &[u8], peer: IpAddr, tls: bool) -> Response {
        let (head, dialect) = self.head(salvaged(head), peer, tls);
        let error = match status {
            414 | 431 => Error::HeadTooLarge,
            _ => Error::BadHead { why: "the head of the request cannot be read" },
        };
        let mut response = self.fault(dialect, &error, &head);
        self.answered(dialect, &head, response.status);
        if head.parts.method == http::Method::HEAD {
            response.body.clear();
        }
        Response { headers: unkept(response.headers), ..response }
    }

    /// The head of a request, and the language that it is in.
    fn head(&self, parts: Parts, peer: IpAddr, tls: bool) -> (Head, &Dialect) {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let id = u128::from(self.request_base) << 64 | u128::from(number);
        let mut head = Head { parts, prefix: 0, peer, tls, unit: Arc::clone(&self.unit), id };
        let (dialect, prefix) = self.languages.of(&head.parts, &head.request(&[]));
        head.prefix = prefix;
        (head, dialect)
    }

    fn answered(&self, dialect: &Dialect, head: &Head, status: StatusCode) {
        self.metrics.answered(status.as_u16());
        debug!(request = head.id_text(), method = method_of(&head.parts.method), dialect = dialect.name,
            route = route_of(dialect, head), status = status.as_u16(), peer = %head.peer, "answered");
    }

    async fn in_dialect(
        &self,
        dialect: &Dialect,
        head: &Head,
        body: Incoming,
    ) -> Result<hyper::Response<Body>, Error> {
        let asked = head.request(&[]);
        let found = dialect.route(asked.method, asked.path);
        if let Some(ByItself { secret, astray }) = dialect.by_itself {
            let step = match found {
                Ok((route, params)) => {
                    let begin = steps_of(route, &asked)?;
                    let body = read(body, &self.limits).await?;
                    begin(&head.request(&body), &params, None)?
                }
                Err(error) => astray(error, &asked)?,
            };
            return unit::answer(self, head, secret(&asked), step).await.map(whole);
        }
        if found.is_err() && dialect.is_closed {
            let keyward = self.keyward.as_ref().ok_or(Error::Locked)?;
            self.caller(keyward, head, (dialect.credential)(&asked)).await?;
        }
        let (route, params) = found?;
        let keyward = self.keyward.as_ref().ok_or(Error::Locked)?;
        let Some(verb) = route.verb else {
            let begin = steps_of(route, &asked)?;
            let body = read(body, &self.limits).await?;
            return self.steps(keyward, head, begin, &params, None, &body).await;
        };
        let credential = (dialect.credential)(&asked);
        if let Credential::InBody = credential {
            let body = read(body, &self.limits).await?;
            let credential = (dialect.credential)(&head.request(&body));
            let (caller, _) = self.asker(dialect, keyward, head, credential).await?;
            caller.permit(verb)?;
            let begin = steps_of(route, &asked)?;
            return self.steps(keyward, head, begin, &params, Some(&caller), &body).await;
        }
        let (caller, secret) = self.asker(dialect, keyward, head, credential).await?;
        let permit = route.permit(&caller, verb)?;
        let admitted = Admitted { keyward, route, params, permit, verb, secret, head };
        match (route.form)(&asked)? {
            Form::Document => {
                let body = self.body_of(&admitted, body).await?;
                self.document(&admitted, &body).await.map(whole)
            }
            Form::Items(lines) => Box::pin(stream::items(&admitted, lines, body, &self.limits)).await,
            Form::Lines(lines) => Ok(stream::lines(&admitted, lines, body, &self.limits)),
            Form::Events(events) => stream::events(&admitted, events, self.stopped()),
            Form::Verifier => verifiers::join(&admitted, self.stopped()),
            Form::Steps(begin) => {
                let body = self.body_of(&admitted, body).await?;
                self.steps(keyward, head, begin, &admitted.params, Some(&caller), &body).await
            }
        }
    }

    /// The body of an admitted request. Whoever takes time over it is judged again: a key that is removed meanwhile does
    /// nothing any more.
    async fn body_of(&self, admitted: &Admitted<'_, S>, body: Incoming) -> Result<Bytes, Error> {
        let mut reading = pin!(read(body, &self.limits));
        if let Poll::Ready(body) = poll!(reading.as_mut()) {
            return body;
        }
        let body = reading.await?;
        let Admitted { keyward, secret, head, .. } = admitted;
        keyward.authenticate(secret, Some(head.peer))?;
        Ok(body)
    }

    async fn document(&self, admitted: &Admitted<'_, S>, body: &[u8]) -> Result<Response, Error> {
        let request = admitted.head.request(body);
        let parsed = (admitted.route.parse)(&request, &admitted.params)?;
        let idempotency =
            parsed.idempotency_key.map(|key| Idempotency { key, request: fingerprint(&request) });
        let (request_id, address) = (admitted.head.id, Some(admitted.head.peer));
        let origin = Origin { request: request_id, address, idempotency, ..Origin::default() };
        let work = admitted.keyward.execute(&admitted.permit, parsed.command, &origin);
        let done = self.timed(admitted.verb, work).await?;
        if let Answer::Verdict(verdict) = &done.answer {
            match **verdict {
                Verdict::Valid(_) => self.metrics.verdicts_valid.inc(),
                Verdict::Refused(_) => self.metrics.verdicts_refused.inc(),
            }
        }
        Ok((admitted.route.render)(&done, &request))
    }

    /// Says an error in the dialect's form. What is ours to know goes to the log, once, here.
    fn fault(&self, dialect: &Dialect, error: &Error, head: &Head) -> Response {
        if let Error::Internal { inside } | Error::Unavailable { inside } = error {
            error!(request = head.id_text(), inside, "failed");
        }
        (dialect.fault)(error, &head.request(&[]), &head.id_text())
    }

    /// Sends the traces that are left. Where waiting for a collector holds nobody up.
    pub(crate) async fn finish_traces(self: Arc<Self>) {
        let finish = move || self.traces.as_ref().map(Traces::finish);
        let _ = tokio::task::spawn_blocking(finish).await;
    }

    /// Takes what is measured once a second.
    pub(crate) fn measure(&self, connections: usize) {
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.connections.set(number(connections as u64));
        if let Some(keyward) = &self.keyward {
            self.metrics.live_keys.set(number(keyward.live().len() as u64));
            self.metrics.log_size.set(number(keyward.live().position()));
            self.metrics.locked.set(keyward.is_locked().into());
        }
    }

    /// Carries what was noted of the use of about so many keys to the store.
    pub(crate) async fn keep_notes(&self, most: usize) {
        if let Some(keyward) = &self.keyward
            && let Err(error) = keyward.keep_notes(most).await
        {
            warn!(?error, "notes of the use of keys were lost");
        }
    }

    /// Wraps every slot under a new root, if it is time to.
    pub(crate) async fn reroot_if_due(&self, rhythm: Rhythm) -> Result<(), Error> {
        match &self.keyward {
            Some(keyward) => keyward.reroot_if_due(rhythm).await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Removes the keys whose time for that has come.
    pub(crate) async fn remove_due(&self) -> Result<(), Error> {
        match &self.keyward {
            Some(keyward) => keyward.remove_due().await.map(|_| ()),
            None => Ok(()),
        }
    }
}

/// What the log says of a request's path: whoever puts a secret there must not find it in the log.
fn route_of(dialect: &Dialect, head: &Head) -> &'static str {
    let found = dialect.route(&head.parts.method, head.path());
    found.map_or("none of the dialect", |(route, _)| route.path)
}

/// What the log says of a request's method: any word may stand there, a secret too.
fn method_of(method: &http::Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| method.as_str() == *known).unwrap_or("another one")
}

pub(crate) fn whole(response: Response) -> hyper::Response<Body> {
    headed(response.status, response.headers, Body::whole(response.body))
}

/// An answer that says its length, to HEAD too, which hyper leaves to us where that is 0. Where HTTP allows one at all (RFC 9110,
/// section 8.6).
fn with_length(mut answer: hyper::Response<Body>, method: &http::Method) -> hyper::Response<Body> {
    let is_without = answer.status().is_informational()
        || matches!(answer.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if *method == http::Method::HEAD && !is_without && hyper::body::Body::is_end_stream(answer.body()) {
        answer.headers_mut().entry(http::header::CONTENT_LENGTH).or_insert(HeaderValue::from_static("0"));
    }
    answer
}

pub(crate) fn headed(status: StatusCode, headers: HeaderMap, body: Body) -> hyper::Response<Body> {
    let mut answer = hyper::Response::new(body);
    *answer.status_mut() = status;
    *answer.headers_mut() = unkept(headers);
    answer
}

/// Answers are about keys: nobody in between may keep them.
fn unkept(mut headers: HeaderMap) -> HeaderMap {
    headers.entry(http::header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers
}
