//! This file is about who uses a key, and who still tries.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is known of a key's use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// When it was last used.
    #[schemars(extend("format" = "date-time"))]
    pub last_used_at: Option<String>,
    /// Accepted uses by hour, a week at most; hours without any are left out.
    pub accepted: Vec<HourlyCount>,
    /// Refused attempts by hour; after a removal: who still tries.
    pub refused: Vec<HourlyCount>,
    /// The last clients, most recent first.
    pub clients: Vec<Client>,
}

/// How many in one hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HourlyCount {
    /// When the hour begins.
    #[schemars(extend("format" = "date-time"))]
    pub hour: String,
    /// How many.
    pub count: u64,
}

/// Somebody who uses a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Client {
    /// From where; `null` where a verifier tells of it.
    #[schemars(with = "Option<String>")]
    pub address: Option<IpAddr>,
    /// The name of the verifier that it was used at; `null` where it was used at the server.
    pub verifier: Option<String>,
    /// When last.
    #[schemars(extend("format" = "date-time"))]
    pub last_seen_at: String,
}
