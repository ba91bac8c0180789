//! This file is about how calls reach the server: one pooled HTTP client, bounded repeats, and the secret in
//! one place that is wiped.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, IF_MATCH, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::SecureRandom;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::wire::{Changed, Problem, Secret, Uncovered};

/// How often a call is made in all, where making it twice does no harm.
const ATTEMPTS: u32 = 4;
/// The first wait between two attempts; every further one is twice as long.
const WAIT: Duration = Duration::from_millis(100);
/// The longest wait that a server may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How long one attempt may take. A removal waits for verifiers that do not answer, seconds at most.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest answer, in bytes.
const LONGEST_ANSWER: usize = 64 * 1024 * 1024;

pub(crate) type Body = UnsyncBoxBody<Bytes, std::convert::Infallible>;

/// A connection to one server, as one key. Clones share their connections.
///
/// The secret is kept in one place and wiped when the last clone is dropped; what the system and the TLS
/// library copy of it while a request is sent is theirs. There is no `Debug`.
#[derive(Clone)]
pub struct Client {
    http: legacy::Client<HttpsConnector<HttpConnector>, Body>,
    base: String,
    authorization: HeaderValue,
    random: &'static dyn SecureRandom,
}

impl Client {
    /// A client of the server at this address (`https://keys.example.com`), with the certificates that the
    /// system trusts.
    ///
    /// # Errors
    /// [`Error::Setup`].
    pub fn new(base_url: &str, secret: &Secret) -> Result<Self, Error> {
        let loaded = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        let (taken, _) = roots.add_parsable_certificates(loaded.certs);
        if taken == 0 && base_url.starts_with("https:") {
            return Err(Error::Setup("this system trusts no certificate: name a CA file".to_owned()));
        }
        Self::with_roots(base_url, secret, roots)
    }

    /// A client that trusts the certificates of this PEM file, and no others: for a server whose certificate
    /// nobody else has signed.
    ///
    /// # Errors
    /// [`Error::Setup`].
    pub fn with_ca_file(base_url: &str, secret: &Secret, ca_file: &Path) -> Result<Self, Error> {
        let name = ca_file.display();
        let unreadable = |error| Error::Setup(format!("{name}: {error}"));
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(ca_file).map_err(unreadable)? {
            let added = roots.add(certificate.map_err(unreadable)?);
            added.map_err(|error| Error::Setup(format!("{name}: {error}")))?;
        }
        if roots.is_empty() {
            return Err(Error::Setup(format!("{name}: no certificate in it")));
        }
        Self::with_roots(base_url, secret, roots)
    }

