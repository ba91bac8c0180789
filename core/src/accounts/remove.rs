//! This file is about removing accounts: what becomes of their keys, and of the accounts below them.

use std::sync::Arc;

use super::DEPTH;
use crate::account::{Account, Standing};
use crate::command::{Answer, KeyPolicy};
use crate::error::Error;
use crate::event::{Happened, Reason};
use crate::id::{AccountId, Id};
use crate::key::{Found, Key, Material, Proof, SecretMaterial};
use crate::keys::TRIES;
use crate::keyward::{Environment, Keyward, Origin};
use crate::live::Stands;
use crate::pages::Pages;
use crate::permit::{Permit, Reach};
use crate::record;
use crate::store::{CommitError, List, RecordKind, Store};

impl<S: Store, E: Environment> Keyward<S, E> {
    pub(crate) async fn remove_account(
        self: &Arc<Self>,
        permit: &Permit,
        id: AccountId,
        policy: KeyPolicy,
        if_match: Option<u64>,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        // Of two that hand accounts over at once, each below the other's, both would come to be below themselves.
        let _turn = self.account_turn.lock().await;
        for _ in 0..TRIES {
            let mut account = self.load_account_ever(permit, id).await?;
            if permit.reach() == Reach::Account && id == permit.caller().account {
                return Err(Error::Forbidden);
            }
            if let Standing::Removed { .. } = account.standing {
                // Removing twice is no error: the same answer, the same receipt, and no earlier than the first.
                self.record_in_force(account.organization, id.id(), origin).await?;
                return Ok(Answer::AccountRemoved(id));
            }
            if if_match.is_some_and(|version| version != account.version) {
                return Err(Error::Stale);
            }
            self.may_stop(permit, &account)?;
            self.keeps_owner(&account, true)?;
            match policy {
                KeyPolicy::Remove => {}
                KeyPolicy::Transfer(heir) => self.hand_over(permit, &account, heir, origin).await?,
                KeyPolicy::Refuse => self.refuse_with_more(&account).await?,
            }
            match self.end_account(Some(permit), &mut account, Reason::Unspecified, origin).await {
                Ok(()) => {}
                Err(CommitError::Stale) if if_match.is_none() => continue,
                Err(error) => return Err(error.into()),
            }
            // All of its keys are refused by now, and so are those of the accounts below it. What follows writes that down
            // for each of them; whatever a crash cuts off is done at the next start.
            self.sweep_owner(id.id(), origin);
            return Ok(Answer::AccountRemoved(id));
        }
        Err(Error::changes_too_fast(&id))
    }

    async fn end_account(
        &self,
        permit: Option<&Permit>,
        account: &mut Account,
        reason: Reason,
        origin: &Origin,
    ) -> Result<(), CommitError> {
        account.standing = Standing::Removed { at: self.environment.now(), reason };
        account.names.clear();
        account.version += 1;
        self.commit_account(permit, account, Happened::Removed(reason), origin).await
    }

    /// Writes down that the accounts below one that was removed are removed as well.
    pub(crate) async fn end_accounts_below(&self, owner: Id, origin: &Origin) -> Result<(), Error> {
        for below in self.live.directory.below(owner.into()) {
            for _ in 0..TRIES {
                let Some(stored) = self.store.fetch(below.id()).await? else { break };
                let mut account = Account::from_record(&stored.record)?;
                if matches!(account.standing, Standing::Removed { .. }) {
                    break;
                }
                match self.end_account(None, &mut account, Reason::OwnerLeft, origin).await {
                    Ok(()) => break,
                    Err(CommitError::Stale) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// Refuses if anything is left that would have to go, too.
    async fn refuse_with_more(&self, account: &Account) -> Result<(), Error> {
        let directory = &self.live.directory;
        let lives = |id: &AccountId| directory.account(*id, account.organization).stands() != Stands::Removed;
        if directory.children(account.id).iter().any(lives) {
            return Err(Error::WrongState { why: "accounts are below it: name a policy for them" });
        }
        let list = List { kind: RecordKind::Key, owner: account.id.id() };
        let mut pages = Pages::of(&self.store, list);
        while let Some(page) = pages.next().await? {
            for stored in &page {
                if let Found::Live(_) = record::key::read(&stored.record)? {
                    return Err(Error::WrongState { why: "the account has keys: name a policy for them" });
                }
            }
        }
        Ok(())
    }

    /// Gives the keys of an account to another one, but what signs in as it, and puts the accounts right below it below that.
    async fn hand_over(
        &self,
        permit: &Permit,
        from: &Account,
        heir: AccountId,
        origin: &Origin,
    ) -> Result<(), Error> {
        let heir = self.load_account(permit, heir).await?;
        permit.may_appoint(heir.role)?;
        let directory = &self.live.directory;
        let is_within = heir.id == from.id || directory.is_below(heir.id, from.id);
        if heir.organization != from.organization || is_within {
            let must = "another account of the same organization, and none below this one";
            return Err(Error::invalid("transfer_to", must));
        }
        if directory.height(from.id) - 1 + directory.depth(heir.id) > DEPTH {
            return Err(Error::invalid("transfer_to", "where all fit below fewer than 16 others"));
        }
        // The answer is kept with the account.
        let origin = &Origin { idempotency: None, ..origin.clone() };
        self.transfer_keys(permit, from, heir.id, origin).await?;
        for child in directory.children(from.id) {
            self.put_below(permit, child, heir.id, origin).await?;
        }
        Ok(())
    }

    async fn transfer_keys(
        &self,
        permit: &Permit,
        from: &Account,
        heir: AccountId,
        origin: &Origin,
    ) -> Result<(), Error> {
        let list = List { kind: RecordKind::Key, owner: from.id.id() };
        let mut pages = Pages::of(&self.store, list);
        while let Some(page) = pages.next().await? {
            for stored in &page {
                let Found::Live(sealed) = record::key::read(&stored.record)? else { continue };
                if stored.slot.is_none() {
                    // Restored without its slot, it is of no use to an heir: it ends with the account.
                    continue;
                }
                let secret = self.slot_secret(stored).await?;
                let mut key = sealed.open(&secret)?;
                if signs_a_person_in(&key) {
                    // It would sign whoever knew it in as the heir. It ends with the account: refused from that commit on,
                    // and removed by what ends all that an account left, now or after a crash.
                    continue;
                }
                key.head.account = heir;
                key.head.version += 1;
                self.commit_change(Some(permit), &key, &secret, Happened::Updated, origin).await?;
            }
        }
        Ok(())
    }

    async fn put_below(
        &self,
        permit: &Permit,
        child: AccountId,
        parent: AccountId,
        origin: &Origin,
    ) -> Result<(), Error> {
        let stored = self.store.fetch(child.id()).await?.ok_or(Error::NotFound)?;
        let mut account = Account::from_record(&stored.record)?;
        if matches!(account.standing, Standing::Removed { .. }) {
            return Ok(());
        }
        account.parent = Some(parent);
        account.version += 1;
        self.commit_account(Some(permit), &account, Happened::Updated, origin).await?;
        Ok(())
    }
}

/// Whether a key proves who somebody is, rather than doing something for whoever has it: passwords, and the sessions that
/// they or keys have opened.
fn signs_a_person_in(key: &Key) -> bool {
    match &key.traits.material {
        Material::Secret(SecretMaterial { proof: Proof::Password(_), .. }) => true,
        Material::Secret(_) | Material::Access(_) | Material::Crypto(_) => key.head.session.is_some(),
    }
}
