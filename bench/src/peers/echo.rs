//! This file is about one loopback round trip: a request-sized message to another process and back.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::clock;
use crate::load::Turns;
use crate::measure::{Latencies, Reading};
use crate::process::{self, Process};

/// The size of the message: about what a removal's request has.
const MESSAGE_BYTES: usize = 256;

/// Enough round trips for a stable median, few enough to take under a second or two.
const ROUND_TRIPS: usize = 50_000;

/// The running child.
pub(crate) struct Echo {
    _process: Process,
    address: SocketAddr,
}

impl Echo {
    /// Starts the child.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let (process, address) = process::listening_child("echo", None, folder)?;
        Ok(Self { _process: process, address })
    }

    /// Sends messages one after the other, each when the last one is back.
    pub(crate) fn run(&self, limit: Duration) -> Result<Reading> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        let mut message = [7; MESSAGE_BYTES];
        let mut latencies = Latencies::new()?;
        let turns = Turns::new(ROUND_TRIPS, limit);
        let start = clock::now();
        while turns.take().is_some() {
            let began = clock::now();
            stream.write_all(&message)?;
            stream.read_exact(&mut message)?;
            latencies.record(began.elapsed());
        }
        Reading::of(&[latencies], start.elapsed())
    }
}

/// What the child does: sends back what it is sent, one connection at a time, until it is ended.
pub(crate) fn serve(address: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(address)?;
    loop {
        let (mut stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let mut message = [0; MESSAGE_BYTES];
        loop {
            match stream.read_exact(&mut message) {
                Ok(()) => stream.write_all(&message)?,
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
}
