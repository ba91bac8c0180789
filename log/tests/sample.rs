//! This file is about the logs that the tests work on: one kept by this crate, and the same one kept by
//! `tlog_tiles`.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use keyward_log::{Cosigner, Hash, HashReader, KeyName, Signer, StoredHash, Tree};
use tlog_tiles::tlog;

/// Enough for two full tiles of level 1, and for every kind of right edge.
pub(crate) const LEAVES: u64 = 2 * 65_536 + 300;

/// Sizes around which the shape of the tree, or what is stored of it, changes.
pub(crate) const EDGES: [u64; 26] = [
    0, 1, 2, 3, 4, 5, 7, 8, 9, 127, 128, 129, 254, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537,
    65_791, 65_792, 131_072, LEAVES,
];

pub(crate) static LOG: LazyLock<Log> = LazyLock::new(|| Log::with_leaves((0..LEAVES).map(leaf)));
pub(crate) static REFERENCE: LazyLock<Reference> = LazyLock::new(|| Reference::new(LEAVES));

pub(crate) fn leaf(index: u64) -> Hash {
    Hash::leaf(format!("leaf {index}").as_bytes())
}

/// A stored hash was asked for that no log of this size has.
#[derive(Debug, PartialEq)]
pub(crate) struct Missing(pub(crate) u8, pub(crate) u64);

/// A log as a caller keeps it: the stored hashes by level and index.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) tree: Tree,
    levels: Vec<Vec<Hash>>,
}

impl Log {
    pub(crate) fn with_leaves(leaves: impl Iterator<Item = Hash>) -> Self {
        let mut log = Self::default();
        leaves.for_each(|leaf| log.append(leaf));
        log
    }

    pub(crate) fn append(&mut self, leaf: Hash) {
        let index = self.tree.size();
        let completed = self.tree.append(leaf);
        self.store(StoredHash { level: 0, index, hash: leaf });
        completed.into_iter().for_each(|hash| self.store(hash));
    }

    fn store(&mut self, StoredHash { level, index, hash }: StoredHash) {
        let level = usize::from(level);
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, Vec::new);
        }
        // Every level is reported without gaps and in order.
        assert_eq!(self.levels[level].len() as u64, index, "level {level}");
        self.levels[level].push(hash);
    }

    /// What a reader sees when only the first `size` leaves are there. Anything else is [`Missing`].
    pub(crate) fn at(&self, size: u64) -> At<'_> {
        At { log: self, size, read: RefCell::default() }
    }
}

/// The log as it was at some size. It remembers which hashes were read.
pub(crate) struct At<'a> {
    log: &'a Log,
    size: u64,
    pub(crate) read: RefCell<BTreeSet<(u8, u64)>>,
}

impl HashReader for At<'_> {
    type Error = Missing;

    fn hash(&self, level: u8, index: u64) -> Result<Hash, Missing> {
        self.read.borrow_mut().insert((level, index));
        let exists = index < self.size.checked_shr(8 * u32::from(level)).unwrap_or(0);
        let place = usize::try_from(index).unwrap();
        let hash = self.log.levels.get(usize::from(level)).and_then(|hashes| hashes.get(place));
        hash.copied().filter(|_| exists).ok_or(Missing(level, index))
    }
}

/// The same log, kept by `tlog_tiles`: all binary levels, in its own order.
pub(crate) struct Reference(pub(crate) Vec<tlog::Hash>);

impl Reference {
    fn new(size: u64) -> Self {
        let mut reference = Self(Vec::new());
        for index in 0..size {
            let data = format!("leaf {index}");
            let hashes = tlog::stored_hashes(index, data.as_bytes(), &reference).unwrap();
            reference.0.extend(hashes);
        }
        reference
    }

    pub(crate) fn root(&self, size: u64) -> Hash {
        ours(tlog::tree_hash(size, self).unwrap())
    }
}

impl tlog::HashReader for Reference {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).unwrap()]).collect())
    }
}

pub(crate) fn ours(hash: tlog::Hash) -> Hash {
    Hash(hash.0)
}

pub(crate) fn theirs(hash: Hash) -> tlog::Hash {
    tlog::Hash(hash.0)
}

pub(crate) const ORIGIN: &str = "keys.example.com/log";

pub(crate) fn name(name: &str) -> KeyName {
    KeyName::new(name).unwrap()
}

pub(crate) fn signer() -> Signer {
    Signer::new(name(ORIGIN), &[7; 32].into()).unwrap()
}

pub(crate) fn witness() -> Cosigner {
    Cosigner::new(name("witness.example.org/w1"), &[8; 32].into()).unwrap()
}
