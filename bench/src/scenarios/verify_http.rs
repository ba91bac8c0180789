//! This file is about (a): verifies over HTTP, beside nginx and axum that answer 204 to the same requests.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::keyward::Keyward;
use crate::load::wrk::{self, Wrk};
use crate::measure::{Board, Reading};
use crate::peers::axum_204::Axum204;
use crate::peers::nginx::Nginx;
use crate::process::Process;
use crate::report::table::Table;
use crate::report::{Bound, Section, Target, figures};
use crate::scenarios::{Bench, progress};
use crate::{LOAD_CORE, SERVER_CORE};

const NGINX_GET: &str = "nginx 204, bare GET";
const NGINX: &str = "nginx 204, the same requests";
const AXUM: &str = "axum 204, the same requests";
const KEYWARD: &str = "Keyward verify";

/// Measures.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let folder = bench.folder("verify-http")?;
    let board = measure(bench, &folder)?;
    let plan = &bench.plan;
    Ok(Section {
        title: "(a) Verify over HTTP",
        method: vec![
            format!(
                "Load: `wrk -t1 -c{} -d{}s` pinned to core {LOAD_CORE}, keep-alive, with a Lua script that has built \
                 all requests beforehand: `POST /v1/keys/verify` with a bearer and one of {} distinct secrets, one \
                 after the other. Each server is pinned to core {SERVER_CORE}; the idle ones wait. The ratio is \
                 against nginx answering `return 204` to these very requests (it reads and drops the body); nginx \
                 with a bare GET is shown as the ceiling of the machine. {} rounds after one to warm up. An answer \
                 outside 2xx fails the run, and that verifies say `valid` is checked before and after.",
                wrk::CONNECTIONS,
                plan.seconds,
                figures::whole(plan.verify_keys as f64),
                plan.rounds,
            ),
            "The server's processor time is user and system time of its process. Where it takes less than its core, \
             the load generator was the limit (or another program had the core), and the ratio of processor times says \
             more than that of rates."
                .to_owned(),
        ],
        tables: vec![
            figures::rates("Requests", &board, &[("of nginx", NGINX), ("of nginx, bare GET", NGINX_GET)]),
            processor_table(&board),
        ],
        targets: vec![Target {
            promise: "HTTP verify, requests per second, of nginx `204`",
            measured: board.ratio(KEYWARD, NGINX, Reading::rate),
            bound: Bound::AtLeast(0.85),
            unit: "",
        }],
        missing: bench.missing_keyward(),
    })
}

fn measure(bench: &Bench, folder: &Path) -> Result<Board> {
    let nginx = Nginx::start(folder)?;
    let axum = Axum204::start(folder)?;
    let keyward = match &bench.keyward {
        None => None,
        Some(program) => Some(Keyward::start(program, &folder.join("data"), Some(SERVER_CORE), folder)?),
    };
    progress("(a) preparing keys");
    let count = bench.plan.verify_keys;
    let (bearer, secrets) = match &keyward {
        Some(keyward) => (keyward.secret.clone(), keyward.issue(count)?),
        None => (stand_in(0), (1..=count).map(stand_in).collect()),
    };
    let get = Wrk::get(folder)?;
    let verifies = Wrk::verifies(folder, &bearer, &secrets)?;
    let keyward_url = keyward.as_ref().map(|keyward| keyward.url("/")).unwrap_or_default();
    let mut contestants: Vec<(&str, &Wrk, &str, &Process)> = vec![
        (NGINX_GET, &get, &nginx.url, &nginx.process),
        (NGINX, &verifies, &nginx.url, &nginx.process),
        (AXUM, &verifies, &axum.url, &axum.process),
    ];
    if let Some(keyward) = &keyward {
        contestants.push((KEYWARD, &verifies, &keyward_url, &keyward.process));
        check_some(keyward, &secrets)?;
    }
    let mut board = Board::default();
    for round in 0..=bench.plan.rounds {
        progress(&format!("(a) round {round}"));
        for (name, load, url, server) in &contestants {
            if round == 0 {
                load.run(url, server, 1)?;
            } else {
                board.record(name, load.run(url, server, bench.plan.seconds)?);
            }
        }
    }
    keyward.as_ref().map_or(Ok(()), |keyward| check_some(keyward, &secrets))?;
    Ok(board)
}

/// Checks that keys from all over the list verify and that a changed secret does not, so that what was measured
/// are verifies that accept.
fn check_some(keyward: &Keyward, secrets: &[String]) -> Result<()> {
    for secret in secrets.iter().step_by(secrets.len() / 10 + 1) {
        ensure!(keyward.verifies(secret)?, "an issued key does not verify");
    }
    let first = secrets.first().context("no keys")?;
    ensure!(!keyward.verifies(&format!("{first}0"))?, "anything verifies");
    Ok(())
}

/// Something that has the length of a secret, for when there is no Keyward to issue any.
fn stand_in(number: usize) -> String {
    format!("kw_live_{number:046}")
}

fn processor_table(board: &Board) -> Table {
    let mut table = Table::new("The server's processor time", &["", "a request", "of its core", "of nginx"]);
    for series in board.series() {
        table.row([
            series.name.clone(),
            figures::duration(series.cpu_seconds_each()),
            format!("{:.0} %", 100.0 * series.median(Reading::cpu_share)),
            figures::ratio(board.cpu_ratio(&series.name, NGINX)),
        ]);
    }
    table
}
