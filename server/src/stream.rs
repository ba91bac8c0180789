//! This file is about requests and answers that flow: many commands in one request, and events as they happen.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use hyper::body::{Body as _, Buf as _, Bytes, Incoming};
use keyward_core::command::{Answer, Command, Done};
use keyward_core::error::Error;
use keyward_core::keyward::{Idempotency, Keyward, Origin};
use keyward_core::permit::{Permit, Verb};
use keyward_core::store::Store;
use keyward_dialects::{Events, Lines};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::app::{Admitted, headed};
use crate::config::Limits;
use crate::environment::{self, World};
use crate::http::Body;
use crate::request::{Head, fingerprint, read};

/// How many commands of one request are under way at once.
const UNDER_WAY: usize = 512;
/// How often a follower of events looks for new ones.
const LOOK: Duration = Duration::from_millis(100);
/// How many events are read at once.
const EVENTS: usize = 100;
/// After how many looks without an event a comment is sent, so that a client that is gone is noticed.
const QUIET_LOOKS: u32 = 150;

/// The next part of a body.
pub(crate) async fn next(body: &mut Incoming) -> Result<Option<Bytes>, Error> {
    loop {
        let frame = std::future::poll_fn(|context| std::pin::Pin::new(&mut *body).poll_frame(context)).await;
        match frame {
            None => return Ok(None),
            Some(Err(_)) => return Err(Error::Malformed("the body ended early".to_owned())),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// A caller whose request goes on for long: judged again at every step, because the key may be removed meanwhile.
pub(crate) struct Standing<S> {
    pub(crate) keyward: Arc<Keyward<S, World>>,
    secret: Zeroizing<String>,
    verb: Verb,
    head: Head,
}

impl<S: Store> Standing<S> {
    pub(crate) fn new(admitted: &Admitted<'_, S>) -> Self {
        Self {
            keyward: Arc::clone(admitted.keyward),
            secret: Zeroizing::new(admitted.secret.to_string()),
            verb: admitted.verb,
            head: admitted.head.clone(),
        }
    }

    /// What it may do now.
    pub(crate) fn permit(&self) -> Result<Permit, Error> {
        self.keyward.authenticate(&self.secret, Some(self.head.peer))?.permit(self.verb)
    }

    /// Whether it may still do what it does.
    pub(crate) fn still_may(&self) -> bool {
        let caller = self.keyward.recognize(&self.secret, Some(self.head.peer));
        caller.and_then(|caller| caller.permit(self.verb)).is_ok()
    }

    async fn execute(&self, command: Command, idempotency: Option<Idempotency>) -> Result<Done, Error> {
        let permit = self.permit()?;
        let (request, address) = (self.head.id, Some(self.head.peer));
        let origin = Origin { request, address, idempotency, ..Origin::default() };
        self.keyward.execute(&permit, command, &origin).await
    }
}

/// Does the commands of one request, each alone.
struct Worker<S> {
    caller: Standing<S>,
    lines: &'static Lines,
}

impl<S: Store> Worker<S> {
    fn new(admitted: &Admitted<'_, S>, lines: &'static Lines) -> Arc<Self> {
        Arc::new(Self { caller: Standing::new(admitted), lines })
    }

    /// Does one line, and says what became of it.
    async fn answer(&self, number: u64, line: Result<Vec<u8>, Error>) -> Vec<u8> {
        let done = match line {
            Ok(line) => self.execute(number, &line).await,
            Err(error) => Err(error),
        };
        (self.lines.render)(number, &done, &self.caller.head.id_text())
    }

    async fn execute(&self, number: u64, line: &[u8]) -> Result<Done, Error> {
        let request = self.caller.head.request(line);
        let parsed = (self.lines.parse)(&request, number, line)?;
        let idempotency =
            parsed.idempotency_key.map(|key| Idempotency { key, request: fingerprint(&request) });
        self.caller.execute(parsed.command, idempotency).await
    }

    fn content(&self) -> HeaderMap {
        content(self.lines.content_type)
    }
}

/// Answers every item of a body of limited size with a line, in order.
pub(crate) async fn items<S: Store>(
    admitted: &Admitted<'_, S>,
    lines: &'static Lines,
    body: Incoming,
    limits: &Limits,
) -> Result<hyper::Response<Body>, Error> {
    let body = read(body, limits).await?;
    let items: Vec<Vec<u8>> = (lines.split)(&body)?.into_iter().map(<[u8]>::to_vec).collect();
    let worker = Worker::new(admitted, lines);
    let answers: Vec<Vec<u8>> = stream::iter((1..).zip(items))
        .map(|(number, item)| {
            let worker = Arc::clone(&worker);
            async move { worker.answer(number, Ok(item)).await }
        })
        .buffered(UNDER_WAY)
        .collect()
        .await;
    Ok(headed(StatusCode::OK, worker.content(), Body::whole(answers.concat())))
}

/// Answers every line of the body with a line, in order, while more of both come.
pub(crate) fn lines<S: Store>(
    admitted: &Admitted<'_, S>,
    lines: &'static Lines,
    body: Incoming,
    limits: &Limits,
) -> hyper::Response<Body> {
    let worker = Worker::new(admitted, lines);
    let (answers, answer_body) = Body::stream();
    let headers = worker.content();
    let (feed, fed) = mpsc::channel(UNDER_WAY);
    let (limit, patience) = (limits.body_bytes, Duration::from_secs(limits.body_seconds));
    tokio::spawn(split(body, limit, patience, feed));
    tokio::spawn(async move {
        let numbered = stream::unfold((fed, 1_u64), |(mut fed, number)| async move {
            let line: Line = fed.recv().await?;
            Some(((number, line), (fed, number + 1)))
        });
        let mut done = std::pin::pin!(
            numbered
                .map(|(number, line)| {
                    let worker = Arc::clone(&worker);
                    async move { worker.answer(number, line).await }
                })
                .buffered(UNDER_WAY)
        );
        while let Some(line) = done.next().await {
            if answers.send(line).await.is_err() {
                return;
            }
        }
    });
    headed(StatusCode::OK, headers, answer_body)
}

/// Cuts a body into lines. A body that stops coming, or a line that does not end in time, ends it.
async fn split(body: Incoming, limit: usize, patience: Duration, feed: mpsc::Sender<Line>) {
    let mut cutter = Cutter { body, part: Bytes::new(), limit };
    loop {
        let line = match timeout(patience, cutter.line()).await.unwrap_or(Err(Error::TimedOut)) {
            Ok(Some(line)) => line,
            Ok(None) => return,
            Err(error) => {
                let _ = feed.send(Err(error)).await;
                return;
            }
        };
        if feed.send(line).await.is_err() {
            return;
        }
    }
}

/// A line, or why it is none: it is too long.
type Line = Result<Vec<u8>, Error>;

/// A body that is cut into lines.
struct Cutter {
    body: Incoming,
    /// What has come and is not cut yet.
    part: Bytes,
    /// The longest line, in bytes.
    limit: usize,
}

impl Cutter {
    /// The next line that is not blank; `None` at the end. Of a line that is too long no more than the limit is kept.
    async fn line(&mut self) -> Result<Option<Line>, Error> {
        let (mut line, mut is_too_long) = (Vec::new(), false);
        loop {
            if self.part.is_empty() {
                let Some(part) = next(&mut self.body).await? else { break };
                self.part = part;
            }
            let end = self.part.iter().position(|byte| *byte == b'\n');
            let piece = self.part.split_to(end.unwrap_or(self.part.len()));
            is_too_long |= line.len() + piece.len() > self.limit;
            if !is_too_long {
                line.extend_from_slice(&piece);
            }
            if end.is_some() {
                self.part.advance(1);
                if is_too_long || !line.trim_ascii().is_empty() {
                    break;
                }
                line.clear();
            }
        }
        if is_too_long {
            return Ok(Some(Err(Error::TooLarge { limit: self.limit as u64 })));
        }
        Ok((!line.trim_ascii().is_empty()).then_some(Ok(line)))
    }
}

/// Sends events as they happen, from the position that the request names, until the client goes away or the
/// server stops.
pub(crate) fn events<S: Store>(
    admitted: &Admitted<'_, S>,
    events: &'static Events,
    stop: watch::Receiver<bool>,
) -> Result<hyper::Response<Body>, Error> {
    let parsed = (admitted.route.parse)(&admitted.head.request(&[]), &admitted.params)?;
    let Command::ListEvents { from, .. } = parsed.command else {
        return Err(Error::internal("a route that lists no events"));
    };
    let (answers, body) = Body::stream();
    tokio::spawn(follow(Standing::new(admitted), from, events, answers, stop));
    Ok(headed(StatusCode::OK, content(events.content_type), body))
}

async fn follow<S: Store>(
    caller: Standing<S>,
    mut from: u64,
    events: &'static Events,
    answers: mpsc::Sender<Vec<u8>>,
    stop: watch::Receiver<bool>,
) {
    let mut quiet = 0;
    while !*stop.borrow() {
        let read = Command::ListEvents { from, limit: EVENTS };
        let Ok(Done { answer: Answer::Events(page), .. }) = caller.execute(read, None).await else { return };
        from = page.next;
        quiet = if page.found.is_empty() { quiet + 1 } else { 0 };
        for event in &page.found {
            if answers.send((events.render)(event)).await.is_err() {
                return;
            }
        }
        if quiet == QUIET_LOOKS {
            quiet = 0;
            if answers.send(b":\n\n".to_vec()).await.is_err() {
                return;
            }
        }
        environment::pause(LOOK).await;
    }
}

fn content(kind: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers
}
