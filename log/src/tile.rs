//! This file is about tiles: the log as static files that anyone can fetch, cache and check (C2SP tlog-tiles).

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use thiserror::Error;

use crate::hash::Hash;
use crate::leaf::Leaf;
use crate::text;
use crate::tree::HashReader;

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TileKind {
    /// The stored hashes of one level.
    Hashes {
        /// The level, 0 to 63; no tree is higher than level 7.
        level: u8,
    },
    /// The leaves themselves; the specification calls this an entry bundle.
    Entries,
}

/// The place of one tile: up to 256 neighbours of one level. Printed and read as its path, such as
/// `tile/0/x001/234`, `tile/1/000.p/17` or `tile/entries/x001/234`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    kind: TileKind,
    index: u64,
    width: u16,
}

impl Tile {
    /// The width of a full tile.
    pub const FULL_WIDTH: u16 = 256;

    const MAX_LEVEL: u8 = 63;
    /// No leaf of a tree with a 64-bit size stands beyond this tile.
    const MAX_INDEX: u64 = u64::MAX / 256;

    /// The `index`-th tile of this kind, cut after `width` members.
    ///
    /// # Errors
    /// [`TileError`] when the level is above 63, the width is not 1 to 256, or the tile would hold members
    /// beyond 2^64.
    pub fn new(kind: TileKind, index: u64, width: u16) -> Result<Self, TileError> {
        let level_exists = match kind {
            TileKind::Hashes { level } => level <= Self::MAX_LEVEL,
            TileKind::Entries => true,
        };
        let width_exists = (1..=Self::FULL_WIDTH).contains(&width);
        // The last tile lacks its last member, so that the end of every range is a number of 64 bits.
        let index_exists = index < Self::MAX_INDEX;
        if level_exists && width_exists && index_exists {
            Ok(Self { kind, index, width })
        } else {
            Err(TileError::Path)
        }
    }

    /// What it holds.
    #[must_use]
    pub fn kind(&self) -> TileKind {
        self.kind
    }

    /// The number of hashes or entries in it, 1 to 256.
    #[must_use]
    pub fn width(&self) -> u16 {
        self.width
    }

    /// The indexes of its members within their level.
    #[must_use]
    pub fn members(&self) -> Range<u64> {
        let start = self.index * u64::from(Self::FULL_WIDTH);
        start..start + u64::from(self.width)
    }

    /// Whether a tree of `size` leaves has all its members. Members never change, so such a tile may be served,
    /// also one narrower than it need be.
    #[must_use]
    pub fn is_within(&self, size: u64) -> bool {
        let level = match self.kind {
            TileKind::Hashes { level } => level,
            TileKind::Entries => 0,
        };
        let stored = size.checked_shr(8 * u32::from(level)).unwrap_or(0);
        self.members().end <= stored
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes { level } => write!(f, "tile/{level}/")?,
            TileKind::Entries => f.write_str("tile/entries/")?,
        }
        let thousands = (1..).map(|power| self.index / 1000_u64.pow(power)).take_while(|rest| *rest > 0);
        let leading: Vec<u64> = thousands.map(|rest| rest % 1000).collect();
        for group in leading.iter().rev() {
            write!(f, "x{group:03}/")?;
        }
        write!(f, "{:03}", self.index % 1000)?;
        if self.width < Self::FULL_WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl FromStr for Tile {
    type Err = TileError;

    fn from_str(path: &str) -> Result<Self, TileError> {
        let tile = parse_path(path).ok_or(TileError::Path)?;
        // A tile has one path. What else would be read as the same (`x000/001`) is refused here.
        if tile.to_string() == path { Ok(tile) } else { Err(TileError::Path) }
    }
}

/// Reads a path; accepts more than the one canonical path of a tile.
fn parse_path(path: &str) -> Option<Tile> {
    let (kind, rest) = path.strip_prefix("tile/")?.split_once('/')?;
    let kind = match kind {
        "entries" => TileKind::Entries,
        level => TileKind::Hashes { level: text::from_decimal(level)?.try_into().ok()? },
    };
    let (index, width) = match rest.split_once(".p/") {
        Some((index, width)) => (index, text::from_decimal(width)?.try_into().ok()?),
        None => (rest, Tile::FULL_WIDTH),
    };
    let index = index.split('/').try_fold(0_u64, |index, group| {
        let digits = group.strip_prefix('x').unwrap_or(group);
        let is_group = digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let group: u64 = is_group.then(|| digits.parse().ok()).flatten()?;
        index.checked_mul(1000)?.checked_add(group)
    })?;
    Tile::new(kind, index, width).ok()
}

/// The bytes of a tile of hashes: its members, 32 bytes each.
///
/// # Errors
/// The reader's error, when a hash cannot be read.
pub fn hash_tile<R: HashReader>(reader: &R, level: u8, members: Range<u64>) -> Result<Vec<u8>, R::Error> {
    let mut bytes = Vec::new();
    for index in members {
        bytes.extend_from_slice(&reader.hash(level, index)?.0);
    }
    Ok(bytes)
}

/// The members of a tile of hashes of this width.
///
/// # Errors
/// [`TileError::Content`] when the bytes are not exactly that many hashes.
pub fn parse_hash_tile(bytes: &[u8], width: u16) -> Result<Vec<Hash>, TileError> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    if !rest.is_empty() || hashes.len() != usize::from(width) {
        return Err(TileError::Content);
    }
    Ok(hashes.iter().copied().map(Hash).collect())
}

/// The bytes of an entry bundle: every leaf behind its length as a big-endian 16-bit number.
#[must_use]
pub fn entry_bundle(leaves: &[Leaf]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for leaf in leaves {
        let length = u16::try_from(leaf.as_str().len()).unwrap_or(u16::MAX);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(leaf.as_str().as_bytes());
    }
    bytes
}

/// The leaves of an entry bundle of this width.
///
/// # Errors
/// [`TileError::Content`] when the bytes are not exactly that many leaves of ours.
pub fn parse_entry_bundle(mut bytes: &[u8], width: u16) -> Result<Vec<Leaf>, TileError> {
    let mut leaves = Vec::new();
    for _ in 0..width {
        let (leaf, rest) = split_entry(bytes).ok_or(TileError::Content)?;
        leaves.push(leaf);
        bytes = rest;
    }
    if bytes.is_empty() { Ok(leaves) } else { Err(TileError::Content) }
}

fn split_entry(bytes: &[u8]) -> Option<(Leaf, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (entry, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    let leaf = Leaf::new(str::from_utf8(entry).ok()?).ok()?;
    Some((leaf, rest))
}

/// Why something is not a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TileError {
    /// The path names no tile.
    #[error("not the path of a tile")]
    Path,
    /// The bytes are not what a tile of this kind and width holds.
    #[error("not the content of this tile")]
    Content,
}
