//! This file is about counting uses of keys where they are verified, for the server to be told of: who verifies waits for
//! nobody and allocates nothing, and memory is bounded.
//!
//! A page of slots is filled by any number of threads. Whoever reports puts a new page in its place and reads this one when
//! nobody writes on it any more, so that nothing is lost in between and nothing counted twice. A slot belongs to the key whose two
//! halves stand in it; each is claimed once, by whoever comes first, and stays until the page is read.
//!
//! Where the slots of a key begin follows from its [`Place`], which is known before the key is: so a verify can ask for the memory
//! while it hashes.

use keyward_prefetch::prefetch;

use crate::place::Place;
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// How many slots a key may be in. In a page that is half full, one key in 2^20 finds all of them taken; in one without room, one in
/// 300.
const TRIES: usize = 20;
/// A count stays where it is from here on: far below what 32 bits hold, so that threads that add at once do not pass that.
const ENOUGH: u32 = 1 << 31;
/// The slots of the first page, 32 bytes each.
const FEWEST: usize = 1 << 10;
/// The most slots of a page: 2 MiB.
const MOST: usize = 1 << 16;

/// Uses of keys that were counted since the page began.
pub struct Uses {
    slots: Box<[Slot]>,
    /// How many of them somebody has claimed.
    claimed: AtomicU32,
}

/// How often one key was used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counted {
    /// The key's id.
    pub key: u128,
    /// How often it was accepted.
    pub accepted: u32,
    /// How often it was refused although it was known: suspended, expired, or not allowed.
    pub refused: u32,
    /// When it was last accepted, in seconds of the caller's clock; 0 if it was not.
    pub accepted_at: u32,
}

/// Half a cache line, and never parts of two.
#[derive(Default)]
#[repr(align(32))]
struct Slot {
    /// The halves of the id, each as its complement: zero where nobody has claimed it.
    key: [AtomicU64; 2],
    accepted: AtomicU32,
    refused: AtomicU32,
    accepted_at: AtomicU32,
}

impl Uses {
    /// The first page.
    #[must_use]
    pub fn new() -> Self {
        Self::with_slots(FEWEST)
    }

    /// The page to follow this one: larger, if many keys were used.
    #[must_use]
    pub fn successor(&self) -> Self {
        let slots = self.slots.len();
        Self::with_slots(if self.is_half_full() { (slots * 4).min(MOST) } else { slots })
    }

    fn with_slots(slots: usize) -> Self {
        Self { slots: (0..slots).map(|_| Slot::default()).collect(), claimed: AtomicU32::new(0) }
    }

    /// Asks for the memory that counting a use of a key of this place will touch first, and does not wait.
    #[inline]
    pub fn prefetch(&self, place: Place) {
        self.slots.get(self.first(place)).into_iter().for_each(prefetch);
    }

    /// Counts a use at this second of the caller's clock of a key that stands at a place, the same one each time. False: there is
    /// no room for another key, and it is not counted.
    #[inline]
    pub fn count(&self, place: Place, key: u128, accepted: bool, at: u32) -> bool {
        // No UUIDv7 has a half of ones only: its version and its variant see to that.
        let halves = [!(key as u64), !((key >> 64) as u64)];
        // A key that is there stands before the first slot that nobody has claimed. Looked at first: where there is no room, the claims
        // that took it are seen.
        let has_room = self.has_room();
        let mut tries = self.tries(place, key).take_while(|slot| has_room || slot.is_claimed());
        tries.find(|slot| slot.is_for(halves, &self.claimed)).is_some_and(|slot| {
            add_one(if accepted { &slot.accepted } else { &slot.refused });
            // Of many uses in a second one alone writes.
            if accepted && slot.accepted_at.load(Ordering::Relaxed) < at {
                slot.accepted_at.fetch_max(at, Ordering::Relaxed);
            }
            true
        })
    }

