//! This file is about one durable append: writing 4 KiB and waiting for `fdatasync`. Nothing that answers after
//! the data is on disk can answer sooner.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::clock;
use crate::load::Turns;
use crate::measure::{Latencies, Reading};

/// What is written at a time.
const BLOCK: [u8; 4096] = [0x5a; 4096];

/// How many blocks the preallocated file has; writing starts again at its front.
const BLOCKS: u64 = 4096;

/// The most appends of one run (of a growing file: 400 MB).
const APPENDS: usize = 100_000;

/// Whether the file has its blocks beforehand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Written full of zeros and synced before: an append changes data only.
    Preallocated,
    /// Empty: an append changes the file's length and blocks too.
    Growing,
}

/// Appends and syncs, one after the other.
pub(crate) fn run(place: Place, folder: &Path, limit: Duration) -> Result<Reading> {
    let path = folder.join("append");
    let file = File::create(&path)?;
    if place == Place::Preallocated {
        preallocate(&file, BLOCKS * BLOCK.len() as u64)?;
    }
    let mut latencies = Latencies::new()?;
    let turns = Turns::new(APPENDS, limit);
    let start = clock::now();
    while let Some(turn) = turns.take() {
        let block = match place {
            Place::Preallocated => turn as u64 % BLOCKS,
            Place::Growing => turn as u64,
        };
        let began = clock::now();
        file.write_all_at(&BLOCK, block * BLOCK.len() as u64)?;
        file.sync_data()?;
        latencies.record(began.elapsed());
    }
    let reading = Reading::of(&[latencies], start.elapsed());
    fs::remove_file(path)?;
    reading
}

/// Gives a file its blocks by writing them: blocks that are only reserved cost a journal entry at first use.
pub(crate) fn preallocate(file: &File, bytes: u64) -> Result<()> {
    let zeros = vec![0; 1 << 20];
    for start in (0..bytes).step_by(zeros.len()) {
        file.write_all_at(&zeros, start)?;
    }
    Ok(file.sync_all()?)
}
