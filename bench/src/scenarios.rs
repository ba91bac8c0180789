//! This file is about the scenarios (a) to (j): what they share, and which there are.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::ValueEnum;

use crate::report::Section;

mod crypto;
mod dialects;
mod in_process;
mod look_ups;
mod remove;
mod remove_account;
mod start_up;
mod verifiers;
mod verify_http;
mod window;

/// The scenarios, by the letters of the project's task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// Verify over HTTP, beside nginx and axum answering 204.
    A,
    /// Verify inside the process.
    B,
    /// Durable removes, beside floors and other stores.
    C,
    /// Start-up to the first verify.
    D,
    /// Removing an account's keys while others verify.
    E,
    /// The same work natively and in other systems' words.
    F,
    /// Look-ups among few keys and many.
    G,
    /// Verifiers in other processes: what a removal waits for them, and what they accept.
    H,
    /// For how long a removed key goes on being accepted, here and elsewhere.
    I,
    /// Keys that never leave: used, made, removed, and their slots wrapped anew.
    J,
}

impl Scenario {
    /// All, in order.
    pub(crate) const ALL: [Self; 10] =
        [Self::A, Self::B, Self::C, Self::D, Self::E, Self::F, Self::G, Self::H, Self::I, Self::J];

    /// Measures.
    pub(crate) fn run(self, bench: &Bench) -> Result<Section> {
        match self {
            Self::A => verify_http::run(bench),
            Self::B => in_process::run(bench),
            Self::C => remove::run(bench),
            Self::D => start_up::run(bench),
            Self::E => remove_account::run(bench),
            Self::F => dialects::run(bench),
            Self::G => look_ups::run(bench),
            Self::H => verifiers::run(bench),
            Self::I => window::run(bench),
            Self::J => crypto::run(bench),
        }
    }
}

/// How long and how much is measured. All loads are bounded in time and in number.
#[derive(Debug)]
pub(crate) struct Plan {
    /// How often the contestants take turns.
    pub(crate) rounds: usize,
    /// How long one run of one contestant takes.
    pub(crate) seconds: u64,
    /// Keys in the table that is asked in process.
    pub(crate) in_process_keys: [usize; 2],
    /// Distinct keys that are verified in turn.
    pub(crate) verify_keys: usize,
    /// The most removals of one run with one client, and with 64.
    pub(crate) removes: [usize; 2],
    /// Keys in the store at start-up.
    pub(crate) start_up_keys: [usize; 2],
    /// Keys of the account that is emptied.
    pub(crate) account_keys: usize,
    /// Keys that every dialect makes and removes in a round.
    pub(crate) dialect_keys: usize,
    /// Keys among which some are looked up, from few to many.
    pub(crate) look_up_keys: [usize; 2],
    /// Keys that a verifier elsewhere holds.
    pub(crate) held_keys: [usize; 2],
    /// Verifiers that have nothing to do.
    pub(crate) idle_verifiers: usize,
    /// Keys that never leave that are made and removed in a round.
    pub(crate) lives: usize,
    /// Keys beside them, whose slots are wrapped anew.
    pub(crate) rerooted_keys: usize,
    /// Removals each of which every verifier is asked about.
    pub(crate) trials: usize,
    /// How windows are measured.
    pub(crate) windows: Windows,
}

/// How much is tried to measure for how long removed keys are accepted. Systems that are let to trust something for a while
/// take that long a trial, so they get fewer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows {
    /// Trials of each sort.
    pub(crate) trials: usize,
    /// A trial ends after so many seconds even if the key is still accepted.
    pub(crate) limit_seconds: u64,
    /// Trials of systems that trust something for a while.
    pub(crate) slow_trials: usize,
    /// For how many seconds a cache is trusted, and a token that nobody is asked about.
    pub(crate) trust_seconds: u64,
}

impl Plan {
    /// Long enough to judge by.
    pub(crate) const FULL: Self = Self {
        rounds: 5,
        seconds: 4,
        in_process_keys: [1_000_000, 10_000_000],
        verify_keys: 100_000,
        removes: [30_000, 200_000],
        start_up_keys: [1_000_000, 10_000_000],
        account_keys: 1_000_000,
        dialect_keys: 20_000,
        look_up_keys: [10, 10_000_000],
        held_keys: [1_000_000, 10_000_000],
        idle_verifiers: 1_000,
        trials: 20_000,
        lives: 1_000,
        rerooted_keys: 1_000_000,
        windows: Windows { trials: 20, limit_seconds: 10, slow_trials: 3, trust_seconds: 60 },
    };

    /// Only long enough to see that everything runs.
    pub(crate) const QUICK: Self = Self {
        rounds: 2,
        seconds: 1,
        in_process_keys: [10_000, 50_000],
        verify_keys: 2_000,
        removes: [5_000, 20_000],
        start_up_keys: [10_000, 50_000],
        account_keys: 20_000,
        dialect_keys: 500,
        look_up_keys: [10, 50_000],
        held_keys: [10_000, 50_000],
        idle_verifiers: 100,
        trials: 400,
        lives: 100,
        rerooted_keys: 10_000,
        windows: Windows { trials: 3, limit_seconds: 3, slow_trials: 1, trust_seconds: 5 },
    };
}

/// What every scenario needs.
pub(crate) struct Bench {
    /// How long and how much.
    pub(crate) plan: Plan,
    /// The program `keyward`, if it is there.
    pub(crate) keyward: Option<PathBuf>,
    /// A folder on a disk, removed at the end.
    pub(crate) scratch: PathBuf,
    /// The folder of the peers that are written for Node.js.
    pub(crate) node_peers: PathBuf,
}

impl Bench {
    /// A new folder below the scratch folder.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.scratch.join(name);
        std::fs::create_dir(&folder)?;
        Ok(folder)
    }

    /// Why Keyward's figures are missing, if they are.
    pub(crate) fn missing_keyward(&self) -> Option<String> {
        let why = "the program `keyward` was not there; build it or name it with `--keyward`.";
        self.keyward.is_none().then(|| why.to_owned())
    }
}

/// Says on the terminal what is going on.
pub(crate) fn progress(what: &str) {
    eprintln!("-- {what}");
}

/// All that a folder holds, read once: nobody who starts from it can do less.
fn read_all(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                pending.push(path);
            } else {
                bytes += std::io::copy(&mut std::fs::File::open(path)?, &mut std::io::sink())?;
            }
        }
    }
    ensure!(bytes > 0, "the data folder is empty");
    Ok(bytes)
}
