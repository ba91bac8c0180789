//! This file is about how fast the embedded store is on this machine, beside what the disk can do at all.
//!
//! `cargo run --release -p keyward-store --example store_rates -- FOLDER [RECORDS]`: fills a store in `FOLDER` with
//! `RECORDS` keys (default 1,000,000), then measures. `docs/storage.md` has the figures and what follows from them.
#![expect(clippy::print_stdout, reason = "the figures are what this program is for")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use keyward_core::event::{Details, Event, Happened, Reason, Subject};
use keyward_core::id::{Id, OrganizationId};
use keyward_core::seal::WrappedSlot;
use keyward_core::store::{Change, List, Name, Record, RecordKind, SlotChange, Store};
use keyward_core::time::Timestamp;
use keyward_log::{KeyName, Opening, Signer};
use keyward_store::{Embedded, Options};

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("name a folder")?;
    let records: u64 = arguments.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    runtime.block_on(runtime.spawn(measure(folder.to_owned(), records)))?
}

async fn measure(folder: std::path::PathBuf, records: u64) -> Outcome {
    let data = folder.join("data");
    let store = Arc::new(if data.join("FORMAT").exists() {
        open(&data)?
    } else {
        Embedded::create(&data, signer()?, Options::default())?
    });
    let there = store.events(0, 1).await?.len();
    if there == 0 {
        let start = Instant::now();
        run(&store, 4096, 0, records, |number| change(number, 1, SlotChange::Fill(slot(number)))).await?;
        report("fill (issue, 4,096 in flight)", records, start.elapsed());
    }
    let mut rounds = Rounds(records);
    for _ in 0..if std::env::var_os("BULK_ONLY").is_some() { 0 } else { 3 } {
        println!("floor: 4 KiB append + fdatasync, p50 {:.0} us", floor(&folder)?);
        rounds.closed(&store, 1, 3_000).await?;
        rounds.closed(&store, 64, 100_000).await?;
        rounds.closed(&store, 4096, 400_000).await?;
    }
    for _ in 0..std::env::var("BULKS").map_or(1, |text| text.parse().unwrap_or(1)) {
        rounds.closed(&store, 4096, 400_000).await?;
    }
    fetch(&store, records).await?;
    drop(Arc::into_inner(store).ok_or("the store is still in use")?);
    let start = Instant::now();
    let store = open(&data)?;
    println!("open: {:.2} s", start.elapsed().as_secs_f64());
    scan(&store).await?;
    scan(&store).await
}

/// Removes keys from the newest on, each once.
struct Rounds(u64);

impl Rounds {
    async fn closed(&mut self, store: &Arc<Embedded>, clients: u64, count: u64) -> Outcome {
        let count = count.min(self.0 / 4);
        self.0 -= count;
        let before = thread_times();
        let start = Instant::now();
        let waits = run(store, clients, self.0, count, |number| change(number, 2, SlotChange::Erase)).await?;
        report(&format!("remove, {clients} clients"), count, start.elapsed());
        let at = |share: f64| {
            waits.get((waits.len() as f64 * share) as usize).map_or(0.0, |wait| wait.as_secs_f64() * 1e6)
        };
        let busy = thread_times().into_iter().filter(|(name, _)| name != "housekeeper" && name != "measure");
        for (name, ran) in busy {
            let ran = ran - before.get(&name).copied().unwrap_or(0.0);
            print!("    {name} {:.2} us", ran / count as f64);
        }
        println!();
        println!("    p50 {:.0} us, p99 {:.0} us", at(0.5), at(0.99));
        Ok(())
    }
}

/// Commits `count` changes with so many clients that each wait for their answer; returns the waits, sorted.
async fn run(
    store: &Arc<Embedded>,
    clients: u64,
    first: u64,
    count: u64,
    change: impl Fn(u64) -> Change + Copy + Send + 'static,
) -> Outcome<Vec<Duration>> {
    let next = Arc::new(AtomicU64::new(first));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..clients {
        let (store, next) = (Arc::clone(store), Arc::clone(&next));
        tasks.spawn(async move {
            let mut waits = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= first + count {
                    return Ok::<_, keyward_core::store::CommitError>(waits);
                }
                let start = Instant::now();
                store.commit(change(number)).await?;
                waits.push(start.elapsed());
            }
        });
    }
    let mut waits = Vec::new();
    while let Some(done) = tasks.join_next().await {
        waits.extend(done??);
    }
    waits.sort_unstable();
    Ok(waits)
}

