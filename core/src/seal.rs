//! This file is about sealing: what makes a record unreadable once its slot is gone.
//!
//! Two layers, both AES-256-GCM. A record's secret half is sealed under its own 32-byte *slot secret*, bound
//! to organization, id and version. That secret rests in a 64-byte *slot*, wrapped under the *root* and bound
//! to the id. Overwriting one slot ends one record; destroying a root ends every copy of every slot made
//! under it. Nonces are arguments: 96 random bits each, far below the 2^32 uses of one key that NIST SP
//! 800-38D, section 8.3, allows.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::id::{Id, OrganizationId};
use crate::store::{Name, RecordKind};

/// Length of a nonce, in bytes.
pub const NONCE: usize = 12;
/// Length of a GCM tag, in bytes.
const TAG: usize = 16;

/// Something does not open: another root, another record, or not what was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("does not open under this root and for this record")]
pub struct SealError;

/// The key under which slots are wrapped, and the number of its epoch.
pub struct Root {
    epoch: u32,
    key: LessSafeKey,
}

/// The 32 bytes that open one record.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SlotSecret([u8; 32]);

/// A slot secret as it rests: epoch (4 bytes, little-endian), nonce (12), sealed secret (32), tag (16).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct WrappedSlot(pub [u8; Self::SIZE]);

impl WrappedSlot {
    /// Length of a slot, in bytes.
    pub const SIZE: usize = 64;

    /// The epoch of the root that it says it is wrapped under.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.0.first_chunk().map_or(0, |epoch| u32::from_le_bytes(*epoch))
    }
}

impl std::fmt::Debug for WrappedSlot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WrappedSlot")
    }
}

impl Root {
    /// The root of an epoch.
    ///
    /// # Errors
    /// [`SealError`] if the library refuses the key, which it does not for 32 bytes.
    pub fn new(epoch: u32, key: &[u8; 32]) -> Result<Self, SealError> {
        Ok(Self { epoch, key: cipher(key)? })
    }

    /// The number of its epoch, from 1.
    #[must_use]
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Wraps a record's slot secret.
    ///
    /// # Errors
    /// [`SealError`] if the library refuses, which it does not for these lengths.
    pub fn wrap(&self, secret: &SlotSecret, id: Id, nonce: [u8; NONCE]) -> Result<WrappedSlot, SealError> {
        let mut sealed = secret.0;
        let tag = self
            .key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), self.context(id), &mut sealed)
            .map_err(|_| SealError)?;
        let mut slot = [0; WrappedSlot::SIZE];
        // Part by part: byte by byte it would take as long as to wrap it.
        let (epoch, rest) = slot.split_at_mut(4);
        let (front, rest) = rest.split_at_mut(NONCE);
        let (body, end) = rest.split_at_mut(32);
        epoch.copy_from_slice(&self.epoch.to_le_bytes());
        front.copy_from_slice(&nonce);
        body.copy_from_slice(&sealed);
        end.copy_from_slice(tag.as_ref());
        Ok(WrappedSlot(slot))
    }

    /// Unwraps a record's slot secret.
    ///
    /// # Errors
    /// [`SealError`] if the slot was wrapped under another root or for another record, or was erased.
    pub fn unwrap(&self, slot: &WrappedSlot, id: Id) -> Result<SlotSecret, SealError> {
        let (_, rest) = slot.0.split_first_chunk::<4>().ok_or(SealError)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or(SealError)?;
        if slot.epoch() != self.epoch {
            return Err(SealError);
        }
        let mut plain = [0; 32 + TAG];
        plain.copy_from_slice(sealed);
        let opened = self
            .key
            .open_in_place(Nonce::assume_unique_for_key(*nonce), self.context(id), &mut plain)
            .map_err(|_| SealError)
            .and_then(|secret| <[u8; 32]>::try_from(&*secret).map_err(|_| SealError))
            .map(SlotSecret);
        plain.zeroize();
        opened
    }

    fn context(&self, id: Id) -> Aad<[u8; 20]> {
        let mut context = [0; 20];
        let (epoch, rest) = context.split_at_mut(4);
        epoch.copy_from_slice(&self.epoch.to_le_bytes());
        rest.copy_from_slice(&id.bytes());
        Aad::from(context)
    }
}

impl SlotSecret {
    /// A fresh secret from 32 random bytes.
    #[must_use]
    pub const fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// Seals the secret half of a record at one version; the nonce stands in front of what comes back.
    ///
    /// # Errors
    /// [`SealError`] if the library refuses, which it does not below 64 GiB.
    pub fn seal(&self, plain: &[u8], binding: Binding, nonce: [u8; NONCE]) -> Result<Vec<u8>, SealError> {
        self.sealer()?.seal(plain, binding, nonce)
    }

