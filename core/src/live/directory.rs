//! This file is about the directory: the role and the standing of every account and organization, in memory.
//! One store into an account's facts stops all of its keys at once, however many they are.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use keyward_verifier::frame::{OwnerRow, OwnerStanding};

use super::tree::Tree;
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
    /// How it stands by itself.
    own: AtomicStands,
    /// The least of that and of all accounts above it, worked out when one of them changes: a verify reads one.
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

    /// How it stands below the accounts above it, for verifiers.
    #[must_use]
    pub fn row(&self) -> OwnerRow {
        OwnerRow { owner: self.id.id().bits(), standing: self.stands.load().into() }
    }

    /// Whether it, every account above it and its organization let keys work.
    #[must_use]
    pub fn stands(&self) -> Stands {
        self.stands.load().max(self.organization.stands.load())
    }
}

/// Every account and organization.
#[derive(Default)]
pub struct Directory {
    accounts: RwLock<HashMap<AccountId, Arc<AccountFacts>>>,
    /// The same accounts by their organization: whether one keeps an owner is asked with every change of one.
    members: RwLock<HashMap<OrganizationId, Vec<Arc<AccountFacts>>>>,
    tree: RwLock<Tree>,
    organizations: RwLock<HashMap<OrganizationId, Arc<OrganizationFacts>>>,
}

impl Directory {
    /// Takes over what an account is now; how it and every account below it stand whose standing changes with it.
    pub fn set_account(&self, account: &Account) -> Vec<OwnerRow> {
        let facts = self.account(account.id, account.organization);
        facts.role.store(account.role as u8, Ordering::Release);
        facts.own.store(account.standing.into());
        self.tree.write().unwrap_or_else(PoisonError::into_inner).set(account.id, account.parent);
        self.derive(&facts, account.parent)
    }

    /// Works out how an account stands below its parent, and all below it; those that now stand otherwise. Called in log
    /// order, so no two take turns here.
    fn derive(&self, top: &Arc<AccountFacts>, parent: Option<AccountId>) -> Vec<OwnerRow> {
        let above =
            parent.map_or(Stands::Active, |parent| self.account(parent, top.organization.id).stands.load());
        let (mut rows, mut left) = (Vec::new(), vec![(Arc::clone(top), above)]);
        while let Some((facts, above)) = left.pop() {
            let stands = facts.own.load().max(above);
            if stands == facts.stands.load() {
                continue;
            }
            facts.stands.store(stands);
            rows.push(facts.row());
            let below = self.tree.read().unwrap_or_else(PoisonError::into_inner).children(facts.id);
            let organization = facts.organization.id;
            left.extend(below.into_iter().map(|child| (self.account(child, organization), stands)));
        }
        rows
    }

    /// Whether one account is below another, at any depth.
    #[must_use]
    pub fn is_below(&self, account: AccountId, ancestor: AccountId) -> bool {
        self.tree.read().unwrap_or_else(PoisonError::into_inner).is_below(account, ancestor)
    }

    /// How many accounts are above one, itself included.
    #[must_use]
    pub fn depth(&self, account: AccountId) -> usize {
        self.tree.read().unwrap_or_else(PoisonError::into_inner).depth(account)
    }

    /// How many accounts one below the other an account is the first of, itself included.
    #[must_use]
    pub fn height(&self, account: AccountId) -> usize {
        let below = self.below(account);
        let tree = self.tree.read().unwrap_or_else(PoisonError::into_inner);
        let own = tree.depth(account);
        below.into_iter().map(|id| tree.depth(id) + 1 - own).max().unwrap_or(1)
    }

    /// The active owners of an organization, as far as they and the accounts above them stand.
    #[must_use]
    pub fn owners(&self, organization: OrganizationId) -> Vec<AccountId> {
        let members = self.members.read().unwrap_or_else(PoisonError::into_inner);
        let is_owner =
            |facts: &&Arc<AccountFacts>| facts.role() == Role::Owner && facts.stands.load() == Stands::Active;
        members.get(&organization).into_iter().flatten().filter(is_owner).map(|facts| facts.id).collect()
    }

    /// The accounts right below one.
    #[must_use]
    pub fn children(&self, account: AccountId) -> Vec<AccountId> {
        self.tree.read().unwrap_or_else(PoisonError::into_inner).children(account)
    }

    /// The accounts below one at any depth, none before the one above it.
    #[must_use]
    pub fn below(&self, account: AccountId) -> Vec<AccountId> {
        self.tree.read().unwrap_or_else(PoisonError::into_inner).below(account)
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
            own: AtomicStands(AtomicU8::new(Stands::Suspended as u8)),
            stands: AtomicStands(AtomicU8::new(Stands::Suspended as u8)),
        };
        Arc::clone(accounts.entry(id).or_insert_with(|| {
            let facts = Arc::new(unknown());
            let mut members = self.members.write().unwrap_or_else(PoisonError::into_inner);
            members.entry(facts.organization.id).or_default().push(Arc::clone(&facts));
            facts
        }))
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
