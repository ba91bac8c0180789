//! This file is about which account is below which.

use std::collections::{BTreeSet, HashMap};

use crate::id::AccountId;

/// The accounts that have others above or below them. A child may come before its parent does, but none is below itself:
/// see how accounts are handed over.
#[derive(Default)]
pub(super) struct Tree {
    parents: HashMap<AccountId, AccountId>,
    children: HashMap<AccountId, BTreeSet<AccountId>>,
}

impl Tree {
    /// Takes over which account is right above one.
    pub(super) fn set(&mut self, account: AccountId, parent: Option<AccountId>) {
        let before = match parent {
            Some(parent) => self.parents.insert(account, parent),
            None => self.parents.remove(&account),
        };
        if before == parent {
            return;
        }
        if let Some(siblings) = before.and_then(|before| self.children.get_mut(&before)) {
            siblings.remove(&account);
        }
        if let Some(parent) = parent {
            self.children.entry(parent).or_default().insert(account);
        }
    }

    /// Whether one account is below another, at any depth.
    pub(super) fn is_below(&self, account: AccountId, ancestor: AccountId) -> bool {
        self.chain(account).skip(1).any(|id| id == ancestor)
    }

    /// How many accounts are above one, itself included.
    pub(super) fn depth(&self, account: AccountId) -> usize {
        self.chain(account).count()
    }

    /// The accounts right below one.
    pub(super) fn children(&self, account: AccountId) -> Vec<AccountId> {
        self.children.get(&account).into_iter().flatten().copied().collect()
    }

    /// The accounts below one at any depth, none before the one above it.
    pub(super) fn below(&self, account: AccountId) -> Vec<AccountId> {
        let (mut all, mut level) = (Vec::new(), self.children(account));
        while !level.is_empty() {
            let next = level.iter().flat_map(|id| self.children(*id)).collect();
            all.append(&mut level);
            level = next;
        }
        all
    }

    /// An account and those above it, upwards.
    fn chain(&self, account: AccountId) -> impl Iterator<Item = AccountId> {
        std::iter::successors(Some(account), |id| self.parents.get(id).copied())
    }
}
