//! This file is about checkpoints: what a log signs to say how long it is and what is in it (C2SP
//! tlog-checkpoint).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::hash::Hash;
use crate::note::{Note, NoteError, Signer, VerifierKey};
use crate::text;

/// A tree head: the text that a log signs. Printed and read as the text of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
    extensions: Vec<String>,
}

impl Checkpoint {
    /// The log `origin` has `size` leaves under `root`.
    ///
    /// # Errors
    /// [`CheckpointError::Format`] when the origin is empty or has control characters.
    pub fn new(origin: impl Into<String>, size: u64, root: Hash) -> Result<Self, CheckpointError> {
        Self::with_extensions(origin, size, root, Vec::new())
    }

    /// As [`Checkpoint::new`], with further lines. The specification advises against them: nobody audits them,
    /// and Keyward's log signs none.
    ///
    /// # Errors
    /// [`CheckpointError::Format`] when the origin or a line is empty or has control characters.
    pub fn with_extensions(
        origin: impl Into<String>,
        size: u64,
        root: Hash,
        extensions: Vec<String>,
    ) -> Result<Self, CheckpointError> {
        let origin = origin.into();
        if text::is_line(&origin) && extensions.iter().all(|line| text::is_line(line)) {
            Ok(Self { origin, size, root, extensions })
        } else {
            Err(CheckpointError::Format)
        }
    }

    /// The log's identity.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over them.
    #[must_use]
    pub fn root(&self) -> &Hash {
        &self.root
    }

    /// The lines after the root.
    #[must_use]
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }

    /// The checkpoint as a signed note. A log that has signed this may never sign one that contradicts it.
    ///
    /// # Errors
    /// [`NoteError::TooLong`] when the extension lines are too many.
    pub fn sign(&self, signer: &Signer) -> Result<Note, NoteError> {
        Note::sign(self.to_string(), signer)
    }

    /// The checkpoint in a note, once `key` has been seen to have signed it for the log `origin`.
    ///
    /// # Errors
    /// [`CheckpointError`] when the note is not signed by the key, is no checkpoint, or is another log's.
    pub fn open(note: &Note, key: &VerifierKey, origin: &str) -> Result<Self, CheckpointError> {
        let checkpoint: Self = note.open(key)?.parse()?;
        if checkpoint.origin == origin { Ok(checkpoint) } else { Err(CheckpointError::Origin) }
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root)?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Format)?.split('\n');
        let mut next = || lines.next().ok_or(CheckpointError::Format);
        let origin = next()?;
        let size = text::from_decimal(next()?).ok_or(CheckpointError::Format)?;
        let root = next()?.parse().map_err(|_| CheckpointError::Format)?;
        Self::with_extensions(origin, size, root, lines.map(str::to_owned).collect())
    }
}

/// Why a text is not the checkpoint that was wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CheckpointError {
    /// It is not an origin, a size and a root, one a line.
    #[error("not a checkpoint")]
    Format,
    /// It is the checkpoint of another log.
    #[error("the checkpoint of another log")]
    Origin,
    /// It is not signed as it should be.
    #[error(transparent)]
    Note(#[from] NoteError),
}
