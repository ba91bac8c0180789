//! This file is about the anchor: a file outside the data folder that remembers the newest checkpoint.
//!
//! A data folder can be put back from yesterday, and would then bring back what was removed today. The anchor is
//! not put back with it, so the store sees that it is behind, and locks itself.
//!
//! The file has two halves of one page each, and holds a signed note in each, padded with zeros. Writing goes
//! to the halves in turn, so that a write that was cut short leaves the other one whole. A note counts if its
//! signature verifies; the longer log of the two is the anchor.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use keyward_core::store::ReadError;
use keyward_log::{Checkpoint, Hash, HashReader, Note, Tree, VerifierKey};

/// One half of the file, in bytes.
const HALF: usize = 4096;

/// How a store stands to its anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Everything that the anchor knows is there.
    Ready,
    /// The anchor knows a longer log: an older state was put back, or synced writes were lost. The store takes
    /// no commits.
    Behind {
        /// How many events the store has.
        store: u64,
        /// How many events the anchor knows of.
        anchor: u64,
    },
    /// The anchor knows another log at the same place: the two have parted. The store takes no commits.
    Diverged {
        /// How many events the anchor knows of.
        at: u64,
        /// The root over them that the anchor knows.
        anchor: Hash,
        /// The root over as many events of the store.
        store: Hash,
    },
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way_out = "or run `keyward recover --accept-loss`, which ends every key";
        match self {
            Self::Ready => f.write_str("the store has everything that its anchor knows of"),
            Self::Behind { store, anchor } => write!(
                f,
                "LOCKED: the anchor knows {anchor} events, and this store has {store}: an older copy was put back, or what \
                 was written last is lost. Put the newest copy back, {way_out}"
            ),
            Self::Diverged { at, .. } => write!(
                f,
                "LOCKED: the anchor knows another log than this store's, {at} events long. Put the right copy back, {way_out}"
            ),
        }
    }
}

/// The anchor file.
#[derive(Debug)]
pub(crate) struct Anchor {
    path: PathBuf,
    file: File,
    /// Which half is written next.
    next: u64,
}

/// Why an anchor is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnchorError {
    /// The file cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Neither half has a checkpoint of this log.
    #[error("neither half of it is a checkpoint that this log's key has signed")]
    Unreadable,
}

impl Anchor {
    /// Makes the file, with this checkpoint, durably.
    pub(crate) fn create(path: &Path, checkpoint: &str) -> Result<Self, AnchorError> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        let mut anchor = Self { path: path.to_owned(), file, next: 0 };
        anchor.write(checkpoint)?;
        anchor.file.sync_all()?;
        crate::layout::sync_folder_of(path)?;
        Ok(anchor)
    }

    /// Opens the file and reads the newest checkpoint in it; `None` if there is no file.
    pub(crate) fn open(
        path: &Path,
        key: &VerifierKey,
        origin: &str,
    ) -> Result<Option<(Self, Checkpoint)>, AnchorError> {
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let halves = [0, 1].map(|half| read_half(&file, half, key, origin));
        let [first, second] = halves;
        let size = |half: &Option<Checkpoint>| half.as_ref().map(Checkpoint::size);
        let (newest, next) = if size(&first) >= size(&second) { (first, 1) } else { (second, 0) };
        let newest = newest.ok_or(AnchorError::Unreadable)?;
        Ok(Some((Self { path: path.to_owned(), file, next }, newest)))
    }

    /// The file's name.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a newer checkpoint. It survives the process at once, and power loss after the next sync.
    pub(crate) fn write(&mut self, checkpoint: &str) -> io::Result<()> {
        let mut half = [0; HALF];
        if checkpoint.len() > HALF {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the checkpoint is longer than a page"));
        }
        half.iter_mut().zip(checkpoint.bytes()).for_each(|(to, from)| *to = from);
        self.file.write_all_at(&half, self.next * HALF as u64)?;
        self.next ^= 1;
        Ok(())
    }

    /// Takes this checkpoint for the newest, whatever longer log the file knows of; durable on return.
    pub(crate) fn reset(&mut self, checkpoint: &str) -> io::Result<()> {
        self.write(checkpoint)?;
        self.write(checkpoint)?;
        self.file.sync_data()
    }

    /// A second handle, for whoever syncs.
    pub(crate) fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }
}

fn read_half(file: &File, half: u64, key: &VerifierKey, origin: &str) -> Option<Checkpoint> {
    let mut bytes = [0; HALF];
    let mut length = 0;
    // A file that was cut short may end within a half.
    while let Some(rest) = bytes.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, half * HALF as u64 + length as u64).ok()? {
            0 => break,
            read => length += read,
        }
    }
    let text = str::from_utf8(bytes.split(|byte| *byte == 0).next()?).ok()?;
    Checkpoint::open(&text.parse::<Note>().ok()?, key, origin).ok()
}

/// How a log of this size and root stands to an anchor: its root at the anchor's size must be the anchor's.
pub(crate) fn compare<R: HashReader<Error = ReadError>>(
    size: u64,
    anchor: &Checkpoint,
    hashes: &R,
) -> Result<Standing, ReadError> {
    if anchor.size() > size {
        return Ok(Standing::Behind { store: size, anchor: anchor.size() });
    }
    let root = Tree::resume(anchor.size(), hashes)?.root();
    if root != *anchor.root() {
        return Ok(Standing::Diverged { at: anchor.size(), anchor: *anchor.root(), store: root });
    }
    Ok(Standing::Ready)
}
