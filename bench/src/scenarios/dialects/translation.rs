//! This file is about what speaking a language takes by itself: finding out which one it is, reading the request, writing the
//! answer. The dialects are driven as the server drives them, over a core and a store in the memory of this process, and the
//! time that the core takes is left out.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use keyward_core::command::{Answer, Command, Done, Draft, Issue};
use keyward_core::error::Error;
use keyward_core::keyward::{Environment as _, Keyward, Origin};
use keyward_core::permit::Caller;
use keyward_core::scope::Scopes;
use keyward_core::seal::Pepper;
use keyward_core::secret::{Format, Label};
use keyward_dialects::encedo::Unit;
use keyward_dialects::{Dialect, Form, Request, Response, Step};
use keyward_log::{KeyName, Signer};
use keyward_store::Memory;

use super::here::Here;
use super::languages::{Asked, Callers, Language};
use super::{OWNED, in_turn};
use crate::clock;
use crate::measure::{Board, Reading};

/// Calls of each sort that a language makes in a round.
pub(super) const CALLS: usize = 200;
/// Rounds, in each of which all languages take turns.
pub(super) const ROUNDS: usize = 50;

/// Looks up, issues and removes in every language; a reading's operations are calls, and its time is the language's own.
pub(super) fn measure() -> Result<[Board; 3]> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(async {
        let mut houses = Vec::new();
        while let Some(house) = House::new(houses.len()).await.map_err(inside)? {
            house.move_in().await?;
            houses.push(house);
        }
        let [mut look_ups, mut issues, mut removals]: [Board; 3] = Default::default();
        for round in 0..ROUNDS {
            for house in in_turn(&houses, round) {
                let Some(look_up) = &house.language.look_up else { continue };
                look_ups.record(house.language.name, house.run(&vec![look_up.clone(); CALLS]).await?.0);
            }
        }
        for round in 0..ROUNDS {
            for house in in_turn(&houses, round) {
                let language = &house.language;
                let first = OWNED + round * CALLS;
                let asked: Vec<_> = (first..first + CALLS).map(|number| (language.issue)(number)).collect();
                let (reading, answers) = house.run(&asked).await?;
                issues.record(language.name, reading);
                let asked = answers.iter().map(|answer| {
                    let made = serde_json::from_slice(&answer.body)?;
                    anyhow::Ok((language.remove)(&(language.id)(&made)))
                });
                let asked: Vec<_> = asked.collect::<Result<_>>()?;
                removals.record(language.name, house.run(&asked).await?.0);
            }
        }
        Ok([look_ups, issues, removals])
    })
}

/// A core with an owner, who speaks one of the languages.
struct House {
    language: Language,
    core: Arc<Keyward<Memory, Here>>,
    vendors: Vec<Dialect>,
    native: Dialect,
    unit: Arc<Unit>,
    owner: Caller,
}

impl House {
    /// Where the language with this number is spoken, if there are so many.
    async fn new(number: usize) -> Result<Option<Self>, Error> {
        let name = KeyName::new("bench.test/log").map_err(Error::internal)?;
        let signer = Signer::new(name, &[3; 32].into()).map_err(Error::internal)?;
        let store = Memory::new(signer).map_err(Error::internal)?;
        let core = Keyward::start(store, Here, Pepper::new(&[9; 32]), 1_000).await?;
        let (_, secret) = core.found("bench", "owner").await?;
        let founder = core.authenticate(secret.expose(), None)?;
        let issue = Command::Issue(Box::new(key()?));
        let issued = core.execute(&founder.permit_for(&issue)?, issue, &Origin::default()).await?.answer;
        let Answer::Issued(_, secret) = issued else { return Err(Error::internal("no key")) };
        let mut owner = core.authenticate(secret.expose(), None)?;
        // As one that has signed in: cielo24 has calls for nobody else.
        owner.idles = true;
        let unit = Unit::new(Box::new(|| Here.now()), Box::new(|bytes| Here.fill(bytes)));
        let Some(language) = callers(&owner, secret.expose()).languages().into_iter().nth(number) else {
            return Ok(None);
        };
        Ok(Some(Self {
            language,
            core,
            vendors: keyward_dialects::vendors()?,
            native: keyward_dialects::native::dialect()?,
            unit: Arc::new(unit),
            owner,
        }))
    }

    /// Makes as many keys as the owner is to have, with the two that are there.
    async fn move_in(&self) -> Result<()> {
        let asked: Vec<_> = (2..OWNED).map(|number| (self.language.issue)(number)).collect();
        self.run(&asked).await.map(|_| ())
    }

