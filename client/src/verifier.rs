//! This file is about verifying keys oneself: a verifier in the own process, kept by the server's stream of changes, that
//! accepts nothing that was removed before a verify began.
//!
//! ```no_run
//! # async fn example() -> Result<(), keyward_client::Error> {
//! use keyward_client::{Client, Needs, Verdict, Verifier, VerifierOptions, wire};
//!
//! // The secret of a key with the scopes `verifiers:join` and `keys:verify`.
//! let client = Client::new("https://keys.example.com", &wire::Secret::new("kw_live_…".to_owned()))?;
//! let verifier = Verifier::start(client, VerifierOptions::named("gateway-1"))?;
//! verifier.ready().await;
//! match verifier.verify("kw_live_…", &Needs { scopes: &["orders:read"], ..Needs::default() }) {
//!     Verdict::Valid(key) => println!("{} of {}", key.id(), key.account()),
//!     Verdict::Refused(why) => println!("refused: {why:?}"),
//!     Verdict::Ask => println!("only the server can tell: see Verifier::check"),
//!     Verdict::Unavailable => println!("no lease: nobody can tell"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # How fast, and how fresh
//!
//! [`Verifier::verify`] takes no lock, allocates nothing and waits for nobody (in the mode *hot* for those who use the cache). When the answer to a removal arrives at whoever
//! asked for it, this verifier has applied it or its lease has run out: then every verify is [`Verdict::Unavailable`].

mod allowance;
mod anchor;
mod cache;
mod clock;
mod judge;
mod replica;
mod stream;
mod usage;
mod view;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keyward_log::VerifierKey;
use keyward_verifier::lease::{Incarnation, Mode, Moment};
use tokio::sync::watch;

use self::allowance::Allowance;
use self::cache::{Asking, Cache};
use self::clock::ServerClock;
pub use self::judge::{Key, Needs, Verdict};
use self::replica::{Replica, place_in};
use self::usage::count;
use self::view::Views;
use crate::error::Error;
use crate::id::Id;
use crate::transport::{Client, pause};
use crate::wire;

/// How a verifier is to be.
#[derive(Clone)]
pub struct VerifierOptions {
    name: String,
    keeps: Keeps,
    serve_stale: bool,
    anchor: Option<PathBuf>,
    log_key: Option<VerifierKey>,
    on_remove: Option<OnRemove>,
}

/// What a verifier keeps in memory.
#[derive(Clone, Copy)]
enum Keeps {
    Full,
    Hot { capacity: usize },
    Online,
}

impl Keeps {
    const fn mode(self) -> Mode {
        match self {
            Self::Full => Mode::Full,
            Self::Hot { .. } => Mode::Hot,
            Self::Online => Mode::Online,
        }
    }
}

/// Called with what is no longer to be accepted.
pub type OnRemove = Arc<dyn Fn(Removed) + Send + Sync>;

/// What is no longer to be accepted, for now or for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// A key.
    Key(Id),
    /// Every key of an account or an organization; its bits, which no key shares.
    Owner(u128),
}

impl Removed {
    /// Whether it is this key, or an owner of it.
    #[must_use]
    pub fn concerns(&self, key: &Key) -> bool {
        match *self {
            Self::Key(id) => key.id() == id,
            Self::Owner(bits) => key.account().bits() == bits || key.organization().bits() == bits,
        }
    }
}