    /// Was no key counted?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.claimed() == 0
    }

    /// Is it time to read the page, or keys may soon find no room?
    #[must_use]
    pub fn is_half_full(&self) -> bool {
        self.claimed() * 2 >= self.slots.len()
    }

    /// A quarter stays free, so that a key for which there is no room soon comes to its end: after four tries on average.
    fn has_room(&self) -> bool {
        self.claimed() < self.slots.len() - self.slots.len() / 4
    }

    fn claimed(&self) -> usize {
        self.claimed.load(Ordering::Acquire) as usize
    }

    /// Everything that was counted.
    pub fn into_counted(self) -> impl Iterator<Item = Counted> {
        self.slots.into_iter().filter_map(Slot::into_counted)
    }

    /// Every slot that a key may be in: from one on, in steps of its own. Places are spread evenly, and the low 62 bits of an id are
    /// random, and the server's to draw, so nobody can crowd a slot.
    #[inline]
    fn tries(&self, place: Place, key: u128) -> impl Iterator<Item = &Slot> {
        let (first, step) = (self.first(place), (key >> 32) as usize | 1);
        // Every odd step leads everywhere.
        let mask = self.slots.len() - 1;
        (0..TRIES).filter_map(move |n| self.slots.get(first.wrapping_add(step.wrapping_mul(n)) & mask))
    }

    /// There is a power of two of slots.
    #[inline]
    fn first(&self, place: Place) -> usize {
        place.to_number() as usize & (self.slots.len() - 1)
    }
}

impl Default for Uses {
    fn default() -> Self {
        Self::new()
    }
}

impl Slot {
    /// Whether it is this key's, now if not before. Both halves decide: a key that has claimed the first and finds another's second
    /// goes on, and its half is the other's, which has the same.
    fn is_for(&self, halves: [u64; 2], claimed: &AtomicU32) -> bool {
        let [low, high] = &self.key;
        let [low_half, high_half] = halves;
        let is_first = || {
            claimed.fetch_add(1, Ordering::Release);
        };
        is_half(low, low_half, is_first) && is_half(high, high_half, || {})
    }

    fn is_claimed(&self) -> bool {
        let [low, _] = &self.key;
        low.load(Ordering::Relaxed) != 0
    }

    fn into_counted(self) -> Option<Counted> {
        let [low, high] = self.key.map(|word| word.load(Ordering::Relaxed));
        let counted = Counted {
            key: u128::from(!high) << 64 | u128::from(!low),
            accepted: self.accepted.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            accepted_at: self.accepted_at.load(Ordering::Relaxed),
        };
        (counted.accepted | counted.refused != 0).then_some(counted)
    }
}

/// Whether a half stands in a word, now if not before; `claim` is called where it is put there now.
fn is_half(word: &AtomicU64, half: u64, claim: impl FnOnce()) -> bool {
    if half == 0 {
        return false;
    }
    match word.load(Ordering::Relaxed) {
        0 => match word.compare_exchange(0, half, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => {
                claim();
                true
            }
            Err(there) => there == half,
        },
        there => there == half,
    }
}

fn add_one(count: &AtomicU32) {
    if count.load(Ordering::Relaxed) < ENOUGH {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::{Counted, Place, Uses};

    /// `b` has a half of `a`, and both begin at the same slot.
    const A: u128 = 2 << 64 | 4;
    const B: u128 = 3 << 64 | 4;

    fn place() -> Place {
        Place::of_bits(4)
    }

    #[test]
    fn keys_that_claim_a_slot_at_once_are_each_counted_as_themselves() {
        loom::model(|| {
            let uses = Arc::new(Uses::with_slots(2));
            let counting = Arc::clone(&uses);
            let other = thread::spawn(move || {
                assert!(counting.count(place(), A, true, 7));
                assert!(counting.count(place(), B, false, 8));
            });
            assert!(uses.count(place(), B, true, 9));
            other.join().unwrap();
            let uses = Arc::try_unwrap(uses).ok().unwrap();
            assert!(!uses.has_room(), "both slots count as claimed");
            let mut counted: Vec<Counted> = uses.into_counted().collect();
            counted.sort_by_key(|one| one.key);
            let wanted = [
                Counted { key: A, accepted: 1, refused: 0, accepted_at: 7 },
                Counted { key: B, accepted: 1, refused: 1, accepted_at: 9 },
            ];
            assert_eq!(counted, wanted);
        });
    }
}
