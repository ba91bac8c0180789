//! This file is about the stream: a verifier joins, applies what it is told, and asks for leases, until it is dropped.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use http::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use keyward_verifier::frame::{Hello, SERVER_FRAME_LIMIT, ServerFrame, Shown, VerifierFrame, Welcomed};
use keyward_verifier::lease::{Holder, HolderError, Incarnation, Mode, Welcome};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig};

use super::anchor::{Anchor, believe, write};
use super::cache::Asking;
use super::replica::Replica;
use super::{Shared, now};
use crate::error::Error;
use crate::transport::{Call, pause};

/// The first wait before joining again; every further one is twice as long.
const WAIT: Duration = Duration::from_millis(100);
/// The longest wait, about a lease: less often would keep a verifier away for no reason.
const LONGEST_WAIT: Duration = Duration::from_secs(3);
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
    Refused(keyward_verifier::frame::Reason),
    #[error("the connection broke")]
    Broke,
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
    let holder = Holder::new(incarnation, anchor.as_ref().map(|anchor| anchor.seen));
    let mut member = Member { shared, holder, anchor, asking };
    let mut wait = WAIT;
    loop {
        let connected = tokio::select! {
            connected = connect(&member.shared) => connected,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let ended = match connected {
            Ok(mut socket) => {
                let ended = tokio::select! {
                    ended = member.serve(&mut socket) => Some(ended),
                    _ = stop.wait_for(|stop| *stop) => None,
                };
                match ended {
                    Some(ended) => ended,
                    None => return member.leave(&mut socket).await,
                }
            }
            Err(ended) => Err(ended),
        };
        member.holder.disconnected();
        member.asking.forget();
        let joined = member.holder.deadline().is_some_and(|deadline| now() < deadline);
        wait = if joined { WAIT } else { (wait * 2).min(LONGEST_WAIT) };
        if let Err(ended) = ended {
            member.shared.complain(&ended);
        }
        tokio::select! {
            () = pause(wait) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// One verifier on its way through connections.
struct Member {
    shared: Arc<Shared>,
    holder: Holder,
    anchor: Option<Anchor>,
    asking: Asking,
}

impl Member {
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
        let first = timeout(PATIENCE, hear(socket)).await.map_err(|_| Ended::Broke)??;
        let welcome = match first {
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
        let third = Duration::from_millis(u64::from(welcome.lease_millis / 3).max(1));
        let mut renewals = interval(third);
        renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                frame = hear(socket) => {
                    let frame = frame?;
                    if matches!(frame, ServerFrame::Loaded(_)) {
                        // Only now can there be a lease.
                        renewals.reset_immediately();
                    }
                    if self.take(frame)? && let Some(position) = self.holder.acknowledges() {
                        send(socket, &VerifierFrame::Acknowledge(position)).await?;
                    }
                }
                lookup = self.asking.next() => send(socket, &VerifierFrame::Lookup(lookup)).await?,
                _ = renewals.tick() => self.renew(socket).await?,
            }
        }
    }

    /// Accepts nothing any more, says so, after what was being sent, and waits until the server has heard it. Should that fail,
    /// the server waits for the lease.
    async fn leave(&self, socket: &mut Socket) {
        self.shared.deadline.store(0, Ordering::Release);
        self.shared.moved.send_replace(());
        let goodbye = async {
            send(socket, &VerifierFrame::Goodbye).await?;
            // What it had on its way comes first.
            while !matches!(hear(socket).await?, ServerFrame::Refuse(_)) {}
            Ok::<(), Ended>(())
        };
        // There is nobody left to complain to.
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
            // The old table goes on answering whoever is reading it; with no lease nobody begins to.
            let seed = u64::from_be_bytes(self.shared.client.random()?);
            self.shared.replica.store(Arc::new(Replica::new(seed, welcome.keys)));
            if let Some(cache) = &self.shared.cache {
                cache.clear(position);
            }
        }
        self.remember(shown);
        Ok(())
    }

    /// Takes what the server says; whether there is something to acknowledge.
    fn take(&mut self, frame: ServerFrame) -> Result<bool, Ended> {
        let replica = self.shared.replica.load();
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
            ServerFrame::Rows(rows) => {
                for row in &rows {
                    replica.admit(row);
                }
                return Ok(false);
            }
            ServerFrame::Loaded(position) => self.holder.loaded(position)?,
            ServerFrame::Changes(changes) => {
                if !self.holder.expects(changes.after) {
                    return Err(HolderError::Gap.into());
                }
                for change in &changes.changes {
                    let removed = match &self.shared.cache {
                        Some(cache) => cache.apply(&replica, change, changes.to),
                        None => replica.apply(change),
                    };
                    if let (Some(removed), Some(call)) = (removed, &self.shared.options.on_remove) {
                        call(removed);
                    }
                }
                self.holder.applied(changes.after, changes.to)?;
            }
            ServerFrame::Grant(grant) => {
                self.holder.granted(&grant)?;
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

    async fn renew(&mut self, socket: &mut Socket) -> Result<(), Ended> {
        if self.shared.options.keeps.mode() == Mode::Online {
            return Ok(());
        }
        // The lease counts from here, whenever the bytes go out.
        match self.holder.renew(now()) {
            Some(number) => send(socket, &VerifierFrame::Renew(number)).await,
            None => Ok(()),
        }
    }

    /// Lets verifies know until when they may accept keys: for ever, if they go on without a lease.
    fn trust(&self) {
        let deadline = self.holder.deadline().map_or(0, |deadline| match self.shared.options.serve_stale {
            true => u64::MAX,
            false => deadline.nanos(),
        });
        if self.shared.deadline.swap(deadline, Ordering::AcqRel) != deadline {
            self.shared.moved.send_replace(());
        }
    }

    fn believe(&self, shown: &Shown) -> Result<Anchor, Ended> {
        let key = self.shared.options.log_key.as_ref();
        Ok(believe(shown, self.anchor.as_ref(), key)?)
    }

    fn remember(&mut self, anchor: Anchor) {
        if let Some(file) = self.shared.options.anchor.as_deref()
            && let Err(error) = write(file, &anchor)
        {
            self.shared.complain(&complaint(file, &error));
        }
        self.anchor = Some(anchor);
    }
}

fn complaint(file: &Path, error: &std::io::Error) -> String {
    format!("{} could not be written: {error}", file.display())
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

async fn hear(socket: &mut Socket) -> Result<ServerFrame, Ended> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Binary(bytes))) => return Ok(ServerFrame::decode(&bytes)?),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Text(_) | Message::Frame(_) | Message::Close(_)) | Err(_)) | None => {
                return Err(Ended::Broke);
            }
        }
    }
}

async fn send(socket: &mut Socket, frame: &VerifierFrame) -> Result<(), Ended> {
    let bytes = frame.encode()?;
    let sent = timeout(PATIENCE, socket.send(Message::binary(bytes))).await;
    sent.map_err(|_| Ended::Broke)?.map_err(|_| Ended::Broke)
}
