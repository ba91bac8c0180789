//! A server on a free port that answers as it is told and keeps what it was asked.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use keyward_client::wire::Secret;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

pub(crate) const SECRET: &str = "kw_live_0123456789abcdef";

/// One request, as it arrived.
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// What is answered, the last one for ever.
pub(crate) type Script = Vec<(u16, &'static str, String)>;

#[derive(Clone, Default)]
pub(crate) struct Server {
    asked: Arc<Mutex<Vec<Asked>>>,
    script: Arc<Mutex<Script>>,
}

impl Server {
    pub(crate) fn new(mut script: Script) -> Self {
        script.reverse();
        Self { asked: Arc::default(), script: Arc::new(Mutex::new(script)) }
    }

    /// Listens, and gives its address.
    pub(crate) async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(server.clone().serve(stream));
            }
        });
        format!("http://{address}")
    }

    pub(crate) async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let answer = service_fn(|request| self.answer(request));
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let line = format!("{} {}", head.method, head.uri);
        self.asked.lock().unwrap().push(Asked { line, headers: head.headers, body });
        let mut script = self.script.lock().unwrap();
        let next = if script.len() > 1 { script.pop() } else { script.last().cloned() };
        let (status, headers, body) = next.unwrap();
        let mut response = Response::builder().status(status);
        for header in headers.split('\n').filter(|header| !header.is_empty()) {
            let (name, value) = header.split_once(": ").unwrap();
            response = response.header(name, value);
        }
        Ok(response.body(Full::new(body.into())).unwrap())
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

pub(crate) fn secret() -> Secret {
    Secret::new(SECRET.to_owned())
}

pub(crate) fn problem(status: u16, code: &str) -> String {
    serde_json::json!({
        "type": "about:blank", "title": "t", "status": status, "detail": "d", "code": code, "request_id": "r",
    })
    .to_string()
}
