//! A gateway that verifies every request in its own process, and cuts open streams when their key is removed:
//!
//! ```sh
//! cargo run --example gateway -- 127.0.0.1:8081 127.0.0.1:9000 http://127.0.0.1:8080 gateway.secret orders:read
//! ```
//!
//! It listens on the first address and hands on to the second what has a valid key with all of the scopes at the end. The file
//! holds the secret of a key with the scopes `verifiers:join` and `keys:verify`.

mod lines;
mod proxy;

use std::error::Error;

use keyward_client::{Client, VerifierOptions, wire};
use proxy::Gateway;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let mut next = || words.next().ok_or("LISTEN UPSTREAM KEYWARD_URL SECRET_FILE SCOPE...");
    let (listen, upstream, url, file) = (next()?, next()?, next()?, next()?);
    let scopes: Vec<String> = words.collect();
    let secret = std::fs::read_to_string(file)?.trim_end().to_owned();
    let client = Client::new(&url, &wire::Secret::new(secret))?;
    let gateway = Gateway::new(client, VerifierOptions::named("gateway"), &scopes, upstream.parse()?)?;
    gateway.ready().await;
    Ok(gateway.serve(TcpListener::bind(listen).await?).await?)
}
