//! This file is about new keys: made here, or brought along.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ImportCrypto, IssueAccess, IssueCrypto, Key, Kind, Metadata, Problem, RateLimit, Secret};

/// A key to issue. Only the name is needed.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueKey {
    /// What people call it; 1 to 200 bytes.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// What kind of key it is to be.
    #[serde(default)]
    pub kind: Kind,
    /// The account that it is to act as; not given: the caller's own.
    pub account_id: Option<String>,
    /// What it may be used for; at most 64 of `a-z 0-9 : . _ - * /`, 1 to 64 characters each.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Whatever its owner keeps with it.
    #[serde(default)]
    pub metadata: Metadata,
    /// Words to find it by; at most 32 of 1 to 64 bytes.
    #[serde(default)]
    pub tags: Vec<String>,
    /// It is refused before this.
    #[schemars(extend("format" = "date-time"))]
    pub not_before: Option<String>,
    /// It is refused from this instant on.
    #[schemars(extend("format" = "date-time"))]
    pub expires_at: Option<String>,
    /// What its secret begins with: 1 to 8 lower-case letters and digits, a letter first; `kw` if not given.
    pub prefix: Option<String>,
    /// How its secret is written, for clients that know another form than Keyward's own; not with a `prefix`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<SecretFormat>,
    /// What it is for, in the same characters; `live` if not given.
    pub environment: Option<String>,
    /// The networks that it may be used from (CIDR), at most 64; none: from everywhere.
    #[serde(default)]
    pub ip_allow: Vec<String>,
    /// How often it may be used.
    pub rate_limit: Option<RateLimit>,
    /// How often it may be used in all.
    #[schemars(range(min = 1))]
    pub uses_left: Option<u64>,
    /// Whether its removal is to be refused until that is changed.
    #[serde(default)]
    pub protected: bool,
    /// Whether its secret is to be kept so that it can be shown again.
    #[serde(default)]
    pub recoverable: bool,
    /// What makes it a door credential: for the kind `access`, and for no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<IssueAccess>,
    /// What makes it a key that never leaves: for the kind `crypto`, and for no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crypto: Option<IssueCrypto>,
}

/// The form of another system's secrets: random characters only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretFormat {
    /// Which characters.
    pub alphabet: Alphabet,
    /// How many are public, before a dot: 0, or 8 to 64.
    #[serde(default)]
    #[schemars(range(max = 64))]
    pub public: u16,
    /// How many are secret: 32 to 256.
    #[schemars(range(min = 32, max = 256))]
    pub private: u16,
}

/// The characters of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Alphabet {
    /// `0-9 a-f`.
    Hex,
    /// `0-9 A-Z a-z`.
    Alphanumeric,
    /// `0-9 A-Z a-z - _`.
    UrlSafe,
}

/// A new key, and the only time that its secret is shown.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct Issued {
    /// The key.
    pub key: Key,
    /// Its secret; a door credential has none besides what stands in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// The verifiers that may go on accepting the key that it took the place of, because their operators want them to when they cannot be reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uncovered: Vec<String>,
}

/// A key to bring along: its secret, or a digest of it, was made elsewhere. One of `secret` and `digest`.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportKey {
    /// What people call it; 1 to 200 bytes.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// What kind of key it is to be.
    #[serde(default)]
    pub kind: Kind,
    /// The secret: 16 to 512 printable ASCII characters without spaces.
    pub secret: Option<Secret>,
    /// What is known of the secret, where its text is not.
    pub digest: Option<Digest>,
    /// Its public part: how the secret begins. Needed for `bcrypt` and `argon2id`.
    pub handle: Option<String>,
    /// The account that it is to act as; not given: the caller's own.
    pub account_id: Option<String>,
    /// What it may be used for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Whatever its owner keeps with it.
    #[serde(default)]
    pub metadata: Metadata,
    /// Words to find it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// It is refused before this.
    #[schemars(extend("format" = "date-time"))]
    pub not_before: Option<String>,
    /// It is refused from this instant on.
    #[schemars(extend("format" = "date-time"))]
    pub expires_at: Option<String>,
    /// What it is for; `live` if not given.
    pub environment: Option<String>,
    /// The networks that it may be used from (CIDR).
    #[serde(default)]
    pub ip_allow: Vec<String>,
    /// How often it may be used.
    pub rate_limit: Option<RateLimit>,
    /// How often it may be used in all.
    #[schemars(range(min = 1))]
    pub uses_left: Option<u64>,
    /// Whether its removal is to be refused until that is changed.
    #[serde(default)]
    pub protected: bool,
    /// The public half of a key that never leaves: for the kind `crypto`, and for no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crypto: Option<ImportCrypto>,
}

/// A digest of a secret.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Digest {
    /// How it was taken.
    pub algorithm: Algorithm,
    /// The digest: in hexadecimal, or in its own notation (`$2b$…`, `$argon2id$…`) for the slow ones.
    pub value: Secret,
    /// The pepper, in base64: for `hmac-sha256`, and for nothing else.
    pub pepper: Option<Secret>,
}

/// How a digest was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// SHA-256 of the text.
    Sha256,
    /// SHA-512 of the text. It counts as a pepper does.
    Sha512,
    /// HMAC-SHA-256 of the text under a pepper. The live keys of an organization have at most eight peppers.
    HmacSha256,
    /// bcrypt; taken again as SHA-256 when the key is first used. It sees 72 bytes: no longer secret ever fits it.
    Bcrypt,
    /// Argon2id; taken again as SHA-256 when the key is first used.
    Argon2id,
}

/// What became of one item of an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImportedLine {
    /// Which item, from 1.
    pub line: u64,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: ImportOutcome,
    /// The verifiers that may go on accepting the key that it took the place of, because their operators want them to when they cannot be reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uncovered: Vec<String>,
}

/// A key, or why not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportOutcome {
    /// The new key's id.
    Id(String),
    /// Why there is none.
    Problem(Box<Problem>),
}