impl VerifierOptions {
    /// A verifier that holds every key of its organization under this name: 1 to 64 bytes, one name a verifier.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        let name = name.into();
        Self { name, keeps: Keeps::Full, serve_stale: false, anchor: None, log_key: None, on_remove: None }
    }

    /// Holds nothing: every check asks the server, and the answer is as fresh as can be.
    #[must_use]
    pub fn online(self) -> Self {
        Self { keeps: Keeps::Online, ..self }
    }

    /// Holds so many of the keys that were used lately, and asks the server once for each other: where all keys of the
    /// organization would take too much memory. Only [`Verifier::check`] asks; removals are as final as with all keys.
    #[must_use]
    pub fn hot(self, capacity: usize) -> Self {
        Self { keeps: Keeps::Hot { capacity }, ..self }
    }

    /// Goes on with what it knows when the server cannot be reached. The server then answers removals with 202 and names this
    /// verifier as one that may still accept the key.
    #[must_use]
    pub fn serve_stale(self) -> Self {
        Self { serve_stale: true, ..self }
    }

    /// Remembers in this file how far the server's log was: after a restart of both, a server that was put back to an older
    /// copy is noticed, and locks itself.
    #[must_use]
    pub fn anchor(self, file: impl Into<PathBuf>) -> Self {
        Self { anchor: Some(file.into()), ..self }
    }

    /// Takes no log but the one signed by this key (`<name>+<key id>+<base64>`, as `keyward init` wrote it to `log.pub`).
    #[must_use]
    pub fn log_key(self, key: VerifierKey) -> Self {
        Self { log_key: Some(key), ..self }
    }

    /// Calls this with everything that is no longer to be accepted, before the server is told that it is not: the place to
    /// cut what is open. It is called on the task that applies changes, so it must be quick.
    ///
    /// ```
    /// use std::net::{Shutdown, TcpStream};
    /// use std::sync::{Arc, Mutex};
    ///
    /// use keyward_client::{Key, VerifierOptions};
    ///
    /// // Each open connection beside the key of what it carries; `examples/gateway` keeps it.
    /// let open: Arc<Mutex<Vec<(Key, TcpStream)>>> = Arc::default();
    /// let options = VerifierOptions::named("gateway-1").on_remove(move |removed| {
    ///     for (key, socket) in open.lock().iter().flat_map(|open| open.iter()) {
    ///         if removed.concerns(key) {
    ///             let _ = socket.shutdown(Shutdown::Both);
    ///         }
    ///     }
    /// });
    /// ```
    #[must_use]
    pub fn on_remove(self, call: impl Fn(Removed) + Send + Sync + 'static) -> Self {
        Self { on_remove: Some(Arc::new(call)), ..self }
    }
}

/// A verifier. Clones share everything; with the last one it leaves, as by [`Verifier::leave`], in the background: where the
/// runtime ends first, the next removal waits for its lease.
#[derive(Clone)]
pub struct Verifier {
    shared: Arc<Shared>,
    running: Arc<Running>,
}

/// What verifies read, and the stream's task writes.
struct Shared {
    client: Client,
    options: VerifierOptions,
    views: Views,
    /// In the mode *hot*, in the place of the view's table.
    cache: Option<Cache>,
    /// How often the server may be asked about what is not known here.
    unknown: Allowance,
    /// What time it is at the server.
    clock: ServerClock,
    /// Says that the deadline has moved, and how many leases have lapsed.
    moved: watch::Sender<u64>,
    /// Nothing is accepted any more, nor asked for: it has left, or the server's log is not to be believed.
    is_over: AtomicBool,
    /// Why the last connection ended.
    trouble: Mutex<Option<String>>,
}

/// Ends the stream's task with the last verifier.
struct Running {
    stop: watch::Sender<bool>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

impl Verifier {
    /// Starts a verifier; it joins the server as soon as that can be reached, and again whenever it was cut off. Needs a Tokio
    /// runtime.
    ///
    /// # Errors
    /// [`Error::Setup`]: no randomness, a name that is none, or an anchor that cannot be read.
    pub fn start(client: Client, options: VerifierOptions) -> Result<Self, Error> {
        let incarnation = Incarnation(u128::from_be_bytes(client.random()?));
        let anchor = anchor::read(options.anchor.as_deref())?;
        let seed = u64::from_be_bytes(client.random()?);
        let (cache, asking) = match options.keeps {
            Keeps::Hot { capacity } => {
                let (cache, asking) = Cache::new(capacity);
                (Some(cache), asking)
            }
            Keeps::Full | Keeps::Online => (None, Asking::default()),
        };
        let shared = Arc::new(Shared {
            client,
            options,
            views: Views::new(Replica::new(seed, 0)),
            cache,
            clock: ServerClock::new(),
            unknown: Allowance::default(),
            moved: watch::Sender::new(0),
            is_over: AtomicBool::new(false),
            trouble: Mutex::new(None),
        });
        let stop = watch::Sender::new(false);
        tokio::spawn(stream::run(Arc::clone(&shared), incarnation, anchor, asking, stop.subscribe()));
        Ok(Self { shared, running: Arc::new(Running { stop }) })
    }

