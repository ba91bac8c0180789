//! This file is about the pages that belong to no dialect: health, readiness, metrics, and the document of our own API.

use http::{HeaderMap, HeaderValue, StatusCode};
use hyper::body::Incoming;
use keyward_core::permit::Verb;
use keyward_core::store::Store;
use keyward_dialects::{Dialect, Response};
use tracing::error;

use super::{App, whole};
use crate::http::Body;
use crate::request::Head;

impl<S: Store> App<S> {
    /// Answers a request to the listener for whoever watches over the server: nothing there is about a key.
    pub(crate) fn answer_watcher(&self, request: &hyper::Request<Incoming>) -> hyper::Response<Body> {
        let (method, path) = (request.method(), request.uri().path());
        let metrics = || (is_read(method) && path == "/metrics").then(|| self.metrics_text());
        let answer = self.health_page(method, path).or_else(metrics);
        answer.unwrap_or_else(|| page(StatusCode::NOT_FOUND, "text/plain", b"no such page\n".to_vec()))
    }

    /// The pages that belong to no dialect, and the document of our own, which is not for hosts of other systems.
    pub(super) async fn own_page(&self, dialect: &Dialect, head: &Head) -> Option<hyper::Response<Body>> {
        let (method, path) = (&head.parts.method, head.parts.uri.path());
        match path {
            "/openapi.json" if is_read(method) && std::ptr::eq(dialect, self.languages.native()) => {
                Some(page(StatusCode::OK, "application/json", self.openapi.clone()))
            }
            "/metrics" if is_read(method) => Box::pin(self.metrics_page(head)).await,
            _ => self.health_page(method, path),
        }
    }

    fn health_page(&self, method: &http::Method, path: &str) -> Option<hyper::Response<Body>> {
        match path {
            _ if !is_read(method) => None,
            "/healthz" => Some(page(StatusCode::OK, "text/plain", b"ok\n".to_vec())),
            "/readyz" if self.keyward.as_ref().is_some_and(|keyward| !keyward.is_locked()) => {
                Some(page(StatusCode::OK, "text/plain", b"ready\n".to_vec()))
            }
            "/readyz" => Some(page(StatusCode::SERVICE_UNAVAILABLE, "text/plain", b"locked\n".to_vec())),
            _ => None,
        }
    }

    /// Metrics are for callers who may read the log; for others there is no such page. Where a request comes from says
    /// nothing: behind a proxy on this machine, all of them come from it.
    async fn metrics_page(&self, head: &Head) -> Option<hyper::Response<Body>> {
        let credential = (self.languages.native().credential)(&head.request(&[]));
        let (caller, _) = self.caller(self.keyward.as_ref()?, head, credential).await.ok()?;
        caller.permit(Verb::ReadLog).ok()?;
        Some(self.metrics_text())
    }

    fn metrics_text(&self) -> hyper::Response<Body> {
        match self.metrics.render() {
            Ok(text) => page(StatusCode::OK, "text/plain; version=0.0.4", text.into_bytes()),
            Err(error) => {
                error!(%error, "metrics cannot be shown");
                page(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", Vec::new())
            }
        }
    }
}

/// Whether a page answers this method. Of an answer to HEAD, hyper sends the head.
fn is_read(method: &http::Method) -> bool {
    matches!(*method, http::Method::GET | http::Method::HEAD)
}

fn page(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> hyper::Response<Body> {
    let mut headers = HeaderMap::new();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    whole(Response { status, headers, body })
}
