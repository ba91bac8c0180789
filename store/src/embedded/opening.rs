//! This file is about how the embedded store begins and ends: making, opening, mending, and its two threads.

use std::collections::HashMap;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self as std_mpsc, RecvTimeoutError};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use keyward_core::store::ReadError;
use keyward_core::time::Timestamp;
use keyward_log::{Checkpoint, Hash, HashReader, Note, Signer, StoredHash};
use tokio::sync::mpsc;

use super::committer::{BATCH, Committer};
use super::engine::{Engine, HEAD, REMEDY};
use super::recent::RecentHashes;
use super::window::Window;
use super::{Embedded, Options, Shared, Tip};
use crate::anchor::{self, Anchor, AnchorError, Standing};
use crate::faults::Step;
use crate::layout::{Folder, Held, OpenError, at};
use crate::rows::{self, StoreRow};
use crate::sequencer::{Sequencer, origin};
use crate::slots::{Cell, FreeCells, SlotFile, fingerprint};

/// How often the housekeeper syncs what nobody waits for.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

impl Embedded {
    /// Makes a store with a new log in an empty folder, and opens it. The log's name is that of the signer's key.
    ///
    /// # Errors
    /// [`OpenError`]: among others if the folder is not empty, or if the anchor exists already, because then the
    /// log does too.
    pub fn create(folder: &Path, signer: Signer, options: Options) -> Result<Self, OpenError> {
        if let Some(anchor) = options.anchor.as_deref().filter(|anchor| anchor.exists()) {
            return Err(OpenError::AnchorExists(anchor.to_owned()));
        }
        let made = Folder::create(folder)?;
        let (signer, checkpoint) =
            Sequencer::begin(signer).map_err(|error| damaged(folder, &error.to_string()))?;
        let engine = Engine::open(&made.engine(), options.cache_bytes)?;
        let slots = made.file("slots");
        SlotFile::create(&slots).map_err(at(&slots))?;
        let mut batch = engine.batch(1);
        batch.insert(&engine.head, HEAD, StoreRow { cells: 0, checkpoint }.row());
        batch.commit().map_err(|error| engine.failed(&error))?;
        made.finish()?;
        start(made, engine, signer, options)
    }

    /// Opens a store, and finishes what a crash has left undone: slots that belong to no record are overwritten.
    ///
    /// # Errors
    /// [`OpenError`]: among others if there is no store, or another process or a newer version has it.
    pub fn open(folder: &Path, signer: Signer, options: Options) -> Result<Self, OpenError> {
        let opened = Folder::open(folder).map_err(|error| match (error, &options.anchor) {
            (OpenError::Missing(folder), Some(anchor)) if anchor.exists() => {
                OpenError::Lost { folder, anchor: anchor.clone() }
            }
            (error, _) => error,
        })?;
        let engine = Engine::open(&opened.engine(), options.cache_bytes)?;
        if !opened.is_finished() {
            return Err(opened.unfinished(held(&opened, &engine)?));
        }
        start(opened, engine, signer, options)
    }
}

/// What was committed or restored.
fn held(folder: &Folder, engine: &Engine) -> Result<Held, OpenError> {
    let has_events = !engine.events(0, 1)?.is_empty();
    if has_events && engine.head()?.is_some() {
        return Ok(Held::All);
    }
    let Ok(slots) = SlotFile::open(&folder.file("slots")) else {
        return Ok(if has_events { Held::Parts } else { Held::Nothing });
    };
    let used = slots.walk(|| false, |used, _, is_used| *used |= is_used).map_err(at(slots.path()))?;
    Ok(if has_events || used.contains(&true) { Held::Parts } else { Held::Nothing })
}

