//! This file is about serving: listeners, the rounds that are made every second, and an orderly end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use keyward_core::epoch::Rhythm;
use keyward_core::store::Store;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tracing::{error, info, warn};

use crate::app::App;
use crate::config::{Config, Tls};
use crate::environment;
use crate::http::{Entrance, Server};
use crate::tls;

/// How often due removals are carried out and notes are kept.
const ROUND: Duration = Duration::from_secs(1);

/// How long a re-rooting that failed waits before it is tried again.
const REROOTING: Duration = Duration::from_secs(10);

/// The notes of how many keys are kept in one round: about a hundredth of a core's time.
const NOTES: usize = 2000;

/// How many connections the system keeps until they are accepted, at most; whoever comes then is not answered at
/// all, and tries again a second later.
const BACKLOG: u32 = 4096;

/// Where a server listens.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Addresses {
    pub(crate) http: Option<SocketAddr>,
    pub(crate) https: Option<SocketAddr>,
    pub(crate) metrics: Option<SocketAddr>,
}

/// Serves until a signal says stop, then lets what is under way finish. `ready` is told when it listens.
pub(crate) async fn serve<S: Store>(
    app: Arc<App<S>>,
    config: &Config,
    ready: impl FnOnce(Addresses) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    // Before anybody is told that it is ready: a signal from then on ends it in good order.
    let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let hangup = signal(SignalKind::hangup())?;
    let server = Arc::new(Server::new(Arc::clone(&app), config.limits.clone()));
    let mut addresses = Addresses::default();
    if let Some(address) = config.listen.http {
        let listener = listen(address)?;
        addresses.http = Some(listener.local_addr()?);
        tokio::spawn(Arc::clone(&server).serve(listener, Entrance::Plain));
    }
    if let Some(address) = config.listen.metrics {
        let listener = listen(address)?;
        addresses.metrics = Some(listener.local_addr()?);
        tokio::spawn(Arc::clone(&server).serve(listener, Entrance::Watcher));
    }
    let mut acceptor = None;
    if let (Some(address), Some(tls)) = (config.listen.https, &config.tls) {
        let (sender, receiver) = watch::channel(tls::acceptor(tls)?);
        acceptor = Some((tls, sender));
        let listener = listen(address)?;
        addresses.https = Some(listener.local_addr()?);
        tokio::spawn(Arc::clone(&server).serve(listener, Entrance::Tls(receiver)));
    }
    let rounds = tokio::spawn(rounds(Arc::clone(&app), Arc::clone(&server)));
    // Not waited for at the end: what is cut off goes on with the next start.
    let rerooting = tokio::spawn(rerooting(Arc::clone(&app), config.roots.rhythm()));
    let at = |address: Option<SocketAddr>| address.map(tracing::field::display);
    let [http, https, metrics] = [addresses.http, addresses.https, addresses.metrics].map(at);
    match app.keyward() {
        Some(_) => info!(http, https, metrics, "ready"),
        None => warn!(http, https, metrics, "listening, and locked: nothing is accepted"),
    }
    ready(addresses)?;
    tokio::select! {
        () = any(terminate, interrupt) => {}
        () = renew(hangup, acceptor) => {}
    }
    info!("stopping: requests under way may finish");
    app.stop();
    server.finish().await;
    rounds.await?;
    rerooting.abort();
    app.keep_notes(usize::MAX).await;
    app.finish_traces().await;
    Ok(())
}

fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A server that starts again must not wait for the connections of the one before it to be forgotten.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().with_context(|| format!("cannot listen on {address}"))
}

async fn any(mut terminate: Signal, mut interrupt: Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Reads the certificate and its key again at every signal, for the connections that come from then on. Where there is none
/// the signal means nothing; it must not end the server, as it would by itself.
async fn renew(mut hangup: Signal, acceptor: Option<(&Tls, watch::Sender<TlsAcceptor>)>) {
    while hangup.recv().await.is_some() {
        let Some((tls, current)) = &acceptor else { continue };
        match tls::acceptor(tls) {
            Ok(renewed) => {
                current.send_replace(renewed);
                info!("the certificate was read again");
            }
            Err(error) => error!(error = format!("{error:#}"), "the certificate stays as it was"),
        }
    }
    // No more of these signals can come; others can.
    std::future::pending::<()>().await;
}

/// Re-roots when it is time to. Apart from the other rounds, because it takes seconds for a million keys.
async fn rerooting<S: Store>(app: Arc<App<S>>, rhythm: Rhythm) {
    let mut wait = ROUND;
    loop {
        environment::pause(wait).await;
        wait = match app.reroot_if_due(rhythm).await {
            Ok(()) => ROUND,
            Err(error) => {
                warn!(?error, "the slots could not be wrapped under a new root; trying again");
                REROOTING
            }
        };
    }
}

async fn rounds<S: Store>(app: Arc<App<S>>, server: Arc<Server<S>>) {
    let mut stop = app.stopped();
    loop {
        tokio::select! {
            () = environment::pause(ROUND) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        app.measure(server.open());
        app.keep_notes(NOTES).await;
        if let Err(error) = app.remove_due().await {
            warn!(?error, "keys that are due could not be removed; trying again");
        }
    }
}
