//! This file is about a reverse proxy that verifies every request itself, and ends what is open when its key is removed.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONNECTION, UPGRADE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use keyward_client::tower::RequireKeyLayer;
use keyward_client::{Client, Error, Key, Verifier, VerifierOptions};
use tokio::net::{TcpListener, TcpStream};
use tower_layer::Layer as _;
use tower_service::Service;

use super::lines::{Line, Lines};

type Body = UnsyncBoxBody<Bytes, hyper::Error>;

/// A gateway before one server.
pub(crate) struct Gateway {
    verifier: Verifier,
    lines: Lines,
    guard: RequireKeyLayer,
    upstream: SocketAddr,
}

impl Gateway {
    /// A gateway that lets requests pass to `upstream` whose key has these scopes. Needs a Tokio runtime.
    pub(crate) fn new(
        client: Client,
        options: VerifierOptions,
        scopes: &[String],
        upstream: SocketAddr,
    ) -> Result<Self, Error> {
        let lines = Lines::default();
        let ending = lines.clone();
        let verifier = Verifier::start(client, options.on_remove(move |removed| ending.removed(removed)))?;
        let guard = RequireKeyLayer::new(verifier.clone()).scopes(scopes);
        Ok(Self { verifier, lines, guard, upstream })
    }

    /// Waits until it can tell who may pass.
    pub(crate) async fn ready(&self) {
        self.verifier.ready().await;
    }

    /// Serves until there is nothing to listen to any more.
    pub(crate) async fn serve(&self, listener: TcpListener) -> io::Result<()> {
        tokio::select! {
            ended = self.accept(listener) => ended,
            () = self.watch() => Ok(()),
        }
    }

    async fn accept(&self, listener: TcpListener) -> io::Result<()> {
        loop {
            let (socket, from) = listener.accept().await?;
            let handle = socket.as_fd().try_clone_to_owned()?;
            let line = self.lines.open(handle.into());
            let proxy = Proxy { line: Arc::clone(&line), upstream: self.upstream };
            let guarded = self.guard.clone().address(move |_| Some(from.ip())).layer(proxy);
            let service = service_fn(move |request| {
                line.begin();
                // The proxy is always ready.
                guarded.clone().call(request)
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(socket), service);
            // How it ends is the client's matter.
            tokio::spawn(connection.with_upgrades());
        }
    }

    /// Ends everything whenever the lease has run out: removals are answered from then on without asking this gateway.
    async fn watch(&self) {
        loop {
            self.verifier.lapsed().await;
            self.lines.cut();
            self.verifier.ready().await;
        }
    }
}

/// Hands the requests of one connection on.
#[derive(Clone)]
struct Proxy {
    line: Arc<Line>,
    upstream: SocketAddr,
}

impl Service<Request<Incoming>> for Proxy {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let proxy = self.clone();
        Box::pin(async move { Ok(proxy.pass(request).await) })
    }
}

impl Proxy {
    async fn pass(self, mut request: Request<Incoming>) -> Response<Body> {
        let key = request.extensions().get::<Key>().cloned();
        let Some(key) = key.filter(|key| self.line.carry(key)) else {
            return empty(StatusCode::UNAUTHORIZED);
        };
        let client = hyper::upgrade::on(&mut request);
        introduce(request.headers_mut(), &key);
        let Ok(mut response) = self.exchange(request).await else { return empty(StatusCode::BAD_GATEWAY) };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let server = hyper::upgrade::on(&mut response);
            tokio::spawn(self.tunnel(client, server));
        } else {
            // What stands between gateway and server is over with this answer.
            response.headers_mut().remove(CONNECTION);
        }
        response.map(Incoming::boxed_unsync)
    }

    /// One connection a request: what a gateway in earnest would keep.
    async fn exchange(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Incoming>, Box<dyn std::error::Error + Send + Sync>> {
        let socket = TcpStream::connect(self.upstream).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
        tokio::spawn(connection.with_upgrades());
        Ok(sender.send_request(request).await?)
    }

    /// Carries a WebSocket, or whatever they agreed on; the line can be cut as long as this runs.
    async fn tunnel(self, client: hyper::upgrade::OnUpgrade, server: hyper::upgrade::OnUpgrade) {
        if let (Ok(client), Ok(server)) = tokio::join!(client, server) {
            let (mut client, mut server) = (TokioIo::new(client), TokioIo::new(server));
            // How it ends is their matter.
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        }
    }
}

/// The server needs to know who asks, not the secret; and nobody but the gateway says it.
fn introduce(headers: &mut HeaderMap, key: &Key) {
    headers.remove(AUTHORIZATION);
    headers.remove("x-api-key");
    for (name, id) in [("keyward-key-id", key.id()), ("keyward-account-id", key.account())] {
        headers.remove(name);
        if let Ok(id) = HeaderValue::try_from(id.to_string()) {
            headers.insert(name, id);
        }
    }
    // A client that names fields here would have them dropped further on.
    let connection = if headers.contains_key(UPGRADE) { "upgrade" } else { "close" };
    headers.insert(CONNECTION, HeaderValue::from_static(connection));
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = status;
    response
}
