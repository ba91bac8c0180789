//! This file is about backups of the store.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A backup that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Backup {
    /// The name of its file, in the folder for backups.
    pub file: String,
    /// How many records are in it.
    pub records: u64,
    /// How many events of the log are in it.
    pub events: u64,
    /// The copy of the slots; `null` where no folder is configured for it.
    pub slots: Option<SlotCopy>,
}

/// A copy of the slots that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SlotCopy {
    /// The name of its file, in the folder for slots.
    pub file: String,
    /// How many slots are in it.
    pub slots: u64,
}
