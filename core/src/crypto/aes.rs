//! This file is about AES: ECB, CBC with PKCS #7, GCM. By aws-lc-rs, but for GCM with an initialisation vector of 16 bytes,
//! which aes-gcm has.

use aes_gcm::aead::consts::U16;
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::aes::{Aes128, Aes192, Aes256};
use aes_gcm::{AesGcm, Tag};
use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, Algorithm, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext,
    PaddedBlockDecryptingKey, PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

use super::exercise::Short;
use super::{AesKeySize, CipherMode};
use crate::error::Error;

/// How long a block and a tag are, in bytes.
const BLOCK: usize = 16;

/// How long the initialisation vector of a mode is, in bytes.
pub(super) const fn iv_bytes(mode: CipherMode) -> usize {
    match mode {
        CipherMode::Ecb => 0,
        CipherMode::Gcm => 12,
        CipherMode::Cbc | CipherMode::GcmLongIv => 16,
    }
}

/// How long the tag of a mode is, in bytes.
const fn tag_bytes(mode: CipherMode) -> usize {
    match mode {
        CipherMode::Ecb | CipherMode::Cbc => 0,
        CipherMode::Gcm | CipherMode::GcmLongIv => BLOCK,
    }
}

/// The ciphertext and its tag, under a fresh initialisation vector.
///
/// # Errors
/// [`Error::Invalid`] for what a mode does not take.
pub(super) fn encrypt(
    mode: CipherMode,
    key: &[u8],
    iv: &[u8],
    plaintext: &[u8],
    aad: &[u8],
) -> Result<(Vec<u8>, Short), Error> {
    check(mode, aad)?;
    // Room for the padding, so that no copy of the plaintext is left behind.
    let mut text = Vec::with_capacity(plaintext.len() + BLOCK);
    text.extend_from_slice(plaintext);
    match mode {
        CipherMode::Ecb => {
            check_blocks("plaintext", plaintext)?;
            let key = EncryptingKey::ecb(unbound(key)?).map_err(Error::internal)?;
            key.encrypt(&mut text).map_err(Error::internal)?;
            Ok((text, Short::new()))
        }
        CipherMode::Cbc => {
            let context = EncryptionContext::Iv128(FixedLength::from(whole(iv)?));
            let key = PaddedBlockEncryptingKey::cbc_pkcs7(unbound(key)?).map_err(Error::internal)?;
            key.less_safe_encrypt(&mut text, context).map_err(Error::internal)?;
            Ok((text, Short::new()))
        }
        CipherMode::Gcm => {
            let nonce = Nonce::assume_unique_for_key(whole(iv)?);
            let sealed = gcm(key)?.seal_in_place_separate_tag(nonce, Aad::from(aad), &mut text);
            Ok((text, Short::from_slice(sealed.map_err(Error::internal)?.as_ref())))
        }
        CipherMode::GcmLongIv => {
            let tag = match size(key)? {
                AesKeySize::Aes128 => seal::<AesGcm<Aes128, U16>>(key, iv, aad, &mut text),
                AesKeySize::Aes192 => seal::<AesGcm<Aes192, U16>>(key, iv, aad, &mut text),
                AesKeySize::Aes256 => seal::<AesGcm<Aes256, U16>>(key, iv, aad, &mut text),
            }?;
            Ok((text, Short::from_slice(&tag)))
        }
    }
}

/// The plaintext.
///
/// # Errors
/// [`Error::Invalid`] for what a mode does not take; [`Error::Rejected`] where tag or padding does not fit.
pub(super) fn decrypt(
    mode: CipherMode,
    key: &[u8],
    (iv, tag): (&[u8], &[u8]),
    ciphertext: &[u8],
    aad: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    check(mode, aad)?;
    let fits = |field, given: &[u8], wanted: usize| {
        let must = || Error::invalid(field, &format!("{wanted} bytes"));
        (given.len() == wanted).then_some(()).ok_or_else(must)
    };
    fits("iv", iv, iv_bytes(mode))?;
    fits("tag", tag, tag_bytes(mode))?;
    let mut text = Zeroizing::new(ciphertext.to_vec());
    match mode {
        CipherMode::Ecb => {
            check_blocks("ciphertext", ciphertext)?;
            let key = DecryptingKey::ecb(unbound(key)?).map_err(Error::internal)?;
            key.decrypt(&mut text, DecryptionContext::None).map_err(|_| Error::Rejected)?;
        }
        CipherMode::Cbc => {
            let context = DecryptionContext::Iv128(FixedLength::from(whole(iv)?));
            let key = PaddedBlockDecryptingKey::cbc_pkcs7(unbound(key)?).map_err(Error::internal)?;
            let length = key.decrypt(&mut text, context).map_err(|_| Error::Rejected)?.len();
            text.truncate(length);
        }
        CipherMode::Gcm => {
            let nonce = Nonce::assume_unique_for_key(whole(iv)?);
            text.extend_from_slice(tag);
            let opened = gcm(key)?.open_in_place(nonce, Aad::from(aad), &mut text);
            let length = opened.map_err(|_| Error::Rejected)?.len();
            text.truncate(length);
        }
        CipherMode::GcmLongIv => match size(key)? {
            AesKeySize::Aes128 => open::<AesGcm<Aes128, U16>>(key, iv, aad, &mut text, tag),
            AesKeySize::Aes192 => open::<AesGcm<Aes192, U16>>(key, iv, aad, &mut text, tag),
            AesKeySize::Aes256 => open::<AesGcm<Aes256, U16>>(key, iv, aad, &mut text, tag),
        }?,
    }
    Ok(text)
}

