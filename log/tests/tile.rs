//! This file is about tiles: their paths, which ones there are, and that `tlog_tiles` can prove from ours.

use keyward_log::{
    Hash, HashReader as _, Leaf, Tile, TileError, TileKind, entry_bundle, hash_tile, parse_entry_bundle,
    parse_hash_tile,
};
use proptest::prelude::*;
use tlog_tiles::{TileHashReader, TileReader, tlog};

use crate::sample::{EDGES, LEAVES, LOG, REFERENCE, leaf, theirs};

const LEVEL_0: TileKind = TileKind::Hashes { level: 0 };

fn path(kind: TileKind, index: u64, width: u16) -> String {
    Tile::new(kind, index, width).unwrap().to_string()
}

#[test]
fn paths_are_those_of_the_specification() {
    assert_eq!(path(LEVEL_0, 1_234_067, 256), "tile/0/x001/x234/067");
    assert_eq!(path(LEVEL_0, 0, 256), "tile/0/000");
    assert_eq!(path(TileKind::Hashes { level: 63 }, 273, 112), "tile/63/273.p/112");
    assert_eq!(path(TileKind::Entries, 1_000, 1), "tile/entries/x001/000.p/1");
}

#[test]
fn other_paths_are_refused() {
    let refused = [
        "",
        "/",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/1234",
        "/tile/0/000",
        "tile//0/000",
        "tile/0/000/",
        "tile/00/000",
        "tile/64/000",
        "tile/256/000",
        "tile/-1/000",
        "tile/+1/000",
        "tile/x/000",
        "tile/data/000",
        "tile/8/0/000",
        "tile/0/x000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001/x002",
        "tile/0/x001/2",
        "tile/0/xx01/002",
        "tile/0/+01",
        "tile/0/x+01/000",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/+1",
        "tile/0/000.p/1/",
        "tile/0/000.p/1.p/1",
        "tile/0/../000",
        "tile/0/x001/../000",
        "tile/0/%30%30%30",
        "tile/0/\u{661}\u{661}\u{661}",
        "tile/0/000\n",
        "Tile/0/000",
        "tile/Entries/000",
        "tile/entries/0",
        "tile/0/x072/x057/x594/x037/x927/935",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/x999/x999/999",
    ];
    for path in refused {
        assert_eq!(path.parse::<Tile>(), Err(TileError::Path), "{path}");
    }
    assert_eq!(Tile::new(LEVEL_0, 0, 0), Err(TileError::Path));
    assert_eq!(Tile::new(LEVEL_0, 0, 257), Err(TileError::Path));
    assert_eq!(Tile::new(LEVEL_0, u64::MAX, 1), Err(TileError::Path));
}

#[test]
fn a_tree_of_70000_has_the_tiles_that_the_specification_counts() {
    let exist =
        |level, index, width| Tile::new(TileKind::Hashes { level }, index, width).unwrap().is_within(70_000);
    for (level, full, partial) in [(0, 273, 112), (1, 1, 17), (2, 0, 1)] {
        assert!((0..full).all(|index| exist(level, index, 256)), "level {level}");
        assert!(exist(level, full, partial) && !exist(level, full, partial + 1), "level {level}");
        assert!(!exist(level, full + 1, 1), "level {level}");
    }
    assert!((3..64).all(|level| !exist(level, 0, 1)));
    let entries = Tile::new(TileKind::Entries, 273, 112).unwrap();
    assert!(entries.is_within(70_000) && !entries.is_within(69_999));
    assert_eq!(entries.members(), 69_888..70_000);
}

/// Our tiles, fetched by path as a stranger would.
struct Stranger {
    size: u64,
}

