//! These tests are about one thread: a table does what a plain map of places does.
#![expect(clippy::indexing_slicing, reason = "a test may stop at its own mistakes")]

use std::collections::HashMap;

use keyward_verifier::{Fingerprint, InsertError, MAX_DETAILS, Place, Row, Table};
use proptest::prelude::*;

const SEED: u64 = 0x0123_4567_89AB_CDEF;

type Kept = ([u8; 32], Row, Vec<u8>);

/// The reference: at each place, rows with distinct ids and distinct digests.
#[derive(Default)]
struct Model(HashMap<u64, Vec<Kept>>);

impl Model {
    fn insert(&mut self, place: u64, digest: [u8; 32], row: Row, details: Vec<u8>) -> Vec<Row> {
        let at = self.0.entry(place).or_default();
        let (ended, mut live): (Vec<Kept>, Vec<Kept>) =
            at.drain(..).partition(|(other, kept, _)| *other == digest || kept.id == row.id);
        live.push((digest, whole_seconds(row), details));
        *at = live;
        ended.into_iter().map(|(_, row, _)| row).collect()
    }

    fn remove(&mut self, place: u64, id: u128) -> Vec<Row> {
        let at = self.0.entry(place).or_default();
        let (ended, live): (Vec<Kept>, Vec<Kept>) = at.drain(..).partition(|(_, row, _)| row.id == id);
        *at = live;
        ended.into_iter().map(|(_, row, _)| row).collect()
    }

    fn find(&self, place: u64, digest: &[u8; 32]) -> Option<(Row, Vec<u8>)> {
        let found = self.0.get(&place)?.iter().find(|(other, ..)| other == digest)?;
        Some((found.1, found.2.clone()))
    }

    fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }
}

fn whole_seconds(row: Row) -> Row {
    let latest = u64::from(u32::MAX);
    Row {
        expires_at: row.expires_at.map(|at| (at / 1000).min(latest) * 1000),
        not_before: row.not_before.map(|at| at.div_ceil(1000).min(latest) * 1000),
        ..row
    }
}

#[derive(Clone, Debug)]
enum Change {
    Insert { place: u64, digest: [u8; 32], row: Row, details: Vec<u8> },
    Remove { place: u64, id: u128 },
}

/// Few places, so that rows share runs, and so that segments fill, collect garbage and are rebuilt.
fn places() -> impl Strategy<Value = u64> {
    prop_oneof![3 => 0..4_u64, 1 => (0..200_u64).prop_map(|place| place.wrapping_mul(0x9E37_79B9_7F4A_7C15))]
}

fn digests() -> impl Strategy<Value = [u8; 32]> {
    // Half of them differ in one kept byte only: the tag and each word of the fingerprint must count.
    prop_oneof![
        (8..22_usize, 0..4_u8).prop_map(|(at, byte)| std::array::from_fn(|n| if n == at { byte } else { 0 })),
        (0..40_u8).prop_map(|byte| [byte; 32]),
    ]
}

fn times() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![Just(None), (0..5000_u64).prop_map(Some), any::<u64>().prop_map(Some)]
}

fn rows() -> impl Strategy<Value = Row> {
    (0..40_u128, any::<u32>(), times(), times(), any::<u8>()).prop_map(
        |(id, profile, expires_at, not_before, flags)| {
            let id = id * 0x1_0000_0001_0000_0001_0000_0001;
            Row { id, profile, expires_at, not_before, flags }
        },
    )
}

