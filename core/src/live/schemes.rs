//! This file is about what imported keys ask of a look-up: digests taken another way, and slow hashes whose
//! keys are found by their handle. Where nobody imported any, a look-up pays one load for it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use crate::key::Scheme;
use crate::secret::{Handle, Presented};

/// The most ways to take a digest: each costs every unknown foreign secret one hash.
const LIMIT: usize = 16;

/// The schemes in use.
#[derive(Default)]
pub(super) struct Schemes {
    any: AtomicBool,
    others: RwLock<Vec<Scheme>>,
    /// How long the handles of slowly hashed keys are.
    slow_lengths: RwLock<BTreeMap<usize, ()>>,
}

impl Schemes {
    pub(super) fn learn(&self, scheme: &Scheme) {
        if *scheme == Scheme::Sha256 {
            return;
        }
        let mut others = self.others.write().unwrap_or_else(PoisonError::into_inner);
        if !others.contains(scheme) && others.len() < LIMIT {
            others.push(scheme.clone());
            self.any.store(true, Ordering::Release);
        }
    }

    /// Whether a key of this scheme would be found: it is known, or there is room for one more.
    pub(super) fn takes(&self, scheme: &Scheme) -> bool {
        let others = self.others.read().unwrap_or_else(PoisonError::into_inner);
        *scheme == Scheme::Sha256 || others.contains(scheme) || others.len() < LIMIT
    }

    pub(super) fn learn_slow(&self, handle: &Handle) {
        let mut lengths = self.slow_lengths.write().unwrap_or_else(PoisonError::into_inner);
        lengths.insert(handle.as_str().len(), ());
    }

    pub(super) fn others(&self) -> Vec<Scheme> {
        if !self.any.load(Ordering::Acquire) {
            return Vec::new();
        }
        self.others.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn slow_handles(&self, presented: &Presented<'_>) -> Vec<Handle> {
        let lengths = self.slow_lengths.read().unwrap_or_else(PoisonError::into_inner);
        let beginnings = lengths.keys().filter_map(|length| presented.text().get(..*length));
        // A secret of our own has one handle, and that is claimed for good.
        let own = presented.handle();
        beginnings
            .filter_map(Handle::parse)
            .filter(|handle| own.as_ref().is_none_or(|own| own == handle))
            .collect()
    }
}
