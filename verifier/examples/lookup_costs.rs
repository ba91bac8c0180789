//! This program is about what one verify costs, and how many bytes one key takes.
//!
//! `cargo run --release -p keyward-verifier --example lookup_costs -- [keys ...]`; 1,000,000 and 10,000,000 by default. Prints
//! one line for each kind of lookup: the mean over all in a row (what a busy thread sees), and median and 99th percentile of each
//! alone, less the cost of reading the clock.
#![expect(clippy::disallowed_methods, reason = "measuring is about the clock")]
#![expect(clippy::print_stdout, reason = "this is a program for the terminal")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measurement may stop at its own mistakes"
)]

use std::hint::black_box;
use std::time::Instant;

use aws_lc_rs::digest::{SHA256, digest};
use keyward_verifier::{Place, Row, Table};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const TEXT_LEN: usize = 51;
const SAMPLES: u64 = 500_000;
const IN_A_ROW: usize = 32;
const NOW: u64 = 1_800_000_000_000;

type Text = [u8; TEXT_LEN];

fn main() {
    let mut sizes: Vec<u64> = std::env::args().skip(1).map(|size| size.parse().unwrap()).collect();
    if sizes.is_empty() {
        sizes = vec![1_000_000, 10_000_000];
    }
    for keys in sizes {
        memory("names of 8..12 bytes", keys, |key| (None, name(key)));
        let plain = memory("no details, no expiry", keys, |_| (None, String::new()));
        speed(&plain, keys);
        settle(&plain);
        speed(&plain, keys);
        drop(plain);
        let table = memory("names of 8..12 bytes, expiry", keys, |key| (Some(NOW + 1000 + key), name(key)));
        speed(&table, keys);
        settle(&table);
        speed(&table, keys);
    }
}

fn settle(table: &Table) {
    let begun = Instant::now();
    table.settle();
    println!("    settled in {:.2} s", begun.elapsed().as_secs_f64());
}

fn name(key: u64) -> String {
    format!("{key:0>width$.12}", width = 8 + (key % 5) as usize)
}

fn memory(what: &str, keys: u64, extras: impl Fn(u64) -> (Option<u64>, String)) -> Table {
    let table = Table::new(0x5EED_5EED_5EED_5EED, keys as usize);
    let begun = Instant::now();
    for key in 0..keys {
        let text = text(key);
        let (expires_at, details) = extras(key);
        let row = Row {
            id: u128::from(random(key)) << 64,
            profile: key as u32,
            expires_at,
            not_before: None,
            flags: 0,
        };
        table.insert(place(&text), &sha256(&text), &row, details.as_bytes()).unwrap();
    }
    let seconds = begun.elapsed().as_secs_f64();
    let bytes = table.bytes() as f64 / keys as f64;
    println!("{keys:>10} keys, {what:<30} {bytes:5.1} bytes a key, filled in {seconds:.1} s");
    table
}

fn speed(table: &Table, keys: u64) {
    let sample = |first: u64| (0..SAMPLES).map(|n| text(random(first + n) % keys)).collect::<Vec<_>>();
    let mut verify = |text: &Text| {
        let at = table.at(place(text));
        let row = at.find_with(&sha256(text), |row, _| row);
        row.is_some_and(|row| row.expires_at.is_none_or(|at| NOW < at))
    };
    access(table.bytes());
    for round in 0..3 {
        measure("hash only", &sample(round << 32), |text| sha256(text)[0] != 0 || text[0] == b'k');
        measure("verify", &sample(round << 32 | 1 << 30), &mut verify);
    }
    let unknown: Vec<Text> = (0..SAMPLES).map(|n| text(keys + n)).collect();
    let mut name = Vec::new();
    measure("unknown key", &unknown, |text| table.find(place(text), &sha256(text), &mut name).is_none());
}

fn measure(what: &str, texts: &[Text], mut verify: impl FnMut(&Text) -> bool) {
    let mut clock: Vec<u128> = (0..10_000).map(|_| Instant::now().elapsed().as_nanos()).collect();
    clock.sort_unstable();
    let clock = clock[clock.len() / 2];
    let mut good = 0;
    let mut time = |texts: &[Text]| {
        let begun = Instant::now();
        good += texts.iter().filter(|text| black_box(verify(text))).count();
        begun.elapsed().as_nanos().saturating_sub(clock)
    };
    let (in_a_row, alone) = texts.split_at(texts.len() / 2);
    let mut in_a_row: Vec<u128> =
        in_a_row.chunks_exact(IN_A_ROW).map(|texts| time(texts) / IN_A_ROW as u128).collect();
    let mut alone: Vec<u128> = alone.chunks_exact(1).map(time).collect();
    assert_eq!(good, in_a_row.len() * IN_A_ROW + alone.len(), "every answer must be the expected one");
    in_a_row.sort_unstable();
    alone.sort_unstable();
    println!(
        "    {what:<26} {IN_A_ROW} in a row: median {:4} ns each, 10th percentile {:4}; alone: median {:4} ns, p99 {:5} ns",
        in_a_row[in_a_row.len() / 2],
        in_a_row[in_a_row.len() / 10],
        alone[alone.len() / 2],
        alone[alone.len() / 100 * 99],
    );
}

/// What one dependent access to as much memory as the table has costs here and now.
fn access(bytes: usize) {
    let words = bytes / 8;
    let memory: Vec<u64> = (0..words as u64).map(random).collect();
    let mut times = Vec::new();
    let mut at = 0;
    for round in 0..20_000 {
        let begun = Instant::now();
        for step in 0..IN_A_ROW {
            // Without the count the walk would soon go in a circle.
            at = memory[at].wrapping_add((round * IN_A_ROW + step) as u64) as usize % words;
        }
        times.push(begun.elapsed().as_nanos() / IN_A_ROW as u128);
    }
    black_box(at);
    times.sort_unstable();
    println!("    one dependent access to {} MB: median {} ns", bytes >> 20, times[times.len() / 2]);
}

fn sha256(text: &Text) -> [u8; 32] {
    digest(&SHA256, text).as_ref().try_into().unwrap()
}

fn place(text: &Text) -> Place {
    Place::of_chars(text[8..18].try_into().unwrap())
}

/// The text of a key by its number. The last six characters stand for the checksum, whose check is not measured here.
fn text(key: u64) -> Text {
    let mut text = *b"kw_live_0000000000000000000000000000000000000000000";
    for (block, chars) in text[8..].chunks_mut(10).enumerate() {
        let mut number = random(key << 3 | block as u64);
        for char in chars {
            *char = BASE62[(number % 62) as usize];
            number /= 62;
        }
    }
    text
}

/// Numbers that look random, from a number: the SplitMix64 finaliser.
fn random(number: u64) -> u64 {
    let z = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