    fn with_roots(base_url: &str, secret: &Secret, roots: RootCertStore) -> Result<Self, Error> {
        let base: Uri = base_url.parse().map_err(|error| Error::Setup(format!("{base_url}: {error}")))?;
        if !matches!(base.scheme_str(), Some("http" | "https")) || base.query().is_some() {
            return Err(Error::Setup(format!("{base_url}: not http://… or https://…")));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let random = provider.secure_random;
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::Setup(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        // A removal waits for a verifier's acknowledgement, which must not wait for the segment before it to be confirmed.
        tcp.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        let connector = connector.wrap_connector(tcp);
        Ok(Self {
            http: legacy::Client::builder(TokioExecutor::new()).build(connector),
            base: base_url.trim_end_matches('/').to_owned(),
            authorization: authorization(secret)?,
            random,
        })
    }

    /// A call that is done once however often it is made: under a random name of its own.
    pub(crate) fn post(&self, path: impl Into<String>) -> Result<Call, Error> {
        let name = format!("{:032x}", u128::from_be_bytes(self.random()?));
        Ok(Call::new(Method::POST, path.into(), true).with("idempotency-key", &name))
    }

    /// Random bytes.
    pub(crate) fn random<const N: usize>(&self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        let drawn = self.random.fill(&mut bytes);
        drawn.map_err(|_| Error::Setup("the system has no randomness".to_owned()))?;
        Ok(bytes)
    }

    /// Sends a request whose answer is another protocol.
    pub(crate) async fn upgrade(&self, call: &Call) -> Result<Response<Incoming>, Error> {
        let response = self.send(call, Full::default().boxed_unsync()).await?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(response);
        }
        let (head, body) = response.into_parts();
        let body = Limited::new(body, LONGEST_ANSWER).collect().await.map_err(Error::Connection)?;
        let answer = Answer { status: head.status, headers: head.headers, body: body.to_bytes() };
        answer.accept()?;
        Err(Error::Unexpected("another protocol was asked for".to_owned()))
    }

    /// Makes a call and reads its answer to the end.
    pub(crate) async fn call(&self, call: Call) -> Result<Answer, Error> {
        let attempts = if call.repeatable { ATTEMPTS } else { 1 };
        let mut attempt = 1;
        loop {
            let outcome = self.attempt(&call).await;
            let wait = match &outcome {
                Err(Error::Connection(_)) => Some(WAIT),
                Ok(answer) if answer.status == StatusCode::SERVICE_UNAVAILABLE => Some(answer.retry_after()),
                Ok(_) | Err(Error::Problem(_) | Error::Unexpected(_) | Error::Setup(_)) => None,
            };
            match wait {
                Some(wait) if attempt < attempts => {
                    pause(wait.max(WAIT * 2_u32.pow(attempt - 1)).min(LONGEST_WAIT)).await;
                    attempt += 1;
                }
                Some(_) | None => return outcome?.accept(),
            }
        }
    }

    /// Makes a call and reads its answer as JSON.
    pub(crate) async fn json<T: DeserializeOwned>(&self, call: Call) -> Result<T, Error> {
        self.call(call).await?.json()
    }

    /// Makes a call that may take a right away.
    pub(crate) async fn changed<T: DeserializeOwned>(&self, call: Call) -> Result<Changed<T>, Error> {
        let answer = self.call(call).await?;
        // Read twice: through what reads two types of one object, large numbers of the metadata would lose digits.
        Ok(Changed { now: answer.json()?, uncovered: answer.json::<Uncovered>()?.uncovered })
    }

    /// Makes a call that removes something of which no more is told than its receipt's id.
    pub(crate) async fn receipt_of(&self, call: Call) -> Result<Changed<String>, Error> {
        let answer = self.call(call).await?;
        let Uncovered { uncovered } = match answer.status {
            StatusCode::ACCEPTED => answer.json()?,
            _ => Uncovered::default(),
        };
        Ok(Changed { now: answer.receipt()?, uncovered })
    }

    async fn attempt(&self, call: &Call) -> Result<Answer, Error> {
        let body = Full::new(call.body.clone()).boxed_unsync();
        let exchange = async {
            let (head, body) = self.send(call, body).await?.into_parts();
            let body = Limited::new(body, LONGEST_ANSWER).collect().await.map_err(Error::Connection)?;
            Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
        };
        tokio::time::timeout(call.patience, exchange).await.map_err(|late| Error::Connection(late.into()))?
    }

    /// Sends a request and reads the head of the answer.
    pub(crate) async fn send(&self, call: &Call, body: Body) -> Result<Response<Incoming>, Error> {
        let uri = [self.base.as_str(), &call.path].concat();
        let mut request = Request::builder().method(call.method.clone()).uri(uri);
        if let Some(headers) = request.headers_mut() {
            headers.extend(call.headers.clone());
            headers.insert(AUTHORIZATION, self.authorization.clone());
        }
        let request = request.body(body).map_err(|error| Error::Setup(error.to_string()))?;
        self.http.request(request).await.map_err(|error| Error::Connection(error.into()))
    }
}

/// `Bearer <secret>`, in memory that is wiped with the last header field that shares it.
fn authorization(secret: &Secret) -> Result<HeaderValue, Error> {
    let text = Zeroizing::new([b"Bearer ", secret.expose().as_bytes()].concat());
    let value = HeaderValue::from_maybe_shared(Bytes::from_owner(text));
    let mut value = value.map_err(|_| Error::Setup("the secret has characters that none has".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

#[expect(clippy::disallowed_methods, reason = "there is no event to wait for: the server has to recover")]
pub(crate) async fn pause(wait: Duration) {
    tokio::time::sleep(wait).await;
}

/// What to ask.
pub(crate) struct Call {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    repeatable: bool,
    patience: Duration,
}

impl Call {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path.into(), true)
    }

    /// A removal is final: asked for again, it is answered the same.
    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path.into(), true)
    }

