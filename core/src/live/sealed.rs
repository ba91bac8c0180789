//! This file is about the material of keys that never leave, in memory: sealed beside the key's row under a key that is
//! new in every process, opened for each use, and overwritten with the row when the key ends.
//!
//! Reading it from the store instead would cost 7 microseconds a use, as much as a signature of Ed25519.

use std::sync::atomic::{AtomicU64, Ordering};

use zeroize::Zeroize as _;

use crate::crypto::Crypto;
use crate::error::Error;
use crate::id::{Id, OrganizationId};
use crate::key::{Key, Material};
use crate::record::key::material;
use crate::seal::{Binding, NONCE, Sealer};
use crate::verbs::verify::Entry;

/// What seals material in memory.
pub(super) struct Sealed {
    sealer: Sealer,
    /// How often it has sealed: the nonce, so that none comes twice.
    count: AtomicU64,
}

impl Sealed {
    pub(super) const fn new(sealer: Sealer) -> Self {
        Self { sealer, count: AtomicU64::new(0) }
    }

    /// The sealed material of a key that never leaves; `None` for a key of another kind.
    pub(super) fn seal(&self, key: &Key) -> Result<Option<Vec<u8>>, Error> {
        let material = match &key.traits.material {
            Material::Crypto(_) => &key.traits.material,
            Material::Secret(_) | Material::Access(_) => return Ok(None),
        };
        let mut nonce = [0; NONCE];
        let count = self.count.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        nonce.iter_mut().zip(count).for_each(|(to, from)| *to = from);
        let binding = binding(key.head.organization, key.head.id.id());
        Ok(Some(self.sealer.seal(&material::encode(material)?, binding, nonce)?))
    }

    /// Opens it where it lies, and wipes it there.
    pub(super) fn open(&self, entry: &Entry, sealed: &mut [u8]) -> Result<Crypto, Error> {
        let binding = binding(entry.profile.account.organization.id, entry.key.id());
        let opened = self.sealer.open_in(sealed, binding).map_err(Error::from);
        let material = opened.and_then(material::decode);
        sealed.zeroize();
        match material? {
            Material::Crypto(crypto) => Ok(crypto),
            Material::Secret(_) | Material::Access(_) => Err(Error::internal("material of another kind")),
        }
    }
}

/// The key seals nothing but rows of this process, so there is no version to bind.
fn binding(organization: OrganizationId, id: Id) -> Binding {
    Binding { organization, id, version: 0 }
}
