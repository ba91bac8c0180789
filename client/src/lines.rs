//! This file is about answers that come line by line: an import's, and followed events.

use std::convert::Infallible;

use futures_util::stream;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::{Frame, Incoming};
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::transport::{Answer, Body, Call, Client, json_bytes};
use crate::wire::{Event, ImportKey, ImportedLine, ListEvents};

/// The longest line, in bytes.
const LONGEST: usize = 1024 * 1024;

/// What became of the keys of an import, one by one.
pub struct ImportedLines(Lines);

impl ImportedLines {
    pub(crate) async fn begin(
        client: &Client,
        keys: impl Iterator<Item = ImportKey> + Send + 'static,
    ) -> Result<Self, Error> {
        let lines = keys.flat_map(|key| [json_bytes(&key).unwrap_or_default(), "\n".into()]);
        let frames = stream::iter(lines.map(|line| Ok::<_, Infallible>(Frame::data(line))));
        let call = client.post("/v1/keys/import")?.with("content-type", "application/x-ndjson");
        Lines::begin(client, &call, StreamBody::new(frames).boxed_unsync()).await.map(Self)
    }

    /// The next line; `None` after the last one.
    ///
    /// # Errors
    /// [`Error::Connection`] if the answer breaks off: the keys of later lines may have been imported or not.
    pub async fn next(&mut self) -> Result<Option<ImportedLine>, Error> {
        match self.0.next().await? {
            Some(line) => read(&line).map(Some),
            None => Ok(None),
        }
    }
}

/// Events as they happen.
pub struct Followed(Lines);

impl Followed {
    pub(crate) async fn begin(client: &Client, which: &ListEvents) -> Result<Self, Error> {
        let call = Call::get("/v1/events").with_query(which)?.accept("text/event-stream");
        Lines::begin(client, &call, Empty::new().boxed_unsync()).await.map(Self)
    }

    /// The next event, as soon as there is one; `None` if the server ends the stream.
    ///
    /// # Errors
    /// [`Error::Connection`] if it breaks off: follow again after the last position.
    pub async fn next(&mut self) -> Result<Option<Event>, Error> {
        while let Some(line) = self.0.next().await? {
            // What else stands in the stream (ids, types, comments) the event says too.
            if let Some(data) = line.strip_prefix(b"data:") {
                return read(data).map(Some);
            }
        }
        Ok(None)
    }
}

fn read<T: DeserializeOwned>(line: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(line).map_err(|_| Error::Unexpected("a line that is not understood".to_owned()))
}

/// The lines of an answer that may never end.
struct Lines {
    body: Incoming,
    buffer: Vec<u8>,
}

impl Lines {
    async fn begin(client: &Client, call: &Call, body: Body) -> Result<Self, Error> {
        let response = client.send(call, body).await?;
        let status = response.status();
        let mut body = response.into_body();
        if status.is_success() {
            return Ok(Self { body, buffer: Vec::new() });
        }
        let body = (&mut body).collect().await.map_err(|error| Error::Connection(error.into()))?;
        match Answer::new(status, body.to_bytes()).accept() {
            Err(error) => Err(error),
            Ok(_) => Err(Error::Unexpected(format!("status {status}"))),
        }
    }

    async fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let rest = self.buffer.split_off(end + 1);
                let mut line = std::mem::replace(&mut self.buffer, rest);
                line.truncate(end);
                return Ok(Some(line));
            }
            if self.buffer.len() > LONGEST {
                return Err(Error::Unexpected("a line that does not end".to_owned()));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        self.buffer.extend_from_slice(data);
                    }
                }
                Some(Err(error)) => return Err(Error::Connection(error.into())),
                None if self.buffer.is_empty() => return Ok(None),
                None => return Ok(Some(std::mem::take(&mut self.buffer))),
            }
        }
    }
}
