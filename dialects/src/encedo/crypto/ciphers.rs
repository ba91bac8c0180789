//! This file is about ciphers and wrapping, under a key itself or under what it agrees on.

use std::sync::Arc;

use keyward_core::crypto::{AesKeySize, Algorithm, CipherKey, CipherMode, Exercise, Exercised, Peer};
use keyward_core::error::Error;
use serde_json::{Map, json};

use super::super::answers::{FAILED, Flow, say};
use super::super::ask::Fields;
use super::super::encoding::encode;
use super::super::gate::Admitted;
use super::super::keymgmt::peer;
use super::super::keys::{self, HemKey};
use super::super::types;
use super::{read, with_key};
use crate::dialect::unexpected;

/// The longest context, in bytes.
const CONTEXT: usize = 64;
/// The longest data that is authenticated beside a message, in bytes.
const AAD: usize = 2048;
/// The longest ciphertext, in bytes: of the longest message, padded.
const CIPHERTEXT: usize = 2064;
/// A block, an initialisation vector and a tag, in bytes.
const BLOCK: usize = 16;

/// How it is encrypted.
struct Cipher {
    size: AesKeySize,
    mode: CipherMode,
    aad: Vec<u8>,
    under: Under,
}

impl Cipher {
    fn read(fields: &Fields) -> Result<Self, Error> {
        let wrong = || Error::invalid("alg", "such as AES256-GCM");
        let (size, mode) = fields.needed_text("alg")?.split_once('-').ok_or_else(wrong)?;
        let mode = match mode {
            "ECB" => CipherMode::Ecb,
            "CBC" => CipherMode::Cbc,
            "GCM" => CipherMode::GcmLongIv,
            _ => return Err(wrong()),
        };
        let aad = fields.bytes("aad", AAD)?.unwrap_or_default();
        let aad = if mode == CipherMode::GcmLongIv { aad } else { Vec::new() };
        Ok(Self {
            size: key_size(size).ok_or_else(wrong)?,
            mode,
            aad,
            under: Under::read(fields, b"encedo-aes")?,
        })
    }
}

/// Under what, should the key be one that agrees.
struct Under {
    peer: Option<Peer>,
    info: Vec<u8>,
}

impl Under {
    fn read(fields: &Fields, info: &[u8]) -> Result<Self, Error> {
        let context = fields.bytes("ctx", CONTEXT)?.unwrap_or_default();
        Ok(Self { peer: peer(fields)?, info: [info, &context].concat() })
    }

    /// The key of the cipher: this one's leading bytes, or what it agrees on.
    fn of(self, key: &HemKey, size: AesKeySize) -> Result<CipherKey, Error> {
        if !key.crypto.algorithm.is_asymmetric() {
            return Ok(CipherKey::Own(Some(size)));
        }
        let Self { peer, info } = self;
        Ok(CipherKey::Agreed { peer: peer.ok_or(FAILED)?, size, info })
    }
}

pub(in super::super) fn encrypt(admitted: &Arc<Admitted>) -> Flow {
    let (fields, plaintext) = read(admitted)?;
    let Cipher { size, mode, aad, under } = Cipher::read(&fields)?;
    whole_blocks(mode, &plaintext, "msg")?;
    with_key(admitted, &fields, move |key| {
        let encrypt = Exercise::Encrypt { mode, under: under.of(&key, size)?, plaintext, aad };
        Ok(keys::exercise(key.id, encrypt, |exercised| {
            let Exercised::Ciphertext { ciphertext, iv, tag } = exercised else { return Err(unexpected()) };
            let parts = [("ciphertext", ciphertext.as_slice()), ("iv", &iv), ("tag", &tag)];
            let parts = parts.into_iter().filter(|(_, bytes)| !bytes.is_empty());
            say(&parts
                .map(|(name, bytes)| (name.to_owned(), encode(bytes).into()))
                .collect::<Map<_, _>>()
                .into())
        }))
    })
}

