//! These tests are about counting uses: what is counted is what happened, by however many threads, and room is bounded.

use std::collections::BTreeMap;
use std::sync::Arc;

use keyward_verifier::{Counted, Place, Uses};
use proptest::prelude::*;

/// An id as the server draws them: of version 7, and random in its lower half.
fn id(number: u64) -> u128 {
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    0x0190_0000_0000_7000_8000_0000_0000_0000 | u128::from(mixed >> 2) | u128::from(number) << 80
}

/// Places have nothing to do with ids.
fn count(uses: &Uses, number: u64, accepted: bool, at: u32) -> bool {
    let mixed = (number + 1).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    uses.count(Place::of_bits(mixed ^ mixed >> 29), id(number), accepted, at)
}

fn counted(uses: Uses) -> BTreeMap<u128, (u32, u32, u32)> {
    let parts = |one: Counted| (one.key, (one.accepted, one.refused, one.accepted_at));
    let all: Vec<_> = uses.into_counted().map(parts).collect();
    let map: BTreeMap<_, _> = all.iter().copied().collect();
    assert_eq!(map.len(), all.len(), "a key stands in one slot");
    map
}

proptest! {
    #[test]
    fn every_use_is_counted_once(drawn in prop::collection::vec((0..300_u64, any::<bool>(), 1..1000_u32), 0..2000)) {
        let (uses, mut model) = (Uses::new(), BTreeMap::<u128, (u32, u32, u32)>::new());
        for (number, accepted, at) in drawn {
            prop_assert!(count(&uses, number, accepted, at));
            let (accepts, refusals, last) = model.entry(id(number)).or_default();
            *(if accepted { accepts } else { refusals }) += 1;
            *last = if accepted { at.max(*last) } else { *last };
        }
        prop_assert_eq!(counted(uses), model);
    }
}

#[test]
fn threads_lose_nothing() {
    let uses = Arc::new(Uses::new());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let uses = Arc::clone(&uses);
            scope.spawn(move || {
                for round in 0..1000_u64 {
                    assert!(count(&uses, (round + thread * 7) % 100, true, 5));
                }
            });
        }
    });
    let counted = counted(Arc::into_inner(uses).into_iter().next().unwrap_or_default());
    assert_eq!(counted.len(), 100);
    assert!(counted.values().all(|one| *one == (40, 0, 5)), "{counted:?}");
}

#[test]
fn room_is_bounded_and_grows_with_use() {
    let mut uses = Uses::new();
    for _ in 0..4 {
        assert!(uses.is_empty() && !uses.is_half_full());
        let counted = (0..70_000).filter(|number| count(&uses, *number, true, 1)).count();
        assert!(uses.is_half_full() && counted <= 3 << 14, "{counted}");
        uses = uses.successor();
    }
    let room = (0..(1 << 15)).filter(|number| count(&uses, *number, false, 0)).count();
    assert_eq!(room, 1 << 15, "half of the largest has room for all");
    assert_eq!(counted(uses).len(), 1 << 15);
}

#[test]
fn what_no_id_is_takes_no_room() {
    let uses = Uses::new();
    for key in [u128::MAX, u128::from(u64::MAX), !u128::from(u64::MAX)] {
        assert!(!uses.count(Place::of_bits(1), key, true, 1));
    }
    assert!(counted(uses).is_empty());
}
