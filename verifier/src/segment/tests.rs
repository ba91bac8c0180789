//! Models of the row protocol: loom runs every interleaving of the threads, with every value that each load may give.

use loom::sync::Arc;
use loom::thread;

use super::{Lookup, Segment};
use crate::bucket::SLOTS;
use crate::record::{Details, Fingerprint, Record, Row};
use crate::sync::{AtomicBool, AtomicU64, Ordering};
use crate::writer::Writer;

const REST: u32 = 1 << 19;

fn digest(key: u8) -> [u8; 32] {
    [key; 32]
}

/// Every field and the details follow from `value`: parts of two rows would not fit together.
fn row(value: u8) -> (Row, Vec<u8>) {
    let seconds = u64::from(value) * 0x0101_0101;
    let row = Row {
        id: u128::from_le_bytes([value; 16]),
        profile: u32::from_le_bytes([value; 4]),
        expires_at: Some(seconds * 1000),
        not_before: None,
        flags: value,
    };
    (row, vec![value])
}

fn record(key: u8, value: u8) -> Record {
    let (row, details) = row(value);
    Record::new((&digest(key)).into(), &row, &details)
}

/// One of which there is nothing more to say.
fn plain(key: u8, value: u8) -> Record {
    let (row, _) = row(value);
    Record::new((&digest(key)).into(), &plain_row(row), &[])
}

fn plain_row(row: Row) -> Row {
    Row { expires_at: None, not_before: None, flags: 0, ..row }
}

fn find(segment: &Segment, key: u8) -> Lookup<(Row, Vec<u8>)> {
    segment.find(REST, &Fingerprint::from(&digest(key)), &mut |row, bytes: Details<'_>| {
        let mut details = Vec::new();
        bytes.copy_to(&mut details);
        (row, details)
    })
}

fn model(test: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.max_branches = 10_000;
    builder.check(test);
}

fn filled(records: &[Record], rows: usize) -> (Segment, Writer) {
    let (segment, mut writer) = Writer::with_room(rows, rows * record(1, 1).extension.len());
    for record in records {
        assert!(writer.insert(&segment, REST, record).is_some());
    }
    (segment, writer)
}

#[test]
fn a_published_row_is_whole() {
    model(|| {
        let (segment, mut writer) = filled(&[], 1);
        let segment = Arc::new(segment);
        let reader = {
            let segment = Arc::clone(&segment);
            thread::spawn(move || match find(&segment, 1) {
                Lookup::Found(found) => assert_eq!(found, row(7)),
                Lookup::Absent => {}
                Lookup::Retired => unreachable!("nobody retired it"),
            })
        };
        writer.insert(&segment, REST, &record(1, 7));
        reader.join().unwrap();
    });
}

#[test]
fn a_published_row_without_an_extension_is_whole() {
    model(|| {
        let (segment, mut writer) = filled(&[], 1);
        let segment = Arc::new(segment);
        let reader = {
            let segment = Arc::clone(&segment);
            thread::spawn(move || match find(&segment, 1) {
                Lookup::Found(found) => assert_eq!(found, (plain_row(row(7).0), Vec::new())),
                Lookup::Absent => {}
                Lookup::Retired => unreachable!("nobody retired it"),
            })
        };
        writer.insert(&segment, REST, &plain(1, 7));
        reader.join().unwrap();
    });
}

#[test]
fn a_row_being_removed_is_whole_or_absent_and_absent_afterwards() {
    model(|| {
        let (segment, mut writer) = filled(&[record(1, 7)], 1);
        let (segment, removed) = (Arc::new(segment), Arc::new(AtomicBool::new(false)));
        let reader = {
            let (segment, removed) = (Arc::clone(&segment), Arc::clone(&removed));
            thread::spawn(move || {
                let began_after = removed.load(Ordering::Acquire);
                match find(&segment, 1) {
                    Lookup::Found(found) => {
                        assert!(!began_after, "found after the removal had returned");
                        assert_eq!(found, row(7));
                    }
                    Lookup::Absent => {}
                    Lookup::Retired => unreachable!("nobody retired it"),
                }
            })
        };
        let ended = writer.remove(&segment, REST, row(7).0.id);
        assert!(ended.into_iter().map(|(_, row)| row).eq([row(7).0]));
        removed.store(true, Ordering::Release);
        reader.join().unwrap();
    });
}

#[test]
fn a_row_being_replaced_is_the_old_one_or_the_new_one() {
    model(|| {
        let (segment, writer) = filled(&[record(1, 7)], 2);
        replace(segment, writer, 7);
    });
}

/// Its bucket is full, of keys that ended, so the new row is in the second one.
#[test]
fn a_row_being_replaced_by_one_in_another_bucket_is_the_old_one_or_the_new_one() {
    model(|| {
        let values = 1..=SLOTS as u8;
        let (segment, writer) = filled(&values.map(|value| record(1, value)).collect::<Vec<_>>(), SLOTS + 1);
        replace(segment, writer, SLOTS as u8);
    });
}

