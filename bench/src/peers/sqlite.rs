//! This file is about SQLite inside the calling process: WAL, `synchronous=FULL`, one writer at a time.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rusqlite::Connection;

use crate::clock;
use crate::load::Turns;
use crate::measure::{Latencies, Reading};
use crate::peers::{RECORD_BYTES, Removes};

/// One database with one writing connection, which the clients (threads) take in turn.
pub(crate) struct Sqlite {
    writer: Mutex<Connection>,
    /// The prepared keys that have not been handed out: from here, so many.
    fresh: (i64, usize),
}

impl Sqlite {
    /// Creates the database.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let writer = Connection::open(folder.join("peer.sqlite"))?;
        let mode: String = writer.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        ensure!(mode == "wal", "SQLite stays in mode {mode}");
        writer.execute_batch(
            "PRAGMA synchronous = FULL;
             CREATE TABLE keys (id INTEGER PRIMARY KEY, record BLOB NOT NULL);
             CREATE TABLE audit (position INTEGER PRIMARY KEY, key_id INTEGER NOT NULL, event TEXT NOT NULL);",
        )?;
        Ok(Self { writer: Mutex::new(writer), fresh: (0, 0) })
    }

    fn remove_one(&self, id: i64) -> Result<()> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = writer.transaction()?;
        let removed = transaction.prepare_cached("DELETE FROM keys WHERE id = ?1")?.execute([id])?;
        ensure!(removed == 1, "key {id} is not there");
        let mut audit =
            transaction.prepare_cached("INSERT INTO audit (key_id, event) VALUES (?1, 'removed')")?;
        audit.execute([id])?;
        drop(audit);
        Ok(transaction.commit()?)
    }
}

impl Removes for Sqlite {
    fn name(&self) -> &'static str {
        "SQLite"
    }

    fn prepare(&mut self, count: usize) -> Result<()> {
        let first = self.fresh.0 + i64::try_from(self.fresh.1)?;
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner);
        let transaction = writer.transaction()?;
        for id in (first..).take(count) {
            let mut insert = transaction.prepare_cached("INSERT INTO keys VALUES (?1, ?2)")?;
            insert.execute((id, [0x5a; RECORD_BYTES]))?;
        }
        transaction.commit()?;
        writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        self.fresh = (first, count);
        Ok(())
    }

    fn remove(&mut self, clients: usize, limit: Duration) -> Result<Reading> {
        let (first, count) = self.fresh;
        let turns = Turns::new(count, limit);
        let start = clock::now();
        let client = || -> Result<Latencies> {
            let mut latencies = Latencies::new()?;
            while let Some(turn) = turns.take() {
                let began = clock::now();
                self.remove_one(first + i64::try_from(turn)?)?;
                latencies.record(began.elapsed());
            }
            Ok(latencies)
        };
        let latencies = std::thread::scope(|scope| {
            let running: Vec<_> = (0..clients).map(|_| scope.spawn(client)).collect();
            let ended = running.into_iter().map(|thread| thread.join().ok().context("a client panicked")?);
            ended.collect::<Result<Vec<_>>>()
        })?;
        Reading::of(&latencies, start.elapsed())
    }
}
