//! What happened, provably: the Merkle tree, its tiles, checkpoints and proofs.
//!
//! The log is an RFC 6962 tree over [`Leaf`] texts. A [`Tree`] grows it, a [`Checkpoint`] signed as a [`Note`]
//! states its size and root, and a [`Receipt`] proves to anyone, offline, that a leaf stands in it. The formats
//! are those of the C2SP specifications (signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof,
//! tlog-tiles), so that tools that others publish can check ours.
//!
//! Everything here is a pure function of its arguments: no I/O, no clock, no randomness. Every text form is
//! read by `FromStr` and printed by `Display`; reading is strict: what is accepted prints as the same bytes.

mod checkpoint;
mod commitment;
mod cosignature;
mod hash;
mod leaf;
mod note;
mod proof;
mod receipt;
mod text;
mod tile;
mod tree;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use commitment::{Commitment, Opening};
pub use cosignature::{Cosigner, CosignerKey};
pub use hash::Hash;
pub use leaf::{Leaf, LeafError};
pub use note::{KeyError, KeyName, Note, NoteError, Signature, Signer, VerifierKey};
pub use proof::{
    InvalidProof, ProveError, consistency_proof, inclusion_proof, verify_consistency, verify_inclusion,
};
pub use receipt::{Checked, Entry, Receipt, ReceiptError};
pub use text::InvalidText;
pub use tile::{Tile, TileError, TileKind, entry_bundle, hash_tile, parse_entry_bundle, parse_hash_tile};
pub use tree::{HashReader, StoredHash, Tree};
