//! This file is about verifying: what the table says, what must be counted, and why a key is not in it.

use std::net::IpAddr;

use zeroize::Zeroizing;

use crate::command::{Answer, Ask, Shown};
use crate::error::Error;
use crate::event::Happened;
use crate::id::Id;
use crate::key::{Found, Key, Material, Place, Proof, Scheme, SecretMaterial, Tombstone};
use crate::keyward::{Environment, Keyward, Origin};
use crate::live::{Details, Whose};
use crate::permit::Permit;
use crate::record;
use crate::secret::{Digest, Presented};
use crate::store::{CommitError, Name, Spend, Store};
use crate::time::Timestamp;
use crate::usage::Use;
use crate::verbs::verify::{Entry, Refusal, Verdict};

impl<S: Store, E: Environment> Keyward<S, E> {
    pub(crate) async fn verify(&self, permit: &Permit, ask: &Ask) -> Result<Answer, Error> {
        let judged = match &ask.shown {
            Shown::Secret(text) => self.judge(permit, text, ask).await?,
            Shown::AtDoor(read) => Box::pin(self.judge_at_door(permit, read, ask)).await?,
        };
        let verdict = match judged {
            Ok((entry, details)) => Verdict::Valid(entry.into_valid(details, self.live.position())),
            Err(refusal) => Verdict::Refused(refusal),
        };
        Ok(Answer::Verdict(Box::new(verdict)))
    }

    async fn judge(
        &self,
        permit: &Permit,
        text: &str,
        ask: &Ask,
    ) -> Result<Result<(Entry, Details), Refusal>, Error> {
        let Some(presented) = Presented::read(text) else { return Ok(Err(Refusal::Malformed)) };
        let mut found = self.live.find(&presented, permit.whose(), &self.pepper);
        // What rarely happens is boxed: the state of a verify is moved several times on its way.
        if found.is_none() && Box::pin(self.learn_slow(permit, &presented)).await? {
            found = self.live.find(&presented, permit.whose(), &self.pepper);
        }
        let Some((entry, details)) = found else {
            return Ok(Err(Box::pin(self.why_absent(permit, &presented, ask)).await?));
        };
        let account = &entry.profile.account;
        if self.covers(permit, account.organization.id, account.id).is_err() {
            return Ok(Err(Refusal::Unknown));
        }
        let now = self.environment.now();
        let judged = match entry.answer(ask, now) {
            Ok(()) => self.count(&entry, &details, ask.cost, now).await?,
            refused => refused,
        };
        self.notes.add(entry.key.id(), Use { at: now, address: ask.address, accepted: judged.is_ok() });
        Ok(judged.map(|()| (entry, details)))
    }

    /// Counts a use of a key that was judged; one that is refused for another reason is not counted.
    pub(super) async fn count(
        &self,
        entry: &Entry,
        details: &Details,
        cost: u32,
        now: Timestamp,
    ) -> Result<Result<(), Refusal>, Error> {
        let free = self.live.count(entry, cost, now);
        let (Ok(()), Some(limit)) = (free, details.uses()) else { return Ok(free) };
        let spend = Spend { id: entry.key.id(), cost: u64::from(cost), limit };
        // Few keys are metered, and what the store does for them is larger than a whole verify.
        let left = Box::pin(self.store.spend(spend)).await?;
        // A cost of 0 is a look: it takes nothing, and is told what a use would be told.
        Ok(left.filter(|left| cost > 0 || *left > 0).map(|_| ()).ok_or(Refusal::UsedUp))
    }

    /// Why nothing live has this secret. Only the organization that had the key learns that it was removed.
    async fn why_absent(
        &self,
        permit: &Permit,
        presented: &Presented<'_>,
        ask: &Ask,
    ) -> Result<Refusal, Error> {
        if presented.is_mistyped() {
            return Ok(Refusal::Malformed);
        }
        for name in self.names(permit, presented) {
            let Some(id) = self.store.holder(name).await? else { continue };
            if let Some(tombstone) = self.tombstone(id).await?
                && self.covers(permit, tombstone.organization, tombstone.account).is_ok()
            {
                let at = self.environment.now();
                self.notes.add(id, Use { at, address: ask.address, accepted: false });
                return Ok(Refusal::Removed);
            }
        }
        Ok(Refusal::Unknown)
    }

