//! The program: composition, configuration, the HTTP loop, the command line.

mod app;
mod bootstrap;
mod cli;
mod config;
mod environment;
mod guess;
mod http;
mod keyfiles;
mod languages;
mod metrics;
mod request;
mod roots;
mod serve;
mod stream;
mod tls;
mod traces;
mod unit;
mod verifiers;

use std::process::ExitCode;

use clap::Parser as _;
/// The store that this program runs on: the only place that names one.
use keyward_store::Embedded as Storage;
use mimalloc::MiMalloc;
use zeroizing_alloc::ZeroAlloc;

use crate::cli::{Cli, Command};

/// Memory is wiped when it is given back: a secret passes through buffers of many libraries, and none of them
/// may leave it behind for a core image or the next allocation. Below it is mimalloc: one thread takes what another
/// gives back all the time here, which costs the C library's allocator twice as much.
#[global_allocator]
static MEMORY: ZeroAlloc<MiMalloc> = ZeroAlloc(MiMalloc);

fn main() -> ExitCode {
    cli::keep_private();
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
        Command::Key(key) => cli::key::run(&key),
        Command::Account(account) => cli::account::run(&account),
        Command::AccessLevel(level) => cli::access_level::run(&level),
        Command::Organization(organization) => cli::account::run_organization(&organization),
        Command::Verifier(verifier) => cli::verifier::run(&verifier),
        Command::Log(log) => cli::log::run(&log),
        Command::Encedo(command) => cli::encedo::run(&command),
        Command::Config(command) => cli::config::run(&command),
        Command::Receipt(command) => cli::receipt::run(&command),
        Command::Store(command) => cli::store::run(&command),
        Command::Bench(command) => cli::bench::run(&command),
        Command::Recover(recover) => cli::store::recover(&recover),
    }
}
