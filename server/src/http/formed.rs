//! This file is about heads that are no request. hyper answers them by itself, with a status and nothing else; that answer
//! is taken back before it leaves, and given in the form of the language that the head is in.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::HeaderName;
use keyward_dialects::Response;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::pace::Pace;

/// How much of a head is kept until it was read, in bytes: enough for its path and its host.
const HEAD: usize = 4096;

/// A connection on which every answer has a form. Above TLS.
///
/// hyper has no hook for its own answers. They are told from ours by what is under way: nobody has been asked for them.
pub(super) struct Formed<S, F> {
    stream: S,
    pace: Arc<Pace>,
    /// Answers a head that is no request, with the status that hyper gave it.
    form: F,
    /// The beginning of a head that was not read yet.
    head: Vec<u8>,
    /// What is left to send of the answer in the place of hyper's.
    instead: Option<Vec<u8>>,
}

impl<S, F> Formed<S, F> {
    pub(super) fn new(stream: S, pace: &Arc<Pace>, form: F) -> Self {
        Self { stream, pace: Arc::clone(pace), form, head: Vec::new(), instead: None }
    }
}

impl<S: AsyncWrite + Unpin, F> Formed<S, F> {
    fn poll_instead(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(left) = self.instead.as_mut().filter(|left| !left.is_empty()) {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(context, left))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            left.drain(..sent);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin, F: Unpin> AsyncRead for Formed<S, F> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = into.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, into))?;
        if this.pace.is_waiting() {
            let came = into.filled().get(before..).unwrap_or_default();
            let kept = came.len().min(HEAD.saturating_sub(this.head.len()));
            this.head.extend_from_slice(came.get(..kept).unwrap_or_default());
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin, F: Fn(u16, &[u8]) -> Response + Unpin> AsyncWrite for Formed<S, F> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.pace.is_answering() {
            // It was a request, and may hold a secret: what is given back to the allocator is wiped.
            this.head = Vec::new();
            return Pin::new(&mut this.stream).poll_write(context, bytes);
        }
        if this.instead.is_none() {
            this.instead = Some(in_form(bytes, |status| (this.form)(status, &this.head)));
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_instead(context))?;
        ready!(Pin::new(&mut this.stream).poll_flush(context))?;
        this.pace.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_instead(context))?;
        Pin::new(&mut this.stream).poll_shutdown(context)
    }
}

/// An answer of hyper's own in the form that its status is given: what it says of the connection and of the time stays.
fn in_form(own: &[u8], form: impl FnOnce(u16) -> Response) -> Vec<u8> {
    let own = String::from_utf8_lossy(own);
    let mut lines = own.split("\r\n").filter(|line| !line.is_empty());
    let mut words = lines.next().unwrap_or_default().split(' ');
    let version = words.next().unwrap_or_default();
    let status = words.next().and_then(|status| status.parse().ok()).unwrap_or(400);
    let Response { status, headers, body } = form(status);
    // The canonical reason stands behind the code.
    let mut answer = format!("{version} {status}\r\n").into_bytes();
    let kept = lines.filter(|line| !line.to_ascii_lowercase().starts_with("content-length:"));
    kept.for_each(|line| answer.extend([line, "\r\n"].concat().bytes()));
    for (name, value) in &headers {
        answer.extend(title_case(name).bytes());
        answer.extend([b": ", value.as_bytes(), b"\r\n"].concat());
    }
    answer.extend(format!("Content-Length: {}\r\n\r\n", body.len()).bytes());
    answer.extend(body);
    answer
}

/// A field's name as hyper writes those of our answers.
fn title_case(name: &HeaderName) -> String {
    let title = |part: &str| {
        let (first, rest) = part.split_at_checked(1).unwrap_or_default();
        first.to_ascii_uppercase() + rest
    };
    name.as_str().split('-').map(title).collect::<Vec<String>>().join("-")
}
