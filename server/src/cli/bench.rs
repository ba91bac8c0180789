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
        /// What kind of keys.
        #[arg(long, value_enum, default_value_t)]
        kind: fill::Kind,
        /// A file for what some of them are presented as, one a line.
        #[arg(long)]
        sample: PathBuf,
    },
    /// Measure for how long a removed key goes on being accepted, by any system that commands can talk to.
    Window(Box<window::Window>),
}

pub(crate) fn run(command: &Bench) -> anyhow::Result<ExitCode> {
    match command {
        Bench::Fill { data, keys, kind, sample } => fill::run(data, *keys, *kind, sample),
        Bench::Window(window) => window::run(window),
    }
}
