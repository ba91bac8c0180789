//! This file is about every live key in memory, found without a lock.
//!
//! A table is cut into segments by the top bits of the mixed [`Place`]. Each [segment](crate::segment) is replaced as a whole
//! when it is full. Only the writer that meets a full one pays for that, and few enough rows are in each to make it short.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, Guard};
use keyward_prefetch::LargePages;

use crate::bucket::REST_BITS;
use crate::place::{Mixer, Place};
use crate::record::{Details, Fingerprint, MAX_DETAILS, Record, Row};
use crate::segment::{Lookup, Segment};
use crate::writer::Writer;

/// Every live key of a verifier.
///
/// Any thread may look up at any time, without waiting for anyone. Changes to one segment wait for each other.
/// * After [`remove`](Self::remove) has returned, every lookup that *begins* afterwards, on any thread, misses.
/// * A lookup that meets a change gives the row as it was before or as it is after, never parts of both.
/// * A row that nobody touches is always found.
pub struct Table {
    mixer: Mixer,
    segment_bits: u32,
    expected_rows: usize,
    cells: Box<[Cell]>,
}

/// Why a row was not taken. The table is as it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InsertError {
    /// The details are longer than [`MAX_DETAILS`] bytes.
    DetailsTooLong,
    /// The part of the table that the place belongs to can hold no more: its extensions have reached 512 MiB, or 256 buckets in a
    /// row are full. Neither happens by chance in a table of the size it was made for.
    SegmentFull,
}

impl std::fmt::Display for InsertError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::DetailsTooLong => "the details of a key are too long for the verifier's table",
            Self::SegmentFull => "a segment of the verifier's table is full",
        })
    }
}

impl std::error::Error for InsertError {}

impl Table {
    /// An empty table. `seed` must be random, new in every process and unknown to anyone outside, see [`Place`].
    /// `expected` rows are what the table is laid out for. It grows beyond, but then its segments get larger, and a
    /// writer that meets a full one moves more rows.
    #[must_use]
    pub fn new(seed: u64, expected: usize) -> Self {
        let segments = (expected / ROWS_PER_SEGMENT).next_power_of_two().clamp(MIN_SEGMENTS, MAX_SEGMENTS);
        let mean = expected / segments;
        Self {
            mixer: Mixer::new(seed),
            segment_bits: segments.ilog2(),
            // Rows fall into segments by chance: two standard deviations more than the mean, so that few have to grow.
            expected_rows: mean + 2 * mean.isqrt(),
            cells: (0..segments).map(|_| Cell::new()).collect(),
        }
    }

    /// Puts a row in (by the key's SHA-256 digest, or as much of it as is kept), in the place of rows with the same id or the same digest at the same place, and returns those. A
    /// lookup that races it finds the old row or the new one.
    ///
    /// # Errors
    /// The row does not fit; nothing was changed.
    pub fn insert(
        &self,
        place: Place,
        digest: impl Into<Fingerprint>,
        row: &Row,
        details: &[u8],
    ) -> Result<Vec<Row>, InsertError> {
        if details.len() > MAX_DETAILS {
            return Err(InsertError::DetailsTooLong);
        }
        let record = Record::new(digest.into(), row, details);
        let (cell, rest) = self.spot(place);
        let words = record.extension.len();
        let mut writer = cell.lock();
        let mut rows = self.expected_rows;
        loop {
            if writer.fits(&cell.current.load(), words) {
                if let Some(ended) = writer.insert(&cell.current.load(), rest, &record) {
                    return Ok(ended);
                }
                // There is room, and none where a lookup would come to. Where chance alone places keys, a little more room mends
                // that; where half of it is free, somebody has placed them.
                if writer.is_sparse() {
                    return Err(InsertError::SegmentFull);
                }
                rows = rows.max(writer.more_rows());
            }
            cell.rebuild(&mut writer, rows, words).ok_or(InsertError::SegmentFull)?;
        }
    }

    /// Ends every row of this id at this place, and returns them with what they were found by: none when the table had none.
    /// Their memory is zero when this returns.
    pub fn remove(&self, place: Place, id: u128) -> Vec<(Fingerprint, Row)> {
        let (cell, rest) = self.spot(place);
        let mut writer = cell.lock();
        let ended = writer.remove(&cell.current.load(), rest, id);
        if writer.is_mostly_dead() {
            // A segment that cannot be rebuilt stays as it is: larger than need be, not wrong.
            let _ = cell.rebuild(&mut writer, self.expected_rows, 0);
        }
        ended
    }

    /// Where a key stands whose text does not tell: by what is kept of its digest, and by the seed of this table.
    #[must_use]
    pub fn place_of(&self, fingerprint: Fingerprint) -> Place {
        self.mixer.place_of(fingerprint)
    }

