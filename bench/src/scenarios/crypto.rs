//! This file is about (j): keys that never leave. Using them beside the library alone, making and removing them beside a token
//! of software, and wrapping every slot anew.

use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use keyward_client::wire::{CipherMode, Encrypt, Sign, SignatureScheme};
use serde_json::{Value, json};

use crate::keyward::{self, Keyward, expect_status};
use crate::load::http;
use crate::measure::{Board, Reading};
use crate::peers::library::Library;
use crate::peers::softhsm::Token;
use crate::report::table::Table;
use crate::report::{Bound, Section, Target, figures};
use crate::scenarios::{Bench, progress};
use crate::{SERVER_CORE, clock};

/// Connections that use keys.
const CONNECTIONS: usize = 64;
/// What is signed or encrypted.
const MESSAGE: [u8; 64] = [7; 64];
const SOFTHSM: &str = "SoftHSM2";
const FEW: &str = "Keyward, few keys";

/// A way to use a key: what it is, what is aimed at, the usage, which the call is named after, where the library's handler has
/// it, and what both are sent.
struct Way {
    name: &'static str,
    promise: &'static str,
    algorithm: &'static str,
    usage: &'static str,
    path: &'static str,
    body: String,
}

fn ways() -> Result<[Way; 3]> {
    let sign = |scheme| {
        serde_json::to_string(&Sign {
            message: MESSAGE.as_slice().into(),
            scheme,
            context: [].as_slice().into(),
        })
    };
    let encrypt = Encrypt {
        mode: CipherMode::Gcm,
        plaintext: MESSAGE.as_slice().into(),
        aad: [].as_slice().into(),
        agreed: None,
    };
    Ok([
        Way {
            name: "P-256 signature",
            promise: "P-256 signatures per second, of a handler with the library alone",
            algorithm: "P-256",
            usage: "sign",
            path: "/p256",
            body: sign(SignatureScheme::EcdsaSha256)?,
        },
        Way {
            name: "Ed25519 signature",
            promise: "Ed25519 signatures per second, of a handler with the library alone",
            algorithm: "Ed25519",
            usage: "sign",
            path: "/ed25519",
            body: sign(SignatureScheme::Ed25519)?,
        },
        Way {
            name: "AES-256-GCM",
            promise: "AES-256-GCM of 64 bytes per second, of a handler with the library alone",
            algorithm: "AES-256",
            usage: "encrypt",
            path: "/aes",
            body: serde_json::to_string(&encrypt)?,
        },
    ])
}

/// Measures.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let (mut uses, mut made, mut removed) = (Board::default(), Board::default(), Board::default());
    let ways = ways()?;
    let mut rerooted = None;
    if let Some(program) = &bench.keyward {
        let folder = bench.folder("crypto")?;
        let used = Keyward::start(program, &folder.join("used"), Some(SERVER_CORE), &folder)?;
        measure_uses(bench, &ways, &used, &folder, &mut uses)?;
        drop(used);
        let few = Keyward::start(program, &folder.join("few"), None, &folder)?;
        progress(&format!("(j) filling a store with {} keys", bench.plan.rerooted_keys));
        keyward::fill(program, &folder.join("many"), bench.plan.rerooted_keys)?;
        let many = Keyward::start(program, &folder.join("many"), None, &folder)?;
        measure_lives(bench, &few, &many, &folder, [&mut made, &mut removed])?;
        rerooted = Some(reroot(bench, &many)?);
        drop((few, many));
        std::fs::remove_dir_all(folder)?;
    }
    let missing_token = || {
        let missing = "SoftHSM2 is not installed (Debian: `softhsm2`).".to_owned();
        (!Token::is_installed()).then_some(missing)
    };
    let many = many(bench);
    let of_alone = |way: &Way| Target {
        promise: way.promise,
        measured: uses.ratio(&ours(way.name), &alone(way.name), Reading::rate),
        bound: Bound::AtLeast(0.8),
        unit: "",
    };
    let mut targets: Vec<Target> = ways.iter().map(of_alone).collect();
    let is_full = bench.plan.rerooted_keys >= 1_000_000;
    targets.push(Target {
        promise: "removing a crypto key among 1,000,000 keys, p50, of among few",
        measured: removed.ratio(&many, FEW, Reading::p50_seconds).filter(|_| is_full),
        bound: Bound::AtMost(1.2),
        unit: "",
    });
    targets.push(Target {
        promise: "wrapping 1,000,000 slots anew",
        measured: rerooted.filter(|_| is_full),
        bound: Bound::AtMost(1.0),
        unit: " s",
    });
    Ok(Section {
        title: "(j) Keys that never leave",
        method: method(bench),
        tables: vec![
            figures::costs("Uses", &uses, "the library alone", |name| alone(way_of(name))),
            figures::rates("Making P-256 keys, one client", &made, &[("of SoftHSM2", SOFTHSM)]),
            figures::rates("Removing them", &removed, &[("of SoftHSM2", SOFTHSM), ("of few keys", FEW)]),
            reroot_table(bench, rerooted),
        ],
        targets,
        missing: bench.missing_keyward().or_else(missing_token),
    })
}

