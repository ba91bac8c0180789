//! This file is about `keyward verifier`: who accepts keys besides the server, from a terminal.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::remote::{Remote, show};

/// `keyward verifier`.
#[derive(Debug, Args)]
pub(crate) struct Verifier {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: OfVerifier,
}

#[derive(Debug, Subcommand)]
enum OfVerifier {
    /// Print every verifier: how the server stands to it, how far it lags behind, and for how long its lease runs on.
    List,
}

pub(crate) fn run(verifier: &Verifier) -> anyhow::Result<ExitCode> {
    let client = verifier.remote.client()?;
    match verifier.command {
        OfVerifier::List => show(&super::runtime()?.block_on(client.list_verifiers())?)?,
    }
    Ok(ExitCode::SUCCESS)
}
