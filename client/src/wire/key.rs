//! This file is about keys as they are shown: a living one, and what is left of a removed one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Access, Crypto, Metadata};

/// The kinds of key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A bearer secret: whoever shows it may.
    #[default]
    Secret,
    /// A door credential: a badge or a code, read at a door.
    Access,
    /// A cryptographic key that never leaves.
    Crypto,
}

/// Whether a key works; for an account or organization: whether the keys below it do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It works, as far as its times allow.
    Active,
    /// It was stopped, and can be resumed.
    Suspended,
    /// It never works again.
    Removed,
}

/// What an account may do at most, whatever its keys say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything in its organization.
    Owner,
    /// Everything but organizations and owners.
    Admin,
    /// What concerns its own keys.
    Member,
    /// Reads everything, changes nothing.
    Auditor,
}

/// Why a key was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Not said.
    #[default]
    Unspecified,
    /// No longer needed.
    Retired,
    /// Somebody else may have it.
    Compromised,
    /// Another key took its place.
    Superseded,
    /// Its account was removed.
    OwnerLeft,
}

/// At most `limit` uses in any `window_seconds`, spread evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Uses, from 1.
    #[schemars(range(min = 1))]
    pub limit: u32,
    /// Seconds, 1 to 86,400.
    #[schemars(range(min = 1, max = 86_400))]
    pub window_seconds: u32,
}

/// A key that has not been removed. Its secret is not part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Key {
    /// Its id, `key_…`.
    pub id: String,
    /// What kind of key it is.
    pub kind: Kind,
    /// The organization that owns it.
    pub organization_id: String,
    /// The account that it acts as.
    pub account_id: String,
    /// What people call it.
    pub name: String,
    /// Its public part: how it begins.
    pub handle: String,
    /// What it is for: `live`, `test`, ...
    pub environment: String,
    /// `active` or `suspended`.
    pub state: State,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// Whatever its owner keeps with it.
    pub metadata: Metadata,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// When it was issued or imported.
    #[schemars(extend("format" = "date-time"))]
    pub created_at: String,
    /// It is refused before this.
    #[schemars(extend("format" = "date-time"))]
    pub not_before: Option<String>,
    /// It is refused from this instant on.
    #[schemars(extend("format" = "date-time"))]
    pub expires_at: Option<String>,
    /// It is removed at this instant, unless it is resumed before.
    #[schemars(extend("format" = "date-time"))]
    pub remove_at: Option<String>,
    /// The networks that it may be used from (CIDR); none: from everywhere.
    pub ip_allow: Vec<String>,
    /// How often it may be used.
    pub rate_limit: Option<RateLimit>,
    /// How often it may still be used.
    pub uses_left: Option<u64>,
    /// Whether its removal is refused.
    pub protected: bool,
    /// Whether its secret is kept so that it can be shown again.
    pub recoverable: bool,
    /// The key that it took the place of.
    pub supersedes: Option<String>,
    /// What makes it a door credential; other keys do not have this member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// What makes it a key that never leaves; other keys do not have this member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crypto: Option<Crypto>,
    /// Its version, from 1: the `ETag`, without the quotes.
    pub version: u64,
}

/// What is left of a removed key: facts, no secret, nothing that it opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tombstone {
    /// Its id.
    pub id: String,
    /// What kind of key it was.
    pub kind: Kind,
    /// The organization that owned it.
    pub organization_id: String,
    /// The account that it acted as.
    pub account_id: String,
    /// Its public part.
    pub handle: String,
    /// What it was for.
    pub environment: String,
    /// `removed`.
    pub state: State,
    /// When it was issued or imported.
    #[schemars(extend("format" = "date-time"))]
    pub created_at: String,
    /// When its removal was decided.
    #[schemars(extend("format" = "date-time"))]
    pub removed_at: String,
    /// Why.
    pub reason: Reason,
    /// The receipt of its removal, `rcpt_…`.
    pub receipt_id: String,
    /// The version of its record: its last.
    pub version: u64,
}

/// An item of a list of keys: a living key, or a removed one if that was asked for. `state` tells them apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum FoundKey {
    /// It was removed.
    Removed(Box<Tombstone>),
    /// It lives.
    Live(Box<Key>),
}
