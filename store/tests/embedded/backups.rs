//! This file is about backups: whole, or refused; without slots unless asked.

use std::fs;
use std::sync::Arc;

use keyward_core::store::{Spend, Store};
use keyward_store::{Embedded, OpenError, Options, restore};

use tokio::task::JoinSet;

use crate::crashes::Place;
use crate::fixture::{id, run, signer};
use crate::workload::{reopen, step};

/// Keys 0 to 299: every third is changed, every third removed.
fn filled() -> (Place, Embedded) {
    let place = Place::new();
    let store = reopen(&place.folder, &place.anchor);
    run(async {
        for number in 0..300 {
            for version in 1..=1 + number % 3 {
                store.commit(step(number, version, 0)).await.unwrap();
            }
        }
        store.spend(Spend { id: id(5), cost: 3, limit: 10 }).await.unwrap();
        store.note(vec![(id(6), vec![1, 2])]).await.unwrap();
    });
    (place, store)
}

fn all<S: Store>(store: &S) -> Vec<(keyward_core::store::Record, u64, bool)> {
    let seen = std::sync::Mutex::new(Vec::new());
    run(store.scan(keyward_core::store::RecordKind::Key, &|stored| {
        seen.lock().unwrap().push((stored.record, stored.position, stored.slot.is_some()));
    }))
    .unwrap();
    let mut seen = seen.into_inner().unwrap();
    seen.sort_by_key(|(record, ..)| record.id);
    seen
}

#[test]
fn a_backup_without_slots_brings_everything_else_back() {
    let (place, store) = filled();
    let (file, folder) = (place.kept.path().join("backup"), place.kept.path().join("restored"));
    let written = store.backup(&file, None).unwrap();
    assert_eq!((written.records, written.events, written.slots), (300, 600, 0));
    let read = restore(&folder, &file, None, &signer().verifier_key()).unwrap();
    assert_eq!(read, written);
    let restored = Embedded::open(&folder, signer(), Options::default()).unwrap();
    assert_eq!(restored.check(&|_, _| true).unwrap(), []);
    let without_slots = |(record, position, _)| (record, position, false);
    assert_eq!(all(&restored), all(&store).into_iter().map(without_slots).collect::<Vec<_>>());
    run(async {
        assert_eq!(restored.checkpoint().await.unwrap(), store.checkpoint().await.unwrap());
        assert_eq!(restored.events(0, 1000).await.unwrap(), store.events(0, 1000).await.unwrap());
        assert_eq!(restored.spend(Spend { id: id(5), cost: 8, limit: 10 }).await, Ok(None));
        assert_eq!(restored.noted(id(6)).await.unwrap(), Some(vec![1, 2]));
        restored.commit(step(300, 1, 0)).await.unwrap();
    });
}

#[test]
fn slots_come_back_from_their_own_copy_only_for_who_had_them() {
    let (place, store) = filled();
    let [file, slots, folder] = ["backup", "slots", "restored"].map(|name| place.kept.path().join(name));
    let written = store.backup(&file, Some(&slots)).unwrap();
    assert_eq!(written.slots, 200);
    restore(&folder, &file, Some((&slots, &|_, _| true)), &signer().verifier_key()).unwrap();
    let restored = Embedded::open(&folder, signer(), Options::default()).unwrap();
    assert_eq!(restored.check(&|_, _| true).unwrap(), []);
    run(async {
        for number in 0..300 {
            let (old, new) =
                (store.fetch(id(number)).await.unwrap(), restored.fetch(id(number)).await.unwrap());
            assert_eq!(old.unwrap().slot, new.unwrap().slot, "key {number}");
        }
    });
}

/// The slot of the key after many that were removed was left out: whoever looked for the end of the records lost one.
#[test]
fn a_key_behind_many_removed_ones_keeps_its_slot() {
    const REMOVED: u64 = 4096;
    let place = Place::new();
    let store = Arc::new(reopen(&place.folder, &place.anchor));
    run(async {
        for (version, numbers) in [(1, 0..REMOVED + 3), (2, 0..REMOVED), (3, 0..REMOVED)] {
            let mut steps = JoinSet::new();
            for number in numbers {
                let store = Arc::clone(&store);
                steps.spawn(async move { store.commit(step(number, version, 0)).await.unwrap() });
            }
            steps.join_all().await;
        }
    });
    let [file, slots] = ["backup", "slots"].map(|name| place.kept.path().join(name));
    let written = store.backup(&file, Some(&slots)).unwrap();
    assert_eq!((written.records, written.slots), (REMOVED + 3, 3));
}