pub(in super::super) fn decrypt(admitted: &Arc<Admitted>) -> Flow {
    let fields = admitted.fields_of_key()?;
    let ciphertext = fields.needed_bytes("msg", CIPHERTEXT)?;
    let Cipher { size, mode, aad, under } = Cipher::read(&fields)?;
    whole_blocks(mode, &ciphertext, "msg")?;
    let block = |name| fields.needed_exactly::<BLOCK>(name).map(Vec::from);
    let (iv, tag) = match mode {
        CipherMode::Ecb => (Vec::new(), Vec::new()),
        CipherMode::Cbc => (block("iv")?, Vec::new()),
        CipherMode::Gcm | CipherMode::GcmLongIv => (block("iv")?, block("tag")?),
    };
    with_key(admitted, &fields, move |key| {
        let decrypt = Exercise::Decrypt { mode, under: under.of(&key, size)?, ciphertext, iv, tag, aad };
        Ok(keys::exercise(key.id, decrypt, |exercised| {
            let Exercised::Plaintext(plaintext) = exercised else { return Err(unexpected()) };
            say(&json!({ "plaintext": encode(&plaintext) }))
        }))
    })
}

/// How a key is wrapped.
struct Wrapping {
    size: AesKeySize,
    initial_value: Option<[u8; 8]>,
    under: Under,
}

impl Wrapping {
    fn read(fields: &Fields) -> Result<Self, Error> {
        let size = match fields.text("alg")? {
            None => AesKeySize::Aes256,
            Some(alg) => key_size(alg).ok_or_else(|| Error::invalid("alg", "AES128, AES192 or AES256"))?,
        };
        Ok(Self { size, initial_value: fields.exactly("iv")?, under: Under::read(fields, b"encedo-kek")? })
    }
}

pub(in super::super) fn wrap(admitted: &Arc<Admitted>) -> Flow {
    let (fields, wrapped) = read(admitted)?;
    let Wrapping { size, initial_value, under } = Wrapping::read(&fields)?;
    with_key(admitted, &fields, move |key| {
        let wrap = Exercise::Wrap { under: under.of(&key, size)?, key: wrapped, initial_value };
        Ok(keys::exercise(key.id, wrap, |exercised| {
            let Exercised::Wrapped(wrapped) = exercised else { return Err(unexpected()) };
            say(&json!({ "wrapped": encode(&wrapped) }))
        }))
    })
}

pub(in super::super) fn unwrap(admitted: &Arc<Admitted>) -> Flow {
    let fields = admitted.fields_of_key()?;
    let wrapped = fields.needed_bytes("msg", CIPHERTEXT)?;
    if !wrapped.len().is_multiple_of(8) {
        return Err(Error::invalid("msg", "a multiple of 8 bytes"));
    }
    let Wrapping { size, initial_value, under } = Wrapping::read(&fields)?;
    with_key(admitted, &fields, move |key| {
        let unwrap = Exercise::Unwrap { under: under.of(&key, size)?, wrapped, initial_value };
        Ok(keys::exercise(key.id, unwrap, |exercised| {
            let Exercised::Unwrapped(key) = exercised else { return Err(unexpected()) };
            say(&json!({ "unwrapped": encode(&key) }))
        }))
    })
}

fn key_size(text: &str) -> Option<AesKeySize> {
    match types::parse(text)? {
        Algorithm::Aes(size) => Some(size),
        Algorithm::Ec(_)
        | Algorithm::X25519
        | Algorithm::X448
        | Algorithm::Ed25519
        | Algorithm::Ed448
        | Algorithm::Hmac(_)
        | Algorithm::MlKem(_)
        | Algorithm::MlDsa(_) => None,
    }
}

fn whole_blocks(mode: CipherMode, bytes: &[u8], field: &str) -> Result<(), Error> {
    let fits = mode != CipherMode::Ecb || bytes.len().is_multiple_of(BLOCK);
    fits.then_some(()).ok_or_else(|| Error::invalid(field, "a multiple of 16 bytes"))
}
