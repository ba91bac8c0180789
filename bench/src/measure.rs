//! This file is about readings: what one run gave, and how runs that took turns become medians and ratios.
//!
//! The machine drifts by more than the differences we look for, so nothing is compared across minutes: the
//! contestants take turns (A B A B ...), each round gives one ratio, and the median of the ratios counts.

use std::hint::black_box;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hdrhistogram::Histogram;

use crate::clock;

#[cfg(test)]
mod tests;

/// How many calls within the process are timed at once, so that reading the clock does not count.
pub(crate) const IN_A_ROW: usize = 32;

/// The latencies of one run, to three digits, from 100 ns to 2 minutes.
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    /// None yet.
    pub(crate) fn new() -> Result<Self> {
        Histogram::new_with_bounds(100, 120_000_000_000, 3).map(Self).context("no histogram")
    }

    /// Adds one; what is out of bounds counts as the bound.
    pub(crate) fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds all of another client's.
    pub(crate) fn add(&mut self, other: &Self) -> Result<()> {
        self.0.add(&other.0).context("histograms of different bounds")
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency that the given share (0 to 1) of all did not exceed.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        Duration::from_nanos(self.0.value_at_quantile(share))
    }
}

/// What one run of one contestant gave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// Operations that were answered as they should be.
    pub(crate) operations: u64,
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
    /// The median latency.
    pub(crate) p50: Duration,
    /// The latency that 99 of 100 did not exceed.
    pub(crate) p99: Duration,
    /// Processor time that the server took, user and system, where it was looked at.
    pub(crate) cpu: Option<Duration>,
}

impl Reading {
    /// The reading that the latencies of all clients of a run make.
    pub(crate) fn of(clients: &[Latencies], elapsed: Duration) -> Result<Self> {
        let mut all = Latencies::new()?;
        for one in clients {
            all.add(one)?;
        }
        Ok(Self {
            operations: all.count(),
            elapsed,
            p50: all.quantile(0.5),
            p99: all.quantile(0.99),
            cpu: None,
        })
    }

    /// Operations per second.
    pub(crate) fn rate(&self) -> f64 {
        self.operations as f64 / self.elapsed.as_secs_f64()
    }

    /// The median latency in seconds.
    pub(crate) fn p50_seconds(&self) -> f64 {
        self.p50.as_secs_f64()
    }

    /// The 99th percentile in seconds.
    pub(crate) fn p99_seconds(&self) -> f64 {
        self.p99.as_secs_f64()
    }

    /// How much of one core the server took, 0 to 1 (more with several cores); NaN where not looked at.
    pub(crate) fn cpu_share(&self) -> f64 {
        self.cpu.map_or(f64::NAN, |cpu| cpu.as_secs_f64() / self.elapsed.as_secs_f64())
    }
}

/// All readings of one contestant, a round each.
pub(crate) struct Series {
    /// Who was measured.
    pub(crate) name: String,
    /// One reading a round, in order.
    pub(crate) readings: Vec<Reading>,
}

impl Series {
    /// The median of one aspect over the rounds.
    pub(crate) fn median(&self, of: impl Fn(&Reading) -> f64) -> f64 {
        median(self.readings.iter().map(of).collect())
    }

    /// The server's processor time for one operation, in seconds; NaN where it was not looked at. Over all rounds together:
    /// a store tidies up after one run what many brought.
    pub(crate) fn cpu_seconds_each(&self) -> f64 {
        let cpu: Option<Duration> = self.readings.iter().map(|reading| reading.cpu).sum();
        let operations: u64 = self.readings.iter().map(|reading| reading.operations).sum();
        cpu.map_or(f64::NAN, |cpu| cpu.as_secs_f64() / operations as f64)
    }

    /// The least and the greatest of one aspect over the rounds.
    pub(crate) fn range(&self, of: impl Fn(&Reading) -> f64) -> (f64, f64) {
        let values = self.readings.iter().map(of);
        values
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
    }
}

/// The series of all contestants that took turns, in the order in which they first appeared.
#[derive(Default)]
pub(crate) struct Board(Vec<Series>);

impl Board {
    /// Adds a contestant's reading of this round.
    pub(crate) fn record(&mut self, name: &str, reading: Reading) {
        if let Some(series) = self.0.iter_mut().find(|series| series.name == name) {
            series.readings.push(reading);
        } else {
            self.0.push(Series { name: name.to_owned(), readings: vec![reading] });
        }
    }

    /// All series.
    pub(crate) fn series(&self) -> &[Series] {
        &self.0
    }

    /// One contestant's series, if it took part.
    pub(crate) fn of(&self, name: &str) -> Option<&Series> {
        self.0.iter().find(|series| series.name == name)
    }

    /// One aspect of a contestant as a multiple of another's: the median over the rounds of each round's ratio.
    pub(crate) fn ratio(&self, name: &str, base: &str, of: impl Fn(&Reading) -> f64) -> Option<f64> {
        self.each_round([name, base], |[reading, base]| of(reading) / of(base))
    }

    /// A contestant's processor time for one operation as a multiple of another's, over all rounds together.
    pub(crate) fn cpu_ratio(&self, name: &str, base: &str) -> Option<f64> {
        Some(self.of(name)?.cpu_seconds_each() / self.of(base)?.cpu_seconds_each())
    }

    /// A figure computed in every round from the readings of several contestants; its median. `None` when one
    /// of them did not take part.
    pub(crate) fn each_round<const N: usize>(
        &self,
        names: [&str; N],
        figure: impl Fn([&Reading; N]) -> f64,
    ) -> Option<f64> {
        let series: Vec<&Series> = names.iter().map(|name| self.of(name)).collect::<Option<_>>()?;
        let rounds = series.iter().map(|series| series.readings.len()).min()?;
        let figures: Vec<f64> = (0..rounds)
            .filter_map(|round| {
                let readings: Option<Vec<&Reading>> =
                    series.iter().map(|series| series.readings.get(round)).collect();
                readings?.try_into().ok().map(&figure)
            })
            .collect();
        (!figures.is_empty()).then(|| median(figures))
    }
}

/// The middle value; of an even number of values the mean of the middle two; NaN of none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2);
    let lower = values.len().checked_sub(1).and_then(|last| values.get(last / 2));
    match (lower, upper) {
        (Some(lower), Some(upper)) => f64::midpoint(*lower, *upper),
        (None, _) | (_, None) => f64::NAN,
    }
}

/// Times a call on each item, all of which it has to accept: the median, and the 99th percentile, of the means of
/// [`IN_A_ROW`].
pub(crate) fn calls<T>(items: &[T], mut accepts: impl FnMut(&T) -> bool) -> Result<(Duration, Duration)> {
    let mut means = Vec::with_capacity(items.len() / IN_A_ROW);
    for few in items.chunks_exact(IN_A_ROW) {
        let begun = clock::now();
        let accepted = few.iter().filter(|item| black_box(accepts(item))).count();
        let taken = begun.elapsed();
        ensure!(accepted == IN_A_ROW, "a live key was refused");
        means.push(taken / IN_A_ROW as u32);
    }
    means.sort_unstable();
    let at = |share: usize| means.get(means.len() * share / 100).copied().context("no samples");
    Ok((at(50)?, at(99)?))
}
