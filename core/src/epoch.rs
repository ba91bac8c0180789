//! This file is about epochs: the time of one root, and how it began.

use crate::id::{EpochId, OrganizationId};
use crate::store::{Name, Position};
use crate::time::Timestamp;

/// The time of one root. It begins with an event; when every slot is wrapped under its root and every older root is
/// destroyed, another event says so. Whatever was removed before the first of the two is beyond recovery after the
/// second: its slot was never wrapped under a root that still exists. The first epoch began with the store and has
/// no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Its id.
    pub id: EpochId,
    /// Its number: that of its root, from 2.
    pub number: u32,
    /// The operator's organization, whose events speak of it.
    pub organization: OrganizationId,
    /// When it began.
    pub created_at: Timestamp,
    /// What is known since no older root is left; `None` while there is one.
    pub finished: Option<Finished>,
    /// The salt of the commitment that names it in the log.
    pub salt: [u8; 16],
    /// The version of its record, from 1.
    pub version: u64,
    /// The name that its number is found by.
    pub name: Name,
}

/// How a re-rooting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// When the last older root was gone.
    pub at: Timestamp,
    /// The position of the event that the epoch began with.
    pub began: Position,
    /// How many slots were wrapped anew.
    pub slots: u64,
}

/// How often slots are wrapped under a new root. Only where a key was removed since the last time: before that there is
/// nothing to put beyond recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// After so many removals, but not before nine times as long has passed as the last re-rooting took; 0 for never.
    pub removals: u64,
    /// After so many seconds; 0 for never.
    pub seconds: u64,
}
