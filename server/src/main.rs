//! The program: composition, configuration, the HTTP loop, the command line.

mod app;
mod cli;
mod config;
mod environment;
mod guess;
mod http;
mod keyfiles;
mod metrics;
mod serve;
mod stream;
mod tls;

use std::process::ExitCode;

use clap::Parser as _;
/// The store that this program runs on: the only place that names one.
use keyward_store::Embedded as Storage;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            cli::complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Init(init) => cli::init::run(&init),
        Command::Serve(file) => cli::serve::run(&file.config),
        Command::Demo(demo) => cli::demo::run(&demo),
        Command::Config(command) => cli::config::run(&command),
        Command::Receipt(command) => cli::receipt::run(&command),
        Command::Store(command) => cli::store::run(&command),
        Command::Bench(command) => cli::bench::run(&command),
        Command::Recover(recover) => cli::store::recover(&recover.config.config),
    }
}
