//! This file is about what is done to single keys: caller and permit are settled, so load, decide, commit, and
//! start over when somebody else was quicker.

mod access;
mod commit;
mod crypto;
mod import;
pub(crate) mod remove;
mod remove_many;
mod rotate;
mod rounds;
pub(crate) mod sole;
mod verify;

use crate::account::Account;
use crate::command::{Answer, Issue, Named, Page, Patch};
use crate::error::Error;
use crate::event::{Happened, Reason};
use crate::filter::{Filter, StateFilter};
use crate::id::{AccountId, Id, KeyId, OrganizationId};
use crate::key::{Found, Head, Key, Kind, Material, Place, Proof, Scheme, SecretMaterial, Session};
use crate::keyward::{Environment, Keyward, Origin};
use crate::permit::{Permit, Reach};
use crate::record;
use crate::record::key::Sealed;
use crate::seal::SlotSecret;
use crate::secret::{Digest, Format, Handle, Secret};
use crate::store::{CommitError, List, Name, RecordKind, Spend, Store, Stored};
use crate::time::Timestamp;
use crate::verbs;
use crate::verbs::issue::Birth;

/// How often a change is tried again after somebody else was quicker.
pub(crate) const TRIES: usize = 16;
/// How many records one page may look at in search of what fits.
const LOOKED_AT: usize = 10_000;

