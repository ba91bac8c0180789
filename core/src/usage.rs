//! This file is about usage: who used a key when, and who still tries after it was removed.
//!
//! A verify writes nothing; it notes its use here, in memory, and the server carries what was noted to the
//! store every second. A crash may lose the last second's notes; it never delays a verify.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::time::Timestamp;

/// How many hours of counts are kept for a key: a week.
const HOURS: usize = 7 * 24;
/// How many clients are kept for a key, the latest ones.
const CLIENTS: usize = 16;
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
    /// From where.
    pub address: IpAddr,
    /// When last.
    pub last_seen_at: Timestamp,
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
        let hour = one.at.seconds() / 3600;
        let counts = if one.accepted { &mut self.accepted } else { &mut self.refused };
        *counts.entry(hour).or_default() += 1;
        if one.accepted {
            self.last_used_at = self.last_used_at.max(Some(one.at));
        }
        if let Some(address) = one.address {
            self.seen(Client { address, last_seen_at: one.at });
        }
        self.trim();
    }

    /// Adds what was noted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.last_used_at = self.last_used_at.max(other.last_used_at);
        for (mine, theirs) in [(&mut self.accepted, &other.accepted), (&mut self.refused, &other.refused)] {
            for (hour, count) in theirs {
                *mine.entry(*hour).or_default() += count;
            }
        }
        for client in other.clients.iter().rev() {
            self.seen(client.clone());
        }
        self.trim();
    }

    fn seen(&mut self, client: Client) {
        self.clients.retain(|known| known.address != client.address);
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
        let row = Row {
            last_used_at: self.last_used_at.map(Timestamp::millis),
            accepted: self.accepted.clone(),
            refused: self.refused.clone(),
            clients: self.clients.iter().map(|c| (c.address, c.last_seen_at.millis())).collect(),
        };
        postcard::to_allocvec(&row).unwrap_or_default()
    }

    /// Reads what [`Usage::encode`] wrote; nothing known where it was anything else.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        let Ok(row) = postcard::from_bytes::<Row>(bytes) else { return Self::default() };
        let clients = row.clients.into_iter();
        Self {
            last_used_at: row.last_used_at.map(Timestamp::from_millis),
            accepted: row.accepted,
            refused: row.refused,
            clients: clients
                .map(|(address, at)| Client { address, last_seen_at: Timestamp::from_millis(at) })
                .collect(),
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

/// Uses that were noted and not yet carried to the store.
pub struct Notes {
    shards: Vec<Mutex<HashMap<Id, Vec<Use>>>>,
}

impl Default for Notes {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl Notes {
    /// Notes one use of a key.
    pub fn add(&self, key: Id, one: Use) {
        // The low bits of an id are random.
        let shard = (key.bits() & (SHARDS as u128 - 1)) as usize;
        if let Some(notes) = self.shards.get(shard) {
            notes.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().push(one);
        }
    }

    /// Takes all notes.
    pub fn drain(&self) -> impl Iterator<Item = (Id, Usage)> {
        let taken = self
            .shards
            .iter()
            .map(|s| std::mem::take(&mut *s.lock().unwrap_or_else(PoisonError::into_inner)));
        taken.flatten().map(|(key, uses)| {
            let mut usage = Usage::default();
            uses.into_iter().for_each(|one| usage.add(one));
            (key, usage)
        })
    }
}
