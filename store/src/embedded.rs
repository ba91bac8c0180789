//! This file is about the embedded store: one folder, one process, nothing else to install.
//!
//! Records and the log lie in an engine (`embedded/engine.rs`), slots in a file of their own (`slots.rs`). One
//! thread, the committer, does all writing: it takes every change that waits, and what it takes together shares
//! one sync. Reading goes straight to the engine on the caller's thread, which takes microseconds.

mod committer;
pub(crate) mod engine;
mod journal;
mod opening;
mod pending;
mod reading;
mod recent;
mod rewrap;
mod scan;
mod walk;
mod window;

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, mpsc as std_mpsc};
use std::thread::JoinHandle;

use keyward_core::id::Id;
use keyward_core::store::{
    Backup, Change, CommitError, List, Logged, Name, Position, ReadError, RecordKind, Replay, Rewrap, Spend,
    Store, Stored,
};
use keyward_core::time::Timestamp;
use keyward_log::{Checkpoint, Hash, HashReader, Note, VerifierKey};
use tokio::sync::{mpsc, oneshot};

use self::engine::Engine;
use self::pending::{Command, Pending};
use self::recent::RecentHashes;
use crate::anchor::{Standing, compare};
use crate::backup::BackupFolders;
use crate::faults::{Faults, NoFaults};
use crate::layout::Folder;
use crate::slots::SlotFile;

/// Is told why the store has stopped.
pub type OnFailure = Box<dyn FnOnce(&str) + Send>;

/// How an embedded store is run.
pub struct Options {
    /// Where the anchor is; outside the data folder, best on another disk. Without one, an older copy of the
    /// folder that is put back is not noticed.
    pub anchor: Option<PathBuf>,
    /// How much of the engine's files is kept in memory, in bytes.
    pub cache_bytes: u64,
    /// Where backups go that it is asked for while it runs. Without it, there are none.
    pub backups: Option<BackupFolders>,
    /// What goes wrong, for tests.
    pub faults: Arc<dyn Faults>,
    /// Is told once, in words for the log, when the store has stopped taking commits for good: a sync has
    /// failed, or the committer died. The process should end then, and whoever starts it again finds what was
    /// durable.
    pub on_failure: OnFailure,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            anchor: None,
            cache_bytes: 256 << 20,
            backups: None,
            faults: Arc::new(NoFaults),
            on_failure: Box::new(|_| {}),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("anchor", &self.anchor)
            .field("cache_bytes", &self.cache_bytes)
            .field("backups", &self.backups)
            .finish_non_exhaustive()
    }
}

/// A store in one folder, open in this process only. Dropping it finishes what was begun, syncs and closes.
pub struct Embedded {
    shared: Arc<Shared>,
    slots: usize,
    /// `None` only while it closes.
    queue: Option<mpsc::Sender<Box<Command>>>,
    committer: Option<JoinHandle<()>>,
    /// Dropped to end the housekeeper.
    housekeeper_stop: Option<std_mpsc::Sender<()>>,
    housekeeper: Option<JoinHandle<()>>,
}

/// What readers, the committer and the housekeeper share. The engine closes before the folder is let go.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) slots: SlotFile,
    pub(crate) key: VerifierKey,
    tip: RwLock<Tip>,
    standing: RwLock<Standing>,
    /// How many batches are visible to readers.
    batches: AtomicU64,
    /// Cells were overwritten since the housekeeper last synced.
    has_erased: AtomicBool,
    /// Notes were written since the housekeeper last synced.
    has_noted: AtomicBool,
    /// The anchor was written since the housekeeper last synced.
    has_anchored: AtomicBool,
    failure: OnceLock<String>,
    on_failure: Mutex<Option<OnFailure>>,
    backups: Option<BackupFolders>,
    faults: Arc<dyn Faults>,
    _folder: Folder,
}

/// The end of the log, as readers ask for it.
#[derive(Debug)]
struct Tip {
    checkpoint: String,
    recent: RecentHashes,
}

