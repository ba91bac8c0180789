//! This file is about what is live right now, in memory: every key that may be accepted, and the standing of
//! the accounts and organizations above it. A node fills it from the store when it starts; from then on the
//! store feeds it, in log order, before any commit is answered.

mod directory;
mod entry;
mod rate;
mod schemes;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use keyward_verifier::{Place as TablePlace, Profiles, Row, Table};

pub use self::directory::{AccountFacts, Directory, Stands};
pub use self::entry::Details;
use self::entry::{FLAG_METERED, FLAG_SUSPENDED, pack, unpack};
use self::rate::Rates;
use self::schemes::Schemes;
use crate::error::Error;
use crate::id::{Id, KeyId};
use crate::key::{Head, Key, Material, Place, Proof, RateLimit, Scheme, State};
use crate::permit::Caller;
use crate::scope::{Rights, Scopes};
use crate::seal::Pepper;
use crate::secret::{Digest, Presented};
use crate::store::Position;
use crate::time::Timestamp;
use crate::verbs::verify::{Entry, Refusal};

/// Every live key, and who stands above it.
pub struct Live {
    table: Table,
    profiles: Profiles<Profile>,
    /// Accounts and organizations.
    pub directory: Directory,
    schemes: Schemes,
    rates: Rates,
    position: AtomicU64,
}

/// What many keys share.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The account that they act as, and the organization above it.
    pub account: Arc<AccountFacts>,
    /// What they may be used for.
    pub scopes: Scopes,
    /// The rights among the scopes.
    pub rights: Rights,
    /// The networks that they may be used from.
    pub ip_allow: Vec<ipnet::IpNet>,
    /// How often each may be used.
    pub rate_limit: Option<RateLimit>,
}

impl Profile {
    /// Whether account and organization let the key work.
    #[must_use]
    pub fn stands(&self) -> Stands {
        self.account.stands()
    }
}

impl PartialEq for Profile {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.account, &other.account)
            && self.scopes == other.scopes
            && self.ip_allow == other.ip_allow
            && self.rate_limit == other.rate_limit
    }
}

impl Eq for Profile {}

impl std::hash::Hash for Profile {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.account.id.hash(state);
        self.scopes.hash(state);
        self.ip_allow.hash(state);
        self.rate_limit.hash(state);
    }
}

impl Live {
    /// Nothing is live yet. `seed` is random and new in every process; `expected` is how many keys to make
    /// room for.
    #[must_use]
    pub fn new(seed: u64, expected: usize) -> Self {
        Self {
            table: Table::new(seed, expected),
            profiles: Profiles::new(),
            directory: Directory::default(),
            schemes: Schemes::default(),
            rates: Rates::default(),
            position: AtomicU64::new(0),
        }
    }

    /// Lets a key be accepted as it is now, in place of what it was before.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it does not fit; the key is then not accepted at all.
    pub fn admit(&self, key: &Key) -> Result<(), Error> {
        let Material::Secret(secret) = &key.traits.material;
        let digest = match &secret.proof {
            Proof::Digest(scheme, digest) => {
                self.schemes.learn(scheme);
                digest
            }
            // Found by its handle, and given a digest when it is first used.
            Proof::Slow(_) => {
                self.schemes.learn_slow(&key.head.handle);
                return Ok(());
            }
        };
        let profile = Profile {
            account: self.directory.account(key.head.account, key.head.organization),
            rights: key.traits.scopes.rights(),
            scopes: key.traits.scopes.clone(),
            ip_allow: key.traits.ip_allow.clone(),
            rate_limit: key.traits.rate_limit,
        };
        let full = || Error::Unavailable { inside: "the table of live keys is full".to_owned() };
        let index = self.profiles.acquire(profile).ok_or_else(full)?;
        let row = Row {
            id: key.head.id.id().bits(),
            profile: index,
            expires_at: key.ends_at().map(Timestamp::millis),
            not_before: key.traits.not_before.map(Timestamp::millis),
            flags: flags(key),
        };
        match self.table.insert(place(&key.head), digest.bytes(), &row, &pack(&key.traits)) {
            Ok(replaced) => {
                self.release(&replaced);
                Ok(())
            }
            Err(error) => {
                self.profiles.release(index);
                self.end(&key.head);
                Err(Error::Unavailable { inside: error.to_string() })
            }
        }
    }

    /// Ends a key: every look-up that begins after this returned misses it.
    pub fn end(&self, head: &Head) {
        let ended = self.table.remove(place(head), head.id.id().bits());
        self.release(&ended);
        self.rates.forget(head.id);
    }

    fn release(&self, rows: &[Row]) {
        for row in rows {
            self.profiles.release(row.profile);
        }
    }

