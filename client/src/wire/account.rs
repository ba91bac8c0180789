//! This file is about accounts: whoever keys act as.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::update::given;
use super::{Role, Secret, State};

/// Somebody who acts: a person, a program, a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// Its id, `acct_…`.
    pub id: String,
    /// The organization that owns it.
    pub organization_id: String,
    /// The account that acts for it.
    pub parent_id: Option<String>,
    /// What it is called.
    pub name: String,
    /// What it may do at most.
    pub role: Role,
    /// Whether its keys work.
    pub state: State,
    /// When it was created.
    #[schemars(extend("format" = "date-time"))]
    pub created_at: String,
    /// Its version, from 1.
    pub version: u64,
}

/// An account to create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateAccount {
    /// What it is called; 1 to 200 bytes, unique in its organization.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// What it may do at most.
    pub role: Role,
    /// The organization that is to own it; not given: the caller's.
    pub organization_id: Option<String>,
    /// The account that is to act for it.
    pub parent_id: Option<String>,
}

/// What changes about an account: a member that is not given stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpdateAccount {
    /// A new name.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// A new role.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Role")]
    pub role: Option<Role>,
    /// Whether its keys are stopped.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub suspended: Option<bool>,
}

/// A password for an account. It is kept as a key: what comes back is that, and removing it ends the password.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPassword {
    /// The password; 1 to 512 bytes.
    pub password: Secret,
    /// What it signs in under, the same in any letter case and unique over all organizations; not given: what the
    /// account is called.
    pub login: Option<String>,
}

/// Whose accounts, and which page of them, as it stands in the query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListAccounts {
    /// The most items on the page, 1 to 500; 50 if it is not given.
    #[schemars(range(min = 1, max = 500))]
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Of this organization; not given: of the caller's.
    pub organization_id: Option<String>,
}

/// What becomes of an account's keys when it is removed, as it stands in the query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveAccount {
    /// What becomes of its keys. There is no default.
    pub policy: KeyPolicy,
    /// The account that gets the keys: with `transfer_to`, and with nothing else.
    pub transfer_to: Option<String>,
}

/// What becomes of an account's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyPolicy {
    /// They are removed with it, and so are the accounts below it with theirs.
    RemoveKeys,
    /// They go to another account of the organization, and the accounts below it come to be below that. Passwords and sessions
    /// are removed with the account: whoever knew them would sign in as the other one.
    TransferTo,
    /// It is not removed while it has any, nor while an account is below it.
    Refuse,
}
