//! This file is about (h): verifiers in other processes. What a removal waits for them, what they hold and how fast they are,
//! what they cost the server when idle, and whether one of them ever accepts a key after its removal was answered.

use anyhow::Result;

use crate::report::table::Table;
use crate::report::{Bound, Section, Target, figures};
use crate::scenarios::{Bench, in_process};

mod held;
mod idle;
mod trials;
mod wait;

/// How long verifiers may accept keys without hearing from the server, in seconds: what `keyward demo` grants.
const LEASE_SECONDS: f64 = 3.0;

/// Measures.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let mut section = Section {
        title: "(h) Verifiers elsewhere",
        method: method(bench),
        tables: Vec::new(),
        targets: Vec::new(),
        missing: bench.missing_keyward(),
    };
    let Some(program) = &bench.keyward else { return Ok(section) };

    let waits = wait::measure(bench, program)?;
    section.tables.push(figures::rates("Removals by one client", &waits.board, &[("of none", wait::NONE)]));
    let mut cut_off = Table::new("One verifier suspended", &["removal", "answered after"]);
    cut_off.row(["the first".to_owned(), figures::duration(waits.first_cut_off)]);
    cut_off.row(["the next ones, median".to_owned(), figures::duration(waits.next_cut_off)]);
    section.tables.push(cut_off);

    let mut table = Table::new(
        "One verifier that holds every key",
        &["keys", "loading", "verify, median", "p99 of the means", "one memory access", "bytes a key"],
    );
    let mut held = Vec::new();
    for keys in bench.plan.held_keys {
        let found = held::measure(bench, program, keys)?;
        table.row([
            figures::whole(keys as f64),
            figures::duration(found.loading_seconds),
            figures::duration(found.held.verify_nanos as f64 / 1e9),
            figures::duration(found.held.slowest_nanos as f64 / 1e9),
            figures::duration(in_process::access(found.held.bytes).as_secs_f64()),
            format!("{:.1}", found.bytes_each()),
        ]);
        held.push(found);
    }
    section.tables.push(table);

    let share = idle::measure(bench, program)?;
    let mut table = Table::new("Idle verifiers", &["how many", "the server's processor time, of one core"]);
    table.row([figures::whole(bench.plan.idle_verifiers as f64), format!("{:.2} %", 100.0 * share)]);
    section.tables.push(table);

    let tried = trials::run(bench, program)?;
    section.tables.push(tried.table());

    section.targets = wait_targets(&waits);
    section.targets.extend(held_targets(bench, &held));
    section.targets.push(Target {
        promise: "the server's processor time for 1,000 idle verifiers, of one core",
        measured: (bench.plan.idle_verifiers >= 1_000).then_some(100.0 * share),
        bound: Bound::AtMost(5.0),
        unit: " %",
    });
    section.targets.push(Target {
        promise: "verifies that began after a removal's answer and accepted",
        measured: Some(tried.told.valid as f64),
        bound: Bound::AtMost(0.0),
        unit: "",
    });
    Ok(section)
}

fn wait_targets(waits: &wait::Waits) -> Vec<Target> {
    let added = |name| {
        waits
            .board
            .each_round([name, wait::NONE], |[with, none]| 1e3 * (with.p50_seconds() - none.p50_seconds()))
    };
    let target =
        |promise, measured, bound, unit| Target { promise, measured, bound: Bound::AtMost(bound), unit };
    vec![
        target("what 10 verifiers add to a removal, p50", added(wait::TEN), 1.0, " ms"),
        target("what 100 verifiers add to a removal, p50", added(wait::HUNDRED), 5.0, " ms"),
        target(
            "the first removal with one verifier cut off, of its lease",
            Some(waits.first_cut_off / LEASE_SECONDS),
            1.05,
            "",
        ),
        target(
            "the next removals with it cut off, of those before, p50",
            waits
                .board
                .of(wait::TEN)
                .map(|ten| waits.next_cut_off / ten.median(|reading| reading.p50_seconds())),
            2.0,
            "",
        ),
    ]
}

/// A quick run's verifiers hold too little to judge by.
fn held_targets(bench: &Bench, held: &[held::Found]) -> Vec<Target> {
    let at = |keys: usize| {
        let place = bench.plan.held_keys.iter().position(|one| *one == keys);
        place.and_then(|place| held.get(place))
    };
    let (million, ten_million) = (at(1_000_000), at(10_000_000));
    let nanos = |found: &held::Found| found.held.verify_nanos as f64;
    let target =
        |promise, measured, bound, unit| Target { promise, measured, bound: Bound::AtMost(bound), unit };
    vec![
        target("`verify()` of the SDK at 1 M keys, median", million.map(nanos), 150.0, " ns"),
        target("`verify()` of the SDK at 10 M keys, median", ten_million.map(nanos), 350.0, " ns"),
        target("a verifier's memory a key", million.map(held::Found::bytes_each), 40.0, " bytes"),
        target("loading 10 M keys", ten_million.map(|found| found.loading_seconds), 10.0, " s"),
    ]
}

fn method(bench: &Bench) -> Vec<String> {
    let plan = &bench.plan;
    vec![
        "Verifiers are those of the SDK (`keyward_client::Verifier`, full mode), over plain TCP, apart from the bench and \
             the server: one process with so many of them, each with a connection and a table of its own; what is suspended or \
             cut off is in a process of its own. Nothing is pinned; all share the machine, so that what verifiers do counts \
             too."
            .to_owned(),
        format!(
            "Added wait: three servers at once, with 0, 10 and 100 verifiers, take turns; one client, keep-alive, removes up \
             to {} keys a run, of which all verifiers had been told before; {} rounds; what is added is the difference of the \
             medians of a round. Then one verifier more joins the server with 10 and its process is stopped by SIGSTOP: the \
             first removal is timed, and {} after it.",
            figures::whole(plan.removes[0] as f64),
            plan.rounds,
            wait::NEXT,
        ),
        "In process: `keyward bench fill` writes the store, a server starts from it, and one verifier joins. Loading is from \
         its start until it may accept keys, server's work included. Verifies are of up to 100,000 secrets in turn, all \
         accepted, the mean of 32 in a row each time; the median of those means counts. Bytes are the table's. Beside it one \
         dependent access to a random word of as much memory: a verify needs one, most of which passes while it hashes."
            .to_owned(),
        format!(
            "Trials: 10 verifiers, five in each of two processes, one of which reaches the server through a relay. {} removals \
             of keys that all ten accepted; after each answer all ten are asked, and again at the end of the trial. In every \
             {}th trial one process is stopped by SIGSTOP before the removal and goes on after its answer, or the relay lets \
             nothing through until all were asked, in turn. An accept is a defect.",
            figures::whole(plan.trials as f64),
            trials::disturbed_every(plan.trials),
        ),
    ]
}