fn replace(segment: Segment, mut writer: Writer, before: u8) {
    let segment = Arc::new(segment);
    let reader = {
        let segment = Arc::clone(&segment);
        thread::spawn(move || match find(&segment, 1) {
            Lookup::Found(found) => assert!(found == row(before) || found == row(9), "{found:?}"),
            Lookup::Absent => panic!("neither the old row nor the new one"),
            Lookup::Retired => unreachable!("nobody retired it"),
        })
    };
    assert_eq!(writer.insert(&segment, REST, &record(1, 9)), Some(vec![row(before).0]));
    reader.join().unwrap();
}

/// What the table does when a segment is full. The pointer to the current segment is a loom atomic here.
struct Replaced {
    segments: [Segment; 2],
    current: AtomicU64,
}

impl Replaced {
    fn find(&self, key: u8) -> Option<(Row, Vec<u8>)> {
        loop {
            let [old, new] = &self.segments;
            let segment = if self.current.load(Ordering::Acquire) == 0 { old } else { new };
            match find(segment, key) {
                Lookup::Found(found) => return Some(found),
                Lookup::Absent => return None,
                Lookup::Retired => {}
            }
        }
    }

    fn go_on(&self) {
        let [old, _] = &self.segments;
        self.current.store(1, Ordering::Release);
        old.retire();
    }
}

fn to_be_replaced() -> (Arc<Replaced>, Writer) {
    let (old, writer) = filled(&[record(1, 7)], 1);
    let (new, writer) = writer.rebuild(&old, 0, 0).unwrap();
    (Arc::new(Replaced { segments: [old, new], current: AtomicU64::new(0) }), writer)
}

#[test]
fn a_row_is_found_while_its_segment_is_replaced() {
    model(|| {
        let (table, _) = to_be_replaced();
        let reader = {
            let table = Arc::clone(&table);
            thread::spawn(move || assert_eq!(table.find(1), Some(row(7))))
        };
        table.go_on();
        reader.join().unwrap();
    });
}

/// The removal happens in the successor; a reader that is held up in the old segment must not give its old answer to a
/// lookup that began after it. What is resolved is the witness: it changes after the removal, and belongs to no row then.
#[test]
fn a_row_removed_from_the_successor_is_not_found_in_the_old_segment() {
    model(|| {
        let (table, mut writer) = to_be_replaced();
        let removed = Arc::new(AtomicBool::new(false));
        let reader = {
            let (table, removed) = (Arc::clone(&table), Arc::clone(&removed));
            thread::spawn(move || {
                let fingerprint = Fingerprint::from(&digest(1));
                let [old, _] = &table.segments;
                let resolve = |_, _: Details<'_>| removed.load(Ordering::Acquire);
                if let Lookup::Found(seen) = old.find(REST, &fingerprint, &mut { resolve }) {
                    assert!(!seen, "found, though the removal was seen to have returned");
                }
            })
        };
        table.go_on();
        let [_, new] = &table.segments;
        writer.remove(new, REST, row(7).0.id);
        removed.store(true, Ordering::Release);
        reader.join().unwrap();
    });
}

/// The use of `resolve`: what a row names is given to another one after the row's end, and a reader must not take it for the row's.
#[test]
fn what_is_resolved_belongs_to_the_row() {
    model(|| {
        let (segment, mut writer) = filled(&[record(1, 7)], 1);
        let (segment, profile) = (Arc::new(segment), Arc::new(AtomicU64::new(7)));
        let reader = {
            let (segment, profile) = (Arc::clone(&segment), Arc::clone(&profile));
            thread::spawn(move || {
                let fingerprint = Fingerprint::from(&digest(1));
                let resolve = |_, _: Details<'_>| profile.load(Ordering::Acquire);
                if let Lookup::Found(seen) = segment.find(REST, &fingerprint, &mut { resolve }) {
                    assert_eq!(seen, 7, "another row's profile");
                }
            })
        };
        writer.remove(&segment, REST, row(7).0.id);
        profile.store(8, Ordering::Release);
        reader.join().unwrap();
    });
}

/// How many keys are there, how many words of buckets are not zero, and how many of extensions.
fn nonzero(segment: &Segment) -> (usize, usize, usize) {
    let words = segment.buckets().map(|bucket| bucket.nonzero_words()).sum();
    let extensions = segment.extensions.iter().filter(|word| word.load(Ordering::Relaxed) != 0).count();
    (segment.rows().count(), words, extensions)
}

#[test]
fn what_ends_is_zero_at_once() {
    model(|| {
        let (segment, mut writer) = filled(&[record(1, 7), record(2, 9)], 4);
        let (key, extension) = (9, record(1, 7).extension.len());
        assert_eq!(nonzero(&segment), (2, 2 * key, 2 * extension));
        writer.remove(&segment, REST, row(7).0.id);
        assert_eq!(nonzero(&segment), (1, key, extension), "the removed row's words are zero");
        writer.insert(&segment, REST, &record(2, 11));
        assert_eq!(nonzero(&segment), (1, key, extension), "the replaced row's words are zero");
        segment.retire();
        let (_, words, extensions) = nonzero(&segment);
        assert_eq!((words, extensions), (0, 0), "nothing stays in a retired segment");
    });
}
