//! This file is about re-rooting: what it leaves readable, what a receipt says of it, and when it is time.

use keyward_core::command::{Answer, Command, Ending};
use keyward_core::epoch::Rhythm;
use keyward_core::error::Error;
use keyward_core::event::Reason;
use keyward_core::id::ReceiptId;
use keyward_core::keyward::{Environment, Origin};
use keyward_core::permit::Verb;
use keyward_core::store::Store;

use crate::house::{Core, House, Known, accepts, ask, known};
use crate::world::{Shared, finish, start};

fn begin(keys: usize) -> (House, Core<Shared>) {
    let house = House::new(11, keys);
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    (house, core)
}

fn remove(core: &Core<Shared>, house: &House, key: &Known) {
    let command = Command::Remove(key.id.into(), Ending { reason: Reason::Retired, ..Ending::default() });
    assert!(finish(ask(core, &house.owner, Verb::Remove, command, None)).is_ok());
}

fn reroot(core: &Core<Shared>) -> u32 {
    let epoch = finish(core.reroot(None, &Origin::default())).unwrap();
    assert!(epoch.finished.is_some());
    epoch.number
}

/// The epoch that a key's slot is of; `None` if it has none.
fn epoch_of(house: &House, key: &Known) -> Option<u32> {
    finish(house.store.fetch(key.id.id())).unwrap().unwrap().slot.map(|slot| slot.epoch())
}

/// What the leaves of a key's receipt say, without times and commitments.
fn receipt(core: &Core<Shared>, house: &House, key: &Known) -> Vec<String> {
    let command = Command::ReadReceipt(ReceiptId::from(key.id.id()));
    let Ok(Answer::Receipt(_, receipt, _)) = finish(ask(core, &house.owner, Verb::Find, command, None))
    else {
        panic!("a receipt")
    };
    let note = receipt.entries()[0].checkpoint().to_string();
    assert!(receipt.entries().iter().all(|entry| entry.checkpoint().to_string() == note));
    let key = "model.test/log";
    let signer = keyward_log::Signer::new(keyward_log::KeyName::new(key).unwrap(), &[3; 32].into()).unwrap();
    let checked = receipt.check(&signer.verifier_key(), key).unwrap();
    assert!(checked.is_sorted_by_key(|entry| entry.index()));
    let words = |leaf: &str| leaf.split(' ').skip(1).step_by(3).collect::<Vec<_>>().join(" ");
    checked.iter().map(|entry| words(entry.leaf().as_str())).collect()
}

#[test]
fn every_slot_is_of_the_new_epoch_and_opens() {
    let (house, core) = begin(4);
    assert_eq!(reroot(&core), 2);
    assert_eq!(reroot(&core), 3);
    assert_eq!(house.world.epochs(), [3]);
    let fresh = finish(start(house.store.clone(), &house.world)).unwrap();
    for key in &house.keys {
        assert_eq!(epoch_of(&house, key), Some(3));
        for core in [&core, &fresh] {
            assert!(accepts(core, key));
            let read = finish(ask(core, &house.owner, Verb::Find, Command::Find(key.id), None));
            assert!(matches!(read, Ok(Answer::Found(_))), "its record opens");
        }
    }
}

#[test]
fn a_receipt_says_which_epoch_put_the_key_beyond_recovery() {
    let (house, core) = begin(3);
    remove(&core, &house, &house.keys[0]);
    assert_eq!(receipt(&core, &house, &house.keys[0]), ["key.removed v2"]);
    reroot(&core);
    let whole = ["key.removed v2", "epoch.created v1", "epoch.finished v2"];
    assert_eq!(receipt(&core, &house, &house.keys[0]), whole);
    let first = finish(house.store.events(0, 1000)).unwrap().len();
    house.world.advance(1);
    remove(&core, &house, &house.keys[1]);
    assert_eq!(receipt(&core, &house, &house.keys[1]), ["key.removed v2"], "the epoch began before");
    reroot(&core);
    for key in &house.keys[..2] {
        assert_eq!(receipt(&core, &house, key), whole);
    }
    // It is the first epoch after the removal that a receipt names, not the last.
    let command = Command::ReadReceipt(ReceiptId::from(house.keys[0].id.id()));
    let Ok(Answer::Receipt(_, early, _)) = finish(ask(&core, &house.owner, Verb::Find, command, None)) else {
        panic!("a receipt")
    };
    let text = early.to_string();
    let indexes = text.lines().filter_map(|line| line.strip_prefix("index "));
    assert!(indexes.map(|index| index.parse::<usize>().unwrap()).all(|index| index < first));
}