impl Embedded {
    /// How the store stands to its anchor. Unless it is [`Standing::Ready`], it takes no commits.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.shared.standing()
    }

    /// How many slots were in use when it was opened: about as many keys are live.
    #[must_use]
    pub const fn slots(&self) -> usize {
        self.slots
    }

    /// Why the store has stopped taking commits, if it has.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.shared.failure.get().map(String::as_str)
    }

    /// Takes the store as it is for the truth, and makes the anchor follow it: the only way out when what the
    /// anchor knows of is lost. Whoever calls this must end every key that is older, in the log, before anything
    /// is verified.
    ///
    /// # Errors
    /// [`CommitError::NotWritten`] if the anchor cannot be written.
    pub async fn accept_loss(&self) -> Result<(), CommitError> {
        let (answer, answered) = oneshot::channel();
        self.send(Command::AcceptLoss(answer)).await?;
        answered.await.unwrap_or_else(|_| Err(died()))
    }

    /// Finishes what was begun, syncs and closes; the same as dropping it.
    pub fn close(self) {}

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    async fn send(&self, command: Command) -> Result<(), CommitError> {
        self.queue()?.send(Box::new(command)).await.map_err(|_| stopped())
    }

    fn queue(&self) -> Result<&mpsc::Sender<Box<Command>>, CommitError> {
        self.queue.as_ref().ok_or_else(stopped)
    }
}

/// What a caller learns whom nobody takes a change from any more.
fn stopped() -> CommitError {
    CommitError::NotWritten("the store has stopped".to_owned())
}

/// What a caller learns whose change was taken by a committer that is no more.
fn died() -> CommitError {
    CommitError::MayBeWritten("the store stopped while the change was in its hands".to_owned())
}

impl Store for Embedded {
    async fn fetch(&self, id: Id) -> Result<Option<Stored>, ReadError> {
        self.shared.stored(id)
    }

    async fn holder(&self, name: Name) -> Result<Option<Id>, ReadError> {
        self.shared.engine.holder(name)
    }

    async fn page(&self, list: List, after: Option<Id>, limit: usize) -> Result<Vec<Stored>, ReadError> {
        self.shared.page(list, after, limit)
    }

    async fn scan(&self, kind: RecordKind, visit: &(dyn Fn(Stored) + Sync)) -> Result<(), ReadError> {
        scan::scan(&self.shared, kind, visit)
    }

    async fn commit(&self, change: Change) -> Result<Position, CommitError> {
        let pending = Pending::prepare(&self.shared, change)?;
        let (answer, answered) = oneshot::channel();
        self.send(Command::Commit(pending, answer)).await?;
        answered.await.unwrap_or_else(|_| Err(died()))
    }

    async fn commit_many(&self, changes: Vec<Change>) -> Vec<Result<Position, CommitError>> {
        let count = changes.len();
        let pending = Pending::prepare_many(&self.shared, changes);
        let (answer, answered) = oneshot::channel();
        let of_all = |error: &CommitError| vec![Err(error.clone()); count];
        match self.send(Command::CommitMany(pending, answer)).await {
            Ok(()) => answered.await.unwrap_or_else(|_| of_all(&died())),
            Err(error) => of_all(&error),
        }
    }

    async fn rewrap(&self, epoch: u32, rewrap: Rewrap) -> Result<u64, CommitError> {
        self.shared.refuse_if_stopped()?;
        let (answer, answered) = oneshot::channel();
        self.send(Command::BeginEpoch(epoch, answer)).await?;
        answered.await.unwrap_or_else(|_| Err(died()))?;
        let replaced = rewrap::begin(Arc::clone(&self.shared), self.queue()?.clone(), epoch, rewrap)?;
        replaced.await.unwrap_or_else(|_| Err(died()))
    }

    async fn spend(&self, spend: Spend) -> Result<Option<u64>, CommitError> {
        self.shared.refuse_if_stopped()?;
        let (answer, answered) = oneshot::channel();
        self.send(Command::Spend(spend, answer)).await?;
        answered.await.unwrap_or_else(|_| Err(died()))
    }

    async fn note(&self, notes: Vec<(Id, Vec<u8>)>) -> Result<(), CommitError> {
        self.shared.refuse_if_stopped()?;
        self.shared.engine.note(notes).map_err(|error| {
            self.shared.fail(&error.to_string());
            CommitError::NotWritten(error.to_string())
        })?;
        self.shared.has_noted.store(true, Ordering::Release);
        Ok(())
    }

    async fn noted(&self, id: Id) -> Result<Option<Vec<u8>>, ReadError> {
        self.shared.engine.noted(id)
    }

