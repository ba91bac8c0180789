//! This file is about what a removal waits for verifiers: none, ten, a hundred, and one that does not answer.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::keyward::Keyward;
use crate::measure::{Board, median};
use crate::peers::Removes as _;
use crate::scenarios::{Bench, progress};
use crate::verifiers::Verifiers;

pub(super) const NONE: &str = "no verifier";
pub(super) const TEN: &str = "10 verifiers";
pub(super) const HUNDRED: &str = "100 verifiers";

/// How many removals follow the first one with a verifier cut off. All are over before that verifier's next lease could be.
pub(super) const NEXT: usize = 20;

/// How long a live key, and all that was made before it, may take to reach every verifier.
const WITHIN: Duration = Duration::from_secs(120);

/// What was found.
pub(super) struct Waits {
    /// Removals with so many verifiers.
    pub(super) board: Board,
    /// The first removal with a verifier cut off, in seconds.
    pub(super) first_cut_off: f64,
    /// The median of those after it, in seconds.
    pub(super) next_cut_off: f64,
}

/// A server with its verifiers.
struct Contestant {
    name: &'static str,
    keyward: Keyward,
    verifiers: Option<Verifiers>,
}

impl Contestant {
    /// Makes keys for the next run. Its verifiers have been told of all of them before it begins, so that no removal waits for
    /// what came before it.
    fn prepare(&mut self, keys: usize) -> Result<()> {
        self.keyward.prepare(keys)?;
        if let Some(verifiers) = &mut self.verifiers {
            let newest = self.keyward.issue_keys(1)?.pop().context("no key")?;
            verifiers.wait_until_valid(&newest.secret, WITHIN)?;
        }
        rustix::fs::sync();
        Ok(())
    }
}

pub(super) fn measure(bench: &Bench, program: &Path) -> Result<Waits> {
    let mut contestants = Vec::new();
    for (name, folder, verifiers) in [(NONE, "wait-0", 0), (TEN, "wait-10", 10), (HUNDRED, "wait-100", 100)] {
        progress(&format!("(h) starting a server with {name}"));
        let folder = bench.folder(folder)?;
        let keyward = Keyward::start(program, &folder.join("data"), None, &folder)?;
        let joined = |count| Verifiers::start(&keyward, None, "verifiers", count, &folder);
        let verifiers = (verifiers > 0).then(|| joined(verifiers)).transpose()?;
        contestants.push(Contestant { name, keyward, verifiers });
    }
    let limit = Duration::from_secs(bench.plan.seconds);
    let mut board = Board::default();
    for round in 1..=bench.plan.rounds {
        progress(&format!("(h) removals, round {round}"));
        for contestant in &mut contestants {
            contestant.prepare(bench.plan.removes[0])?;
            board.record(contestant.name, contestant.keyward.remove(1, limit)?);
        }
    }
    let ten = contestants.iter().find(|contestant| contestant.name == TEN).context("one has ten")?;
    let (first_cut_off, next_cut_off) = cut_off(bench, &ten.keyward)?;
    Ok(Waits { board, first_cut_off, next_cut_off })
}

/// One verifier more, stopped: the first removal and the median of the next ones, in seconds.
fn cut_off(bench: &Bench, keyward: &Keyward) -> Result<(f64, f64)> {
    progress("(h) one verifier stopped");
    let folder = bench.folder("wait-stopped")?;
    let mut stopped = Verifiers::start(keyward, None, "stopped", 1, &folder)?;
    let keys = keyward.issue_keys(NEXT + 1)?;
    for key in &keys {
        stopped.wait_until_valid(&key.secret, WITHIN)?;
    }
    stopped.process.suspend()?;
    let mut seconds = Vec::new();
    for key in &keys {
        seconds.push(keyward.remove_key(&key.id)?.as_secs_f64());
    }
    stopped.process.resume()?;
    for key in &keys {
        let told = stopped.ask(&key.secret)?;
        ensure!(told.valid == 0, "a verifier accepted key {} after its removal was answered", key.id);
    }
    let (first, next) = seconds.split_first().context("no removals")?;
    Ok((*first, median(next.to_vec())))
}