async fn fetch(store: &Embedded, records: u64) -> Outcome {
    let start = Instant::now();
    let count = 100_000;
    for number in 0..count {
        store.fetch(id(number * 7919 % records)).await?.ok_or("a record is missing")?;
    }
    println!("fetch: {:.1} us", start.elapsed().as_secs_f64() * 1e6 / count as f64);
    Ok(())
}

async fn scan(store: &Embedded) -> Outcome {
    let start = Instant::now();
    let (seen, with_slot) = (AtomicU64::new(0), AtomicU64::new(0));
    let visit = |stored: keyward_core::store::Stored| {
        seen.fetch_add(1, Ordering::Relaxed);
        with_slot.fetch_add(u64::from(stored.slot.is_some()), Ordering::Relaxed);
    };
    store.scan(RecordKind::Key, &visit).await?;
    println!(
        "scan: {} records, {} slots in {:.2} s",
        seen.load(Ordering::Relaxed),
        with_slot.load(Ordering::Relaxed),
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

fn floor(folder: &Path) -> Outcome<f64> {
    let path = folder.join("floor");
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
    let mut waits = Vec::new();
    for number in 0..2_000 {
        let start = Instant::now();
        file.write_all_at(&[7; 4096], number * 4096)?;
        file.sync_data()?;
        waits.push(start.elapsed());
    }
    std::fs::remove_file(path)?;
    waits.sort_unstable();
    Ok(waits.get(waits.len() / 2).map_or(0.0, |wait| wait.as_secs_f64() * 1e6))
}

fn report(what: &str, count: u64, elapsed: Duration) {
    println!(
        "{what}: {:.0} /s ({:.2} us each)",
        count as f64 / elapsed.as_secs_f64(),
        elapsed.as_secs_f64() * 1e6 / count as f64
    );
}

/// How long each kind of thread has run so far: unlike the clock, other programs do not disturb it.
fn thread_times() -> BTreeMap<String, f64> {
    let mut times = BTreeMap::new();
    for task in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let read = |name: &str| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
        let ran = read("schedstat").split(' ').next().and_then(|text| text.parse::<f64>().ok());
        *times.entry(read("comm").trim().to_owned()).or_default() += ran.unwrap_or(0.0) / 1e3;
    }
    times
}

fn open(folder: &Path) -> Outcome<Embedded> {
    Ok(Embedded::open(folder, signer()?, Options::default())?)
}

fn signer() -> Outcome<Signer> {
    Ok(Signer::new(KeyName::new("measure.example/log")?, &[7; 32].into())?)
}

/// As core makes them: the time in front, then random bits.
fn id(number: u64) -> Id {
    let mut random = [0; 10];
    let drawn = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    random.iter_mut().zip(drawn.to_be_bytes()).for_each(|(to, from)| *to = from);
    Id::new(Timestamp::from_millis(1_700_000_000_000 + number / 100), random)
}

/// Names are keyed hashes, so they come in no order.
fn keyed(id: Id) -> [u8; 16] {
    let bits = id.bits().wrapping_mul(0x2d99_787e_8ce3_a9a7_9e37_79b9_7f4a_7c15);
    (bits ^ (bits >> 64)).wrapping_mul(0xd134_2543_de82_ef95_9fb2_1c65_1e98_df25).to_be_bytes()
}

fn slot(number: u64) -> WrappedSlot {
    WrappedSlot([(number % 255) as u8 + 1; 64])
}

fn change(number: u64, version: u64, slot: SlotChange) -> Change {
    let id = id(number);
    let owner = Id::from_bits(u128::from(number % 1000 + 1));
    let is_new = version == 1;
    let names = vec![Name(keyed(id))];
    let record = Record {
        id,
        kind: RecordKind::Key,
        version,
        body: vec![42; if is_new { 160 } else { 60 }],
        names,
        lists: vec![List { kind: RecordKind::Key, owner }],
    };
    let event = Event {
        at: Timestamp::from_millis(1_700_000_000_000 + number),
        subject: Subject::Key,
        happened: if is_new { Happened::Created } else { Happened::Removed(Reason::Retired) },
        version,
        opening: Opening { salt: [9; 16], id: id.bytes() },
        details: Details {
            organization: OrganizationId::from(owner),
            actor: None,
            acting_as: None,
            request: 1,
        },
    };
    Change { record, slot, event, replay: None, apply: Box::new(|_| {}) }
}
