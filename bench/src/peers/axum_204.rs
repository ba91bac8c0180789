//! This file is about the smallest possible axum handler: what the HTTP stack that Keyward uses costs by itself.
//!
//! It runs as a child of this program, so that it can be pinned to a core like the others.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::any;
use axum::serve::ListenerExt as _;

use crate::process::{self, Process};
use crate::{SERVER_CORE, load};

/// The running child.
pub(crate) struct Axum204 {
    /// Its guard.
    pub(crate) process: Process,
    /// Where it listens.
    pub(crate) url: String,
}

impl Axum204 {
    /// Starts the child.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let (process, address) = process::listening_child("axum-204", Some(SERVER_CORE), folder)?;
        Ok(Self { process, url: format!("http://{address}/") })
    }
}

/// What the child does: answers everything with 204 until it is ended.
pub(crate) fn serve(address: SocketAddr) -> Result<()> {
    load::runtime()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await?;
        // Refused only for a socket that is gone already.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let app = Router::new().fallback(any(async || StatusCode::NO_CONTENT));
        Ok(axum::serve(listener, app).await?)
    })
}
