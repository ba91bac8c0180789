//! This file is about commands: all that can be asked of Keyward, in our words. Dialects make them from bytes, and bytes from
//! what comes back.

mod answer;
mod detail;

use zeroize::Zeroizing;

pub use self::answer::{Answer, Done, Events, Removed};
pub use self::detail::{
    AccountPatch, Ask, Draft, Given, Import, Issue, KeyPolicy, NewAccount, OrganizationPatch, Page, Patch,
    SessionPlan, Shown, SignIn,
};
use crate::access::{Identification, NewAccess};
use crate::crypto::{self, Exercise, KeyRef, NewCrypto};
use crate::event::Reason;
use crate::filter::Filter;
use crate::id::{AccountId, KeyId, OrganizationId, ReceiptId, RemovalId, ResourceId};
use crate::key::{Head, Kind};
use crate::permit::{Caller, Verb};
use crate::removal::Selection;
use crate::resource::{NewResource, ResourcePatch};
use crate::secret::Handle;
use crate::store::{Position, RecordKind};
use crate::time::Timestamp;

/// What is asked. Every command belongs to one [`crate::permit::Verb`].
#[derive(Clone)]
pub enum Command {
    /// Make a key.
    Issue(Box<Issue>),
    /// Make a door credential.
    IssueAccess(Box<NewAccess>),
    /// Bring a key along.
    Import(Box<Import>),
    /// Make a key that never leaves: a new one, one of a public half, or one of what two keys agree on.
    IssueCrypto(Box<NewCrypto>),
    /// Use a key that never leaves.
    Exercise {
        /// Which.
        key: KeyRef,
        /// For what.
        exercise: Box<Exercise>,
    },
    /// Read a key.
    Find(KeyId),
    /// Say whether a key is there. Whoever has its secret learns as much by signing in with it, so that takes no right.
    HasKey {
        /// Its secret.
        secret: Zeroizing<String>,
        /// Whether it is one of those that the caller's language has.
        is_ours: fn(&Caller, &Head) -> bool,
    },
    /// Read a key once its last change is in force: for who asks for what is so already.
    FindInForce(KeyId),
    /// Show the secret of a key again that was made for that: as good as issuing it, and permitted so.
    Reveal(KeyId),
    /// Read the door credential that a door knows by this.
    FindAccess(Identification),
    /// Read the key that never leaves that a dialect named so.
    FindCrypto(Vec<u8>),
    /// Read the keys that fit a filter, oldest first.
    List {
        /// Which.
        filter: Box<Filter>,
        /// Which part of them.
        page: Page,
    },
    /// Count the keys of a kind that were removed.
    CountRemoved(Kind),
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
    Remove(Named, Ending),
    /// Say what removing many keys would do.
    PlanRemoval {
        /// Which.
        selection: Box<Selection>,
        /// Why they are to be removed; the plan's hash covers it.
        reason: Reason,
    },
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
    /// See who accepts keys.
    ListVerifiers,
    /// See which verifiers have a key as it is now.
    FindReach(KeyId),
    /// Wrap every slot under a new root, and destroy the old one.
    Reroot,
    /// Write a backup of the store.
    BackUp,
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
    /// Read a key, an account or an organization by its number, see [`Id::number`].
    FindNumbered {
        /// What it is.
        kind: RecordKind,
        /// Its number.
        number: u32,
    },
    /// Read an account by what it is called, in the caller's organization.
    FindAccountNamed(String),
    /// Give an account a password, or another one.
    SetPassword {
        /// Whose; not given: the caller's.
        account: Option<AccountId>,
        /// What it signs in under: unique over all organizations, the same in any letter case. Not given: what the
        /// account is called.
        login: Option<String>,
        /// The password.
        password: Zeroizing<String>,
    },
    /// Open another session like the one that asks.
    Renew(SessionPlan),
    /// Make something that keys open.
    CreateResource(Box<NewResource>),
    /// Read a resource.
    FindResource {
        /// Of which collection.
        collection: &'static str,
        /// Which.
        resource: ResourceId,
    },
    /// Read the resources of a collection, oldest first.
    ListResources {
        /// Which collection.
        collection: &'static str,
        /// Only those of this account.
        account: Option<AccountId>,
        /// Only those that belong to this one.
        parent: Option<ResourceId>,
        /// Which part of them.
        page: Page,
    },
    /// Change a resource.
    UpdateResource {
        /// Of which collection.
        collection: &'static str,
        /// Which.
        resource: ResourceId,
        /// How.
        patch: Box<ResourcePatch>,
        /// Only at this version.
        if_match: Option<u64>,
    },
    /// End a resource.
    RemoveResource {
        /// Of which collection.
        collection: &'static str,
        /// Which.
        resource: ResourceId,
        /// Only at this version.
        if_match: Option<u64>,
    },
    /// Read the events since then, oldest first.
    ListEventsSince {
        /// From when on.
        since: Timestamp,
        /// At most how many.
        limit: usize,
    },
    /// Read what a key is called: whoever may read what became of keys may know which they are.
    FindKeyName(KeyId),
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

impl Command {
    /// What the caller must be permitted.
    #[must_use]
    pub fn verb(&self) -> Verb {
        match self {
            Self::Issue(_) | Self::IssueAccess(_) | Self::SetPassword { .. } | Self::Reveal(_) => Verb::Issue,
            Self::Import(_) => Verb::Import,
            Self::IssueCrypto(new) => match new.origin {
                crypto::Origin::Generate => Verb::Issue,
                crypto::Origin::Public(_) => Verb::Import,
                crypto::Origin::Derive { .. } => Verb::Derive,
            },
            Self::Exercise { .. } => Verb::Exercise,
            Self::Find(_)
            | Self::FindInForce(_)
            | Self::FindAccess(_)
            | Self::FindCrypto(_)
            | Self::FindReach(_)
            | Self::FindRemoval { .. }
            | Self::ReadUsage(_)
            | Self::ReadReceipt(_) => Verb::Find,
            Self::FindNumbered { kind, .. } => match kind {
                RecordKind::Key
                | RecordKind::Removal
                | RecordKind::Resource
                | RecordKind::Epoch
                | RecordKind::Term
                | RecordKind::Enforcement
                | RecordKind::Tombstone => Verb::Find,
                RecordKind::Account => Verb::ReadAccounts,
                RecordKind::Organization => Verb::ReadOrganizations,
            },
            Self::List { .. } | Self::CountRemoved(_) => Verb::List,
            Self::Update { .. } => Verb::Update,
            Self::Suspend { .. } => Verb::Suspend,
            Self::Resume { .. } => Verb::Resume,
            Self::Rotate { .. } => Verb::Rotate,
            Self::Verify(_) => Verb::Verify,
            Self::Remove(..) | Self::PlanRemoval { .. } | Self::StartRemoval { .. } => Verb::Remove,
            Self::FindAccount(_) | Self::FindAccountNamed(_) | Self::ListAccounts { .. } => {
                Verb::ReadAccounts
            }
            Self::Reroot => Verb::Reroot,
            Self::BackUp => Verb::BackUp,
            Self::CreateAccount(_) => Verb::CreateAccount,
            Self::UpdateAccount { .. } => Verb::UpdateAccount,
            Self::RemoveAccount { .. } => Verb::RemoveAccount,
            Self::FindOrganization(_) | Self::ListOrganizations(_) => Verb::ReadOrganizations,
            Self::CreateOrganization { .. } => Verb::CreateOrganization,
            Self::UpdateOrganization { .. } => Verb::UpdateOrganization,
            Self::RemoveOrganization { .. } => Verb::RemoveOrganization,
            Self::FindKeyName(_)
            | Self::ListEvents { .. }
            | Self::ListEventsSince { .. }
            | Self::ReadCheckpoint
            | Self::ReadTile(_) => Verb::ReadLog,
            Self::ListVerifiers => Verb::ReadVerifiers,
            // A session that asks for another gets no more than it has: that takes nothing but a credential.
            Self::FindResource { .. } | Self::ListResources { .. } | Self::Renew(_) | Self::HasKey { .. } => {
                Verb::ReadResources
            }
            Self::CreateResource(_) | Self::UpdateResource { .. } | Self::RemoveResource { .. } => {
                Verb::WriteResources
            }
        }
    }
}

/// What a caller knows a key by.
#[derive(Clone)]
pub enum Named {
    /// Its id.
    Id(KeyId),
    /// Its number, see [`Id::number`].
    Number(u32),
    /// Its handle.
    Handle(Handle),
    /// Its secret.
    Secret(Zeroizing<String>),
    /// What a door knows it by.
    Access(Identification),
}

impl From<KeyId> for Named {
    fn from(id: KeyId) -> Self {
        Self::Id(id)
    }
}

/// How a key is ended. It is not opened for that: one that was restored without its slot can be ended too.
#[derive(Clone, Copy)]
pub struct Ending {
    /// Why.
    pub reason: Reason,
    /// Only at this version.
    pub if_match: Option<u64>,
    /// Whether the answer is to hold the receipt, not its name only.
    pub prove: bool,
    /// Whether the sessions that it opened end with it.
    pub end_sessions: bool,
    /// Whether a key is one of those that the caller's language has. Any other is not found.
    pub is_ours: fn(&Caller, &Head) -> bool,
}

impl Default for Ending {
    /// Whatever key it is, at whatever version, and its sessions with it.
    fn default() -> Self {
        Self {
            reason: Reason::Unspecified,
            if_match: None,
            prove: false,
            end_sessions: true,
            is_ours: |_, _| true,
        }
    }
}
