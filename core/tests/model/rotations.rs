//! This file is about rotations that carry an idempotency key and meet others at the old key: every call of the store
//! waits a turn, and the order of turns is drawn.

use std::sync::{Arc, Mutex};

use keyward_core::command::{Command, Patch};
use keyward_core::error::Error;
use keyward_core::permit::Verb;
use proptest::prelude::*;

use crate::house::{House, Known, accepts, ask, known};
use crate::world::{Work, finish, interleave, start};

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// A rotation met an update. Its successor was taken back, and for a day every repeat of the request was told that its
    /// key was removed, although the old key lived. Of two at once, one ended the successor that the other had given out.
    #[test]
    fn a_rotation_is_done_once_and_its_repeats_are_told_so(
        seed in any::<u64>(), repeats in 1..4_usize, updates in 0..4_usize, overlap_seconds in prop_oneof![Just(0), Just(5)],
    ) {
        let house = House::new(seed, 1);
        let core = finish(start(house.store.clone().yielding(), &house.world)).unwrap();
        let key = house.keys[0].clone();
        let rotate = Command::Rotate { key: key.id, overlap_seconds, if_match: None };
        let given: Arc<Mutex<Vec<Result<Known, Error>>>> = Arc::default();
        let mut running: Vec<Work> = Vec::new();
        for _ in 0..repeats {
            let (core, owner, rotate, given) = (Arc::clone(&core), house.owner.clone(), rotate.clone(), Arc::clone(&given));
            running.push(Box::pin(async move {
                let rotated = ask(&core, &owner, Verb::Rotate, rotate, Some(1)).await;
                given.lock().unwrap().push(rotated.map(known));
            }));
        }
        for _ in 0..updates {
            let (core, owner, id) = (Arc::clone(&core), house.owner.clone(), key.id);
            running.push(Box::pin(async move {
                let patch = Box::new(Patch { name: Some("renamed".to_owned()), ..Patch::default() });
                let _ = ask(&core, &owner, Verb::Update, Command::Update { key: id, patch, if_match: None }, None).await;
            }));
        }
        interleave(&house.world, running);

        let fail = |error: Error| TestCaseError::fail(format!("{error:?}"));
        let again = finish(ask(&core, &house.owner, Verb::Rotate, rotate, Some(1))).map(known).map_err(fail)?;
        for given in given.lock().unwrap().drain(..) {
            let given = given.map_err(fail)?;
            prop_assert_eq!((given.id, &given.text), (again.id, &again.text));
        }
        prop_assert!(accepts(&core, &again));
        prop_assert_eq!(accepts(&core, &key), overlap_seconds > 0);
        let both = usize::from(overlap_seconds > 0);
        prop_assert_eq!(core.live().len(), 2 + both, "the owner's key, the successor, and the old one while it may");
    }
}
