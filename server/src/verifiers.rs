//! This file is about the stream of one verifier: a WebSocket (RFC 6455) whose messages are the frames of
//! `docs/verifier-protocol.md`. What is said on it is the core's ([`Seat`]); here is how it travels, and when it ends.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, HeaderValue, StatusCode};
use hyper::body::Bytes;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use keyward_core::error::Error;
use keyward_core::store::Store;
use keyward_core::verifiers::Seat;
use keyward_dialects::Response;
use keyward_verifier::frame::{FrameError, Hello, Reason, ServerFrame, VERIFIER_FRAME_LIMIT, VerifierFrame};
use tokio::sync::watch;
use tokio::time::{Instant, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig};
use tracing::{debug, error, info, warn};

use crate::app::{Admitted, whole};
use crate::environment::World;
use crate::http::{Body, Hold};
use crate::stream::Standing;

/// How long a verifier may take to say who it is, to read what it is sent, and to answer when it is asked whether it is
/// still there. Longer than any lease: whoever is slower than that accepts nothing anyway.
const PATIENCE: Duration = Duration::from_secs(10);
/// The version of WebSocket that there is.
const WEBSOCKET: &str = "13";

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// Turns a request's connection into a verifier's stream.
pub(crate) fn join<S: Store>(
    admitted: &Admitted<'_, S>,
    stop: watch::Receiver<bool>,
) -> Result<hyper::Response<Body>, Error> {
    let parts = &admitted.head.parts;
    let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let names = |name, wanted: &str| text(name).split(',').any(|one| one.trim().eq_ignore_ascii_case(wanted));
    let upgrade = parts.extensions.get::<OnUpgrade>().cloned();
    let hold = parts.extensions.get::<Hold>().cloned();
    let (Some(upgrade), true) = (upgrade, names(CONNECTION, "upgrade") && names(UPGRADE, "websocket")) else {
        return Err(Error::invalid("Upgrade", "websocket"));
    };
    if text(SEC_WEBSOCKET_VERSION) != WEBSOCKET {
        return Err(Error::invalid("Sec-WebSocket-Version", WEBSOCKET));
    }
    let key = parts.headers.get(SEC_WEBSOCKET_KEY);
    let key = key.ok_or_else(|| Error::invalid("Sec-WebSocket-Key", "given"))?;
    let mut headers = HeaderMap::new();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes())).map_err(Error::internal)?;
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    let standing = Standing::new(admitted);
    tokio::spawn(async move {
        match upgrade.await {
            Ok(upgraded) => serve(upgraded, &standing, stop).await,
            Err(error) => debug!(%error, "a verifier hung up before it was there"),
        }
        // It is one of the connections that are counted and limited, until here.
        drop(hold);
    });
    Ok(whole(Response { status: StatusCode::SWITCHING_PROTOCOLS, headers, body: Vec::new() }))
}

async fn serve<S: Store>(
    upgraded: hyper::upgrade::Upgraded,
    standing: &Standing<S>,
    mut stop: watch::Receiver<bool>,
) {
    let limits = WebSocketConfig::default()
        .max_message_size(Some(VERIFIER_FRAME_LIMIT))
        .max_frame_size(Some(VERIFIER_FRAME_LIMIT));
    let mut socket =
        WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(limits)).await;
    let reason = tokio::select! {
        reason = converse(&mut socket, standing) => reason,
        _ = stop.wait_for(|stop| *stop) => Some(Reason::NotServing),
    };
    if let Some(reason) = reason {
        // It may be gone; then there is nobody to tell.
        let _ = send(&mut socket, ServerFrame::Refuse(reason)).await;
        let _ = timeout(PATIENCE, socket.close(None)).await;
    }
}

/// Talks with a verifier until one of the two ends it; the reason to give, if it is this one.
async fn converse<S: Store>(socket: &mut Socket, standing: &Standing<S>) -> Option<Reason> {
    let first = async {
        loop {
            match hear(socket).await {
                Ok(Heard::Life) => {}
                heard @ (Ok(Heard::Frame(_) | Heard::End) | Err(_)) => return heard,
            }
        }
    };
    let hello = match timeout(PATIENCE, first).await {
        Ok(Ok(Heard::Frame(VerifierFrame::Hello(hello)))) => hello,
        Ok(Ok(Heard::End)) => return None,
        Ok(Err(reason)) => return Some(reason),
        Ok(Ok(Heard::Frame(_) | Heard::Life)) | Err(_) => return Some(Reason::Malformed),
    };
    let (mut seat, welcome) = match take(standing, &hello).await {
        Ok(taken) => taken,
        Err(reason) => {
            warn!(verifier = hello.name, ?reason, "a verifier was refused");
            if standing.keyward.is_locked() {
                error!(
                    verifier = hello.name,
                    "LOCKED: a verifier has proved that this log was longer, or another: an older copy was put back. Put \
                    the newest copy back, or run `keyward recover --accept-loss`, which ends every key"
                );
            }
            return Some(reason);
        }
    };
    info!(verifier = hello.name, incarnation = %hello.incarnation, mode = ?hello.mode, "a verifier joined");
    let ended = follow(socket, standing, &mut seat, welcome).await;
    info!(verifier = hello.name, incarnation = %hello.incarnation, reason = ?ended, "a verifier left");
    if ended != Some(Reason::Forbidden) {
        return ended;
    }
    dismiss(socket, &mut seat).await;
    None
}

