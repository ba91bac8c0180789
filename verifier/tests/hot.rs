//! These tests are about the cache of a verifier that keeps only what is used, and about loading a table while it changes:
//! neither may bring back what has ended.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at its own mistakes")]

use std::collections::HashMap;

use keyward_verifier::lease::Position;
use keyward_verifier::{Fingerprint, Handle, Hot, Place, Snapshot};
use proptest::prelude::*;

fn handle(key: u128) -> Handle {
    (Place::from_bits(key as u64 % 3), Fingerprint::from_bytes([key as u8; 14]))
}

fn find(hot: &mut Hot<u64>, key: u128) -> Option<u64> {
    let (place, fingerprint) = handle(key);
    hot.find(place, fingerprint).copied()
}

#[test]
fn an_answer_that_a_removal_has_overtaken_is_not_kept() {
    let mut hot = Hot::new(10, Position(100));
    // Asked at 100, removed at 101, and the answer arrives after the removal.
    hot.changed(1, Position(101));
    assert!(!hot.fill(handle(1), 1, 7, Position(100)));
    assert_eq!(find(&mut hot, 1), None);
    assert!(hot.fill(handle(2), 2, 8, Position(100)), "another key");
    assert!(hot.fill(handle(1), 1, 9, Position(101)), "an answer that reflects the change");
    assert_eq!((find(&mut hot, 1), find(&mut hot, 2)), (Some(9), Some(8)));
}

#[test]
fn a_change_ends_what_is_kept_wherever_it_stands() {
    let mut hot = Hot::new(10, Position(100));
    for stands in [handle(1), handle(2)] {
        assert!(hot.fill(stands, 1, 7, Position(100)));
    }
    hot.changed(1, Position(101));
    assert_eq!((find(&mut hot, 1), find(&mut hot, 2), hot.len()), (None, None, 0));
}

#[test]
fn a_key_that_took_the_place_of_another_ends_with_its_own_changes() {
    let mut hot = Hot::new(10, Position(100));
    assert!(hot.fill(handle(1), 1, 7, Position(100)));
    assert!(hot.fill(handle(1), 2, 8, Position(100)));
    hot.changed(1, Position(101));
    assert_eq!(find(&mut hot, 1), Some(8), "the other's end is not its own");
    hot.changed(2, Position(102));
    assert_eq!(find(&mut hot, 1), None);
}

#[test]
fn what_is_forgotten_is_not_trusted() {
    let mut hot = Hot::new(2, Position(100));
    for key in 1..=3 {
        hot.changed(key, Position(100 + key as u64));
    }
    // The change of key 1 at 101 is no longer remembered.
    assert!(!hot.fill(handle(9), 9, 7, Position(100)));
    assert!(hot.fill(handle(9), 9, 7, Position(101)));
}

#[test]
fn before_the_stream_began_nothing_is_known() {
    let mut hot = Hot::new(10, Position(100));
    assert!(!hot.fill(handle(1), 1, 7, Position(99)));
    assert!(hot.fill(handle(1), 1, 7, Position(100)));
    hot.clear(Position(200));
    assert!(hot.is_empty());
    assert!(!hot.fill(handle(1), 1, 7, Position(199)));
}

#[test]
fn what_is_used_stays_and_the_cache_has_a_bound() {
    let mut hot = Hot::new(100, Position(1));
    for key in 0..10_000_u128 {
        assert!(hot.fill((Place::from_bits(key as u64), handle(0).1), key, 0, Position(1)));
        assert!(hot.find(Place::from_bits(0), handle(0).1).is_some(), "used all the time, after {key}");
        assert!(hot.len() <= 100);
    }
    assert_eq!(hot.len(), 100);
}

#[derive(Clone, Debug)]
enum Step {
    Ask(u128),
    Change(u128),
    Arrive(usize),
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..6_u128).prop_map(Step::Ask),
        (0..6_u128).prop_map(Step::Change),
        any::<usize>().prop_map(Step::Arrive),
    ]
}

proptest! {
    /// Whatever order answers and changes arrive in, what is kept is what the newest change says.
    #[test]
    fn what_is_kept_is_true(steps in prop::collection::vec(steps(), 0..200), capacity in 1..8_usize) {
        let mut hot = Hot::new(capacity, Position(0));
        let (mut position, mut newest) = (0, HashMap::<u128, u64>::new());
        let mut on_the_way = Vec::new();
        for step in steps {
            match step {
                // The server answers with what is so now; the answer is on its way for a while.
                Step::Ask(key) => on_the_way.push((key, newest.get(&key).copied().unwrap_or(0), position)),
                Step::Change(key) => {
                    position += 1;
                    newest.insert(key, position);
                    hot.changed(key, Position(position));
                }
                Step::Arrive(drawn) if !on_the_way.is_empty() => {
                    let (key, value, answered_at) = on_the_way.swap_remove(drawn % on_the_way.len());
                    hot.fill(handle(key), key, value, Position(answered_at));
                }
                Step::Arrive(_) => {}
            }
            for key in 0..6 {
                let kept = find(&mut hot, key);
                prop_assert!(kept.is_none_or(|value| value == newest.get(&key).copied().unwrap_or(0)));
            }
            prop_assert!(hot.len() <= capacity);
        }
    }

    /// A server reads its table row by row while it changes; rows and changes go out as they come, rows somewhat late.
    #[test]
    fn a_snapshot_loads_what_is_there_at_its_end(
        mut server in prop::collection::hash_map(0..40_u128, 0..100_u64, 0..40),
        changes in prop::collection::vec((0..40_u128, prop::option::of(100..200_u64)), 0..100),
        lateness in 1..10_usize,
    ) {
        let (mut snapshot, mut table) = (Snapshot::default(), HashMap::new());
        let mut changes = changes.into_iter();
        let mut read = std::collections::VecDeque::new();
        for key in 0..40 + lateness as u128 {
            if let Some(value) = server.get(&key) {
                read.push_back((key, *value));
            }
            for (subject, value) in changes.by_ref().take(2) {
                let at = |table: &mut HashMap<u128, u64>| match value {
                    Some(value) => drop(table.insert(subject, value)),
                    None => drop(table.remove(&subject)),
                };
                at(&mut server);
                at(&mut table);
                snapshot.changed(subject);
            }
            if read.len() >= lateness || key >= 40 {
                for (key, value) in read.drain(..) {
                    if snapshot.takes(key) {
                        table.insert(key, value);
                    }
                }
            }
        }
        prop_assert_eq!(table, server);
    }
}

#[test]
fn the_rows_of_a_subject_that_changed_are_dropped() {
    let mut snapshot = Snapshot::default();
    assert!(snapshot.takes(1));
    snapshot.changed(1);
    assert!(!snapshot.takes(1) && snapshot.takes(2));
}
