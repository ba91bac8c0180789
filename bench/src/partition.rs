//! This file is about a network that can be cut: a relay on loopback that, while it is cut, holds every byte back and closes
//! nothing, as a network does that loses all packets.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// A relay to one server, gone when dropped.
pub(crate) struct Partition {
    /// Where to connect instead.
    pub(crate) address: SocketAddr,
    is_cut: watch::Sender<bool>,
    _runtime: Runtime,
}

impl Partition {
    /// Starts relaying to a server.
    pub(crate) fn before(server: SocketAddr) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let is_cut = watch::Sender::new(false);
        runtime.spawn(relay(listener, server, is_cut.subscribe()));
        Ok(Self { address, is_cut, _runtime: runtime })
    }

    /// Lets nothing through, in either direction.
    pub(crate) fn cut(&self) {
        self.is_cut.send_replace(true);
    }

    /// Lets everything through again, and first what was held back.
    pub(crate) fn heal(&self) {
        self.is_cut.send_replace(false);
    }
}

async fn relay(listener: TcpListener, server: SocketAddr, is_cut: watch::Receiver<bool>) {
    while let Ok((client, _)) = listener.accept().await {
        let Ok(server) = TcpStream::connect(server).await else { continue };
        // Refused only for sockets that are gone already.
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let ((client_reads, client_writes), (server_reads, server_writes)) =
            (client.into_split(), server.into_split());
        tokio::spawn(carry(client_reads, server_writes, is_cut.clone()));
        tokio::spawn(carry(server_reads, client_writes, is_cut.clone()));
    }
}

/// Carries bytes one way until either end is closed.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut is_cut: watch::Receiver<bool>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if is_cut.wait_for(|is_cut| !is_cut).await.is_err() {
            return;
        }
        if to.write_all(buffer.get(..length).unwrap_or_default()).await.is_err() {
            return;
        }
    }
}
