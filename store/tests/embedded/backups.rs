//! This file is about backups: whole, or refused; without slots unless asked.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::TryRecvError;

use keyward_core::store::{Backup, ReadError, Spend, Store};
use keyward_core::time::Timestamp;
use keyward_store::{BackupFolders, Embedded, OpenError, Opens, Options, restore};

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

/// Where a running store keeps its backups here.
fn folders(place: &Place) -> BackupFolders {
    let [records, slots] = ["backups", "slot-copies"].map(|name| place.kept.path().join(name));
    [&records, &slots].into_iter().for_each(|folder| fs::create_dir_all(folder).unwrap());
    BackupFolders { records, slots: Some(slots) }
}

fn keeping(place: &Place, backups: BackupFolders) -> Embedded {
    let options =
        Options { anchor: Some(place.anchor.clone()), backups: Some(backups), ..Options::default() };
    Embedded::open(&place.folder, signer(), options).unwrap()
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Each is of one moment: all that its log says is there, and nothing else.
#[test]
fn a_store_that_goes_on_writes_backups_that_are_whole() {
    let (place, store) = filled();
    drop(store);
    let kept = folders(&place);
    let store = Arc::new(keeping(&place, kept.clone()));
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let committing = Arc::clone(&store);
    let commits = std::thread::spawn(move || {
        run(async {
            let mut number = 300;
            while stopped.try_recv() == Err(TryRecvError::Empty) {
                for version in 1..=1 + number % 3 {
                    committing.commit(step(number, version, 0)).await.unwrap();
                }
                number += 1;
            }
        });
    });
    let written: Vec<Backup> =
        (1..=8).map(|millis| run(store.back_up(Timestamp::from_millis(millis))).unwrap().unwrap()).collect();
    drop(stop);
    commits.join().unwrap();
    let (first, last) = (&written[0], &written[written.len() - 1]);
    assert_eq!(first.file, "keyward-19700101T000000.001Z.records");
    assert!(first.events < last.events, "commits went on meanwhile");
    for (number, backup) in written.iter().enumerate() {
        let folder = place.kept.path().join(format!("restored-{number}"));
        let copied = backup.slots.as_ref().unwrap();
        let slots = kept.slots.as_ref().unwrap().join(&copied.file);
        let opens: (&Path, Opens<'_>) = (&slots, &|_, _| true);
        let key = signer().verifier_key();
        let read = restore(&folder, &kept.records.join(&backup.file), Some(opens), &key).unwrap();
        assert_eq!((read.records, read.events), (backup.records, backup.events), "{backup:?}");
        let restored = Embedded::open(&folder, signer(), Options::default()).unwrap();
        assert_eq!(restored.check(&|_, _| true).unwrap(), [], "{backup:?}");
    }
}

#[test]
fn a_backup_that_could_not_be_written_leaves_nothing_and_overwrites_nothing() {
    let (place, store) = filled();
    drop(store);
    let kept = folders(&place);
    let slots = kept.slots.clone().unwrap();
    let (time, later) = (Timestamp::from_millis(1), Timestamp::from_millis(2));
    let store = keeping(&place, kept.clone());
    let whole = run(store.back_up(time)).unwrap().unwrap();
    let bytes = fs::read(kept.records.join(&whole.file)).unwrap();
    run(store.commit(step(300, 1, 0))).unwrap();
    assert!(matches!(run(store.back_up(time)), Err(ReadError::Unavailable(_))), "the name is taken");
    assert_eq!(fs::read(kept.records.join(&whole.file)).unwrap(), bytes);
    fs::rename(&slots, place.kept.path().join("away")).unwrap();
    let refused = run(store.back_up(later)).unwrap_err().to_string();
    assert!(refused.contains("slot-copies"), "{refused}");
    assert_eq!(names_in(&kept.records), std::slice::from_ref(&whole.file));
    fs::rename(place.kept.path().join("away"), &slots).unwrap();
    assert_eq!(names_in(&slots), [whole.slots.unwrap().file]);
    assert!(run(store.back_up(later)).unwrap().is_some());
    drop(store);
    let without = reopen(&place.folder, &place.anchor);
    assert_eq!(run(without.back_up(later)), Ok(None));
}