    /// Done twice it says the same.
    pub(crate) fn put(path: impl Into<String>, body: &impl Serialize) -> Result<Self, Error> {
        Self::new(Method::PUT, path.into(), true).with_body("application/json", body)
    }

    /// Not repeated: somebody else may have changed it meanwhile.
    pub(crate) fn patch(path: impl Into<String>, body: &impl Serialize) -> Result<Self, Error> {
        Self::new(Method::PATCH, path.into(), false).with_body("application/merge-patch+json", body)
    }

    /// A question, made once.
    pub(crate) fn ask(path: impl Into<String>, body: &impl Serialize) -> Result<Self, Error> {
        Self::new(Method::POST, path.into(), false).with_body("application/json", body)
    }

    pub(crate) fn new(method: Method, path: String, repeatable: bool) -> Self {
        Self { method, path, headers: HeaderMap::new(), body: Bytes::new(), repeatable, patience: PATIENCE }
    }

    /// How long one attempt may take, where that may be long.
    pub(crate) fn within(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// A body may hold secrets, so it is wiped.
    pub(crate) fn with_body(mut self, content_type: &str, body: &impl Serialize) -> Result<Self, Error> {
        self.body = json_bytes(body)?;
        Ok(self.with(CONTENT_TYPE.as_str(), content_type))
    }

    pub(crate) fn with_query(mut self, query: &impl Serialize) -> Result<Self, Error> {
        let query = serde_urlencoded::to_string(query).map_err(|error| Error::Setup(error.to_string()))?;
        if !query.is_empty() {
            self.path = [&self.path, "?", &query].concat();
        }
        Ok(self)
    }

    pub(crate) fn if_match(self, version: Option<u64>) -> Self {
        match version {
            Some(version) => self.with(IF_MATCH.as_str(), &format!("\"{version}\"")),
            None => self,
        }
    }

    pub(crate) fn accept(self, media_type: &str) -> Self {
        self.with(ACCEPT.as_str(), media_type)
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            self.headers.insert(name, value);
        }
        self
    }
}

/// JSON in memory that is wiped.
pub(crate) fn json_bytes(body: &impl Serialize) -> Result<Bytes, Error> {
    let bytes = serde_json::to_vec(body).map_err(|error| Error::Setup(error.to_string()))?;
    Ok(Bytes::from_owner(Zeroizing::new(bytes)))
}

/// A path segment that holds an id. Ids have nothing to encode; whatever else is given stays one segment.
pub(crate) fn segment(id: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    id.bytes().map(encode).collect()
}

/// What came back.
pub(crate) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    pub(crate) fn new(status: StatusCode, body: Bytes) -> Self {
        Self { status, headers: HeaderMap::new(), body }
    }

    /// Takes a problem for what it is.
    pub(crate) fn accept(self) -> Result<Self, Error> {
        if self.status.is_success() {
            return Ok(self);
        }
        match serde_json::from_slice::<Problem>(&self.body) {
            Ok(problem) => Err(Error::Problem(Box::new(problem))),
            Err(_) => Err(Error::Unexpected(format!("status {} without a problem", self.status))),
        }
    }

    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        // A message of serde quotes what it met, which may be a secret: only the place is told.
        serde_json::from_slice(&self.body).map_err(|error| {
            Error::Unexpected(format!("not understood at line {} column {}", error.line(), error.column()))
        })
    }

    pub(crate) fn text(&self) -> Result<String, Error> {
        String::from_utf8(self.body.to_vec()).map_err(|_| Error::Unexpected("not UTF-8".to_owned()))
    }

    pub(crate) fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// The id of the receipt of what was removed.
    pub(crate) fn receipt(&self) -> Result<String, Error> {
        let id = self.headers.get("keyward-receipt").and_then(|id| id.to_str().ok());
        id.map(str::to_owned).ok_or_else(|| Error::Unexpected("no receipt".to_owned()))
    }

    fn retry_after(&self) -> Duration {
        let seconds = self.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        seconds.map_or(WAIT, Duration::from_secs)
    }
}
