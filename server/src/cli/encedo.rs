//! This file is about `keyward encedo`: what a client of Encedo HEM works out to sign in.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use keyward_dialects::encedo;
use zeroize::Zeroizing;

use super::say;
use crate::environment;

/// The longest challenge, in bytes.
const CHALLENGE: u64 = 64 * 1024;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Encedo {
    /// Answer a challenge (`GET /api/auth/token`), which is read from standard input; what is printed goes to
    /// `POST /api/auth/token`, for a session.
    Answer(Answer),
}

/// How to answer.
#[derive(Debug, Args)]
pub(crate) struct Answer {
    /// The file of the passphrase.
    #[arg(long)]
    passphrase_file: PathBuf,
    /// What the session is to be for, such as `keymgmt:del`.
    #[arg(long)]
    scope: String,
}

pub(crate) fn run(command: &Encedo) -> anyhow::Result<ExitCode> {
    let Encedo::Answer(answer) = command;
    let file = &answer.passphrase_file;
    let passphrase = std::fs::read_to_string(file).map(Zeroizing::new);
    let passphrase = passphrase.with_context(|| format!("{}", file.display()))?;
    let mut challenge = String::new();
    std::io::stdin().take(CHALLENGE).read_to_string(&mut challenge)?;
    let passphrase = passphrase.trim_end_matches(['\r', '\n']);
    let said = encedo::answer(&challenge, passphrase, &answer.scope, environment::now());
    say(&said.context("standard input is no challenge of an Encedo HEM")?);
    Ok(ExitCode::SUCCESS)
}
