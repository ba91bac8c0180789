//! This file is about backups: what was not written as it stands is never restored, and whoever repairs the hash
//! of a changed one still restores no other log.

use std::fs;

use bolero::{check, produce};
use keyward_core::keyward::Keyward;
use keyward_core::seal::{Pepper, WrappedSlot};
use keyward_core::secret::Digest;
use keyward_core::store::Store;
use keyward_store::{Embedded, Opens, Options, restore};
use tempfile::TempDir;

use crate::mutation::{SCRIPT, mutated};
use crate::samples::{Still, finish, root, signer};

/// Every restore makes a folder, an engine and some syncs.
const ITERATIONS: usize = 48;
/// The last frame: its head, and the SHA-256 of all before it.
const END: usize = 7 + 32;

/// A backup, and a copy of its slots.
struct Written {
    backup: Vec<u8>,
    slots: Vec<u8>,
    checkpoint: String,
}

fn options() -> Options {
    Options { cache_bytes: 1 << 20, ..Options::default() }
}

fn written() -> Written {
    let folder = TempDir::new().unwrap();
    let store = Embedded::create(&folder.path().join("data"), signer(), options()).unwrap();
    let core = finish(Keyward::start(store, Still::default(), Pepper::new(&[9; 32]), 8)).unwrap();
    finish(core.found("acme", "ann")).unwrap();
    let [backup, slots] = ["backup", "slots"].map(|name| folder.path().join(name));
    core.store().backup(&backup, Some(&slots)).unwrap();
    let checkpoint = finish(core.store().checkpoint()).unwrap();
    Written { backup: fs::read(backup).unwrap(), slots: fs::read(slots).unwrap(), checkpoint }
}

/// The checkpoint of the store that comes of restoring these; `None` if nothing does.
fn restored(backup: &[u8], slots: Option<&[u8]>) -> Option<String> {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("backup"), backup).unwrap();
    let copies = at("slots");
    fs::write(&copies, slots.unwrap_or_default()).unwrap();
    let root = root();
    let opens = |id, slot: &WrappedSlot| root.unwrap(slot, id).is_ok();
    let copies = slots.map(|_| (copies.as_path(), &opens as Opens<'_>));
    let done = restore(&at("data"), &at("backup"), copies, &signer().verifier_key());
    let opened = Embedded::open(&at("data"), signer(), options());
    assert_eq!(done.is_ok(), opened.is_ok(), "{done:?}");
    opened.ok().map(|store| finish(store.checkpoint()).unwrap())
}

#[test]
fn a_changed_backup_is_not_restored() {
    let Written { backup, slots, checkpoint } = written();
    assert_eq!(restored(&backup, Some(&slots)), Some(checkpoint));
    let input = (produce::<bool>(), produce::<Vec<u8>>().with().len(SCRIPT));
    check!().with_iterations(ITERATIONS).with_generator(input).for_each(|(which, script)| {
        let changed = mutated(if *which { &backup } else { &slots }, script);
        let is_whole = changed == if *which { &*backup } else { &*slots };
        let came = if *which { restored(&changed, Some(&slots)) } else { restored(&backup, Some(&changed)) };
        assert_eq!(came.is_some(), is_whole);
    });
}

#[test]
fn a_repaired_backup_restores_no_other_log() {
    let Written { backup, checkpoint, .. } = written();
    let (content, end) = backup.split_at(backup.len() - END);
    assert_eq!(&Digest::of(content).bytes()[..], &end[7..], "the hash is where this test repairs it");
    let input = produce::<Vec<u8>>().with().len(SCRIPT);
    check!().with_iterations(ITERATIONS).with_generator(input).for_each(|script| {
        let changed = mutated(content, script);
        let repaired = [&changed, &end[..7], &Digest::of(&changed).bytes()[..]].concat();
        let came = restored(&repaired, None);
        assert!(came.is_none_or(|log| log == checkpoint));
    });
}
