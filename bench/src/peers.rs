//! This file is about what Keyward is measured beside: floors that nothing can beat, and systems that do the same
//! job. Each is really started, on free loopback ports and in a scratch folder, and ends with its guard.

use std::time::Duration;

use anyhow::Result;

use crate::measure::Reading;

pub(crate) mod axum_204;
pub(crate) mod echo;
pub(crate) mod fdatasync;
pub(crate) mod group_commit;
pub(crate) mod library;
pub(crate) mod nginx;
pub(crate) mod postgres;
pub(crate) mod redis;
pub(crate) mod softhsm;
pub(crate) mod sqlite;

/// How large a key's record is in the peers, in bytes: about what a sealed Keyward record has.
pub(crate) const RECORD_BYTES: usize = 150;

/// A system that removes keys durably: when a removal is answered, the key is gone and a line about it is
/// written, both on disk.
pub(crate) trait Removes {
    /// What it is called in the report.
    fn name(&self) -> &'static str;

    /// Makes so many fresh keys for the next run; not timed.
    fn prepare(&mut self, count: usize) -> Result<()>;

    /// Removes prepared keys one at a time by so many clients at once, until none is left or time is up.
    fn remove(&mut self, clients: usize, limit: Duration) -> Result<Reading>;
}