    async fn replay(&self, id: [u8; 32], now: Timestamp) -> Result<Option<Replay>, ReadError> {
        Ok(self.shared.engine.replay(id)?.filter(|replay| now < replay.expires_at))
    }

    async fn events(&self, from: Position, limit: usize) -> Result<Vec<Logged>, ReadError> {
        self.shared.engine.events(from, limit)
    }

    fn log_key(&self) -> VerifierKey {
        self.shared.key.clone()
    }

    async fn checkpoint(&self) -> Result<String, ReadError> {
        Ok(self.shared.tip().checkpoint.clone())
    }

    async fn lock(&self, proof: String) -> Result<(), CommitError> {
        let standing = self.shared.compare(&proof)?;
        if standing == Standing::Ready {
            return Err(CommitError::NotWritten("the log has all that the checkpoint proves".to_owned()));
        }
        let (answer, answered) = oneshot::channel();
        self.send(Command::Lock(standing, proof, answer)).await?;
        answered.await.unwrap_or_else(|_| Err(died()))
    }

    async fn back_up(&self, at: Timestamp) -> Result<Option<Backup>, ReadError> {
        let Some(folders) = self.shared.backups.clone() else { return Ok(None) };
        let shared = Arc::clone(&self.shared);
        let (answer, answered) = oneshot::channel();
        let work = move || drop(answer.send(folders.write(&shared, at)));
        let begun = std::thread::Builder::new().name("backup".to_owned()).spawn(work);
        begun.map_err(|error| ReadError::Unavailable(format!("no thread to write a backup: {error}")))?;
        let stopped = |_| Err(ReadError::Unavailable("the thread that wrote a backup died".to_owned()));
        answered.await.unwrap_or_else(stopped).map(Some)
    }

    async fn hash(&self, level: u8, index: u64) -> Result<Hash, ReadError> {
        let recent = self.shared.tip().recent.hash(level, index);
        recent.map_or_else(|| self.shared.engine.hash(level, index), Ok)
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        // The committer ends when the queue has; the housekeeper after it, so that the last erasure is synced.
        drop(self.queue.take());
        // A thread that died has said so through `Shared::fail` already.
        drop(self.committer.take().map(JoinHandle::join));
        drop(self.housekeeper_stop.take());
        drop(self.housekeeper.take().map(JoinHandle::join));
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").field("standing", &self.standing()).finish_non_exhaustive()
    }
}

impl Shared {
    fn tip(&self) -> std::sync::RwLockReadGuard<'_, Tip> {
        self.tip.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn standing(&self) -> Standing {
        self.standing.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn stand(&self, standing: Standing) {
        *self.standing.write().unwrap_or_else(PoisonError::into_inner) = standing;
    }

    /// How the store stands to a checkpoint that its log's key has signed.
    fn compare(&self, note: &str) -> Result<Standing, ReadError> {
        let open = |text: &str| {
            let note = text.parse::<Note>().ok()?;
            Checkpoint::open(&note, &self.key, &self.key.name().to_string()).ok()
        };
        let unreadable = || ReadError::Damaged("a checkpoint that this log's key has not signed".to_owned());
        let own = open(&self.tip().checkpoint).ok_or_else(unreadable)?;
        compare(own.size(), &open(note).ok_or_else(unreadable)?, &self.engine)
    }

    /// Takes no commits any more, and says so once.
    fn fail(&self, why: &str) {
        if self.failure.set(why.to_owned()).is_ok() {
            let on_failure = self.on_failure.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(on_failure) = on_failure {
                on_failure(why);
            }
        }
    }

    /// Stops because the slot file could not be written.
    fn fail_slots(&self, error: &std::io::Error) -> CommitError {
        let why = format!("{}: {error}", self.slots.path().display());
        self.fail(&why);
        CommitError::NotWritten(why)
    }

    fn refuse_if_stopped(&self) -> Result<(), CommitError> {
        if let Some(why) = self.failure.get() {
            return Err(CommitError::NotWritten(format!("the store has stopped: {why}")));
        }
        match &*self.standing.read().unwrap_or_else(PoisonError::into_inner) {
            Standing::Ready => Ok(()),
            locked @ (Standing::Behind { .. } | Standing::Diverged { .. }) => {
                Err(CommitError::NotWritten(locked.to_string()))
            }
        }
    }
}
