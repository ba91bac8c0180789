//! This file is about changing keys: merge patches (RFC 7396), suspension, rotation.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Metadata, RateLimit, UpdateAccess};

/// Reads a member that is there, `null` included: what is not there stays as it is, `null` clears.
pub(super) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(d: D) -> Result<Option<T>, D::Error> {
    T::deserialize(d).map(Some)
}

/// What changes about a key: a member that is not given stays, `null` clears one that may be cleared.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpdateKey {
    /// A new name.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// New scopes, replaced whole.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>")]
    pub scopes: Option<Vec<String>>,
    /// A merge patch of the metadata.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Metadata")]
    pub metadata: Option<Metadata>,
    /// New tags, replaced whole.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>")]
    pub tags: Option<Vec<String>>,
    /// A new beginning.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub not_before: Option<Option<String>>,
    /// A new end, in the future.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub expires_at: Option<Option<String>>,
    /// New networks, replaced whole.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>")]
    pub ip_allow: Option<Vec<String>>,
    /// A new rate limit.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<Option<RateLimit>>,
    /// A new number of uses.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub uses_left: Option<Option<u64>>,
    /// Whether its removal is refused.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub protected: Option<bool>,
    /// What changes about a door credential.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "UpdateAccess")]
    pub access: Option<UpdateAccess>,
}

/// A stop that can be undone. The body may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuspendKey {
    /// Remove the key at this instant, unless it is resumed or protected before: *retire* it. That takes the right
    /// `keys:remove` as well.
    #[schemars(extend("format" = "date-time"))]
    pub remove_at: Option<String>,
}

/// A successor with the same rights. The body may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateKey {
    /// For how many seconds both work; 0: the old key is removed before the answer.
    #[serde(default)]
    pub overlap_seconds: u64,
}
