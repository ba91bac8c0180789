//! This file is about HTTP: bytes come in here and leave here. Connections, limits, time and the end of all
//! three; what a request means is [`crate::app`]'s.

mod body;
mod formed;
mod pace;
mod watched;

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use keyward_core::store::Store;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tracing::debug;

pub(crate) use self::body::Body;
use self::formed::Formed;
use self::pace::{Busy, Pace};
use self::watched::Watched;
use crate::app::App;
use crate::config::Limits;

/// The most header fields of a request.
const HEADERS: usize = 64;

/// How long a client may take nothing of its answer when the server stops.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

/// One of the connections that are served at once, for as long as it is open.
struct Place {
    open: Arc<AtomicUsize>,
    _room: OwnedSemaphorePermit,
}

/// What takes a connection over holds this for as long as it does.
#[derive(Clone)]
pub(crate) struct Hold {
    _place: Arc<Place>,
    _busy: Busy,
}

impl Place {
    fn taken(open: &Arc<AtomicUsize>, room: OwnedSemaphorePermit) -> Arc<Self> {
        open.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self { open: Arc::clone(open), _room: room })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How connections come in.
#[derive(Clone)]
pub(crate) enum Entrance {
    /// Over plain HTTP.
    Plain,
    /// Over TLS, each with the acceptor that there is by then.
    Tls(watch::Receiver<TlsAcceptor>),
    /// Over plain HTTP, from whoever watches over the server.
    Watcher,
}

/// What is known of a connection.
#[derive(Clone, Copy)]
struct Came {
    from: SocketAddr,
    tls: bool,
    to_watch: bool,
}

/// Why a connection ends that has not ended by itself.
enum End {
    /// The server stops.
    Stopped,
    /// Its client let us wait for too long.
    Overdue,
}

/// Serves connections until it is told to stop, then lets those that are under way finish.
pub(crate) struct Server<S> {
    app: Arc<App<S>>,
    limits: Limits,
    room: Arc<Semaphore>,
    open: Arc<AtomicUsize>,
    stop: watch::Receiver<bool>,
}

impl<S: Store> Server<S> {
    pub(crate) fn new(app: Arc<App<S>>, limits: Limits) -> Self {
        let room = Arc::new(Semaphore::new(limits.connections as usize));
        let stop = app.stopped();
        Self { app, limits, room, open: Arc::default(), stop }
    }

    /// Accepts connections on a listener.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener, entrance: Entrance) {
        let mut stop = self.stop.clone();
        loop {
            // Room first: whoever finds none waits in the kernel's queue and costs us nothing.
            let Ok(room) = Arc::clone(&self.room).acquire_owned().await else { return };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            let (stream, peer) = match accepted {
                // A listener for both sees IPv4 as IPv6 writes it, and nobody allows networks in that form.
                Ok((stream, peer)) => (stream, SocketAddr::new(peer.ip().to_canonical(), peer.port())),
                Err(error) => {
                    // Out of descriptors, most likely: let some be closed.
                    debug!(%error, "accept");
                    crate::environment::pause(Duration::from_millis(10)).await;
                    continue;
                }
            };
            let (server, place) = (Arc::clone(&self), Place::taken(&self.open, room));
            let (tls, to_watch) = match &entrance {
                Entrance::Plain => (None, false),
                Entrance::Tls(acceptor) => (Some(acceptor.borrow().clone()), false),
                Entrance::Watcher => (None, true),
            };
            let came = Came { from: peer, tls: tls.is_some(), to_watch };
            tokio::spawn(async move { server.connection(stream, came, tls, &place).await });
        }
    }

    async fn connection(&self, stream: TcpStream, came: Came, tls: Option<TlsAcceptor>, place: &Arc<Place>) {
        // An answer is one small write: do not wait for more.
        let _ = stream.set_nodelay(true);
        let pace = Pace::new();
        let stream = Watched::new(stream, &pace);
        match tls {
            None => self.requests(stream, came, &pace, place).await,
            Some(acceptor) => {
                let patience = Duration::from_secs(self.limits.handshake_seconds);
                match timeout(patience, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => self.requests(stream, came, &pace, place).await,
                    Ok(Err(error)) => debug!(peer = %came.from, %error, "TLS handshake"),
                    Err(_) => debug!(peer = %came.from, "TLS handshake took too long"),
                }
            }
        }
    }

    async fn requests(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        came: Came,
        pace: &Arc<Pace>,
        place: &Arc<Place>,
    ) {
        let (peer, tls) = (came.from.ip(), came.tls);
        let service = service_fn(|mut request: hyper::Request<Incoming>| {
            let (app, busy) = (&self.app, pace.busy());
            if request.extensions().get::<OnUpgrade>().is_some() {
                let hold = Hold { _place: Arc::clone(place), _busy: busy.clone() };
                request.extensions_mut().insert(hold);
            }
            async move {
                let answer = match came.to_watch {
                    true => app.answer_watcher(&request),
                    false => app.answer(request, peer, tls).await,
                };
                Ok::<_, std::convert::Infallible>(answer.map(|body| body.keep(busy)))
            }
        });
        let app = Arc::clone(&self.app);
        let form = move |status, head: &[u8]| app.refuse_head(status, head, peer, tls);
        let stream = Formed::new(stream, pace, form);
        let mut connection = pin!(
            http1::Builder::new()
                .max_buf_size(self.limits.head_bytes)
                .max_headers(HEADERS)
                // Who asked for a removal and hung up must not stop it midway; a stream notices when it writes.
                .half_close(true)
                // Head and body of an answer are small: one copy is cheaper than a write of two parts.
                .writev(false)
                // One of the systems whose clients we answer looks its header fields up in this case. No other client may
                // tell (RFC 9110, section 5.1), and whose a connection is, is known only when it is set up.
                .title_case_headers(true)
                .serve_connection(TokioIo::new(stream), service)
                // A verifier takes its connection over.
                .with_upgrades()
        );
        let mut stop = self.stop.clone();
        let head = Duration::from_secs(self.limits.head_seconds);
        let ends = async {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => End::Stopped,
                () = pace.overdue(head, Duration::from_secs(self.limits.body_seconds)) => End::Overdue,
            }
        };
        // In a set of one: looked at when it wakes, and not with each turn of the connection.
        let mut ends: FuturesUnordered<_> = std::iter::once(ends).collect();
        let ended = tokio::select! {
            biased;
            ended = connection.as_mut() => Some(ended),
            Some(end) = ends.next() => match end {
                End::Stopped => None,
                End::Overdue => return,
            },
        };
        let ended = match ended {
            Some(ended) => ended,
            None => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    () = pace.overdue(head, LAST_PATIENCE) => return,
                }
            }
        };
        if let Err(error) = ended {
            debug!(%peer, %error, "connection");
        }
    }

    /// How many connections are open.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Waits until every connection has ended, at most for the configured time.
    pub(crate) async fn finish(&self) {
        let patience = Duration::from_secs(self.limits.shutdown_seconds);
        let _ = timeout(patience, self.room.acquire_many(self.limits.connections)).await;
    }
}
