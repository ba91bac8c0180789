//! This file is about files that are not as they were written: the store recovers or says which file, and never
//! brings a removed key back.

use std::fs;
use std::path::{Path, PathBuf};

use keyward_core::store::{RecordKind, Store as _, Stored};
use keyward_store::{Embedded, OpenError, Options, Standing};

use crate::crashes::{Place, copy};
use crate::fixture::{run, signer};
use crate::workload::{Answers, assert_locked, assert_nothing_came_back, compare, listen};

/// A store that was killed with everything still in its journal.
pub(crate) fn crashed() -> (Place, Answers) {
    let place = Place::new();
    let mut answers = Answers::default();
    let mut child = place.orders(0, 1000, -1).command().spawn().unwrap();
    listen(&mut child, &mut answers, 150);
    child.kill().unwrap();
    child.wait().unwrap();
    (place, answers)
}

fn journal(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder.join("engine")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|end| end == "jnl")).max().unwrap()
}

/// Opens a damaged copy, and holds it to the promise. Returns how it stood, if it opened.
fn judge(place: &Place, answers: &Answers, harm: impl FnOnce(&Path)) -> Option<Standing> {
    let copied = place.kept.path().join("copy");
    copy(&place.folder, &copied);
    let anchor = place.kept.path().join("anchor-of-copy");
    fs::copy(&place.anchor, &anchor).unwrap();
    harm(&copied);
    let options = Options { anchor: Some(anchor), ..Options::default() };
    let opened = Embedded::open(&copied, signer(), options);
    let standing = match opened {
        Ok(store) => {
            let standing = store.standing();
            run(async {
                assert_nothing_came_back(&store, answers).await;
                match &standing {
                    Standing::Ready => compare(&store, &answers.logged(), 1000, 0).await,
                    Standing::Behind { .. } | Standing::Diverged { .. } => assert_locked(&store).await,
                }
            });
            Some(standing)
        }
        Err(error) => {
            let named = error.to_string();
            assert!(named.contains(copied.to_str().unwrap()), "names the place: {named}");
            None
        }
    };
    fs::remove_dir_all(&copied).unwrap();
    standing
}

/// How much of the journal is written.
fn used(place: &Place) -> u64 {
    let bytes = fs::read(journal(&place.folder)).unwrap();
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1)
}

#[test]
fn a_journal_that_ends_anywhere_loses_nothing_unnoticed() {
    let (place, answers) = crashed();
    let used = used(&place);
    let cut = |length: u64| {
        judge(&place, &answers, |copied| {
            fs::OpenOptions::new().write(true).open(journal(copied)).unwrap().set_len(length).unwrap();
        })
    };
    assert_eq!(cut(used), Some(Standing::Ready), "only the unused end is gone");
    let lengths = (0..24).map(|part| used * part / 24).chain((1..24).map(|back| used - back));
    for length in lengths {
        let standing = cut(length);
        // In the last few bytes is a batch that nobody may have an answer for; half of them surely have.
        assert!(length > used / 2 || standing != Some(Standing::Ready), "cut at {length} of {used}");
    }
}

#[test]
fn a_flipped_byte_in_the_journal_is_noticed() {
    let (place, answers) = crashed();
    let used = used(&place);
    for part in 0..40 {
        let at = (used - 1) * part / 39;
        judge(&place, &answers, |copied| {
            let path = journal(copied);
            let mut bytes = fs::read(&path).unwrap();
            bytes[at as usize] ^= 0x10;
            fs::write(path, bytes).unwrap();
        });
    }
}

/// A bit of a batch's sequence number flipped once on a machine that ran the test above: records as they had been
/// before won over newer ones, and the store opened. The engine's checksum does not cover that number.
#[test]
fn a_batch_that_does_not_stand_in_its_order_is_noticed() {
    let (place, answers) = crashed();
    let bytes = fs::read(journal(&place.folder)).unwrap();
    // Every batch ends with four fixed bytes, and begins with its tag, how many entries it has, and its number.
    let ends = (4..used(&place) as usize).filter(|at| bytes[at - 4..*at] == *b"FJL\x03" && bytes[*at] == 1);
    let numbers: Vec<usize> = ends.map(|start| start + 5).collect();
    assert!(numbers.len() > 20, "{} batches", numbers.len());
    for at in numbers.iter().rev().step_by(numbers.len() / 10) {
        // The last batch of all may have any greater number: nothing comes after it.
        let lower = u64::from_le_bytes(bytes[*at..at + 8].try_into().unwrap()) - 1;
        let standing = judge(&place, &answers, |copied| {
            let mut bytes = bytes.clone();
            bytes[*at..at + 8].copy_from_slice(&lower.to_le_bytes());
            fs::write(journal(copied), bytes).unwrap();
        });
        assert_eq!(standing, None, "the batch at {at}");
    }
}

