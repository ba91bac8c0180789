//! This file is about keys as the tokens of OAuth 2.0: introspection (RFC 7662) and revocation (RFC 7009).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Secret;

/// The form that names a token. Other members are ignored, as the RFCs ask.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Token {
    /// The secret of a key.
    pub token: Secret,
}

/// What is said of a token. Of one that is not active, nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Introspection {
    /// Whether the key is valid now.
    pub active: bool,
    /// Its scopes, with spaces between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// `Bearer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type: Option<String>,
    /// From when on it is refused, Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<u64>,
    /// The account that it acts as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// The key's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// The organization of the account: a member of our own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
}
