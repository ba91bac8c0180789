//! This file is about usage: who used a key when, and who still tries after it was removed.
//!
//! A verify writes nothing; it notes its use here, in memory, and the server carries notes to the store at a
//! bounded pace. A crash may lose the latest notes; they never delay a verify.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::time::Timestamp;

/// How many hours of counts are kept for a key: a week.
const HOURS: usize = 7 * 24;
/// How many clients are kept for a key, the latest ones.
const CLIENTS: usize = 16;
/// The most keys that notes wait for at once.
const KEYS: usize = 1 << 20;
/// Beyond so many, no further key is noted of which only verifiers elsewhere tell: whatever they say, there is room for what is
/// seen here.
const KEYS_TOLD: usize = KEYS / 2;
/// Locks that notes are spread over, so that two cores rarely meet at one.
const SHARDS: usize = 64;

/// What is known of a key's use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
    /// Accepted uses by hour (hours since the Unix epoch), a week at most.
    pub accepted: BTreeMap<u64, u64>,
    /// Refused attempts by hour: suspended, expired, removed, or not allowed.
    pub refused: BTreeMap<u64, u64>,
    /// The last clients, most recent first.
    pub clients: Vec<Client>,
}

/// Somebody who uses a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Who.
    pub who: Who,
    /// When last.
    pub last_seen_at: Timestamp,
}

/// By what somebody who uses a key is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Their address.
    Address(IpAddr),
    /// The name of the verifier that they came to. From where, it does not say.
    Verifier(Arc<str>),
}

/// One use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// When.
    pub at: Timestamp,
    /// From where, if that is known.
    pub address: Option<IpAddr>,
    /// Whether it was accepted.
    pub accepted: bool,
}

impl Usage {
    /// Adds one use.
    pub fn add(&mut self, one: Use) {
        self.count(one.at, 1, one.accepted);
        if let Some(address) = one.address {
            self.seen(Client { who: Who::Address(address), last_seen_at: one.at });
        }
    }

    /// Adds so many uses at one time.
    pub(crate) fn count(&mut self, at: Timestamp, uses: u64, accepted: bool) {
        if uses == 0 {
            return;
        }
        let counts = if accepted { &mut self.accepted } else { &mut self.refused };
        let count = counts.entry(hour_of(at)).or_default();
        *count = count.saturating_add(uses);
        if accepted {
            self.last_used_at = self.last_used_at.max(Some(at));
        }
        self.trim();
    }

