//! This file is about (c): durable removes with one client and with 64, beside the floors and other stores.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::keyward::Keyward;
use crate::measure::{Board, Reading};
use crate::peers::echo::Echo;
use crate::peers::fdatasync::{self, Place};
use crate::peers::postgres::Postgres;
use crate::peers::redis::Redis;
use crate::peers::sqlite::Sqlite;
use crate::peers::{Removes, group_commit};
use crate::report::{Bound, Section, Target, figures};
use crate::scenarios::{Bench, progress};

const PREALLOCATED: &str = "floor: 4 KiB and fdatasync, preallocated";
const GROWING: &str = "floor: 4 KiB and fdatasync, growing file";
const ROUND_TRIP: &str = "floor: loopback round trip";
const GROUP_COMMIT: &str = "floor: raw group commit, 256 bytes";

/// How many clients the second half of the scenario has.
const MANY: usize = 64;

/// The readings with one client and with many.
#[derive(Default)]
struct Boards {
    one: Board,
    many: Board,
}

/// Measures.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let folder = bench.folder("remove")?;
    let boards = measure(bench, &folder)?;
    let floors = [("of the floor", PREALLOCATED), ("of PostgreSQL", "PostgreSQL")];
    let many_bases = [("of the floor", GROUP_COMMIT), ("of PostgreSQL", "PostgreSQL")];
    Ok(Section {
        title: "(c) Durable removes",
        method: method(bench),
        tables: vec![
            figures::rates("One client", &boards.one, &floors),
            figures::rates("64 clients", &boards.many, &many_bases),
        ],
        targets: targets(&boards),
        missing: bench.missing_keyward(),
    })
}

fn targets(boards: &Boards) -> Vec<Target> {
    let one = boards.one.each_round(
        ["Keyward", PREALLOCATED, GROWING, ROUND_TRIP],
        |[keyward, preallocated, growing, round_trip]| {
            let floor = preallocated.p50_seconds().min(growing.p50_seconds());
            keyward.p50_seconds() / (1.5 * floor + round_trip.p50_seconds())
        },
    );
    let target = |promise, measured, bound| Target { promise, measured, bound, unit: "" };
    vec![
        target("one client's remove, p50, of 1.5 × `fdatasync` + one round trip", one, Bound::AtMost(1.0)),
        target(
            "64 clients' removes per second, of raw group commit",
            boards.many.ratio("Keyward", GROUP_COMMIT, Reading::rate),
            Bound::AtLeast(0.25),
        ),
        target(
            "64 clients' removes per second, of PostgreSQL's",
            boards.many.ratio("Keyward", "PostgreSQL", Reading::rate),
            Bound::AtLeast(4.0),
        ),
    ]
}

fn measure(bench: &Bench, folder: &Path) -> Result<Boards> {
    progress("(c) starting the peers");
    let echo = Echo::start(folder)?;
    let mut stores: Vec<Box<dyn Removes>> = Vec::new();
    if let Some(program) = &bench.keyward {
        stores.push(Box::new(Keyward::start(program, &folder.join("data"), None, folder)?));
    }
    stores.push(Box::new(Postgres::start(folder)?));
    stores.push(Box::new(Sqlite::start(folder)?));
    stores.push(Box::new(Redis::start(folder)?));

    let limit = Duration::from_secs(bench.plan.seconds);
    let [few, many] = bench.plan.removes;
    let mut boards = Boards::default();
    for round in 1..=bench.plan.rounds {
        progress(&format!("(c) round {round}"));
        rustix::fs::sync();
        boards.one.record(PREALLOCATED, fdatasync::run(Place::Preallocated, folder, limit)?);
        boards.one.record(GROWING, fdatasync::run(Place::Growing, folder, limit)?);
        boards.one.record(ROUND_TRIP, echo.run(limit)?);
        boards.many.record(GROUP_COMMIT, group_commit::run(MANY, folder, limit)?);
        for store in &mut stores {
            boards.one.record(store.name(), remove(store.as_mut(), few, 1, limit)?);
            boards.many.record(store.name(), remove(store.as_mut(), many, MANY, limit)?);
        }
    }
    Ok(boards)
}

fn remove(store: &mut dyn Removes, keys: usize, clients: usize, limit: Duration) -> Result<Reading> {
    store.prepare(keys)?;
    rustix::fs::sync();
    store.remove(clients, limit)
}

fn method(bench: &Bench) -> Vec<String> {
    let plan = &bench.plan;
    let [few, many] = plan.removes;
    vec![
        format!(
            "Closed loops: each client waits for its answer before it removes the next key; {} rounds, each run ends \
             after {} s or when its {} keys (one client) or {} keys (64 clients) are gone. All clients of a server \
             are one thread of the bench with a keep-alive TCP connection each; nothing is pinned.",
            plan.rounds,
            plan.seconds,
            figures::whole(few as f64),
            figures::whole(many as f64),
        ),
        "Floors: one thread that writes 4 KiB and waits for `fdatasync`, into a preallocated file of 16 MiB and at the \
         end of a growing one (the target takes the faster); 256 bytes to another process over TCP and back; and \
         64 threads that hand 256-byte records to one thread, which writes what has come together into a \
         preallocated file and syncs once for all."
            .to_owned(),
        "Peers, each with keys of 150 bytes and a second table that records what was removed: PostgreSQL (delete and \
         insert in one prepared statement, so one round trip; `fsync` and `synchronous_commit` on; no autovacuum, no \
         checkpoint meanwhile), SQLite in the process (WAL, `synchronous=FULL`; the clients are threads that take \
         turns at one connection, so every removal has a sync of its own), Redis (`appendfsync always`; `MULTI`, \
         `DEL`, `XADD`, `EXEC`). Keyward answers `DELETE /v1/keys/{id}`."
            .to_owned(),
    ]
}
