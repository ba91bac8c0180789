//! This file is about keys that never leave on the wire: what is said of one, what it is to do, and what came of that.

mod answer;
mod words;

use keyward_client::wire;
use keyward_core::command::{Command, Draft};
use keyward_core::crypto::{
    AesKeySize, CipherKey, Crypto, Exercise, KeyRef, NewCrypto, Origin, Peer, Usages,
};
use keyward_core::error::Error;
use keyward_core::id::{AccountId, KeyId};

pub(super) use self::answer::render;
use super::{body, fields, headers, keys};
use crate::dialect::{Params, Parsed, Request};

/// A key to make; what makes it a key beside that is `key`'s.
pub(super) fn new(
    given: &wire::IssueCrypto,
    key: &wire::IssueKey,
    origin: Origin,
    draft: Draft,
) -> Result<NewCrypto, Error> {
    if key.prefix.is_some() || key.format.is_some() || key.recoverable {
        return Err(Error::invalid(
            "prefix",
            "absent, as format and recoverable: a key that never leaves shows no secret",
        ));
    }
    Ok(NewCrypto {
        account: fields::maybe_id("account_id", key.account_id.as_deref(), AccountId::parse)?,
        environment: fields::label("environment", key.environment.as_deref(), "live")?,
        protected: key.protected,
        algorithm: words::read_algorithm(given.algorithm)?,
        usages: usages(&given.usages),
        origin,
        naming: None,
        mark: None,
        draft,
    })
}

/// A public half to bring along.
pub(super) fn import(
    given: &wire::ImportCrypto,
    key: &wire::ImportKey,
    draft: Draft,
) -> Result<NewCrypto, Error> {
    Ok(NewCrypto {
        account: fields::maybe_id("account_id", key.account_id.as_deref(), AccountId::parse)?,
        environment: fields::label("environment", key.environment.as_deref(), "live")?,
        protected: key.protected,
        algorithm: words::read_algorithm(given.algorithm)?,
        usages: usages(&given.usages),
        origin: Origin::Public(given.public_key.0.to_vec()),
        naming: None,
        mark: None,
        draft,
    })
}

fn usages(given: &[wire::CryptoUsage]) -> Usages {
    Usages::of(given.iter().map(|usage| words::read_usage(*usage)))
}

/// How a key that never leaves is shown.
pub(super) fn shown(crypto: &Crypto) -> wire::Crypto {
    wire::Crypto {
        algorithm: words::algorithm(crypto.algorithm),
        usages: crypto.usages.iter().map(words::usage).collect(),
        source: words::source(crypto.source),
        public_key: crypto.public.as_deref().map(wire::Bytes::from),
    }
}

pub(super) fn derive(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    let given: wire::DeriveKey = body::json(request)?;
    let (wire::Kind::Crypto, Some(crypto), None) = (given.key.kind, &given.key.crypto, &given.key.access)
    else {
        return Err(Error::invalid("key.kind", "`crypto`, with its member `crypto`"));
    };
    let key = KeyRef::Id(fields::path_id(params, KeyId::parse)?);
    let origin = Origin::Derive { key, peer: peer(&given.peer)?, info: given.info.0.to_vec() };
    let new = new(crypto, &given.key, origin, keys::draft(&given.key)?)?;
    headers::once(request, Command::IssueCrypto(Box::new(new)))
}

pub(super) fn sign(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    let given: wire::Sign = body::json(request)?;
    let (scheme, context) = (words::read_scheme(given.scheme), given.context.0.to_vec());
    exercise(params, Exercise::Sign { scheme, message: given.message.0, context })
}

pub(super) fn verify(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    let given: wire::Check = body::json(request)?;
    let message = given.message.0;
    let check = match (given.signature, given.scheme, given.mac) {
        (Some(signature), Some(scheme), None) => {
            if given.peer.is_some() || given.hash.is_some() {
                return Err(Error::invalid("peer", "absent, as hash: they belong to a code"));
            }
            let (scheme, context) = (words::read_scheme(scheme), given.context.0.to_vec());
            Exercise::Verify { scheme, message, context, signature: signature.0.to_vec() }
        }
        (None, None, Some(mac)) => {
            if !given.context.0.is_empty() {
                return Err(Error::invalid("context", "absent: it belongs to a signature"));
            }
            Exercise::VerifyMac { message, agreed: agreed_mac(given.peer, given.hash)?, mac: mac.0.to_vec() }
        }
        _ => return Err(Error::invalid("signature", "given with scheme; or mac, and neither of them")),
    };
    exercise(params, check)
}

