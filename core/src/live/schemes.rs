//! This file is about what imported keys ask of a look-up: digests taken another way than ours, and slow hashes whose
//! keys are found by their handle. Both are an organization's own, so that nobody's imports cost others anything; where
//! nobody imported any, a look-up pays one load for it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::id::OrganizationId;
use crate::key::Scheme;
use crate::secret::{Handle, Presented};

/// The most ways to take a digest that an organization's keys may have beside SHA-256: each costs whoever asks about an
/// unknown text for that organization one hash.
pub(super) const LIMIT: usize = 8;
/// Of how many texts is remembered whose they were, twice: those of now and those before them.
const REMEMBERED: usize = 65_536;

/// Among whose keys a text is looked for. Its SHA-256 costs the same whosever they are; what else is tried is this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Those of one organization, and by its ways.
    One(OrganizationId),
    /// Anybody's, by the ways of the organization that this very text was found in before.
    AtHand,
    /// Anybody's, by every way that anybody has: the work grows with all organizations.
    Anyone,
}

impl Whose {
    pub(super) fn includes(self, organization: OrganizationId) -> bool {
        match self {
            Self::One(whose) => whose == organization,
            Self::AtHand | Self::Anyone => true,
        }
    }
}

/// The ways in use.
#[derive(Default)]
pub(super) struct Schemes {
    any: AtomicBool,
    ways: RwLock<Ways>,
    /// How long the handles of slowly hashed keys are.
    slow_lengths: RwLock<BTreeMap<OrganizationId, BTreeSet<usize>>>,
    found: Mutex<FoundIn>,
}

#[derive(Default)]
struct Ways {
    of: BTreeMap<OrganizationId, Own>,
    /// Every way once, with how many organizations have it.
    all: Vec<(Arc<Scheme>, usize)>,
}

/// One organization's.
#[derive(Default)]
struct Own {
    ways: Vec<Option<Way>>,
    /// Those of which the last key was removed since the start, the latest last: its text is still known as that of a removed
    /// key, and no look-up pays for them.
    past: Vec<Arc<Scheme>>,
}

struct Way {
    scheme: Arc<Scheme>,
    /// How many rows of the table are found by it.
    rows: usize,
    /// How many keys may be about to be.
    reserved: usize,
    /// Whether any ever was.
    used: bool,
}

/// Where texts were found that took a search, by bits that give a guesser nothing to compare with.
#[derive(Default)]
struct FoundIn {
    now: HashMap<u64, OrganizationId>,
    before: HashMap<u64, OrganizationId>,
}

/// One of an organization's ways, held for a key that is about to be committed.
pub(crate) struct Reserved<'a> {
    schemes: &'a Schemes,
    organization: OrganizationId,
    number: usize,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.schemes.change(|ways| {
            ways.count(self.organization, self.number, |way| way.reserved = way.reserved.saturating_sub(1));
        });
    }
}

impl Schemes {
    /// Counts a row that is found this way. It is never refused: what is in the store stays in use, whatever was allowed
    /// when it was imported.
    pub(super) fn learn(&self, organization: OrganizationId, scheme: &Scheme) -> Option<usize> {
        if *scheme == Scheme::Sha256 {
            return None;
        }
        Some(self.change(|ways| {
            let number = ways.number(organization, scheme);
            ways.count(organization, number, |way| way.rows += 1);
            number
        }))
    }

    /// A row that was found this way is gone.
    pub(super) fn forget(&self, organization: OrganizationId, number: usize) {
        self.change(|ways| ways.count(organization, number, |way| way.rows = way.rows.saturating_sub(1)));
    }

