//! This file is about records: versions, slots, names and lists.

use std::collections::HashMap;
use std::sync::Mutex;

use keyward_core::store::{Change, CommitError, Record, RecordKind, SlotChange, Store, Stored};
use keyward_core::time::Timestamp;

use super::{ids, same};
use crate::fixture::*;

pub(crate) async fn fetches_what_was_committed(store: impl Store) {
    let first = creation(1);
    let (record1, position) = (first.record.clone(), store.commit(first).await.unwrap());
    let stored = store.fetch(id(1)).await.unwrap().unwrap();
    same(&stored, &record1, position);
    assert_eq!(stored.slot, Some(slot(1)));
    let second = Record { names: vec![name(1)], lists: vec![list(9)], ..record(1, 2) };
    let position = store.commit(change(second.clone(), SlotChange::Keep)).await.unwrap();
    same(&store.fetch(id(1)).await.unwrap().unwrap(), &second, position);
}

pub(crate) async fn knows_nothing_of_what_was_not(store: impl Store) {
    assert!(store.fetch(id(1)).await.unwrap().is_none());
    assert_eq!(store.holder(name(1)).await.unwrap(), None);
    assert_eq!(store.replay([1; 32], Timestamp::from_millis(0)).await.unwrap(), None);
    assert_eq!(store.noted(id(1)).await.unwrap(), None);
    assert_eq!(ids(&store, 1, None, 10).await, []);
}

pub(crate) async fn refuses_a_version_that_is_not_the_next(store: impl Store) {
    for missing in [0, 2, u64::MAX] {
        let refused = store.commit(change(record(1, missing), SlotChange::Keep)).await;
        assert_eq!(refused, Err(CommitError::Stale), "version {missing} of nothing");
    }
    store.commit(creation(1)).await.unwrap();
    store.commit(change(record(1, 2), SlotChange::Keep)).await.unwrap();
    for wrong in [0, 1, 2, 4] {
        let refused = store.commit(change(record(1, wrong), SlotChange::Keep)).await;
        assert_eq!(refused, Err(CommitError::Stale), "version {wrong} after 2");
    }
}

pub(crate) async fn refuses_to_create_what_is_there(store: impl Store) {
    store.commit(creation(1)).await.unwrap();
    assert_eq!(store.commit(creation(1)).await, Err(CommitError::Stale));
    store.commit(change(record(1, 2), SlotChange::Erase)).await.unwrap();
    assert_eq!(store.commit(creation(1)).await, Err(CommitError::Stale), "a removed id is not free again");
}

pub(crate) async fn a_refused_change_changes_nothing(store: impl Store) {
    let held = Record { names: vec![name(1)], ..record(1, 1) };
    store.commit(change(held.clone(), SlotChange::Fill(slot(1)))).await.unwrap();
    let before = store.checkpoint().await.unwrap();
    let stale = Record { names: vec![name(2)], lists: vec![list(3)], ..record(1, 5) };
    let taken = Record { names: vec![name(3), name(1)], lists: vec![list(3)], ..record(2, 1) };
    for (record, error) in [(stale, CommitError::Stale), (taken, CommitError::NameTaken(name(1)))] {
        let replay = Some(replay(7, u64::MAX));
        let refused = Change { replay, ..change(record, SlotChange::Fill(slot(9))) };
        assert_eq!(store.commit(refused).await, Err(error));
    }
    assert_eq!(store.checkpoint().await.unwrap(), before);
    let stored = store.fetch(id(1)).await.unwrap().unwrap();
    assert_eq!((stored.record, stored.slot), (held, Some(slot(1))));
    assert!(store.fetch(id(2)).await.unwrap().is_none());
    assert_eq!(store.holder(name(2)).await.unwrap(), None);
    assert_eq!(store.holder(name(3)).await.unwrap(), None);
    assert_eq!(ids(&store, 3, None, 10).await, []);
    assert_eq!(store.replay([7; 32], Timestamp::from_millis(0)).await.unwrap(), None);
}

