//! This file is about services of one's own: a tower layer that lets no request pass without a valid key.
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use keyward_client::tower::RequireKeyLayer;
//! use keyward_client::{Key, Verifier};
//!
//! fn application(verifier: Verifier) -> Router {
//!     let orders = |key: Key| async move { format!("orders of {}", key.account()) };
//!     Router::new()
//!         .route("/orders", get(orders))
//!         .layer(RequireKeyLayer::new(verifier).scopes(["orders:read"]))
//! }
//! ```
//!
//! The key is read from `Authorization: Bearer`, else from `X-API-Key`, and put among the request's extensions, where
//! [`Key`] is an extractor of axum too (feature `axum`). What does not pass is told 401, 403, 429 or 503 and nothing else, as by
//! `/v1/forward-auth`: a stranger does not learn whether a key was removed or never there.

use std::future::Future;
use std::mem;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{AUTHORIZATION, CACHE_CONTROL, Entry, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use tower_layer::Layer;
use tower_service::Service;

use crate::verifier::{Key, Needs, Verdict, Verifier};
use crate::wire::Refusal;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// Seconds after which it may be tried again.
const SOON: HeaderValue = HeaderValue::from_static("1");

/// Lets requests pass whose key is valid; see the [module](self).
#[derive(Clone)]
pub struct RequireKeyLayer {
    rule: Rule,
}

impl RequireKeyLayer {
    /// Asks for a key that this verifier accepts.
    #[must_use]
    pub fn new(verifier: Verifier) -> Self {
        Self { rule: Rule { verifier, scopes: Vec::new(), header: None, address: Arc::new(|_| None) } }
    }

    /// The scopes that the key must have.
    #[must_use]
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.rule.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Reads the key from this header field, whose whole value it is, and from nowhere else.
    #[must_use]
    pub fn header(mut self, name: HeaderName) -> Self {
        self.rule.header = Some(name);
        self
    }

    /// Says where a request comes from. Without it, a key that is bound to networks is refused.
    #[must_use]
    pub fn address(mut self, of: impl Fn(&Parts) -> Option<IpAddr> + Send + Sync + 'static) -> Self {
        self.rule.address = Arc::new(of);
        self
    }
}

impl<S> Layer<S> for RequireKeyLayer {
    type Service = RequireKey<S>;

    fn layer(&self, inner: S) -> RequireKey<S> {
        RequireKey { rule: Arc::new(self.rule.clone()), inner }
    }
}

/// A service behind a [`RequireKeyLayer`].
#[derive(Clone)]
pub struct RequireKey<S> {
    rule: Arc<Rule>,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for RequireKey<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that said that it is ready is the one to call.
        let other = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, other);
        let rule = Arc::clone(&self.rule);
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match rule.judge(&mut parts).await {
                Ok(key) => {
                    parts.extensions.insert(key);
                    inner.call(Request::from_parts(parts, body)).await
                }
                Err(stopped) => Ok(stopped.response()),
            }
        })
    }
}

/// Says where a request comes from.
type AddressOf = dyn Fn(&Parts) -> Option<IpAddr> + Send + Sync;

#[derive(Clone)]
struct Rule {
    verifier: Verifier,
    scopes: Vec<String>,
    header: Option<HeaderName>,
    address: Arc<AddressOf>,
}

impl Rule {
    async fn judge(&self, parts: &mut Parts) -> Result<Key, Stopped> {
        let name = self.credential(&parts.headers).ok_or(Stopped::Anonymous)?;
        hide(&mut parts.headers, &name);
        let malformed = Stopped::Refused(Refusal::Malformed);
        let secret = self.secret(&parts.headers, &name).ok_or(malformed)?;
        let scopes: Vec<&str> = self.scopes.iter().map(String::as_str).collect();
        let needs = Needs { scopes: &scopes, address: (self.address)(parts) };
        match self.verifier.check(secret, &needs).await {
            Ok(Verdict::Valid(key)) => Ok(key),
            Ok(Verdict::Refused(why)) => Err(Stopped::Refused(why)),
            // Nobody can tell; a key that was refused would be a wrong answer too.
            Ok(Verdict::Ask | Verdict::Unavailable) | Err(_) => Err(Stopped::Unavailable),
        }
    }

    /// The header field that the key stands in.
    fn credential(&self, headers: &HeaderMap) -> Option<HeaderName> {
        let names = self.header.clone().map_or_else(|| vec![AUTHORIZATION, API_KEY], |name| vec![name]);
        names.into_iter().find(|name| headers.contains_key(name))
    }

    /// The secret in it. A field that comes twice holds none: two readers could take different ones for it.
    fn secret<'a>(&self, headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
        let mut values = headers.get_all(name).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let text = value.to_str().ok()?;
        if self.header.is_some() || *name != AUTHORIZATION {
            return Some(text);
        }
        let (scheme, secret) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim_matches(' '))
    }
}

/// Keeps a secret out of what is printed of the request further on.
fn hide(headers: &mut HeaderMap, name: &HeaderName) {
    if let Entry::Occupied(mut values) = headers.entry(name) {
        values.iter_mut().for_each(|value| value.set_sensitive(true));
    }
}

/// Why a request goes no further.
enum Stopped {
    /// It has no key.
    Anonymous,
    /// Its key is not valid for it.
    Refused(Refusal),
    /// Nobody can tell now.
    Unavailable,
}

impl Stopped {
    fn response<R: Default>(&self) -> Response<R> {
        let mut response = Response::new(R::default());
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let status = match self {
            Self::Anonymous => StatusCode::UNAUTHORIZED,
            Self::Refused(refusal) => status(*refusal),
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        };
        if status == StatusCode::UNAUTHORIZED {
            let challenge = match self {
                Self::Anonymous => r#"Bearer realm="keyward""#,
                Self::Refused(_) | Self::Unavailable => r#"Bearer error="invalid_token""#,
            };
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            headers.insert(RETRY_AFTER, SOON);
        }
        *response.status_mut() = status;
        response
    }
}

/// What `/v1/forward-auth` answers.
const fn status(refusal: Refusal) -> StatusCode {
    match refusal {
        Refusal::InsufficientScope
        | Refusal::AddressNotAllowed
        | Refusal::WrongPin
        | Refusal::NoPin
        | Refusal::LevelNotGranted
        // Waiting does not bring it back.
        | Refusal::UsedUp => StatusCode::FORBIDDEN,
        Refusal::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Refusal::Malformed
        | Refusal::Unknown
        | Refusal::Removed
        | Refusal::Suspended
        | Refusal::Expired
        | Refusal::NotYetValid => StatusCode::UNAUTHORIZED,
    }
}
