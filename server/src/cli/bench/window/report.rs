//! This file is about what `keyward bench window` prints: a row for each sort of trial, as a table or as JSON.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use super::watch::Seen;

/// What one trial gave.
pub(super) struct Trial {
    /// What was seen of the removed key.
    pub(super) seen: Seen,
    /// Whether the control was accepted. If it was not, an accept of the removed key still is one, and a refusal says nothing.
    pub(super) is_back: bool,
}

/// All trials of one sort.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Row {
    /// After what the key was asked for.
    after: &'static str,
    /// How many trials.
    trials: usize,
    /// Trials that say nothing, because the system did not come back.
    unavailable: usize,
    /// Asks that began after the removal's answer.
    asks: u64,
    /// Those that were accepted.
    accepts: u64,
    /// Trials with an ask that was accepted.
    accepted_trials: usize,
    /// Trials in which the key was still accepted when the time was over: their windows are longer than measured.
    going_on: usize,
    /// From the removal's answer to the beginning of the last ask that was accepted.
    median_seconds: f64,
    /// The longest of those.
    max_seconds: f64,
}

impl Row {
    pub(super) fn of(after: &'static str, trials: &[Trial]) -> Self {
        let telling = trials.iter().filter(|trial| trial.is_back || trial.seen.accepts > 0);
        let seen: Vec<Seen> = telling.map(|trial| trial.seen).collect();
        let mut windows: Vec<Duration> = seen.iter().map(|one| one.window).collect();
        windows.sort_unstable();
        // Of an even number the greater of the middle two.
        let median = windows.get(windows.len() / 2).copied().unwrap_or_default();
        Self {
            after,
            trials: trials.len(),
            unavailable: trials.len() - seen.len(),
            asks: seen.iter().map(|one| one.asks).sum(),
            accepts: seen.iter().map(|one| one.accepts).sum(),
            accepted_trials: seen.iter().filter(|one| one.accepts > 0).count(),
            going_on: seen.iter().filter(|one| one.goes_on).count(),
            median_seconds: median.as_secs_f64(),
            max_seconds: windows.last().copied().unwrap_or_default().as_secs_f64(),
        }
    }
}

/// The rows as one JSON object.
pub(super) fn json(rows: &[Row]) -> anyhow::Result<String> {
    Ok(serde_json::to_string(&serde_json::json!({ "rows": rows }))?)
}

/// The rows for people.
pub(super) fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<12} {:>7} {:>12} {:>10} {:>10} {:>9} {:>9} {:>9} {:>11}",
        "after", "trials", "asks", "accepts", "in trials", "going on", "median", "max", "unavailable",
    );
    for row in rows {
        let _ = write!(
            text,
            "\n{:<12} {:>7} {:>12} {:>10} {:>10} {:>9} {:>7.3} s {:>7.3} s {:>11}",
            row.after,
            row.trials,
            row.asks,
            row.accepts,
            row.accepted_trials,
            row.going_on,
            row.median_seconds,
            row.max_seconds,
            row.unavailable,
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(accepts: u64, millis: u64, is_back: bool) -> Trial {
        let window = Duration::from_millis(millis);
        Trial { seen: Seen { asks: 10, accepts, window, goes_on: false }, is_back }
    }

    #[test]
    fn a_row_counts_what_was_seen_and_leaves_out_what_was_not() {
        let trials = [trial(2, 300, true), trial(0, 0, false), trial(0, 0, true), trial(5, 100, true)];
        let row = Row::of("a restart", &trials);
        assert_eq!((row.trials, row.unavailable, row.asks, row.accepts), (4, 1, 30, 7));
        assert_eq!((row.accepted_trials, row.median_seconds, row.max_seconds), (2, 0.1, 0.3));
    }

    #[test]
    fn a_removed_key_that_is_accepted_counts_whatever_else_is_refused() {
        let row = Row::of("a restore", &[trial(1, 200, false)]);
        assert_eq!((row.unavailable, row.accepts, row.accepted_trials), (0, 1, 1));
    }
}
