//! This file is about what a verifier remembers of the log: the newest signed checkpoint that it was shown.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use keyward_log::{Checkpoint, Hash, Note, VerifierKey, verify_consistency};
use keyward_verifier::frame::{Hello, Shown};
use keyward_verifier::lease::{Checkpoint as Seen, Position};
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::error::Error;

/// The longest log that was seen: as its server signed it.
#[derive(Clone)]
pub(super) struct Anchor {
    pub(super) note: String,
    pub(super) seen: Seen,
}

/// Why something that a server shows is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server's log is not the one that this verifier has seen, or is not signed as it should be")]
pub(super) struct Disbelief;

/// What an earlier run remembered.
pub(super) fn read(file: Option<&Path>) -> Result<Option<Anchor>, Error> {
    let Some(file) = file else { return Ok(None) };
    let trouble = |why: &str| Error::Setup(format!("{}: {why}", file.display()));
    let note = match fs::read_to_string(file) {
        Ok(note) => note,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(trouble(&error.to_string())),
    };
    let seen = seen(&note, None).map_err(|_| trouble("no checkpoint; remove it if it is to be forgotten"))?;
    Ok(Some(Anchor { note, seen }))
}

/// Keeps the newest anchor in a file, apart from everything else: neither changes and leases nor whoever shares the runtime wait for
/// the disk.
pub(super) struct Keeper {
    newest: watch::Sender<Option<Anchor>>,
    writing: JoinHandle<()>,
}

impl Keeper {
    pub(super) fn new(file: PathBuf, complain: impl Fn(String) + Send + 'static) -> Self {
        let (newest, mut kept) = watch::channel(None::<Anchor>);
        let writing = tokio::spawn(async move {
            while kept.changed().await.is_ok() {
                let (file, anchor) = (file.clone(), kept.borrow_and_update().clone());
                let name = file.display().to_string();
                let written = spawn_blocking(move || anchor.map_or(Ok(()), |anchor| write(&file, &anchor)));
                if let Ok(Err(error)) = written.await {
                    complain(format!("{name} could not be written: {error}"));
                }
            }
        });
        Self { newest, writing }
    }

    pub(super) fn keep(&self, anchor: Anchor) {
        self.newest.send_replace(Some(anchor));
    }

    /// Returns when the newest one is written.
    pub(super) async fn finish(self) {
        drop(self.newest);
        // It ends by itself, or with the runtime.
        let _ = self.writing.await;
    }
}

/// Remembers it for the next run: whole, or not at all.
fn write(file: &Path, anchor: &Anchor) -> std::io::Result<()> {
    // Appended: in the place of an extension it would be the same for several verifiers of one folder.
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    let mut new = fs::File::create(&beside)?;
    new.write_all(anchor.note.as_bytes())?;
    new.sync_all()?;
    fs::rename(&beside, file)
}

/// What a server shows, if it is believed: signed by the log's key, where that is known, and going on from what was seen before.
pub(super) fn believe(
    shown: &Shown,
    before: Option<&Anchor>,
    key: Option<&VerifierKey>,
) -> Result<Anchor, Disbelief> {
    if shown.note.len() > Hello::ANCHOR_LIMIT {
        return Err(Disbelief);
    }
    let seen = seen(&shown.note, key)?;
    if let Some(before) = before {
        let proof: Vec<Hash> = shown.proof.iter().map(|hash| Hash(*hash)).collect();
        let (old, new) = (before.seen, seen);
        verify_consistency(old.position.0, &Hash(old.root), new.position.0, &Hash(new.root), &proof)
            .map_err(|_| Disbelief)?;
    }
    Ok(Anchor { note: shown.note.clone(), seen })
}

fn seen(note: &str, key: Option<&VerifierKey>) -> Result<Seen, Disbelief> {
    let note: Note = note.parse().map_err(|_| Disbelief)?;
    let text = match key {
        Some(key) => note.open(key).map_err(|_| Disbelief)?,
        None => note.unverified_text(),
    };
    let checkpoint: Checkpoint = text.parse().map_err(|_| Disbelief)?;
    Ok(Seen { position: Position(checkpoint.size()), root: checkpoint.root().0 })
}

#[cfg(test)]
mod tests {
    use super::{Anchor, Seen, write};
    use keyward_verifier::lease::Position;

    #[test]
    fn what_is_written_beside_an_anchor_is_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        // The other verifier of this folder, in the midst of writing.
        std::fs::write(at("gw.new"), "another's").unwrap();
        std::fs::write(at("gw.two.new"), "another's").unwrap();
        let anchor =
            Anchor { note: "a note".to_owned(), seen: Seen { position: Position(1), root: [0; 32] } };
        write(&at("gw.one"), &anchor).unwrap();
        let read = |name: &str| std::fs::read_to_string(at(name)).unwrap();
        assert_eq!(read("gw.one"), "a note");
        assert_eq!((read("gw.new"), read("gw.two.new")), ("another's".to_owned(), "another's".to_owned()));
    }
}
