//! This file is about verifying: the one question that is asked with every use of a key.

use std::borrow::Cow;
use std::net::IpAddr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{AtDoor, Metadata, Text};

// It borrows the secret: who holds the body wipes it.
/// A question about a presented secret, or about what was read at a door: one of `secret` and `access`.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verify<'a> {
    /// The secret that was presented.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Text<'a>>,
    /// What was read at a door.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<AtDoor>,
    /// The scopes that are needed.
    #[serde(borrow, default)]
    pub scopes: Vec<Text<'a>>,
    /// Where it was presented from.
    pub ip: Option<IpAddr>,
    /// How much of its limits this use costs; 1 if not given. 0 is a look: it takes nothing, and is told what a use of 1
    /// would be told.
    pub cost: Option<u32>,
}

/// What a verifier says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Verdict {
    /// The key is valid for what was asked.
    Valid(Box<Valid>),
    /// It is not.
    Refused(Refused),
}

/// A valid key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Valid {
    /// `true`.
    pub valid: Always<true>,
    /// Which key.
    pub key_id: String,
    /// The account that it acts as.
    pub account_id: String,
    /// The organization that owns it.
    pub organization_id: String,
    /// What people call it.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// What its owner keeps with it.
    pub metadata: Metadata,
    /// From when on it is refused.
    #[schemars(extend("format" = "date-time"))]
    pub expires_at: Option<String>,
    /// How many events of the log the verifier had applied when it said this.
    pub position: u64,
}

/// A key that is not valid for what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refused {
    /// `false`.
    pub valid: Always<false>,
    /// Why.
    pub code: Refusal,
}

/// Why a key is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// It is no key, or a mistyped one.
    Malformed,
    /// Nobody knows it, or not here.
    Unknown,
    /// It was removed; said to the organization that owned it only.
    Removed,
    /// It, its account or its organization was stopped.
    Suspended,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// It lacks a scope that was asked for.
    InsufficientScope,
    /// It may not be used from there.
    AddressNotAllowed,
    /// It was used too often lately.
    RateLimited,
    /// It was used as often as it may be.
    UsedUp,
    /// Its PIN is missing, or another one was typed.
    WrongPin,
    /// A PIN was typed, and it has none.
    NoPin,
    /// The access level of this door was not granted.
    LevelNotGranted,
}

/// A boolean that is always the same: what tells two answers apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Always<const B: bool>;

impl<const B: bool> Serialize for Always<B> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(B)
    }
}

impl<'de, const B: bool> Deserialize<'de> for Always<B> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = bool::deserialize(deserializer)?;
        let expected = if B { "true" } else { "false" };
        (value == B)
            .then_some(Self)
            .ok_or_else(|| D::Error::invalid_value(Unexpected::Bool(value), &expected))
    }
}

impl<const B: bool> JsonSchema for Always<B> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        if B { "True".into() } else { "False".into() }
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "boolean", "const": B })
    }
}
