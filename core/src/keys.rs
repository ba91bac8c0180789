//! This file is about what is done to single keys: caller and permit are settled, so load, decide, commit, and
//! start over when somebody else was quicker.

mod commit;
mod import;
mod rounds;
mod verify;

use crate::account::Account;
use crate::command::{Answer, Draft, Issue, Page, Patch};
use crate::error::Error;
use crate::event::{Happened, Reason};
use crate::filter::Filter;
use crate::id::{AccountId, Id, KeyId, OrganizationId};
use crate::key::{Found, Head, Key, Place, Proof, Scheme, SecretMaterial, Tombstone};
use crate::keyward::{Environment, Keyward, Origin};
use crate::permit::{Permit, Reach};
use crate::record;
use crate::record::key::Sealed;
use crate::seal::SlotSecret;
use crate::secret::{Digest, Presented, Secret};
use crate::store::{CommitError, List, Position, RecordKind, Spend, Store, Stored};
use crate::time::Timestamp;
use crate::verbs;
use crate::verbs::issue::Birth;

/// How often a change is tried again after somebody else was quicker.
const TRIES: usize = 16;
/// How many records one page may look at in search of what fits.
const LOOKED_AT: usize = 10_000;

/// A key, and what it takes to write it again.
struct Loaded {
    key: Key,
    secret: SlotSecret,
}

impl<S: Store, E: Environment> Keyward<S, E> {
    pub(crate) async fn issue(
        &self,
        permit: &Permit,
        issue: Issue,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        permit.may_give(issue.draft.scopes.rights())?;
        let account = self.owner(permit, issue.account).await?;
        let owner = (account.organization, account.id);
        let (key, secret) = self.create(Some(permit), owner, &issue, None, origin).await?;
        Ok(Answer::Issued(Box::new(key), secret))
    }

