//! This file is about filters: which keys are meant, when many are.

use crate::id::AccountId;
use crate::key::{Found, Key, Kind, State, Tombstone};
use crate::secret::{Handle, Label};
use crate::time::Timestamp;

/// The state that a key is in, as a filter says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StateFilter {
    /// It works.
    Active,
    /// It was stopped.
    Suspended,
    /// It was removed.
    Removed,
}

/// Which keys; every field that is given must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this account.
    pub account: Option<AccountId>,
    /// Of this kind.
    pub kind: Option<Kind>,
    /// In this state; not given: not removed.
    pub state: Option<StateFilter>,
    /// For this environment.
    pub environment: Option<Label>,
    /// With this handle: one key at most, but for a login that several had in turn.
    pub handle: Option<Handle>,
    /// With this tag.
    pub tag: Option<String>,
    /// Not used since.
    pub unused_since: Option<Timestamp>,
    /// Expiring before.
    pub expires_before: Option<Timestamp>,
    /// Created at this instant or later.
    pub created_after: Option<Timestamp>,
    /// Created before.
    pub created_before: Option<Timestamp>,
}

impl Filter {
    /// True if the filter asks nothing that only an opened key can answer.
    #[must_use]
    pub const fn reads_heads_only(&self) -> bool {
        self.tag.is_none() && self.expires_before.is_none()
    }

    /// True if what may be read without opening the key fits. `last_used` is when it was last used.
    #[must_use]
    pub fn fits_head(&self, head: &crate::key::Head, last_used: Option<Timestamp>) -> bool {
        let state = match head.state {
            State::Active => StateFilter::Active,
            State::Suspended => StateFilter::Suspended,
        };
        self.fits(head.account, head.kind, &head.environment, head.created_at)
            && self.handle.as_ref().is_none_or(|wanted| *wanted == head.handle)
            && self.state.is_none_or(|wanted| wanted == state)
            && self.unused_since.is_none_or(|since| last_used.is_none_or(|used| used < since))
    }

    /// True if what is sealed fits.
    #[must_use]
    pub fn fits_traits(&self, key: &Key) -> bool {
        self.tag.as_ref().is_none_or(|tag| key.traits.tags.contains(tag))
            && self.expires_before.is_none_or(|before| key.traits.expires_at.is_some_and(|at| at < before))
    }

    /// True if a removed key is meant: only where the filter says so.
    #[must_use]
    pub fn fits_removed(&self, tombstone: &Tombstone) -> bool {
        self.state == Some(StateFilter::Removed)
            && self.reads_heads_only()
            && self.unused_since.is_none()
            && self.fits(tombstone.account, tombstone.kind, &tombstone.environment, tombstone.created_at)
            && self.handle.as_ref().is_none_or(|wanted| *wanted == tombstone.handle)
    }

    /// True if an opened key, or a tombstone, fits.
    #[must_use]
    pub fn fits_found(&self, found: &Found<Key>, last_used: Option<Timestamp>) -> bool {
        match found {
            Found::Live(key) => self.fits_head(&key.head, last_used) && self.fits_traits(key),
            Found::Removed(tombstone) => self.fits_removed(tombstone),
        }
    }

    fn fits(&self, account: AccountId, kind: Kind, environment: &Label, created_at: Timestamp) -> bool {
        self.account.is_none_or(|wanted| wanted == account)
            && self.kind.is_none_or(|wanted| wanted == kind)
            && self.environment.as_ref().is_none_or(|wanted| wanted == environment)
            && self.created_after.is_none_or(|after| created_at >= after)
            && self.created_before.is_none_or(|before| created_at < before)
    }
}
