//! This file is about events: what was written down about changes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Reason;

/// One event of the log, in clear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Its place in the log, from 0.
    pub position: u64,
    /// The subject and what happened: `key.removed`, `account.created`, ...
    #[serde(rename = "type")]
    pub event_type: String,
    /// When it was decided.
    #[schemars(extend("format" = "date-time"))]
    pub at: String,
    /// What it is about: a key's, account's, organization's, removal's, resource's or epoch's id; `null` for the log itself.
    pub subject_id: Option<String>,
    /// The version that the subject got by it.
    pub version: u64,
    /// Why, for a removal.
    pub reason: Option<Reason>,
    /// The organization whose event it is.
    pub organization_id: String,
    /// The key that signed in whoever asked for it; `null` for what the server did by itself.
    pub actor_key_id: Option<String>,
    /// The account that this key acted as, where it is not its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acting_account_id: Option<String>,
    /// The request that asked for it, 32 hexadecimal digits; `null` for what the server did by itself.
    pub request_id: Option<String>,
    /// The line that stands in the public log.
    pub leaf: String,
}

/// Which events, as it stands in the query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListEvents {
    /// Those after this position; not given: from the first one on.
    pub after: Option<u64>,
    /// The most that are looked at, 1 to 500; 50 if it is not given.
    #[schemars(range(min = 1, max = 500))]
    pub limit: Option<u32>,
}
