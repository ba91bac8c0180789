//! This file is about growing the tree: appending leaves and knowing the root at any moment.
//!
//! In memory it needs one hash for every bit that is set in its size: the roots of the perfect subtrees along
//! the right edge. Proofs and tiles need more, so every 256 hashes of one level make one *stored hash* of the
//! next, which the caller keeps.

use crate::hash::Hash;

/// How many binary levels of the tree one stored level spans: 8, a factor of 256 (C2SP tlog-tiles).
const STORED_LEVEL_HEIGHT: u32 = 8;

/// A hash that the caller keeps: the root of the perfect subtree over the leaves
/// `index * 256^level .. (index + 1) * 256^level`. Level 0 are the hashes of the leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredHash {
    /// The level, 0 to 7.
    pub level: u8,
    /// The place within the level, from 0.
    pub index: u64,
    /// The hash there.
    pub hash: Hash,
}

/// Where stored hashes are read from.
pub trait HashReader {
    /// Why a hash could not be read. A missing hash is an error too: it is only asked for where it must be.
    type Error;

    /// The stored hash at this place, for any `index < size >> (8 * level)` of a tree of `size` leaves.
    ///
    /// # Errors
    /// When the hash is missing or cannot be read.
    fn hash(&self, level: u8, index: u64) -> Result<Hash, Self::Error>;
}

/// The tree while it grows. A clone is at most 64 hashes: work on one, and keep it when the batch has been
/// committed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    /// The roots of the perfect subtrees that the leaves split into, largest first: one for each set bit of
    /// `size`.
    edge: Vec<Hash>,
}

impl Tree {
    /// The tree without leaves.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The tree of this size over hashes that are already stored, with at most 255 reads a level.
    ///
    /// It takes the hashes as they are: whoever resumes a log compares [`Tree::root`] with the root that the log
    /// has signed.
    ///
    /// # Errors
    /// The reader's error, when a hash cannot be read.
    pub fn resume<R: HashReader>(size: u64, reader: &R) -> Result<Self, R::Error> {
        Ok(Self { size, edge: perfect_roots(reader, 0, size)? })
    }

    /// The number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over all leaves (RFC 6962 section 2.1), with at most 63 hash operations.
    #[must_use]
    pub fn root(&self) -> Hash {
        join(&self.edge)
    }

    /// Appends the hash of a leaf. Returns the stored hashes above level 0 that it completed: none for 255 of
    /// 256 leaves. The leaf itself the caller stores as level 0.
    ///
    /// A log ends at 2^64 - 1 leaves, which no caller can reach.
    pub fn append(&mut self, leaf: Hash) -> Vec<StoredHash> {
        let mut completed = Vec::new();
        let mut hash = leaf;
        // Every trailing 1 of the size is a perfect subtree that the new leaf completes to one twice as large.
        for height in 1..=self.size.trailing_ones() {
            let Some(left) = self.edge.pop() else { break };
            hash = Hash::node(&left, &hash);
            if height.is_multiple_of(STORED_LEVEL_HEIGHT) {
                completed.push(StoredHash { level: level_of(height), index: self.size >> height, hash });
            }
        }
        self.edge.push(hash);
        self.size = self.size.saturating_add(1);
        completed
    }
}

/// The root over the leaves `start..end`, where `start` is a multiple of the largest power of two that is not
/// larger than `end - start`. That holds for all ranges that RFC 6962 splits a tree into.
pub(crate) fn range_root<R: HashReader>(reader: &R, start: u64, end: u64) -> Result<Hash, R::Error> {
    perfect_roots(reader, start, end).map(|roots| join(&roots))
}

/// The roots of the perfect subtrees that `start..end` splits into, largest first.
fn perfect_roots<R: HashReader>(reader: &R, mut start: u64, end: u64) -> Result<Vec<Hash>, R::Error> {
    let mut roots = Vec::new();
    while let Some(height) = end.saturating_sub(start).checked_ilog2() {
        roots.push(perfect_root(reader, height, start >> height)?);
        start += 1 << height;
    }
    Ok(roots)
}

/// The root of the `index`-th perfect subtree of this height, from the stored hashes at or next below it.
fn perfect_root<R: HashReader>(reader: &R, height: u32, index: u64) -> Result<Hash, R::Error> {
    let above_stored = height % STORED_LEVEL_HEIGHT;
    let first = index << above_stored;
    let mut subtree = Tree::new();
    for index in first..first + (1 << above_stored) {
        subtree.append(reader.hash(level_of(height), index)?);
    }
    Ok(subtree.root())
}

/// Joins perfect subtrees, largest first, into the one tree over all their leaves.
fn join(roots: &[Hash]) -> Hash {
    let joined = roots.iter().rev().copied().reduce(|right, left| Hash::node(&left, &right));
    joined.unwrap_or(Hash::EMPTY)
}

/// The stored level at or next below this height above the leaves.
fn level_of(height: u32) -> u8 {
    u8::try_from(height / STORED_LEVEL_HEIGHT).unwrap_or(u8::MAX)
}