#[test]
fn an_older_copy_of_slots_gives_a_removed_key_nothing() {
    let (place, store) = filled();
    let [file, slots, newer, folder] =
        ["backup", "slots", "newer", "restored"].map(|name| place.kept.path().join(name));
    store.backup(&file, Some(&slots)).unwrap();
    run(store.commit(step(1, 3, 0))).unwrap();
    store.backup(&newer, None).unwrap();
    restore(&folder, &newer, Some((&slots, &|_, _| true)), &signer().verifier_key()).unwrap();
    let restored = Embedded::open(&folder, signer(), Options::default()).unwrap();
    assert_eq!(run(restored.fetch(id(1))).unwrap().unwrap().slot, None);
}

#[test]
fn a_restored_backup_is_behind_the_anchor() {
    let (place, store) = filled();
    let (file, folder) = (place.kept.path().join("backup"), place.kept.path().join("restored"));
    store.backup(&file, None).unwrap();
    run(store.commit(step(1, 3, 0))).unwrap();
    drop(store);
    restore(&folder, &file, None, &signer().verifier_key()).unwrap();
    let standing = reopen(&folder, &place.anchor).standing();
    assert_eq!(standing, keyward_store::Standing::Behind { store: 600, anchor: 601 });
}

#[test]
fn a_backup_that_was_changed_anywhere_is_refused() {
    let (place, store) = filled();
    let (file, folder) = (place.kept.path().join("backup"), place.kept.path().join("restored"));
    store.backup(&file, None).unwrap();
    let whole = fs::read(&file).unwrap();
    let refuse = |bytes: &[u8], what: &str| {
        fs::write(&file, bytes).unwrap();
        let error = restore(&folder, &file, None, &signer().verifier_key()).unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{what}: {error}");
        assert!(error.to_string().contains(file.to_str().unwrap()), "{what}: {error}");
        assert!(Embedded::open(&folder, signer(), Options::default()).is_err(), "{what}");
        drop(fs::remove_dir_all(&folder));
    };
    for part in 0..12 {
        let at = (whole.len() - 1) * part / 11;
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        refuse(&flipped, &format!("byte {at} flipped"));
        refuse(&whole[..at], &format!("cut at {at}"));
    }
    refuse(&[&whole[..], b"x"].concat(), "something behind it");
}

#[test]
fn restoring_needs_an_empty_folder_and_the_log_s_key() {
    let (place, store) = filled();
    let (file, folder) = (place.kept.path().join("backup"), place.kept.path().join("restored"));
    store.backup(&file, None).unwrap();
    assert!(store.backup(&file, None).is_err(), "a backup overwrites nothing");
    let error = restore(&place.folder, &file, None, &signer().verifier_key()).unwrap_err();
    assert!(matches!(error, OpenError::NotEmpty(_)), "{error}");
    let name = keyward_log::KeyName::new(crate::fixture::ORIGIN).unwrap();
    let other = keyward_log::Signer::new(name, &[8; 32].into()).unwrap().verifier_key();
    let error = restore(&folder, &file, None, &other).unwrap_err().to_string();
    assert!(error.contains("its checkpoint is not signed by this log's key"), "{error}");
}

/// They are of an older root: whoever put them back would find keys that nobody can use.
#[test]
fn slots_that_no_longer_open_are_left_out() {
    let (place, store) = filled();
    let [file, slots] = ["backup", "slots"].map(|name| place.kept.path().join(name));
    store.backup(&file, Some(&slots)).unwrap();
    let key = signer().verifier_key();
    let folder = place.kept.path().join("one");
    let left_out = std::sync::Mutex::new(None);
    let all_but_one = |id, _: &_| *left_out.lock().unwrap().get_or_insert(id) != id;
    let read = restore(&folder, &file, Some((&slots, &all_but_one)), &key).unwrap();
    assert_eq!((read.slots, read.unopened), (199, 1));
    let restored = Embedded::open(&folder, signer(), Options::default()).unwrap();
    let id = left_out.into_inner().unwrap().unwrap();
    assert_eq!(run(restored.fetch(id)).unwrap().unwrap().slot, None);
    let folder = place.kept.path().join("none");
    let error = restore(&folder, &file, Some((&slots, &|_, _| false)), &key).unwrap_err().to_string();
    assert!(error.contains("none of these slots opens"), "{error}");
    assert!(Embedded::open(&folder, signer(), Options::default()).is_err());
}
