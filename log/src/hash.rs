//! This file is about hashes: what names a leaf, a subtree or a whole tree.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{self, Context, SHA256};

use crate::text::{self, InvalidText};

/// A SHA-256 hash in the log's tree (RFC 6962 section 2.1).
///
/// Printed and read as base64, as everywhere in the C2SP formats.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(
    /// The 32 bytes.
    pub [u8; 32],
);

/// What tells a leaf from a node, so that neither can be passed off as the other.
const LEAF_PREFIX: u8 = 0;
const NODE_PREFIX: u8 = 1;

impl Hash {
    /// The root of the tree without leaves: the hash of nothing.
    pub const EMPTY: Self = Self([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
        0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
    ]);

    /// The hash of a leaf with these bytes: `SHA-256(0x00 || data)`.
    #[must_use]
    pub fn leaf(data: &[u8]) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(&[LEAF_PREFIX]);
        context.update(data);
        Self::from_digest(&context.finish())
    }

    /// The hash of the node over two subtrees: `SHA-256(0x01 || left || right)`.
    #[must_use]
    pub fn node(left: &Self, right: &Self) -> Self {
        let mut input = [NODE_PREFIX; 65];
        let (_, children) = input.split_at_mut(1);
        let (first, second) = children.split_at_mut(32);
        first.copy_from_slice(&left.0);
        second.copy_from_slice(&right.0);
        Self::from_digest(&digest::digest(&SHA256, &input))
    }

    fn from_digest(digest: &digest::Digest) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::base64(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        text::array_from_base64(text).map(Self).ok_or(InvalidText("32 bytes in base64"))
    }
}
