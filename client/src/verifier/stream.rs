//! This file is about the stream: a verifier joins, applies what it is told, and asks for leases, until it is dropped.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use keyward_verifier::frame::{
    Granted, Hello, Reason, SERVER_FRAME_LIMIT, ServerFrame, Shown, VerifierFrame, Welcomed,
};
use keyward_verifier::lease::{Holder, HolderError, Incarnation, Mode, Moment, Welcome};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig};

use super::anchor::{Anchor, Keeper, believe};
use super::cache::Asking;
use super::replica::Replica;
use super::usage::Reports;
use super::{Removed, Shared, now};
use crate::error::Error;
use crate::transport::{Call, pause};

/// The shortest wait before joining again.
const WAIT: Duration = Duration::from_millis(100);
/// The longest that the first wait may be, and that any may be; what lies between is twice what it was before. Waits are
/// random: all verifiers of a server lose it at once.
const LONGEST_WAIT: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// How long a server may take to answer, or to take what it is sent.
const PATIENCE: Duration = Duration::from_secs(10);

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("{0}")]
    Call(#[from] Error),
    #[error("{0}")]
    Holder(#[from] HolderError),
    #[error("{0}")]
    Frame(#[from] keyward_verifier::frame::FrameError),
    #[error("the server ended it: {0:?}")]
    Refused(Reason),
    #[error("the connection broke")]
    Broke,
    #[error("the server was silent")]
    Silent,
    #[error("on_remove panicked: what it was told of is not acknowledged as removed")]
    Untold,
    #[error("{0}")]
    Disbelief(#[from] super::anchor::Disbelief),
}

/// Keeps a verifier joined until it is dropped or leaves; then the server is told, so that no removal waits for it.
pub(super) async fn run(
    shared: Arc<Shared>,
    incarnation: Incarnation,
    anchor: Option<Anchor>,
    asking: Asking,
    mut stop: watch::Receiver<bool>,
) {
    let _end = End(Arc::clone(&shared));
    let holder = Holder::new(incarnation, anchor.as_ref().map(|anchor| anchor.seen));
    let keeper = shared.options.anchor.clone().map(|file| {
        let shared = Arc::clone(&shared);
        Keeper::new(file, move |trouble| shared.complain(&trouble))
    });
    let (reports, before, untold) = (Reports::default(), None, Vec::new());
    let mut member = Member { shared, holder, anchor, keeper, asking, reports, before, untold };
    member.stay(&mut stop).await;
    if let Some(keeper) = member.keeper {
        // The disk may hang.
        let _ = timeout(PATIENCE, keeper.finish()).await;
    }
}

/// A wait of at most this length.
fn drawn(longest: Duration, random: u64) -> Duration {
    let span = u64::try_from(longest.saturating_sub(WAIT).as_millis()).unwrap_or(u64::MAX);
    WAIT + Duration::from_millis(random % span.saturating_add(1))
}

/// However the task ends, nothing is accepted then: nobody hears of removals any more.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// One verifier on its way through connections.
struct Member {
    shared: Arc<Shared>,
    holder: Holder,
    anchor: Option<Anchor>,
    keeper: Option<Keeper>,
    asking: Asking,
    reports: Reports,
    /// The table by which keys were accepted, while another one is being loaded: whose keys are to be told of if they are gone.
    before: Option<Arc<Replica>>,
    /// What the application failed to be told of.
    untold: Vec<Removed>,
}

impl Member {
    /// Joins, and again whenever it was cut off, until it is to stop.
    async fn stay(&mut self, stop: &mut watch::Receiver<bool>) {
        let mut longest = LONGEST_WAIT.0;
        loop {
            let connected = tokio::select! {
                connected = connect(&self.shared) => connected,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            let ended = match connected {
                Ok(mut socket) => {
                    let ended = tokio::select! {
                        ended = self.serve(&mut socket) => Some(ended),
                        _ = stop.wait_for(|stop| *stop) => None,
                    };
                    if let Some(Err(Ended::Refused(Reason::Forbidden))) = &ended {
                        self.resign(&mut socket).await;
                    }
                    match ended {
                        Some(ended) => ended,
                        None => return self.leave(&mut socket).await,
                    }
                }
                Err(ended) => Err(ended),
            };
            let had_joined = self.holder.acknowledges().is_some();
            if let Err(ended) = ended {
                self.parted(&ended);
            }
            longest = if had_joined { LONGEST_WAIT.0 } else { (longest * 2).min(LONGEST_WAIT.1) };
            // Without randomness there is no connection either.
            let random = self.shared.client.random().map_or(0, u64::from_be_bytes);
            tokio::select! {
                () = pause(drawn(longest, random)) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    async fn serve(&mut self, socket: &mut Socket) -> Result<(), Ended> {
        let options = &self.shared.options;
        let hello = Hello {
            incarnation: self.holder.incarnation(),
            mode: options.keeps.mode(),
            serve_stale: options.serve_stale,
            position: self.holder.position(),
            anchor: self.anchor.as_ref().map(|anchor| anchor.note.clone()).unwrap_or_default(),
            name: options.name.clone(),
        };
        send(socket, &VerifierFrame::Hello(hello)).await?;
        let first = async {
            loop {
                if let Some(frame) = hear(socket).await? {
                    return Ok::<_, Ended>(frame);
                }
            }
        };
        let welcome = match timeout(PATIENCE, first).await.map_err(|_| Ended::Silent)?? {
            ServerFrame::Welcome(welcome) => welcome,
            ServerFrame::Refuse(reason) => return Err(Ended::Refused(reason)),
            ServerFrame::Owners(_)
            | ServerFrame::Profile(..)
            | ServerFrame::Rows(_)
            | ServerFrame::Loaded(_)
            | ServerFrame::Changes(_)
            | ServerFrame::Grant(_)
            | ServerFrame::Shown(_)
            | ServerFrame::Answer(_) => return Err(HolderError::OutOfOrder.into()),
        };
        self.welcome(&welcome)?;
        // What it acknowledged last may not have been heard; without it there is no lease until something changes.
        self.acknowledge(socket).await?;
        let lease = Duration::from_millis(u64::from(welcome.lease_millis).max(3));
        let mut renewals = interval(lease / 3);
        renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard_at = Instant::now();
        loop {
            // What it sends is answered in less than a lease. A snapshot, for which it asks nothing, may take the server longer.
            let patience = if self.holder.acknowledges().is_some() { lease } else { lease.max(PATIENCE) };
            tokio::select! {
                heard = timeout_at(heard_at + patience, hear(socket)) => {
                    let frame = heard.map_err(|_| Ended::Silent)??;
                    if matches!(frame, Some(ServerFrame::Loaded(_))) {
                        // Only now can there be a lease.
                        renewals.reset_immediately();
                    }
                    if let Some(frame) = frame
                        && self.take(frame)?
                    {
                        self.acknowledge(socket).await?;
                    }
                    // What it did meanwhile was not the server's silence.
                    heard_at = Instant::now();
                }
                lookup = self.asking.next() => send(socket, &VerifierFrame::Lookup(lookup)).await?,
                _ = renewals.tick() => {
                    self.renew(socket).await?;
                    for frame in self.reports.due(&self.shared.views, now()) {
                        send(socket, &frame).await?;
                    }
                }
            }
        }
    }

    /// Accepts nothing any more, says so, after what was being sent, and waits until the server has heard it. Should that fail,
    /// the server waits for the lease.
    async fn leave(&mut self, socket: &mut Socket) {
        self.shared.end();
        let last = self.reports.last(&self.shared.views, now());
        let goodbye = async {
            for frame in &last {
                send(socket, frame).await?;
            }
            send(socket, &VerifierFrame::Goodbye).await?;
            // What it had on its way comes first.
            while !matches!(hear(socket).await?, Some(ServerFrame::Refuse(_))) {}
            Ok::<(), Ended>(())
        };
        // There is nobody left to complain to.
        let _ = timeout(PATIENCE, goodbye).await;
    }

    /// It may join no more: accepts nothing any more, and says so, because whatever ended its right waits for its lease otherwise.
    /// Should it be allowed again, it comes back as another run.
    async fn resign(&mut self, socket: &mut Socket) {
        let Ok(next) = self.shared.client.random() else {
            // Without another name for what comes back it cannot be said.
            return self.holder.lapse();
        };
        self.holder.resign(Incarnation(u128::from_be_bytes(next)));
        self.trust();
        let goodbye = async {
            send(socket, &VerifierFrame::Goodbye).await?;
            // The server hangs up when it has heard it.
            while hear(socket).await.is_ok() {}
            Ok::<(), Ended>(())
        };
        // Should it fail, the server waits for the lease.
        let _ = timeout(PATIENCE, goodbye).await;
    }

    fn welcome(&mut self, welcome: &Welcomed) -> Result<(), Ended> {
        let shown = self.believe(&welcome.shown)?;
        let (term, position, resumes) = (welcome.term, welcome.position, welcome.resumes);
        let welcomed = Welcome { term, position, resumes, shown: shown.seen };
        let welcomed = self.holder.welcomed(&welcomed);
        self.trust();
        welcomed?;
        if !resumes {
            let seed = u64::from_be_bytes(self.shared.client.random()?);
            let before = self.shared.views.begin_anew(Replica::new(seed, welcome.keys));
            if self.shared.options.on_remove.is_some() {
                // One that never was whole was nothing to accept keys by.
                self.before.get_or_insert(before);
            }
            if let Some(cache) = &self.shared.cache {
                cache.clear(position);
            }
        }
        self.remember(shown);
        Ok(())
    }

    /// Takes what the server says; whether there is something to acknowledge.
    fn take(&mut self, frame: ServerFrame) -> Result<bool, Ended> {
        let replica = Arc::clone(&self.shared.views.load().replica);
        match frame {
            ServerFrame::Welcome(_) => return Err(HolderError::OutOfOrder.into()),
            ServerFrame::Refuse(reason) => return Err(Ended::Refused(reason)),
            ServerFrame::Owners(owners) => {
                owners.iter().for_each(|owner| replica.stand(owner));
                return Ok(false);
            }
            ServerFrame::Profile(number, profile) => {
                replica.number(number, &profile);
                return Ok(false);
            }
            ServerFrame::Rows(_) if !self.holder.is_loading() => return Err(HolderError::OutOfOrder.into()),
            ServerFrame::Rows(rows) => {
                for row in &rows {
                    replica.admit(row);
                }
                return Ok(false);
            }
            ServerFrame::Loaded(position) => {
                let lacks = self.before.as_ref().map(|before| replica.lacks(before));
                let removed = self.untold.iter().copied().chain(lacks.into_iter().flatten());
                // Before the table counts as loaded: otherwise nobody would be told after a panic.
                removed.collect::<Vec<_>>().into_iter().try_for_each(|removed| self.tell(removed))?;
                self.before = None;
                self.holder.loaded(position)?;
                // Keys are judged meanwhile; nobody waits for it.
                drop(tokio::task::spawn_blocking(move || replica.settle()));
            }
            ServerFrame::Changes(changes) => {
                if !self.holder.expects(changes.after) {
                    return Err(HolderError::Gap.into());
                }
                for change in &changes.changes {
                    let removed = match &self.shared.cache {
                        Some(cache) => cache.apply(&replica, change, changes.to),
                        None => replica.apply(change),
                    };
                    removed.map_or(Ok(()), |removed| self.tell(removed))?;
                }
                self.holder.applied(changes.after, changes.to)?;
            }
            ServerFrame::Grant(Granted { grant, unix_millis }) => {
                let heard_at = now();
                let asked_at = self.holder.granted(&grant)?;
                self.shared.clock.set(unix_millis, asked_at, heard_at);
                self.trust();
                return Ok(false);
            }
            ServerFrame::Shown(shown) => {
                let shown = self.believe(&shown)?;
                let held = self.holder.shown(shown.seen);
                self.trust();
                held?;
                self.remember(shown);
                return Ok(false);
            }
            ServerFrame::Answer(answer) => {
                let cache = self.shared.cache.as_ref();
                let is_asked = cache.is_some_and(|cache| self.asking.answered(&answer, cache, &replica));
                return if is_asked { Ok(false) } else { Err(HolderError::OutOfOrder.into()) };
            }
        }
        self.trust();
        Ok(true)
    }

    /// Says what it has applied, if its table is whole.
    async fn acknowledge(&self, socket: &mut Socket) -> Result<(), Ended> {
        match self.holder.acknowledges() {
            Some(position) => send(socket, &VerifierFrame::Acknowledge(position)).await,
            None => Ok(()),
        }
    }

    async fn renew(&mut self, socket: &mut Socket) -> Result<(), Ended> {
        if self.shared.options.keeps.mode() == Mode::Online {
            // It has no lease, and no other way to learn that the server is still there.
            return dispatch(socket, Message::Ping(Bytes::new())).await;
        }
        // The lease counts from here, whenever the bytes go out.
        match self.holder.renew(now()) {
            Some(number) => send(socket, &VerifierFrame::Renew(number)).await,
            None => Ok(()),
        }
    }

    /// Lets verifies know until when they may accept keys: for ever, if they go on without a lease; while they are told of
    /// changes, if they ask the server anyway.
    fn trust(&self) {
        let options = &self.shared.options;
        let deadline = match options.keeps.mode() {
            Mode::Online => self.holder.acknowledges().map(|_| u64::MAX),
            Mode::Full | Mode::Hot if options.serve_stale => self.holder.deadline().map(|_| u64::MAX),
            Mode::Full | Mode::Hot => self.holder.deadline().map(Moment::nanos),
        };
        self.shared.trust(deadline.unwrap_or(0));
    }

    /// Tells the application. If it panics, what was to be cut may be open still.
    fn tell(&mut self, removed: Removed) -> Result<(), Ended> {
        let Some(call) = &self.shared.options.on_remove else { return Ok(()) };
        let told = catch_unwind(AssertUnwindSafe(|| call(removed)));
        self.untold.retain(|other| *other != removed);
        told.map_err(|_| {
            self.untold.push(removed);
            Ended::Untold
        })
    }

    /// The connection has ended, and with it, for some reasons, the lease.
    fn parted(&mut self, why: &Ended) {
        match why {
            Ended::Untold => self.holder.lapse(),
            Ended::Disbelief(_) | Ended::Holder(HolderError::OtherLog) => {
                self.holder.distrust();
                self.shared.end();
            }
            Ended::Call(_)
            | Ended::Holder(_)
            | Ended::Frame(_)
            | Ended::Refused(_)
            | Ended::Broke
            | Ended::Silent => {}
        }
        self.holder.disconnected();
        self.asking.forget();
        self.trust();
        self.shared.complain(why);
    }

    fn believe(&self, shown: &Shown) -> Result<Anchor, Ended> {
        let key = self.shared.options.log_key.as_ref();
        Ok(believe(shown, self.anchor.as_ref(), key)?)
    }

    fn remember(&mut self, anchor: Anchor) {
        if let Some(keeper) = &self.keeper {
            keeper.keep(anchor.clone());
        }
        self.anchor = Some(anchor);
    }
}

/// Asks for the stream.
async fn connect(shared: &Shared) -> Result<Socket, Ended> {
    let key = tokio_tungstenite::tungstenite::handshake::client::generate_key();
    let call = Call::new(Method::GET, "/v1/verifiers/stream".to_owned(), false)
        .with("connection", "Upgrade")
        .with("upgrade", "websocket")
        .with("sec-websocket-version", "13")
        .with("sec-websocket-key", &key);
    let upgraded = async {
        let response = shared.client.upgrade(&call).await?;
        let accepted = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
        let told = response.headers().get("sec-websocket-accept").and_then(|told| told.to_str().ok());
        if response.status() != StatusCode::SWITCHING_PROTOCOLS || told != Some(accepted.as_str()) {
            return Err(Error::Unexpected("not a WebSocket".to_owned()).into());
        }
        hyper::upgrade::on(response).await.map_err(|_| Ended::Broke)
    };
    let upgraded = timeout(PATIENCE, upgraded).await.map_err(|_| Ended::Broke)??;
    let limits = WebSocketConfig::default()
        .max_message_size(Some(SERVER_FRAME_LIMIT))
        .max_frame_size(Some(SERVER_FRAME_LIMIT));
    Ok(WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, Some(limits)).await)
}

/// The next frame, or `None`: a sign of life.
async fn hear(socket: &mut Socket) -> Result<Option<ServerFrame>, Ended> {
    match socket.next().await {
        Some(Ok(Message::Binary(bytes))) => Ok(Some(ServerFrame::decode(&bytes)?)),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
        Some(Ok(Message::Text(_) | Message::Frame(_) | Message::Close(_)) | Err(_)) | None => {
            Err(Ended::Broke)
        }
    }
}

async fn send(socket: &mut Socket, frame: &VerifierFrame) -> Result<(), Ended> {
    dispatch(socket, Message::binary(frame.encode()?)).await
}

async fn dispatch(socket: &mut Socket, message: Message) -> Result<(), Ended> {
    let sent = timeout(PATIENCE, socket.send(message)).await;
    sent.map_err(|_| Ended::Broke)?.map_err(|_| Ended::Broke)
}

#[cfg(test)]
mod tests {
    use super::{Duration, LONGEST_WAIT, WAIT, drawn};

    #[test]
    fn waits_are_random_and_bounded() {
        let (first, longest) = LONGEST_WAIT;
        for longest in [first, longest] {
            let waits: Vec<Duration> = (0..1000).map(|n| drawn(longest, n * (u64::MAX / 1000))).collect();
            assert!(waits.iter().all(|wait| (WAIT..=longest).contains(wait)), "{waits:?}");
            let half = (WAIT + longest) / 2;
            let short = waits.iter().filter(|wait| **wait < half).count();
            assert!((400..600).contains(&short), "{short}");
        }
        assert_eq!((drawn(longest, 0), drawn(longest, 4900)), (WAIT, longest));
    }
}
