//! This file is about what a node learns from its store when it starts: owners, keys, and when sessions were last used.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::account::{Account, Organization, Standing};
use crate::error::Error;
use crate::id::{Id, KeyId, ResourceId};
use crate::key::{Found, Material};
use crate::keyward::{Environment, Keyward};
use crate::pages::Pages;
use crate::record;
use crate::seal::WrappedSlot;
use crate::store::{List, Position, RecordKind, Store, Stored};

/// What a node has learnt from its store.
pub(crate) struct Learnt {
    /// The owners that are gone, whose keys may be there.
    pub(crate) gone: Vec<Id>,
    /// What was made for keys that are there.
    pub(crate) referred: HashSet<ResourceId>,
    /// The keys whose slot does not open: each can be removed, and not used.
    pub(crate) unusable: Vec<KeyId>,
}

/// What came of the slots of all keys.
#[derive(Default)]
struct Slots {
    /// Whether any opened.
    opened: AtomicBool,
    unopened: Mutex<Vec<(KeyId, WrappedSlot)>>,
}

impl<S: Store, E: Environment> Keyward<S, E> {
    /// Learns what is live, and what the last stop cut off.
    pub(crate) async fn load(&self) -> Result<Learnt, Error> {
        // Read first: what is read afterwards is at least as new.
        let size = self.checkpoint().await?.size();
        if let Some(last) = size.checked_sub(1) {
            self.live.advance(last);
        }
        self.verifiers.start_at(size);
        let gone = self.load_owners().await?;
        let epoch_began = self.load_epoch().await?;
        let provisional: HashSet<ResourceId> = self.provisional().await?.into_iter().collect();
        let referred: Mutex<HashSet<ResourceId>> = Mutex::default();
        let (slots, failure) = (Slots::default(), Mutex::<Option<Error>>::new(None));
        let key = |stored: Stored| match self.load_key(&stored, epoch_began, &slots) {
            Ok(Some(person)) if provisional.contains(&person) => {
                referred.lock().unwrap_or_else(PoisonError::into_inner).insert(person);
            }
            Ok(_) => {}
            Err(error) => {
                failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        };
        self.store.scan(RecordKind::Key, &key).await?;
        if let Some(error) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        self.live.settle();
        let unusable = self.judge_slots(slots)?;
        self.load_sessions().await?;
        let referred = referred.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Learnt { gone, referred, unusable })
    }

    /// The keys whose slot does not open, where others do: those slots are damaged. Where none opens, the roots are
    /// others.
    fn judge_slots(&self, slots: Slots) -> Result<Vec<KeyId>, Error> {
        let unopened = slots.unopened.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some((id, slot)) = unopened.first().filter(|_| !slots.opened.into_inner()) {
            let (epoch, newest) = (slot.epoch(), self.roots.epoch());
            return Err(Error::internal(format!(
                "no slot opens; that of {id} is of epoch {epoch}, the newest root is of epoch {newest}: \
                 configure the keys that `keyward init` made for this store (root.key), or restore the slots from \
                 a copy made since the last re-rooting. Older copies open nothing any more: restore without slots, and \
                 issue new keys"
            )));
        }
        Ok(unopened.into_iter().map(|(id, _)| id).collect())
    }

    /// Learns who stands above keys; those who are gone. By their lists: a scan would walk every key, too.
    async fn load_owners(&self) -> Result<Vec<Id>, Error> {
        let mut gone = Vec::new();
        let mut note = |id: Id, standing: Standing| {
            if let Standing::Removed { .. } = standing {
                gone.push(id);
            }
        };
        let everyone = List { kind: RecordKind::Organization, owner: List::EVERYONE };
        let mut organizations = Pages::of(&self.store, everyone);
        while let Some(page) = organizations.next().await? {
            for stored in page {
                let organization = Organization::from_record(&stored.record)?;
                self.live.directory.set_organization(&organization);
                note(organization.id.id(), organization.standing);
                let list = List { kind: RecordKind::Account, owner: organization.id.id() };
                let mut accounts = Pages::of(&self.store, list);
                while let Some(page) = accounts.next().await? {
                    for stored in page {
                        let account = Account::from_record(&stored.record)?;
                        self.live.directory.set_account(&account);
                        note(account.id.id(), account.standing);
                    }
                }
            }
        }
        Ok(gone)
    }

    /// Learns when sessions were last used.
    async fn load_sessions(&self) -> Result<(), Error> {
        for (session, _) in self.live.sessions(self.environment.now()) {
            if let Some(at) = self.usage_of(session.id()).await?.last_used_at {
                self.live.used(session, at);
            }
        }
        Ok(())
    }

    /// Learns of a key; who carries it, if it is one that somebody carries.
    fn load_key(
        &self,
        stored: &Stored,
        epoch_began: Position,
        slots: &Slots,
    ) -> Result<Option<ResourceId>, Error> {
        let sealed = match record::key::read(&stored.record)? {
            Found::Live(sealed) => sealed,
            Found::Removed(tombstone) => {
                self.live.count_removed(tombstone.organization, tombstone.account, tombstone.kind);
                if stored.position > epoch_began {
                    self.epochs.count_removal();
                }
                return Ok(None);
            }
        };
        if let Some(at) = sealed.head.remove_at {
            self.due.lock().unwrap_or_else(PoisonError::into_inner).insert((at, sealed.head.id));
        }
        let secret = stored.slot.and_then(|slot| match self.roots.unwrap(&slot, stored.record.id) {
            Ok(secret) => Some(secret),
            Err(_) => {
                let mut unopened = slots.unopened.lock().unwrap_or_else(PoisonError::into_inner);
                unopened.push((sealed.head.id, slot));
                None
            }
        });
        let Some(secret) = secret else {
            // Restored without its slot, or that is damaged: it can be seen and removed, not used.
            if let Some(session) = sealed.head.session {
                self.live.know_sessions(session.parent);
            }
            return Ok(None);
        };
        // Read first: all threads would wait for each other's writes of what is there already.
        if !slots.opened.load(Ordering::Relaxed) {
            slots.opened.store(true, Ordering::Relaxed);
        }
        let key = sealed.open(&secret)?;
        if let Some(old) = key.traits.supersedes.filter(|_| self.is_sole(&key.traits.scopes)) {
            self.successions.superseded.know(old, key.head.id);
        }
        self.live.admit(&key)?;
        Ok(match key.traits.material {
            Material::Access(access) => access.opens.person,
            Material::Secret(_) | Material::Crypto(_) => None,
        })
    }
}
