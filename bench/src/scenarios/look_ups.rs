//! This file is about (g): looking keys up by what a door reads, by digest and by owner, with few keys and with many.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::keyward::{self, Keyward, expect_status};
use crate::load::http;
use crate::measure::{Board, Reading};
use crate::report::table::Table;
use crate::report::{Section, figures};
use crate::scenarios::{Bench, progress};

/// Connections that ask.
const CONNECTIONS: usize = 64;
/// Requests of which a run repeats each.
const DISTINCT: usize = 10;
const WAYS: [&str; 3] = ["by what a door reads", "by digest", "by owner, a page of 10"];

/// Measures.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let mut board = Board::default();
    if let Some(program) = &bench.keyward {
        measure(bench, program, &mut board)?;
    }
    Ok(Section {
        title: "(g) Looking keys up among few and many",
        method: vec![format!(
            "`keyward bench fill` writes one store for each number of keys, half of them badges, half secrets of another format, \
             all of one account; the first page has the same kinds of keys in each. Each has its server; they take turns, {} \
             rounds of at most {} s a way, over {CONNECTIONS} keep-alive connections of one thread. `POST /v1/keys/verify` asks \
             for up to {DISTINCT} badges (no door is named, so nothing is written down) and as many secrets, \
             `GET /v1/keys?limit=10` for the owner's keys. The ratio is that to the fewest keys.",
            bench.plan.rounds, bench.plan.seconds,
        )],
        tables: vec![table(&board, &bench.plan.look_up_keys)],
        targets: Vec::new(),
        missing: bench.missing_keyward(),
    })
}

fn measure(bench: &Bench, program: &Path, board: &mut Board) -> Result<()> {
    let limit = Duration::from_secs(bench.plan.seconds);
    let mut servers = Vec::new();
    for size in bench.plan.look_up_keys {
        progress(&format!("(g) filling a store with {size} keys"));
        let folder = bench.folder(&format!("look-ups-{size}"))?;
        let data = folder.join("data");
        // First as many secrets as the smallest store has: so the first page has the same kinds of keys everywhere.
        let first = bench.plan.look_up_keys.iter().min().map_or(0, |fewest| fewest / 2);
        let mut secrets = keyward::fill_with(program, &data, first, "foreign")?;
        let badges = keyward::fill_with(program, &data, size / 2, "badge")?;
        if size / 2 > first {
            secrets = keyward::fill_with(program, &data, size / 2 - first, "foreign")?;
        }
        let keyward = Keyward::start(program, &data, None, &folder)?;
        let requests = requests(&keyward, &badges, &secrets);
        servers.push((size, keyward, requests));
    }
    for round in 1..=bench.plan.rounds {
        progress(&format!("(g) round {round}"));
        for (at, way) in WAYS.iter().enumerate() {
            for (size, keyward, requests) in &servers {
                let many: Vec<_> =
                    requests[at].iter().cycle().take(bench.plan.verify_keys).cloned().collect();
                let is_verify = !way.starts_with("by owner");
                let reading = http::run(keyward.http, CONNECTIONS, &many, limit, |_, answer| {
                    expect_status(answer, 200)?;
                    ensure!(!is_verify || keyward::is_valid(answer.body), "a key was not found");
                    Ok(())
                })?;
                board.record(&name(way, *size), reading);
            }
        }
    }
    Ok(())
}

/// The requests of each way.
fn requests(keyward: &Keyward, badges: &[String], secrets: &[String]) -> [Vec<Vec<u8>>; 3] {
    let verify = |body: Value| http::request("POST", "/v1/keys/verify", &keyward.secret, &body.to_string());
    let some = |all: &[String]| -> Vec<String> {
        all.iter().step_by(all.len().div_ceil(DISTINCT).max(1)).cloned().collect()
    };
    let badge = |text| verify(json!({ "access": { "type": "proximity", "identification": text } }));
    let secret = |text| verify(json!({ "secret": text }));
    [
        some(badges).into_iter().map(badge).collect(),
        some(secrets).into_iter().map(secret).collect(),
        vec![http::request("GET", "/v1/keys?limit=10", &keyward.secret, "")],
    ]
}

fn name(way: &str, size: usize) -> String {
    format!("{way}, {size}")
}

fn table(board: &Board, sizes: &[usize]) -> Table {
    let mut table =
        Table::new("Look-ups", &["way", "keys", "per second", "p50", "p99", "rate, of the fewest"]);
    for way in WAYS {
        for size in sizes {
            let Some(series) = board.of(&name(way, *size)) else { continue };
            let fewest = sizes.first().map(|fewest| name(way, *fewest)).unwrap_or_default();
            table.row([
                way.to_owned(),
                figures::whole(*size as f64),
                figures::whole(series.median(Reading::rate)),
                figures::duration(series.median(Reading::p50_seconds)),
                figures::duration(series.median(Reading::p99_seconds)),
                figures::ratio(board.ratio(&series.name, &fewest, Reading::rate)),
            ]);
        }
    }
    table
}
