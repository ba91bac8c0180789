//! This file is about permits: proof that this caller may do this.
//!
//! A [`Permit`] can only be made by [`Caller::permit`], which looks at one table; a verb without a permit does
//! not compile. The table is printed to `docs/permissions.md` by a test.

use crate::account::Role;
use crate::error::Error;
use crate::id::{AccountId, KeyId, OrganizationId};
use crate::scope::{Right, Rights};

/// Everything that can be asked of Keyward. One word each, the same in every layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Make a key.
    Issue,
    /// Bring a key along.
    Import,
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
    /// Read events and the log.
    ReadLog,
}

impl Verb {
    /// Every verb, in the order of the documentation.
    pub const ALL: [Self; 19] = [
        Self::Issue,
        Self::Import,
        Self::Find,
        Self::List,
        Self::Update,
        Self::Suspend,
        Self::Resume,
        Self::Rotate,
        Self::Verify,
        Self::Remove,
        Self::ReadAccounts,
        Self::CreateAccount,
        Self::UpdateAccount,
        Self::RemoveAccount,
        Self::ReadOrganizations,
        Self::CreateOrganization,
        Self::UpdateOrganization,
        Self::RemoveOrganization,
        Self::ReadLog,
    ];

    /// The right that a key must carry for it.
    #[must_use]
    pub const fn right(self) -> Right {
        match self {
            Self::Issue | Self::Import | Self::Rotate => Right::KeysIssue,
            Self::Find | Self::List => Right::KeysRead,
            Self::Update | Self::Suspend | Self::Resume => Right::KeysUpdate,
            Self::Verify => Right::KeysVerify,
            Self::Remove => Right::KeysRemove,
            Self::ReadAccounts | Self::ReadOrganizations => Right::AccountsRead,
            Self::CreateAccount
            | Self::UpdateAccount
            | Self::RemoveAccount
            | Self::CreateOrganization
            | Self::UpdateOrganization
            | Self::RemoveOrganization => Right::AccountsWrite,
            Self::ReadLog => Right::LogRead,
        }
    }

    /// How far a role lets it reach; `None`: not at all.
    #[must_use]
    pub const fn reach(self, role: Role) -> Option<Reach> {
        match (self, role) {
            (_, Role::Owner) => Some(Reach::Organization),
            (Self::UpdateOrganization | Self::RemoveOrganization | Self::CreateOrganization, Role::Admin) => {
                None
            }
            (_, Role::Admin) => Some(Reach::Organization),
            (
                Self::Issue
                | Self::Find
                | Self::List
                | Self::Update
                | Self::Suspend
                | Self::Resume
                | Self::Rotate
                | Self::Remove
                | Self::Verify
                | Self::ReadAccounts,
                Role::Member,
            ) => Some(Reach::Account),
            (
                Self::Import
                | Self::CreateAccount
                | Self::UpdateAccount
                | Self::RemoveAccount
                | Self::ReadOrganizations
                | Self::CreateOrganization
                | Self::UpdateOrganization
                | Self::RemoveOrganization
                | Self::ReadLog,
                Role::Member,
            ) => None,
            (
                Self::Find | Self::List | Self::ReadAccounts | Self::ReadOrganizations | Self::ReadLog,
                Role::Auditor,
            ) => Some(Reach::Organization),
            (
                Self::Issue
                | Self::Import
                | Self::Update
                | Self::Suspend
                | Self::Resume
                | Self::Rotate
                | Self::Verify
                | Self::Remove
                | Self::CreateAccount
                | Self::UpdateAccount
                | Self::RemoveAccount
                | Self::CreateOrganization
                | Self::UpdateOrganization
                | Self::RemoveOrganization,
                Role::Auditor,
            ) => None,
        }
    }

    /// True for what only the operator's organization may ask.
    #[must_use]
    pub const fn is_for_operators(self) -> bool {
        matches!(self, Self::CreateOrganization | Self::RemoveOrganization)
    }

