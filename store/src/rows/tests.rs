use keyward_core::id::Id;
use keyward_core::store::{List, Name, Record, RecordKind, Replay};
use keyward_core::time::Timestamp;
use proptest::prelude::*;

use super::{RecordRow, StoreRow};
use crate::slots::Cell;

fn some_record() -> Record {
    Record {
        id: Id::from_bits(0x0102),
        kind: RecordKind::Key,
        version: 5,
        body: b"body".to_vec(),
        names: vec![Name([0xaa; 16])],
        lists: vec![List { kind: RecordKind::Account, owner: Id::from_bits(0x0304) }],
    }
}

#[test]
fn a_record_s_row_is_written_as_the_format_says() {
    let mut row = super::unplaced(&some_record());
    super::place(&mut row, 0x0908_0706_0504_0302, Some(Cell(0x1122_3344)));
    let expected = [
        &[1, 3][..],
        &[5, 0, 0, 0, 0, 0, 0, 0],
        &[2, 3, 4, 5, 6, 7, 8, 9],
        &[0x44, 0x33, 0x22, 0x11],
        &[1, 0, 1, 0],
        &[0xaa; 16],
        &[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 4],
        b"body",
    ];
    assert_eq!(row, expected.concat());
}

#[test]
fn a_record_reads_back() {
    let record = some_record();
    for cell in [None, Some(Cell(0)), Some(Cell(u32::MAX - 1))] {
        let mut row = super::unplaced(&record);
        super::place(&mut row, 77, cell);
        let expected = RecordRow { record: record.clone(), position: 77, cell };
        assert_eq!(super::record(record.id, &row), Some(expected));
        assert_eq!(super::kind_and_cell(&row), Some((RecordKind::Key, cell)));
        for cut in 0..row.len() - record.body.len() {
            assert_eq!(super::record(record.id, &row[..cut]), None, "cut at {cut}");
        }
        for (place, wrong) in [(0, 0), (0, 2), (1, 0), (1, 10)] {
            let mut changed = row.clone();
            changed[place] = wrong;
            assert_eq!(super::record(record.id, &changed), None, "{wrong} at {place}");
        }
    }
}

#[test]
fn small_rows_read_back_and_nothing_else_does() {
    assert_eq!(super::counter(&super::counter_row(u64::MAX)), Some(u64::MAX));
    assert_eq!(super::counter(&[1; 10]), None);
    let replay = Replay {
        id: [3; 32],
        request: [4; 32],
        answer: vec![5, 6],
        expires_at: Timestamp::from_millis(1_700_000_000_000),
    };
    assert_eq!(super::replay([3; 32], &super::replay_row(&replay)), Some(replay));
    let head = StoreRow { cells: 9, checkpoint: "text\n".to_owned() };
    assert_eq!(StoreRow::parse(&head.row()), Some(head));
    assert_eq!(StoreRow::parse(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0xff]), None, "not UTF-8");
    assert_eq!(super::events(&super::events_row([])), None, "a row of events has some");
    assert_eq!(super::events(&[1, 5, 0, 1]), None, "an event that is cut");
}

#[test]
fn keys_sort_as_what_they_name() {
    let list = |owner| List { kind: RecordKind::Key, owner: Id::from_bits(owner) };
    let keys = [(1, 2), (1, 256), (2, 1), (256, 1)]
        .map(|(owner, id)| super::member_key(list(owner), Id::from_bits(id)));
    assert!(keys.is_sorted());
    assert_eq!(super::member(&keys[3]), Some((list(256), Id::from_bits(1))));
    let early = super::expiry_key(Timestamp::from_millis(255), &[9; 32]);
    let late = super::expiry_key(Timestamp::from_millis(256), &[0; 32]);
    assert!(early < late);
    assert_eq!(super::expiry(&early), Some((Timestamp::from_millis(255), [9; 32])));
    assert!(super::hash_key(1, 255) < super::hash_key(1, 256));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut bytes = bytes;
        for first in [None, Some(1)] {
            if let (Some(byte), Some(first)) = (bytes.first_mut(), first) {
                *byte = first;
            }
            let id = Id::from_bits(1);
            if let Some(read) = super::record(id, &bytes) {
                let mut written = super::unplaced(&read.record);
                super::place(&mut written, read.position, read.cell);
                prop_assert_eq!(&written, &bytes, "what is read is what was written");
            }
            let _ = (super::replay([0; 32], &bytes), super::counter(&bytes), super::events(&bytes));
            let _ = (super::event(&bytes, 3), super::expiry(&bytes), super::member(&bytes));
            let _ = (StoreRow::parse(&bytes), super::current(&bytes), super::kind_and_cell(&bytes));
        }
    }
}
