//! This file is about verifiers: who accepts keys besides the server, and how each was kept from accepting a removed one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Everything that accepts keys, and where the log ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verifiers {
    /// Each verifier that is connected, or was and is not forgotten yet.
    pub data: Vec<Verifier>,
    /// How many events the log has.
    pub position: u64,
}

/// One verifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verifier {
    /// What its operator calls it.
    pub name: String,
    /// Which run of it: 32 hexadecimal digits.
    pub incarnation: String,
    /// Whose keys it accepts; `null`: those of all organizations.
    pub organization_id: Option<String>,
    /// What it keeps.
    pub mode: VerifierMode,
    /// Whether it goes on accepting keys when its lease has run out.
    pub serve_stale: bool,
    /// How the server stands to it.
    pub standing: VerifierStanding,
    /// How many events it has applied.
    pub position: u64,
    /// How many events it lags behind.
    pub lag: u64,
    /// For how long its lease runs on, in milliseconds; 0: it accepts nothing.
    pub lease_millis: u64,
}

/// What a verifier keeps in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerifierMode {
    /// Every live key of its organizations.
    Full,
    /// A bounded cache, and every change.
    Hot,
    /// Nothing: it asks every time.
    Online,
}

/// How the server stands to a verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerifierStanding {
    /// It is connected.
    Present,
    /// Its connection is gone; its lease may run on.
    Gone,
    /// A later run has taken its name; its lease may run on.
    Superseded,
    /// It said that it has what it was never sent; its word counts for nothing.
    Lied,
}

/// How one verifier was kept from accepting a removed key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Covered {
    /// The verifier's name.
    pub name: String,
    /// Which run of it: 32 hexadecimal digits.
    pub incarnation: String,
    /// When it acknowledged the removal, at the latest.
    pub acknowledged_at: Option<String>,
    /// When its lease had run out for certain, without acknowledgement. Neither: it goes on without a lease, as its operator
    /// wants it to.
    pub lease_ran_out_at: Option<String>,
}
