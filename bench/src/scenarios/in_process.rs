//! This file is about (b): a verify inside the calling process, nanoseconds a call and bytes a key. It fills the
//! server's own table of live keys and asks it as the server does, without HTTP.

use std::hint::black_box;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use keyward_core::account::{Account, Organization, Role, Standing};
use keyward_core::command::Draft;
use keyward_core::error::Error;
use keyward_core::id::Id;
use keyward_core::key::{Key, Material, Place, Proof, Scheme, SecretMaterial};
use keyward_core::live::{Live, Whose};
use keyward_core::seal::{Pepper, SlotSecret};
use keyward_core::secret::{Digest, Format, Label, Presented, Secret};
use keyward_core::time::Timestamp;
use keyward_core::verbs::issue::{Birth, issue};

use crate::clock;
use crate::measure::{self, IN_A_ROW};
use crate::report::table::Table;
use crate::report::{Bound, Section, Target, figures};
use crate::scenarios::{Bench, progress};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
/// How many verifies are timed in all, at each size.
const SAMPLES: usize = 320_000;

/// What one size gave.
struct Figures {
    verify: Duration,
    slowest: Duration,
    hash: Duration,
    access: Duration,
    bytes: f64,
}

/// Measures.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let columns =
        ["keys", "verify, median", "p99 of the means", "SHA-256 alone", "one memory access", "bytes a key"];
    let mut table = Table::new("", &columns);
    let mut first = None;
    for keys in bench.plan.in_process_keys {
        progress(&format!("(b) {keys} keys in memory"));
        let found = measure(keys)?;
        table.row([
            figures::whole(keys as f64),
            figures::duration(found.verify.as_secs_f64()),
            figures::duration(found.slowest.as_secs_f64()),
            figures::duration(found.hash.as_secs_f64()),
            figures::duration(found.access.as_secs_f64()),
            format!("{:.1}", found.bytes),
        ]);
        first.get_or_insert(found);
    }
    let judged = first.filter(|_| bench.plan.in_process_keys.contains(&1_000_000));
    let target = |promise, measured, bound, unit| Target { promise, measured, bound, unit };
    Ok(Section {
        title: "(b) Verify inside the process",
        method: vec![format!(
            "The server's own table, filled with keys of our format (names of about ten bytes, an expiry); then random \
             ones of them are presented as text: read, hashed, found, and judged by state, account, time and network. \
             {SAMPLES} verifies, the mean of {IN_A_ROW} in a row each time; the median of those means counts. Beside it, \
             from the same minute: the hash alone, and one dependent access to a random word of as much memory as the \
             table takes: a verify of such a key needs two, the first while it hashes."
        )],
        tables: vec![table],
        targets: vec![
            target(
                "in-process verify at 1 M keys, median",
                judged.as_ref().map(|found| found.verify.as_nanos() as f64),
                Bound::AtMost(200.0),
                " ns",
            ),
            target(
                "the verifier's memory a key",
                judged.map(|found| found.bytes),
                Bound::AtMost(64.0),
                " bytes",
            ),
        ],
        missing: None,
    })
}

fn measure(keys: usize) -> Result<Figures> {
    let (live, pepper) = (Live::new(0x5eed, keys, SlotSecret::new([8; 32]).sealer()?), Pepper::new(&[7; 32]));
    let (organization, account) = owners();
    live.directory.set_organization(&organization);
    live.directory.set_account(&account);
    for number in 0..keys {
        live.admit(&key(number as u64, &account).map_err(explain)?).map_err(explain)?;
    }
    let texts: Vec<Secret> = (0..SAMPLES)
        .map(|sample| secret(mix(sample as u64 ^ 0xbead) % keys as u64))
        .collect::<Option<_>>()
        .context("a label of our own")?;
    let (verify, slowest) = measure::calls(&texts, |text| {
        let presented = Presented::read(text.expose());
        let found = presented.and_then(|presented| live.find(&presented, Whose::Anyone, &pepper));
        found.is_some_and(|(entry, _)| entry.judge(None, NOW).is_ok())
    })?;
    let (hash, _) = measure::calls(&texts, |text| Digest::of(text.expose().as_bytes()).bytes().len() == 32)?;
    let bytes = live.bytes();
    Ok(Figures { verify, slowest, hash, access: access(bytes), bytes: bytes as f64 / keys as f64 })
}

/// One dependent access to a random word of so much memory.
pub(super) fn access(bytes: usize) -> Duration {
    let words = (bytes / 8).max(1);
    let memory: Vec<u64> = (0..words as u64).map(mix).collect();
    let mut at = 0;
    let mut means = Vec::new();
    for round in 0..10_000_u64 {
        let begun = clock::now();
        for step in 0..IN_A_ROW as u64 {
            // Without the count the walk would soon go in a circle.
            let next = memory.get(at).copied().unwrap_or_default().wrapping_add(round * 64 + step);
            at = (next % words as u64) as usize;
        }
        means.push(begun.elapsed() / IN_A_ROW as u32);
    }
    black_box(at);
    means.sort_unstable();
    means.get(means.len() / 2).copied().unwrap_or_default()
}

fn owners() -> (Organization, Account) {
    let organization = Organization {
        id: Id::from_bits(1).into(),
        name: "bench".to_owned(),
        operator: false,
        hold: None,
        standing: Standing::Active,
        created_at: NOW,
        salt: [0; 16],
        version: 1,
        names: Vec::new(),
    };
    let account = Account {
        id: Id::from_bits(2).into(),
        organization: organization.id,
        parent: None,
        name: "bench".to_owned(),
        role: Role::Member,
        standing: Standing::Active,
        created_at: NOW,
        salt: [0; 16],
        version: 1,
        names: Vec::new(),
    };
    (organization, account)
}

fn key(number: u64, account: &Account) -> Result<Key, Error> {
    let text = secret(number).ok_or_else(|| Error::internal("a label of our own"))?;
    let handle = Presented::read(text.expose()).and_then(|presented| presented.handle());
    let birth = Birth {
        id: Id::from_bits(u128::from(mix(number)) << 64 | u128::from(number)).into(),
        organization: account.organization,
        account: account.id,
        handle: handle.ok_or_else(|| Error::internal("a secret without handle"))?,
        place: Place::Handle,
        environment: Label::parse("live").ok_or_else(|| Error::internal("a label of our own"))?,
        protected: false,
        material: Material::Secret(SecretMaterial {
            proof: Proof::Digest(Scheme::Sha256, Digest::of(text.expose().as_bytes())),
            hint: String::new(),
            recoverable: None,
        }),
        names: Vec::new(),
        salt: [0; 16],
        supersedes: None,
        session: None,
    };
    let expires_at = Some(NOW.plus_seconds(1 + number));
    issue(birth, Draft { name: format!("bench-{number}"), expires_at, ..Draft::default() }, NOW)
}

/// The secret of a key by its number.
fn secret(number: u64) -> Option<Secret> {
    let mut state = mix(number.wrapping_mul(1_000_003));
    let mut random = |bytes: &mut [u8]| {
        for chunk in bytes.chunks_mut(8) {
            state = mix(state);
            chunk.copy_from_slice(state.to_le_bytes().get(..chunk.len()).unwrap_or_default());
        }
    };
    Some(Secret::generate(&Format::Keyward(Label::parse("kw")?), &Label::parse("live")?, &mut random))
}

/// Spreads a number over all 64 bits (the finalizer of `SplitMix64`).
fn mix(number: u64) -> u64 {
    let z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn explain(error: Error) -> anyhow::Error {
    anyhow!("{error:?}")
}
