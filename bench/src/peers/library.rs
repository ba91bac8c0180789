//! This file is about the cryptographic library alone behind an HTTP handler: keys that are expanded once and used by whoever
//! asks, with no account, no permit, no state and nothing at rest.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::serve::ListenerExt as _;
use keyward_client::wire::{Ciphertext, Encrypt, Sign, Signature};

use crate::process::{self, Process};
use crate::{SERVER_CORE, load};

/// The running child.
pub(crate) struct Library {
    /// Its guard.
    pub(crate) process: Process,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Library {
    /// Starts the child.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let (process, address) = process::listening_child("library", Some(SERVER_CORE), folder)?;
        Ok(Self { process, address })
    }
}

struct Keys {
    p256: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
    aes: LessSafeKey,
    random: SystemRandom,
}

/// What the child does: signs and encrypts what it is sent, until it is ended.
#[expect(clippy::disallowed_methods, reason = "it draws nonces as the server does")]
pub(crate) fn serve(address: SocketAddr) -> Result<()> {
    let mut secret = [0; 32];
    rand::fill(&mut secret)?;
    let keys = Arc::new(Keys {
        p256: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?,
        ed25519: Ed25519KeyPair::from_seed_unchecked(&secret).map_err(|error| anyhow!("{error}"))?,
        aes: LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &secret)?),
        random: SystemRandom::new(),
    });
    let app = Router::new()
        .route("/p256", post(p256))
        .route("/ed25519", post(ed25519))
        .route("/aes", post(aes))
        .with_state(keys);
    load::runtime()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await?;
        // Refused only for a socket that is gone already.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        Ok(axum::serve(listener, app).await?)
    })
}

type Answer = Result<String, StatusCode>;

async fn p256(State(keys): State<Arc<Keys>>, body: Bytes) -> Answer {
    let sign: Sign = read(&body)?;
    let signature = keys.p256.sign(&keys.random, &sign.message.0).map_err(|_| wrong())?;
    write(&Signature { signature: signature.as_ref().into() })
}

async fn ed25519(State(keys): State<Arc<Keys>>, body: Bytes) -> Answer {
    let sign: Sign = read(&body)?;
    let signature = keys.ed25519.sign(&sign.message.0);
    write(&Signature { signature: signature.as_ref().into() })
}

#[expect(clippy::disallowed_methods, reason = "it draws nonces as the server does")]
async fn aes(State(keys): State<Arc<Keys>>, body: Bytes) -> Answer {
    let Encrypt { mut plaintext, .. } = read(&body)?;
    let mut iv = [0; 12];
    rand::fill(&mut iv).map_err(|_| wrong())?;
    let nonce = Nonce::assume_unique_for_key(iv);
    let tag = keys.aes.seal_in_place_separate_tag(nonce, Aad::empty(), &mut plaintext.0);
    let tag = tag.map_err(|_| wrong())?;
    write(&Ciphertext { ciphertext: plaintext, iv: iv.as_slice().into(), tag: tag.as_ref().into() })
}

fn read<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<T, StatusCode> {
    serde_json::from_slice(body).map_err(|_| StatusCode::BAD_REQUEST)
}

fn write(answer: &impl serde::Serialize) -> Answer {
    serde_json::to_string(answer).map_err(|_| wrong())
}

const fn wrong() -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}
