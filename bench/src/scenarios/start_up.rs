//! This file is about (d): how long it takes from starting the program to the first verify that accepts.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::clock;
use crate::keyward::{self, Keyward};
use crate::measure::{Board, Reading};
use crate::report::table::Table;
use crate::report::{Bound, Section, Target, figures};
use crate::scenarios::{Bench, progress, read_all};

const START_UP: &str = "start-up to the first verify";
const READ: &str = "floor: reading the data folder once";

/// Measures.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let columns = ["keys", "data folder", "start-up", "range", "reading the folder", "ratio"];
    let mut table = Table::new("Start-up", &columns);
    let mut largest = None;
    if let Some(program) = &bench.keyward {
        for keys in bench.plan.start_up_keys {
            let (board, bytes) = measure(bench, program, keys)?;
            let series = board.of(START_UP).context("no rounds")?;
            let seconds = series.median(Reading::p50_seconds);
            let (low, high) = series.range(Reading::p50_seconds);
            table.row([
                figures::whole(keys as f64),
                format!("{} MB", figures::whole(bytes as f64 / 1e6)),
                figures::duration(seconds),
                format!("{} – {}", figures::duration(low), figures::duration(high)),
                figures::duration(board.of(READ).map_or(f64::NAN, |read| read.median(Reading::p50_seconds))),
                figures::ratio(board.ratio(START_UP, READ, Reading::p50_seconds)),
            ]);
            largest = Some(seconds);
        }
    }
    Ok(Section {
        title: "(d) Start-up",
        method: vec![format!(
            "`keyward bench fill` writes the store; then, {} times: start `keyward demo` on it, wait for its line, \
             verify one of its keys. The time runs from starting the process to the answer that says `valid`. The \
             floor is reading every file of the folder once; both find it in the page cache.",
            bench.plan.rounds,
        )],
        tables: if bench.keyward.is_some() { vec![table] } else { Vec::new() },
        // A quick run's stores are too small to judge by.
        targets: vec![Target {
            promise: "start-up to the first verify with 10 M keys",
            measured: largest.filter(|_| bench.plan.start_up_keys.contains(&10_000_000)),
            bound: Bound::AtMost(10.0),
            unit: " s",
        }],
        missing: bench.missing_keyward(),
    })
}

fn measure(bench: &Bench, program: &Path, keys: usize) -> Result<(Board, u64)> {
    progress(&format!("(d) filling a store with {keys} keys"));
    let folder = bench.folder(&format!("start-up-{keys}"))?;
    let data = folder.join("data");
    let secrets = keyward::fill(program, &data, keys)?;
    let mut board = Board::default();
    let mut bytes = 0;
    for round in 0..bench.plan.rounds {
        progress(&format!("(d) {keys} keys, round {}", round + 1));
        let began = clock::now();
        bytes = read_all(&data)?;
        board.record(READ, once(began.elapsed()));
        let secret = secrets.get(round % secrets.len()).context("no sample")?;
        let began = clock::now();
        let keyward = Keyward::start(program, &data, None, &folder)?;
        ensure!(keyward.verifies(secret)?, "a key of the filled store does not verify");
        board.record(START_UP, once(began.elapsed()));
    }
    // Ten million keys are gigabytes, which the next scenario may want.
    std::fs::remove_dir_all(folder)?;
    Ok((board, bytes))
}

/// The reading of something that was done once.
fn once(elapsed: Duration) -> Reading {
    Reading { operations: 1, elapsed, p50: elapsed, p99: elapsed, cpu: None }
}
