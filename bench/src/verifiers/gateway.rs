//! This file is about a gateway: a process that answers 204 to every request whose key its verifier accepts.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::any;
use keyward_client::tower::RequireKeyLayer;
use keyward_client::{Client, Verifier, VerifierOptions, wire};

/// Serves until it is ended.
pub(crate) fn serve(address: SocketAddr, url: &str, secret_file: &Path) -> Result<()> {
    let secret = std::fs::read_to_string(secret_file)?.trim_end().to_owned();
    let client = Client::new(url, &wire::Secret::new(secret))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let verifier = Verifier::start(client, VerifierOptions::named("gateway"))?;
        let app = Router::new().fallback(any(async || StatusCode::NO_CONTENT));
        let listener = tokio::net::TcpListener::bind(address).await?;
        Ok(axum::serve(listener, app.layer(RequireKeyLayer::new(verifier))).await?)
    })
}
