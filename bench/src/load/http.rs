//! This file is about our own HTTP load: requests built beforehand, keep-alive HTTP/1.1, one thread, so that what
//! is measured is the server.
//!
//! It knows what a server of JSON answers with (a head, and a body of a stated length or none) and nothing else.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::future::try_join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::load::{self, Turns};
use crate::measure::Reading;

#[cfg(test)]
mod tests;

/// The most bytes that an answer may have.
const ANSWER_LIMIT: usize = 1 << 20;

/// An answer, in its connection's buffer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer<'a> {
    /// The status code.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: &'a [u8],
}

/// The bytes of a request. A body is JSON.
pub(crate) fn request(method: &str, path: &str, bearer: &str, body: &str) -> Vec<u8> {
    request_with(method, path, &format!("Authorization: Bearer {bearer}"), body)
}

/// The bytes of a request with this header field, if it is not empty, as its credential. A body is JSON.
pub(crate) fn request_with(method: &str, path: &str, credential: &str, body: &str) -> Vec<u8> {
    let end = if credential.is_empty() { "" } else { "\r\n" };
    let head = format!("{method} {path} HTTP/1.1\r\nHost: bench\r\n{credential}{end}");
    let rest = match body {
        "" => "\r\n".to_owned(),
        _ => format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
    };
    (head + &rest).into_bytes()
}

/// A connection that carries one request at a time.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let (status, body_start) = loop {
            self.read_more().await?;
            if let Some(head) = parse_head(&self.buffer)? {
                let whole = head.length + head.body_length;
                while self.buffer.len() < whole {
                    self.read_more().await?;
                }
                ensure!(self.buffer.len() == whole, "the server sent more than it announced");
                break (head.status, head.length);
            }
        };
        Ok(Answer { status, body: self.buffer.get(body_start..).unwrap_or_default() })
    }

    async fn read_more(&mut self) -> Result<()> {
        ensure!(self.buffer.len() < ANSWER_LIMIT, "an answer without an end");
        let read = self.stream.read_buf(&mut self.buffer).await?;
        ensure!(read > 0, "the server closed the connection");
        Ok(())
    }
}

/// A parsed answer head; lengths in bytes.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    length: usize,
    body_length: usize,
}

/// The head of an answer, or `None` while it has not come whole.
fn parse_head(bytes: &[u8]) -> Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; 48];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = response.parse(bytes)? else { return Ok(None) };
    let mut body_length = 0;
    for header in response.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            body_length = std::str::from_utf8(header.value)?.parse().context("not a length")?;
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            bail!("a chunked answer, which this client does not read");
        }
    }
    let status = response.code.context("no status")?;
    Ok(Some(Head { status, length, body_length }))
}

/// Sends every request once over so many connections, until all are answered or time is up. `check` sees each
/// answer with the number of its request; its error ends the run.
pub(crate) fn run(
    address: SocketAddr,
    connections: usize,
    requests: &[Vec<u8>],
    limit: Duration,
    check: impl Fn(usize, &Answer<'_>) -> Result<()>,
) -> Result<Reading> {
    load::runtime()?.block_on(async {
        let opened = try_join_all((0..connections).map(|_| Connection::open(address))).await?;
        let turns = Turns::new(requests.len(), limit);
        let (turns, check) = (&turns, &check);
        load::clients(opened.into_iter().map(|mut connection| {
            load::client(turns, async move |turn| {
                let request = requests.get(turn).context("a turn without a request")?;
                let answer = connection.exchange(request).await?;
                check(turn, &answer)
            })
        }))
        .await
    })
}
