//! This file is about verbs: everything that can be asked, the right that each takes, and how far each role lets it reach.

use super::Reach;
use crate::account::Role;
use crate::scope::Right;

/// Everything that can be asked of Keyward. One word each, the same in every layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Make a key.
    Issue,
    /// Bring a key along.
    Import,
    /// Make a key of what a key agrees on.
    Derive,
    /// Read a key, its usage, or its receipt.
    Find,
    /// Read many keys.
    List,
    /// Change a key.
    Update,
    /// Stop a key.
    Suspend,
    /// Let a key work again.
    Resume,
    /// Give a key a successor.
    Rotate,
    /// Ask whether a key is valid.
    Verify,
    /// Use a key that never leaves.
    Exercise,
    /// End a key, or many.
    Remove,
    /// Read accounts.
    ReadAccounts,
    /// Create an account.
    CreateAccount,
    /// Change an account.
    UpdateAccount,
    /// End an account, and what becomes of its keys.
    RemoveAccount,
    /// Read organizations.
    ReadOrganizations,
    /// Create an organization.
    CreateOrganization,
    /// Change an organization.
    UpdateOrganization,
    /// End an organization with all below it.
    RemoveOrganization,
    /// Wrap every slot under a new root, and destroy the old one.
    Reroot,
    /// Write a backup of the store.
    BackUp,
    /// Read events and the log.
    ReadLog,
    /// Read what a key opens.
    ReadResources,
    /// Make, change and end what a key opens.
    WriteResources,
    /// Accept keys as a verifier of one's own.
    JoinVerifiers,
    /// See who accepts keys.
    ReadVerifiers,
}

impl Verb {
    /// Every verb, in the order of the documentation.
    pub const ALL: [Self; 27] = [
        Self::Issue,
        Self::Import,
        Self::Derive,
        Self::Find,
        Self::List,
        Self::Update,
        Self::Suspend,
        Self::Resume,
        Self::Rotate,
        Self::Verify,
        Self::Exercise,
        Self::Remove,
        Self::ReadAccounts,
        Self::CreateAccount,
        Self::UpdateAccount,
        Self::RemoveAccount,
        Self::ReadOrganizations,
        Self::CreateOrganization,
        Self::UpdateOrganization,
        Self::RemoveOrganization,
        Self::Reroot,
        Self::BackUp,
        Self::ReadLog,
        Self::ReadResources,
        Self::WriteResources,
        Self::JoinVerifiers,
        Self::ReadVerifiers,
    ];

    /// The right that a key must carry for it.
    #[must_use]
    pub const fn right(self) -> Option<Right> {
        Some(match self {
            Self::Issue | Self::Import | Self::Derive | Self::Rotate => Right::KeysIssue,
            Self::Find | Self::List => Right::KeysRead,
            Self::Update | Self::Suspend | Self::Resume => Right::KeysUpdate,
            Self::Verify => Right::KeysVerify,
            Self::Exercise => Right::KeysUse,
            Self::Remove => Right::KeysRemove,
            Self::ReadAccounts | Self::ReadOrganizations => Right::AccountsRead,
            Self::CreateAccount
            | Self::UpdateAccount
            | Self::RemoveAccount
            | Self::CreateOrganization
            | Self::UpdateOrganization
            | Self::RemoveOrganization => Right::AccountsWrite,
            Self::Reroot | Self::BackUp => Right::Admin,
            Self::ReadLog => Right::LogRead,
            Self::JoinVerifiers => Right::VerifiersJoin,
            Self::ReadVerifiers => Right::VerifiersRead,
            // A scope of the collection's own opens these, see [`Permit::may_open`].
            Self::ReadResources | Self::WriteResources => return None,
        })
    }