    /// Notes that somebody presented a key to act by it and was refused, as a verify of it would be noted: so its owner knows who
    /// still tries. Of a removed key only the secret counts, because whoever asks is a stranger, and its handle is public. A
    /// stranger's text is not searched for again here.
    pub async fn note_refused(&self, text: &str, address: Option<IpAddr>) {
        let Some(presented) = Presented::read(text) else { return };
        let key = match self.live.find(&presented, Whose::AtHand, &self.pepper) {
            Some((entry, _)) => Some(entry.key.id()),
            // A note is never worth more than what it is about: where the store cannot be read there is none.
            None => self.removed_by_digest(&presented).await.unwrap_or_default(),
        };
        if let Some(key) = key {
            self.notes.add(key, Use { at: self.environment.now(), address, accepted: false });
        }
    }

    async fn removed_by_digest(&self, presented: &Presented<'_>) -> Result<Option<Id>, Error> {
        if presented.is_mistyped() {
            return Ok(None);
        }
        for digest in self.live.digests(presented.text(), Whose::AtHand, &self.pepper) {
            let Some(id) = self.store.holder(digest.name(&self.pepper)).await? else { continue };
            if self.tombstone(id).await?.is_some() {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// What a text's key may be filed under. A handle is enough to recognise a removed key of ours: nothing else is left of it.
    fn names(&self, permit: &Permit, presented: &Presented<'_>) -> Vec<Name> {
        let handle = presented.handle().map(|handle| handle.name(&self.pepper));
        let digests = self.live.digests(presented.text(), permit.whose(), &self.pepper);
        handle.into_iter().chain(digests.map(|digest| digest.name(&self.pepper))).collect()
    }

    /// Names the key that has this secret, or had it: what was removed is still filed under its names.
    pub(crate) async fn id_by_secret(&self, permit: &Permit, text: &str) -> Result<Id, Error> {
        let presented = Presented::read(text).ok_or(Error::NotFound)?;
        if let Some((entry, _)) = self.live.find(&presented, permit.whose(), &self.pepper) {
            return Ok(entry.key.id());
        }
        for name in self.names(permit, &presented) {
            if let Some(id) = self.store.holder(name).await? {
                return Ok(id);
            }
        }
        Err(Error::NotFound)
    }

    /// What is left of a key, if it was removed.
    pub(crate) async fn tombstone(&self, id: Id) -> Result<Option<Tombstone>, Error> {
        let Some(stored) = self.store.fetch(id).await? else { return Ok(None) };
        Ok(match record::key::read(&stored.record)? {
            Found::Removed(tombstone) => Some(tombstone),
            Found::Live(_) => None,
        })
    }

    /// Looks among the keys that were imported with a slow hash; the one that fits gets a digest, so that this
    /// was the last time that it was slow.
    async fn learn_slow(&self, permit: &Permit, presented: &Presented<'_>) -> Result<bool, Error> {
        for handle in self.live.slow_handles(presented, permit.whose()) {
            let Some(id) = self.store.holder(handle.name(&self.pepper)).await? else { continue };
            let Some(stored) = self.store.fetch(id).await? else { continue };
            let Found::Live(sealed) = record::key::read(&stored.record)? else { continue };
            // For strangers there is no such key: neither does it cost them anything, nor do they change it.
            if self.covers(permit, sealed.head.organization, sealed.head.account).is_err() {
                continue;
            }
            let secret = self.slot_secret(&stored).await?;
            let key = sealed.open(&secret)?;
            let Material::Secret(SecretMaterial { proof: Proof::Slow(hash), .. }) = &key.traits.material
            else {
                continue;
            };
            let text = Zeroizing::new(presented.text().to_owned());
            if self.environment.check_slow_hash(hash.clone(), text).await {
                let key = self.with_digest(key, presented);
                let origin = Origin::default();
                return match self.commit_change(None, &key, &secret, Happened::Updated, &origin).await {
                    // Somebody else may have been quicker, or removed it: the table says what holds.
                    Ok(_) | Err(CommitError::Stale | CommitError::NameTaken(_)) => Ok(true),
                    Err(error) => Err(error.into()),
                };
            }
        }
        Ok(false)
    }

    fn with_digest(&self, mut key: Key, presented: &Presented<'_>) -> Key {
        let digest = Digest::of(presented.text().as_bytes());
        let name = digest.name(&self.pepper);
        key.head.place = Place::Digest(digest.place(&self.pepper));
        key.head.names.push(name);
        key.head.version += 1;
        let proof = Proof::Digest(Scheme::Sha256, digest);
        key.traits.material =
            Material::Secret(SecretMaterial { proof, hint: String::new(), recoverable: None });
        key
    }
}