/// The machine stopped between making the root and beginning its epoch. What is made before that epoch begins must not
/// be wrapped under its root: a receipt would call it beyond recovery while the root that it was wrapped under lives.
#[test]
fn a_root_whose_epoch_has_not_begun_wraps_nothing() {
    let (house, _) = begin(1);
    finish(house.world.create_root(2)).unwrap();
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    let issued = finish(ask(&core, &house.owner, Verb::Issue, house.issue(), None));
    let key = known(issued.unwrap_or_else(|error| panic!("{error:?}")));
    assert_eq!(epoch_of(&house, &key), Some(1));
    assert_eq!(reroot(&core), 2);
    assert_eq!((epoch_of(&house, &key), house.world.epochs()), (Some(2), vec![2]));
}

/// An older backup was put back, with its copy of the slots, and the roots had gone on.
#[test]
fn slots_that_are_older_than_every_root_are_refused() {
    let (house, _) = begin(0);
    finish(house.world.create_root(7)).unwrap();
    finish(house.world.destroy_roots_before(7)).unwrap();
    let refused = finish(start(house.store.clone(), &house.world));
    let Err(Error::Internal { inside }) = refused.map(|_| ()) else { panic!("the owner's slot opens") };
    assert!(inside.contains("of epoch 1") && inside.contains("of epoch 7"), "{inside}");
}

#[test]
fn it_is_time_after_so_many_removals_or_so_long() {
    let (house, core) = begin(4);
    let is_due = |removals, seconds| finish(core.reroot_if_due(Rhythm { removals, seconds })).unwrap();
    house.world.advance(10_000_000);
    assert!(!is_due(1, 1), "nothing was removed");
    remove(&core, &house, &house.keys[0]);
    assert!(!is_due(2, 0) && !is_due(0, 0) && !is_due(0, 20_000));
    assert!(is_due(0, 5000), "so long");
    assert!(!is_due(1, 1), "it begins anew");
    remove(&core, &house, &house.keys[1]);
    // A restart remembers: it counts what the log says.
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    let is_due = |removals, seconds| finish(core.reroot_if_due(Rhythm { removals, seconds })).unwrap();
    assert!(!is_due(2, 0));
    assert!(is_due(1, 0), "so many");
    remove(&core, &house, &house.keys[2]);
    remove(&core, &house, &house.keys[3]);
    assert!(!is_due(3, 0) && is_due(2, 0));
}

/// A removal of very many keys does not wrap all that are left again and again.
#[test]
fn a_fiftieth_of_the_time_goes_to_rerooting_at_most() {
    let (house, core) = begin(2);
    house.world.take_for_a_root(1000);
    let is_due = |removals, seconds| finish(core.reroot_if_due(Rhythm { removals, seconds })).unwrap();
    reroot(&core);
    remove(&core, &house, &house.keys[0]);
    house.world.advance(49 * 1000 - 1);
    assert!(!is_due(1, 0));
    assert!(is_due(1, 1), "what is due by the clock does not wait");
    remove(&core, &house, &house.keys[1]);
    house.world.advance(49 * 1000 - 1);
    assert!(!is_due(1, 0));
    house.world.advance(1);
    assert!(is_due(1, 0));
}

#[test]
fn a_repeat_under_one_name_is_answered_by_the_same_epoch() {
    let (house, core) = begin(1);
    let ask_once = |name| {
        let answer = finish(ask(&core, &house.owner, Verb::Reroot, Command::Reroot, Some(name)));
        let Ok(Answer::Rerooted(epoch)) = answer else { panic!("an epoch") };
        epoch
    };
    let first = ask_once(1);
    assert_eq!((first.number, ask_once(1)), (2, first));
    assert_eq!(ask_once(2).number, 3);
}
