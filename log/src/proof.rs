//! This file is about proofs: that a leaf stands in a tree, and that a tree is the beginning of another.

use thiserror::Error;

use crate::hash::Hash;
use crate::tree::{HashReader, range_root};

/// The proof that the leaf at `index` is in the tree of `size` leaves: the hashes from the leaf's sibling up to
/// the root's child (RFC 6962 section 2.1.1). It reads from at most two tiles a level.
///
/// # Errors
/// [`ProveError::Range`] unless `index < size`; [`ProveError::Read`] when a hash cannot be read.
pub fn inclusion_proof<R: HashReader>(
    reader: &R,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, ProveError<R::Error>> {
    if index >= size {
        return Err(ProveError::Range);
    }
    let mut proof = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            proof.push(range_root(reader, middle, end)?);
            end = middle;
        } else {
            proof.push(range_root(reader, start, middle)?);
            start = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// The proof that the tree of `old` leaves is the beginning of the tree of `new` leaves (RFC 6962 section
/// 2.1.2). From nothing to anything it is empty, as it is from a tree to itself.
///
/// # Errors
/// [`ProveError::Range`] unless `old <= new`; [`ProveError::Read`] when a hash cannot be read.
pub fn consistency_proof<R: HashReader>(
    reader: &R,
    old: u64,
    new: u64,
) -> Result<Vec<Hash>, ProveError<R::Error>> {
    if old > new {
        return Err(ProveError::Range);
    }
    let mut proof = Vec::new();
    if old == 0 {
        return Ok(proof);
    }
    let (mut start, mut end) = (0, new);
    while old < end {
        let middle = start + split(end - start);
        if old <= middle {
            proof.push(range_root(reader, middle, end)?);
            end = middle;
        } else {
            proof.push(range_root(reader, start, middle)?);
            start = middle;
        }
    }
    // What is left is the end of the old tree. Only when that is all of it does the verifier know its hash.
    if start > 0 {
        proof.push(range_root(reader, start, end)?);
    }
    proof.reverse();
    Ok(proof)
}

/// The largest power of two smaller than `count`, which is at least 2: where RFC 6962 splits a tree.
fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

/// Checks that `leaf` is the hash of the leaf at `index` in the tree with this size and root (RFC 9162 section
/// 2.1.3.2, which gives the algorithm for the proofs of RFC 6962).
///
/// `leaf` must come from [`Hash::leaf`] over the bytes in question, never from outside: otherwise an inner node
/// could be passed off as a leaf.
///
/// # Errors
/// [`InvalidProof`] when it does not show that.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), InvalidProof> {
    let mut last = size.checked_sub(1).filter(|last| index <= *last).ok_or(InvalidProof)?;
    let mut node = index;
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return Err(InvalidProof);
        }
        if node & 1 == 1 || node == last {
            hash = Hash::node(sibling, &hash);
            climb_to_right_child(&mut node, &mut last);
        } else {
            hash = Hash::node(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last == 0 && hash == *root { Ok(()) } else { Err(InvalidProof) }
}

/// Checks that the tree with the old size and root is the beginning of the tree with the new ones (RFC 9162
/// section 2.1.4.2).
///
/// # Errors
/// [`InvalidProof`] when the proof does not show that.
pub fn verify_consistency(
    old: u64,
    old_root: &Hash,
    new: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), InvalidProof> {
    if old == 0 || old >= new {
        let begins = if old == 0 { *old_root == Hash::EMPTY } else { true };
        let grows = if old == new { old_root == new_root } else { old < new };
        return if begins && grows && proof.is_empty() { Ok(()) } else { Err(InvalidProof) };
    }
    let (mut node, mut last) = (old - 1, new - 1);
    let complete = node.trailing_ones();
    (node, last) = (node >> complete, last >> complete);
    // An old tree that is perfect is a node of the new one, and the proof leaves its root out.
    let (first, rest) =
        if old.is_power_of_two() { (old_root, proof) } else { proof.split_first().ok_or(InvalidProof)? };
    let (mut old_hash, mut new_hash) = (*first, *first);
    for hash in rest {
        if last == 0 {
            return Err(InvalidProof);
        }
        if node & 1 == 1 || node == last {
            old_hash = Hash::node(hash, &old_hash);
            new_hash = Hash::node(hash, &new_hash);
            climb_to_right_child(&mut node, &mut last);
        } else {
            new_hash = Hash::node(&new_hash, hash);
        }
        node >>= 1;
        last >>= 1;
    }
    if last == 0 && old_hash == *old_root && new_hash == *new_root { Ok(()) } else { Err(InvalidProof) }
}

/// On the right edge of the tree a node without a sibling is its own parent: climbs until it is a right child.
fn climb_to_right_child(node: &mut u64, last: &mut u64) {
    while *node & 1 == 0 && *node != 0 {
        *node >>= 1;
        *last >>= 1;
    }
}

/// A proof does not prove what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the proof does not fit the tree")]
pub struct InvalidProof;

/// Why a proof could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProveError<E> {
    /// There is no such leaf, or no such older tree.
    #[error("outside the tree")]
    Range,
    /// A stored hash could not be read.
    #[error("a stored hash could not be read")]
    Read(#[from] E),
}
