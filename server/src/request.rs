//! This file is about a request as it comes: its head, and its body within limits.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use futures_util::poll;
use hyper::body::{Body as _, Bytes, Incoming};
use keyward_core::error::Error;
use keyward_dialects::{Request, encedo::Unit};
use tokio::time::timeout;

use crate::config::Limits;
use crate::stream;

/// What is known of a request before its body is read.
#[derive(Clone)]
pub(crate) struct Head {
    pub(crate) parts: http::request::Parts,
    /// How much of its path stands in front of what its language knows, see [`Request::prefix`].
    pub(crate) prefix: usize,
    pub(crate) peer: IpAddr,
    pub(crate) tls: bool,
    pub(crate) unit: Arc<Unit>,
    /// The request's id, in every answer, log line and event that comes of it.
    pub(crate) id: u128,
}

impl Head {
    /// The request as dialects see it, with as much of its body as has been read.
    pub(crate) fn request<'a>(&'a self, body: &'a [u8]) -> Request<'a> {
        Request {
            method: &self.parts.method,
            path: self.path(),
            prefix: self.parts.uri.path().get(..self.prefix).unwrap_or_default(),
            query: self.parts.uri.query().unwrap_or_default(),
            headers: &self.parts.headers,
            body,
            tls: self.tls,
            unit: &self.unit,
        }
    }

    /// The path as its language knows it.
    pub(crate) fn path(&self) -> &str {
        match self.parts.uri.path().get(self.prefix..) {
            Some("") | None if self.prefix > 0 => "/",
            path => path.unwrap_or_default(),
        }
    }

    /// The request's id as answers and logs write it.
    pub(crate) fn id_text(&self) -> String {
        format!("{:032x}", self.id)
    }
}

/// RFC 9112, section 3.2: a request that a proxy may have read as one for another host is refused.
pub(crate) fn names_one_host(parts: &http::request::Parts) -> bool {
    let hosts = parts.headers.get_all(http::header::HOST).iter().count();
    hosts == 1 || (hosts == 0 && parts.version < http::Version::HTTP_11)
}

/// What can be told of a head that is no request, as far as it has come: its method, its path and its fields, or those of
/// `GET /` where it has none.
pub(crate) fn salvaged(head: &[u8]) -> http::request::Parts {
    let (mut parts, ()) = http::Request::new(()).into_parts();
    let mut lines = head.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let first = lines.by_ref().find(|line| !line.is_empty()).unwrap_or_default();
    let mut words = first.split(|byte| *byte == b' ');
    parts.method = words.next().and_then(|word| word.try_into().ok()).unwrap_or_default();
    // Up to what no target can hold: who is refused for that is told so in the form of what stands before it.
    let is_of_target = |byte: &&u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(byte);
    let target: Vec<u8> = words.next().unwrap_or_default().iter().take_while(is_of_target).copied().collect();
    parts.uri = target.as_slice().try_into().unwrap_or_default();
    for line in lines.take_while(|line| !line.is_empty()) {
        let mut halves = line.splitn(2, |byte| *byte == b':');
        let name = halves.next().and_then(|name| http::HeaderName::from_bytes(name).ok());
        let value = halves.next().and_then(|value| http::HeaderValue::from_bytes(value.trim_ascii()).ok());
        if let (Some(name), Some(value)) = (name, value) {
            parts.headers.append(name, value);
        }
    }
    parts
}

/// Reads a body within the limits.
pub(crate) async fn read(mut body: Incoming, limits: &Limits) -> Result<Bytes, Error> {
    let limit = limits.body_bytes;
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let too_large = Error::TooLarge { limit: limit as u64 };
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large);
    }
    let collect = async {
        let first = stream::next(&mut body).await?.unwrap_or_default();
        if body.is_end_stream() {
            return if first.len() > limit { Err(too_large) } else { Ok(first) };
        }
        let mut collected = Vec::from(first);
        while let Some(part) = stream::next(&mut body).await? {
            if collected.len() + part.len() > limit {
                return Err(too_large);
            }
            collected.extend_from_slice(&part);
        }
        Ok(collected.into())
    };
    let mut collect = pin!(collect);
    // Mostly it has come with the head: then there is nothing to wait for, and no timer to set.
    if let Poll::Ready(collected) = poll!(collect.as_mut()) {
        return collected;
    }
    timeout(Duration::from_secs(limits.body_seconds), collect).await.map_err(|_| Error::TimedOut)?
}

/// What tells one request under an idempotency key from another.
pub(crate) fn fingerprint(request: &Request<'_>) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in
        [request.method.as_str().as_bytes(), request.path.as_bytes(), request.query.as_bytes(), request.body]
    {
        context.update(&(part.len() as u64).to_le_bytes());
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}
