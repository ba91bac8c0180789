//! This file is about permits: proof that this caller may do this.
//!
//! A [`Permit`] can only be made by [`Caller::permit`], which looks at one table; a verb without a permit does
//! not compile. The table is printed to `docs/permissions.md` by a test.

mod verb;

use std::sync::Arc;

pub use self::verb::Verb;
use crate::account::Role;
use crate::command::{Command, Named};
use crate::error::Error;
use crate::id::{AccountId, Id, KeyId, OrganizationId, ResourceId};
use crate::live::{AccountFacts, Profile, Whose};
use crate::scope::{IMPERSONATE, Right, Scopes};
use crate::time::Timestamp;

/// How far a permit reaches; what reaches less comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// What belongs to the caller's account, or to one below it.
    Account,
    /// What belongs to the caller's organization.
    Organization,
    /// Everything: owners of the operator's organization.
    Everywhere,
}

/// Who asks, proved by a credential. Only [`crate::live::Live::authenticate`] makes one.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The key that was presented.
    pub key: KeyId,
    /// The account that it acts as.
    pub account: AccountId,
    /// The organization of both.
    pub organization: OrganizationId,
    /// Whether the key is a session that ends when nobody uses it for long.
    pub idles: bool,
    /// Whether the key belongs to another account, and acts as this one.
    pub impersonates: bool,
    /// When the credential was judged.
    pub at: Timestamp,
    role: Role,
    operator: bool,
    farthest: Reach,
    profile: Arc<Profile>,
}

/// Proof that a caller may do one verb, and how far that reaches.
#[derive(Clone, Debug)]
pub struct Permit {
    caller: Caller,
    verb: Verb,
    reach: Reach,
}

impl Caller {
    pub(crate) fn of(key: KeyId, idles: bool, at: Timestamp, profile: Arc<Profile>) -> Self {
        let account = &profile.account;
        Self {
            key,
            account: account.id,
            organization: account.organization.id,
            idles,
            impersonates: false,
            at,
            role: account.role(),
            operator: account.organization.operator(),
            farthest: Reach::Everywhere,
            profile,
        }
    }

    /// The same caller, whose permits reach no further than this: how a dialect keeps to what its vendor's accounts reach.
    #[must_use]
    pub fn within(self, farthest: Reach) -> Self {
        Self { farthest, ..self }
    }

    /// True if the caller's key carries this scope: how a dialect tells one sort of its vendor's keys from another.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.profile.scopes.has(scope)
    }

    /// True for the owners of the operator's organization, who reach everything.
    #[must_use]
    pub fn is_operator(&self) -> bool {
        self.operator && self.role == Role::Owner
    }

    /// Judges whether the caller's key may act as other accounts.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn may_impersonate(&self) -> Result<(), Error> {
        self.has_scope(IMPERSONATE).then_some(()).ok_or(Error::Forbidden)
    }

    /// The caller as another account: with the rights of its key, as far as the role of that account lets them reach.
    pub(crate) fn acting_as(self, account: &Arc<AccountFacts>) -> Self {
        let profile = Profile { account: Arc::clone(account), ..Profile::clone(&self.profile) };
        let caller = Self::of(self.key, self.idles, self.at, Arc::new(profile));
        Self { impersonates: true, farthest: self.farthest, ..caller }
    }

    /// Judges whether the caller may do a verb at all, before anything of the request's content is looked at.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn permit(&self, verb: Verb) -> Result<Permit, Error> {
        let reach = verb.reach(self.role).ok_or(Error::Forbidden)?;
        if verb.right().is_some_and(|right| !self.profile.rights.has(right))
            || verb.is_for_operators() && !self.operator
        {
            return Err(Error::Forbidden);
        }
        let reach = if self.is_operator() { Reach::Everywhere } else { reach };
        Ok(Permit { caller: self.clone(), verb, reach: reach.min(self.farthest) })
    }
}

impl Caller {
    /// Judges whether the caller may have a command done. Whoever holds a key may always end it: giving a right up takes none.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn permit_for(&self, command: &Command) -> Result<Permit, Error> {
        if let Command::Remove(Named::Id(key), _) = command
            && *key == self.key
        {
            return Ok(Permit { caller: self.clone(), verb: Verb::Remove, reach: Reach::Account });
        }
        self.permit(command.verb())
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

    /// Among whose keys a text is looked for that is shown with it.
    pub(crate) const fn whose(&self) -> Whose {
        match self.reach {
            Reach::Everywhere => Whose::Anyone,
            Reach::Organization | Reach::Account => Whose::One(self.caller.organization),
        }
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

    /// Judges whether the caller holds every right that it is about to give, and may let a key act as others if it is
    /// about to do that.
    ///
    /// # Errors
    /// [`Error::Forbidden`]: nobody gives what they do not have.
    pub fn may_give(&self, scopes: &Scopes) -> Result<(), Error> {
        let has_rights = self.caller.profile.rights.cover(scopes.rights());
        let allowed = has_rights && (!scopes.has(IMPERSONATE) || self.caller.is_operator());
        allowed.then_some(()).ok_or(Error::Forbidden)
    }

    /// Judges whether the caller's key opens something of a collection, or a part of it: by the right `admin`, by the
    /// scope `<collection>:read` or `:write` (which includes reading), or by one that ends with `/<id>`.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn may_open(&self, collection: &str, ids: &[Id]) -> Result<(), Error> {
        let opens = |word: &str| {
            let whole = format!("{collection}:{word}");
            let parts = ids.iter().map(|id| format!("{whole}/{}", ResourceId::from(*id)));
            std::iter::once(whole.clone()).chain(parts).any(|scope| self.caller.profile.scopes.has(&scope))
        };
        let opened = opens("write") || self.verb == Verb::ReadResources && opens("read");
        let allowed = opened || self.caller.profile.rights.has(Right::Admin);
        allowed.then_some(()).ok_or(Error::Forbidden)
    }

    /// Judges whether the caller's key opens anything of a collection at all, before it is said what is wrong with a request for a
    /// part of it.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn may_open_some(&self, collection: &str) -> Result<(), Error> {
        let opens = |word: &str| {
            let whole = format!("{collection}:{word}");
            let mut scopes = self.caller.profile.scopes.iter();
            scopes.any(|scope| {
                scope
                    .as_str()
                    .strip_prefix(&*whole)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        };
        let opened = opens("write") || self.verb == Verb::ReadResources && opens("read");
        let allowed = opened || self.caller.profile.rights.has(Right::Admin);
        allowed.then_some(()).ok_or(Error::Forbidden)
    }

    /// Whether acting for an account of this role, below the caller's own, is no way up.
    pub(crate) const fn may_act_for(&self, role: Role) -> bool {
        match role {
            Role::Member | Role::Auditor => true,
            Role::Admin => matches!(self.caller.role, Role::Owner | Role::Admin),
            Role::Owner => matches!(self.caller.role, Role::Owner),
        }
    }

    /// Judges whether the caller may also end a key for ever, which some verbs do beside what they are for. Whoever holds a
    /// key may always end it: giving a right up takes none.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn may_end(&self, key: KeyId) -> Result<(), Error> {
        let allowed = key == self.caller.key || self.caller.profile.rights.has(Right::KeysRemove);
        allowed.then_some(()).ok_or(Error::Forbidden)
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