/// Brings a store up: nothing is written but what recovery and the anchor need.
fn start(folder: Folder, engine: Engine, signer: Signer, options: Options) -> Result<Embedded, OpenError> {
    let path = folder.file("slots");
    let slots = SlotFile::open(&path).map_err(|source| unreadable_slot_file(&path, source))?;
    let head = engine.head()?.ok_or_else(|| damaged(folder.path(), "its own row is missing"))?;
    let (key, name) = (signer.verifier_key(), origin(&signer));
    let checkpoint = head
        .checkpoint
        .parse::<Note>()
        .map_err(|_| damaged(folder.path(), "its newest checkpoint cannot be read"))
        .and_then(|note| {
            Checkpoint::open(&note, &key, &name).map_err(|_| OpenError::OtherKey(folder.path().to_owned()))
        })?;
    let sequencer = Sequencer::resume(checkpoint.size(), &engine, signer)?;
    if sequencer.root() != *checkpoint.root() {
        return Err(damaged(folder.path(), "its log does not have the root that was signed"));
    }
    let free = recover_slots(&slots, &engine, head.cells)?;
    let recent = right_edge(sequencer.size(), &engine)?;
    let (anchor, standing) = open_anchor(&options, &key, &name, &head.checkpoint, &sequencer, &engine)?;
    let anchor_file = anchor.as_ref().map(Anchor::handle).transpose();
    let anchor_file = anchor_file.map_err(at(&path))?;
    let shared = Arc::new(Shared {
        engine,
        slots,
        key,
        tip: RwLock::new(Tip { checkpoint: head.checkpoint, recent }),
        standing: RwLock::new(standing),
        batches: AtomicU64::new(0),
        has_erased: AtomicBool::new(false),
        has_noted: AtomicBool::new(false),
        has_anchored: AtomicBool::new(true),
        failure: OnceLock::new(),
        on_failure: Mutex::new(Some(options.on_failure)),
        backups: options.backups,
        faults: options.faults,
        _folder: folder,
    });
    let committer = Committer {
        shared: Arc::clone(&shared),
        sequencer,
        free,
        cells: head.cells,
        anchor,
        window: Window::starting(0),
        counters: HashMap::new(),
        next_expiry: Timestamp::from_millis(0),
        epoch: 0,
    };
    spawn(shared, committer, anchor_file)
}

/// Finds the free cells, and overwrites those that a crash left filled although no record uses them.
///
/// Walking the records takes seconds where there are millions, so it is only done where the cells in use are not
/// those that the last batch counted.
fn recover_slots(slots: &SlotFile, engine: &Engine, expected: u64) -> Result<FreeCells, OpenError> {
    let io = || at(slots.path());
    let parts =
        slots.walk(CellsFound::default, |found, cell, is_used| found.enter(cell, is_used)).map_err(io())?;
    let mut found = CellsFound::default();
    parts.into_iter().for_each(|part| found.append(part));
    if found.fingerprint == expected {
        return Ok(found.free(slots.capacity().map_err(io())?));
    }
    let is_named = named_cells(slots, engine)?;
    let mut orphans = orphans(slots, &is_named)?;
    slots.erase(&mut orphans).and_then(|()| slots.sync()).map_err(io())?;
    let capacity = slots.capacity().map_err(io())?;
    found.claim(&is_named);
    let mut free = found.free(capacity);
    free.give_back(&orphans);
    Ok(free)
}

/// What one walk over the slot file finds.
#[derive(Default)]
struct CellsFound {
    fingerprint: u64,
    empty: Vec<Cell>,
    /// One past the last cell in use.
    end: u32,
}

impl CellsFound {
    fn enter(&mut self, cell: Cell, is_used: bool) {
        if is_used {
            self.fingerprint = self.fingerprint.wrapping_add(fingerprint([cell]));
            self.end = cell.0 + 1;
        } else {
            self.empty.push(cell);
        }
    }

    fn append(&mut self, mut later: Self) {
        self.fingerprint = self.fingerprint.wrapping_add(later.fingerprint);
        self.empty.append(&mut later.empty);
        self.end = self.end.max(later.end);
    }

    /// A cell that a record names is its record's, though it was emptied: it is given to no other.
    fn claim(&mut self, is_named: &[bool]) {
        self.empty.retain(|cell| !is_named.get(cell.0 as usize).is_some_and(|named| *named));
        let named_end =
            (0..).zip(is_named).filter(|(_, named)| **named).last().map_or(0, |(last, _)| last + 1);
        self.end = self.end.max(named_end);
    }

    /// The free cells: those before the last one in use, and the untouched end of the file.
    fn free(mut self, capacity: u32) -> FreeCells {
        self.empty.retain(|cell| cell.0 < self.end);
        FreeCells::new(self.empty, self.end..capacity)
    }
}

/// Of each cell whether a record names it.
fn named_cells(slots: &SlotFile, engine: &Engine) -> Result<Vec<bool>, OpenError> {
    let capacity = slots.capacity().map_err(at(slots.path()))?;
    let mut is_named = vec![false; capacity as usize];
    for row in engine.records.iter() {
        let (key, value) = row.into_inner().map_err(|error| engine.failed(&error))?;
        let (_, cell) = rows::kind_and_cell(&value).ok_or_else(|| engine.damaged(&engine.records, &key))?;
        let place = cell.and_then(|cell| is_named.get_mut(cell.0 as usize));
        place.into_iter().for_each(|place| *place = true);
    }
    Ok(is_named)
}

/// Cells that are filled and that no record names.
fn orphans(slots: &SlotFile, is_named: &[bool]) -> Result<Vec<Cell>, OpenError> {
    let is_orphan = |cell: Cell| !is_named.get(cell.0 as usize).is_some_and(|named| *named);
    let parts = slots
        .walk(Vec::new, |orphans, cell, is_used| {
            if is_used && is_orphan(cell) {
                orphans.push(cell);
            }
        })
        .map_err(at(slots.path()))?;
    Ok(parts.concat())
}

