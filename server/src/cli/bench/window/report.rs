//! This file is about what `keyward bench window` prints: a row for each sort of trial, as a table or as JSON.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use super::watch::Seen;

/// What one trial gave.
pub(super) enum Trial {
    /// What was seen of the removed key, while the control was accepted.
    Seen(Seen),
    /// The system did not come back: the control was not accepted either, so nothing was learnt.
    Unavailable,
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
        let seen: Vec<Seen> = trials
            .iter()
            .filter_map(|trial| match trial {
                Trial::Seen(seen) => Some(*seen),
                Trial::Unavailable => None,
            })
            .collect();
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

    fn seen(accepts: u64, millis: u64) -> Trial {
        Trial::Seen(Seen { asks: 10, accepts, window: Duration::from_millis(millis), goes_on: false })
    }

    #[test]
    fn a_row_counts_what_was_seen_and_leaves_out_what_was_not() {
        let row = Row::of("a restart", &[seen(2, 300), Trial::Unavailable, seen(0, 0), seen(5, 100)]);
        assert_eq!((row.trials, row.unavailable, row.asks, row.accepts), (4, 1, 30, 7));
        assert_eq!((row.accepted_trials, row.median_seconds, row.max_seconds), (2, 0.1, 0.3));
    }
}
