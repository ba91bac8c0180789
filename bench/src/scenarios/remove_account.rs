//! This file is about (e): removing all keys of an account while other keys are verified.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::future::try_join_all;

use crate::clock;
use crate::keyward::{self, Keyward};
use crate::load::http::Connection;
use crate::load::{self, Turns};
use crate::measure::Latencies;
use crate::report::table::Table;
use crate::report::{Bound, Section, Target, figures};
use crate::scenarios::{Bench, progress};

/// Connections that verify.
const CONNECTIONS: usize = 64;

/// How long the removal may take before the run is given up.
const REMOVED_WITHIN: Duration = Duration::from_secs(120);

/// What happens while a verify begins: its latency counts there. After the last there are no more.
const PHASES: [&str; 3] = ["before", "during", "after"];

/// What one run found out.
struct Found {
    /// The latencies of verifies that began in each phase, and how long it lasted.
    phases: Vec<(Latencies, Duration)>,
}

/// Measures.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let mut tables = Vec::new();
    let (mut seconds, mut slowdown) = (None, None);
    if let Some(program) = &bench.keyward {
        let folder = bench.folder("remove-account")?;
        let mut keyward = Keyward::start(program, &folder.join("data"), None, &folder)?;
        let found = measure(bench, &mut keyward)?;
        let p99 = |phase: usize| {
            found.phases.get(phase).map(|(latencies, _)| latencies.quantile(0.99).as_secs_f64())
        };
        slowdown = p99(1).zip(p99(0)).map(|(during, before)| during / before);
        seconds = found.phases.get(1).map(|(_, elapsed)| elapsed.as_secs_f64());
        tables.push(table(&found));
    }
    // A quick run's account is too small to judge by.
    let full = bench.plan.account_keys >= 1_000_000;
    Ok(Section {
        title: "(e) Removing an account's keys while others verify",
        method: vec![format!(
            "One account gets {} keys, another {} that are verified without a pause over {CONNECTIONS} keep-alive \
             connections by one thread of the bench (not `wrk`, which cannot tell when a request began). A verify \
             counts for the phase in which it began: {} s before; from `POST /v1/removals` with the plan's hash until \
             `GET /v1/removals/{{id}}`, asked every 20 ms, says when it was finished; {} s after. Every verify has to be accepted; \
             at the end removed keys are tried and have to be gone. Nothing is pinned.",
            figures::whole(bench.plan.account_keys as f64),
            figures::whole(bench.plan.verify_keys as f64),
            bench.plan.seconds,
            bench.plan.seconds,
        )],
        tables,
        targets: vec![
            Target {
                promise: "removing 1 M keys of an account",
                measured: seconds.filter(|_| full),
                bound: Bound::AtMost(5.0),
                unit: " s",
            },
            Target {
                promise: "verify p99 meanwhile, of the p99 before",
                measured: slowdown.filter(|_| full),
                bound: Bound::AtMost(2.0),
                unit: "",
            },
        ],
        missing: bench.missing_keyward(),
    })
}

fn measure(bench: &Bench, keyward: &mut Keyward) -> Result<Found> {
    progress("(e) importing the account's keys");
    let account = keyward.create_account("bench")?;
    let doomed = keyward.import(bench.plan.account_keys, Some(&account))?;
    let secrets = keyward.issue(bench.plan.verify_keys)?;
    let requests: Vec<Vec<u8>> = secrets.iter().map(|secret| keyward.verify_request(secret)).collect();
    rustix::fs::sync();
    let plan_hash = keyward.plan_removal(&account)?;

    progress("(e) removing");
    let phase = AtomicUsize::new(0);
    let keyward = &*keyward;
    let (latencies, lasted) = std::thread::scope(|scope| {
        let verifying = scope.spawn(|| verify_on(keyward, &requests, &phase));
        let lasted = go_through_phases(bench, keyward, &account, &plan_hash, &phase);
        phase.store(PHASES.len(), Ordering::Relaxed);
        let latencies = verifying.join().ok().context("the verifying thread panicked")?;
        anyhow::Ok((latencies?, lasted?))
    })?;
    for id in doomed.iter().step_by(doomed.len() / 10 + 1) {
        ensure!(keyward.is_removed(id)?, "key {id} is still there");
    }
    Ok(Found { phases: latencies.into_iter().zip(lasted).collect() })
}

/// Waits, removes, waits; how long each took.
fn go_through_phases(
    bench: &Bench,
    keyward: &Keyward,
    account: &str,
    plan_hash: &str,
    phase: &AtomicUsize,
) -> Result<[Duration; 3]> {
    let calm = Duration::from_secs(bench.plan.seconds);
    clock::pause(calm);
    phase.store(1, Ordering::Relaxed);
    let began = clock::now();
    let removal = keyward.start_removal(account, plan_hash)?;
    while !keyward.removal_is_done(&removal)? {
        if began.elapsed() > REMOVED_WITHIN {
            bail!("the removal is not done after {REMOVED_WITHIN:?}");
        }
        clock::pause(Duration::from_millis(20));
    }
    let removing = began.elapsed();
    phase.store(2, Ordering::Relaxed);
    clock::pause(calm);
    Ok([calm, removing, calm])
}

/// Verifies the keys one after the other, again and again, until the last phase is over; the latencies by phase.
fn verify_on(keyward: &Keyward, requests: &[Vec<u8>], phase: &AtomicUsize) -> Result<Vec<Latencies>> {
    let by_phase = PHASES.iter().map(|_| Latencies::new()).collect::<Result<Vec<_>>>()?;
    let by_phase = RefCell::new(by_phase);
    load::runtime()?.block_on(async {
        let opened = try_join_all((0..CONNECTIONS).map(|_| Connection::open(keyward.http))).await?;
        let turns = Turns::new(usize::MAX / 2, REMOVED_WITHIN * 2);
        let (turns, by_phase) = (&turns, &by_phase);
        try_join_all(opened.into_iter().map(async |mut connection: Connection| {
            while let Some(turn) = turns.take() {
                let request = requests.get(turn % requests.len()).context("no requests")?;
                let current = phase.load(Ordering::Relaxed);
                let began = clock::now();
                let answer = connection.exchange(request).await?;
                let latency = began.elapsed();
                ensure!(keyward::is_valid(answer.body), "a key that nobody removed was refused");
                match by_phase.borrow_mut().get_mut(current) {
                    Some(latencies) => latencies.record(latency),
                    None => break,
                }
            }
            Ok(())
        }))
        .await
    })?;
    Ok(by_phase.into_inner())
}

fn table(found: &Found) -> Table {
    let mut table = Table::new("Verifies", &["phase", "lasted", "per second", "p50", "p99", "p99 of before"]);
    let before = found.phases.first().map(|(latencies, _)| latencies.quantile(0.99).as_secs_f64());
    for (name, (latencies, lasted)) in PHASES.iter().zip(&found.phases) {
        let p99 = latencies.quantile(0.99).as_secs_f64();
        table.row([
            (*name).to_owned(),
            figures::duration(lasted.as_secs_f64()),
            figures::whole(latencies.count() as f64 / lasted.as_secs_f64()),
            figures::duration(latencies.quantile(0.5).as_secs_f64()),
            figures::duration(p99),
            figures::ratio(before.map(|before| p99 / before)),
        ]);
    }
    table
}
