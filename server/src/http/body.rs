//! This file is about bodies of answers: whole, or line by line while they come to be.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
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
    Whole(Option<Bytes>),
    /// A part at a time.
    Stream(mpsc::Receiver<Bytes>),
}

/// The writing end of a streamed body. It waits while the client is behind.
pub(crate) type Parts = mpsc::Sender<Bytes>;

impl Body {
    pub(crate) fn whole(bytes: Vec<u8>) -> Self {
        Self { content: Content::Whole((!bytes.is_empty()).then(|| bytes.into())), _busy: None }
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
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.get_mut().content {
            Content::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Content::Stream(receiver) => {
                receiver.poll_recv(context).map(|part| part.map(|bytes| Ok(Frame::data(bytes))))
            }
        }
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
