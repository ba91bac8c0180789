//! This file is about raw group commit: what many writers who share syncs can reach with nothing but a file.
//!
//! Writers hand their records to one thread, which writes all that have come together and syncs once for all.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::clock;
use crate::load::Turns;
use crate::measure::{Latencies, Reading};
use crate::peers::fdatasync;

/// What one writer hands over at a time.
const RECORD: [u8; 256] = [0x5a; 256];

/// The most records of one run; the file has room for all of them.
const RECORDS: usize = 1_000_000;

/// What the writers and the thread that syncs share.
struct Journal {
    state: Mutex<State>,
    has_records: Condvar,
    is_durable: Condvar,
}

struct State {
    /// Records that wait for the next sync.
    waiting: Vec<u8>,
    /// The number of the batch that is being collected.
    collecting: u64,
    /// Batches up to this one are on disk.
    durable: u64,
    /// No more records will come, or none can be taken.
    closed: bool,
}

impl Journal {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a record over and returns when it is on disk.
    fn append(&self) -> Result<()> {
        let mut state = self.lock();
        state.waiting.extend_from_slice(&RECORD);
        let batch = state.collecting;
        self.has_records.notify_one();
        while state.durable < batch {
            if state.closed {
                bail!("the journal failed");
            }
            state = self.is_durable.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// Writes and syncs batch after batch until the journal is closed.
    fn sync_batches(&self, file: &File) -> Result<()> {
        let mut batch = Vec::new();
        let mut end = 0;
        loop {
            let mut state = self.lock();
            while state.waiting.is_empty() {
                if state.closed {
                    return Ok(());
                }
                state = self.has_records.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            std::mem::swap(&mut batch, &mut state.waiting);
            let number = state.collecting;
            state.collecting += 1;
            drop(state);
            file.write_all_at(&batch, end)?;
            file.sync_data()?;
            end += batch.len() as u64;
            batch.clear();
            self.lock().durable = number;
            self.is_durable.notify_all();
        }
    }

    fn close(&self) {
        self.lock().closed = true;
        self.has_records.notify_all();
        self.is_durable.notify_all();
    }
}

/// Has so many writers append records, each waiting until its record is on disk.
pub(crate) fn run(writers: usize, folder: &Path, limit: Duration) -> Result<Reading> {
    let path = folder.join("journal");
    let file = File::create(&path)?;
    fdatasync::preallocate(&file, (RECORDS * RECORD.len()) as u64)?;
    let journal = Journal {
        state: Mutex::new(State { waiting: Vec::new(), collecting: 1, durable: 0, closed: false }),
        has_records: Condvar::new(),
        is_durable: Condvar::new(),
    };
    let turns = Turns::new(RECORDS, limit);
    let start = clock::now();
    let (latencies, elapsed) = std::thread::scope(|scope| {
        let syncing = scope.spawn(|| {
            let result = journal.sync_batches(&file);
            journal.close();
            result
        });
        let writing: Vec<_> = (0..writers).map(|_| scope.spawn(|| write(&journal, &turns))).collect();
        let written: Vec<_> = writing.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        let elapsed = start.elapsed();
        journal.close();
        syncing.join().ok().context("the syncing thread panicked")??;
        let written: Option<Vec<_>> = written.into_iter().map(Result::ok).collect();
        let latencies: Result<Vec<Latencies>> = written.context("a writer panicked")?.into_iter().collect();
        anyhow::Ok((latencies?, elapsed))
    })?;
    fs::remove_file(path)?;
    Reading::of(&latencies, elapsed)
}

fn write(journal: &Journal, turns: &Turns) -> Result<Latencies> {
    let mut latencies = Latencies::new()?;
    while turns.take().is_some() {
        let began = clock::now();
        journal.append()?;
        latencies.record(began.elapsed());
    }
    Ok(latencies)
}
