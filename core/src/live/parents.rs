//! This file is about who has signed in: the keys that opened sessions. Removing any other key need not look for its sessions.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use crate::id::KeyId;

/// The keys that opened sessions, and may have some that live.
#[derive(Default)]
pub(super) struct Parents(RwLock<HashSet<KeyId>>);

impl Parents {
    /// Knows that a key opened a session.
    pub(super) fn know(&self, parent: KeyId) {
        if !self.has(parent) {
            self.0.write().unwrap_or_else(PoisonError::into_inner).insert(parent);
        }
    }

    pub(super) fn has(&self, key: KeyId) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(&key)
    }

    pub(super) fn forget(&self, parent: KeyId) {
        if self.has(parent) {
            self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&parent);
        }
    }
}
