//! This file is about what is live right now, in memory: every key that may be accepted, and the standing of
//! the accounts and organizations above it. A node fills it from the store when it starts; from then on the
//! store feeds it, in log order, before any commit is answered.

mod callers;
mod directory;
mod entry;
mod finding;
mod idle;
mod parents;
mod pins;
mod places;
mod rate;
mod removed;
mod schemes;
mod sealed;
mod told;
mod tree;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use keyward_verifier::frame::Change;
use keyward_verifier::{Fingerprint, Place as TablePlace, Profiles, Row, Table};

pub use self::directory::{AccountFacts, Directory, Stands};
pub use self::entry::Details;
use self::entry::{FLAG_IDLE, FLAG_METERED, FLAG_OPENS, FLAG_OWN, FLAG_SEALED, FLAG_SUSPENDED, pack};
use self::idle::Idle;
use self::parents::Parents;
use self::pins::Pins;
use self::places::place_of;
use self::rate::Rates;
use self::removed::Removed;
pub(crate) use self::schemes::Reserved;
use self::schemes::Schemes;
pub use self::schemes::Whose;
use self::sealed::Sealed;
use self::told::{is_told, told, told_place};
use crate::access::{Opens, PinDigest};
use crate::crypto::Crypto;
use crate::error::Error;
use crate::id::{AccountId, Id, KeyId, OrganizationId, ResourceId};
use crate::key::{Head, Key, Kind, Material, Place, Proof, RateLimit, Scheme, Session, State};
use crate::scope::{Rights, Scopes};
use crate::seal::Sealer;
use crate::secret::Digest;
use crate::store::{Name, Position};
use crate::time::Timestamp;
use crate::verbs::verify::{Entry, Refusal};
use crate::verifiers::Notice;

/// Every live key, and who stands above it.
pub struct Live {
    /// What ids are hidden behind, see [`Live::by_id`].
    seed: u128,
    table: Table,
    profiles: Profiles<Profile>,
    /// Accounts and organizations.
    pub directory: Directory,
    schemes: Schemes,
    sealed: Sealed,
    rates: Rates,
    pins: Pins,
    idle: Idle,
    /// Whether any key is a session.
    parents: Parents,
    removed: Removed,
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
    /// Which of the organization's ways their digests were taken by, where that is not ours.
    pub way: Option<usize>,
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
            && self.way == other.way
    }
}

impl Eq for Profile {}

impl std::hash::Hash for Profile {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.account.id.hash(state);
        self.scopes.hash(state);
        self.ip_allow.hash(state);
        self.rate_limit.hash(state);
        self.way.hash(state);
    }
}

impl Live {
    /// Nothing is live yet. `seed` and what `memory` seals under are random and new in every process; `expected` is how
    /// many keys to make room for.
    #[must_use]
    pub fn new(seed: u128, expected: usize, memory: Sealer) -> Self {
        Self {
            seed,
            table: Table::new((seed >> 64) as u64 ^ seed as u64, expected),
            profiles: Profiles::new(),
            directory: Directory::default(),
            schemes: Schemes::default(),
            sealed: Sealed::new(memory),
            rates: Rates::default(),
            pins: Pins::default(),
            idle: Idle::default(),
            parents: Parents::default(),
            removed: Removed::default(),
            position: AtomicU64::new(0),
        }
    }

    /// Lets a key be accepted as it is now, in place of what it was before.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it does not fit; the key is then not accepted at all.
    pub fn admit(&self, key: &Key) -> Result<(), Error> {
        self.take_in(key).map(drop)
    }

    /// The same; what verifiers are to be told.
    ///
    /// # Errors
    /// As [`Live::admit`].
    pub(crate) fn take_in(&self, key: &Key) -> Result<Vec<Notice>, Error> {
        let secret = match &key.traits.material {
            Material::Secret(secret) => secret,
            // Doors ask the server: what names a badge is hashed under a key that does not leave it. And what never leaves
            // is used here.
            Material::Access(_) => return self.stand_at(key, key.head.passing_names()),
            Material::Crypto(_) => {
                let (place, digest) = self.by_id(key.head.id);
                self.stand(key, place, &Scheme::Sha256, &digest)?;
                return self.stand_at(key, key.head.passing_names());
            }
        };
        let (scheme, digest) = match &secret.proof {
            Proof::Digest(scheme, digest) => (scheme, digest),
            // Found by its handle, and given a digest when it is first used.
            Proof::Slow(_) => {
                self.schemes.learn_slow(key.head.organization, &key.head.handle);
                return Ok(Vec::new());
            }
            // It signs in; it is never presented as a key.
            Proof::Password(_) => return Ok(Vec::new()),
        };
        self.places(&key.head).map(|place| self.stand(key, place, scheme, digest)).collect()
    }

