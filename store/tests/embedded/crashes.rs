//! This file is about dying: at every step of the commit path, and at any moment under load.

use std::fs;
use std::path::{Path, PathBuf};

use keyward_store::{Embedded, Options, Step};

use crate::fixture::{run, signer};
use crate::workload::{Answers, Orders, assert_erased, compare, listen, reopen};

/// A store in a folder of its own, with an anchor beside it, made and closed.
pub(crate) struct Place {
    pub(crate) kept: tempfile::TempDir,
    pub(crate) folder: PathBuf,
    pub(crate) anchor: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let kept = tempfile::tempdir().unwrap();
        let (folder, anchor) = (kept.path().join("store"), kept.path().join("anchor"));
        let options = Options { anchor: Some(anchor.clone()), ..Options::default() };
        Embedded::create(&folder, signer(), options).unwrap().close();
        Self { kept, folder, anchor }
    }

    pub(crate) fn orders(&self, first: u64, end: u64, cut_after: i64) -> Orders<'_> {
        Orders { folder: &self.folder, anchor: &self.anchor, first, end, cut_after, body: 0 }
    }
}

/// Copies a folder.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if entry.path().extension().is_some_and(|end| end == "jnl") {
            // Mostly a hole; what counts is in front.
            let bytes = fs::read(entry.path()).unwrap();
            let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 4096);
            fs::write(target, &bytes[..used.min(bytes.len())]).unwrap();
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The store is cut before each step that it takes, one cut a run, until a run takes no further step.
#[test]
fn survives_a_cut_at_every_step() {
    let mut cuts = 0;
    loop {
        let place = Place::new();
        let mut child = place.orders(0, 6, cuts).command().spawn().unwrap();
        let mut answers = Answers::default();
        listen(&mut child, &mut answers, u64::MAX);
        let ended_well = child.wait().unwrap().success();
        let store = reopen(&place.folder, &place.anchor);
        run(compare(&store, &answers, 6, 0));
        drop(store);
        assert_erased(&place.folder, &answers);
        if ended_well {
            assert_eq!(answers.count(), 6 * 3 - 2 + 6, "without a cut everything is answered");
            break;
        }
        cuts += 1;
    }
    assert!(cuts > Step::ALL.len() as i64 * 3, "only {cuts} steps were cut");
}

/// Killed from outside after some number of answers, again and again on the same store.
#[test]
fn survives_being_killed_under_load() {
    let place = Place::new();
    let mut answers = Answers::default();
    let mut end = 0;
    for round in 0..12_u64 {
        let first = end;
        end += 4000;
        let mut child = place.orders(first, end, -1).command().spawn().unwrap();
        // Scattered, but the same in each run.
        let heard = 1 + round.wrapping_mul(2_654_435_761) % 700;
        let before = answers.count();
        listen(&mut child, &mut answers, heard);
        assert!(answers.count() >= before + heard.min(4), "the child got going");
        child.kill().unwrap();
        child.wait().unwrap();
        let store = reopen(&place.folder, &place.anchor);
        run(compare(&store, &answers, end, 0));
        drop(store);
        assert_erased(&place.folder, &answers);
    }
}
