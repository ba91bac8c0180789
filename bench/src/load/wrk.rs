//! This file is about `wrk`, the load generator for verifies: one thread on a core of its own.
//!
//! A Lua script builds all requests before the run and only picks the next one during it. At the end it prints
//! the figures as one line of `name=value` pairs, which is more exact than the text for people.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::measure::Reading;
use crate::process::{self, Process};
use crate::{LOAD_CORE, clock};

#[cfg(test)]
mod tests;

/// Connections that are open at a time, each waiting for its answer.
pub(crate) const CONNECTIONS: usize = 64;

/// What every script ends with: the figures of the run.
const DONE: &str = r#"
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("figures requests=%d micros=%d p50=%d p99=%d failed=%d\n",
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
"#;

/// A ready load: what to send, as a script in a file.
pub(crate) struct Wrk {
    script: PathBuf,
}

impl Wrk {
    /// Plain GET requests without headers.
    pub(crate) fn get(folder: &Path) -> Result<Self> {
        Self::script(folder.join("get.lua"), DONE.to_owned())
    }

    /// Verifies of these secrets, one after the other and again from the start: the path and the bearer are the
    /// same for all, the body is `{"secret": ...}`.
    pub(crate) fn verifies(folder: &Path, bearer: &str, secrets: &[String]) -> Result<Self> {
        ensure!(!secrets.is_empty(), "no secrets to verify");
        let list = folder.join("secrets.txt");
        fs::write(&list, secrets.join("\n"))?;
        let build = format!(
            r#"
local requests, next = {{}}, 0
local headers = {{ ["Content-Type"] = "application/json", ["Authorization"] = "Bearer {bearer}" }}
function init(args)
  for secret in io.lines("{list}") do
    requests[#requests + 1] = wrk.format("POST", "/v1/keys/verify", headers, '{{"secret":"' .. secret .. '"}}')
  end
end
function request()
  next = next % #requests + 1
  return requests[next]
end
"#,
            list = list.display(),
        );
        Self::script(folder.join("verify.lua"), build + DONE)
    }

    fn script(script: PathBuf, content: String) -> Result<Self> {
        fs::write(&script, content)?;
        Ok(Self { script })
    }

    /// Runs against a server, whose processor time is taken too. An answer outside 2xx and 3xx, or a failed
    /// connection, fails the run.
    pub(crate) fn run(&self, url: &str, server: &Process, seconds: u64) -> Result<Reading> {
        let mut wrk = process::pinned(LOAD_CORE, "wrk");
        wrk.arg("-t1").arg(format!("-c{CONNECTIONS}")).arg(format!("-d{seconds}s"));
        wrk.arg("-s").arg(&self.script).arg(url);
        server.under(|| {
            let began = clock::now();
            let printed = process::output(&mut wrk)?;
            let whole = began.elapsed();
            ensure!(whole < Duration::from_secs(seconds + 30), "wrk took {whole:?} for {seconds} s of load");
            figures(&printed)
        })
    }
}

/// Reads the line that the script prints.
fn figures(printed: &str) -> Result<Reading> {
    let line =
        printed.lines().find_map(|line| line.strip_prefix("figures ")).context("wrk printed no figures")?;
    let figure = |name: &str| -> Result<u64> {
        let mut pairs = line.split(' ').filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(key, _)| *key == name).with_context(|| format!("no {name}"))?;
        value.parse().with_context(|| format!("{name} is no number"))
    };
    let failed = figure("failed")?;
    ensure!(failed == 0, "{failed} requests failed:\n{printed}");
    Ok(Reading {
        operations: figure("requests")?,
        elapsed: Duration::from_micros(figure("micros")?),
        p50: Duration::from_micros(figure("p50")?),
        p99: Duration::from_micros(figure("p99")?),
        cpu: None,
    })
}
