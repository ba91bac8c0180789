//! This file is about removed keys: who lists what lives walks by none of them, and they are counted and found all the same.

use keyward_core::command::{Answer, Command, Ending, Page};
use keyward_core::filter::{Filter, StateFilter};
use keyward_core::id::Id;
use keyward_core::key::Kind;
use keyward_core::store::{Change, List, Record, RecordKind, SlotChange, Store as _};

use crate::house::{Core, House, ask};
use crate::world::{Shared, finish, start};

fn run(core: &Core<Shared>, house: &House, command: Command) -> Answer {
    finish(ask(core, &house.owner, command.verb(), command, None)).unwrap_or_else(|error| panic!("{error:?}"))
}

fn listed(core: &Core<Shared>, house: &House, state: Option<StateFilter>) -> Vec<Id> {
    let filter = Filter { account: Some(house.account.id), state, ..Filter::default() };
    let (mut after, mut all) = (None, Vec::new());
    loop {
        let list = Command::List { filter: Box::new(filter.clone()), page: Page { after, limit: 3 } };
        let Answer::Keys(found, next) = run(core, house, list) else { panic!("a list") };
        all.extend(found.iter().map(|found| match found {
            keyward_core::key::Found::Live(key) => key.head.id.id(),
            keyward_core::key::Found::Removed(tombstone) => tombstone.id.id(),
        }));
        if next.is_none() {
            return all;
        }
        after = next;
    }
}

fn counted(core: &Core<Shared>, house: &House) -> u64 {
    let Answer::Count(count) = run(core, house, Command::CountRemoved(Kind::Secret)) else {
        panic!("a count")
    };
    count
}

fn members(house: &House, kind: RecordKind, owner: Id) -> Vec<Id> {
    let page = finish(house.store.page(List { kind, owner }, None, usize::MAX)).unwrap();
    page.into_iter().map(|stored| stored.record.id).collect()
}

/// Puts a removed key's record back to where an earlier build left it: among the living.
fn as_of_an_earlier_build(house: &House, key: Id) {
    let stored = finish(house.store.fetch(key)).unwrap().unwrap();
    let event = finish(house.store.events(stored.position, 1)).unwrap().remove(0).event;
    let lists = stored.record.lists.iter().map(|list| List { kind: RecordKind::Key, ..*list }).collect();
    let record = Record { version: stored.record.version + 1, lists, ..stored.record };
    let (slot, replay, apply) = (SlotChange::Keep, None, Box::new(|_| {}));
    finish(house.store.commit(Change { record, slot, event, replay, apply })).unwrap();
}

#[test]
fn a_list_of_the_living_holds_no_removed_key() {
    let house = House::new(1, 10);
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    let ids: Vec<Id> = house.keys.iter().map(|key| key.id.id()).collect();
    for (n, key) in house.keys.iter().enumerate().filter(|(n, _)| n % 5 != 4) {
        run(&core, &house, Command::Remove(key.id.into(), Ending::default()));
        assert_eq!(counted(&core, &house), (n - n / 5) as u64 + 1);
    }
    let (living, gone): (Vec<_>, Vec<_>) = ids.iter().enumerate().partition(|(n, _)| n % 5 == 4);
    let [living, gone] = [living, gone].map(|them| them.into_iter().map(|(_, id)| *id).collect::<Vec<_>>());
    assert_eq!(members(&house, RecordKind::Key, house.account.id.id()), living);
    assert_eq!(members(&house, RecordKind::Tombstone, house.account.id.id()), gone);

    // What an earlier build has removed is found in its place all the same.
    as_of_an_earlier_build(&house, gone[2]);
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    assert_eq!(listed(&core, &house, None), living);
    assert_eq!(listed(&core, &house, Some(StateFilter::Removed)), gone);
    assert_eq!(counted(&core, &house), gone.len() as u64);
}
