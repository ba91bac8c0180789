use std::fs;

use keyward_core::seal::WrappedSlot;
use proptest::prelude::*;

use super::{Cell, FreeCells, SlotFile, fingerprint};

fn file() -> (tempfile::TempDir, SlotFile) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slots");
    SlotFile::create(&path).unwrap();
    let file = SlotFile::open(&path).unwrap();
    (folder, file)
}

fn slot(byte: u8) -> WrappedSlot {
    WrappedSlot([byte; 64])
}

#[test]
fn a_new_file_has_no_cells_and_grows_by_erased_ones() {
    let (_folder, file) = file();
    assert_eq!(file.capacity().unwrap(), 0);
    let capacity = file.grow().unwrap();
    assert_eq!(capacity, 16_384, "1 MiB of 64 bytes each");
    assert_eq!(file.read(Cell(capacity - 1)).unwrap(), None);
    assert!(file.read(Cell(capacity)).is_err());
    assert!(file.grow().unwrap() > capacity);
}

#[test]
fn a_growth_that_was_cut_short_is_mended() {
    let (_folder, file) = file();
    fs::OpenOptions::new().write(true).open(file.path()).unwrap().set_len(4096 + 100).unwrap();
    assert_eq!(file.capacity().unwrap(), 1);
    assert_eq!(file.grow().unwrap(), 16_385);
    assert_eq!(file.read(Cell(16_384)).unwrap(), None);
}

#[test]
fn the_cell_lies_where_the_format_says() {
    let (_folder, file) = file();
    file.grow().unwrap();
    file.fill(&mut [(Cell(3), slot(7))]).unwrap();
    let bytes = fs::read(file.path()).unwrap();
    assert_eq!(&bytes[..16], b"keyward slots 1\n");
    let places: Vec<usize> = (0..bytes.len()).filter(|place| bytes[*place] == 7).collect();
    assert_eq!(places, (4096 + 3 * 64..4096 + 4 * 64).collect::<Vec<_>>());
    file.erase(&mut [Cell(3)]).unwrap();
    assert!(!fs::read(file.path()).unwrap().contains(&7));
}

#[test]
fn another_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slots");
    for wrong in ["", "keyward", "keyward slots 2\n and more"] {
        fs::write(&path, wrong).unwrap();
        assert!(SlotFile::open(&path).is_err(), "{wrong}");
    }
}

#[test]
fn erasing_begins_a_round() {
    let (_folder, file) = file();
    file.grow().unwrap();
    let round = file.round();
    file.fill(&mut [(Cell(0), slot(1))]).unwrap();
    assert_eq!(file.round(), round);
    file.erase(&mut [Cell(0)]).unwrap();
    assert_ne!(file.round(), round);
}

#[test]
fn cells_that_were_given_back_are_used_first() {
    let (_folder, file) = file();
    let mut free = FreeCells::default();
    assert_eq!(free.take(&file).unwrap(), Cell(0), "the file grows");
    assert_eq!(free.take(&file).unwrap(), Cell(1));
    free.give_back(&[Cell(0)]);
    assert_eq!(free.take(&file).unwrap(), Cell(0));
    assert_eq!(free.take(&file).unwrap(), Cell(2));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reads_many_as_it_reads_one(
        filled in proptest::collection::btree_map(0..16_384_u32, 1..255_u8, 0..300),
        asked in proptest::collection::vec(0..16_384_u32, 0..600),
    ) {
        let (_folder, file) = file();
        file.grow().unwrap();
        let mut fills: Vec<_> = filled.iter().rev().map(|(cell, byte)| (Cell(*cell), slot(*byte))).collect();
        file.fill(&mut fills).unwrap();
        let asked: Vec<Cell> = asked.into_iter().chain(filled.keys().copied()).map(Cell).collect();
        let expected: Vec<_> = asked.iter().map(|cell| filled.get(&cell.0).map(|byte| slot(*byte))).collect();
        prop_assert_eq!(file.read_many(&asked).unwrap(), expected);
        let walked = file.walk(Vec::new, |used, cell, is_used| if is_used { used.push(cell) }).unwrap().concat();
        let cells: Vec<Cell> = filled.keys().copied().map(Cell).collect();
        prop_assert_eq!(&walked, &cells);
        file.erase(&mut cells.clone()).unwrap();
        prop_assert!(file.read_many(&cells).unwrap().iter().all(Option::is_none));
    }

    #[test]
    fn the_fingerprint_is_of_the_set(mut cells in proptest::collection::hash_set(any::<u32>(), 1..50)) {
        let whole = fingerprint(cells.iter().copied().map(Cell));
        let one = *cells.iter().next().unwrap();
        cells.remove(&one);
        let rest = fingerprint(cells.iter().copied().map(Cell));
        prop_assert_ne!(whole, rest);
        prop_assert_eq!(whole, rest.wrapping_add(fingerprint([Cell(one)])));
    }
}