pub(crate) async fn keeps_fills_and_erases_slots(store: impl Store) {
    let steps = [
        (SlotChange::Keep, None),
        (SlotChange::Fill(slot(1)), Some(slot(1))),
        (SlotChange::Keep, Some(slot(1))),
        (SlotChange::Fill(slot(2)), Some(slot(2))),
        (SlotChange::Erase, None),
        (SlotChange::Keep, None),
        (SlotChange::Erase, None),
        (SlotChange::Fill(slot(3)), Some(slot(3))),
    ];
    for (version, (slot, expected)) in (1..).zip(steps) {
        store.commit(change(record(1, version), slot)).await.unwrap();
        assert_eq!(store.fetch(id(1)).await.unwrap().unwrap().slot, expected, "after version {version}");
    }
}

pub(crate) async fn names_have_one_holder(store: impl Store) {
    let with = |number, names| change(Record { names, ..record(number, 1) }, SlotChange::Keep);
    store.commit(with(1, vec![name(1), name(2)])).await.unwrap();
    assert_eq!(store.commit(with(2, vec![name(2)])).await, Err(CommitError::NameTaken(name(2))));
    store.commit(with(2, vec![name(3), name(3)])).await.unwrap();
    for (byte, holder) in [(1, Some(id(1))), (2, Some(id(1))), (3, Some(id(2))), (4, None)] {
        assert_eq!(store.holder(name(byte)).await.unwrap(), holder, "name {byte}");
    }
}

pub(crate) async fn names_move_with_the_record(store: impl Store) {
    let with = |number, version, names| change(Record { names, ..record(number, version) }, SlotChange::Keep);
    store.commit(with(1, 1, vec![name(1), name(2)])).await.unwrap();
    store.commit(with(1, 2, vec![name(2), name(3)])).await.unwrap();
    assert_eq!(store.holder(name(1)).await.unwrap(), None);
    store.commit(with(2, 1, vec![name(1)])).await.unwrap();
    assert_eq!(store.holder(name(1)).await.unwrap(), Some(id(2)));
    assert_eq!(store.holder(name(3)).await.unwrap(), Some(id(1)));
    // A removed record holds what core leaves it.
    store.commit(change(Record { names: vec![name(3)], ..record(1, 3) }, SlotChange::Erase)).await.unwrap();
    assert_eq!(store.holder(name(2)).await.unwrap(), None);
    assert_eq!(store.commit(with(3, 1, vec![name(3)])).await, Err(CommitError::NameTaken(name(3))));
    store.commit(with(3, 1, vec![name(2)])).await.unwrap();
}

pub(crate) async fn a_record_may_keep_its_name(store: impl Store) {
    for version in 1..4 {
        let named = Record { names: vec![name(1)], ..record(1, version) };
        store.commit(change(named, SlotChange::Keep)).await.unwrap();
    }
    assert_eq!(store.holder(name(1)).await.unwrap(), Some(id(1)));
}

pub(crate) async fn pages_in_order_of_ids(store: impl Store) {
    for number in [5, 3, 9, 1, 7] {
        let listed = Record { lists: vec![list(100), list(200)], ..record(number, 1) };
        store.commit(change(listed, SlotChange::Fill(slot(number as u8)))).await.unwrap();
    }
    store.commit(change(Record { lists: vec![list(200)], ..record(4, 1) }, SlotChange::Keep)).await.unwrap();
    assert_eq!(ids(&store, 100, None, 10).await, [1, 3, 5, 7, 9].map(id));
    assert_eq!(ids(&store, 100, None, 2).await, [1, 3].map(id));
    assert_eq!(ids(&store, 100, Some(id(3)), 2).await, [5, 7].map(id));
    assert_eq!(ids(&store, 100, Some(id(4)), 2).await, [5, 7].map(id), "after an id that is not in the list");
    assert_eq!(ids(&store, 100, Some(id(9)), 2).await, []);
    assert_eq!(ids(&store, 100, None, 0).await, []);
    assert_eq!(ids(&store, 200, None, 10).await, [1, 3, 4, 5, 7, 9].map(id));
    assert_eq!(ids(&store, 150, None, 10).await, []);
    let page = store.page(list(100), Some(id(3)), 1).await.unwrap();
    assert_eq!((page[0].record.body.clone(), page[0].slot), (record(5, 1).body, Some(slot(5))));
    let other = keyward_core::store::List { kind: RecordKind::Account, ..list(100) };
    assert!(store.page(other, None, 10).await.unwrap().is_empty(), "a list is of one kind");
}