fn changes() -> impl Strategy<Value = Change> {
    let details = prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 0..20),
        1 => proptest::collection::vec(any::<u8>(), 0..2000),
    ];
    prop_oneof![
        3 => (places(), digests(), rows(), details)
            .prop_map(|(place, digest, row, details)| Change::Insert { place, digest, row, details }),
        2 => (places(), rows()).prop_map(|(place, row)| Change::Remove { place, id: row.id }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_table_is_a_map(
        seed: u64,
        expected in prop_oneof![0..20_000_usize, Just(1 << 22), Just(1 << 28)],
        changes in proptest::collection::vec(changes(), 0..600),
        strangers in proptest::collection::vec((places(), digests()), 50),
    ) {
        let (table, mut model) = (Table::new(seed, expected), Model::default());
        let mut details_seen = Vec::new();
        let sorted = |mut rows: Vec<Row>| { rows.sort_by_key(|row| row.id); rows };
        for change in changes {
            match change {
                Change::Insert { place, digest, row, details } => {
                    let ended = table.insert(Place::of_bits(place), &digest, &row, &details).unwrap();
                    prop_assert_eq!(sorted(ended), sorted(model.insert(place, digest, row, details)));
                }
                Change::Remove { place, id } => {
                    let ended = table.remove(Place::of_bits(place), id);
                    let ended: Vec<Row> = ended.into_iter().map(|(_, row)| row).collect();
                    prop_assert_eq!(ended, model.remove(place, id));
                }
            }
        }
        prop_assert_eq!(table.len(), model.len());
        let (mut shown, mut wanted) = (Vec::new(), Vec::new());
        for part in 0..table.parts() {
            table.show(part, |place, by, row| shown.push((place.to_number(), by.to_bytes(), row)));
        }
        for (place, rows) in &model.0 {
            let place = Place::of_bits(*place).to_number();
            wanted.extend(rows.iter().map(|(digest, row, _)| (place, Fingerprint::from(digest).to_bytes(), *row)));
        }
        let in_order = |(at, by, row): &(u32, [u8; Fingerprint::BYTES], Row)| (*at, *by, format!("{row:?}"));
        shown.sort_by_key(in_order);
        wanted.sort_by_key(in_order);
        prop_assert_eq!(shown, wanted);
        let kept = model.0.iter().flat_map(|(place, rows)| rows.iter().map(move |(digest, ..)| (*place, *digest)));
        for (place, digest) in kept.chain(strangers) {
            let found = table.find(Place::of_bits(place), &digest, &mut details_seen);
            let expected = model.find(place, &digest);
            prop_assert_eq!(&details_seen, &expected.as_ref().map(|(_, details)| details.clone()).unwrap_or_default());
            prop_assert_eq!(found, expected.map(|(row, _)| row));
        }
    }
}

fn row(id: u128) -> Row {
    Row { id, profile: 1, expires_at: None, not_before: None, flags: 0 }
}

fn digest(key: u64) -> [u8; 32] {
    std::array::from_fn(|n| key.to_le_bytes()[n % 8])
}

#[test]
fn a_key_lives_no_longer_than_asked() {
    let table = Table::new(SEED, 0);
    let asked = Row { expires_at: Some(1_999), not_before: Some(1_001), ..row(1) };
    table.insert(Place::of_bits(1), &digest(1), &asked, b"").unwrap();
    let kept = table.find(Place::of_bits(1), &digest(1), &mut Vec::new()).unwrap();
    assert_eq!((kept.expires_at, kept.not_before), (Some(1_000), Some(2_000)));
}

#[test]
fn details_have_a_limit() {
    let (table, place) = (Table::new(SEED, 0), Place::of_bits(1));
    let mut details = vec![7; MAX_DETAILS];
    table.insert(place, &digest(1), &row(1), &details).unwrap();
    let mut seen = Vec::new();
    assert!(table.find(place, &digest(1), &mut seen).is_some());
    assert_eq!(seen, details);
    details.push(7);
    assert_eq!(table.insert(place, &digest(1), &row(1), &details), Err(InsertError::DetailsTooLong));
    assert_eq!(table.find(place, &digest(1), &mut seen), Some(row(1)), "nothing was changed");
}

/// The bound on what a crowd of keys at one place can cost a lookup, see `Place`.
#[test]
fn a_run_has_a_limit() {
    let (table, place) = (Table::new(SEED, 0), Place::of_bits(1));
    let mut accepted = 0;
    while table.insert(place, &digest(accepted), &row(accepted.into()), b"").is_ok() {
        accepted += 1;
        assert!(accepted <= 256 * 7);
    }
    assert_eq!(accepted, 256 * 7);
    assert_eq!(table.insert(place, &digest(9999), &row(9999), b""), Err(InsertError::SegmentFull));
    assert_eq!(table.len(), 256 * 7);
    assert!(table.remove(place, 17) == [(Fingerprint::from(&digest(17)), row(17))]);
    assert_eq!(table.insert(place, &digest(9999), &row(9999), b""), Ok(Vec::new()));
    assert_eq!(table.find(place, &digest(9999), &mut Vec::new()), Some(row(9999)));
    assert_eq!(table.find(place, &digest(17), &mut Vec::new()), None);
}

/// Of a million keys that came to a table which was laid out for few, one in a hundred of the last was not taken: nobody accepted it until the
/// table was made anew. Where parts were moved to larger ones from their first bucket to their last, 256 full buckets in a row came about
/// by chance. Moved in another order they do not, and no part has to make more room for that than its keys need.
#[test]
fn a_table_that_grows_takes_every_key_and_no_room_beyond() {
    const KEYS: u64 = 960_000;
    // Growing from nothing does the same and takes longer.
    let table = Table::new(SEED, 700_000);
    for key in 0..KEYS {
        let place = Place::of_bits(key);
        assert_eq!(table.insert(place, &digest(key), &row(key.into()), b""), Ok(Vec::new()), "{key}");
    }
    let found = |key| table.find_with(Place::of_bits(key), &digest(key), |row, _| row.id);
    assert!((0..KEYS).step_by(7).all(|key| found(key) == Some(key.into())));
    assert!(table.bytes() as u64 <= 40 * KEYS, "{} bytes a key", table.bytes() as f64 / KEYS as f64);
}

#[test]
fn a_key_takes_at_most_64_bytes() {
    const KEYS: u64 = 200_000;
    let table = Table::new(SEED, KEYS as usize);
    for key in 0..KEYS {
        let name = &b"a-key's-name"[..8 + (key % 5) as usize];
        let expiring = Row { expires_at: Some(1_800_000_000_000), ..row(key.into()) };
        table.insert(Place::of_bits(key), &digest(key), &expiring, name).unwrap();
    }
    let bytes = table.bytes() as u64;
    assert!(bytes <= 64 * KEYS, "{} bytes a key", bytes as f64 / KEYS as f64);
    for key in 0..KEYS {
        table.remove(Place::of_bits(key), key.into());
    }
    assert!(table.is_empty());
    assert!((table.bytes() as u64) < bytes / 2, "memory is given back");
}

/// A verifier's own table, of keys that have nothing but a profile.
#[test]
fn a_plain_key_takes_at_most_40_bytes() {
    const KEYS: u64 = 200_000;
    let table = Table::new(SEED, KEYS as usize);
    for key in 0..KEYS {
        table.insert(Place::of_bits(key), &digest(key), &row(key.into()), b"").unwrap();
    }
    // Segments of this size vary more than those of a million keys.
    let bytes = table.bytes() as f64 / KEYS as f64;
    assert!(bytes <= 41.0, "{bytes} bytes a key");
}

/// So many that they are more than a processor remembers the pages of.
#[test]
fn a_settled_table_holds_what_it_held() {
    const KEYS: u64 = 250_000;
    let table = Table::new(SEED, KEYS as usize);
    for key in 0..KEYS {
        table.insert(Place::of_bits(key), &digest(key), &row(key.into()), b"").unwrap();
    }
    table.settle();
    let found = |key| table.at(Place::of_bits(key)).find_with(&digest(key), |row, _| row.id);
    assert!((0..KEYS).all(|key| found(key) == Some(key.into())));
}

#[test]
fn a_place_is_made_of_every_character() {
    let chars = *b"0123456789";
    let changed = (0..10).map(|at| {
        let mut chars = chars;
        chars[at] = b'z';
        Place::of_chars(&chars).to_number()
    });
    let mut places: Vec<u32> = changed.chain([Place::of_chars(&chars).to_number()]).collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), 11);
}

