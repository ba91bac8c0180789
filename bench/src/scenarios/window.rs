//! This file is about (i): for how long a removed key goes on being accepted, by Keyward and by what else is used to check keys,
//! also across a restart and a restored backup. Windows are compared, not speeds, so all systems are measured at once.

use std::path::Path;
use std::process::Command;
use std::thread;

use anyhow::{Context as _, Result, anyhow};
use serde_json::Value;

use crate::peers::postgres::server::Server;
use crate::process;
use crate::report::table::Table;
use crate::report::{Bound, Section, Target};
use crate::scenarios::{Bench, progress};

mod control;
mod measured;
mod systems;

use measured::{Measured, Trials};
use systems::System;
use systems::keyward::Keyward;
use systems::node::{Node, Peer};

/// The oldest Node.js that the peers run on.
const NODE_MAJOR: u32 = 20;

/// Who is measured.
#[derive(Clone, Copy)]
enum Contestant {
    Keyward { with_gateway: bool },
    Node { peer: Peer, is_slow: bool },
}

/// All, with what they are called in the report.
const CONTESTANTS: [(&str, Contestant); 7] = [
    ("Keyward, the server is asked", Contestant::Keyward { with_gateway: false }),
    ("Keyward, a gateway verifies for itself", Contestant::Keyward { with_gateway: true }),
    ("better-auth, API keys in PostgreSQL", quick("better_auth", "better-auth.js", false)),
    ("better-auth, API keys in Redis", quick("better_auth_redis", "better-auth.js", true)),
    ("oidc-provider, the provider is asked", quick("oidc_opaque", "oidc-provider.js", false)),
    ("oidc-provider, JWTs", slow("oidc_jwt", "oidc-provider.js", true)),
    ("a table in PostgreSQL behind a cache", slow("cached_table", "table.js", false)),
];

const fn quick(name: &'static str, script: &'static str, has_redis: bool) -> Contestant {
    Contestant::Node { peer: Peer { name, script, has_jwts: false, has_redis }, is_slow: false }
}

/// What is trusted for a while, and is measured for as long.
const fn slow(name: &'static str, script: &'static str, has_jwts: bool) -> Contestant {
    Contestant::Node { peer: Peer { name, script, has_jwts, has_redis: false }, is_slow: true }
}

/// Measures.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let missing_peers = missing_peers(&bench.node_peers);
    let mut section = Section {
        title: "(i) For how long a removed key goes on being accepted",
        method: method(bench)?,
        tables: Vec::new(),
        targets: vec![Target {
            promise: "accepts that began after Keyward's answer to a removal",
            measured: None,
            bound: Bound::AtMost(0.0),
            unit: "",
        }],
        missing: bench.missing_keyward().or_else(|| missing_peers.clone()),
    };
    let Some(program) = &bench.keyward else { return Ok(section) };
    let folder = bench.folder("window")?;
    let postgres = Server::start(&folder)?;
    let here = CONTESTANTS.iter().filter(|(_, contestant)| match contestant {
        Contestant::Keyward { .. } => true,
        Contestant::Node { .. } => missing_peers.is_none(),
    });
    let found = thread::scope(|scope| {
        let started: Vec<_> = here
            .map(|(name, contestant)| {
                let (folder, postgres) = (&folder, &postgres);
                let measuring = scope.spawn(move || contestant.measure(bench, program, folder, postgres));
                (*name, *contestant, measuring)
            })
            .collect();
        let ended = started.into_iter().map(|(name, contestant, measuring)| {
            let measured = measuring.join().map_err(|_| anyhow!("panicked"))?.context(name)?;
            progress(&format!("(i) {name}: done"));
            Ok((name, contestant, measured))
        });
        ended.collect::<Result<Vec<_>>>()
    })?;

    let columns =
        ["", "trials", "accepted", "median", "longest", "after a restart", "after a restored backup"];
    let mut table =
        Table::new("From the answer to a removal to the last accept of the removed key", &columns);
    for (name, _, measured) in &found {
        table.row([(*name).to_owned()].into_iter().chain(measured.cells()));
    }
    section.tables.push(table);
    let ours = found.iter().filter(|(_, contestant, _)| matches!(contestant, Contestant::Keyward { .. }));
    let accepts: u64 = ours.map(|(_, _, measured)| measured.accepts()).sum();
    for target in &mut section.targets {
        target.measured = Some(accepts as f64);
    }
    Ok(section)
}

