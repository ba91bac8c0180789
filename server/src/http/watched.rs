//! This file is about the bytes of a connection: each one that its client takes is noted, and so is that it takes none.
//! And about its end: a client that is still writing must be able to read what it was told.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::pace::Pace;

/// How many bytes are read and dropped after the last answer, at most.
const LINGER_BYTES: usize = 16 << 20;

/// A connection whose pace is kept. Below TLS, which has buffers of its own.
pub(super) struct Watched {
    stream: TcpStream,
    pace: Arc<Pace>,
    /// How many bytes may still be dropped.
    linger: usize,
}

impl Watched {
    pub(super) fn new(stream: TcpStream, pace: &Arc<Pace>) -> Self {
        Self { stream, pace: Arc::clone(pace), linger: LINGER_BYTES }
    }

    fn noted(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.pace.takes(written.is_ready());
        written
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.noted(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.noted(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// Says that nothing more comes, then drops what the client still sends until it closes, too. Closed with bytes that
    /// nobody has read, the connection would be reset, and the answer to a request that was refused before its end be
    /// lost (RFC 9112, section 9.6). How long that may take is the connection's pace, like anything that it waits for.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        self.pace.takes(false);
        let mut dropped = [0; 8192];
        while self.linger > 0 {
            let mut into = ReadBuf::new(&mut dropped);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut into))?;
            match into.filled().len() {
                0 => break,
                length => self.linger = self.linger.saturating_sub(length),
            }
        }
        Poll::Ready(Ok(()))
    }
}