    /// Leaves: it accepts nothing any more, in all clones, and the server is told, so that no removal waits for it. What a
    /// process does last that is shut down in order. Returns when the server has heard it, or after ten seconds in which it
    /// has not; where it is not connected, the next removal waits for its lease.
    pub async fn leave(&self) {
        self.running.stop.send_replace(true);
        // The task holds the only receiver.
        self.running.stop.closed().await;
    }

    /// Waits until it has joined and may accept keys.
    pub async fn ready(&self) {
        // The sender lives as long as this verifier.
        let _ = self.shared.moved.subscribe().wait_for(|_| self.shared.may_accept(now())).await;
    }

    /// Waits until it may not accept keys, or might not for a while since this was called: when its lease has run out, a
    /// removal is answered without it. The time to end what is open, as in [`VerifierOptions::on_remove`].
    pub fn lapsed(&self) -> impl Future<Output = ()> + Send + '_ {
        let mut moved = self.shared.moved.subscribe();
        let before = *moved.borrow_and_update();
        async move {
            while self.shared.may_accept(now()) && *moved.borrow_and_update() == before {
                let deadline = self.shared.views.load().replica.deadline();
                tokio::select! {
                    () = pause(deadline.since(now())) => {}
                    _ = moved.changed() => {}
                }
            }
        }
    }

