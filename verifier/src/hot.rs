//! This file is about the cache of a verifier that keeps only what is used: a late answer never brings back what a
//! change has ended meanwhile.
//!
//! A lookup travels to the server and back while changes go on. Its answer says which position it reflects; what has
//! changed since then is remembered for a while, and an answer that is older than a change of the same key, or older than what is
//! remembered, is not kept. (It is still good for the verify that asked: the server answered after that began.)

use std::collections::{HashMap, VecDeque};

use crate::lease::Position;
use crate::record::Fingerprint;

/// A bounded cache of keys, found by what is kept of their digests.
///
/// It is emptied ([`clear`](Self::clear)) whenever the stream of changes is broken. When it is full, a key goes that was not used
/// since the last round (the *clock* or second-chance rule).
pub struct Hot<V> {
    capacity: usize,
    entries: HashMap<Fingerprint, Entry<V>>,
    fingerprints: HashMap<u128, Vec<Fingerprint>>,
    /// In the order in which they came or were spared.
    queue: VecDeque<Fingerprint>,
    changes: Changes,
}

struct Entry<V> {
    key: u128,
    value: V,
    used: bool,
}

impl<V> Hot<V> {
    /// An empty cache for so many keys. It remembers as many changes.
    #[must_use]
    pub fn new(capacity: usize, begins_at: Position) -> Self {
        Self {
            capacity: capacity.max(1),
            entries: HashMap::new(),
            fingerprints: HashMap::new(),
            queue: VecDeque::new(),
            changes: Changes { forgotten: begins_at, latest: HashMap::new(), order: VecDeque::new() },
        }
    }

    /// What is kept of a key.
    pub fn find(&mut self, fingerprint: Fingerprint) -> Option<&V> {
        let entry = self.entries.get_mut(&fingerprint)?;
        entry.used = true;
        Some(&entry.value)
    }

    /// Keeps what the server answered, as of a position. False: something newer is known, and it is not kept.
    pub fn fill(&mut self, fingerprint: Fingerprint, key: u128, value: V, answered_at: Position) -> bool {
        if !self.changes.allow(key, answered_at) {
            return false;
        }
        match self.entries.insert(fingerprint, Entry { key, value, used: false }) {
            Some(other) => self.unlink(other.key, fingerprint),
            None => self.queue.push_back(fingerprint),
        }
        self.fingerprints.entry(key).or_default().push(fingerprint);
        self.evict();
        true
    }

    /// A key changed or ended at a position, or before: what was kept of it goes. A frame of changes tells only where it ends,
    /// so that is the position of them all.
    pub fn changed(&mut self, key: u128, position: Position) {
        for fingerprint in self.fingerprints.remove(&key).into_iter().flatten() {
            self.entries.remove(&fingerprint);
        }
        self.changes.note(key, position, self.capacity);
    }

    /// The stream of changes was broken, and begins anew at a position.
    pub fn clear(&mut self, begins_at: Position) {
        *self = Self::new(self.capacity, begins_at);
    }

    /// How many keys are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Is nothing kept?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn evict(&mut self) {
        while self.queue.len() > self.capacity
            && let Some(fingerprint) = self.queue.pop_front()
        {
            match self.entries.get_mut(&fingerprint) {
                Some(entry) if entry.used => {
                    entry.used = false;
                    self.queue.push_back(fingerprint);
                }
                Some(entry) => {
                    let key = entry.key;
                    self.entries.remove(&fingerprint);
                    self.unlink(key, fingerprint);
                }
                // It ended.
                None => {}
            }
        }
    }

    fn unlink(&mut self, key: u128, fingerprint: Fingerprint) {
        if let Some(theirs) = self.fingerprints.get_mut(&key) {
            theirs.retain(|other| *other != fingerprint);
            if theirs.is_empty() {
                self.fingerprints.remove(&key);
            }
        }
    }
}

/// The latest changes.
struct Changes {
    /// What changed up to here is not remembered.
    forgotten: Position,
    latest: HashMap<u128, Position>,
    order: VecDeque<(Position, u128)>,
}

impl Changes {
    fn note(&mut self, key: u128, position: Position, capacity: usize) {
        self.latest.insert(key, position);
        self.order.push_back((position, key));
        while self.order.len() > capacity
            && let Some((position, key)) = self.order.pop_front()
        {
            self.forgotten = self.forgotten.max(position);
            if self.latest.get(&key) == Some(&position) {
                self.latest.remove(&key);
            }
        }
    }

    fn allow(&self, key: u128, answered_at: Position) -> bool {
        answered_at >= self.forgotten && self.latest.get(&key).is_none_or(|changed| answered_at >= *changed)
    }
}