    /// Opens what [`SlotSecret::seal`] made for the same record and version.
    ///
    /// # Errors
    /// [`SealError`] if it is anything else.
    pub fn open(&self, sealed: &[u8], binding: Binding) -> Result<zeroize::Zeroizing<Vec<u8>>, SealError> {
        self.sealer()?.open(sealed, binding)
    }

    /// The secret with its cipher set up, for whoever opens much under one: to set it up takes as long as to open a key.
    ///
    /// # Errors
    /// [`SealError`] if the library refuses the key, which it does not for 32 bytes.
    pub fn sealer(&self) -> Result<Sealer, SealError> {
        cipher(&self.0).map(Sealer)
    }
}

/// A slot secret whose cipher is set up.
pub struct Sealer(LessSafeKey);

impl Sealer {
    /// As [`SlotSecret::seal`].
    ///
    /// # Errors
    /// [`SealError`] if the library refuses, which it does not below 64 GiB.
    pub fn seal(&self, plain: &[u8], binding: Binding, nonce: [u8; NONCE]) -> Result<Vec<u8>, SealError> {
        let mut out = Vec::with_capacity(NONCE + plain.len() + TAG);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(plain);
        let (_, body) = out.split_at_mut(NONCE);
        let tag = self
            .0
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), binding.context(), body)
            .map_err(|_| SealError)?;
        out.extend_from_slice(tag.as_ref());
        Ok(out)
    }

    /// As [`SlotSecret::open`].
    ///
    /// # Errors
    /// [`SealError`] if it is anything else than what was sealed for the same record and version.
    pub fn open(&self, sealed: &[u8], binding: Binding) -> Result<zeroize::Zeroizing<Vec<u8>>, SealError> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE>().ok_or(SealError)?;
        let mut plain = zeroize::Zeroizing::new(body.to_vec());
        let length = self.open_body(*nonce, &mut plain, binding)?.len();
        plain.truncate(length);
        Ok(plain)
    }

    /// The same where it lies, for whoever wipes it.
    ///
    /// # Errors
    /// As above.
    pub fn open_in<'a>(&self, sealed: &'a mut [u8], binding: Binding) -> Result<&'a [u8], SealError> {
        let (nonce, body) = sealed.split_first_chunk_mut::<NONCE>().ok_or(SealError)?;
        self.open_body(*nonce, body, binding)
    }

    fn open_body<'a>(
        &self,
        nonce: [u8; NONCE],
        body: &'a mut [u8],
        binding: Binding,
    ) -> Result<&'a [u8], SealError> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.0.open_in_place(nonce, binding.context(), body).map(|plain| &*plain).map_err(|_| SealError)
    }
}

/// What a sealed half belongs to: it opens nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The record's organization.
    pub organization: OrganizationId,
    /// The record's id.
    pub id: Id,
    /// The record's version.
    pub version: u64,
}

impl Binding {
    fn context(self) -> Aad<[u8; 40]> {
        let mut context = [0; 40];
        let (organization, rest) = context.split_at_mut(16);
        let (id, version) = rest.split_at_mut(16);
        organization.copy_from_slice(&self.organization.id().bytes());
        id.copy_from_slice(&self.id.bytes());
        version.copy_from_slice(&self.version.to_le_bytes());
        Aad::from(context)
    }
}

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, SealError> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| SealError)
}

/// The key under which names are hashed, so that a stolen index tells nothing of low-entropy names.
pub struct Pepper(hmac::Key);

impl Pepper {
    /// What something is filed under by its number.
    #[must_use]
    pub fn number(&self, kind: RecordKind, number: u32) -> Name {
        self.name("number", Id::from_bits(kind as u128), &number.to_be_bytes())
    }

    /// The pepper with these 32 bytes.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The name of something: what it is (`handle`, `account`, ...), whose it is, and its text.
    /// The parts are length-prefixed, so no two lists of parts meet.
    #[must_use]
    pub fn name(&self, what: &str, owner: Id, text: &[u8]) -> Name {
        let mut name = [0; 16];
        name.iter_mut().zip(self.mac(what, owner, text)).for_each(|(to, from)| *to = from);
        Name(name)
    }

    /// The same in full: what tells two texts apart, and nothing of either to who does not have the pepper.
    #[must_use]
    pub(crate) fn mac(&self, what: &str, owner: Id, text: &[u8]) -> [u8; 32] {
        let mut mac = hmac::Context::with_key(&self.0);
        for part in [what.as_bytes(), &owner.bytes(), text] {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        let mut tag = [0; 32];
        tag.copy_from_slice(mac.sign().as_ref());
        tag
    }
}

#[cfg(test)]
mod tests;
