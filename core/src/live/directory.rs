//! This file is about the directory: the role and the standing of every account and organization, in memory.
//! One store into an account's facts stops all of its keys at once, however many they are.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use keyward_verifier::frame::{OwnerRow, OwnerStanding};

use crate::account::{Account, Hold, Organization, Role, Standing};
use crate::id::{AccountId, OrganizationId};

/// Whether something lets the keys below it work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stands {
    /// It does.
    Active,
    /// Not now.
    Suspended,
    /// Never again.
    Removed,
}

impl From<Standing> for Stands {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Active => Self::Active,
            Standing::Suspended => Self::Suspended,
            Standing::Removed { .. } => Self::Removed,
        }
    }
}

impl From<Stands> for OwnerStanding {
    fn from(stands: Stands) -> Self {
        match stands {
            Stands::Active => Self::Active,
            Stands::Suspended => Self::Suspended,
            Stands::Removed => Self::Removed,
        }
    }
}

/// A standing that readers read without a lock.
#[derive(Debug)]
struct AtomicStands(AtomicU8);

impl AtomicStands {
    fn load(&self) -> Stands {
        match self.0.load(Ordering::Acquire) {
            0 => Stands::Active,
            1 => Stands::Suspended,
            _ => Stands::Removed,
        }
    }

    fn store(&self, stands: Stands) {
        self.0.store(stands as u8, Ordering::Release);
    }
}

/// What verifying needs to know of an organization.
#[derive(Debug)]
pub struct OrganizationFacts {
    /// Its id.
    pub id: OrganizationId,
    operator: AtomicBool,
    hold: AtomicU8,
    stands: AtomicStands,
}

impl OrganizationFacts {
    /// True for the one whose owners may act everywhere.
    #[must_use]
    pub fn operator(&self) -> bool {
        self.operator.load(Ordering::Acquire)
    }

    /// How it stands, for verifiers.
    #[must_use]
    pub fn row(&self) -> OwnerRow {
        OwnerRow { owner: self.id.id().bits(), standing: self.stands.load().into() }
    }

    /// Why it is stopped, if that is told.
    #[must_use]
    pub fn hold(&self) -> Option<Hold> {
        Hold::from_number(self.hold.load(Ordering::Acquire))
    }
}

/// What verifying needs to know of an account.
#[derive(Debug)]
pub struct AccountFacts {
    /// Its id.
    pub id: AccountId,
    /// The organization above it.
    pub organization: Arc<OrganizationFacts>,
    role: AtomicU8,
    stands: AtomicStands,
}

impl AccountFacts {
    /// What it may do at most. An account whose record has not been seen yet may read nothing but its own.
    #[must_use]
    pub fn role(&self) -> Role {
        match self.role.load(Ordering::Acquire) {
            0 => Role::Owner,
            1 => Role::Admin,
            2 => Role::Member,
            _ => Role::Auditor,
        }
    }

    /// How it stands by itself, for verifiers.
    #[must_use]
    pub fn row(&self) -> OwnerRow {
        OwnerRow { owner: self.id.id().bits(), standing: self.stands.load().into() }
    }

    /// Whether it and its organization let keys work.
    #[must_use]
    pub fn stands(&self) -> Stands {
        self.stands.load().max(self.organization.stands.load())
    }
}

/// Every account and organization.
#[derive(Default)]
pub struct Directory {
    accounts: RwLock<HashMap<AccountId, Arc<AccountFacts>>>,
    parents: RwLock<HashMap<AccountId, AccountId>>,
    organizations: RwLock<HashMap<OrganizationId, Arc<OrganizationFacts>>>,
}

impl Directory {
    /// Takes over what an account is now; how it stands.
    pub fn set_account(&self, account: &Account) -> OwnerRow {
        let facts = self.account(account.id, account.organization);
        facts.role.store(account.role as u8, Ordering::Release);
        facts.stands.store(account.standing.into());
        if let Some(parent) = account.parent {
            self.parents.write().unwrap_or_else(PoisonError::into_inner).insert(account.id, parent);
        }
        facts.row()
    }

    /// Whether one account is below another, at any depth. A parent is there before its children and is never changed,
    /// so there is no circle.
    #[must_use]
    pub fn is_below(&self, account: AccountId, ancestor: AccountId) -> bool {
        let parents = self.parents.read().unwrap_or_else(PoisonError::into_inner);
        std::iter::successors(parents.get(&account), |id| parents.get(id)).any(|id| *id == ancestor)
    }

    /// How many accounts are above one, itself included.
    #[must_use]
    pub fn depth(&self, account: AccountId) -> usize {
        let parents = self.parents.read().unwrap_or_else(PoisonError::into_inner);
        std::iter::successors(Some(&account), |id| parents.get(id)).count()
    }

    /// Takes over what an organization is now; how it stands.
    pub fn set_organization(&self, organization: &Organization) -> OwnerRow {
        let facts = self.organization(organization.id);
        facts.operator.store(organization.operator, Ordering::Release);
        facts.hold.store(organization.hold.map_or(0, |hold| hold as u8), Ordering::Release);
        facts.stands.store(organization.standing.into());
        facts.row()
    }

    /// The facts of an account. One that has not been seen yet stands suspended: during start-up keys may come
    /// before their account, and they fail closed until it comes.
    #[must_use]
    pub fn account(&self, id: AccountId, organization: OrganizationId) -> Arc<AccountFacts> {
        if let Some(known) = self.accounts.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Arc::clone(known);
        }
        let organization = self.organization(organization);
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        let unknown = || AccountFacts {
            id,
            organization,
            role: AtomicU8::new(Role::Member as u8),
            stands: AtomicStands(AtomicU8::new(Stands::Suspended as u8)),
        };
        Arc::clone(accounts.entry(id).or_insert_with(|| Arc::new(unknown())))
    }

    fn organization(&self, id: OrganizationId) -> Arc<OrganizationFacts> {
        if let Some(known) = self.organizations.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Arc::clone(known);
        }
        let mut organizations = self.organizations.write().unwrap_or_else(PoisonError::into_inner);
        let unknown = || OrganizationFacts {
            id,
            operator: AtomicBool::new(false),
            hold: AtomicU8::new(0),
            stands: AtomicStands(AtomicU8::new(Stands::Suspended as u8)),
        };
        Arc::clone(organizations.entry(id).or_insert_with(|| Arc::new(unknown())))
    }
}