pub(crate) async fn pages_are_the_same_however_far_apart_records_lie(store: impl Store) {
    // Side by side, every other one, each tenth, and first side by side and then far apart.
    let strides: [fn(u64) -> bool; 4] =
        [|_| true, |number| number % 2 == 0, |number| number % 10 == 0, |number| number < 8 || number == 99];
    for number in 0..100 {
        let lists = (0..).zip(strides).filter(|(_, has)| has(number)).map(|(owner, _)| list(owner)).collect();
        let slot = if number % 3 == 0 { SlotChange::Keep } else { SlotChange::Fill(slot(number as u8)) };
        store.commit(change(Record { lists, ..record(number, 1) }, slot)).await.unwrap();
    }
    for (owner, has) in (0..).zip(strides) {
        let members: Vec<_> = (0..100).filter(|number| has(*number)).map(id).collect();
        for (after, limit) in [(None, 5), (None, usize::MAX), (Some(id(3)), 7)] {
            let rest = members.iter().filter(|id| after < Some(**id)).take(limit);
            let mut expected = Vec::new();
            for id in rest {
                expected.push(store.fetch(*id).await.unwrap().unwrap());
            }
            let page = store.page(list(owner), after, limit).await.unwrap();
            let all_of = |page: Vec<Stored>| -> Vec<_> {
                page.into_iter().map(|stored| (stored.record, stored.position, stored.slot)).collect()
            };
            assert_eq!(all_of(page), all_of(expected), "list {owner} after {after:?}, {limit}");
        }
    }
}

pub(crate) async fn pages_follow_the_record(store: impl Store) {
    let with = |version, lists| change(Record { lists, ..record(1, version) }, SlotChange::Keep);
    store.commit(with(1, vec![list(1), list(2)])).await.unwrap();
    store.commit(with(2, vec![list(2), list(3)])).await.unwrap();
    for (owner, members) in [(1, vec![]), (2, vec![id(1)]), (3, vec![id(1)])] {
        assert_eq!(ids(&store, owner, None, 10).await, members, "list {owner}");
    }
    let page = store.page(list(2), None, 1).await.unwrap();
    assert_eq!(page[0].record.version, 2, "a page is as fresh as a fetch");
}

pub(crate) async fn scans_every_record_of_a_kind_once(store: impl Store) {
    let mut expected = HashMap::new();
    for number in 0..300 {
        let kind = if number % 3 == 0 { RecordKind::Account } else { RecordKind::Key };
        let record = Record { kind, ..record(number, 1) };
        let filled = SlotChange::Fill(slot(number as u8));
        let slot = if number % 2 == 0 { filled } else { SlotChange::Keep };
        let has_slot = number % 2 == 0;
        let position = store.commit(change(record, slot)).await.unwrap();
        if kind == RecordKind::Key {
            expected.insert(id(number), (position, has_slot));
        }
    }
    let seen = Mutex::new(Vec::new());
    store.scan(RecordKind::Key, &|stored| seen.lock().unwrap().push(stored)).await.unwrap();
    let seen = seen.into_inner().unwrap();
    assert_eq!(seen.len(), expected.len());
    for stored in seen {
        let found = (stored.position, stored.slot.is_some());
        assert_eq!(expected.remove(&stored.record.id), Some(found), "{:?}", stored.record.id);
    }
}

pub(crate) async fn large_bodies_pass_and_larger_do_not(store: impl Store) {
    let with =
        |number, length| change(Record { body: vec![5; length], ..record(number, 1) }, SlotChange::Keep);
    store.commit(with(1, Record::BODY_LIMIT)).await.unwrap();
    assert_eq!(store.fetch(id(1)).await.unwrap().unwrap().record.body.len(), Record::BODY_LIMIT);
    let refused = store.commit(with(2, Record::BODY_LIMIT + 1)).await;
    assert_eq!(refused, Err(CommitError::TooLarge));
    store.commit(with(3, 0)).await.unwrap();
    assert!(store.fetch(id(3)).await.unwrap().unwrap().record.body.is_empty());
}