fn method(bench: &Bench) -> Vec<String> {
    vec![
        format!(
            "Uses: `POST /v1/keys/{{id}}/sign` and `/encrypt` of 64 bytes, {CONNECTIONS} keep-alive connections of one thread, \
             runs of {} s, {} rounds, each server pinned to core {SERVER_CORE}. Beside it an axum handler that takes the very \
             same bodies and holds its keys ready expanded in memory (aws-lc-rs, the library that Keyward uses too): no \
             credential, no permit, no state, nothing sealed. Keyward opens the key's seed or scalar for every use and wipes it \
             afterwards.",
            bench.plan.seconds, bench.plan.rounds,
        ),
        format!(
            "Lives: one client makes {} P-256 keys and removes them, in turns. SoftHSM2 is called in its process through \
             PKCS#11 (key pairs as token objects: its object files are written without waiting for the disk); Keyward over \
             HTTP, each removal durable, erased and logged before it is answered, on a store with few keys and on one with {} \
             others.",
            bench.plan.lives,
            figures::whole(bench.plan.rerooted_keys as f64),
        ),
        "Re-rooting: `POST /v1/store/reroot` on the larger store, three times; the median, from the call to the answer.".to_owned(),
    ]
}

fn ours(way: &str) -> String {
    format!("{way}, Keyward")
}

fn alone(way: &str) -> String {
    format!("{way}, library alone")
}

/// What [`ours`] and [`alone`] name is about.
fn way_of(name: &str) -> &str {
    name.split_once(", ").map_or(name, |(way, _)| way)
}

fn many(bench: &Bench) -> String {
    format!("Keyward, {} keys", figures::whole(bench.plan.rerooted_keys as f64))
}

fn reroot_table(bench: &Bench, seconds: Option<f64>) -> Table {
    let mut table = Table::new("Re-rooting", &["slots", "answered after"]);
    if let Some(seconds) = seconds {
        table.row([figures::whole(bench.plan.rerooted_keys as f64), figures::duration(seconds)]);
    }
    table
}

fn measure_uses(
    bench: &Bench,
    ways: &[Way],
    keyward: &Keyward,
    folder: &Path,
    board: &mut Board,
) -> Result<()> {
    let library = Library::start(folder)?;
    let limit = Duration::from_secs(bench.plan.seconds);
    let count = bench.plan.removes[1];
    for way in ways {
        let id = make(keyward, way.algorithm, way.usage)?;
        let credential = format!("Authorization: Bearer {}", keyward.secret);
        let call = format!("/v1/keys/{id}/{}", way.usage);
        let contestants = [
            (
                ours(way.name),
                keyward.http,
                http::request_with("POST", &call, &credential, &way.body),
                &keyward.process,
            ),
            (
                alone(way.name),
                library.address,
                http::request_with("POST", way.path, "", &way.body),
                &library.process,
            ),
        ];
        for round in 1..=bench.plan.rounds {
            progress(&format!("(j) {}, round {round}", way.name));
            for (name, address, request, process) in &contestants {
                let requests = vec![request.clone(); count];
                let load = || {
                    http::run(*address, CONNECTIONS, &requests, limit, |_, answer| expect_status(answer, 200))
                };
                board.record(name, process.under(load)?);
            }
        }
    }
    Ok(())
}

