//! This file is about receipts: the file with which anyone can check, offline, that something is in the log.
//!
//! A receipt is one or more C2SP tlog-proofs, one below the other. The `extra` line of each carries what the
//! proof is about: the leaf, and what opens the commitments in it. `docs/receipts.md` gives the format in full.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::commitment::Opening;
use crate::hash::Hash;
use crate::leaf::{Leaf, LeafError};
use crate::note::{Note, NoteError, VerifierKey};
use crate::proof::{InvalidProof, verify_inclusion};
use crate::text;

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// The proof that one leaf is in the log, with what opens the commitments in the leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    leaf: Leaf,
    openings: Vec<Opening>,
    index: u64,
    proof: Vec<Hash>,
    checkpoint: Note,
}

impl Entry {
    /// The most openings that one entry carries: a leaf has no room for as many commitments.
    pub const MAX_OPENINGS: usize = 16;
    /// The most hashes in an inclusion proof: one for each level of a tree with a 64-bit size.
    pub const MAX_HASHES: usize = 64;

    /// The entry for the leaf at `index`, with its inclusion proof in the tree of the signed checkpoint.
    ///
    /// # Errors
    /// [`ReceiptError`] when the parts are no receipt, whoever has signed: an opening opens nothing in the leaf,
    /// there are too many of something, or the note is no checkpoint.
    pub fn new(
        leaf: Leaf,
        openings: Vec<Opening>,
        index: u64,
        proof: Vec<Hash>,
        checkpoint: Note,
    ) -> Result<Self, ReceiptError> {
        if openings.len() > Self::MAX_OPENINGS || proof.len() > Self::MAX_HASHES {
            return Err(ReceiptError::TooLong);
        }
        if !openings.iter().all(|opening| leaf.as_str().contains(&opening.commitment().to_string())) {
            return Err(ReceiptError::Opening);
        }
        let text = checkpoint.unverified_text();
        // A checkpoint may have any line in it; this one would be read as the beginning of the next proof.
        if text.parse::<Checkpoint>().is_err() || text.lines().any(|line| line == HEADER) {
            return Err(ReceiptError::Checkpoint(CheckpointError::Format));
        }
        Ok(Self { leaf, openings, index, proof, checkpoint })
    }

    /// The signed checkpoint, for whoever wants to see witnesses on it.
    #[must_use]
    pub fn checkpoint(&self) -> &Note {
        &self.checkpoint
    }

    fn check(&self, key: &VerifierKey, origin: &str) -> Result<Checked<'_>, ReceiptError> {
        let checkpoint = Checkpoint::open(&self.checkpoint, key, origin)?;
        verify_inclusion(&self.leaf.hash(), self.index, checkpoint.size(), &self.proof, checkpoint.root())?;
        Ok(Checked { entry: self, checkpoint })
    }

    /// What stands in the `extra` line, before base64.
    fn extra(&self) -> String {
        let openings = self.openings.iter().map(|opening| format!("opening {opening}\n"));
        format!("leaf {}\n", self.leaf) + &openings.collect::<String>()
    }
}

/// One or more entries, in the order in which they are to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    entries: Vec<Entry>,
}

impl Receipt {
    /// The most entries in a receipt.
    pub const MAX_ENTRIES: usize = 8;
    /// The longest receipt in bytes: eight entries with the largest note and everything else at its limit.
    pub const MAX_BYTES: usize = Self::MAX_ENTRIES * (Note::MAX_BYTES + 8 * 1024);

    /// The receipt with these entries.
    ///
    /// # Errors
    /// [`ReceiptError::TooLong`] when they are more than eight, [`ReceiptError::Format`] when there are none.
    pub fn new(entries: Vec<Entry>) -> Result<Self, ReceiptError> {
        match entries.len() {
            0 => Err(ReceiptError::Format(HEADER)),
            1..=Self::MAX_ENTRIES => Ok(Self { entries }),
            _ => Err(ReceiptError::TooLong),
        }
    }

    /// The entries, unchecked.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Checks that `key` has signed, for the log `origin`, checkpoints that include every leaf. Returns what the
    /// receipt proves by that, entry by entry: at least one.
    ///
    /// Whether the leaves belong together, and say what the reader hopes, is for the reader to judge.
    ///
    /// # Errors
    /// [`ReceiptError`] when one entry proves nothing; then the whole receipt does not.
    pub fn check(&self, key: &VerifierKey, origin: &str) -> Result<Vec<Checked<'_>>, ReceiptError> {
        self.entries.iter().map(|entry| entry.check(key, origin)).collect()
    }
}

