//! This file is about the use of keys: a key is found by its kid, and does what it is asked to, or the call ends with 406.

mod ciphers;
mod signatures;

use std::sync::Arc;

use keyward_core::crypto::{Algorithm, Exercise, Exercised, Hash, Peer};
use keyward_core::error::Error;
use serde_json::json;
use zeroize::Zeroizing;

pub(super) use self::ciphers::{decrypt, encrypt, unwrap, wrap};
pub(super) use self::signatures::{pqc_sign, pqc_verify, sign, verify};
use super::answers::{FAILED, Flow, done, say};
use super::ask::{ANY, Fields};
use super::encoding::encode;
use super::gate::{Admitted, must};
use super::keymgmt::{is_for, peer};
use super::keys::{self, HemKey};
use super::types;
use crate::dialect::unexpected;

/// The longest message, in bytes.
const MESSAGE: usize = 2048;
/// The longest message authentication code, in bytes.
const MAC: usize = 64;
/// How long a secret is that two keys agree on, unless it is hashed, in bytes.
const SECRET: usize = 32;

pub(super) fn mac(admitted: &Arc<Admitted>) -> Flow {
    let (fields, message) = read(admitted)?;
    let asked = Agreement::read(&fields)?;
    with_key(admitted, &fields, move |key| {
        let agreed = asked.for_mac(&key)?;
        Ok(keys::exercise(key.id, Exercise::Mac { message, agreed }, |exercised| {
            let Exercised::Mac(mac) = exercised else { return Err(unexpected()) };
            say(&json!({ "mac": encode(&mac) }))
        }))
    })
}

pub(super) fn verify_mac(admitted: &Arc<Admitted>) -> Flow {
    let (fields, message) = read(admitted)?;
    let (asked, mac) = (Agreement::read(&fields)?, fields.needed_bytes("mac", MAC)?);
    with_key(admitted, &fields, move |key| {
        let agreed = asked.for_mac(&key)?;
        Ok(keys::exercise(key.id, Exercise::VerifyMac { message, agreed, mac }, |exercised| fits(&exercised)))
    })
}

/// Agrees on a secret: 32 bytes of it, or a hash of all of it.
pub(super) fn ecdh(admitted: &Arc<Admitted>) -> Flow {
    let fields = admitted.fields_of_key()?;
    let peer = peer(&fields)?.ok_or_else(|| Error::invalid("pubkey", "given, or ext_kid"))?;
    let hash = fields.text("alg")?.map(hash).transpose()?;
    with_key(admitted, &fields, move |key| {
        Ok(keys::exercise(key.id, Exercise::Agree { peer, hash }, move |exercised| {
            let Exercised::Agreed(secret) = exercised else { return Err(unexpected()) };
            let shown = if hash.is_some() { secret.len() } else { SECRET };
            say(&json!({ "ecdh": encode(secret.get(..shown).unwrap_or(&secret)) }))
        }))
    })
}

pub(super) fn encapsulate(admitted: &Arc<Admitted>) -> Flow {
    let fields = admitted.fields_of_key()?;
    with_key(admitted, &fields, |key| {
        is_whole(&key)?;
        let alg = types::name(key.crypto.algorithm);
        Ok(keys::exercise(key.id, Exercise::Encapsulate, move |exercised| {
            let Exercised::Encapsulated { ciphertext, secret } = exercised else { return Err(unexpected()) };
            say(&json!({ "alg": alg, "ss": encode(&secret), "ct": encode(&ciphertext) }))
        }))
    })
}

pub(super) fn decapsulate(admitted: &Arc<Admitted>) -> Flow {
    let fields = admitted.fields_of_key()?;
    let ciphertext = fields.needed_bytes("ct", ANY)?;
    with_key(admitted, &fields, |key| {
        is_whole(&key)?;
        let alg = types::name(key.crypto.algorithm);
        Ok(keys::exercise(key.id, Exercise::Decapsulate { ciphertext }, move |exercised| {
            let Exercised::Decapsulated(secret) = exercised else { return Err(unexpected()) };
            say(&json!({ "alg": alg, "ss": encode(&secret) }))
        }))
    })
}

/// What a call says of an agreement, which a key may need or not.
struct Agreement {
    peer: Option<Peer>,
    /// As it was written: a key that needs none takes anything.
    alg: Option<String>,
}

impl Agreement {
    fn read(fields: &Fields) -> Result<Self, Error> {
        Ok(Self { peer: peer(fields)?, alg: fields.text("alg")?.map(str::to_owned) })
    }

    /// The agreement under which this key authenticates: none for a key that is made for that.
    fn for_mac(self, key: &HemKey) -> Result<Option<(Peer, Hash)>, Error> {
        if !key.crypto.algorithm.is_asymmetric() {
            return Ok(None);
        }
        let hash = hash(self.alg.as_deref().ok_or(FAILED)?)?;
        Ok(Some((self.peer.ok_or(FAILED)?, hash)))
    }
}

/// Finds the key of a call. A session that was opened for a key of the same kid that was removed since is not for this one.
fn with_key(
    admitted: &Arc<Admitted>,
    fields: &Fields,
    next: impl FnOnce(HemKey) -> Flow + Send + 'static,
) -> Flow {
    let kid = fields.kid("kid")?;
    let admitted = Arc::clone(admitted);
    Ok(keys::find(kid, move |key| {
        is_for(&admitted, &key)?;
        next(key)
    }))
}

/// The members of a call, and its message.
fn read(admitted: &Admitted) -> Result<(Fields, Zeroizing<Vec<u8>>), Error> {
    let fields = admitted.fields_of_key()?;
    let message = Zeroizing::new(fields.needed_bytes("msg", MESSAGE)?);
    Ok((fields, message))
}

/// The message of a key's own private half: one that was brought along has none.
fn is_whole(key: &HemKey) -> Result<(), Error> {
    let is_pqc = matches!(key.crypto.algorithm, Algorithm::MlKem(_) | Algorithm::MlDsa(_));
    must(is_pqc && key.crypto.private.is_some())
}

fn hash(alg: &str) -> Result<Hash, Error> {
    types::hash(alg).ok_or_else(|| Error::invalid("alg", "SHA2-256 or another hash"))
}

fn fits(exercised: &Exercised) -> Flow {
    let Exercised::Fits(fits) = *exercised else { return Err(unexpected()) };
    must(fits)?;
    done()
}