pub(super) fn mac(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    let given: wire::Authenticate = body::json(request)?;
    let agreed = agreed_mac(given.peer, given.hash)?;
    exercise(params, Exercise::Mac { message: given.message.0, agreed })
}

pub(super) fn encrypt(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    let given: wire::Encrypt = body::json(request)?;
    let encrypt = Exercise::Encrypt {
        mode: words::read_mode(given.mode),
        under: under(given.agreed)?,
        plaintext: given.plaintext.0,
        aad: given.aad.0.to_vec(),
    };
    exercise(params, encrypt)
}

pub(super) fn decrypt(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    let given: wire::Decrypt = body::json(request)?;
    let decrypt = Exercise::Decrypt {
        mode: words::read_mode(given.mode),
        under: under(given.agreed)?,
        ciphertext: given.ciphertext.0.to_vec(),
        iv: given.iv.0.to_vec(),
        tag: given.tag.0.to_vec(),
        aad: given.aad.0.to_vec(),
    };
    exercise(params, decrypt)
}

pub(super) fn wrap(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    let given: wire::Wrap = body::json(request)?;
    let under = under(given.agreed)?;
    exercise(params, Exercise::Wrap { under, key: given.key.0, initial_value: None })
}

pub(super) fn unwrap(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    let given: wire::Unwrap = body::json(request)?;
    let under = under(given.agreed)?;
    exercise(params, Exercise::Unwrap { under, wrapped: given.wrapped.0.to_vec(), initial_value: None })
}

pub(super) fn agree(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    let given: wire::Agree = body::json(request)?;
    let hash = given.hash.map(words::read_hash);
    exercise(params, Exercise::Agree { peer: peer(&given.peer)?, hash })
}

pub(super) fn encapsulate(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    let wire::Encapsulate {} = body::json_or_default(request)?;
    exercise(params, Exercise::Encapsulate)
}

pub(super) fn decapsulate(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    let given: wire::Decapsulate = body::json(request)?;
    exercise(params, Exercise::Decapsulate { ciphertext: given.ciphertext.0.to_vec() })
}

/// `Idempotency-Key` means nothing here: an answer that is kept would be a use of a key that may be removed by then.
fn exercise(params: &Params<'_, '_>, exercise: Exercise) -> Result<Parsed, Error> {
    let key = KeyRef::Id(fields::path_id(params, KeyId::parse)?);
    Ok(Command::Exercise { key, exercise: Box::new(exercise) }.into())
}

fn peer(given: &wire::Peer) -> Result<Peer, Error> {
    match (&given.key_id, &given.public_key) {
        (Some(id), None) => Ok(Peer::Key(KeyRef::Id(fields::id("peer.key_id", id, KeyId::parse)?))),
        (None, Some(public)) => Ok(Peer::Public(public.0.to_vec())),
        (Some(_), Some(_)) | (None, None) => Err(Error::invalid("peer", "one of key_id and public_key")),
    }
}

/// What a code is under, if not the key itself.
fn agreed_mac(
    given: Option<wire::Peer>,
    hash: Option<wire::Hash>,
) -> Result<Option<(Peer, keyward_core::crypto::Hash)>, Error> {
    match (given, hash) {
        (None, None) => Ok(None),
        (Some(given), Some(hash)) => Ok(Some((peer(&given)?, words::read_hash(hash)))),
        (Some(_), None) | (None, Some(_)) => {
            Err(Error::invalid("hash", "given where peer is, and only there"))
        }
    }
}

fn under(given: Option<wire::AgreedKey>) -> Result<CipherKey, Error> {
    let Some(given) = given else { return Ok(CipherKey::Own(None)) };
    let size = match given.bits {
        128 => AesKeySize::Aes128,
        192 => AesKeySize::Aes192,
        256 => AesKeySize::Aes256,
        _ => return Err(Error::invalid("agreed.bits", "128, 192 or 256")),
    };
    Ok(CipherKey::Agreed { peer: peer(&given.peer)?, size, info: given.info.0.to_vec() })
}
