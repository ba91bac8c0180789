//! This file is about what came of a call that may take a right away.

use std::ops::Deref;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What something has become, and who goes on as if nothing had been taken from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Changed{T}")]
pub struct Changed<T> {
    /// What it has become.
    #[serde(flatten)]
    pub now: T,
    /// The verifiers that may go on accepting what was taken away, because their operators want them to when they cannot be
    /// reached. While there are any, the status is 202.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uncovered: Vec<String>,
}

impl<T> Deref for Changed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.now
    }
}

/// Something was removed of which there is no more to say than its receipt, and a verifier may go on as if it were there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Uncovered {
    /// The verifiers that may go on accepting what was taken away, because their operators want them to when they cannot be
    /// reached.
    #[serde(default)]
    pub uncovered: Vec<String>,
}
