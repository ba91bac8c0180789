//! This file is about organizations, which own everything below them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::State;
use super::update::given;

/// Owns accounts, keys and everything else below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Organization {
    /// Its id, `org_…`.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// True for the one whose owners may act in every other.
    pub operator: bool,
    /// Whether the keys below it work.
    pub state: State,
    /// Why not, if that is told; left out otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// When it was created.
    #[schemars(extend("format" = "date-time"))]
    pub created_at: String,
    /// Its version, from 1.
    pub version: u64,
}

/// Why an organization is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// It has not paid.
    Payment,
    /// It was locked.
    Locked,
}

/// An organization to create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateOrganization {
    /// What it is called; 1 to 200 bytes, unique.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
}

/// What changes about an organization: a member that is not given stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpdateOrganization {
    /// A new name.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// Whether the keys below it are stopped.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub suspended: Option<bool>,
    /// Stops them, and says why to those whose dialect has words for it.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Hold")]
    pub hold: Option<Hold>,
}
