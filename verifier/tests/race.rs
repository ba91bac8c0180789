//! These tests are about many threads: what readers see while writers change the table under them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at its own mistakes")]

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use keyward_verifier::{Details, Place, Profiles, Row, Table};

const KEYS: u64 = 2_000;
/// One key in so many is never touched.
const UNTOUCHED: u64 = 4;
const READERS: u64 = 3;
const WRITERS: u64 = 2;
const LOOKUPS: u64 = 400_000;

/// Few places, so that keys share runs; few segments are in use, so that they are rebuilt all the time.
fn place(key: u64) -> Place {
    Place::of_bits(key % 16)
}

fn digest(key: u64) -> [u8; 32] {
    let word = (key + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes();
    std::array::from_fn(|n| word[n % 8])
}

/// Everything but the id follows from `value`: parts of two rows of a key would not fit together.
fn row(key: u64, value: u64) -> Row {
    let word = value.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    Row {
        id: u128::from(key) << 64 | u128::from(key),
        profile: value as u32,
        expires_at: Some(word >> 32 << 10).map(|at| at / 1000 % (1 << 32) * 1000),
        not_before: value.is_multiple_of(3).then_some(value % (1 << 20) * 1000),
        flags: word as u8,
    }
}

fn details(value: u64) -> Vec<u8> {
    (0..value % 40).map(|n| (value ^ n) as u8).collect()
}

/// Numbers that look random.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) % sides
    }
}

/// What is published about a key: a count in steps of four, and in its low bits whether it is certainly there or not.
/// A key that is replaced is there all the time.
const CHANGING: u64 = 0;
const REMOVED: u64 = 1;
const LIVE: u64 = 2;

struct World {
    table: Table,
    states: Vec<AtomicU64>,
    readers_left: AtomicUsize,
}

impl World {
    fn publish(&self, key: u64, state: u64) {
        let last = self.states[key as usize].load(Ordering::Relaxed);
        self.states[key as usize].store((last & !3) + 4 + state, Ordering::Release);
    }

    fn insert(&self, key: u64, value: u64) {
        self.table.insert(place(key), &digest(key), &row(key, value), &details(value)).unwrap();
    }

    fn write(&self, mut dice: Dice, writer: u64) {
        let mut value = writer;
        while self.readers_left.load(Ordering::Relaxed) > 0 {
            let key = dice.roll(KEYS);
            // Each key has one writer, as it has one committer in the server.
            if key.is_multiple_of(UNTOUCHED) || key / UNTOUCHED % WRITERS != writer {
                continue;
            }
            value += WRITERS;
            if dice.roll(3) == 0 {
                self.publish(key, CHANGING);
                self.table.remove(place(key), row(key, 0).id);
                self.publish(key, REMOVED);
                continue;
            }
            let was_live = self.states[key as usize].load(Ordering::Relaxed) & 3 == LIVE;
            if !was_live {
                self.publish(key, CHANGING);
            }
            self.insert(key, value);
            if !was_live {
                self.publish(key, LIVE);
            }
        }
    }

    fn read(&self, mut dice: Dice) -> [u64; 2] {
        let mut certain = [0; 2];
        let mut seen = Vec::new();
        for _ in 0..LOOKUPS {
            let key = dice.roll(KEYS);
            let before = self.states[key as usize].load(Ordering::Acquire);
            let found = self.table.find(place(key), &digest(key), &mut seen);
            let after = self.states[key as usize].load(Ordering::Acquire);

            if let Some(found) = found {
                // The profile is the value's low half, and values stay below 2^32 here.
                let value = u64::from(found.profile);
                assert_eq!(found, row(key, value), "parts of two rows");
                assert_eq!(seen, details(value), "details of another row");
            }
            match before & 3 {
                REMOVED if before == after => {
                    assert_eq!(found, None, "key {key} was found after its removal had returned");
                    certain[0] += 1;
                }
                LIVE if before == after => {
                    assert!(found.is_some(), "key {key}, which was there all the time, was not found");
                    certain[1] += 1;
                }
                _ => {}
            }
        }
        self.readers_left.fetch_sub(1, Ordering::Relaxed);
        certain
    }
}

#[test]
fn readers_see_whole_rows_no_removed_ones_and_every_untouched_one() {
    let world = World {
        table: Table::new(0xFEED_FACE_CAFE_BEEF, 0),
        states: (0..KEYS).map(|_| AtomicU64::new(REMOVED)).collect(),
        readers_left: AtomicUsize::new(READERS as usize),
    };
    for key in (0..KEYS).step_by(UNTOUCHED as usize) {
        world.insert(key, key);
        world.publish(key, LIVE);
    }
    let certain = thread::scope(|scope| {
        let world = &world;
        for writer in 0..WRITERS {
            scope.spawn(move || world.write(Dice(0x1234_5678_9ABC + writer), writer));
        }
        let readers: Vec<_> =
            (0..READERS).map(|reader| scope.spawn(move || world.read(Dice(0xABCD_EF01 + reader)))).collect();
        readers
            .into_iter()
            .map(|reader| reader.join().unwrap())
            .fold([0; 2], |sum, one| [sum[0] + one[0], sum[1] + one[1]])
    });
    assert!(
        certain[0] > LOOKUPS / 10 && certain[1] > LOOKUPS / 10,
        "the race judged too little: {certain:?}"
    );
}

#[test]
fn a_row_is_never_seen_with_another_rows_profile() {
    let (table, profiles, done) = (Table::new(1, 0), Profiles::new(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut dice = Dice(99);
            while !done.load(Ordering::Relaxed) {
                let key = dice.roll(20);
                let ended = if dice.roll(2) == 0 {
                    let profile = profiles.acquire(key).unwrap();
                    let row = Row { profile, ..row(key, 0) };
                    table.insert(place(key), &digest(key), &row, b"").unwrap()
                } else {
                    table.remove(place(key), row(key, 0).id).into_iter().map(|(_, row)| row).collect()
                };
                for row in ended {
                    assert!(profiles.release(row.profile));
                }
            }
        });
        let readers = [1, 2].map(|reader| {
            let (table, profiles) = (&table, &profiles);
            scope.spawn(move || {
                let (mut dice, mut hits) = (Dice(reader), 0);
                for _ in 0..LOOKUPS {
                    let key = dice.roll(20);
                    let resolve = |row: Row, _: Details<'_>| profiles.with(row.profile, |profile| **profile);
                    if let Some(profile) = table.find_with(place(key), &digest(key), resolve) {
                        assert_eq!(profile, Some(key), "another row's profile");
                        hits += 1;
                    }
                }
                hits
            })
        });
        let hits: Vec<u64> = readers.into_iter().map(|reader| reader.join().unwrap_or(0)).collect();
        done.store(true, Ordering::Relaxed);
        assert!(
            hits.iter().all(|hits| *hits > LOOKUPS / 100),
            "a reader failed or judged too little: {hits:?}"
        );
    });
}