    /// Asks for the memory of a place, and does not wait: what is done before it is [looked into](At::find_with), hashing say,
    /// takes as much off the lookup.
    #[inline]
    pub fn at(&self, place: Place) -> At<'_> {
        let (cell, rest) = self.spot(place);
        let segment = cell.current.load();
        segment.prefetch(rest);
        At { cell, rest, segment }
    }

    /// The row of a digest, and its details in `details`, whose memory is reused; empty when there is no row. Whether the row
    /// is suspended, expired or allowed is for the caller to judge.
    #[inline]
    pub fn find(&self, place: Place, digest: impl Into<Fingerprint>, details: &mut Vec<u8>) -> Option<Row> {
        details.clear();
        let found = self.find_with(place, digest, |row, bytes| {
            bytes.copy_to(details);
            row
        });
        if found.is_none() {
            details.clear();
        }
        found
    }

    /// What `resolve` makes of the row of a digest and of its details, see [`At::find_with`].
    #[inline]
    pub fn find_with<R>(
        &self,
        place: Place,
        digest: impl Into<Fingerprint>,
        resolve: impl FnMut(Row, Details<'_>) -> R,
    ) -> Option<R> {
        self.at(place).find_with(digest, resolve)
    }

    /// Says that the keys which it was laid out for are in: asks for large pages for its memory, as far as there are any. Lookups go
    /// on, those that begin meanwhile more slowly. For what is replaced later nobody asks again.
    pub fn settle(&self) {
        if self.bytes() >= BYTES_IN_KNOWN_PAGES {
            let mut pages = LargePages::default();
            self.cells.iter().for_each(|cell| cell.current.load().want(&mut pages));
            pages.ask();
        }
    }

    /// How many parts the table has.
    #[must_use]
    pub const fn parts(&self) -> usize {
        self.cells.len()
    }

    /// Shows every row of one part, while changes to that part wait: what is released only after a row's end is the row's own.
    /// A row that is in the table while all parts are shown, one after the other, is shown once.
    pub fn show(&self, part: usize, mut visit: impl FnMut(Place, Fingerprint, Row)) {
        if let Some(cell) = self.cells.get(part) {
            let _writer = cell.lock();
            cell.current.load().rows().for_each(|(rest, fingerprint, row)| {
                visit(self.place_at(part, rest), fingerprint, row);
            });
        }
    }

    /// How many rows there are. For statistics: asks every segment in turn.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.iter().map(|cell| cell.lock().rows()).sum()
    }

    /// Is there no row?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes of memory the table takes, allocator's overhead aside. For statistics: asks every segment in turn.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let segments: usize = self.cells.iter().map(|cell| cell.current.load().bytes()).sum();
        size_of::<Self>() + size_of_val(&*self.cells) + segments
    }

    #[inline]
    #[expect(clippy::indexing_slicing, reason = "there are 2^segment_bits cells, and so many bits are left")]
    fn spot(&self, place: Place) -> (&Cell, u32) {
        let mixed = self.mixer.mix(place);
        let segment = mixed >> (Place::BITS - self.segment_bits);
        let rest = (mixed << self.segment_bits & ((1 << Place::BITS) - 1)) >> UNKEPT_BITS;
        (&self.cells[segment as usize], rest)
    }

    fn place_at(&self, part: usize, rest: u32) -> Place {
        let mixed =
            (part as u32) << (Place::BITS - self.segment_bits) | rest << UNKEPT_BITS >> self.segment_bits;
        self.mixer.unmix(mixed)
    }
}

/// A place of a table whose memory has been asked for. To be looked into soon, on the same thread.
pub struct At<'a> {
    cell: &'a Cell,
    rest: u32,
    segment: Guard<Arc<Segment>>,
}

impl At<'_> {
    /// What `resolve` makes of the row of a digest and of its details, while the row is known to be live.
    ///
    /// The lookup begins here, not where the place was asked for: a key that was removed between the two is not found. What was
    /// asked for may be in a segment that has been replaced since; whoever looks into that one is sent on.
    ///
    /// This is how to read what [`Row::profile`] names: an index that was released and given to another profile between
    /// finding the row and resolving it would give a key someone else's rights. Here the row is looked at again afterwards; so
    /// as long as indexes are released only after their last row was removed, what `resolve` read is the row's own. It may be
    /// called more than once, and for a row that ends meanwhile: then what it made is dropped.
    #[inline]
    pub fn find_with<R>(
        self,
        digest: impl Into<Fingerprint>,
        mut resolve: impl FnMut(Row, Details<'_>) -> R,
    ) -> Option<R> {
        let fingerprint = digest.into();
        let mut segment = self.segment;
        loop {
            match segment.find(self.rest, &fingerprint, &mut resolve) {
                Lookup::Found(found) => return Some(found),
                Lookup::Absent => return None,
                Lookup::Retired => segment = self.cell.current.load(),
            }
        }
    }
}

/// Of so many bytes in pages of 4 KiB, two thousand, a processor remembers where they are: a table that is smaller needs no others.
const BYTES_IN_KNOWN_PAGES: usize = 8 << 20;

const ROWS_PER_SEGMENT: usize = 1 << 14;
/// So that a table that was laid out for too little still has segments of bearable size.
const MIN_SEGMENTS: usize = 1 << UNKEPT_BITS;
/// What is left of a place still tells the buckets of a segment apart.
const MAX_SEGMENTS: usize = 1 << 13;
/// How many bits of a place an entry does not keep: each key's segment tells them.
const UNKEPT_BITS: u32 = Place::BITS - REST_BITS;

/// One segment and whoever may change it.
struct Cell {
    current: ArcSwap<Segment>,
    writer: Mutex<Writer>,
}

impl Cell {
    fn new() -> Self {
        let (segment, writer) = Writer::with_empty_segment();
        Self { current: ArcSwap::from_pointee(segment), writer: Mutex::new(writer) }
    }

    fn lock(&self) -> MutexGuard<'_, Writer> {
        // Every step of a writer leaves a segment that readers can use; a panic in one is no reason to refuse removals.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rebuild(&self, writer: &mut Writer, expected_rows: usize, words: usize) -> Option<()> {
        let old = self.current.load_full();
        let (successor, successors_writer) = writer.rebuild(&old, expected_rows, words)?;
        self.current.store(Arc::new(successor));
        old.retire();
        *writer = successors_writer;
        Some(())
    }
}