impl Contestant {
    /// Starts it, measures it and stops it, all on this thread.
    fn measure(self, bench: &Bench, program: &Path, folder: &Path, postgres: &Server) -> Result<Measured> {
        let windows = bench.plan.windows;
        let mut trials = Trials { count: windows.trials, limit_seconds: windows.limit_seconds };
        let mut system: Box<dyn System + '_> = match self {
            Self::Keyward { with_gateway } => {
                let name = if with_gateway { "keyward-gateway" } else { "keyward" };
                Box::new(Keyward::set_up(program, folder.join(name), with_gateway)?)
            }
            Self::Node { peer, is_slow } => {
                if is_slow {
                    // Long enough to see what is trusted run out.
                    let limit_seconds = windows.trust_seconds + windows.limit_seconds;
                    trials = Trials { count: windows.slow_trials, limit_seconds };
                }
                let folder = folder.join(peer.name);
                std::fs::create_dir(&folder)?;
                Box::new(Node::set_up(peer, &bench.node_peers, folder, postgres, windows.trust_seconds)?)
            }
        };
        let calls = system.calls();
        control::attend(&mut *system, |commands| Measured::run(program, &calls, trials, commands))
    }
}

/// Why the peers are missing, if they are.
fn missing_peers(folder: &Path) -> Option<String> {
    if !folder.join("node_modules").is_dir() {
        return Some("the peers were not installed; run `npm ci` in `bench/window-peers`.".to_owned());
    }
    let version = process::output(Command::new("node").args(["-p", "process.versions.node"]));
    let major = version.ok().and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    let is_new_enough = major.is_some_and(|major| major >= NODE_MAJOR);
    (!is_new_enough).then(|| format!("the peers need Node.js {NODE_MAJOR} or newer."))
}

fn method(bench: &Bench) -> Result<Vec<String>> {
    let windows = bench.plan.windows;
    let manifest: Value = serde_json::from_str(
        &std::fs::read_to_string(bench.node_peers.join("package.json")).context("the peers' package.json")?,
    )?;
    let version = |name: &str| {
        let version = manifest.pointer("/dependencies")?.get(name)?.as_str()?;
        Some(format!("{name} {version}"))
    };
    let versions: Vec<String> =
        ["better-auth", "@better-auth/api-key", "@better-auth/redis-storage", "oidc-provider", "jose", "pg"]
            .into_iter()
            .filter_map(version)
            .collect();
    Ok(vec![
        format!(
            "`keyward bench window` on each, all at once, since windows are compared and not speeds. In each trial a key is \
             made, four clients present it without pause, and it is removed; every accept counts that *began* after the answer \
             to the removal. In as many trials again the system is stopped and started after the removal, and in as many again a \
             backup from before the removal is put back. A trial ends when nothing was accepted for a second, or {} s after \
             the last thing was done ({} s for the last two rows), and counts only if a second key, which nobody removed, is \
             accepted then.",
            windows.limit_seconds,
            windows.limit_seconds + windows.trust_seconds,
        ),
        "*Accepted* says in how many trials the removed key was accepted at all. Times run from the answer to the beginning of \
         the last accept, what was done in between included; *over* marks those that had not ended."
            .to_owned(),
        "Keyward is set up by `keyward init` and `keyward serve`; keys are presented to `/v1/forward-auth`, or to a gateway in a \
         process of its own with the SDK's verifier, which asks nobody. Its backup is `keyward store backup` with the slots, put \
         back by `keyward store restore` into an emptied data folder; keys and anchor stay. It sees that it is behind and accepts \
         nothing, so that one trial is all there is; what is left to its operator is the newest copy, or `keyward recover \
         --accept-loss`, which ends every key."
            .to_owned(),
        format!(
            "Each peer ({}) is two instances on one PostgreSQL database: keys are made and removed at the first and presented to \
             the second, and both are restarted. Backups are `pg_dump` while they run, put back by `pg_restore --clean` while they do not.",
            versions.join(", "),
        ),
        "better-auth has its API key plugin without its limit of ten requests a day, and keys in the database, its default; or \
         `storage: \"secondary-storage\"` in Redis by better-auth's own adapter, where a restart includes Redis and a backup is \
         `redis-cli --rdb` as well. There a verify reads the key and writes it back with the time of its last use, so that one \
         which is under way during a removal may write the removed key back."
            .to_owned(),
        format!(
            "oidc-provider issues access tokens of client credentials: opaque ones, which are revoked (RFC 7009), and about which \
             the provider is asked with each request (RFC 7662); or JWTs, which the service checks itself. No JWT is \
             revoked by it, so there the client is removed; its tokens go on until they expire, here after {} s, by default after \
             600 s. The table is the common home-made way: digests of keys in PostgreSQL, and in each instance a cache that is \
             trusted for {} s; who removes a key drops it from the table and from its own cache.",
            windows.trust_seconds, windows.trust_seconds,
        ),
    ])
}
