//! These tests are about the cache of a verifier that keeps only what is used: a late answer may not bring back what has ended.
#![expect(clippy::indexing_slicing, reason = "a test may stop at its own mistakes")]

use std::collections::HashMap;

use keyward_verifier::lease::Position;
use keyward_verifier::{Fingerprint, Hot};
use proptest::prelude::*;

fn fingerprint(key: u128) -> Fingerprint {
    Fingerprint::from_bytes(std::array::from_fn(|n| if n < 13 { key.to_be_bytes()[n + 3] } else { 0 }))
}

fn find(hot: &mut Hot<u64>, key: u128) -> Option<u64> {
    hot.find(fingerprint(key)).copied()
}

#[test]
fn an_answer_that_a_removal_has_overtaken_is_not_kept() {
    let mut hot = Hot::new(10, Position(100));
    // Asked at 100, removed at 101, and the answer arrives after the removal.
    hot.changed(1, Position(101));
    assert!(!hot.fill(fingerprint(1), 1, 7, Position(100)));
    assert_eq!(find(&mut hot, 1), None);
    assert!(hot.fill(fingerprint(2), 2, 8, Position(100)), "another key");
    assert!(hot.fill(fingerprint(1), 1, 9, Position(101)), "an answer that reflects the change");
    assert_eq!((find(&mut hot, 1), find(&mut hot, 2)), (Some(9), Some(8)));
}

#[test]
fn a_change_ends_what_is_kept_wherever_it_stands() {
    let mut hot = Hot::new(10, Position(100));
    for stands in [fingerprint(1), fingerprint(2)] {
        assert!(hot.fill(stands, 1, 7, Position(100)));
    }
    hot.changed(1, Position(101));
    assert_eq!((find(&mut hot, 1), find(&mut hot, 2), hot.len()), (None, None, 0));
}

#[test]
fn a_key_that_took_the_place_of_another_ends_with_its_own_changes() {
    let mut hot = Hot::new(10, Position(100));
    assert!(hot.fill(fingerprint(1), 1, 7, Position(100)));
    assert!(hot.fill(fingerprint(1), 2, 8, Position(100)));
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
    assert!(!hot.fill(fingerprint(9), 9, 7, Position(100)));
    assert!(hot.fill(fingerprint(9), 9, 7, Position(101)));
}

#[test]
fn before_the_stream_began_nothing_is_known() {
    let mut hot = Hot::new(10, Position(100));
    assert!(!hot.fill(fingerprint(1), 1, 7, Position(99)));
    assert!(hot.fill(fingerprint(1), 1, 7, Position(100)));
    hot.clear(Position(200));
    assert!(hot.is_empty());
    assert!(!hot.fill(fingerprint(1), 1, 7, Position(199)));
}

#[test]
fn what_is_used_stays_and_the_cache_has_a_bound() {
    let mut hot = Hot::new(100, Position(1));
    for key in 0..10_000_u128 {
        assert!(hot.fill(fingerprint(key), key, 0, Position(1)));
        assert!(hot.find(fingerprint(0)).is_some(), "used all the time, after {key}");
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
                    hot.fill(fingerprint(key), key, value, Position(answered_at));
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
}