    /// Adds what was noted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.last_used_at = self.last_used_at.max(other.last_used_at);
        for (mine, theirs) in [(&mut self.accepted, &other.accepted), (&mut self.refused, &other.refused)] {
            for (hour, count) in theirs {
                let mine = mine.entry(*hour).or_default();
                *mine = mine.saturating_add(*count);
            }
        }
        for client in other.clients.iter().rev() {
            self.seen(client.clone());
        }
        self.trim();
    }

    /// Adds somebody who uses the key.
    pub(crate) fn seen(&mut self, client: Client) {
        if let Some(latest) = self.clients.first_mut().filter(|latest| latest.who == client.who) {
            latest.last_seen_at = latest.last_seen_at.max(client.last_seen_at);
            return;
        }
        self.clients.retain(|known| known.who != client.who);
        let at = self.clients.partition_point(|known| known.last_seen_at > client.last_seen_at);
        self.clients.insert(at, client);
        self.clients.truncate(CLIENTS);
    }

    fn trim(&mut self) {
        for counts in [&mut self.accepted, &mut self.refused] {
            while counts.len() > HOURS {
                counts.pop_first();
            }
        }
    }

    /// The usage as a store keeps it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut row = Row {
            last_used_at: self.last_used_at.map(Timestamp::millis),
            accepted: self.accepted.clone(),
            refused: self.refused.clone(),
            clients: Vec::new(),
        };
        let mut verifiers: Vec<(&str, u64)> = Vec::new();
        for Client { who, last_seen_at } in &self.clients {
            match who {
                Who::Address(address) => row.clients.push((*address, last_seen_at.millis())),
                Who::Verifier(name) => verifiers.push((name, last_seen_at.millis())),
            }
        }
        postcard::to_allocvec(&(row, verifiers)).unwrap_or_default()
    }

    /// Reads what [`Usage::encode`] wrote; nothing known where it was anything else.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        let Ok((row, rest)) = postcard::take_from_bytes::<Row>(bytes) else { return Self::default() };
        // Earlier builds wrote none.
        let verifiers: Vec<(String, u64)> = postcard::from_bytes(rest).unwrap_or_default();
        let verifiers = verifiers.into_iter().map(|(name, at)| (Who::Verifier(name.into()), at));
        let addresses = row.clients.into_iter().map(|(address, at)| (Who::Address(address), at));
        let client = |(who, at)| Client { who, last_seen_at: Timestamp::from_millis(at) };
        let mut clients: Vec<Client> = addresses.chain(verifiers).map(client).collect();
        clients.sort_by_key(|client| std::cmp::Reverse(client.last_seen_at));
        Self {
            last_used_at: row.last_used_at.map(Timestamp::from_millis),
            accepted: row.accepted,
            refused: row.refused,
            clients,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Row {
    last_used_at: Option<u64>,
    accepted: BTreeMap<u64, u64>,
    refused: BTreeMap<u64, u64>,
    clients: Vec<(IpAddr, u64)>,
}

fn hour_of(at: Timestamp) -> u64 {
    at.seconds() / 3600
}

/// Uses that were noted and not yet carried to the store.
pub struct Notes {
    shards: Vec<Mutex<Shard>>,
}

type Shard = HashMap<Id, Note, FxBuildHasher>;

/// The uses of one key: those of the latest hour and client as plain numbers, because nearly every use is like the one
/// before it, and all others as usage.
#[derive(Clone, Default)]
struct Note {
    hour: u64,
    accepted: u64,
    refused: u64,
    last_used_at: Option<Timestamp>,
    client: Option<(IpAddr, Timestamp)>,
    others: Option<Box<Usage>>,
}

impl Note {
    fn add(&mut self, one: Use) {
        let hour = hour_of(one.at);
        let address = self.client.map(|(address, _)| address);
        let is_new = self.accepted + self.refused == 0;
        if !is_new && (hour != self.hour || address != one.address) {
            let others = std::mem::take(self).into_usage();
            self.others = Some(Box::new(others));
        }
        self.hour = hour;
        *(if one.accepted { &mut self.accepted } else { &mut self.refused }) += 1;
        if one.accepted {
            self.last_used_at = self.last_used_at.max(Some(one.at));
        }
        if let Some(address) = one.address {
            let before = self.client.map(|(_, last_seen_at)| last_seen_at);
            self.client = Some((address, before.max(Some(one.at)).unwrap_or(one.at)));
        }
    }

    fn into_usage(self) -> Usage {
        let mut usage = self.others.map(|others| *others).unwrap_or_default();
        let counted = |count| if count > 0 { BTreeMap::from([(self.hour, count)]) } else { BTreeMap::new() };
        usage.merge(&Usage {
            last_used_at: self.last_used_at,
            accepted: counted(self.accepted),
            refused: counted(self.refused),
            clients: self
                .client
                .into_iter()
                .map(|(address, last_seen_at)| Client { who: Who::Address(address), last_seen_at })
                .collect(),
        });
        usage
    }
}

impl Default for Notes {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl Notes {
    /// Notes one use of a key. Where notes of too many keys wait already, a key without any is not noted: what
    /// is known of its use is then older than it might be.
    pub fn add(&self, key: Id, one: Use) {
        self.note(key, KEYS, |note| note.add(one));
    }

    /// Notes uses of a key that were counted elsewhere, if there is room.
    pub(crate) fn merge(&self, key: Id, counted: &Usage) {
        self.note(key, KEYS_TOLD, |note| note.others.get_or_insert_default().merge(counted));
    }

    fn note(&self, key: Id, most: usize, add: impl FnOnce(&mut Note)) {
        let Some(mut notes) = self.shard(key) else { return };
        let room = notes.len() < most / SHARDS;
        match notes.entry(key) {
            Entry::Occupied(mut note) => add(note.get_mut()),
            Entry::Vacant(place) if room => add(place.insert(Note::default())),
            Entry::Vacant(_) => {}
        }
    }

    /// What is noted of a key.
    #[must_use]
    pub fn of(&self, key: Id) -> Option<Usage> {
        self.shard(key)?.get(&key).cloned().map(Note::into_usage)
    }

    /// Takes the notes of at most so many keys.
    #[must_use]
    pub fn take(&self, most: usize) -> Vec<(Id, Usage)> {
        let mut taken = Vec::new();
        for shard in &self.shards {
            let mut notes = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let keys: Vec<Id> = notes.keys().take(most / SHARDS + 1).copied().collect();
            taken.extend(keys.into_iter().filter_map(|key| notes.remove_entry(&key)));
        }
        taken.into_iter().map(|(key, note)| (key, note.into_usage())).collect()
    }

    fn shard(&self, key: Id) -> Option<MutexGuard<'_, Shard>> {
        // The low bits of an id are random.
        let shard = self.shards.get((key.bits() & (SHARDS as u128 - 1)) as usize)?;
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::IpAddr;

    use super::{Client, Notes, Usage, Use, Who};
    use crate::id::Id;
    use crate::time::Timestamp;

    fn used(seconds: u64, last_octet: u8, accepted: bool) -> Use {
        let address = Some(std::net::Ipv4Addr::new(10, 0, 0, last_octet).into());
        Use { at: Timestamp::from_millis(seconds * 1000), address, accepted }
    }

    #[test]
    fn uses_are_counted_by_hour_and_refusals_apart() {
        let mut usage = Usage::default();
        for seconds in [0, 3599, 3600] {
            usage.add(used(seconds, 1, true));
        }
        usage.add(used(7200, 2, false));
        assert_eq!(usage.accepted.into_iter().collect::<Vec<_>>(), [(0, 2), (1, 1)]);
        assert_eq!(usage.refused.into_iter().collect::<Vec<_>>(), [(2, 1)]);
        assert_eq!(usage.last_used_at, Some(Timestamp::from_millis(3_600_000)));
    }

    #[test]
    fn the_latest_clients_are_kept_each_once() {
        let mut usage = Usage::default();
        for round in 0..2 {
            for client in 0..20 {
                usage.add(used(round * 100 + u64::from(client), client, true));
            }
        }
        let last: Vec<Who> = usage.clients.iter().map(|client| client.who.clone()).collect();
        let want: Vec<Who> = (4..20)
            .rev()
            .map(|client| Who::Address(std::net::Ipv4Addr::new(10, 0, 0, client).into()))
            .collect();
        assert_eq!(last, want);
    }

    /// Both kinds in one list, by when they were seen; what an earlier build wrote says nothing of verifiers.
    #[test]
    fn clients_are_written_and_read_again() {
        let mut usage = Usage::default();
        for (seconds, name) in [(1, "gateway-1"), (3, "gateway-2"), (5, "gateway-1")] {
            usage.add(used(seconds - 1, seconds as u8, true));
            let last_seen_at = Timestamp::from_millis(seconds * 1000);
            usage.seen(Client { who: Who::Verifier(name.into()), last_seen_at });
        }
        let last: Vec<Who> = usage.clients.iter().map(|client| client.who.clone()).collect();
        let address = |octet: u8| Who::Address([10, 0, 0, octet].into());
        let verifier = |name: &str| Who::Verifier(name.into());
        assert_eq!(last, [verifier("gateway-1"), address(5), verifier("gateway-2"), address(3), address(1)]);
        let bytes = usage.encode();
        assert_eq!(Usage::decode(&bytes), usage);
        // As it was written before: postcard of last use, counts by hour, and addresses with when they were seen.
        let old = (
            Some(7000_u64),
            BTreeMap::from([(0_u64, 1_u64)]),
            BTreeMap::<u64, u64>::new(),
            [(IpAddr::from([10, 0, 0, 1]), 7000_u64)].to_vec(),
        );
        let mut known = Usage::default();
        known.add(used(7, 1, true));
        assert_eq!(Usage::decode(&postcard::to_allocvec(&old).unwrap()), known);
    }

    #[test]
    fn merging_parts_is_the_same_as_noting_all() {
        let uses: Vec<Use> = (0_u8..60).map(|n| used(u64::from(n) * 977, n % 7, n % 3 != 0)).collect();
        let mut whole = Usage::default();
        uses.iter().for_each(|one| whole.add(*one));
        let mut merged = Usage::default();
        for part in uses.chunks(11) {
            let mut noted = Usage::default();
            part.iter().for_each(|one| noted.add(*one));
            merged.merge(&noted);
        }
        assert_eq!(merged, whole);
        let notes = Notes::default();
        uses.iter().for_each(|one| notes.add(Id::from_bits(1), *one));
        assert_eq!(notes.of(Id::from_bits(1)), Some(whole.clone()));
        assert_eq!(Usage::decode(&whole.encode()), whole);
    }

    /// What verifiers report once took its place among what is seen here, and room from it.
    #[test]
    fn what_is_told_by_others_is_added_and_leaves_room() {
        let (notes, mut model) = (Notes::default(), Usage::default());
        for seconds in [5, 7200] {
            notes.add(Id::from_bits(1), used(seconds, 1, true));
            model.add(used(seconds, 1, true));
            let mut told = Usage::default();
            told.count(Timestamp::from_millis(3_600_000), u64::from(u32::MAX), true);
            told.count(Timestamp::from_millis(9000), 3, false);
            notes.merge(Id::from_bits(1), &told);
            model.merge(&told);
        }
        assert_eq!(notes.of(Id::from_bits(1)), Some(model));
        let full = Notes::default();
        let told = Usage { refused: [(1, 1)].into(), ..Usage::default() };
        (0..1 << 20).for_each(|key| full.merge(Id::from_bits(key), &told));
        let new = Id::from_bits(1 << 30);
        full.merge(new, &told);
        assert_eq!(full.of(new), None, "there is no room for more of that");
        full.add(new, used(1, 1, true));
        assert!(full.of(new).is_some());
        full.merge(new, &told);
        assert_eq!(full.of(new).map(|usage| usage.refused.len()), Some(1), "of a key that is noted anyway");
    }

    #[test]
    fn notes_are_taken_once() {
        let notes = Notes::default();
        for key in 0..1000 {
            notes.add(Id::from_bits(key), used(1, 1, true));
        }
        assert!(notes.of(Id::from_bits(7)).is_some());
        let taken: usize = (0..100).map(|_| notes.take(64).len()).sum();
        assert_eq!(taken, 1000);
        assert!(notes.of(Id::from_bits(7)).is_none());
    }
}
