//! This file is about `keyward config`.

use std::process::ExitCode;

use super::{Config as Command, say};
use crate::config::Config;

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    let Command::Check(file) = command;
    let config = Config::read(&file.config)?;
    say(toml::to_string(&config)?.trim_end());
    Ok(ExitCode::SUCCESS)
}
