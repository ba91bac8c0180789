//! This file is about the promise itself: removal after removal, each followed by asking every verifier, with processes stopped
//! and a network cut in between. Nothing may be accepted.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::keyward::{Issued, Keyward};
use crate::partition::Partition;
use crate::report::figures;
use crate::report::table::Table;
use crate::scenarios::{Bench, progress};
use crate::verifiers::{Told, Verifiers};

/// Verifiers in each of the two processes.
const EACH: usize = 5;

/// Trials with a disturbance; each takes a lease, seconds.
const DISTURBANCES: usize = 40;

/// Keys that are made at a time.
const BATCH: usize = 5_000;

/// How long all verifiers may take to be back, or to have been told of new keys.
const BACK_WITHIN: Duration = Duration::from_secs(60);

/// What the trials gave.
#[derive(Default)]
pub(super) struct Tried {
    removals: usize,
    stopped: usize,
    cut: usize,
    /// What the verifiers said in all.
    pub(super) told: Told,
}

/// What is done to verifiers during a removal.
#[derive(Clone, Copy)]
enum Disturbance {
    Nothing,
    /// One process is stopped, and goes on after the answer.
    Stop,
    /// The other one's network is cut until it was asked.
    Cut,
}

/// The server, the verifiers, and the key that is not removed.
struct Scene {
    keyward: Keyward,
    direct: Verifiers,
    relayed: Verifiers,
    relay: Partition,
    control: Issued,
}

/// In which trials something is disturbed.
pub(super) fn disturbed_every(trials: usize) -> usize {
    trials.div_ceil(DISTURBANCES).max(50)
}

pub(super) fn run(bench: &Bench, program: &Path) -> Result<Tried> {
    let mut scene = Scene::start(bench, program)?;
    let every = disturbed_every(bench.plan.trials);
    let mut tried = Tried::default();
    while tried.removals < bench.plan.trials {
        progress(&format!("(h) trials: {} of {}", tried.removals, bench.plan.trials));
        let keys = scene.keyward.issue_keys(BATCH.min(bench.plan.trials - tried.removals))?;
        for key in keys {
            let disturbance = match tried.removals {
                trial if trial % every != every - 1 => Disturbance::Nothing,
                trial if (trial / every).is_multiple_of(2) => Disturbance::Stop,
                _ => Disturbance::Cut,
            };
            let told = scene.trial(&key, disturbance)?;
            tried.count(&key, told, disturbance);
        }
    }
    Ok(tried)
}

impl Scene {
    fn start(bench: &Bench, program: &Path) -> Result<Self> {
        progress("(h) starting ten verifiers");
        let folder = bench.folder("trials")?;
        let keyward = Keyward::start(program, &folder.join("data"), None, &folder)?;
        let relay = Partition::before(keyward.http)?;
        let direct = Verifiers::start(&keyward, None, "direct", EACH, &folder)?;
        let relayed = Verifiers::start(&keyward, Some(relay.address), "relayed", EACH, &folder)?;
        let control = keyward.issue_keys(1)?.pop().context("no key")?;
        Ok(Self { keyward, direct, relayed, relay, control })
    }

    /// Removes a key that all verifiers accept; what they say of it from the answer on.
    fn trial(&mut self, key: &Issued, disturbance: Disturbance) -> Result<Told> {
        self.direct.wait_until_valid(&key.secret, BACK_WITHIN)?;
        self.relayed.wait_until_valid(&key.secret, BACK_WITHIN)?;
        match disturbance {
            Disturbance::Nothing => {}
            Disturbance::Stop => self.direct.process.suspend()?,
            Disturbance::Cut => self.relay.cut(),
        }
        self.keyward.remove_key(&key.id)?;
        if matches!(disturbance, Disturbance::Stop) {
            self.direct.process.resume()?;
        }
        let told = self.direct.ask(&key.secret)?.and(self.relayed.ask(&key.secret)?);
        match disturbance {
            Disturbance::Nothing => {}
            Disturbance::Stop | Disturbance::Cut => {
                self.relay.heal();
                self.direct.wait_until_valid(&self.control.secret, BACK_WITHIN)?;
                self.relayed.wait_until_valid(&self.control.secret, BACK_WITHIN)?;
            }
        }
        // What was told late must not bring it back either.
        let again = self.direct.ask(&key.secret)?.and(self.relayed.ask(&key.secret)?);
        Ok(told.and(again))
    }
}

impl Tried {
    fn count(&mut self, key: &Issued, told: Told, disturbance: Disturbance) {
        self.removals += 1;
        match disturbance {
            Disturbance::Nothing => {}
            Disturbance::Stop => self.stopped += 1,
            Disturbance::Cut => self.cut += 1,
        }
        self.told = self.told.and(told);
        if told.valid > 0 {
            progress(&format!("(h) DEFECT: key {} was accepted after its removal: {told:?}", key.id));
        }
    }

    /// For the report.
    pub(super) fn table(&self) -> Table {
        let columns = [
            "removals",
            "with one process stopped",
            "with the network cut",
            "refused",
            "no lease",
            "accepted",
        ];
        let mut table = Table::new("Trials", &columns);
        let Told { valid, refused, unavailable } = self.told;
        let counts = [self.removals, self.stopped, self.cut, refused, unavailable, valid];
        table.row(counts.map(|count| figures::whole(count as f64)));
        table
    }
}
