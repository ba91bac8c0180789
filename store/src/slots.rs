//! This file is about slots: the file of 64-byte cells that make records usable, overwritten in place.
//!
//! The file is a header of one page and then cells. A cell in use is never all zeros and never moves; an erased
//! one is all zeros, written over what was there. Log-structured and copy-on-write storage keeps old bytes for as
//! long as it likes, which is why the slots live here. The file itself does not know whose a cell is: each
//! record's row names its cell, and [`fingerprint`] tells whether the two sides agree.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use keyward_core::seal::WrappedSlot;
use zeroize::Zeroize;

use crate::mix;

/// The number of a cell, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Cell(pub(crate) u32);

/// What the file begins with; the rest of the first page is zeros.
const MAGIC: &[u8] = b"keyward slots 1\n";
/// Where the cells begin, in bytes: one page, so that no cell lies across two.
const HEADER: u64 = 4096;
/// A cell, in bytes.
const CELL: usize = WrappedSlot::SIZE;
/// The file grows by half, by 1 MiB at least and 64 MiB at most: in bytes.
const STEPS: (u64, u64) = (1 << 20, 64 << 20);
/// How much is read or written at once when the whole file is walked, in bytes.
const CHUNK: usize = 1 << 20;

/// The slot file.
#[derive(Debug)]
pub(crate) struct SlotFile {
    path: PathBuf,
    file: File,
    /// Counts the rounds of erasing: see [`SlotFile::round`].
    rounds: AtomicU64,
    /// Written to while cells in use are replaced, so that each is read wholly before or wholly after.
    replacing: RwLock<()>,
}

/// A slot that is to take the place of another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replacement {
    /// Where.
    pub(crate) cell: Cell,
    /// What must be there.
    pub(crate) old: WrappedSlot,
    /// What is to be there.
    pub(crate) new: WrappedSlot,
}

/// Which cells hold something, in one number: the sum of a mix of their numbers, so that a batch can update it
/// by what it fills and erases. Equal numbers mean equal sets, except by an accident of 1 in 2^64.
pub(crate) fn fingerprint(cells: impl IntoIterator<Item = Cell>) -> u64 {
    cells.into_iter().fold(0, |sum, cell| sum.wrapping_add(mix(u64::from(cell.0) + 1)))
}