fn issue_body(algorithm: &str, usage: &str) -> String {
    let crypto = json!({ "algorithm": algorithm, "usages": [usage] });
    json!({ "kind": "crypto", "name": "bench", "crypto": crypto }).to_string()
}

fn make(keyward: &Keyward, algorithm: &str, usage: &str) -> Result<String> {
    let [id] = <[String; 1]>::try_from(lives(keyward, 1, &issue_body(algorithm, usage))?.1)
        .map_err(|_| anyhow::anyhow!("no key was made"))?;
    Ok(id)
}

/// Makes so many keys, one after the other; how long each took, and their ids.
fn lives(keyward: &Keyward, count: usize, body: &str) -> Result<(Reading, Vec<String>)> {
    let request = http::request("POST", "/v1/keys", &keyward.secret, body);
    let ids = RefCell::new(Vec::with_capacity(count));
    let made = http::run(keyward.http, 1, &vec![request; count], LIVES_WITHIN, |_, answer| {
        expect_status(answer, 201)?;
        let told: Value = serde_json::from_slice(answer.body)?;
        let id = told.pointer("/key/id").and_then(Value::as_str).context("no id")?;
        ids.borrow_mut().push(id.to_owned());
        Ok(())
    })?;
    Ok((made, ids.into_inner()))
}

/// How long making or removing keys may take.
const LIVES_WITHIN: Duration = Duration::from_secs(120);

fn measure_lives(
    bench: &Bench,
    few: &Keyward,
    many_keys: &Keyward,
    folder: &Path,
    [made, removed]: [&mut Board; 2],
) -> Result<()> {
    let count = bench.plan.lives;
    let body = issue_body("P-256", "sign");
    let token = Token::is_installed().then(|| Token::new(folder)).transpose()?;
    let many_name = many(bench);
    for round in 1..=bench.plan.rounds {
        progress(&format!("(j) making and removing, round {round}"));
        for (name, keyward) in [(FEW, few), (many_name.as_str(), many_keys)] {
            rustix::fs::sync();
            let (reading, ids) = lives(keyward, count, &body)?;
            made.record(name, reading);
            let remove =
                |id: &String| http::request("DELETE", &format!("/v1/keys/{id}"), &keyward.secret, "");
            let requests: Vec<_> = ids.iter().map(remove).collect();
            let reading =
                http::run(keyward.http, 1, &requests, LIVES_WITHIN, |_, answer| expect_status(answer, 204))?;
            removed.record(name, reading);
        }
        if let Some(token) = &token {
            rustix::fs::sync();
            let [makes, destroys] = token.run(count as u64)?;
            made.record(SOFTHSM, makes);
            removed.record(SOFTHSM, destroys);
        }
    }
    Ok(())
}

/// Seconds.
fn reroot(bench: &Bench, keyward: &Keyward) -> Result<f64> {
    let credential = format!("Authorization: Bearer {}", keyward.secret);
    let mut taken = Vec::new();
    for round in 1..=3 {
        progress(&format!("(j) re-rooting {} slots, round {round}", bench.plan.rerooted_keys));
        let began = clock::now();
        keyward.ask("POST", "/v1/store/reroot", &credential, "")?;
        taken.push(began.elapsed().as_secs_f64());
    }
    taken.sort_by(f64::total_cmp);
    taken.get(1).copied().context("three rounds")
}