/// One entry of a receipt that has been checked. Only [`Receipt::check`] makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked<'a> {
    entry: &'a Entry,
    checkpoint: Checkpoint,
}

impl Checked<'_> {
    /// The leaf's place in the log, from 0.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.entry.index
    }

    /// What the log says.
    #[must_use]
    pub fn leaf(&self) -> &Leaf {
        &self.entry.leaf
    }

    /// The ids that the leaf speaks of, as far as the receipt opens its commitments.
    #[must_use]
    pub fn openings(&self) -> &[Opening] {
        &self.entry.openings
    }

    /// The checkpoint that includes the leaf.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}\nextra {}\nindex {}", text::base64(self.extra().as_bytes()), self.index)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for Entry {
    type Err = ReceiptError;

    fn from_str(input: &str) -> Result<Self, ReceiptError> {
        if input.len() > Receipt::MAX_BYTES {
            return Err(ReceiptError::TooLong);
        }
        let (head, checkpoint) = input.split_once("\n\n").ok_or(ReceiptError::Format("an empty line"))?;
        let mut lines = head.split('\n');
        if lines.next() != Some(HEADER) {
            return Err(ReceiptError::Format(HEADER));
        }
        let mut field = |name, what| {
            let value = lines.next().and_then(|line| line.strip_prefix(name));
            value.ok_or(ReceiptError::Format(what))
        };
        let (leaf, openings) = parse_extra(field("extra ", "extra")?)?;
        let index = text::from_decimal(field("index ", "index")?).ok_or(ReceiptError::Format("index"))?;
        let hashes = lines.map(|line| line.parse().map_err(|_| ReceiptError::Format("a hash")));
        Self::new(leaf, openings, index, hashes.collect::<Result<_, _>>()?, checkpoint.parse()?)
    }
}

fn parse_extra(base64: &str) -> Result<(Leaf, Vec<Opening>), ReceiptError> {
    let extra = text::from_base64(base64).and_then(|bytes| String::from_utf8(bytes).ok());
    let extra = extra.ok_or(ReceiptError::Format("extra"))?;
    let mut lines = extra.strip_suffix('\n').ok_or(ReceiptError::Format("extra"))?.split('\n');
    let leaf =
        lines.next().and_then(|line| line.strip_prefix("leaf ")).ok_or(ReceiptError::Format("leaf"))?;
    let openings = lines.map(|line| line.strip_prefix("opening ").and_then(|opening| opening.parse().ok()));
    Ok((Leaf::new(leaf)?, openings.collect::<Option<_>>().ok_or(ReceiptError::Format("opening"))?))
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries.iter().try_for_each(|entry| entry.fmt(f))
    }
}

impl FromStr for Receipt {
    type Err = ReceiptError;

    fn from_str(input: &str) -> Result<Self, ReceiptError> {
        if input.len() > Self::MAX_BYTES {
            return Err(ReceiptError::TooLong);
        }
        let mut entries: Vec<String> = Vec::new();
        for line in input.split_inclusive('\n') {
            if line.strip_suffix('\n') == Some(HEADER) {
                entries.push(String::new());
            }
            entries.last_mut().ok_or(ReceiptError::Format(HEADER))?.push_str(line);
            if entries.len() > Self::MAX_ENTRIES {
                return Err(ReceiptError::TooLong);
            }
        }
        Self::new(entries.iter().map(|entry| entry.parse()).collect::<Result<_, _>>()?)
    }
}

/// Why something is not a receipt, or proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReceiptError {
    /// There is more of something than a receipt can have.
    #[error("too long for a receipt")]
    TooLong,
    /// The form is broken; here is what should have stood there.
    #[error("not a receipt: expected {0}")]
    Format(&'static str),
    /// What should be the leaf cannot be one.
    #[error(transparent)]
    Leaf(#[from] LeafError),
    /// An opening opens no commitment of the leaf.
    #[error("an opening does not open anything in the leaf")]
    Opening,
    /// The checkpoint is not one that the key signed for the log.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The leaf is not in the tree of the checkpoint.
    #[error("the leaf is not at this place of the log: {0}")]
    Inclusion(#[from] InvalidProof),
}

impl From<NoteError> for ReceiptError {
    fn from(error: NoteError) -> Self {
        Self::Checkpoint(CheckpointError::Note(error))
    }
}
