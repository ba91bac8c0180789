//! This file is about proofs: every one verifies, here and with `tlog_tiles`, and nothing else does.

use keyward_log::{
    Hash, InvalidProof, ProveError, consistency_proof, inclusion_proof, verify_consistency, verify_inclusion,
};
use proptest::prelude::*;
use tlog_tiles::tlog;

use crate::sample::{EDGES, LEAVES, LOG, Missing, REFERENCE, leaf, ours, theirs};

fn inclusion(index: u64, size: u64) -> Vec<Hash> {
    let reader = LOG.at(size);
    let proof = inclusion_proof(&reader, index, size).unwrap();
    let reference = tlog::prove_record(size, index, &*REFERENCE).unwrap();
    assert_eq!(proof, reference.into_iter().map(ours).collect::<Vec<_>>(), "{index} in {size}");

    let tiles: std::collections::BTreeSet<_> =
        reader.read.borrow().iter().map(|(level, index)| (*level, index / 256)).collect();
    for level in 0..3 {
        let on_level = tiles.iter().filter(|(tile_level, _)| *tile_level == level).count();
        assert!(on_level <= 2, "{on_level} tiles of level {level} for {index} in {size}");
    }
    let root = REFERENCE.root(size);
    assert_eq!(verify_inclusion(&leaf(index), index, size, &proof, &root), Ok(()), "{index} in {size}");
    proof
}

fn consistency(old: u64, new: u64) -> Vec<Hash> {
    let proof = consistency_proof(&LOG.at(new), old, new).unwrap();
    if old > 0 {
        let reference = tlog::prove_tree(new, old, &*REFERENCE).unwrap();
        assert_eq!(proof, reference.into_iter().map(ours).collect::<Vec<_>>(), "{old} to {new}");
    }
    let (old_root, new_root) = (REFERENCE.root(old), REFERENCE.root(new));
    assert_eq!(verify_consistency(old, &old_root, new, &new_root, &proof), Ok(()), "{old} to {new}");
    proof
}

/// The two implementations must agree on whether this is a proof.
fn same_judgement(index: u64, size: u64, proof: &[Hash], root: Hash) -> bool {
    let judgement = verify_inclusion(&leaf(index), index, size, proof, &root).is_ok();
    let proof = proof.iter().copied().map(theirs).collect();
    let reference = tlog::check_record(&proof, size, theirs(root), index, theirs(leaf(index))).is_ok();
    assert_eq!(judgement, reference, "{index} in {size}");
    judgement
}

fn same_consistency_judgement(old: u64, old_root: Hash, new: u64, new_root: Hash, proof: &[Hash]) -> bool {
    let judgement = verify_consistency(old, &old_root, new, &new_root, proof).is_ok();
    let proof = proof.iter().copied().map(theirs).collect();
    let reference = tlog::check_tree(&proof, new, theirs(new_root), old, theirs(old_root)).is_ok();
    assert_eq!(judgement, reference, "{old} to {new}");
    judgement
}

fn flipped(hash: Hash, bit: usize) -> Hash {
    let mut bytes = hash.0;
    bytes[bit / 8] ^= 1 << (bit % 8);
    Hash(bytes)
}

/// Every proof with one bit flipped, one hash more at either end, or one fewer.
fn spoiled(proof: &[Hash], bit: usize) -> Vec<Vec<Hash>> {
    let mut all = vec![[proof, &[leaf(0)]].concat(), [&[leaf(0)], proof].concat()];
    for place in 0..proof.len() {
        let mut flip = proof.to_vec();
        flip[place] = flipped(flip[place], bit);
        let mut drop = proof.to_vec();
        drop.remove(place);
        all.extend([flip, drop]);
    }
    all
}

#[test]
fn all_of_the_small_trees() {
    for size in 1..40 {
        for index in 0..size {
            let proof = inclusion(index, size);
            for other in (0..size).filter(|other| *other != index) {
                assert!(!same_judgement(other, size, &proof, REFERENCE.root(size)), "{other} for {index}");
            }
            for other in (index + 1..40).filter(|other| *other != size) {
                assert!(!same_judgement(index, other, &proof, REFERENCE.root(other)));
            }
        }
        for old in 0..=size {
            let proof = consistency(old, size);
            for other in (1..=size).filter(|other| *other != old && old > 0) {
                let (old_root, new_root) = (REFERENCE.root(other), REFERENCE.root(size));
                same_consistency_judgement(other, old_root, size, new_root, &proof);
            }
        }
    }
}

#[test]
fn the_edges_of_the_large_trees() {
    for new in EDGES.into_iter().filter(|size| *size > 0) {
        for old in EDGES.into_iter().filter(|old| *old <= new) {
            consistency(old, new);
            inclusion(old.min(new - 1), new);
        }
    }
}

#[test]
fn outside_the_tree_there_is_no_proof() {
    assert_eq!(inclusion_proof(&LOG.at(5), 5, 5), Err(ProveError::Range));
    assert_eq!(inclusion_proof(&LOG.at(5), 0, 0), Err(ProveError::Range));
    assert_eq!(consistency_proof(&LOG.at(5), 6, 5), Err(ProveError::Range));
    assert_eq!(inclusion_proof(&LOG.at(4), 0, 5), Err(ProveError::Read(Missing(0, 4))));
    assert_eq!(verify_inclusion(&leaf(5), 5, 5, &[], &REFERENCE.root(5)), Err(InvalidProof));
    assert_eq!(verify_inclusion(&leaf(0), 0, 0, &[], &Hash::EMPTY), Err(InvalidProof));
    assert_eq!(verify_inclusion(&leaf(0), 0, u64::MAX, &[], &leaf(0)), Err(InvalidProof));
}

