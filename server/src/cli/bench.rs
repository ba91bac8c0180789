//! This file is about `keyward bench`: measurements of verifiers, and what a measurement needs and no client could make in the
//! time.

mod fill;
mod window;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

/// What to measure or prepare.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Fill the folder of a demo with keys, without a server; `keyward demo --data` then starts from it.
    Fill {
        /// The folder of the demo.
        #[arg(long)]
        data: PathBuf,
        /// How many keys.
        #[arg(long)]
        keys: u64,
        /// A file for the secrets of some of them, one a line.
        #[arg(long)]
        sample: PathBuf,
    },
    /// Measure for how long a removed key goes on being accepted, by any system that commands can talk to.
    Window(window::Window),
}

pub(crate) fn run(command: &Bench) -> anyhow::Result<ExitCode> {
    match command {
        Bench::Fill { data, keys, sample } => fill::run(data, *keys, sample),
        Bench::Window(window) => window::run(window),
    }
}
