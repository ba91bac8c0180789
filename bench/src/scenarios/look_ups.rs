//! This file is about (g): looking keys up by what a door reads, by digest and by owner, with few keys and with many.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::keyward::{self, Keyward, expect_status};
use crate::load::http;
use crate::measure::{Board, Reading};
use crate::report::table::Table;
use crate::report::{Section, figures};
use crate::scenarios::{Bench, progress};

/// Connections that ask.
const CONNECTIONS: usize = 64;
/// Requests of which one run repeats each.
const DISTINCT: usize = 10;
const WAYS: [&str; 3] = ["by what a door reads", "by digest", "by owner, a page of 10"];

/// Measures.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let mut board = Board::default();
    let sizes = bench.plan.look_up_keys;
    if let Some(program) = &bench.keyward {
        let folder = bench.folder("look-ups")?;
        let mut keyward = Keyward::start(program, &folder.join("data"), None, &folder)?;
        measure(bench, &mut keyward, &mut board)?;
    }
    Ok(Section {
        title: "(g) Looking keys up among few and many",
        method: vec![format!(
            "One server, {CONNECTIONS} keep-alive connections of one thread, {} rounds of at most {} s at each size; the sizes \
             follow each other, because keys are only added. There are as many badges as secrets that were brought along, \
             all of one account. `POST /v1/keys/verify` asks for {DISTINCT} badges (no door is named, so nothing is written \
             down) and for {DISTINCT} secrets, `GET /v1/keys?account_id=…&limit=10` for the account's keys.",
            bench.plan.rounds, bench.plan.seconds,
        )],
        tables: vec![table(&board, &sizes)],
        targets: Vec::new(),
        missing: bench.missing_keyward(),
    })
}

fn measure(bench: &Bench, keyward: &mut Keyward, board: &mut Board) -> Result<()> {
    let limit = Duration::from_secs(bench.plan.seconds);
    let account = keyward.create_account("bench")?;
    let secret = keyward.secret.clone();
    let verify = |body: String| http::request("POST", "/v1/keys/verify", &secret, &body);
    let badge = |number: usize| json!({ "type": "proximity", "identification": format!("EM:{number}") });
    let (mut there, mut secrets) = (0, Vec::new());
    for size in bench.plan.look_up_keys {
        progress(&format!("(g) {size} keys"));
        secrets.extend(keyward.import_secrets(size - there, &account)?);
        let requests: Vec<_> = (there..size)
            .map(|number| {
                let body = json!({ "kind": "access", "name": "badge", "account_id": account, "access": badge(number) });
                http::request("POST", "/v1/keys", &secret, &body.to_string())
            })
            .collect();
        let made = http::run(keyward.http, CONNECTIONS, &requests, Duration::from_secs(600), |_, answer| {
            expect_status(answer, 201)
        })?;
        ensure!(made.operations as usize == size - there, "adding badges took too long");
        there = size;
        rustix::fs::sync();
        let step = size / DISTINCT;
        let list = http::request("GET", &format!("/v1/keys?account_id={account}&limit=10"), &secret, "");
        let ways: [Vec<Vec<u8>>; 3] = [
            (0..DISTINCT).map(|at| verify(json!({ "access": badge(at * step) }).to_string())).collect(),
            secrets.iter().step_by(step).map(|text| verify(json!({ "secret": text }).to_string())).collect(),
            vec![list],
        ];
        for _ in 0..bench.plan.rounds {
            for (way, requests) in WAYS.iter().zip(&ways) {
                let many: Vec<Vec<u8>> =
                    requests.iter().cycle().take(bench.plan.verify_keys).cloned().collect();
                let is_verify = !way.starts_with("by owner");
                let reading = http::run(keyward.http, CONNECTIONS, &many, limit, |_, answer| {
                    expect_status(answer, 200)?;
                    ensure!(!is_verify || keyward::is_valid(answer.body), "a key was not found");
                    Ok(())
                })?;
                board.record(&name(way, size), reading);
            }
        }
    }
    Ok(())
}

fn name(way: &str, size: usize) -> String {
    format!("{way}, {size}")
}

fn table(board: &Board, sizes: &[usize]) -> Table {
    let mut table =
        Table::new("Look-ups", &["keys", "way", "per second", "p50", "p99", "rate of that with fewest"]);
    for size in sizes {
        for way in WAYS {
            let Some(series) = board.of(&name(way, *size)) else { continue };
            let fewest = sizes.first().map(|fewest| name(way, *fewest)).unwrap_or_default();
            table.row([
                figures::whole(*size as f64),
                way.to_owned(),
                figures::whole(series.median(Reading::rate)),
                figures::duration(series.median(Reading::p50_seconds)),
                figures::duration(series.median(Reading::p99_seconds)),
                figures::ratio(board.ratio(&series.name, &fewest, Reading::rate)),
            ]);
        }
    }
    table
}
