//! This file is about door credentials: badges and codes, what they open, and how they are read at a door.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Secret;
use super::update::given;

/// What a door reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccessType {
    /// A badge.
    Proximity,
    /// Digits that somebody types.
    Code,
}

/// What a door knows a credential by.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Identification {
    /// What it is.
    #[serde(rename = "type")]
    pub access_type: AccessType,
    /// For a badge: 13, 10 or 17 decimal digits, or `0x` and 10, 8 or 14 hexadecimal ones (EM, MIFARE Classic, MIFARE
    /// DESFire), or a shorter number behind `EM:`, `MC:` or `MD:`, several such parts joined by `|`. For a code: 4 to 12
    /// digits.
    pub identification: Secret,
}

/// The door credential to make.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueAccess {
    /// What a door reads.
    #[serde(rename = "type")]
    pub access_type: AccessType,
    /// What a door knows it by, as in [`Identification`]; for a code it may be left out: then one is made.
    pub identification: Option<Secret>,
    /// The PIN that must come with it: 4 to 8 digits.
    pub pin: Option<Secret>,
    /// The ids of the access levels to grant, at most 64.
    #[serde(default)]
    pub levels: Vec<String>,
    /// The id of who carries it.
    pub person: Option<String>,
}

/// What changes about a door credential: a member that is not given stays, `null` clears one that may be cleared.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpdateAccess {
    /// A new PIN.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub pin: Option<Option<Secret>>,
    /// Other access levels, replaced whole.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>")]
    pub levels: Option<Vec<String>>,
    /// Who carries it.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub person: Option<Option<String>>,
}

/// What makes a key a door credential. Its PIN is never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Access {
    /// What a door reads.
    #[serde(rename = "type")]
    pub access_type: AccessType,
    /// What a door knows it by. A code, which opens doors by itself, is shown when it is issued and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "password"))]
    pub identification: Option<String>,
    /// Whether a PIN must come with it.
    pub has_pin: bool,
    /// The ids of the access levels that were granted.
    pub levels: Vec<String>,
    /// The id of who carries it.
    pub person: Option<String>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("access_type", &self.access_type).finish_non_exhaustive()
    }
}

/// A credential as it was read at a door.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AtDoor {
    /// What was read.
    #[serde(rename = "type")]
    pub access_type: AccessType,
    /// What was read, as in [`Identification`].
    pub identification: Secret,
    /// The PIN that was typed after it.
    pub pin: Option<Secret>,
    /// The id of the access level that is needed.
    pub level: Option<String>,
    /// The name of the door. If it or `verifier` is given, the read is written down.
    #[schemars(length(min = 1, max = 200))]
    pub door: Option<String>,
    /// The name of the verifier that controls the door.
    #[schemars(length(min = 1, max = 200))]
    pub verifier: Option<String>,
}
