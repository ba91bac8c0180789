//! This file is about verifying: what the table says, what must be counted, and why a key is not in it.

use crate::command::{Answer, Ask};
use crate::error::Error;
use crate::event::Happened;
use crate::id::{AccountId, Id, OrganizationId};
use crate::key::{Found, Key, Material, Place, Proof, Scheme};
use crate::keyward::{Environment, Keyward, Origin};
use crate::permit::Permit;
use crate::record;
use crate::secret::{Digest, Presented, Secret};
use crate::store::{CommitError, Spend, Store};
use crate::usage::Use;
use crate::verbs::verify::{Entry, Refusal, Verdict};

impl<S: Store, E: Environment> Keyward<S, E> {
    pub(crate) async fn verify(&self, permit: &Permit, ask: &Ask) -> Result<Answer, Error> {
        let verdict = match self.judge(permit, ask).await? {
            Ok(entry) => Verdict::Valid(entry.into_valid(self.live.position())),
            Err(refusal) => Verdict::Refused(refusal),
        };
        Ok(Answer::Verdict(Box::new(verdict)))
    }

    async fn judge(&self, permit: &Permit, ask: &Ask) -> Result<Result<Entry, Refusal>, Error> {
        let Some(presented) = Presented::read(&ask.secret) else { return Ok(Err(Refusal::Malformed)) };
        let mut entry = self.live.find(&presented, &self.pepper);
        if entry.is_none() && self.learn_slow(&presented).await? {
            entry = self.live.find(&presented, &self.pepper);
        }
        let Some(entry) = entry else { return Ok(Err(self.why_absent(permit, &presented, ask).await?)) };
        let account = &entry.profile.account;
        if permit.covers(account.organization.id, account.id).is_err() {
            return Ok(Err(Refusal::Unknown));
        }
        let judged = self.count(&entry, ask).await?;
        self.note(entry.key.id(), ask, judged.is_ok());
        Ok(judged.map(|()| entry))
    }

    /// Judges the key and counts its use; a use that is refused for another reason is not counted.
    async fn count(&self, entry: &Entry, ask: &Ask) -> Result<Result<(), Refusal>, Error> {
        let now = self.environment.now();
        let free = entry.answer(ask, now).and_then(|()| self.live.count(entry, ask.cost, now));
        let (Ok(()), Some(limit)) = (free, entry.uses) else { return Ok(free) };
        let spend = Spend { id: entry.key.id(), cost: u64::from(ask.cost), limit };
        Ok(self.store.spend(spend).await?.map(|_| ()).ok_or(Refusal::UsedUp))
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
        // A handle is enough to recognise a removed key of ours: nothing else is left of it.
        let handle = presented.handle().map(|handle| handle.name(&self.pepper));
        let digests = self.live.digests(presented.text()).map(|digest| digest.name(&self.pepper));
        for name in handle.into_iter().chain(digests).collect::<Vec<_>>() {
            let Some(id) = self.store.holder(name).await? else { continue };
            if let Some((organization, account)) = self.removed_key(id).await?
                && permit.covers(organization, account).is_ok()
            {
                self.note(id, ask, false);
                return Ok(Refusal::Removed);
            }
        }
        Ok(Refusal::Unknown)
    }

    async fn removed_key(&self, id: Id) -> Result<Option<(OrganizationId, AccountId)>, Error> {
        let Some(stored) = self.store.fetch(id).await? else { return Ok(None) };
        Ok(match record::key::read(&stored.record)? {
            Found::Removed(tombstone) => Some((tombstone.organization, tombstone.account)),
            Found::Live(_) => None,
        })
    }

    fn note(&self, key: Id, ask: &Ask, accepted: bool) {
        self.notes.add(key, Use { at: self.environment.now(), address: ask.address, accepted });
    }

    /// Looks among the keys that were imported with a slow hash; the one that fits gets a digest, so that this
    /// was the last time that it was slow.
    async fn learn_slow(&self, presented: &Presented<'_>) -> Result<bool, Error> {
        for handle in self.live.slow_handles(presented) {
            let Some(id) = self.store.holder(handle.name(&self.pepper)).await? else { continue };
            let Some(stored) = self.store.fetch(id).await? else { continue };
            let Found::Live(sealed) = record::key::read(&stored.record)? else { continue };
            let secret = self.slot_secret(&stored)?;
            let key = sealed.open(&secret)?;
            let Material::Secret(material) = &key.traits.material;
            let Proof::Slow(hash) = &material.proof else { continue };
            // No secret is as short as this one, whatever it begins with.
            let Ok(text) = Secret::import(presented.text()) else { continue };
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
        let Material::Secret(material) = &mut key.traits.material;
        material.proof = Proof::Digest(Scheme::Sha256, digest);
        key
    }
}
