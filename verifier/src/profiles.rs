//! This file is about what many keys share, stored once and named by a small number.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arc_swap::ArcSwapOption;

/// A list of distinct values with use counts: reading takes no lock, an index whose last use is released is given out
/// again.
///
/// Release an index only after the last row that names it was removed from the [`Table`](crate::Table), and read it inside
/// [`Table::find_with`](crate::Table::find_with); then a row is never seen with another row's profile.
pub struct Profiles<T> {
    /// Chunk `k` has room for `64 << k` values, so that the list grows without moving what readers may be looking at.
    chunks: [OnceLock<Box<[ArcSwapOption<T>]>>; CHUNKS],
    interner: Mutex<Interner<T>>,
}

impl<T: Eq + Hash> Profiles<T> {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        let interner = Interner { indexes: HashMap::new(), uses: Vec::new(), free: Vec::new() };
        Self { chunks: [const { OnceLock::new() }; CHUNKS], interner: Mutex::new(interner) }
    }

    /// The index of a value, used once more. `None`: 2^32 different values are in use.
    pub fn acquire(&self, value: T) -> Option<u32> {
        let mut interner = self.lock();
        let index = match interner.indexes.get(&value) {
            Some(index) => *index,
            None => self.admit(&mut interner, value)?,
        };
        *interner.uses.get_mut(index as usize)? += 1;
        Some(index)
    }

    /// Uses an index once more. False: it is not in use.
    pub fn share(&self, index: u32) -> bool {
        let mut interner = self.lock();
        let uses = interner.uses.get_mut(index as usize).filter(|uses| **uses > 0);
        uses.is_some_and(|uses| {
            *uses += 1;
            true
        })
    }

    /// Takes back one use of an index. With the last one the value is dropped, as soon as no reader holds it. False: the index
    /// was not in use.
    pub fn release(&self, index: u32) -> bool {
        let mut interner = self.lock();
        let Some(uses) = interner.uses.get_mut(index as usize).filter(|uses| **uses > 0) else {
            return false;
        };
        *uses -= 1;
        if *uses == 0
            && let Some(value) = self.slot(index).and_then(|slot| slot.swap(None))
        {
            interner.indexes.remove(&value);
            interner.free.push(index);
        }
        true
    }

    /// What `read` makes of the value of an index; `None` when the index is not in use.
    #[inline]
    pub fn with<R>(&self, index: u32, read: impl FnOnce(&Arc<T>) -> R) -> Option<R> {
        self.slot(index)?.load().as_ref().map(read)
    }

    /// How many uses all those values have together that `is_wanted` accepts. Asks every value in turn, while writers wait.
    pub fn count_uses(&self, mut is_wanted: impl FnMut(&T) -> bool) -> u64 {
        let interner = self.lock();
        let wanted = interner.indexes.iter().filter(|(value, _)| is_wanted(value));
        wanted.filter_map(|(_, index)| interner.uses.get(*index as usize)).sum()
    }

    /// How many different values are in use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().indexes.len()
    }

    /// Is no value in use?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn admit(&self, interner: &mut Interner<T>, value: T) -> Option<u32> {
        let index = match interner.free.pop() {
            Some(index) => index,
            None => {
                let index = u32::try_from(interner.uses.len()).ok()?;
                let (chunk, _) = position(index);
                self.chunks
                    .get(chunk)?
                    .get_or_init(|| (0..FIRST_CHUNK << chunk).map(|_| ArcSwapOption::empty()).collect());
                interner.uses.push(0);
                index
            }
        };
        let value = Arc::new(value);
        self.slot(index)?.store(Some(Arc::clone(&value)));
        interner.indexes.insert(value, index);
        Some(index)
    }

    #[inline]
    fn slot(&self, index: u32) -> Option<&ArcSwapOption<T>> {
        let (chunk, offset) = position(index);
        self.chunks.get(chunk)?.get()?.get(offset)
    }

    fn lock(&self) -> MutexGuard<'_, Interner<T>> {
        self.interner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Eq + Hash> Default for Profiles<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// The writers' side: which index a value has, how often each is used, and which are free.
struct Interner<T> {
    indexes: HashMap<Arc<T>, u32>,
    uses: Vec<u64>,
    free: Vec<u32>,
}

const FIRST_CHUNK: u64 = 64;

/// 64 x (2^27 - 1) values: more than an index can name.
const CHUNKS: usize = 27;

/// Chunk and offset of an index: counted from 64, the highest bit names the chunk and the others are the offset.
#[inline]
fn position(index: u32) -> (usize, usize) {
    let counted = u64::from(index) + FIRST_CHUNK;
    let chunk = counted.ilog2() - FIRST_CHUNK.ilog2();
    (chunk as usize, (counted - (FIRST_CHUNK << chunk)) as usize)
}