/// One block after the other, each for itself: what a mode of its own is made of.
pub(super) struct Blocks(EncryptingKey, DecryptingKey);

impl Blocks {
    pub(super) fn new(key: &[u8]) -> Result<Self, Error> {
        let encrypting = EncryptingKey::ecb(unbound(key)?).map_err(Error::internal)?;
        Ok(Self(encrypting, DecryptingKey::ecb(unbound(key)?).map_err(Error::internal)?))
    }

    pub(super) fn encrypt(&self, block: &mut [u8; BLOCK]) -> Result<(), Error> {
        self.0.encrypt(block).map(|_| ()).map_err(Error::internal)
    }

    pub(super) fn decrypt(&self, block: &mut [u8; BLOCK]) -> Result<(), Error> {
        self.1.decrypt(block, DecryptionContext::None).map(|_| ()).map_err(Error::internal)
    }
}

fn check(mode: CipherMode, aad: &[u8]) -> Result<(), Error> {
    let fits = tag_bytes(mode) > 0 || aad.is_empty();
    fits.then_some(()).ok_or_else(|| Error::invalid("aad", "absent: this mode authenticates nothing"))
}

fn check_blocks(field: &str, text: &[u8]) -> Result<(), Error> {
    let fits = text.len().is_multiple_of(BLOCK);
    fits.then_some(()).ok_or_else(|| Error::invalid(field, "a multiple of 16 bytes for ECB"))
}

fn size(key: &[u8]) -> Result<AesKeySize, Error> {
    let sizes = [AesKeySize::Aes128, AesKeySize::Aes192, AesKeySize::Aes256];
    let size = sizes.into_iter().find(|size| size.bytes() == key.len());
    size.ok_or_else(|| Error::internal("an AES key of another length"))
}

fn unbound(key: &[u8]) -> Result<UnboundCipherKey, Error> {
    let algorithm: &'static Algorithm = match size(key)? {
        AesKeySize::Aes128 => &AES_128,
        AesKeySize::Aes192 => &AES_192,
        AesKeySize::Aes256 => &AES_256,
    };
    UnboundCipherKey::new(algorithm, key).map_err(Error::internal)
}

fn gcm(key: &[u8]) -> Result<LessSafeKey, Error> {
    let algorithm = match size(key)? {
        AesKeySize::Aes128 => &aead::AES_128_GCM,
        AesKeySize::Aes192 => &aead::AES_192_GCM,
        AesKeySize::Aes256 => &aead::AES_256_GCM,
    };
    UnboundKey::new(algorithm, key).map(LessSafeKey::new).map_err(Error::internal)
}

/// An initialisation vector of the length that its mode has.
fn whole<const N: usize>(iv: &[u8]) -> Result<[u8; N], Error> {
    iv.try_into().map_err(Error::internal)
}

fn seal<C: KeyInit + AeadInOut<NonceSize = U16, TagSize = U16>>(
    key: &[u8],
    iv: &[u8],
    aad: &[u8],
    text: &mut [u8],
) -> Result<Tag, Error> {
    let cipher = C::new_from_slice(key).map_err(Error::internal)?;
    let nonce = iv.try_into().map_err(Error::internal)?;
    cipher.encrypt_inout_detached(nonce, aad, text.into()).map_err(Error::internal)
}

fn open<C: KeyInit + AeadInOut<NonceSize = U16, TagSize = U16>>(
    key: &[u8],
    iv: &[u8],
    aad: &[u8],
    text: &mut [u8],
    tag: &[u8],
) -> Result<(), Error> {
    let cipher = C::new_from_slice(key).map_err(Error::internal)?;
    let (nonce, tag) = (iv.try_into().map_err(Error::internal)?, tag.try_into().map_err(Error::internal)?);
    cipher.decrypt_inout_detached(nonce, aad, text.into(), tag).map_err(|_| Error::Rejected)
}