    /// Finds the key that a text is the secret of, whatever its state.
    #[must_use]
    pub fn find(&self, presented: &Presented<'_>, pepper: &Pepper) -> Option<Entry> {
        let own = own_place(presented);
        let found = own.and_then(|place| self.read(place, &Digest::of(presented.text().as_bytes())));
        if found.is_some() {
            return found;
        }
        // Made elsewhere; or of our format and brought along as a digest, which does not tell the place.
        let schemes = std::iter::once(Scheme::Sha256).chain(self.schemes.others());
        schemes
            .map(|scheme| scheme.digest(presented.text()))
            .find_map(|digest| self.read(TablePlace::from_bits(digest.place(pepper)), &digest))
    }

    fn read(&self, place: TablePlace, digest: &Digest) -> Option<Entry> {
        let mut details = Vec::new();
        let resolve = |row: &Row| self.profiles.with(row.profile, Arc::clone);
        let (row, profile) = self.table.find_with(place, digest.bytes(), &mut details, resolve)?;
        unpack(&row, profile?, details)
    }

    /// Counts a use against the key's rate limit.
    ///
    /// # Errors
    /// [`Refusal::RateLimited`].
    pub fn count(&self, entry: &Entry, cost: u32, now: Timestamp) -> Result<(), Refusal> {
        match entry.profile.rate_limit {
            None => Ok(()),
            Some(limit) => {
                self.rates.take(entry.key, limit, cost, now).then_some(()).ok_or(Refusal::RateLimited)
            }
        }
    }

    /// Turns a presented secret into the caller that it proves.
    ///
    /// # Errors
    /// [`Error::BadCredential`] whatever is wrong with it; [`Error::Slow`] for one that is used too often.
    pub fn authenticate(
        &self,
        text: &str,
        address: Option<IpAddr>,
        now: Timestamp,
        pepper: &Pepper,
    ) -> Result<Caller, Error> {
        let presented = Presented::read(text).ok_or(Error::BadCredential)?;
        let entry = self.find(&presented, pepper).ok_or(Error::BadCredential)?;
        entry.judge(address, now).map_err(|_| Error::BadCredential)?;
        self.count(&entry, 1, now).map_err(|_| Error::Slow { retry_after_seconds: 1 })?;
        let account = &entry.profile.account;
        Ok(Caller {
            key: entry.key,
            account: account.id,
            organization: account.organization.id,
            role: account.role(),
            rights: entry.profile.rights,
            operator: account.organization.operator(),
        })
    }

    /// Every digest under which a text may be known, as far as that can be told: a removed key takes the pepper of
    /// its digest along.
    pub fn digests(&self, text: &str) -> impl Iterator<Item = Digest> {
        let mut schemes = self.schemes.others();
        schemes.retain(|scheme| *scheme != Scheme::Sha512);
        let fixed = [Scheme::Sha256, Scheme::Sha512];
        fixed.into_iter().chain(schemes).map(move |scheme| scheme.digest(text))
    }

    /// Whether keys whose digest is taken this way can be found.
    #[must_use]
    pub fn takes(&self, scheme: &Scheme) -> bool {
        self.schemes.takes(scheme)
    }

    /// The handles that may begin a presented text whose key was imported with a slow hash.
    #[must_use]
    pub fn slow_handles(&self, presented: &Presented<'_>) -> Vec<crate::secret::Handle> {
        self.schemes.slow_handles(presented)
    }

    /// How many events have been applied.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position.load(Ordering::Acquire)
    }

    /// Says that the event at this position, and all before it, have been applied.
    pub fn advance(&self, position: Position) {
        self.position.fetch_max(position + 1, Ordering::AcqRel);
    }

    /// How many keys are live.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// How much memory the table of live keys takes, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.table.bytes()
    }

    /// True if no key is live.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }
}

fn flags(key: &Key) -> u8 {
    let suspended = if key.head.state == State::Suspended { FLAG_SUSPENDED } else { 0 };
    let metered = if key.traits.uses.is_some() { FLAG_METERED } else { 0 };
    suspended | metered
}

fn own_place(presented: &Presented<'_>) -> Option<TablePlace> {
    presented.place()?.first_chunk().map(TablePlace::of_chars)
}

fn place(head: &Head) -> TablePlace {
    match head.place {
        Place::Digest(bits) => TablePlace::from_bits(bits),
        // A handle of ours ends with the place; a key of ours has no other.
        Place::Handle => head
            .handle
            .as_str()
            .as_bytes()
            .last_chunk()
            .map_or(TablePlace::from_bits(0), TablePlace::of_chars),
    }
}

impl Digest {
    /// Where a key with this digest stands, if its text is not of our own format: bits of its name, so that
    /// they can be kept in clear without giving a guesser anything to compare with.
    #[must_use]
    pub fn place(&self, pepper: &Pepper) -> u64 {
        self.name(pepper).0.first_chunk().map_or(0, |bits| u64::from_le_bytes(*bits))
    }
}

/// Names a key in the maps of this module.
fn bits(key: KeyId) -> Id {
    key.id()
}

#[cfg(test)]
mod tests;