/// The hashes along the right edge of the log, which the next proofs will ask for.
fn right_edge(size: u64, engine: &Engine) -> Result<RecentHashes, ReadError> {
    let mut recent = RecentHashes::default();
    for event in engine.events(size - size % 256, 256)? {
        let hash = Hash::leaf(event.event.leaf().as_bytes());
        recent.enter(StoredHash { level: 0, index: event.position, hash });
    }
    for level in 1..8_u8 {
        let full = size >> (8 * u32::from(level));
        for index in full - full % 256..full {
            recent.enter(StoredHash { level, index, hash: engine.hash(level, index)? });
        }
    }
    Ok(recent)
}

/// Opens the anchor and compares, or makes it where there is none yet.
fn open_anchor(
    options: &Options,
    key: &keyward_log::VerifierKey,
    origin: &str,
    checkpoint: &str,
    sequencer: &Sequencer,
    engine: &Engine,
) -> Result<(Option<Anchor>, Standing), OpenError> {
    let Some(path) = &options.anchor else { return Ok((None, Standing::Ready)) };
    let failed = |error| match error {
        AnchorError::Io(error) => at(path)(error),
        AnchorError::Unreadable => OpenError::Damaged {
            path: path.clone(),
            why: error.to_string(),
            what_to_do: "check that it is this store's anchor; if the store is surely the newest, delete the file",
        },
    };
    let Some((mut anchor, known)) = Anchor::open(path, key, origin).map_err(failed)? else {
        return Ok((Some(Anchor::create(path, checkpoint).map_err(failed)?), Standing::Ready));
    };
    let standing = anchor::compare(sequencer.size(), &known, engine)?;
    if standing == Standing::Ready {
        anchor.write(checkpoint).map_err(at(path))?;
    }
    Ok((Some(anchor), standing))
}

fn spawn(shared: Arc<Shared>, committer: Committer, anchor: Option<File>) -> Result<Embedded, OpenError> {
    let path = shared.slots.path().to_owned();
    let (queue, commands) = mpsc::channel(BATCH);
    let (housekeeper_stop, stopped) = std_mpsc::channel();
    let watched = Arc::clone(&shared);
    let slots = committer.free.in_use();
    let committer = thread::Builder::new().name("committer".to_owned()).spawn(move || {
        let run = AssertUnwindSafe(|| committer.run(commands));
        if catch_unwind(run).is_err() {
            watched.fail("the committer has died");
        }
    });
    let committer = committer.map_err(at(&path))?;
    let mut embedded = Embedded {
        shared: Arc::clone(&shared),
        slots,
        queue: Some(queue),
        committer: Some(committer),
        housekeeper_stop: Some(housekeeper_stop),
        housekeeper: None,
    };
    embedded.housekeeper = Some(housekeeper(shared, anchor, stopped).map_err(at(&path))?);
    Ok(embedded)
}

/// The thread that syncs what nobody waits for: erased cells and the anchor.
fn housekeeper(
    shared: Arc<Shared>,
    anchor: Option<File>,
    stopped: std_mpsc::Receiver<()>,
) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new().name("housekeeper".to_owned()).spawn(move || {
        loop {
            let is_last = stopped.recv_timeout(HOUSEKEEPING) != Err(RecvTimeoutError::Timeout);
            tidy(&shared, anchor.as_ref());
            if is_last {
                return;
            }
        }
    })
}

fn tidy(shared: &Shared, anchor: Option<&File>) {
    if shared.has_noted.swap(false, Ordering::AcqRel)
        && let Err(error) = shared.engine.sync()
    {
        shared.fail(&error.to_string());
    }
    if shared.has_erased.swap(false, Ordering::AcqRel) {
        let synced = shared.faults.reach(Step::SyncErased).and_then(|()| shared.slots.sync());
        if let Err(error) = synced {
            drop(shared.fail_slots(&error));
        }
    }
    if let Some(anchor) = anchor
        && shared.has_anchored.swap(false, Ordering::AcqRel)
    {
        let synced = shared.faults.reach(Step::SyncAnchor).and_then(|()| anchor.sync_data());
        if let Err(error) = synced {
            shared.fail(&format!("the anchor: {error}"));
        }
    }
}

fn damaged(folder: &Path, why: &str) -> OpenError {
    OpenError::Damaged { path: folder.to_owned(), why: why.to_owned(), what_to_do: REMEDY }
}

fn unreadable_slot_file(path: &Path, source: std::io::Error) -> OpenError {
    if source.kind() == std::io::ErrorKind::PermissionDenied {
        return at(path)(source);
    }
    OpenError::Damaged {
        path: path.to_owned(),
        why: source.to_string(),
        what_to_do: "restore it from a copy of the slots",
    }
}