impl SlotFile {
    /// Makes the file, without cells, and syncs it.
    pub(crate) fn create(path: &Path) -> io::Result<()> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        let mut header = vec![0; usize::try_from(HEADER).unwrap_or_default()];
        header.iter_mut().zip(MAGIC).for_each(|(to, from)| *to = *from);
        file.write_all_at(&header, 0)?;
        file.sync_all()
    }

    /// Opens the file.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let mut magic = [0; MAGIC.len()];
        file.read_exact_at(&mut magic, 0)?;
        if magic != MAGIC {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it does not begin like a slot file"));
        }
        Ok(Self { path: path.to_owned(), file, rounds: AtomicU64::new(0), replacing: RwLock::default() })
    }

    /// The file's name.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// How many cells the file has room for.
    pub(crate) fn capacity(&self) -> io::Result<u32> {
        let cells = self.file.metadata()?.len().saturating_sub(HEADER) / CELL as u64;
        Ok(u32::try_from(cells).unwrap_or(u32::MAX - 1))
    }

    /// The number of the current round of erasing. Whoever reads a row, then its cell, and finds the same round
    /// before and after has read a pair that belongs together: a cell is overwritten only in a later round than
    /// the commit that let go of it.
    pub(crate) fn round(&self) -> u64 {
        self.rounds.load(Ordering::SeqCst)
    }

    /// What a cell holds; `None` if it is erased.
    pub(crate) fn read(&self, cell: Cell) -> io::Result<Option<WrappedSlot>> {
        let mut slot = [0; CELL];
        let _whole = self.whole();
        self.file.read_exact_at(&mut slot, offset(cell))?;
        Ok(as_slot(&slot))
    }

    fn whole(&self) -> RwLockReadGuard<'_, ()> {
        self.replacing.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What many cells hold, in the order asked for, reading neighbours together.
    pub(crate) fn read_many(&self, cells: &[Cell]) -> io::Result<Vec<Option<WrappedSlot>>> {
        let mut order: Vec<usize> = (0..cells.len()).collect();
        let number = |place: &usize| cells.get(*place).map_or(0, |cell| cell.0);
        order.sort_unstable_by_key(number);
        let mut slots = vec![None; cells.len()];
        let mut buffer = vec![0; 0];
        let near = |a: &usize, b: &usize| number(b) - number(a) <= 64;
        let _whole = self.whole();
        for run in order.chunk_by(near).flat_map(|run| run.chunks(CHUNK / CELL / 64)) {
            let (Some(first), Some(last)) = (run.first().map(number), run.last().map(number)) else {
                continue;
            };
            buffer.resize((last - first + 1) as usize * CELL, 0);
            self.file.read_exact_at(&mut buffer, offset(Cell(first)))?;
            for place in run {
                let at = (number(place) - first) as usize * CELL;
                let slot = buffer.get(at..at + CELL).and_then(as_slot);
                slots.iter_mut().skip(*place).take(1).for_each(|to| *to = slot);
            }
        }
        buffer.zeroize();
        Ok(slots)
    }

    /// Writes slots into cells that nobody uses. Not durable before [`SlotFile::sync`].
    pub(crate) fn fill(&self, fills: &mut [(Cell, WrappedSlot)]) -> io::Result<()> {
        fills.sort_unstable_by_key(|(cell, _)| *cell);
        let mut bytes = Vec::new();
        for run in fills.chunk_by(|(a, _), (b, _)| a.0 + 1 == b.0) {
            let Some((first, _)) = run.first() else { continue };
            bytes.clear();
            run.iter().for_each(|(_, slot)| bytes.extend_from_slice(&slot.0));
            self.file.write_all_at(&bytes, offset(*first))?;
        }
        bytes.zeroize();
        Ok(())
    }

    /// Replaces what cells in use hold, where it still is what is to be replaced: a cell that was overwritten since is
    /// left alone. A disk writes a sector wholly or not at all, and no cell lies across two. Not durable before
    /// [`SlotFile::sync`].
    pub(crate) fn replace(&self, replacements: &[Replacement]) -> io::Result<u64> {
        let cells: Vec<Cell> = replacements.iter().map(|replacement| replacement.cell).collect();
        let present = self.read_many(&cells)?;
        let same = replacements.iter().zip(present).filter(|(wanted, now)| *now == Some(wanted.old));
        let mut fills: Vec<_> = same.map(|(wanted, _)| (wanted.cell, wanted.new)).collect();
        let _alone = self.replacing.write().unwrap_or_else(PoisonError::into_inner);
        self.fill(&mut fills)?;
        Ok(fills.len() as u64)
    }

    /// Overwrites cells that no record uses any more. Not durable before [`SlotFile::sync`].
    pub(crate) fn erase(&self, cells: &mut [Cell]) -> io::Result<()> {
        self.rounds.fetch_add(1, Ordering::SeqCst);
        cells.sort_unstable();
        for run in cells.chunk_by(|a, b| a.0 + 1 == b.0) {
            let Some(first) = run.first() else { continue };
            self.file.write_all_at(&vec![0; run.len() * CELL], offset(*first))?;
        }
        Ok(())
    }

    /// Makes everything written durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Adds cells, durably, so that filling them later changes nothing but bytes. Returns the new capacity.
    pub(crate) fn grow(&self) -> io::Result<u32> {
        let length = self.file.metadata()?.len();
        let step = (length / 2).clamp(STEPS.0, STEPS.1);
        let zeros = vec![0; CHUNK];
        // From the last whole cell on: a growth that was cut short may have left half a cell.
        let mut at = HEADER + length.saturating_sub(HEADER) / CELL as u64 * CELL as u64;
        let end = at + step.next_multiple_of(CHUNK as u64);
        while at < end {
            self.file.write_all_at(&zeros, at)?;
            at += CHUNK as u64;
        }
        self.file.sync_all()?;
        self.capacity()
    }

    /// Visits every cell in order, from as many threads as there are cores, with whether it holds something.
    /// Returns what `start` and `visit` made of each part of the file, parts in order.
    pub(crate) fn walk<T: Send>(
        &self,
        start: impl Fn() -> T + Sync,
        visit: impl Fn(&mut T, Cell, bool) + Sync,
    ) -> io::Result<Vec<T>> {
        let capacity = self.capacity()?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = capacity.div_ceil(u32::try_from(threads).unwrap_or(1)).max(1);
        let part = |first: u32| {
            let mut made = start();
            let end = first.saturating_add(share).min(capacity);
            let mut buffer = vec![0; CHUNK];
            let mut next = first;
            while next < end {
                let count = (end - next).min((CHUNK / CELL) as u32);
                let bytes = buffer.get_mut(..count as usize * CELL).unwrap_or_default();
                self.file.read_exact_at(bytes, offset(Cell(next)))?;
                for (number, cell) in (next..).zip(bytes.chunks_exact(CELL)) {
                    visit(&mut made, Cell(number), is_used(cell));
                }
                next += count;
            }
            buffer.zeroize();
            Ok(made)
        };
        std::thread::scope(|scope| {
            let firsts = (0..capacity).step_by(share as usize);
            let parts: Vec<_> = firsts.map(|first| scope.spawn(move || part(first))).collect();
            let join = |part: std::thread::ScopedJoinHandle<'_, io::Result<T>>| {
                part.join().unwrap_or_else(|_| Err(io::Error::other("a thread that read slots died")))
            };
            parts.into_iter().map(join).collect()
        })
    }
}