    /// Puts a key where it is looked for by these names, and tells no verifier.
    fn stand_at(&self, key: &Key, names: &[Name]) -> Result<Vec<Notice>, Error> {
        for name in names {
            self.stand(key, place_of(name), &Scheme::Sha256, &Digest::of(&name.0))?;
        }
        Ok(Vec::new())
    }

    /// Puts a key where it is looked for.
    fn stand(&self, key: &Key, place: TablePlace, scheme: &Scheme, digest: &Digest) -> Result<Notice, Error> {
        // First: a row that is found by a way that nobody tries would not be found.
        let way = self.schemes.learn(key.head.organization, scheme);
        let profile = Profile {
            account: self.directory.account(key.head.account, key.head.organization),
            rights: key.traits.scopes.rights(),
            scopes: key.traits.scopes.clone(),
            ip_allow: key.traits.ip_allow.clone(),
            rate_limit: key.traits.rate_limit,
            way,
        };
        let full = || Error::Unavailable { inside: "the table of live keys is full".to_owned() };
        let Some(index) = self.profiles.acquire(profile) else {
            way.into_iter().for_each(|way| self.schemes.forget(key.head.organization, way));
            return Err(full());
        };
        let profile = self.profiles.with(index, Arc::clone).ok_or_else(full)?;
        if let Some(Session { parent, idle_seconds }) = key.head.session {
            self.parents.know(parent);
            if let Some(idle_seconds) = idle_seconds {
                self.idle.know(key.head.id, idle_seconds, key.head.created_at);
            }
        }
        let row = Row {
            id: key.head.id.id().bits(),
            profile: index,
            expires_at: key.ends_at().map(Timestamp::millis),
            not_before: key.traits.not_before.map(Timestamp::millis),
            flags: flags(key),
        };
        let sealed = self.sealed.seal(key)?;
        match self.table.insert(place, digest.bytes(), &row, &pack(&key.traits, sealed.as_deref())) {
            Ok(replaced) => {
                self.release(replaced.iter());
                Ok(Notice::Key(told(place, Fingerprint::from(digest.bytes()), &row), profile))
            }
            Err(error) => {
                self.release(std::iter::once(&row));
                self.end(&key.head);
                Err(Error::Unavailable { inside: error.to_string() })
            }
        }
    }

    /// Ends a key: every look-up that begins after this returned misses it. What verifiers are to be told.
    pub(crate) fn end(&self, head: &Head) -> Vec<Notice> {
        let mut notices = Vec::new();
        for place in self.places(head) {
            let ended = self.table.remove(place, head.id.id().bits());
            self.release(ended.iter().map(|(_, row)| row));
            let told = ended.into_iter().filter(|(_, row)| is_told(row));
            notices.extend(told.map(|(fingerprint, row)| {
                let place = told_place(place, &row);
                Notice::Other(Change::End { key: row.id, fingerprint, place })
            }));
        }
        self.rates.forget(head.id);
        self.pins.forget(head.id);
        self.idle.forget(head.id);
        notices
    }

