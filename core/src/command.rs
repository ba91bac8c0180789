//! This file is about commands and answers: all that can be asked of Keyward and all that comes back, in our
//! words. Dialects make the one from bytes and bytes from the other.

use std::net::IpAddr;

use ipnet::IpNet;
use keyward_log::Receipt;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::account::{Account, Organization, Role};
use crate::event::Reason;
use crate::filter::Filter;
use crate::id::{AccountId, Id, KeyId, OrganizationId, ReceiptId, RemovalId};
use crate::key::{Found, Key, RateLimit, Scheme, Tombstone};
use crate::metadata::Metadata;
use crate::removal::{Plan, Progress, Selection};
use crate::scope::Scopes;
use crate::secret::{Digest, Handle, Label, Secret};
use crate::store::{Logged, Position};
use crate::time::Timestamp;
use crate::usage::Usage;
use crate::verbs::verify::Verdict;

/// What is asked. Every command belongs to one [`crate::permit::Verb`].
#[derive(Clone)]
pub enum Command {
    /// Make a key.
    Issue(Box<Issue>),
    /// Bring a key along.
    Import(Box<Import>),
    /// Read a key.
    Find(KeyId),
    /// Read the keys that fit a filter, oldest first.
    List {
        /// Which.
        filter: Box<Filter>,
        /// Which part of them.
        page: Page,
    },
    /// Change a key.
    Update {
        /// Which.
        key: KeyId,
        /// How.
        patch: Box<Patch>,
        /// Only at this version.
        if_match: Option<u64>,
    },
    /// Stop a key.
    Suspend {
        /// Which.
        key: KeyId,
        /// And remove it then (*retire* it).
        remove_at: Option<Timestamp>,
        /// Only at this version.
        if_match: Option<u64>,
    },
    /// Let a key work again, and call off its retirement.
    Resume {
        /// Which.
        key: KeyId,
        /// Only at this version.
        if_match: Option<u64>,
    },
    /// Give a key a successor with the same rights.
    Rotate {
        /// Which.
        key: KeyId,
        /// For how long both work; 0: the old one is removed before the answer.
        overlap_seconds: u64,
        /// Only at this version.
        if_match: Option<u64>,
    },
    /// Ask whether a key is valid.
    Verify(Box<Ask>),
    /// End a key.
    Remove {
        /// Which.
        key: KeyId,
        /// Why.
        reason: Reason,
        /// Only at this version.
        if_match: Option<u64>,
        /// Whether the answer is to hold the receipt, not its name only.
        prove: bool,
    },
    /// Say what removing many keys would do.
    PlanRemoval(Box<Selection>),
    /// Remove many keys.
    StartRemoval {
        /// Which.
        selection: Box<Selection>,
        /// Why.
        reason: Reason,
        /// The hash of the plan that the caller has seen; needed for more than one key.
        plan_hash: Option<[u8; 32]>,
    },
    /// Read how far a removal is, and the receipts that came of it.
    FindRemoval {
        /// Which.
        removal: RemovalId,
        /// Which part of its receipts.
        page: Page,
    },
    /// Read who uses a key, or tries to.
    ReadUsage(KeyId),
    /// Read a receipt.
    ReadReceipt(ReceiptId),
    /// Read an account.
    FindAccount(AccountId),
    /// Read the accounts of an organization.
    ListAccounts {
        /// Whose; not given: the caller's.
        organization: Option<OrganizationId>,
        /// Which part of them.
        page: Page,
    },
    /// Create an account.
    CreateAccount(NewAccount),
    /// Change an account.
    UpdateAccount {
        /// Which.
        account: AccountId,
        /// How.
        patch: AccountPatch,
        /// Only at this version.
        if_match: Option<u64>,
    },
    /// End an account.
    RemoveAccount {
        /// Which.
        account: AccountId,
        /// What becomes of its keys.
        policy: KeyPolicy,
        /// Only at this version.
        if_match: Option<u64>,
    },
    /// Read an organization.
    FindOrganization(OrganizationId),
    /// Read the organizations that the caller may know of.
    ListOrganizations(Page),
    /// Create an organization.
    CreateOrganization {
        /// What it is called.
        name: String,
    },
    /// Change an organization.
    UpdateOrganization {
        /// Which.
        organization: OrganizationId,
        /// How.
        patch: OrganizationPatch,
        /// Only at this version.
        if_match: Option<u64>,
    },
    /// End an organization with all below it.
    RemoveOrganization {
        /// Which.
        organization: OrganizationId,
        /// Only at this version.
        if_match: Option<u64>,
    },
    /// Read events in clear.
    ListEvents {
        /// From which position on.
        from: Position,
        /// At most how many.
        limit: usize,
    },
    /// Read the newest checkpoint.
    ReadCheckpoint,
    /// Read a tile of the log's tree, or of its entries.
    ReadTile(keyward_log::Tile),
}

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
    /// What its secret begins with.
    pub prefix: Label,
    /// What it is for.
    pub environment: Label,
    /// Whether its removal is refused.
    pub protected: bool,
    /// Whether its secret can be shown again.
    pub recoverable: bool,
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
}

/// A question about a presented secret.
#[derive(Clone)]
pub struct Ask {
    /// What was presented.
    pub secret: Zeroizing<String>,
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

/// What comes back.
pub enum Answer {
    /// A new key, and the only time that its secret is shown.
    Issued(Box<Key>, Secret),
    /// A key that was brought along, or changed.
    Key(Box<Key>),
    /// A key that was looked for; its secret where it is recoverable.
    Found(Box<Key>),
    /// Keys, and where the next page begins.
    Keys(Vec<Found<Key>>, Option<Id>),
    /// What a verifier says.
    Verdict(Box<Verdict>),
    /// A key was removed, now or before.
    Removed(Box<Removed>),
    /// What removing many keys would do.
    Plan(Box<Plan>),
    /// How far a removal of many keys is.
    Removal(Box<Progress>),
    /// Who uses a key, or tries to.
    Usage(Box<Usage>),
    /// A receipt, and its id.
    Receipt(ReceiptId, Box<Receipt>),
    /// An account.
    Account(Box<Account>),
    /// Accounts, and where the next page begins.
    Accounts(Vec<Account>, Option<Id>),
    /// An account was removed, now or before.
    AccountRemoved(AccountId),
    /// An organization.
    Organization(Box<Organization>),
    /// Organizations, and where the next page begins.
    Organizations(Vec<Organization>, Option<Id>),
    /// An organization was removed, now or before.
    OrganizationRemoved(OrganizationId),
    /// Events, and the position that comes after the last one looked at.
    Events(Vec<Logged>, Position),
    /// The newest checkpoint, a signed note.
    Checkpoint(String),
    /// A tile's bytes.
    Tile(Vec<u8>),
}

/// A removed key and its receipt.
pub struct Removed {
    /// What is left of it.
    pub tombstone: Tombstone,
    /// The receipt, built when it is asked for.
    pub receipt: Option<Receipt>,
}
