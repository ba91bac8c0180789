//! This file is about the newest hashes of the log, kept in memory: what proofs of new events ask for.

use std::collections::VecDeque;

use keyward_log::{Hash, StoredHash};

/// How many hashes of a level are kept: 2 MiB of them.
const KEPT: usize = 1 << 16;

/// The newest hashes of every level.
#[derive(Debug, Default)]
pub(crate) struct RecentHashes {
    levels: Vec<Level>,
}

#[derive(Debug, Default)]
struct Level {
    /// The index of the first that is kept.
    first: u64,
    hashes: VecDeque<Hash>,
}

impl RecentHashes {
    /// Enters a hash. Within a level they come in order; one that leaves a gap begins the level anew.
    pub(crate) fn enter(&mut self, stored: StoredHash) {
        let place = usize::from(stored.level);
        if self.levels.len() <= place {
            self.levels.resize_with(place + 1, Level::default);
        }
        let Some(level) = self.levels.get_mut(place) else { return };
        if stored.index != level.first + level.hashes.len() as u64 {
            level.hashes.clear();
            level.first = stored.index;
        }
        level.hashes.push_back(stored.hash);
        if level.hashes.len() > KEPT {
            level.hashes.pop_front();
            level.first += 1;
        }
    }

    /// A hash, if it is kept.
    pub(crate) fn hash(&self, level: u8, index: u64) -> Option<Hash> {
        let level = self.levels.get(usize::from(level))?;
        let place = usize::try_from(index.checked_sub(level.first)?).ok()?;
        level.hashes.get(place).copied()
    }
}
