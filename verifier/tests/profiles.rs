//! These tests are about the list of profiles: one index for one value, until its last use is released.

use std::collections::HashMap;
use std::sync::Arc;

use keyward_verifier::Profiles;
use proptest::prelude::*;

fn read(profiles: &Profiles<String>, index: u32) -> Option<String> {
    profiles.with(index, |value| String::clone(value))
}

#[test]
fn equal_values_share_an_index() {
    let profiles = Profiles::new();
    let one = profiles.acquire("one".to_owned()).unwrap();
    let two = profiles.acquire("two".to_owned()).unwrap();
    assert_ne!(one, two);
    assert_eq!(profiles.acquire("one".to_owned()), Some(one));
    assert_eq!(
        (read(&profiles, one).as_deref(), read(&profiles, two).as_deref()),
        (Some("one"), Some("two"))
    );
    assert_eq!(profiles.len(), 2);
}

#[test]
fn a_value_goes_with_its_last_use_and_its_index_comes_back() {
    let profiles = Profiles::new();
    let value = Arc::new(());
    let index = profiles.acquire(("held", Arc::clone(&value))).unwrap();
    profiles.acquire(("held", Arc::clone(&value))).unwrap();
    assert!(profiles.release(index));
    assert!(profiles.with(index, |_| ()).is_some(), "one use is left");
    assert!(profiles.release(index));
    assert!(profiles.with(index, |_| ()).is_none());
    assert_eq!(Arc::strong_count(&value), 1, "the value was dropped");
    assert!(!profiles.release(index), "there is nothing left to release");
    assert!(!profiles.release(u32::MAX));
    assert!(profiles.is_empty());
    assert_eq!(profiles.acquire(("other", value)), Some(index), "a free index is used again");
}

#[test]
fn the_list_grows_without_moving_what_is_there() {
    let profiles = Profiles::new();
    let indexes: Vec<u32> = (0..5_000).map(|n: u32| profiles.acquire(n.to_string()).unwrap()).collect();
    assert_eq!(indexes, (0..5_000).collect::<Vec<u32>>(), "indexes are dense");
    assert!(indexes.iter().all(|index| read(&profiles, *index) == Some(index.to_string())));
    assert_eq!(read(&profiles, 5_000), None);
    assert_eq!(read(&profiles, u32::MAX), None);
}

proptest! {
    /// Against a plain map from value to uses: no index is lost, shared by two values, or kept by none.
    #[test]
    fn uses_are_counted(changes in proptest::collection::vec((any::<bool>(), 0..100_u8), 0..1_000)) {
        let profiles = Profiles::new();
        let mut model: HashMap<u8, (u32, usize)> = HashMap::new();
        for (acquires, value) in changes {
            if acquires {
                let index = profiles.acquire(value).unwrap();
                let entry = model.entry(value).or_insert((index, 0));
                prop_assert_eq!(entry.0, index);
                entry.1 += 1;
            } else if let Some((index, uses)) = model.get_mut(&value) {
                prop_assert!(profiles.release(*index));
                *uses -= 1;
                if *uses == 0 {
                    model.remove(&value);
                }
            }
            prop_assert_eq!(profiles.len(), model.len());
        }
        for (value, (index, _)) in &model {
            prop_assert_eq!(profiles.with(*index, |kept| **kept), Some(*value));
            prop_assert!(*index < 100, "no more indexes than values at once");
        }
    }
}

#[test]
fn a_shared_index_lives_until_its_last_use_is_released_and_uses_are_counted() {
    let profiles = Profiles::new();
    let one = profiles.acquire("one".to_owned()).unwrap();
    let two = profiles.acquire("two".to_owned()).unwrap();
    assert!(profiles.share(one) && profiles.share(one));
    assert_eq!(profiles.count_uses(|value| value == "one"), 3);
    assert_eq!(profiles.count_uses(|_| true), 4);
    assert!(profiles.release(one) && profiles.release(one));
    assert_eq!(read(&profiles, one).as_deref(), Some("one"));
    assert!(profiles.release(one));
    assert_eq!((read(&profiles, one), read(&profiles, two).as_deref()), (None, Some("two")));
    assert!(!profiles.share(one) && !profiles.share(1_000_000));
    assert_eq!(profiles.count_uses(|_| true), 1);
}