/// What ties a new key to another one.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ties {
    pub(crate) supersedes: Option<KeyId>,
    pub(crate) session: Option<Session>,
}

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
        permit.may_give(&issue.draft.scopes)?;
        let account = self.owner(permit, issue.account).await?;
        let owner = (account.organization, account.id);
        let succession = self.succeed(permit, account.id, &issue.draft, None, origin).await?;
        let ties = Ties { supersedes: succession.before, ..Ties::default() };
        let (key, secret) = self.create(Some(permit), owner, &issue, ties, origin).await?;
        self.end_before(permit, succession, origin).await?;
        Ok(Answer::Issued(Box::new(key), secret))
    }

    /// Makes a key and commits it.
    pub(crate) async fn create(
        &self,
        permit: Option<&Permit>,
        (organization, account): (OrganizationId, AccountId),
        issue: &Issue,
        ties: Ties,
        origin: &Origin,
    ) -> Result<(Key, Secret), Error> {
        for _ in 0..TRIES {
            let secret =
                Secret::generate(&issue.format, &issue.environment, &mut |b| self.environment.fill(b));
            let id = self.new_id().into();
            // Without a handle of its own it is shown by its id: never by a part of the secret.
            let handle = Handle::parse(issue.format.public_part(secret.expose()));
            let handle = handle.unwrap_or_else(|| Handle::from(id));
            let digest = Digest::of(secret.expose().as_bytes());
            let mut names: Vec<Name> = self.handle_name(&handle, id).into_iter().collect();
            // Whoever knows the digest must not be able to bring it along as a key of theirs.
            names.push(digest.name(&self.pepper));
            let place = match issue.format {
                Format::Keyward(_) => Place::Handle,
                Format::Plain { .. } => Place::Digest(digest.place(&self.pepper)),
            };
            if issue.numbered {
                names.push(self.pepper.number(RecordKind::Key, KeyId::id(id).number()));
            }
            let birth = Birth {
                id,
                organization,
                account,
                place,
                environment: issue.environment.clone(),
                protected: issue.protected,
                names,
                handle,
                material: Material::Secret(SecretMaterial {
                    proof: Proof::Digest(Scheme::Sha256, digest),
                    hint: issue.format.hint(secret.expose()).to_owned(),
                    recoverable: issue.recoverable.then(|| secret.clone().into()),
                }),
                salt: self.random(),
                supersedes: ties.supersedes,
                session: ties.session,
            };
            let key = verbs::issue::issue(birth, issue.draft.clone(), self.environment.now())?;
            match self.commit_new(permit, &key, Some(&secret), origin).await {
                Ok(_) => return Ok((key, secret)),
                // Another key has the same ten place characters, or the same number: draw again.
                Err(CommitError::NameTaken(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::internal("no free handle was drawn"))
    }

    /// What a key's handle is filed under; nothing where that is its id.
    pub(crate) fn handle_name(&self, handle: &Handle, id: KeyId) -> Option<Name> {
        (KeyId::parse(handle.as_str()) != Some(id)).then(|| handle.name(&self.pepper))
    }

    /// The account that a new key is to act as.
    pub(crate) async fn owner(&self, permit: &Permit, account: Option<AccountId>) -> Result<Account, Error> {
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

    /// The same once its last change is in force, here and everywhere.
    pub(crate) async fn find_in_force(
        &self,
        permit: &Permit,
        id: KeyId,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        let stored = self.store.fetch(id.id()).await?.ok_or(Error::NotFound)?;
        let organization = self.covered(permit, &stored)?.live()?.head.organization;
        self.in_force(organization, stored.position, origin).await;
        self.find(permit, id).await
    }

    /// Says no more of a key than what it is called.
    pub(crate) async fn find_key_name(&self, permit: &Permit, id: KeyId) -> Result<Answer, Error> {
        let Loaded { key, .. } = self.open(permit, id).await?;
        Ok(Answer::KeyName(key.traits.name))
    }

    /// Shows the secret of a key again. Whoever reads a secret has the key, so it takes what issuing one with these rights for
    /// that account takes.
    pub(crate) async fn reveal(&self, permit: &Permit, id: KeyId) -> Result<Answer, Error> {
        let Loaded { key, .. } = self.open(permit, id).await?;
        self.may_change(permit, &key.head)?;
        permit.may_give(&key.traits.scopes)?;
        match key.traits.material {
            Material::Secret(SecretMaterial { recoverable: Some(kept), .. }) => {
                Ok(Answer::Revealed(kept.into_secret()))
            }
            Material::Secret(_) | Material::Access(_) | Material::Crypto(_) => {
                Err(Error::WrongState { why: "its secret was not kept to be shown again" })
            }
        }
    }

    /// The id of the key that a caller knows so.
    pub(crate) async fn named(&self, permit: &Permit, named: &Named) -> Result<KeyId, Error> {
        match self.looked_up(permit, named).await {
            Err(Error::NotFound) => Err(self.unknown(permit).await?),
            found => found,
        }
    }

    async fn looked_up(&self, permit: &Permit, named: &Named) -> Result<KeyId, Error> {
        Ok(match named {
            Named::Id(id) => *id,
            Named::Number(number) => self.numbered(RecordKind::Key, *number).await?.into(),
            Named::Handle(handle) => match KeyId::parse(handle.as_str()) {
                Some(id) => id,
                None => self.store.holder(handle.name(&self.pepper)).await?.ok_or(Error::NotFound)?.into(),
            },
            Named::Secret(text) => self.id_by_secret(permit, text).await?.into(),
            Named::Access(identification) => self.holder_of(permit, identification).await?.into(),
        })
    }

    /// Finds something by its number.
    pub(crate) async fn find_numbered(
        &self,
        permit: &Permit,
        kind: RecordKind,
        number: u32,
    ) -> Result<Answer, Error> {
        let id = match (kind, self.numbered(kind, number).await) {
            (RecordKind::Key, Err(Error::NotFound)) => return Err(self.unknown(permit).await?),
            (_, id) => id?,
        };
        match kind {
            RecordKind::Key => self.find(permit, id.into()).await,
            RecordKind::Account => self.find_account(permit, id.into()).await,
            RecordKind::Organization => self.find_organization(permit, id.into()).await,
            RecordKind::Removal
            | RecordKind::Resource
            | RecordKind::Epoch
            | RecordKind::Term
            | RecordKind::Enforcement
            | RecordKind::Tombstone => Err(Error::NotFound),
        }
    }

    async fn numbered(&self, kind: RecordKind, number: u32) -> Result<Id, Error> {
        self.store.holder(self.pepper.number(kind, number)).await?.ok_or(Error::NotFound)
    }

    pub(crate) async fn list(&self, permit: &Permit, filter: &Filter, page: Page) -> Result<Answer, Error> {
        let Some(owner) = self.list_owner(permit, filter.account) else {
            return Ok(Answer::Keys(Vec::new(), None));
        };
        let mut found = Vec::new();
        let mut after = page.after;
        // At first only as many as are wanted: often all of them fit.
        let mut read = page.limit;
        for _ in 0..LOOKED_AT.div_ceil(Page::LIMIT) {
            let records = self.page_of(owner, filter.state, after, read).await?;
            let last_page = records.len() < read;
            read = Page::LIMIT;
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

    /// A page of somebody's keys, of those that were removed too if these are wanted.
    async fn page_of(
        &self,
        owner: Id,
        state: Option<StateFilter>,
        after: Option<Id>,
        limit: usize,
    ) -> Result<Vec<Stored>, Error> {
        // Those of earlier builds stand among the living to this day.
        let mut page = self.store.page(List { kind: RecordKind::Key, owner }, after, limit).await?;
        if state == Some(StateFilter::Removed) {
            let removed = List { kind: RecordKind::Tombstone, owner };
            page.extend(self.store.page(removed, after, limit).await?);
            page.sort_by_key(|stored| stored.record.id);
            page.truncate(limit);
        }
        Ok(page)
    }

    /// How many keys of a kind were removed of those that the caller may list.
    pub(crate) fn count_removed(&self, permit: &Permit, kind: Kind) -> Answer {
        Answer::Count(self.list_owner(permit, None).map_or(0, |owner| self.live.removed(owner, kind)))
    }

    async fn fitting(
        &self,
        permit: &Permit,
        filter: &Filter,
        stored: Stored,
    ) -> Result<Option<Found<Key>>, Error> {
        let found = match record::key::read(&stored.record)? {
            Found::Removed(tombstone) => Found::Removed(tombstone),
            Found::Live(sealed) => {
                // Without its slot it can only be removed; the list of what can be used passes it over.
                let Some(secret) = self.secret_of(&stored).await? else { return Ok(None) };
                Found::Live(self.with_uses_left(sealed.open(&secret)?).await?)
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
        let fits = self.covers(permit, organization, account).is_ok() && filter.fits_found(&found, last_used);
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
            permit.may_give(scopes)?;
        }
        let now = self.environment.now();
        let mut patch = patch.clone();
        if let Some(Some(left)) = &mut patch.uses {
            *left = left.saturating_add(self.uses_spent(id.id()).await?);
        }
        if let Some(access) = &patch.access {
            self.may_refer(permit, access.levels.as_deref().unwrap_or_default(), access.person.flatten())
                .await?;
        }
        let decide = |key| {
            self.stays_as_sole_as_it_is(&key, patch.scopes.as_ref())?;
            verbs::update::update(key, patch.clone(), if_match, &self.pepper, now)
        };
        let answer = self.change(permit, id, if_match, Happened::Updated, origin, decide).await?;
        if patch.may_reduce() {
            // They were opened with what the key could do before.
            self.end_sessions(id, None, Reason::Superseded, origin).await?;
        }
        Ok(answer)
    }

    pub(crate) async fn suspend(
        &self,
        permit: &Permit,
        id: KeyId,
        remove_at: Option<Timestamp>,
        if_match: Option<u64>,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        if remove_at.is_some() {
            permit.may_end(id)?;
        }
        let now = self.environment.now();
        let decide = |key| verbs::suspend::suspend(key, remove_at, if_match, now);
        let answer = self.change(permit, id, if_match, Happened::Suspended, origin, decide).await?;
        self.end_sessions(id, None, Reason::Retired, origin).await?;
        Ok(answer)
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
            let mut key = decide(key)?;
            key.traits.updated_at = self.environment.now();
            match self.commit_change(Some(permit), &key, &secret, happened, origin).await {
                Ok(_) => return Ok(Answer::Key(Box::new(self.with_uses_left(key).await?))),
                Err(CommitError::Stale) if if_match.is_none() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::changes_too_fast(&id))
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

    /// Reads a key, whoever's it is; or what else has this id.
    pub(crate) async fn fetch_key(&self, permit: &Permit, id: KeyId) -> Result<Stored, Error> {
        match self.store.fetch(id.id()).await? {
            Some(stored) => Ok(stored),
            None => Err(self.unknown(permit).await?),
        }
    }

    /// The error for a key that there is not. It takes what it takes to find that a key is another organization's: the caller's own is
    /// read in its place, or the time of an answer would tell the two apart.
    pub(crate) async fn unknown(&self, permit: &Permit) -> Result<Error, Error> {
        if let Some(own) = self.store.fetch(permit.caller().key.id()).await? {
            // Whatever it is: it was read.
            let _ = self.covered(permit, &own);
        }
        Ok(Error::NotFound)
    }

    /// Opens a living key of the caller's.
    async fn open(&self, permit: &Permit, id: KeyId) -> Result<Loaded, Error> {
        let stored = self.fetch_key(permit, id).await?;
        let sealed = self.covered(permit, &stored)?.live()?;
        let secret = self.slot_secret(&stored).await?;
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
        self.covers(permit, organization, account)?;
        Ok(found)
    }

    /// Judges whether a permit reaches something of this account: its own, or that of an account below it.
    pub(crate) fn covers(
        &self,
        permit: &Permit,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<(), Error> {
        permit.covers(organization, account).or_else(|unknown| {
            let within = permit.covers_organization(organization).is_ok();
            (within && self.is_below(permit, account)).then_some(()).ok_or(unknown)
        })
    }

    /// Whether an account is below the caller's, which then acts for it. Not if it may do more than that: acting for it
    /// would be a way up.
    fn is_below(&self, permit: &Permit, account: AccountId) -> bool {
        let (caller, directory) = (permit.caller(), &self.live.directory);
        // First: it makes no place for an account that nobody has.
        directory.is_below(account, caller.account)
            && permit.may_act_for(directory.account(account, caller.organization).role())
    }

    /// Whose list holds the keys that a permit reaches and a filter wants; `None` if they are nobody's.
    pub(crate) fn list_owner(&self, permit: &Permit, account: Option<AccountId>) -> Option<Id> {
        let own = permit.caller().account;
        match (permit.reach(), account) {
            (Reach::Account, Some(other)) if other != own && !self.is_below(permit, other) => None,
            (_, Some(account)) => Some(account.id()),
            (Reach::Account, None) => Some(own.id()),
            (Reach::Organization | Reach::Everywhere, None) => Some(permit.caller().organization.id()),
        }
    }

    /// Judges whether the caller may change what belongs to the key's account: nobody below an owner touches an
    /// owner's keys, or rotating one would make them an owner.
    pub(crate) fn may_change(&self, permit: &Permit, head: &Head) -> Result<(), Error> {
        permit.may_appoint(self.live.directory.account(head.account, head.organization).role())
    }
}