    fn release<'a>(&self, rows: impl Iterator<Item = &'a Row>) {
        for row in rows {
            if self.schemes.any()
                && let Some(profile) = self.profiles.with(row.profile, Arc::clone)
                && let Some(way) = profile.way
            {
                self.schemes.forget(profile.account.organization.id, way);
            }
            self.profiles.release(row.profile);
        }
    }

    /// What makes a key one that never leaves; `None` for a key of another kind. The details lose it.
    ///
    /// # Errors
    /// [`Error::Internal`] if it does not open.
    pub fn open(&self, entry: &Entry, details: &mut Details) -> Result<Option<Crypto>, Error> {
        details.sealed().map(|sealed| self.sealed.open(entry, sealed)).transpose()
    }

    fn entry(&self, row: &Row) -> Option<Entry> {
        Some(Entry {
            key: Id::from_bits(row.id).into(),
            profile: self.profiles.with(row.profile, Arc::clone)?,
            suspended: row.flags & FLAG_SUSPENDED != 0,
            idles: row.flags & FLAG_IDLE != 0,
            not_before: row.not_before.map(Timestamp::from_millis),
            ends_at: row.expires_at.map(Timestamp::from_millis),
        })
    }

    /// Counts a use against the key's rate limit, and for a session that must not lie idle.
    ///
    /// # Errors
    /// [`Refusal::RateLimited`], [`Refusal::Expired`].
    pub fn count(&self, entry: &Entry, cost: u32, now: Timestamp) -> Result<(), Refusal> {
        if entry.profile.rate_limit.is_some_and(|limit| !self.rates.take(entry.key, limit, cost, now)) {
            return Err(Refusal::RateLimited);
        }
        if entry.idles && !self.idle.touch(entry.key, now) {
            return Err(Refusal::Expired);
        }
        Ok(())
    }

    /// Counts a key that was removed.
    pub(crate) fn count_removed(&self, organization: OrganizationId, account: AccountId, kind: Kind) {
        self.removed.add(organization, account, kind);
    }

    /// How many keys of a kind an account or an organization had that were removed.
    pub(crate) fn removed(&self, owner: Id, kind: Kind) -> u64 {
        self.removed.of(owner, kind)
    }

    /// Judges a read at a door, with the digest of the PIN that came with it.
    ///
    /// # Errors
    /// Those of [`Opens::judge`]; [`Refusal::RateLimited`] where too many PINs of this key were wrong lately.
    pub fn judge_opens(
        &self,
        key: KeyId,
        opens: &Opens,
        level: Option<ResourceId>,
        pin: Option<&PinDigest>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let judge = || opens.judge(level, pin);
        // Where there is none, or none was typed, nothing is guessed at.
        if opens.pin.is_some() && pin.is_some() { self.pins.judge(key, now, judge) } else { judge() }
    }

    /// Whether a key may have sessions that live.
    #[must_use]
    pub fn has_sessions(&self, parent: KeyId) -> bool {
        self.parents.has(parent)
    }

    /// Knows that a key may have sessions.
    pub(crate) fn know_sessions(&self, parent: KeyId) {
        self.parents.know(parent);
    }

    /// Forgets that a key had sessions: it is removed, and they are.
    pub(crate) fn forget_sessions(&self, parent: KeyId) {
        self.parents.forget(parent);
    }

    /// Takes over when a session was last used, as far as that is later than what is known.
    pub fn used(&self, session: KeyId, at: Timestamp) {
        self.idle.move_to(session, at);
    }

    /// Every session that must not lie idle, and whether it has for too long.
    #[must_use]
    pub fn sessions(&self, now: Timestamp) -> Vec<(KeyId, bool)> {
        self.idle.all(now)
    }

    /// Holds a way to take a digest for a key of an organization that is about to be committed, for as long as what it returns
    /// lives.
    ///
    /// # Errors
    /// [`Error::WrongState`] if the organization's keys have as many as they may, and not this one.
    pub(crate) fn reserve(
        &self,
        organization: OrganizationId,
        scheme: &Scheme,
    ) -> Result<Option<Reserved<'_>>, Error> {
        if *scheme == Scheme::Sha256 {
            return Ok(None);
        }
        let why = "eight ways to take a digest, SHA-512 and peppers, are all that an organization may have at once: \
                   import by the text, or first remove or rotate the keys of one of them";
        self.schemes.reserve(organization, scheme).map(Some).ok_or(Error::WrongState { why })
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

    /// Says that all keys of the store are in.
    pub(crate) fn settle(&self) {
        self.table.settle();
    }

    /// How many keys are live; a door credential counts once for each of its parts.
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
    let idles = key.head.session.is_some_and(|session| session.idle_seconds.is_some());
    let opens = if key.head.kind == Kind::Access { FLAG_OPENS } else { 0 };
    let sealed = if key.head.kind == Kind::Crypto { FLAG_SEALED } else { 0 };
    let own = if key.head.place == Place::Handle { FLAG_OWN } else { 0 };
    suspended | metered | opens | sealed | own | if idles { FLAG_IDLE } else { 0 }
}

/// Names a key in the maps of this module.
fn bits(key: KeyId) -> Id {
    key.id()
}

#[cfg(test)]
mod tests;
