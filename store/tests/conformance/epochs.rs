//! This file is about wrapping every slot anew: which slots, which not, and what may happen meanwhile.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use keyward_core::id::Id;
use keyward_core::seal::{SealError, WrappedSlot};
use keyward_core::store::{CommitError, RecordKind, Rewrap, SlotChange, Store};
use tokio::task::JoinSet;

use crate::fixture::*;

/// How many keys race with a re-rooting: several strides of it.
const MANY: u64 = 3000;

/// A slot of an epoch: the rest of it says whose it is.
fn slot_of(number: u64, epoch: u32) -> WrappedSlot {
    let mut slot = [0xa5; 64];
    slot[..4].copy_from_slice(&epoch.to_le_bytes());
    slot[4..12].copy_from_slice(&number.to_le_bytes());
    WrappedSlot(slot)
}

/// Keeps whose a slot is, and changes the epoch. It must be the record's own.
fn rewrap(epoch: u32) -> Rewrap {
    Arc::new(move |of, slot: &WrappedSlot| {
        let number = u64::from_le_bytes(slot.0[4..12].try_into().unwrap());
        if id(number) == of { Ok(slot_of(number, epoch)) } else { Err(SealError) }
    })
}

async fn create(store: &impl Store, number: u64, epoch: u32) {
    let slot = SlotChange::Fill(slot_of(number, epoch));
    store.commit(change(record(number, 1), slot)).await.unwrap();
}

async fn slots(store: &impl Store) -> HashMap<Id, Option<WrappedSlot>> {
    let all = Mutex::new(HashMap::new());
    let note = |stored: keyward_core::store::Stored| {
        let twice = all.lock().unwrap().insert(stored.record.id, stored.slot);
        assert_eq!(twice, None, "a record is visited once");
    };
    store.scan(RecordKind::Key, &note).await.unwrap();
    all.into_inner().unwrap()
}

pub(crate) async fn rewraps_the_slots_of_older_epochs(store: impl Store) {
    for number in 0..1500 {
        create(&store, number, 1 + (number % 3) as u32).await;
    }
    store.commit(change(record(3, 2), SlotChange::Erase)).await.unwrap();
    store.commit(change(record(2000, 1), SlotChange::Keep)).await.unwrap();
    assert_eq!(store.rewrap(3, rewrap(3)).await, Ok(999), "one of them was erased");
    let slots = slots(&store).await;
    for number in (0..1500).filter(|number| *number != 3) {
        assert_eq!(slots[&id(number)], Some(slot_of(number, 3)));
        assert_eq!(store.fetch(id(number)).await.unwrap().unwrap().slot, Some(slot_of(number, 3)));
    }
    assert_eq!((slots[&id(3)], slots[&id(2000)]), (None, None));
    assert_eq!(store.rewrap(3, rewrap(3)).await, Ok(0), "there is nothing left to do");
}

pub(crate) async fn refuses_a_slot_of_an_older_epoch(store: impl Store) {
    create(&store, 1, 4).await;
    assert_eq!(store.rewrap(5, rewrap(5)).await, Ok(1));
    let late = change(record(2, 1), SlotChange::Fill(slot_of(2, 4)));
    assert_eq!(store.commit(late).await, Err(CommitError::OldEpoch));
    assert!(store.fetch(id(2)).await.unwrap().is_none());
    // Only slots have an epoch.
    store.commit(change(record(3, 1), SlotChange::Keep)).await.unwrap();
    create(&store, 2, 5).await;
    create(&store, 4, 6).await;
}

/// Damage to a slot's epoch made it pass for one that needs nothing: the root went that could open a copy of it.
pub(crate) async fn a_slot_that_does_not_open_stays(store: impl Store) {
    create(&store, 1, 1).await;
    create(&store, 3, 1).await;
    let strange = [(11, 1), (12, 2), (13, 3), (14, u32::MAX)];
    for (number, epoch) in strange {
        let slot = SlotChange::Fill(slot_of(77, epoch));
        store.commit(change(record(number, 1), slot)).await.unwrap();
    }
    for (number, epoch) in strange {
        let refused = store.rewrap(2, rewrap(2)).await;
        assert!(matches!(refused, Err(CommitError::NotWritten(_))), "{epoch}: {refused:?}");
        assert_eq!(store.fetch(id(number)).await.unwrap().unwrap().slot, Some(slot_of(77, epoch)));
        store.commit(change(record(number, 2), SlotChange::Erase)).await.unwrap();
    }
    let count = store.rewrap(2, rewrap(2)).await.unwrap();
    assert!(count <= 2, "{count}");
    for number in [1, 3] {
        assert_eq!(store.fetch(id(number)).await.unwrap().unwrap().slot, Some(slot_of(number, 2)));
    }
}

/// Whatever is removed, issued or read while all is wrapped anew, again and again: what is removed stays without a
/// slot, and what is there has its own, of this epoch.
pub(crate) async fn goes_on_while_slots_are_rewrapped(store: impl Store) {
    let store = Arc::new(store);
    for number in 0..MANY {
        create(&*store, number, 1).await;
    }
    let epoch = Arc::new(AtomicU64::new(1));
    let mut tasks = JoinSet::new();
    for lane in 0..4 {
        let (store, epoch) = (Arc::clone(&store), Arc::clone(&epoch));
        tasks.spawn(async move {
            for number in (0..MANY).filter(|number| number % 8 == lane) {
                store.commit(change(record(number, 2), SlotChange::Erase)).await.unwrap();
                assert_eq!(store.fetch(id(number)).await.unwrap().unwrap().slot, None);
                let new = MANY + number;
                loop {
                    let now = epoch.load(Ordering::SeqCst) as u32;
                    let fill = change(record(new, 1), SlotChange::Fill(slot_of(new, now)));
                    match store.commit(fill).await {
                        Ok(_) => break,
                        Err(error) => assert_eq!(error, CommitError::OldEpoch),
                    }
                }
                let read = store.fetch(id(new)).await.unwrap().unwrap().slot.unwrap();
                assert_eq!(read, slot_of(new, read.epoch()));
            }
        });
    }
    let mut rounds = 0;
    while !tasks.is_empty() || rounds == 0 {
        let next = epoch.fetch_add(1, Ordering::SeqCst) as u32 + 1;
        store.rewrap(next, rewrap(next)).await.unwrap();
        for (of, slot) in slots(&*store).await {
            assert!(slot.is_none_or(|slot| slot.epoch() == next), "{of:?}");
        }
        rounds += 1;
        while let Some(done) = tasks.try_join_next() {
            done.unwrap();
        }
    }
    let last = epoch.load(Ordering::SeqCst) as u32;
    let slots = slots(&*store).await;
    for number in 0..MANY {
        let removed = number % 8 < 4;
        assert_eq!(slots[&id(number)], (!removed).then(|| slot_of(number, last)), "key {number}");
        let successor = slots.get(&id(MANY + number)).copied().flatten();
        assert_eq!(successor, removed.then(|| slot_of(MANY + number, last)));
    }
}
