//! This file is about how many keys were removed: those who list what lives say it too, and need not walk what does not.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::id::{AccountId, Id, OrganizationId};
use crate::key::Kind;

/// How many keys of a kind an account or an organization had that were removed.
#[derive(Default)]
pub(super) struct Removed(Mutex<HashMap<(Id, Kind), u64>>);

impl Removed {
    /// Counts a key.
    pub(super) fn add(&self, organization: OrganizationId, account: AccountId, kind: Kind) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for owner in [organization.id(), account.id()] {
            *counts.entry((owner, kind)).or_default() += 1;
        }
    }

    pub(super) fn of(&self, owner: Id, kind: Kind) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&(owner, kind)).copied().unwrap_or_default()
    }
}