    /// The word, as documents and metrics write it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Import => "import",
            Self::Find => "find",
            Self::List => "list",
            Self::Update => "update",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Rotate => "rotate",
            Self::Verify => "verify",
            Self::Remove => "remove",
            Self::ReadAccounts => "read_accounts",
            Self::CreateAccount => "create_account",
            Self::UpdateAccount => "update_account",
            Self::RemoveAccount => "remove_account",
            Self::ReadOrganizations => "read_organizations",
            Self::CreateOrganization => "create_organization",
            Self::UpdateOrganization => "update_organization",
            Self::RemoveOrganization => "remove_organization",
            Self::ReadLog => "read_log",
        }
    }
}

/// How far a permit reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// What belongs to the caller's account.
    Account,
    /// What belongs to the caller's organization.
    Organization,
    /// Everything: owners of the operator's organization.
    Everywhere,
}

/// Who asks, proved by a credential. Only [`crate::live::Live::authenticate`] makes one.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// The key that was presented.
    pub key: KeyId,
    /// The account that it acts as.
    pub account: AccountId,
    /// The organization of both.
    pub organization: OrganizationId,
    pub(crate) role: Role,
    pub(crate) rights: Rights,
    pub(crate) operator: bool,
}

/// Proof that a caller may do one verb, and how far that reaches.
#[derive(Clone, Copy, Debug)]
pub struct Permit {
    caller: Caller,
    verb: Verb,
    reach: Reach,
}

impl Caller {
    /// Judges whether the caller may do a verb at all, before anything of the request's content is looked at.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn permit(self, verb: Verb) -> Result<Permit, Error> {
        let reach = verb.reach(self.role).ok_or(Error::Forbidden)?;
        if !self.rights.has(verb.right()) || verb.is_for_operators() && !self.operator {
            return Err(Error::Forbidden);
        }
        let everywhere = self.operator && self.role == Role::Owner;
        let reach = if everywhere { Reach::Everywhere } else { reach };
        Ok(Permit { caller: self, verb, reach })
    }
}

impl Permit {
    /// Who holds it.
    #[must_use]
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// What it is for.
    #[must_use]
    pub const fn verb(&self) -> Verb {
        self.verb
    }

    /// How far it reaches.
    #[must_use]
    pub const fn reach(&self) -> Reach {
        self.reach
    }

    /// Judges whether it reaches something of this account in this organization.
    ///
    /// # Errors
    /// [`Error::NotFound`]: what a caller may not know of does not exist for them.
    pub fn covers(&self, organization: OrganizationId, account: AccountId) -> Result<(), Error> {
        let reached = match self.reach {
            Reach::Everywhere => true,
            Reach::Organization => organization == self.caller.organization,
            Reach::Account => organization == self.caller.organization && account == self.caller.account,
        };
        reached.then_some(()).ok_or(Error::NotFound)
    }

    /// Judges whether it reaches an organization as a whole.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn covers_organization(&self, organization: OrganizationId) -> Result<(), Error> {
        let reached = match self.reach {
            Reach::Everywhere => true,
            Reach::Organization | Reach::Account => organization == self.caller.organization,
        };
        reached.then_some(()).ok_or(Error::NotFound)
    }

    /// Judges whether the caller holds every right that it is about to give.
    ///
    /// # Errors
    /// [`Error::Forbidden`]: nobody gives what they do not have.
    pub fn may_give(&self, rights: Rights) -> Result<(), Error> {
        self.caller.rights.cover(rights).then_some(()).ok_or(Error::Forbidden)
    }

    /// Judges whether the caller may make or change an account of this role.
    ///
    /// # Errors
    /// [`Error::Forbidden`]: only owners make owners.
    pub fn may_appoint(&self, role: Role) -> Result<(), Error> {
        let allowed = role != Role::Owner || self.caller.role == Role::Owner;
        allowed.then_some(()).ok_or(Error::Forbidden)
    }
}
