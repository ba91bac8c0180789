//! This file is about bodies of answers: whole, or line by line while they come to be.

use std::convert::Infallible;
use std::io::Cursor;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::mpsc;

use super::pace::Busy;

/// The body of an answer.
pub(crate) struct Body {
    content: Content,
    /// Until the last byte is gone, the connection does not wait for its client.
    _busy: Option<Busy>,
}

enum Content {
    /// All of it.
    Whole(Option<Vec<u8>>),
    /// A part at a time.
    Stream(mpsc::Receiver<Vec<u8>>),
}

/// The writing end of a streamed body. It waits while the client is behind.
pub(crate) type Parts = mpsc::Sender<Vec<u8>>;

impl Body {
    pub(crate) fn whole(bytes: Vec<u8>) -> Self {
        Self { content: Content::Whole(Some(bytes).filter(|bytes| !bytes.is_empty())), _busy: None }
    }

    /// A streamed body and its writing end.
    pub(crate) fn stream() -> (Parts, Self) {
        let (parts, receiver) = mpsc::channel(64);
        (parts, Self { content: Content::Stream(receiver), _busy: None })
    }

    /// Keeps its connection busy as long as there is more of it.
    pub(crate) fn keep(self, busy: Busy) -> Self {
        Self { _busy: Some(busy), ..self }
    }
}

impl HttpBody for Body {
    type Data = Cursor<Vec<u8>>;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Infallible>>> {
        let part = match &mut self.get_mut().content {
            Content::Whole(bytes) => bytes.take(),
            Content::Stream(receiver) => ready!(receiver.poll_recv(context)),
        };
        Poll::Ready(part.map(|bytes| Ok(Frame::data(Cursor::new(bytes)))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.content, Content::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Content::Stream(_) => SizeHint::default(),
        }
    }
}