    /// Whether it changes nothing, whoever asks how often.
    #[must_use]
    pub const fn only_reads(self) -> bool {
        match self {
            Self::Find
            | Self::List
            | Self::ReadAccounts
            | Self::ReadOrganizations
            | Self::ReadLog
            | Self::ReadResources
            | Self::ReadVerifiers => true,
            Self::Issue
            | Self::Import
            | Self::Derive
            | Self::Update
            | Self::Suspend
            | Self::Resume
            | Self::Rotate
            // It counts uses.
            | Self::Verify
            | Self::Exercise
            | Self::Remove
            | Self::CreateAccount
            | Self::UpdateAccount
            | Self::RemoveAccount
            | Self::CreateOrganization
            | Self::UpdateOrganization
            | Self::RemoveOrganization
            | Self::Reroot
            | Self::BackUp
            | Self::WriteResources
            | Self::JoinVerifiers => false,
        }
    }

    /// How far a role lets it reach; `None`: not at all.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "one arm a role: in parts it would not be seen to be whole")]
    pub const fn reach(self, role: Role) -> Option<Reach> {
        match (self, role) {
            (_, Role::Owner) => Some(Reach::Organization),
            (
                Self::UpdateOrganization
                | Self::RemoveOrganization
                | Self::CreateOrganization
                | Self::Reroot
                | Self::BackUp,
                Role::Admin,
            ) => None,
            (_, Role::Admin) => Some(Reach::Organization),
            (
                Self::Issue
                | Self::Derive
                | Self::Find
                | Self::List
                | Self::Update
                | Self::Suspend
                | Self::Resume
                | Self::Rotate
                | Self::Remove
                | Self::Verify
                | Self::Exercise
                | Self::ReadAccounts
                // Below its own, see `accounts.rs`.
                | Self::CreateAccount
                | Self::RemoveAccount
                | Self::ReadResources
                | Self::WriteResources,
                Role::Member,
            ) => Some(Reach::Account),
            (
                Self::Import
                | Self::UpdateAccount
                | Self::CreateOrganization
                | Self::UpdateOrganization
                | Self::RemoveOrganization
                | Self::Reroot
                | Self::BackUp
                | Self::ReadLog
                | Self::JoinVerifiers
                | Self::ReadVerifiers,
                Role::Member,
            ) => None,
            // Everybody may know where they are.
            (Self::ReadOrganizations, Role::Member) => Some(Reach::Organization),
            (
                Self::Find
                | Self::List
                | Self::ReadAccounts
                | Self::ReadOrganizations
                | Self::ReadLog
                | Self::ReadResources
                | Self::ReadVerifiers,
                Role::Auditor,
            ) => Some(Reach::Organization),
            (
                Self::Issue
                | Self::Import
                | Self::Derive
                | Self::Update
                | Self::Suspend
                | Self::Resume
                | Self::Rotate
                | Self::Verify
                | Self::Exercise
                | Self::Remove
                | Self::CreateAccount
                | Self::UpdateAccount
                | Self::RemoveAccount
                | Self::CreateOrganization
                | Self::UpdateOrganization
                | Self::RemoveOrganization
                | Self::Reroot
                | Self::BackUp
                | Self::WriteResources
                | Self::JoinVerifiers,
                Role::Auditor,
            ) => None,
        }
    }

    /// True for what only the operator's organization may ask.
    #[must_use]
    pub const fn is_for_operators(self) -> bool {
        matches!(self, Self::CreateOrganization | Self::RemoveOrganization | Self::Reroot | Self::BackUp)
    }

    /// The word, as documents and metrics write it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Import => "import",
            Self::Derive => "derive",
            Self::Find => "find",
            Self::List => "list",
            Self::Update => "update",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Rotate => "rotate",
            Self::Verify => "verify",
            Self::Exercise => "exercise",
            Self::Remove => "remove",
            Self::ReadAccounts => "read_accounts",
            Self::CreateAccount => "create_account",
            Self::UpdateAccount => "update_account",
            Self::RemoveAccount => "remove_account",
            Self::ReadOrganizations => "read_organizations",
            Self::CreateOrganization => "create_organization",
            Self::UpdateOrganization => "update_organization",
            Self::RemoveOrganization => "remove_organization",
            Self::Reroot => "reroot",
            Self::BackUp => "back_up",
            Self::ReadLog => "read_log",
            Self::ReadResources => "read_resources",
            Self::WriteResources => "write_resources",
            Self::JoinVerifiers => "join_verifiers",
            Self::ReadVerifiers => "read_verifiers",
        }
    }
}
