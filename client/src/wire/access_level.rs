//! This file is about access levels: what doors are of, and what door credentials are granted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::update::given;

/// What doors are of. A door credential opens those whose level it was granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessLevel {
    /// Its id, `res_…`.
    pub id: String,
    /// The organization that it belongs to.
    pub organization_id: String,
    /// The account that it belongs to.
    pub account_id: String,
    /// What it is called.
    pub name: String,
    /// The name of the verifier that controls its doors.
    pub verifier: Option<String>,
    /// When it was created.
    #[schemars(extend("format" = "date-time"))]
    pub created_at: String,
    /// When it was last changed.
    #[schemars(extend("format" = "date-time"))]
    pub updated_at: String,
    /// Its version, from 1.
    pub version: u64,
}

/// An access level to create.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateAccessLevel {
    /// What it is called; 1 to 200 bytes, unique in its organization.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// The name of the verifier that controls its doors.
    #[schemars(length(min = 1, max = 200))]
    pub verifier: Option<String>,
    /// The account that it is to belong to; not given: the caller's. Members see and grant those of their own account only.
    pub account_id: Option<String>,
}

/// What changes about an access level: a member that is not given stays, `null` clears one that may be cleared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpdateAccessLevel {
    /// A new name.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// The name of the verifier that controls its doors.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub verifier: Option<Option<String>>,
}

/// Whose access levels, and which page of them, as it stands in the query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListAccessLevels {
    /// The most items on the page, 1 to 500; 50 if it is not given.
    #[schemars(range(min = 1, max = 500))]
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Of this account; not given: all that the caller may know of.
    pub account_id: Option<String>,
}