/// Hashes that fit, but for a tree of another height: the size that the log signed must count.
#[test]
fn a_proof_of_the_wrong_length_is_refused_even_if_it_fits() {
    let pair = Hash::node(&leaf(1), &leaf(0));
    assert_eq!(verify_inclusion(&leaf(0), 0, 1, &[leaf(1)], &pair), Err(InvalidProof));
    let pair = REFERENCE.root(2);
    assert_eq!(verify_inclusion(&leaf(0), 0, 2, &[leaf(1)], &pair), Ok(()));
    assert_eq!(verify_inclusion(&leaf(0), 0, 4, &[leaf(1)], &pair), Err(InvalidProof));

    assert_eq!(verify_consistency(1, &leaf(0), 2, &pair, &[leaf(1)]), Ok(()));
    assert_eq!(verify_consistency(1, &leaf(0), 4, &pair, &[leaf(1)]), Err(InvalidProof));
    let (old, new) = (REFERENCE.root(3), REFERENCE.root(4));
    assert_eq!(verify_consistency(3, &old, 4, &new, &[leaf(2), leaf(3), pair]), Ok(()));
    let (old, new) = (Hash::node(&leaf(9), &old), Hash::node(&leaf(9), &new));
    let too_long = [leaf(2), leaf(3), pair, leaf(9)];
    assert_eq!(verify_consistency(3, &old, 4, &new, &too_long), Err(InvalidProof));
}

#[test]
fn a_tree_is_consistent_with_nothing_and_with_itself() {
    let root = REFERENCE.root(9);
    assert_eq!(verify_consistency(0, &Hash::EMPTY, 9, &root, &[]), Ok(()));
    assert_eq!(verify_consistency(0, &Hash::EMPTY, 0, &Hash::EMPTY, &[]), Ok(()));
    assert_eq!(verify_consistency(9, &root, 9, &root, &[]), Ok(()));
    assert_eq!(verify_consistency(0, &root, 9, &root, &[]), Err(InvalidProof));
    assert_eq!(verify_consistency(0, &Hash::EMPTY, 0, &root, &[]), Err(InvalidProof));
    assert_eq!(verify_consistency(0, &Hash::EMPTY, 9, &root, &[root]), Err(InvalidProof));
    assert_eq!(verify_consistency(9, &root, 9, &root, &[root]), Err(InvalidProof));
    assert_eq!(verify_consistency(9, &root, 9, &Hash::EMPTY, &[]), Err(InvalidProof));
    assert_eq!(verify_consistency(9, &root, 8, &REFERENCE.root(8), &[]), Err(InvalidProof));
}

proptest! {
    #[test]
    fn every_leaf_of_every_tree_is_proved(
        (index, size) in (1..=LEAVES).prop_flat_map(|size| (0..size, Just(size))),
        other in 0..LEAVES,
        bit in 0..256_usize,
    ) {
        let proof = inclusion(index, size);
        let root = REFERENCE.root(size);
        for spoiled in spoiled(&proof, bit) {
            prop_assert!(!same_judgement(index, size, &spoiled, root));
        }
        prop_assert_eq!(
            verify_inclusion(&flipped(leaf(index), bit), index, size, &proof, &root), Err(InvalidProof));
        prop_assert!(!same_judgement(index, size, &proof, flipped(root, bit)));
        prop_assert_eq!(
            verify_inclusion(&leaf(index), other, size, &proof, &root).is_ok(), other == index);
        prop_assert_eq!(
            verify_inclusion(&leaf(index), index, other, &proof, &REFERENCE.root(other)).is_ok(), other == size);
    }

    #[test]
    fn every_tree_is_the_beginning_of_the_larger_ones(
        (old, new) in (2..=LEAVES).prop_flat_map(|new| (1..new, Just(new))),
        bit in 0..256_usize,
    ) {
        let proof = consistency(old, new);
        let (old_root, new_root) = (REFERENCE.root(old), REFERENCE.root(new));
        for spoiled in spoiled(&proof, bit) {
            prop_assert!(!same_consistency_judgement(old, old_root, new, new_root, &spoiled));
        }
        prop_assert!(!same_consistency_judgement(old, flipped(old_root, bit), new, new_root, &proof));
        prop_assert!(!same_consistency_judgement(old, old_root, new, flipped(new_root, bit), &proof));
    }

    #[test]
    fn strange_proofs_do_not_panic(
        sizes: (u64, u64), proof in proptest::collection::vec(any::<[u8; 32]>(), 0..70),
    ) {
        let proof: Vec<Hash> = proof.into_iter().map(Hash).collect();
        let hash = Hash([1; 32]);
        prop_assert_eq!(verify_inclusion(&hash, sizes.0, sizes.1, &proof, &hash), Err(InvalidProof));
        prop_assert_eq!(
            verify_consistency(sizes.0, &hash, sizes.1, &Hash([2; 32]), &proof), Err(InvalidProof));
    }
}
