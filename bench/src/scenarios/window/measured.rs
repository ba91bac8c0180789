//! This file is about one system's measurement: `keyward bench window`, what it is told and what it found.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::control::Commands;
use super::systems::Calls;
use crate::process;
use crate::report::figures;

/// How long one may wait for a system, in seconds; what is locked is waited for in vain.
const PATIENCE_SECONDS: u64 = 30;

/// How much is tried.
#[derive(Clone, Copy)]
pub(super) struct Trials {
    /// Of each sort.
    pub(super) count: usize,
    /// After so many seconds one ends even if the key is still accepted.
    pub(super) limit_seconds: u64,
}

/// What was found, after each of the three things that may happen.
pub(super) struct Measured {
    after_removal: Row,
    after_restart: Row,
    after_restore: Row,
}

/// What the tool says of all trials of one sort.
#[derive(Deserialize)]
struct Row {
    trials: usize,
    unavailable: usize,
    accepts: u64,
    accepted_trials: usize,
    going_on: usize,
    median_seconds: f64,
    max_seconds: f64,
}

#[derive(Deserialize)]
struct Printed {
    rows: Vec<Row>,
}

impl Measured {
    /// Runs the tool.
    pub(super) fn run(program: &Path, calls: &Calls, trials: Trials, commands: &Commands) -> Result<Self> {
        let mut tool = process::command(program);
        tool.args(["bench", "window", "--json", "--trials", &trials.count.to_string()]);
        tool.args(["--limit", &trials.limit_seconds.to_string()]);
        tool.args(["--patience", &PATIENCE_SECONDS.to_string()]);
        tool.args(["--create", &calls.create, "--remove", &calls.remove]);
        if let Some(control) = &calls.control {
            tool.args(["--control", control]);
        }
        tool.args(["--verify-url", &calls.verify_url, "--verify-header", "X-API-Key: {key}"]);
        for header in &calls.verify_headers {
            tool.args(["--verify-header", header]);
        }
        tool.args(["--restart", &commands.restart(), "--backup", &commands.back_up()]);
        tool.args(["--restore", &commands.restore()]);
        Self::read(&process::output(&mut tool)?)
    }

    fn read(printed: &str) -> Result<Self> {
        let printed: Printed = serde_json::from_str(printed).context("the tool printed no rows")?;
        let rows: Result<[Row; 3], _> = printed.rows.try_into();
        let Ok([after_removal, after_restart, after_restore]) = rows else {
            anyhow::bail!("the tool printed other rows than three")
        };
        ensure!(after_removal.unavailable == 0, "the control was refused although nothing was done");
        Ok(Self { after_removal, after_restart, after_restore })
    }

    /// Accepts that began after a removal's answer, whatever happened after it.
    pub(super) fn accepts(&self) -> u64 {
        self.after_removal.accepts + self.after_restart.accepts + self.after_restore.accepts
    }

    /// The cells of the report.
    pub(super) fn cells(&self) -> [String; 6] {
        let removal = &self.after_removal;
        [
            removal.trials.to_string(),
            format!("{} of {}", removal.accepted_trials, removal.trials),
            removal.window(removal.median_seconds),
            removal.window(removal.max_seconds),
            self.after_restart.outcome(),
            self.after_restore.outcome(),
        ]
    }
}

impl Row {
    /// A window of these trials; the longest ones may have gone on when nobody looked any more.
    fn window(&self, seconds: f64) -> String {
        let is_cut = self.going_on > 0 && seconds >= self.max_seconds;
        match (seconds > 0.0, is_cut) {
            (false, _) => "none".to_owned(),
            (true, true) => format!("over {}", figures::duration(seconds)),
            (true, false) => figures::duration(seconds),
        }
    }

    /// In how many trials the key was accepted, and for how long at most.
    fn outcome(&self) -> String {
        let told = self.trials - self.unavailable;
        match (told, self.accepts) {
            (0, _) => "nothing is accepted any more".to_owned(),
            (_, 0) => format!("0 of {told}"),
            (_, _) => format!("{} of {told}, {}", self.accepted_trials, self.window(self.max_seconds)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(trials: usize, unavailable: usize, accepted: usize, going_on: usize, max: f64) -> String {
        format!(
            r#"{{"after":"x","trials":{trials},"unavailable":{unavailable},"asks":9,"accepts":{accepted},"accepted_trials":{accepted},
               "going_on":{going_on},"median_seconds":{},"max_seconds":{max}}}"#,
            max / 2.0
        )
    }

    fn measured(rows: &[String]) -> Result<Measured> {
        Measured::read(&format!(r#"{{"rows":[{}]}}"#, rows.join(",")))
    }

    #[test]
    fn windows_that_were_cut_off_and_systems_that_never_came_back_are_told_apart() {
        let found = measured(&[row(4, 0, 4, 0, 60.0), row(4, 0, 0, 0, 0.0), row(4, 0, 4, 4, 75.0)]).unwrap();
        assert_eq!(found.cells(), ["4", "4 of 4", "30.0 s", "60.0 s", "0 of 4", "4 of 4, over 75.0 s"]);
        assert_eq!(found.accepts(), 8);
        let found = measured(&[row(4, 0, 0, 0, 0.0), row(4, 1, 1, 0, 0.2), row(1, 1, 0, 0, 0.0)]).unwrap();
        let cells = ["4", "0 of 4", "none", "none", "1 of 3, 200 ms", "nothing is accepted any more"];
        assert_eq!(found.cells(), cells);
        assert_eq!(found.accepts(), 1);
    }

    #[test]
    fn a_measurement_without_a_control_is_none() {
        let rows = [row(4, 4, 0, 0, 0.0), row(4, 0, 0, 0, 0.0), row(4, 0, 0, 0, 0.0)];
        assert!(measured(&rows).is_err());
        assert!(measured(&rows[1..]).is_err());
    }
}