    /// Makes a key and commits it.
    pub(crate) async fn create(
        &self,
        permit: Option<&Permit>,
        (organization, account): (OrganizationId, AccountId),
        issue: &Issue,
        supersedes: Option<KeyId>,
        origin: &Origin,
    ) -> Result<(Key, Secret), Error> {
        for _ in 0..TRIES {
            let secret =
                Secret::generate(&issue.prefix, &issue.environment, &mut |b| self.environment.fill(b));
            let presented = Presented::read(secret.expose());
            let handle = presented
                .and_then(|p| p.handle())
                .ok_or_else(|| Error::internal("a secret without handle"))?;
            let digest = Digest::of(secret.expose().as_bytes());
            let birth = Birth {
                id: self.new_id().into(),
                organization,
                account,
                place: Place::Handle,
                environment: issue.environment.clone(),
                protected: issue.protected,
                names: vec![handle.name(&self.pepper)],
                handle,
                material: SecretMaterial {
                    proof: Proof::Digest(Scheme::Sha256, digest),
                    recoverable: issue.recoverable.then(|| secret.clone()),
                },
                salt: self.random(),
                supersedes,
            };
            let key = verbs::issue::issue(birth, issue.draft.clone(), self.environment.now())?;
            match self.commit_new(permit, &key, Some(&secret), origin).await {
                Ok(_) => return Ok((key, secret)),
                // Another key has the same ten place characters: draw again.
                Err(CommitError::NameTaken(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::internal("no free handle was drawn"))
    }

    /// The account that a new key is to act as.
    async fn owner(&self, permit: &Permit, account: Option<AccountId>) -> Result<Account, Error> {
        let id = account.unwrap_or(permit.caller().account);
        let account = match self.load_account(permit, id).await {
            Err(Error::NotFound) => return Err(Error::invalid("account_id", "an account that exists")),
            found => found?,
        };
        permit.may_appoint(account.role)?;
        Ok(account)
    }

    pub(crate) async fn find(&self, permit: &Permit, id: KeyId) -> Result<Answer, Error> {
        let Loaded { key, .. } = self.open(permit, id).await?;
        Ok(Answer::Found(Box::new(self.with_uses_left(key).await?)))
    }

    pub(crate) async fn list(&self, permit: &Permit, filter: &Filter, page: Page) -> Result<Answer, Error> {
        let Some(owner) = list_owner(permit, filter.account) else {
            return Ok(Answer::Keys(Vec::new(), None));
        };
        let mut found = Vec::new();
        let mut after = page.after;
        for _ in 0..LOOKED_AT.div_ceil(Page::LIMIT) {
            let records = self.store.page(List { kind: RecordKind::Key, owner }, after, Page::LIMIT).await?;
            let last_page = records.len() < Page::LIMIT;
            for stored in records {
                after = Some(stored.record.id);
                if let Some(key) = self.fitting(permit, filter, stored).await? {
                    found.push(key);
                    if found.len() == page.limit {
                        return Ok(Answer::Keys(found, after));
                    }
                }
            }
            if last_page {
                return Ok(Answer::Keys(found, None));
            }
        }
        Ok(Answer::Keys(found, after))
    }

    async fn fitting(
        &self,
        permit: &Permit,
        filter: &Filter,
        stored: Stored,
    ) -> Result<Option<Found<Key>>, Error> {
        let found = match record::key::read(&stored.record)? {
            Found::Removed(tombstone) => Found::Removed(tombstone),
            // Without its slot it can only be removed; the list of what can be used passes it over.
            Found::Live(_) if stored.slot.is_none() => return Ok(None),
            Found::Live(sealed) => {
                let key = sealed.open(&self.slot_secret(&stored)?)?;
                Found::Live(self.with_uses_left(key).await?)
            }
        };
        let (organization, account) = match &found {
            Found::Live(key) => (key.head.organization, key.head.account),
            Found::Removed(tombstone) => (tombstone.organization, tombstone.account),
        };
        let last_used = match filter.unused_since {
            Some(_) => self.usage_of(stored.record.id).await?.last_used_at,
            None => None,
        };
        let fits = permit.covers(organization, account).is_ok() && filter.fits_found(&found, last_used);
        Ok(fits.then_some(found))
    }

    pub(crate) async fn update(
        &self,
        permit: &Permit,
        id: KeyId,
        patch: &Patch,
        if_match: Option<u64>,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        if let Some(scopes) = &patch.scopes {
            permit.may_give(scopes.rights())?;
        }
        let now = self.environment.now();
        let mut patch = patch.clone();
        if let Some(Some(left)) = &mut patch.uses {
            *left = left.saturating_add(self.uses_spent(id.id()).await?);
        }
        let decide = |key| verbs::update::update(key, patch.clone(), if_match, now);
        self.change(permit, id, if_match, Happened::Updated, origin, decide).await
    }

    pub(crate) async fn suspend(
        &self,
        permit: &Permit,
        id: KeyId,
        remove_at: Option<Timestamp>,
        if_match: Option<u64>,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        let now = self.environment.now();
        let decide = |key| verbs::suspend::suspend(key, remove_at, if_match, now);
        self.change(permit, id, if_match, Happened::Suspended, origin, decide).await
    }

    pub(crate) async fn resume(
        &self,
        permit: &Permit,
        id: KeyId,
        if_match: Option<u64>,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        let now = self.environment.now();
        let decide = |key| verbs::resume::resume(key, if_match, now);
        self.change(permit, id, if_match, Happened::Resumed, origin, decide).await
    }

    /// Loads a key, decides, commits; again from the start if somebody else was quicker and the caller did not
    /// name a version.
    async fn change(
        &self,
        permit: &Permit,
        id: KeyId,
        if_match: Option<u64>,
        happened: Happened,
        origin: &Origin,
        decide: impl Fn(Key) -> Result<Key, Error>,
    ) -> Result<Answer, Error> {
        for _ in 0..TRIES {
            let Loaded { key, secret } = self.open(permit, id).await?;
            self.may_change(permit, &key.head)?;
            let key = decide(key)?;
            match self.commit_change(Some(permit), &key, &secret, happened, origin).await {
                Ok(_) => return Ok(Answer::Key(Box::new(self.with_uses_left(key).await?))),
                Err(CommitError::Stale) if if_match.is_none() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Unavailable { inside: format!("{id} changes too fast") })
    }

    /// The key as it is shown. What is kept is how often it may be used in all; what is shown is how often it
    /// still may be.
    async fn with_uses_left(&self, mut key: Key) -> Result<Key, Error> {
        if let Some(uses) = key.traits.uses {
            key.traits.uses = Some(uses.saturating_sub(self.uses_spent(key.head.id.id()).await?));
        }
        Ok(key)
    }

    /// How often a key was used, where that is counted.
    async fn uses_spent(&self, id: Id) -> Result<u64, Error> {
        let left = self.store.spend(Spend { id, cost: 0, limit: u64::MAX }).await?;
        Ok(left.map_or(u64::MAX, |left| u64::MAX - left))
    }

    pub(crate) async fn rotate(
        &self,
        permit: &Permit,
        id: KeyId,
        overlap_seconds: u64,
        if_match: Option<u64>,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        for _ in 0..TRIES {
            let Loaded { key, secret } = self.open(permit, id).await?;
            self.may_change(permit, &key.head)?;
            permit.may_give(key.traits.scopes.rights())?;
            verbs::rotate::check(&key, overlap_seconds, if_match)?;
            let issue = successor(&self.with_uses_left(key.clone()).await?)?;
            let owner = (key.head.organization, key.head.account);
            let (new, new_secret) = self.create(Some(permit), owner, &issue, Some(id), origin).await?;
            // The answer is kept with the successor.
            let unkept = Origin { idempotency: None, ..origin.clone() };
            match self.end_rotated(permit, key, &secret, overlap_seconds, &unkept).await {
                Ok(_) => return Ok(Answer::Issued(Box::new(new), new_secret)),
                // The old key changed meanwhile: its successor has rights that may just have been taken away.
                Err(CommitError::Stale) => {
                    self.remove_head(Some(permit), &new.head, Reason::Superseded, origin).await?;
                    if if_match.is_some() {
                        return Err(Error::Stale);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Unavailable { inside: format!("{id} changes too fast") })
    }

    /// Ends the key before a successor if a crash came before that. If the key has changed in between, that
    /// was decided by somebody who saw both, and stands.
    pub(crate) async fn finish_rotation(
        &self,
        permit: &Permit,
        id: KeyId,
        successor: &Key,
        overlap_seconds: u64,
        origin: &Origin,
    ) -> Result<(), Error> {
        let Some(stored) = self.store.fetch(id.id()).await? else { return Ok(()) };
        let Found::Live(sealed) = self.covered(permit, &stored)? else { return Ok(()) };
        let end = self.environment.now().plus_seconds(overlap_seconds);
        // It may have been winding down before; only an end that comes no later than this one will do.
        let ends_in_time = overlap_seconds > 0 && sealed.head.remove_at.is_some_and(|at| at <= end);
        if ends_in_time || successor.traits.supersedes != Some(id) {
            return Ok(());
        }
        let secret = self.slot_secret(&stored)?;
        let origin = Origin { idempotency: None, ..origin.clone() };
        match self.end_rotated(permit, sealed.open(&secret)?, &secret, overlap_seconds, &origin).await {
            Ok(_) | Err(CommitError::Stale) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn end_rotated(
        &self,
        permit: &Permit,
        key: Key,
        secret: &SlotSecret,
        overlap_seconds: u64,
        origin: &Origin,
    ) -> Result<Position, CommitError> {
        let now = self.environment.now();
        if overlap_seconds > 0 {
            let key = verbs::rotate::wind_down(key, overlap_seconds, now);
            return self.commit_change(Some(permit), &key, secret, Happened::Updated, origin).await;
        }
        let tombstone = verbs::remove::remove(&key.head, Reason::Superseded, None, now);
        match tombstone {
            Ok(tombstone) => self.commit_removed(Some(permit), &key.head, &tombstone, origin).await,
            // It was checked before: only a change in between can have made it impossible.
            Err(_) => Err(CommitError::Stale),
        }
    }

    /// Removes a key; what is left of it, and where the log says so.
    pub(crate) async fn remove(
        &self,
        permit: &Permit,
        id: KeyId,
        reason: Reason,
        if_match: Option<u64>,
        origin: &Origin,
    ) -> Result<(Tombstone, Position), Error> {
        for _ in 0..TRIES {
            let stored = self.store.fetch(id.id()).await?.ok_or(Error::NotFound)?;
            let head = match self.covered(permit, &stored)? {
                // Removing twice is no error: the same answer, the same receipt.
                Found::Removed(tombstone) => return Ok((tombstone, stored.position)),
                Found::Live(sealed) => sealed.head,
            };
            self.may_change(permit, &head)?;
            let tombstone = verbs::remove::remove(&head, reason, if_match, self.environment.now())?;
            match self.commit_removed(Some(permit), &head, &tombstone, origin).await {
                Ok(position) => return Ok((tombstone, position)),
                Err(CommitError::Stale) if if_match.is_none() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Unavailable { inside: format!("{id} changes too fast") })
    }

    /// Removes a key whose head is at hand, whatever happens to it meanwhile.
    pub(crate) async fn remove_head(
        &self,
        permit: Option<&Permit>,
        head: &Head,
        reason: Reason,
        origin: &Origin,
    ) -> Result<(), Error> {
        let mut head = head.clone();
        for _ in 0..TRIES {
            let tombstone = verbs::remove::remove(&head, reason, None, self.environment.now())?;
            match self.commit_removed(permit, &head, &tombstone, origin).await {
                Ok(_) => return Ok(()),
                Err(CommitError::Stale) => {}
                Err(error) => return Err(error.into()),
            }
            let Some(stored) = self.store.fetch(head.id.id()).await? else { return Ok(()) };
            match record::key::read(&stored.record)? {
                Found::Live(sealed) => head = sealed.head,
                Found::Removed(_) => return Ok(()),
            }
        }
        Err(Error::Unavailable { inside: format!("{} changes too fast", head.id) })
    }

    /// Opens a living key of the caller's.
    async fn open(&self, permit: &Permit, id: KeyId) -> Result<Loaded, Error> {
        let stored = self.store.fetch(id.id()).await?.ok_or(Error::NotFound)?;
        let sealed = self.covered(permit, &stored)?.live()?;
        let secret = self.slot_secret(&stored)?;
        Ok(Loaded { key: sealed.open(&secret)?, secret })
    }

    /// Reads a key's record if the permit reaches it; a record of another kind is no key.
    pub(crate) fn covered(&self, permit: &Permit, stored: &Stored) -> Result<Found<Sealed>, Error> {
        if stored.record.kind != RecordKind::Key {
            return Err(Error::NotFound);
        }
        let found = record::key::read(&stored.record)?;
        let (organization, account) = match &found {
            Found::Live(sealed) => (sealed.head.organization, sealed.head.account),
            Found::Removed(tombstone) => (tombstone.organization, tombstone.account),
        };
        permit.covers(organization, account)?;
        Ok(found)
    }

    /// Judges whether the caller may change what belongs to the key's account: nobody below an owner touches an
    /// owner's keys, or rotating one would make them an owner.
    pub(crate) fn may_change(&self, permit: &Permit, head: &Head) -> Result<(), Error> {
        permit.may_appoint(self.live.directory.account(head.account, head.organization).role())
    }
}

/// Whose list holds the keys that a permit reaches and a filter wants; `None` if they are nobody's.
pub(crate) fn list_owner(permit: &Permit, account: Option<AccountId>) -> Option<Id> {
    match (permit.reach(), account) {
        (Reach::Account, Some(other)) if other != permit.caller().account => None,
        (Reach::Account, _) => Some(permit.caller().account.id()),
        (Reach::Organization | Reach::Everywhere, Some(account)) => Some(account.id()),
        (Reach::Organization | Reach::Everywhere, None) => Some(permit.caller().organization.id()),
    }
}

/// What to issue in the place of a key.
fn successor(key: &Key) -> Result<Issue, Error> {
    let crate::key::Material::Secret(secret) = &key.traits.material;
    // A key that was made elsewhere gets a successor of our own format.
    let own_prefix = match key.head.place {
        Place::Handle => key.head.handle.as_str().split('_').next(),
        Place::Digest(_) => None,
    };
    let prefix = crate::secret::Label::parse(own_prefix.unwrap_or("kw"));
    Ok(Issue {
        account: Some(key.head.account),
        prefix: prefix.ok_or_else(|| Error::internal("a handle without prefix"))?,
        environment: key.head.environment.clone(),
        protected: key.head.protected,
        recoverable: secret.recoverable.is_some(),
        draft: Draft::from(&key.traits),
    })
}