#[test]
fn a_place_has_26_bits_and_is_not_0() {
    let number = Place::of_bits(u64::MAX / 3).to_number();
    assert!(Place::from_number(number).is_some_and(|place| place.to_number() == number));
    assert!(Place::from_number(0).is_none() && Place::from_number(1).is_some());
    assert!(Place::from_number(1 << 26).is_some() && Place::from_number((1 << 26) + 1).is_none());
}

/// Of what every key is made: characters that are random, but not all that there are.
#[test]
fn random_characters_are_spread_evenly() {
    const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let (mut upper, mut lower) = ([0; 256], [0; 256]);
    let mut state = SEED;
    for _ in 0..256 * 256 {
        let chars = std::array::from_fn(|_| {
            state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
            BASE62[(state >> 33) as usize % 62]
        });
        let place = Place::of_chars(&chars).to_number() - 1;
        upper[(place >> 18) as usize] += 1;
        lower[place as usize % 256] += 1;
    }
    // 256 each, give or take 16: five times that would be one case in two million.
    assert!(upper.iter().chain(&lower).all(|count| (176..336).contains(count)), "{upper:?} {lower:?}");
}

/// Whoever imports keys can choose digests: what is crowded in one table must not be in another.
#[test]
fn where_a_digest_stands_depends_on_the_seed() {
    let places = |seed| {
        let table = Table::new(seed, 0);
        [1, 2].map(|key| table.place_of(Fingerprint::from(&digest(key))).to_number())
    };
    let ([a, b], [c, d]) = (places(1), places(2));
    assert!(a != b && a != c && b != d && a ^ b != c ^ d);
    assert_eq!(places(1), [a, b]);
}