impl TileReader for Stranger {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog::Error> {
        let read = |tile: &tlog_tiles::Tile| {
            // Theirs has the height in the path, as Go's checksum database does.
            let path = tile.path().replacen("tile/8/", "tile/", 1);
            let tile: Tile = path.parse().unwrap();
            assert!(tile.is_within(self.size), "{path} in {}", self.size);
            let TileKind::Hashes { level } = tile.kind() else { panic!("{path}") };
            hash_tile(&LOG.at(self.size), level, tile.members()).unwrap()
        };
        Ok(tiles.iter().map(read).collect())
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

fn provable_from_tiles(index: u64, size: u64) {
    let root = theirs(REFERENCE.root(size));
    let stranger = Stranger { size };
    let tiles = TileHashReader::new(size, root, &stranger);
    let proof = tlog::prove_record(size, index, &tiles).unwrap();
    tlog::check_record(&proof, size, root, index, theirs(leaf(index))).unwrap();
}

#[test]
fn a_stranger_can_prove_every_leaf_from_tiles_at_the_edges() {
    for size in EDGES.into_iter().filter(|size| *size > 0) {
        for index in EDGES.into_iter().filter(|index| *index < size) {
            provable_from_tiles(index, size);
        }
    }
}

#[test]
fn a_hash_tile_is_its_hashes() {
    let bytes = hash_tile(&LOG.at(LEAVES), 1, 512..513).unwrap();
    assert_eq!(bytes, LOG.at(LEAVES).hash(1, 512).unwrap().0);
    assert!(hash_tile(&LOG.at(LEAVES), 1, 512..514).is_err());
    assert_eq!(parse_hash_tile(&[[1; 32], [2; 32]].concat(), 2), Ok(vec![Hash([1; 32]), Hash([2; 32])]));
    assert_eq!(parse_hash_tile(&[1; 64], 1), Err(TileError::Content));
    assert_eq!(parse_hash_tile(&[1; 63], 2), Err(TileError::Content));
    assert_eq!(parse_hash_tile(&[1; 65], 2), Err(TileError::Content));
}

#[test]
fn an_entry_bundle_is_leaves_behind_their_lengths() {
    let long = "x".repeat(300);
    let leaves = [Leaf::new("ab").unwrap(), Leaf::new(long.clone()).unwrap()];
    let bytes = entry_bundle(&leaves);
    assert_eq!(bytes, [b"\x00\x02ab\x01\x2c", long.as_bytes()].concat());
    assert_eq!(parse_entry_bundle(&bytes, 2), Ok(leaves.to_vec()));
    for width in [0, 1, 3] {
        assert_eq!(parse_entry_bundle(&bytes, width), Err(TileError::Content));
    }
    assert_eq!(parse_entry_bundle(b"\x00\x00", 1), Err(TileError::Content));
    assert_eq!(parse_entry_bundle(b"\x00\x01\xff", 1), Err(TileError::Content));
    assert_eq!(parse_entry_bundle(b"\xff\xffab", 1), Err(TileError::Content));
}

proptest! {
    #[test]
    fn a_stranger_can_prove_every_leaf_from_tiles(
        (index, size) in (1..=LEAVES).prop_flat_map(|size| (0..size, Just(size))),
    ) {
        provable_from_tiles(index, size);
    }

    #[test]
    fn every_path_is_read_as_it_was_printed_and_as_the_reference_does(
        level in 0..64_u8, shift in 8..64_u32, index: u64, width in 1..=256_u16, entries: bool,
    ) {
        let index = index >> shift;
        prop_assume!(index < u64::MAX >> 8);
        let kind = if entries { TileKind::Entries } else { TileKind::Hashes { level } };
        let tile = Tile::new(kind, index, width).unwrap();
        prop_assert_eq!(tile.to_string().parse(), Ok(tile));
        let reference_level = if entries { 0 } else { level };
        let reference = tlog_tiles::Tile::new(8, reference_level, index, u32::from(width), entries);
        let reference = reference.path().replacen("tile/8/", "tile/", 1);
        prop_assert_eq!(tile.to_string(), reference.replacen("tile/data/", "tile/entries/", 1));
    }

    #[test]
    fn bundles_are_read_as_they_were_printed(texts in proptest::collection::vec("[ -~]{1,512}", 0..20)) {
        let leaves: Vec<Leaf> = texts.into_iter().map(|text| Leaf::new(text).unwrap()).collect();
        let width = u16::try_from(leaves.len()).unwrap();
        prop_assert_eq!(parse_entry_bundle(&entry_bundle(&leaves), width), Ok(leaves));
    }
}