    /// Whether it may accept keys now; in the mode [`online`](VerifierOptions::online), whether it is joined.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.shared.may_accept(now())
    }

    /// How many keys it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.cache.as_ref().map_or_else(|| self.shared.views.load().replica.len(), Cache::len)
    }

    /// Whether it holds no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How much memory the table of all keys takes, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.shared.views.load().replica.bytes()
    }

    /// Why the last connection ended, for people; `None` while there was no trouble.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Judges a presented secret by what this process holds.
    ///
    /// Without a lease nothing is accepted, and nothing refused:
    ///
    /// ```
    /// use keyward_client::{Client, Needs, Verdict, Verifier, VerifierOptions, wire};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), keyward_client::Error> {
    /// // Nobody listens there.
    /// let client = Client::new("http://127.0.0.1:9", &wire::Secret::new("kw_live_secret".to_owned()))?;
    /// let verifier = Verifier::start(client, VerifierOptions::named("gateway-1"))?;
    /// assert!(matches!(verifier.verify("kw_live_presented", &Needs::default()), Verdict::Unavailable));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn verify(&self, secret: &str, needs: &Needs<'_>) -> Verdict {
        let view = self.shared.views.load();
        let place = match self.shared.options.keeps {
            Keeps::Full => place_in(secret),
            Keeps::Hot { .. } | Keeps::Online => None,
        };
        // Memory is asked for before the clock is read, and looked into when the lease was looked at: what is found there is at
        // least as new. A lease is of the keys that it was granted for, so it says nothing of others that came or went meanwhile.
        let at = place.map(|place| {
            view.page.prefetch(place);
            view.replica.at(place)
        });
        let now = now();
        if !view.replica.may_accept(now) {
            return Verdict::Unavailable;
        }
        let time = self.shared.clock.at(now);
        let count = |key, told: &Verdict| count(&view.page, place, key, told, now);
        match (self.shared.options.keeps, &self.shared.cache) {
            (Keeps::Full, _) => view.replica.judge(secret, at, needs, time, count),
            (Keeps::Hot { .. } | Keeps::Online, Some(cache)) => {
                cache.judge(secret, needs, time, count).unwrap_or(Verdict::Ask)
            }
            (Keeps::Hot { .. } | Keeps::Online, None) => Verdict::Ask,
        }
    }

    /// Judges a presented secret, and asks the server where only that can tell: keys whose uses are counted, keys that were made
    /// a moment ago, and secrets that were hashed elsewhere. Of uses that it is not asked about it is told within seconds, so that
    /// it knows which keys are in use. For secrets that nobody here knows it is asked at most 200 times a second; the others are
    /// refused as unknown, and in the mode [`hot`](VerifierOptions::hot), which does not know all keys, told
    /// [`Verdict::Unavailable`].
    ///
    /// # Errors
    /// [`Error`] if the server was asked and gave no answer.
    pub async fn check(&self, secret: &str, needs: &Needs<'_>) -> Result<Verdict, Error> {
        let began = now();
        let told = match &self.shared.cache {
            Some(cache) if self.shared.may_accept(began) => {
                let time = self.shared.clock.at(began);
                match cache.judge(secret, needs, time, self.shared.counts(began)) {
                    Some(told) => told,
                    None => return self.look_up(cache, secret, needs).await,
                }
            }
            Some(_) | None => self.verify(secret, needs),
        };
        match told {
            Verdict::Refused(wire::Refusal::Unknown) if !self.shared.unknown.take(now()) => Ok(told),
            Verdict::Ask | Verdict::Refused(wire::Refusal::Unknown) => self.ask(secret, needs).await,
            Verdict::Unavailable if self.asks_always() => self.ask(secret, needs).await,
            told @ (Verdict::Valid(_) | Verdict::Refused(_) | Verdict::Unavailable) => Ok(told),
        }
    }

    /// Judges a presented secret that is not kept, by what the server knows. The allowance for unknown ones is taken before
    /// anything is sent, since strangers' secrets look like any others, and given back for those that are known.
    async fn look_up(&self, cache: &Cache, secret: &str, needs: &Needs<'_>) -> Result<Verdict, Error> {
        let unknown = &self.shared.unknown;
        if !unknown.take(now()) {
            return Ok(Verdict::Unavailable);
        }
        let told = cache.ask(secret, needs, &self.shared.clock, self.shared.counts(now())).await;
        match told {
            Verdict::Unavailable => Ok(told),
            Verdict::Refused(wire::Refusal::Unknown) => self.ask(secret, needs).await,
            Verdict::Ask => {
                unknown.give_back();
                self.ask(secret, needs).await
            }
            Verdict::Valid(_) | Verdict::Refused(_) => {
                unknown.give_back();
                Ok(told)
            }
        }
    }

    /// Whether what the server says serves as well as what a stream would bring.
    fn asks_always(&self) -> bool {
        self.shared.options.keeps.mode() == Mode::Online && !self.shared.is_over.load(Ordering::Acquire)
    }

    async fn ask(&self, secret: &str, needs: &Needs<'_>) -> Result<Verdict, Error> {
        let scopes = needs.scopes.iter().map(|scope| wire::Text::from(*scope)).collect();
        let secret = Some(wire::Text::from(secret));
        let question = wire::Verify { secret, access: None, scopes, ip: needs.address, cost: None };
        Ok(match self.shared.client.verify(&question).await? {
            wire::Verdict::Valid(valid) => Verdict::Valid(Key::told(&valid)?),
            wire::Verdict::Refused(refused) => Verdict::Refused(refused.code),
        })
    }
}

impl Shared {
    fn may_accept(&self, now: Moment) -> bool {
        self.views.load().replica.may_accept(now)
    }

    /// Counts what a verify of this moment tells of a key.
    fn counts(&self, now: Moment) -> impl Fn(u128, &Verdict) {
        move |key, told| count(&self.views.load().page, None, key, told, now)
    }

    /// Lets verifies know until when they may accept keys.
    fn trust(&self, deadline: u64) {
        let before = self.views.load().replica.trust(deadline);
        if before != deadline {
            let has_lapsed = before > 0 && (deadline == 0 || before <= now().nanos());
            self.moved.send_modify(|lapses| *lapses += u64::from(has_lapsed));
        }
    }

    /// Nothing is accepted any more.
    fn end(&self) {
        self.is_over.store(true, Ordering::Release);
        self.trust(0);
    }

    fn complain(&self, trouble: &impl ToString) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(trouble.to_string());
    }
}

/// A clock that nobody sets and that goes on while the machine is suspended.
fn now() -> Moment {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = Duration::from_secs(time.tv_sec.unsigned_abs());
    Moment::from_nanos(0).plus(seconds).plus(Duration::from_nanos(time.tv_nsec.unsigned_abs()))
}