/// Tells a verifier that it may be one no more, and hears whether it has stopped: whatever ended its right waits until it says
/// so, or its lease has run out. Of what else it says nothing is heard.
async fn dismiss<S: Store>(socket: &mut Socket, seat: &mut Seat<S, World>) {
    let goodbye = async {
        send(socket, ServerFrame::Refuse(Reason::Forbidden)).await?;
        loop {
            match hear(socket).await {
                Ok(Heard::Frame(frame @ VerifierFrame::Goodbye)) => {
                    // The answer to it is that the connection ends.
                    let _ = seat.heard(frame).await;
                    return Ok(());
                }
                Ok(Heard::Frame(_) | Heard::Life) => {}
                Ok(Heard::End) | Err(_) => return Err(()),
            }
        }
    };
    // One that does not say it is gone like any other.
    let _ = timeout(PATIENCE, goodbye).await;
    let _ = timeout(PATIENCE, socket.close(None)).await;
}

async fn take<S: Store>(
    standing: &Standing<S>,
    hello: &Hello,
) -> Result<(Seat<S, World>, ServerFrame), Reason> {
    let permit = standing.permit().map_err(|_| Reason::Forbidden)?;
    Seat::take(&standing.keyward, &permit, hello).await
}

async fn follow<S: Store>(
    socket: &mut Socket,
    standing: &Standing<S>,
    seat: &mut Seat<S, World>,
    welcome: ServerFrame,
) -> Option<Reason> {
    if send(socket, welcome).await.is_err() {
        return None;
    }
    let mut looks = interval_at(Instant::now() + PATIENCE, PATIENCE);
    let mut is_there = true;
    loop {
        let frames = tokio::select! {
            frames = seat.next() => frames,
            heard = hear(socket) => {
                is_there = true;
                match heard {
                    Ok(Heard::End) => return None,
                    Ok(Heard::Life) => Ok(Vec::new()),
                    // A lease, like an answer, goes to whoever may have one now.
                    // That it stops, everybody may say.
                    Ok(Heard::Frame(frame)) if frame != VerifierFrame::Goodbye && !standing.still_may() => {
                        Err(Reason::Forbidden)
                    }
                    Ok(Heard::Frame(frame)) => seat.heard(frame).await,
                    Err(reason) => Err(reason),
                }
            },
            _ = looks.tick() => {
                // A host that vanished breaks no connection; nothing would be heard of it for ever.
                let was_there = std::mem::replace(&mut is_there, false);
                if !was_there || dispatch(socket, Message::Ping(Bytes::new())).await.is_err() {
                    return None;
                }
                // One that asks for nothing and is told nothing has to go, too, when its key has ended.
                if standing.still_may() { Ok(Vec::new()) } else { Err(Reason::Forbidden) }
            }
        };
        match frames {
            Err(reason) => return Some(reason),
            // What changes is told to whoever may hear it now: its own key may just have been removed.
            Ok(frames) if !frames.is_empty() && !standing.still_may() => return Some(Reason::Forbidden),
            Ok(frames) => {
                for frame in frames {
                    if send(socket, frame).await.is_err() {
                        return None;
                    }
                }
            }
        }
    }
}

/// What comes from a verifier.
enum Heard {
    Frame(VerifierFrame),
    /// A ping, or the answer to one.
    Life,
    /// It is gone.
    End,
}

async fn hear(socket: &mut Socket) -> Result<Heard, Reason> {
    match socket.next().await {
        Some(Ok(Message::Binary(bytes))) => {
            VerifierFrame::decode(&bytes).map(Heard::Frame).map_err(|error| match error {
                FrameError::Version(_) => Reason::Version,
                FrameError::Length | FrameError::TooLong | FrameError::Type(_) | FrameError::Field(_) => {
                    Reason::Malformed
                }
            })
        }
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(Heard::Life),
        Some(Ok(Message::Text(_) | Message::Frame(_))) => Err(Reason::Malformed),
        Some(Ok(Message::Close(_)) | Err(_)) | None => Ok(Heard::End),
    }
}

/// Sends a frame. A verifier that does not read is gone.
async fn send(socket: &mut Socket, frame: ServerFrame) -> Result<(), ()> {
    let bytes = frame.encode().map_err(|error| warn!(%error, "a frame could not be written"))?;
    dispatch(socket, Message::binary(bytes)).await
}

async fn dispatch(socket: &mut Socket, message: Message) -> Result<(), ()> {
    let sent = timeout(PATIENCE, socket.send(message)).await;
    sent.map_err(|_| ())?.map_err(|_| ())
}