#[test]
fn a_lost_slot_file_is_named() {
    let (place, answers) = crashed();
    let opened = judge(&place, &answers, |copied| fs::remove_file(copied.join("slots")).unwrap());
    assert_eq!(opened, None);
    let opened = judge(&place, &answers, |copied| fs::write(copied.join("slots"), "something").unwrap());
    assert_eq!(opened, None);
}

#[test]
fn a_lost_slot_is_named_and_found_by_the_check() {
    let (place, _) = crashed();
    let path = place.folder.join("slots");
    let mut bytes = fs::read(&path).unwrap();
    let cell = bytes[4096..].chunks(64).position(|cell| cell.iter().any(|byte| *byte != 0)).unwrap();
    let start = 4096 + cell * 64;
    let number = u64::from_be_bytes(bytes[start..start + 8].try_into().unwrap());
    bytes[start..start + 64].fill(0);
    fs::write(&path, bytes).unwrap();
    let store = Embedded::open(&place.folder, signer(), Options::default()).unwrap();
    let found = store.check(&|_, _| true).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].place.contains(&format!("cell {cell}")), "{}", found[0]);
    // Nobody but the core can tell that it opens nothing: it ends that key, and no other.
    let fetched = run(keyward_core::store::Store::fetch(&store, crate::fixture::id(number)));
    assert_eq!(fetched.unwrap().unwrap().slot.map(|slot| slot.0), Some([0; 64]));
}

/// The records were blamed as well, for cells that they name and nobody could count: whoever restored an older backup for that
/// would have met the lock.
#[test]
fn slots_that_are_cut_off_are_named_and_nothing_else_is_blamed() {
    let (place, _) = crashed();
    // Opened once, so that nothing is left to be written to it.
    drop(Embedded::open(&place.folder, signer(), Options::default()).unwrap());
    let path = place.folder.join("slots");
    let bytes = fs::read(&path).unwrap();
    let in_use = |cell: &[u8]| cell.iter().any(|byte| *byte != 0);
    let used: Vec<usize> =
        bytes[4096..].chunks(64).enumerate().filter(|(_, cell)| in_use(cell)).map(|(cell, _)| cell).collect();
    let kept = used[used.len() / 2];
    fs::write(&path, &bytes[..4096 + kept * 64]).unwrap();
    let store = Embedded::open(&place.folder, signer(), Options::default()).unwrap();
    let found = store.check(&|_, _| true).unwrap();
    assert_eq!(found.len(), used.len() - used.len() / 2, "{found:?}");
    for finding in found {
        let is_named = finding.place.contains("slots, cell ") && finding.problem.starts_with("key_");
        assert!(is_named && finding.problem.contains("the file ends before"), "{finding}");
    }
}

#[test]
fn a_slot_that_does_not_open_is_found_by_the_check() {
    let (place, _) = crashed();
    let store = Embedded::open(&place.folder, signer(), Options::default()).unwrap();
    let ids = std::sync::Mutex::new(Vec::new());
    let all = |stored: Stored| ids.lock().unwrap().extend(stored.slot.map(|_| stored.record.id));
    run(store.scan(RecordKind::Key, &all)).unwrap();
    let ids = ids.into_inner().unwrap();
    let harmed = ids[ids.len() / 2];
    let found = store.check(&|id, _| id != harmed).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    let key = keyward_core::id::KeyId::from(harmed).to_string();
    assert!(found[0].place.contains("slots, cell ") && found[0].problem.contains(&key), "{}", found[0]);
    let none = store.check(&|_, _| false).unwrap();
    assert_eq!(none.len(), ids.len() + 1);
    assert!(none.last().unwrap().problem.contains("not the roots of this store"), "{none:?}");
}

#[test]
fn a_damaged_table_is_named() {
    let place = Place::new();
    let tables = place.folder.join("engine/keyspaces");
    for keyspace in fs::read_dir(&tables).unwrap().map(|entry| entry.unwrap().path()) {
        for file in fs::read_dir(&keyspace).unwrap().map(|entry| entry.unwrap().path()) {
            if !file.is_file() || fs::metadata(&file).unwrap().len() == 0 {
                continue;
            }
            judge(&place, &Answers::default(), |copied| {
                let harmed = copied.join(file.strip_prefix(&place.folder).unwrap());
                let mut bytes = fs::read(&harmed).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 0xff;
                fs::write(harmed, bytes).unwrap();
            });
        }
    }
}

#[test]
fn a_damaged_format_file_is_named() {
    let (place, answers) = crashed();
    assert_eq!(judge(&place, &answers, |copied| fs::write(copied.join("FORMAT"), "?").unwrap()), None);
    fs::write(place.folder.join("FORMAT"), "keyward store 2\n").unwrap();
    let error = Embedded::open(&place.folder, signer(), Options::default()).unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 2, .. }), "{error}");
}
