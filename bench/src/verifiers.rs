//! This file is about verifiers as others run them: a process of its own with so many of the SDK in it, each with its own
//! connection and its own keys, asked over standard input.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::process::{self, Process};
use crate::{clock, keyward::Keyward};

pub(crate) mod child;
pub(crate) mod gateway;

/// A process of verifiers, ended when dropped.
pub(crate) struct Verifiers {
    /// Its guard.
    pub(crate) process: Process,
    /// From its start until the last of them was ready.
    pub(crate) ready_after: Duration,
    count: usize,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// What verifiers say of a secret: how many of them say which.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    /// It is valid.
    pub(crate) valid: usize,
    /// It is not.
    pub(crate) refused: usize,
    /// They have no lease.
    pub(crate) unavailable: usize,
}

/// What a verifier holds, and how fast it is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Held {
    /// Keys.
    pub(crate) keys: usize,
    /// Memory of their table, in bytes.
    pub(crate) bytes: usize,
    /// The median verify, in nanoseconds.
    pub(crate) verify_nanos: u64,
    /// The 99th percentile of the means of a few in a row, in nanoseconds.
    pub(crate) slowest_nanos: u64,
}

/// A child's first line.
#[derive(Serialize, Deserialize)]
struct Ready {
    micros: u64,
}

impl Told {
    /// What these and others say.
    pub(crate) fn and(self, others: Self) -> Self {
        Self {
            valid: self.valid + others.valid,
            refused: self.refused + others.refused,
            unavailable: self.unavailable + others.unavailable,
        }
    }
}

impl Verifiers {
    /// Starts so many verifiers of a server, reached at an address of its own or the one given, and waits until all may accept
    /// keys.
    pub(crate) fn start(
        keyward: &Keyward,
        through: Option<std::net::SocketAddr>,
        name: &'static str,
        count: usize,
        folder: &Path,
    ) -> Result<Self> {
        let mut command = process::command(std::env::current_exe()?);
        let url = format!("http://{}", through.unwrap_or(keyward.http));
        command.args(["verifiers", "--url", &url, "--name", name, "--count", &count.to_string()]);
        let (process, mut input, mut output) = Process::start_and_talk(name, command, folder)?;
        writeln!(input, "{}", keyward.secret)?;
        let ready: Ready = read(&mut output)?;
        Ok(Self { process, ready_after: Duration::from_micros(ready.micros), count, input, output })
    }

    /// What all of them say of a secret, asked from now on.
    pub(crate) fn ask(&mut self, secret: &str) -> Result<Told> {
        writeln!(self.input, "ask {secret}")?;
        read(&mut self.output)
    }

    /// Waits until all of them accept a key that lives.
    pub(crate) fn wait_until_valid(&mut self, secret: &str, within: Duration) -> Result<()> {
        let deadline = clock::now() + within;
        loop {
            let told = self.ask(secret)?;
            if told.valid == self.count {
                return Ok(());
            }
            if clock::now() > deadline {
                bail!("a live key is not valid everywhere: {told:?}");
            }
            clock::pause(Duration::from_millis(5));
        }
    }

    /// What the first of them holds, and how fast it verifies the secrets in a file, all of live keys.
    pub(crate) fn held(&mut self, sample: &Path) -> Result<Held> {
        writeln!(self.input, "time {}", sample.display())?;
        read(&mut self.output)
    }
}

fn read<T: DeserializeOwned>(output: &mut BufReader<ChildStdout>) -> Result<T> {
    let mut line = String::new();
    output.read_line(&mut line)?;
    serde_json::from_str(&line).with_context(|| format!("the verifiers said: {line}"))
}
