//! This file is about traces: a span for every request and one for each command in it, sent to a collector over
//! OTLP. None of them ever carries a secret, a name, an id of a key, an address, or anything else that a client chose but the
//! trace that it says it is part of.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use keyward_core::error::Error;
use keyward_core::permit::Verb;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{
    Span as _, SpanKind, Status, TraceContextExt as _, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HeaderExtractor, HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, Span};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tracing::warn;

use crate::config;

/// How long the collector may take to take a batch of spans, and all that is left when the server stops.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest answer of a collector that is read, in bytes.
const LONGEST_ANSWER: usize = 64 << 10;

/// Where spans begin, and where they go.
pub(crate) struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Traces {
    /// Traces as they are configured. Spans wait in a queue of bounded length and are dropped when it is full: no request waits
    /// for a collector.
    ///
    /// # Errors
    /// The collector's address is none, or this system trusts no certificate.
    pub(crate) fn new(config: &config::Traces) -> anyhow::Result<Self> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_endpoint(config.endpoint.as_str())
            .with_timeout(PATIENCE)
            .with_http_client(Collector::new()?)
            .build()
            .context("traces.endpoint")?;
        let ours = Sampler::TraceIdRatioBased(config.ratio);
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let service = Resource::builder_empty().with_service_name("keyward").with_attribute(version);
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Sampler::ParentBased(Box::new(ours)))
            .with_resource(service.build())
            .build();
        Ok(Self { tracer: provider.tracer("keyward"), provider })
    }

    /// Begins the span of a request, in the trace that its `traceparent` names (W3C Trace Context). `None` where nobody wants it.
    pub(crate) fn request(&self, headers: &HeaderMap) -> Option<Context> {
        let parent =
            TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(headers));
        let span = self.tracer.span_builder("request").with_kind(SpanKind::Server);
        let span = self.tracer.build_with_context(span, &parent);
        span.is_recording().then(|| Context::new().with_span(span))
    }

    /// Begins the span of a command, in that of the request which is being answered.
    pub(crate) fn command(&self, verb: Verb) -> Option<Span> {
        Context::map_current(|request| {
            request
                .span()
                .is_recording()
                .then(|| self.tracer.build_with_context(self.tracer.span_builder(verb.word()), request))
        })
    }

    /// Sends what is left. Waits for the collector, but not for long.
    pub(crate) fn finish(&self) {
        if let Err(error) = self.provider.shutdown_with_timeout(PATIENCE) {
            warn!(%error, "the last traces were lost");
        }
    }
}

/// What the span of a request says of it, in the words of the semantic conventions of OpenTelemetry for HTTP.
pub(crate) struct Said {
    pub(crate) method: &'static str,
    pub(crate) route: Option<&'static str>,
    pub(crate) dialect: &'static str,
    pub(crate) request: String,
    pub(crate) status: StatusCode,
}

/// Ends the span of a request.
pub(crate) fn end_request(context: &Context, said: Said) {
    let span = context.span();
    span.update_name(
        said.route.map_or_else(|| said.method.to_owned(), |route| format!("{} {route}", said.method)),
    );
    span.set_attribute(KeyValue::new("http.request.method", said.method));
    if let Some(route) = said.route {
        span.set_attribute(KeyValue::new("http.route", route));
    }
    span.set_attribute(KeyValue::new("http.response.status_code", i64::from(said.status.as_u16())));
    span.set_attribute(KeyValue::new("keyward.dialect", said.dialect));
    span.set_attribute(KeyValue::new("keyward.request_id", said.request));
    if said.status.is_server_error() {
        span.set_status(Status::error(""));
    }
    span.end();
}

/// Ends the span of a command.
pub(crate) fn end_command<T>(span: &mut Span, done: &Result<T, Error>) {
    if let Err(Error::Internal { .. } | Error::Unavailable { .. }) = done {
        span.set_status(Status::error(""));
    }
    span.end();
}

/// The way to a collector. The library sends from a thread of its own, which has no runtime: this has the server's.
#[derive(Debug)]
struct Collector {
    runtime: Handle,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Collector {
    fn new() -> anyhow::Result<Self> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let connector = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider)?;
        let connector = connector.https_or_http().enable_http1().build();
        Ok(Self {
            runtime: Handle::current(),
            client: Client::builder(TokioExecutor::new()).build(connector),
        })
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let exchange = async move {
            let answer = client.request(request.map(Full::new)).await?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, LONGEST_ANSWER).collect().await?.to_bytes();
            Ok::<_, HttpError>(Response::from_parts(parts, body))
        };
        let exchange = self.runtime.spawn(async { timeout(PATIENCE, exchange).await });
        let answer = exchange.await.map_err(HttpError::from).and_then(|done| done?);
        match &answer {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => warn!(status = answer.status().as_u16(), "the collector does not take traces"),
            Err(error) => warn!(%error, "traces do not reach the collector"),
        }
        answer
    }
}
