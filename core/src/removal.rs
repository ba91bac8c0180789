//! This file is about removals of many keys: a selection, the plan that a caller confirms, and the job that
//! carries it out and outlives a restart.

use crate::command::Named;
use crate::event::Reason;
use crate::filter::Filter;
use crate::id::{AccountId, KeyId, OrganizationId, RemovalId};
use crate::key::Tombstone;
use crate::time::Timestamp;
use crate::usage::Client;

/// Which keys are to be removed.
#[derive(Clone)]
pub enum Selection {
    /// The one that is known so.
    One(Named),
    /// Every key of an account.
    Account(AccountId),
    /// Every key that fits.
    Filter(Filter),
}

/// A removal of many keys, as a record: what was decided, and whether it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Its id; the events of the keys that it removed carry it as their request.
    pub id: RemovalId,
    /// Whose keys.
    pub organization: OrganizationId,
    /// The key that signed in the caller.
    pub actor: KeyId,
    /// Which keys: those that fit and were not created after `created_at`.
    pub filter: Filter,
    /// Whether owners' keys are left, because the caller was none.
    pub spares_owners: bool,
    /// Why.
    pub reason: Reason,
    /// How many keys the plan named.
    pub total: u64,
    /// When it was decided.
    pub created_at: Timestamp,
    /// When the last key was removed.
    pub finished_at: Option<Timestamp>,
    /// How many keys were removed, once it is finished.
    pub removed: u64,
    /// The position of the event that began it: the keys' events come after.
    pub position: u64,
    /// The salt of the commitment that names it in the log.
    pub salt: [u8; 16],
    /// The version of its record, from 1.
    pub version: u64,
}

/// What removing a selection would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How many keys it would remove.
    pub total: u64,
    /// How many more would fit, and would be left: protected, or out of the caller's reach.
    pub protected: u64,
    /// Those used within the last week, most recently used first, at most 100.
    pub in_use: Vec<InUse>,
    /// How many were used within the last hour, day and week.
    pub used_within: UsedWithin,
    /// SHA-256 over the ids in order: what the caller confirms.
    pub hash: [u8; 32],
}

/// How many keys were used lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsedWithin {
    /// Within the last hour.
    pub hour: u64,
    /// Within the last day.
    pub day: u64,
    /// Within the last week.
    pub week: u64,
}

/// A key that somebody uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InUse {
    /// Which.
    pub key: KeyId,
    /// When it was last used.
    pub last_used_at: Timestamp,
    /// By whom.
    pub clients: Vec<Client>,
}

/// How far a removal is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The removal.
    pub removal: Removal,
    /// How many keys it has removed by now.
    pub removed: u64,
    /// One part of the keys that it removed.
    pub receipts: Vec<Tombstone>,
    /// Where the next part begins.
    pub next: Option<crate::id::Id>,
    /// The verifiers that may go on accepting those, because their operators want them to when they cannot be reached.
    pub uncovered: Vec<String>,
}
