//! This file is about one verifier that holds every key of a large store: how long it loads, how fast it is, what a key takes.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::keyward::{self, Keyward};
use crate::scenarios::{Bench, progress};
use crate::verifiers::{Held, Verifiers};

/// What one size gave.
pub(super) struct Found {
    /// From its start until it may accept keys.
    pub(super) loading_seconds: f64,
    /// What it holds then, and how fast it is.
    pub(super) held: Held,
}

impl Found {
    /// Bytes a key.
    pub(super) fn bytes_each(&self) -> f64 {
        self.held.bytes as f64 / self.held.keys as f64
    }
}

pub(super) fn measure(bench: &Bench, program: &Path, keys: usize) -> Result<Found> {
    progress(&format!("(h) filling a store with {keys} keys"));
    let folder = bench.folder(&format!("held-{keys}"))?;
    let data = folder.join("data");
    keyward::fill(program, &data, keys)?;
    let found = {
        let keyward = Keyward::start(program, &data, None, &folder)?;
        progress(&format!("(h) loading a verifier with {keys} keys"));
        let mut verifier = Verifiers::start(&keyward, None, "holder", 1, &folder)?;
        let held = verifier.held(&keyward::sample_of(&data))?;
        ensure!(held.keys >= keys, "it holds {} keys of {keys}", held.keys);
        Found { loading_seconds: verifier.ready_after.as_secs_f64(), held }
    };
    // Ten million keys are gigabytes, which the next size may want.
    std::fs::remove_dir_all(folder)?;
    Ok(found)
}
