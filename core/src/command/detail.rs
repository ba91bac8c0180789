//! This file is about what commands say in detail: drafts, patches, questions, pages.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::access::{AccessPatch, DoorRead};
use crate::account::{Hold, Role};
use crate::error::Error;
use crate::id::{AccountId, Id, OrganizationId};
use crate::key::{RateLimit, Scheme};
use crate::metadata::Metadata;
use crate::scope::Scopes;
use crate::secret::{Digest, Format, Handle, Label, Secret};
use crate::time::Timestamp;

/// A part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// After this id.
    pub after: Option<Id>,
    /// At most this many, 1 to [`Page::LIMIT`].
    pub limit: usize,
}

impl Page {
    /// The most items on one page.
    pub const LIMIT: usize = 500;
    /// How many items a page has if nothing is said.
    pub const DEFAULT: usize = 50;
}

/// What a new key is to be like, however it comes to be. The limits are [`Draft::check`]'s.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// What people call it.
    pub name: String,
    /// What it may be used for.
    pub scopes: Scopes,
    /// Whatever its owner keeps with it.
    pub metadata: Metadata,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// It is refused before this.
    pub not_before: Option<Timestamp>,
    /// It is refused from this instant on.
    pub expires_at: Option<Timestamp>,
    /// The networks that it may be used from.
    pub ip_allow: Vec<IpNet>,
    /// How often it may be used.
    pub rate_limit: Option<RateLimit>,
    /// How often it may be used in all.
    pub uses: Option<u64>,
}

/// A key to make.
#[derive(Clone, Debug)]
pub struct Issue {
    /// Who it acts as; not given: the caller's account.
    pub account: Option<AccountId>,
    /// How its secret is written.
    pub format: Format,
    /// What it is for.
    pub environment: Label,
    /// Whether its removal is refused.
    pub protected: bool,
    /// Whether its secret can be shown again.
    pub recoverable: bool,
    /// Whether it can be named by its number, too.
    pub numbered: bool,
    /// The rest.
    pub draft: Draft,
}

/// A key to bring along.
#[derive(Clone)]
pub struct Import {
    /// Who it acts as; not given: the caller's account.
    pub account: Option<AccountId>,
    /// What it is for.
    pub environment: Label,
    /// Whether its removal is refused.
    pub protected: bool,
    /// What is known of its secret.
    pub given: Given,
    /// Its public part; needed for slow hashes, where it is how the key is found.
    pub handle: Option<Handle>,
    /// The rest.
    pub draft: Draft,
}

/// What is known of a secret that was made elsewhere.
#[derive(Clone)]
pub enum Given {
    /// The text.
    Text(Secret),
    /// Its digest, as the scheme takes it, folded to 32 bytes.
    Digest(Scheme, Digest),
    /// A slow hash of it, in the notation of its kind (`$2b$...`, `$argon2id$...`).
    Slow(String),
}

/// What changes about a key. `None` leaves a field; `Some(None)` clears it.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    /// A new name.
    pub name: Option<String>,
    /// New scopes, replaced whole.
    pub scopes: Option<Scopes>,
    /// A merge patch of the metadata (RFC 7396).
    pub metadata: Option<Map<String, Value>>,
    /// New tags, replaced whole.
    pub tags: Option<Vec<String>>,
    /// A new beginning.
    pub not_before: Option<Option<Timestamp>>,
    /// A new end.
    pub expires_at: Option<Option<Timestamp>>,
    /// New networks, replaced whole.
    pub ip_allow: Option<Vec<IpNet>>,
    /// A new rate limit.
    pub rate_limit: Option<Option<RateLimit>>,
    /// A new number of uses in all.
    pub uses: Option<Option<u64>>,
    /// Whether its removal is refused.
    pub protected: Option<bool>,
    /// What changes about a door credential; nothing else may have it.
    pub access: Option<AccessPatch>,
}

impl Patch {
    /// Whether the key may be able to do less afterwards.
    pub(crate) const fn may_reduce(&self) -> bool {
        self.scopes.is_some()
            || self.not_before.is_some()
            || self.expires_at.is_some()
            || self.ip_allow.is_some()
            || self.rate_limit.is_some()
    }
}

/// What is presented, to be judged.
#[derive(Clone)]
pub enum Shown {
    /// The text of a secret.
    Secret(Zeroizing<String>),
    /// A badge or a code at a door.
    AtDoor(Box<DoorRead>),
}

/// A question about a presented key.
#[derive(Clone)]
pub struct Ask {
    /// What was presented.
    pub shown: Shown,
    /// The scopes that are needed.
    pub scopes: Scopes,
    /// Where it was presented from.
    pub address: Option<IpAddr>,
    /// How much of its limits this use costs.
    pub cost: u32,
}

/// An account to create.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Whose it is to be; not given: the caller's.
    pub organization: Option<OrganizationId>,
    /// The account that acts for it.
    pub parent: Option<AccountId>,
    /// What it is called.
    pub name: String,
    /// What it may do at most.
    pub role: Role,
}

/// What changes about an account.
#[derive(Clone, Debug, Default)]
pub struct AccountPatch {
    /// A new name.
    pub name: Option<String>,
    /// A new role.
    pub role: Option<Role>,
    /// Whether its keys are stopped.
    pub suspended: Option<bool>,
}

/// What changes about an organization.
#[derive(Clone, Debug, Default)]
pub struct OrganizationPatch {
    /// A new name.
    pub name: Option<String>,
    /// Whether the keys below it are stopped.
    pub suspended: Option<bool>,
    /// Stops them, and says why.
    pub hold: Option<Hold>,
}

/// What becomes of an account's keys when it is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPolicy {
    /// They are removed with it.
    Remove,
    /// They go to another account of the organization.
    Transfer(AccountId),
    /// It is not removed while it has any.
    Refuse,
}

/// What is presented to open a session.
#[derive(Clone)]
pub struct SignIn {
    /// Who signs in: the name of an account, in any letter case.
    pub login: String,
    /// A password of the login, or the secret of a key of the account.
    pub proof: Zeroizing<String>,
    /// Only if the account is in the organization with this number, see [`Id::number`].
    pub organization: Option<u32>,
    /// What the session is to be like, or what is wrong with the request otherwise: that is told only to who may sign in.
    pub session: Result<SessionPlan, Error>,
}

/// What a session is to be like.
#[derive(Clone, Debug)]
pub struct SessionPlan {
    /// How its secret is written.
    pub format: Format,
    /// For how long it lives, used or not.
    pub life_seconds: Option<u64>,
    /// For how long it lives without use.
    pub idle_seconds: Option<u32>,
}
