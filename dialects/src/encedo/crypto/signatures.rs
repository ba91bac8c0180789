//! This file is about signatures.

use std::sync::Arc;

use keyward_core::crypto::{Exercise, Exercised, Hash, Scheme};
use keyward_core::error::Error;
use serde_json::json;

use super::super::answers::{Flow, say};
use super::super::ask::{ANY, Fields};
use super::super::encoding::encode;
use super::super::gate::Admitted;
use super::super::{keys, types};
use super::{fits, is_whole, read, with_key};
use crate::dialect::unexpected;

/// The longest context, in bytes.
const CONTEXT: usize = 255;
/// The longest signature of a curve, in bytes.
const SIGNATURE: usize = 148;

pub(in super::super) fn sign(admitted: &Arc<Admitted>) -> Flow {
    let (fields, message) = read(admitted)?;
    let (scheme, context) = scheme(&fields)?;
    with_key(admitted, &fields, move |key| {
        Ok(keys::exercise(key.id, Exercise::Sign { scheme, message, context }, |exercised| {
            let Exercised::Signature(signature) = exercised else { return Err(unexpected()) };
            say(&json!({ "sign": encode(&signature) }))
        }))
    })
}

pub(in super::super) fn verify(admitted: &Arc<Admitted>) -> Flow {
    let (fields, message) = read(admitted)?;
    let (scheme, context) = scheme(&fields)?;
    let signature = fields.needed_bytes("sign", SIGNATURE)?;
    with_key(admitted, &fields, move |key| {
        Ok(keys::exercise(key.id, Exercise::Verify { scheme, message, context, signature }, |exercised| {
            fits(&exercised)
        }))
    })
}

pub(in super::super) fn pqc_sign(admitted: &Arc<Admitted>) -> Flow {
    let (fields, message) = read(admitted)?;
    let context = context(&fields)?;
    with_key(admitted, &fields, move |key| {
        is_whole(&key)?;
        let alg = types::name(key.crypto.algorithm);
        let sign = Exercise::Sign { scheme: Scheme::MlDsa, message, context };
        Ok(keys::exercise(key.id, sign, move |exercised| {
            let Exercised::Signature(signature) = exercised else { return Err(unexpected()) };
            say(&json!({ "alg": alg, "sign": encode(&signature) }))
        }))
    })
}

pub(in super::super) fn pqc_verify(admitted: &Arc<Admitted>) -> Flow {
    let (fields, message) = read(admitted)?;
    let (context, signature) = (context(&fields)?, fields.needed_bytes("sign", ANY)?);
    with_key(admitted, &fields, move |key| {
        is_whole(&key)?;
        let verify = Exercise::Verify { scheme: Scheme::MlDsa, message, context, signature };
        Ok(keys::exercise(key.id, verify, |exercised| fits(&exercised)))
    })
}

/// How it is signed, and the context where that knows one.
fn scheme(fields: &Fields) -> Result<(Scheme, Vec<u8>), Error> {
    let context = context(fields)?;
    Ok(match fields.needed_text("alg")? {
        "SHA256WithECDSA" => (Scheme::Ecdsa(Hash::Sha256), Vec::new()),
        "SHA384WithECDSA" => (Scheme::Ecdsa(Hash::Sha384), Vec::new()),
        "SHA512WithECDSA" => (Scheme::Ecdsa(Hash::Sha512), Vec::new()),
        "Ed25519" => (Scheme::Ed25519, Vec::new()),
        "Ed25519ph" => (Scheme::Ed25519ph, context),
        "Ed25519ctx" if context.is_empty() => return Err(Error::invalid("ctx", "given")),
        "Ed25519ctx" => (Scheme::Ed25519ctx, context),
        "Ed448" => (Scheme::Ed448, context),
        "Ed448ph" => (Scheme::Ed448ph, context),
        _ => return Err(Error::invalid("alg", "a way to sign")),
    })
}

fn context(fields: &Fields) -> Result<Vec<u8>, Error> {
    Ok(fields.bytes("ctx", CONTEXT)?.unwrap_or_default())
}
