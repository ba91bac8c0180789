//! This file is about finding many keys, and removing them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Client, Identification, Kind, List, Reason, Secret, State, Tombstone};

/// Which keys; every member that is given must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Of this account itself, not of those below it.
    pub account_id: Option<String>,
    /// Of this kind.
    pub kind: Option<Kind>,
    /// In this state; not given: not removed.
    pub state: Option<State>,
    /// For this environment.
    pub environment: Option<String>,
    /// With this tag.
    pub tag: Option<String>,
    /// With this handle.
    pub handle: Option<String>,
    /// Not used since.
    #[schemars(extend("format" = "date-time"))]
    pub unused_since: Option<String>,
    /// Expiring before.
    #[schemars(extend("format" = "date-time"))]
    pub expires_before: Option<String>,
    /// Created at this instant or later.
    #[schemars(extend("format" = "date-time"))]
    pub created_after: Option<String>,
    /// Created before.
    #[schemars(extend("format" = "date-time"))]
    pub created_before: Option<String>,
}

/// Which keys, and which page of them: [`Filter`] and [`super::Page`], as they stand in a query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListKeys {
    /// The most items on the page, 1 to 500; 50 if it is not given.
    #[schemars(range(min = 1, max = 500))]
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Of this account itself, not of those below it.
    pub account_id: Option<String>,
    /// Of this kind.
    pub kind: Option<Kind>,
    /// In this state; not given: not removed.
    pub state: Option<State>,
    /// For this environment.
    pub environment: Option<String>,
    /// With this tag.
    pub tag: Option<String>,
    /// With this handle.
    pub handle: Option<String>,
    /// Not used since.
    #[schemars(extend("format" = "date-time"))]
    pub unused_since: Option<String>,
    /// Expiring before.
    #[schemars(extend("format" = "date-time"))]
    pub expires_before: Option<String>,
    /// Created at this instant or later.
    #[schemars(extend("format" = "date-time"))]
    pub created_after: Option<String>,
    /// Created before.
    #[schemars(extend("format" = "date-time"))]
    pub created_before: Option<String>,
}

/// Keys to remove: exactly one of `secret`, `handle`, `access`, `account_id` and
/// `filter` says which.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveKeys {
    /// The one with this secret.
    pub secret: Option<Secret>,
    /// The one with this handle.
    pub handle: Option<String>,
    /// The door credential that a door knows by this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<Identification>,
    /// Every key of this account itself, not of those below it.
    pub account_id: Option<String>,
    /// Every key that fits.
    pub filter: Option<Filter>,
    /// Why; `unspecified` if not given.
    pub reason: Option<Reason>,
    /// Only say what would be done.
    #[serde(default)]
    pub dry_run: bool,
    /// The `plan_hash` of the dry run with the same selection and `reason`; needed for more than one key.
    pub plan_hash: Option<String>,
}

/// What a removal would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// How many keys it would remove.
    pub total: u64,
    /// How many of them are protected, and would be left.
    pub protected: u64,
    /// How many were used lately.
    pub used_within: UsedWithin,
    /// Those used within the last week, most recently used first, at most 100.
    pub in_use: Vec<InUse>,
    /// What confirms this plan, in hexadecimal: these keys, as they are now, for this reason.
    pub plan_hash: String,
}

/// How many keys were used lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UsedWithin {
    /// Within the last hour.
    pub hour: u64,
    /// Within the last day.
    pub day: u64,
    /// Within the last week.
    pub week: u64,
}

/// A key that somebody uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InUse {
    /// Which.
    pub key_id: String,
    /// When it was last used.
    #[schemars(extend("format" = "date-time"))]
    pub last_used_at: String,
    /// By whom.
    pub clients: Vec<Client>,
}

/// A removal of many keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Removal {
    /// Its id, `rmvl_…`.
    pub id: String,
    /// Whose keys.
    pub organization_id: String,
    /// Why.
    pub reason: Reason,
    /// How many keys it is to remove.
    pub total: u64,
    /// How many it has removed by now.
    pub removed: u64,
    /// When it was decided.
    #[schemars(extend("format" = "date-time"))]
    pub created_at: String,
    /// When the last key was removed; `null` while it goes on.
    #[schemars(extend("format" = "date-time"))]
    pub finished_at: Option<String>,
    /// Its version, from 1.
    pub version: u64,
}

/// How far a removal is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemovalProgress {
    /// The removal.
    pub removal: Removal,
    /// One page of the keys that it removed, each with its receipt's id.
    pub receipts: List<Tombstone>,
    /// The verifiers that may go on accepting keys that it removed, because their operators want them to when they cannot be reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uncovered: Vec<String>,
}
