//! This file is about the reference: whatever is done, the embedded store answers as the one in memory does.

use keyward_core::store::{Change, Record, SlotChange, Spend, Store};
use keyward_core::time::Timestamp;
use keyward_store::{Embedded, Memory, Options};
use proptest::prelude::*;

use crate::fixture::{change, id, list, name, opened, record, replay, run, signer, slot};

/// Few of everything, so that they meet.
#[derive(Clone, Debug)]
enum Deed {
    Commit { number: u64, ahead: u64, names: Vec<u8>, lists: Vec<u64>, slot: u8, replay: Option<(u8, bool)> },
    Spend { counter: u64, cost: u64 },
    Note { number: u64, note: u8 },
    Reopen,
}

fn deeds() -> impl Strategy<Value = Deed> {
    let small = proptest::collection::vec(0..6_u8, 0..4);
    let lists = proptest::collection::vec(100..103_u64, 0..3);
    let replay = proptest::option::of((0..4_u8, any::<bool>()));
    let ahead = prop_oneof![8 => Just(1_u64), 1 => Just(0), 1 => Just(2)];
    let commit = (0..6_u64, ahead, small, lists, 0..4_u8, replay);
    prop_oneof![
        12 => commit.prop_map(|(number, ahead, names, lists, slot, replay)| {
            Deed::Commit { number, ahead, names, lists, slot, replay }
        }),
        3 => (200..202_u64, 0..5_u64).prop_map(|(counter, cost)| Deed::Spend { counter, cost }),
        1 => (0..6_u64, any::<u8>()).prop_map(|(number, note)| Deed::Note { number, note }),
        1 => Just(Deed::Reopen),
    ]
}

/// The change that a deed asks for, given where the record is.
fn asked(deed: &Deed, current: u64) -> Option<Change> {
    let Deed::Commit { number, ahead, names, lists, slot: byte, replay: kept } = deed else { return None };
    let names = names.iter().map(|byte| name(*byte)).collect();
    let lists = lists.iter().map(|owner| list(*owner)).collect();
    let record = Record { names, lists, ..record(*number, current + ahead) };
    let slot = match byte {
        0 => SlotChange::Keep,
        1 => SlotChange::Erase,
        _ => SlotChange::Fill(slot(*byte)),
    };
    let expiry = |lasting: bool| if lasting { 1_800_000_000_000 } else { 1_600_000_000_000 };
    let replay = kept.map(|(byte, lasting)| replay(byte, expiry(lasting)));
    Some(Change { replay, ..change(record, slot) })
}

/// Everything that can be asked, in words.
async fn portrait<S: Store>(store: &S) -> Vec<String> {
    let mut lines = Vec::new();
    for number in 0..6 {
        let stored = store.fetch(id(number)).await.unwrap();
        let stored = stored.map(|stored| (stored.record, stored.position, stored.slot.map(|slot| slot.0)));
        lines.push(format!("{stored:?} {:?}", store.noted(id(number)).await.unwrap()));
        lines.push(format!("{:?}", store.holder(name(number as u8)).await.unwrap()));
    }
    for owner in 100..103 {
        for after in [None, Some(id(2))] {
            let page = store.page(list(owner), after, 4).await.unwrap();
            let page: Vec<_> = page.into_iter().map(|stored| (stored.record, stored.position)).collect();
            lines.push(format!("{page:?}"));
        }
    }
    for byte in 0..4 {
        let kept = store.replay([byte; 32], Timestamp::from_millis(1_700_000_000_000)).await.unwrap();
        lines.push(format!("{kept:?}"));
    }
    lines.push(format!("{:?}", store.events(0, 1000).await.unwrap()));
    lines.push(format!("{:?}", opened(&store.checkpoint().await.unwrap())));
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn answers_as_the_reference_does(deeds in proptest::collection::vec(deeds(), 1..60)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let memory = Memory::new(signer()).unwrap();
        let mut embedded = Embedded::create(&path, signer(), Options::default()).unwrap();
        for deed in deeds {
            match &deed {
                Deed::Commit { number, .. } => {
                    let current = run(memory.fetch(id(*number))).unwrap().map_or(0, |stored| stored.record.version);
                    let expected = run(memory.commit(asked(&deed, current).unwrap()));
                    prop_assert_eq!(run(embedded.commit(asked(&deed, current).unwrap())), expected, "{:?}", deed);
                }
                Deed::Spend { counter, cost } => {
                    let spend = Spend { id: id(*counter), cost: *cost, limit: 12 };
                    prop_assert_eq!(run(embedded.spend(spend)), run(memory.spend(spend)));
                }
                Deed::Note { number, note } => {
                    run(embedded.note(vec![(id(*number), vec![*note])])).unwrap();
                    run(memory.note(vec![(id(*number), vec![*note])])).unwrap();
                }
                Deed::Reopen => {
                    drop(embedded);
                    embedded = Embedded::open(&path, signer(), Options::default()).unwrap();
                }
            }
        }
        prop_assert_eq!(run(portrait(&embedded)), run(portrait(&memory)));
        prop_assert_eq!(embedded.check(&|_, _| true).unwrap(), []);
    }
}