    /// Holds a way for a key of an organization; `None` if it has all that it may have, and not this one.
    pub(super) fn reserve(&self, organization: OrganizationId, scheme: &Scheme) -> Option<Reserved<'_>> {
        self.change(|ways| {
            let own = ways.of.get(&organization).map_or(&[][..], |own| own.ways.as_slice());
            let has_it = own.iter().flatten().any(|way| *way.scheme == *scheme);
            if !has_it && own.iter().flatten().count() >= LIMIT {
                return None;
            }
            let number = ways.number(organization, scheme);
            ways.count(organization, number, |way| way.reserved += 1);
            Some(Reserved { schemes: self, organization, number })
        })
    }

    fn change<R>(&self, change: impl FnOnce(&mut Ways) -> R) -> R {
        let mut ways = self.ways.write().unwrap_or_else(PoisonError::into_inner);
        let done = change(&mut ways);
        self.any.store(!ways.all.is_empty(), Ordering::Release);
        done
    }

    /// Whether any key is found another way than ours.
    pub(super) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// The ways of one organization's keys.
    pub(super) fn of(&self, organization: OrganizationId) -> Vec<Arc<Scheme>> {
        let ways = self.ways.read().unwrap_or_else(PoisonError::into_inner);
        ways.of.get(&organization).into_iter().flat_map(Own::in_use).map(Arc::clone).collect()
    }

    /// The ways of one organization's keys, and of those that were removed as far as they are known.
    pub(super) fn ever_of(&self, organization: OrganizationId) -> Vec<Arc<Scheme>> {
        let ways = self.ways.read().unwrap_or_else(PoisonError::into_inner);
        ways.of.get(&organization).into_iter().flat_map(Own::ever).map(Arc::clone).collect()
    }

    /// The ways of everybody's keys, each once.
    pub(super) fn all(&self) -> Vec<Arc<Scheme>> {
        let ways = self.ways.read().unwrap_or_else(PoisonError::into_inner);
        ways.all.iter().map(|(scheme, _)| Arc::clone(scheme)).collect()
    }

    /// The same, and those of keys that were removed as far as they are known.
    pub(super) fn all_ever(&self) -> Vec<Arc<Scheme>> {
        let ways = self.ways.read().unwrap_or_else(PoisonError::into_inner);
        ways.of.values().flat_map(Own::ever).map(Arc::clone).collect()
    }

    fn found(&self) -> MutexGuard<'_, FoundIn> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers in whose keys a text was found.
    pub(super) fn remember(&self, text: u64, organization: OrganizationId) {
        let mut found = self.found();
        if found.now.len() >= REMEMBERED {
            found.before = std::mem::take(&mut found.now);
        }
        found.now.insert(text, organization);
    }

    /// The organization that a text was found in.
    pub(super) fn where_found(&self, text: u64) -> Option<OrganizationId> {
        let found = self.found();
        found.now.get(&text).or_else(|| found.before.get(&text)).copied()
    }

    pub(super) fn learn_slow(&self, organization: OrganizationId, handle: &Handle) {
        let mut lengths = self.slow_lengths.write().unwrap_or_else(PoisonError::into_inner);
        lengths.entry(organization).or_default().insert(handle.as_str().len());
    }

    pub(super) fn slow_handles(&self, presented: &Presented<'_>, whose: Whose) -> Vec<Handle> {
        let lengths = self.slow_lengths.read().unwrap_or_else(PoisonError::into_inner);
        let theirs = lengths.iter().filter(|(organization, _)| whose.includes(**organization));
        let lengths: BTreeSet<usize> = theirs.flat_map(|(_, lengths)| lengths).copied().collect();
        let beginnings = lengths.into_iter().filter_map(|length| presented.text().get(..length));
        // A secret of our own has one handle, and that is claimed for good.
        let own = presented.handle();
        beginnings
            .filter_map(Handle::parse)
            .filter(|handle| own.as_ref().is_none_or(|own| own == handle))
            .collect()
    }
}

impl Own {
    fn in_use(&self) -> impl Iterator<Item = &Arc<Scheme>> {
        self.ways.iter().flatten().filter(|way| way.rows > 0).map(|way| &way.scheme)
    }

    fn ever(&self) -> impl Iterator<Item = &Arc<Scheme>> {
        self.in_use().chain(&self.past)
    }

    /// Puts a way where one is free.
    fn put(&mut self, way: Way) -> usize {
        self.past.retain(|past| *past != way.scheme);
        if let Some((number, free)) = self.ways.iter_mut().enumerate().find(|(_, free)| free.is_none()) {
            *free = Some(way);
            return number;
        }
        self.ways.push(Some(way));
        self.ways.len() - 1
    }

    fn let_go(&mut self, number: usize) {
        let way = self.ways.get_mut(number).and_then(Option::take);
        self.past.extend(way.filter(|way| way.used).map(|way| way.scheme));
        let surplus = self.past.len().saturating_sub(LIMIT);
        self.past.drain(..surplus);
    }
}

impl Ways {
    /// The number of a way; it gets one if it has none.
    fn number(&mut self, organization: OrganizationId, scheme: &Scheme) -> usize {
        let own = self.of.entry(organization).or_default();
        let is_it = |way: &Option<Way>| way.as_ref().is_some_and(|way| *way.scheme == *scheme);
        if let Some(number) = own.ways.iter().position(is_it) {
            return number;
        }
        let known = self.all.iter().find(|(known, _)| **known == *scheme);
        let scheme = known.map_or_else(|| Arc::new(scheme.clone()), |(known, _)| Arc::clone(known));
        own.put(Way { scheme, rows: 0, reserved: 0, used: false })
    }

    /// Counts for a way, and lets go of it where nothing is left of it.
    fn count(&mut self, organization: OrganizationId, number: usize, count: impl FnOnce(&mut Way)) {
        let Some(own) = self.of.get_mut(&organization) else { return };
        let Some(Some(way)) = own.ways.get_mut(number) else { return };
        let had_rows = way.rows > 0;
        count(way);
        way.used |= way.rows > 0;
        let (scheme, has_rows, is_reserved) = (Arc::clone(&way.scheme), way.rows > 0, way.reserved > 0);
        if !has_rows && !is_reserved {
            own.let_go(number);
        }
        match (had_rows, has_rows) {
            (false, true) => match self.all.iter_mut().find(|(known, _)| *known == scheme) {
                Some((_, organizations)) => *organizations += 1,
                None => self.all.push((scheme, 1)),
            },
            (true, false) => {
                self.all.iter_mut().filter(|(known, _)| *known == scheme).for_each(|(_, n)| *n -= 1);
                self.all.retain(|(_, organizations)| *organizations > 0);
            }
            (true, true) | (false, false) => {}
        }
    }
}
