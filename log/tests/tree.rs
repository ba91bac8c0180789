//! This file is about the tree as it grows: its roots, what it asks the caller to store, and resuming it.

use keyward_log::{Hash, HashReader as _, Tree};
use proptest::prelude::*;
use tlog_tiles::tlog;

use crate::sample::{EDGES, LEAVES, LOG, Log, Missing, REFERENCE, leaf, ours};

#[test]
fn every_root_is_the_reference_s() {
    let mut tree = Tree::new();
    for size in 0..=LEAVES {
        if size < 1_100 || size % 997 == 0 || EDGES.iter().any(|edge| edge.abs_diff(size) < 3) {
            assert_eq!(tree.root(), REFERENCE.root(size), "size {size}");
            assert_eq!(tree.size(), size);
        }
        tree.append(leaf(size));
    }
}

#[test]
fn every_stored_hash_is_the_reference_s() {
    let reader = LOG.at(LEAVES);
    for level in 0..3 {
        for index in 0..LEAVES >> (8 * level) {
            let place = usize::try_from(tlog::stored_hash_index(8 * level, index)).unwrap();
            assert_eq!(
                reader.hash(level, index),
                Ok(ours(REFERENCE.0[place])),
                "level {level} index {index}"
            );
        }
    }
    // There is no more than that.
    assert_eq!(LOG.at(u64::MAX).hash(2, 2), Err(Missing(2, 2)));
    assert_eq!(LOG.at(u64::MAX).hash(3, 0), Err(Missing(3, 0)));
}

fn resumes(size: u64) {
    let reader = LOG.at(size);
    let mut resumed = Tree::resume(size, &reader).unwrap();
    assert!(reader.read.borrow().len() <= 255 * 3, "too many reads for size {size}");
    assert_eq!(resumed.root(), REFERENCE.root(size), "size {size}");

    let mut appended = Log::with_leaves((0..size).map(leaf)).tree;
    assert_eq!(resumed, appended, "size {size}");
    for index in size..size + 300 {
        assert_eq!(resumed.append(leaf(index)), appended.append(leaf(index)));
    }
}

#[test]
fn resumed_is_as_if_never_stopped_at_the_edges() {
    EDGES.into_iter().for_each(resumes);
}

#[test]
fn resuming_without_a_hash_fails() {
    assert_eq!(Tree::resume(257, &LOG.at(256)), Err(Missing(0, 256)));
    assert_eq!(Tree::resume(256, &LOG.at(255)), Err(Missing(1, 0)));
}

#[test]
fn a_batch_on_a_clone_leaves_the_tree_as_it_was() {
    let tree = Tree::resume(65_535, &LOG.at(65_535)).unwrap();
    let mut batch = tree.clone();
    let completed = batch.append(leaf(65_535));
    assert_eq!(completed.iter().map(|hash| (hash.level, hash.index)).collect::<Vec<_>>(), [(1, 255), (2, 0)]);
    assert_eq!(tree.root(), REFERENCE.root(65_535));
    assert_eq!(batch.root(), REFERENCE.root(65_536));
}

#[test]
fn the_root_of_one_leaf_is_its_hash() {
    let mut tree = Tree::new();
    assert_eq!(tree.append(leaf(0)), []);
    assert_eq!(tree.root(), leaf(0));
    assert_ne!(tree.root(), Hash::EMPTY);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn resumed_is_as_if_never_stopped(size in 0..LEAVES) {
        resumes(size);
    }
}
