//! This file is about the removal of one key, and its receipt.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Covered, Reason, Tombstone};

/// Why a key is removed, as it stands in the query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveKey {
    /// Why; `unspecified` if not given.
    pub reason: Option<Reason>,
    /// Whether the sessions that it opened end with it; `true` if not given.
    pub end_sessions: Option<bool>,
}

/// A key was removed, now or before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Removed {
    /// What is left of it.
    pub key: Tombstone,
    /// The receipt; `null` where it has to be asked for.
    pub receipt: Option<Receipt>,
    /// The verifiers that may go on accepting it, because their operators want them to when they cannot be reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uncovered: Vec<String>,
}

/// The proof that something is in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Receipt {
    /// Its id, `rcpt_…`.
    pub id: String,
    /// The receipt itself, one or more proofs of `c2sp.org/tlog-proof`: what `keyward receipt check` reads.
    pub proof: String,
    /// How each verifier was kept from accepting it, as far as that stands in the log; empty where there were none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verifiers: Vec<Covered>,
}