    /// Makes these calls, and keeps what came of them.
    async fn run(&self, asked: &[Asked]) -> Result<(Reading, Vec<Response>)> {
        let (mut elapsed, mut answers) = (Duration::ZERO, Vec::with_capacity(asked.len()));
        for asked in asked {
            let (own, answer) = self.call(asked).await?;
            elapsed += own;
            answers.push(answer);
        }
        let operations = asked.len() as u64;
        let (p50, p99) = (Duration::ZERO, Duration::ZERO);
        Ok((Reading { operations, elapsed, p50, p99, cpu: None }, answers))
    }

    /// Makes a call; how long the language itself took, and what it answered.
    async fn call(&self, (method, target, body): &Asked) -> Result<(Duration, Response)> {
        let language = &self.language;
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = language.credential.split_once(": ") {
            headers.insert(HeaderName::from_bytes(name.as_bytes())?, HeaderValue::from_str(value)?);
        }
        if !body.is_empty() {
            headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let method = Method::from_bytes(method.as_bytes())?;
        let body = body.as_bytes();
        let request = Request {
            method: &method,
            path,
            prefix: "",
            query,
            headers: &headers,
            body,
            tls: false,
            unit: &self.unit,
        };
        let answered = self.answer(&request).await;
        let (own, answer) = answered.map_err(inside).with_context(|| format!("{} {path}", language.name))?;
        ensure!(answer.status.is_success(), "{} {path}: {}", language.name, answer.status);
        Ok((own, answer))
    }

    async fn answer(&self, request: &Request<'_>) -> Result<(Duration, Response), Error> {
        let mut watch = Watch::start();
        let dialect = self.vendors.iter().find(|dialect| (dialect.claims)(request)).unwrap_or(&self.native);
        let (route, params) = dialect.route(request.method, request.path)?;
        black_box((dialect.credential)(request));
        let response = match (route.form)(request)? {
            Form::Document => {
                let parsed = (route.parse)(request, &params)?;
                let done = watch.leave_out(self.execute(parsed.command)).await?;
                (route.render)(&done, request)
            }
            Form::Steps(begin) => {
                let mut step = begin(request, &params, Some(&self.owner))?;
                loop {
                    step = match step {
                        Step::Do(command, next) => {
                            let done = watch.leave_out(self.execute(*command)).await;
                            next(done.map(|done| done.answer))?
                        }
                        Step::Say(response) => break response,
                        Step::SignIn(..) | Step::SayAfter(..) => return Err(Error::Anonymous),
                    };
                }
            }
            Form::Items(_) | Form::Lines(_) | Form::Events(_) | Form::Verifier => return Err(Error::NoRoute),
        };
        Ok((watch.stop(), response))
    }

    async fn execute(&self, command: Command) -> Result<Done, Error> {
        let permit = self.owner.permit_for(&command)?;
        self.core.execute(&permit, command, &Origin::default()).await
    }
}

/// The owner, in every language.
fn callers(owner: &Caller, secret: &str) -> Callers {
    let secret = || secret.to_owned();
    Callers {
        native: secret(),
        account: owner.account.to_string(),
        intserv: secret(),
        cielo24: secret(),
        discue: secret(),
        resolver: secret(),
        user: owner.account.id().number().into(),
    }
}

/// A key that every language takes: of the sort that IntServ's calls are for.
fn key() -> Result<Issue, Error> {
    let label = || Label::parse("live").ok_or_else(|| Error::internal("a label of our own"));
    let scopes = Scopes::parse(["admin", "intserv:integration"])?;
    Ok(Issue {
        account: None,
        format: Format::Keyward(label()?),
        environment: label()?,
        protected: false,
        recoverable: false,
        numbered: false,
        draft: Draft { name: "bench".to_owned(), scopes, ..Draft::default() },
    })
}

/// A watch that can be stopped in between.
struct Watch {
    since: std::time::Instant,
    measured: Duration,
}

impl Watch {
    fn start() -> Self {
        Self { since: clock::now(), measured: Duration::ZERO }
    }

    /// Does something whose time is not to count.
    async fn leave_out<T>(&mut self, work: impl Future<Output = T>) -> T {
        self.measured += self.since.elapsed();
        let done = work.await;
        self.since = clock::now();
        done
    }

    fn stop(self) -> Duration {
        self.measured + self.since.elapsed()
    }
}

/// An error of the core's with what only the log would say of it.
fn inside(error: Error) -> anyhow::Error {
    anyhow!("{error:?}")
}