fn offset(cell: Cell) -> u64 {
    HEADER + u64::from(cell.0) * CELL as u64
}

fn is_used(bytes: &[u8]) -> bool {
    bytes.iter().any(|byte| *byte != 0)
}

/// What a cell holds that a record names and that was emptied all the same: no root opens it.
pub(crate) const EMPTIED: WrappedSlot = WrappedSlot([0; CELL]);

fn as_slot(bytes: &[u8]) -> Option<WrappedSlot> {
    bytes.try_into().ok().filter(|slot: &[u8; CELL]| is_used(slot)).map(WrappedSlot)
}

/// The cells that can be filled: a stack of those that were let go, then the end of the file that never was
/// used, in order, so that records made together have their slots together.
#[derive(Debug, Default)]
pub(crate) struct FreeCells {
    freed: Vec<Cell>,
    fresh: std::ops::Range<u32>,
}

impl FreeCells {
    /// The free cells among `used`, the cells in use in any order.
    pub(crate) fn new(freed: Vec<Cell>, fresh: std::ops::Range<u32>) -> Self {
        Self { freed, fresh }
    }

    /// How many cells are not free.
    pub(crate) fn in_use(&self) -> usize {
        (self.fresh.start as usize).saturating_sub(self.freed.len())
    }

    /// Takes a cell; the file grows if there is none.
    pub(crate) fn take(&mut self, file: &SlotFile) -> io::Result<Cell> {
        if let Some(cell) = self.freed.pop() {
            return Ok(cell);
        }
        if self.fresh.is_empty() {
            self.fresh.end = file.grow()?;
        }
        self.fresh.next().map(Cell).ok_or_else(|| io::Error::other("the slot file is as large as it can be"))
    }

    /// Gives back cells that have been overwritten, or that nothing was written to.
    pub(crate) fn give_back(&mut self, cells: &[Cell]) {
        self.freed.extend_from_slice(cells);
    }
}

#[cfg(test)]
mod tests;
