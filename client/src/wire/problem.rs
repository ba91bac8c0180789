//! This file is about problems: why something was not done (RFC 9457).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Tombstone;

/// Why not, as `application/problem+json`. `code` is what programs go by; it never changes its meaning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// `about:blank`: the status says what kind of problem it is, and `code` which one (RFC 9457, section 4.2.1).
    #[serde(rename = "type")]
    pub problem_type: String,
    /// The status in words.
    pub title: String,
    /// The status.
    pub status: u16,
    /// What is wrong and what to do, for people.
    pub detail: String,
    /// Which problem it is, for programs.
    pub code: String,
    /// What it is about: a member of the body as a path with dots, a query parameter, or a header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is left of the removed key that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tombstone: Option<Tombstone>,
    /// The request's id, as it stands in the server's log.
    pub request_id: String,
}