/// Each is put in the place of itself, with an extension that it did not have: there is room for that, and everything is found meanwhile.
#[test]
fn keys_that_get_more_to_say_one_after_another_stay_found() {
    const KEYS: u64 = 3_000;
    let table = Table::new(SEED, KEYS as usize);
    for key in 0..KEYS {
        table.insert(Place::of_bits(key), &digest(key), &row(key.into()), b"").unwrap();
    }
    for key in 0..KEYS {
        let suspended = Row { flags: 1, profile: u32::MAX, ..row(key.into()) };
        assert_eq!(
            table.insert(Place::of_bits(key), &digest(key), &suspended, b""),
            Ok(vec![row(key.into())])
        );
        let other = (key * 7 + 1) % KEYS;
        let found = table.find(Place::of_bits(other), &digest(other), &mut Vec::new()).unwrap();
        assert_eq!(found.flags, u8::from(other <= key));
    }
    assert_eq!(table.len() as u64, KEYS);
}

/// A lookup that was held up after it had asked for its memory: many keys came and went meanwhile, and the part of the table was
/// replaced. It begins where it looks.
#[test]
fn what_was_asked_for_before_a_removal_is_not_found_after_it() {
    let (table, place) = (Table::new(7, 0), Place::of_bits(1));
    let insert = |key: u64| table.insert(place, &digest(key), &row(key.into()), &[]).unwrap();
    (0..2).for_each(|key| assert!(insert(key).is_empty()));
    let (removed, stays) = (table.at(place), table.at(place));
    (2..1000).for_each(|key| assert!(insert(key).is_empty()));
    assert_eq!(table.remove(place, 0).len(), 1);
    assert_eq!(removed.find_with(&digest(0), |row, _| row.id), None);
    assert_eq!(stays.find_with(&digest(1), |row, _| row.id), Some(1));
}
