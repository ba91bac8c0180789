//! This file is about a workload whose every result is known beforehand, run in a process that is made to die.
//!
//! Key `n` is made at version 1, changed at version 2 and removed at version 3; each step has its own names,
//! lists, body and slot. The child prints one line for every answer that it got. The parent then opens what the
//! child has left, and compares: nothing that was answered may be missing, nothing else may be half there.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use keyward_core::id::Id;
use keyward_core::seal::WrappedSlot;
use keyward_core::store::{Change, CommitError, Name, Record, SlotChange, Spend, Store};
use keyward_core::time::Timestamp;
use keyward_store::{Embedded, Faults, NoFaults, Options, Standing, Step};
use tokio::task::JoinSet;

use crate::fixture::{change, event, id, list, record, run, signer};

/// The last version of each key: the one at which it is removed.
const REMOVED: u64 = 3;
/// The counter that the child draws on.
const COUNTER: u64 = 999_999;
const FOREVER: u64 = 1_900_000_000_000;

/// The step that brings key `number` to a version.
pub(crate) fn step(number: u64, version: u64, body: usize) -> Change {
    let tag = |kind: u8| {
        let mut name = [kind; 16];
        name[..8].copy_from_slice(&number.to_be_bytes());
        Name(name)
    };
    let (names, lists, slot) = match version {
        1 => (vec![tag(1), tag(2)], vec![list(1), list(2)], SlotChange::Fill(slot_of(number, 1))),
        2 => (vec![tag(2), tag(3)], vec![list(2), list(3)], SlotChange::Fill(slot_of(number, 2))),
        _ => (vec![tag(3)], vec![list(3)], SlotChange::Erase),
    };
    let mut record = Record { names, lists, ..record(number, version) };
    record.body.resize(record.body.len().max(body), b'.');
    let mut change = change(record, slot);
    if version == 1 {
        let expires_at = Timestamp::from_millis(FOREVER);
        let answer = number.to_be_bytes().to_vec();
        change.replay =
            Some(keyward_core::store::Replay { id: replay_id(number), request: [1; 32], answer, expires_at });
    }
    change
}

/// 64 bytes that stand nowhere else.
fn slot_of(number: u64, version: u64) -> WrappedSlot {
    let mut slot = [0xa5; 64];
    slot[..8].copy_from_slice(&number.to_be_bytes());
    slot[8] = version as u8;
    WrappedSlot(slot)
}

fn replay_id(number: u64) -> [u8; 32] {
    let mut id = [7; 32];
    id[..8].copy_from_slice(&number.to_be_bytes());
    id
}

/// What the child answered for: the newest version of each key, and how much was drawn.
#[derive(Debug, Default, Clone)]
pub(crate) struct Answers {
    versions: HashMap<u64, u64>,
    drawn: u64,
}

impl Answers {
    /// Reads one line of the child's.
    pub(crate) fn enter(&mut self, line: &str) {
        let mut words = line.split(' ').map(|word| word.parse::<u64>().ok());
        match (words.next(), words.next()) {
            (Some(Some(number)), Some(Some(version))) => {
                let newest = self.versions.entry(number).or_default();
                *newest = version.max(*newest);
            }
            (None | Some(None), _) if line == "drawn" => self.drawn += 1,
            other => panic!("{line}: {other:?}"),
        }
    }

    /// How many answers there were.
    pub(crate) fn count(&self) -> u64 {
        self.drawn + self.versions.values().sum::<u64>()
    }

    /// What the log tells of them. Draws stand in no log: where a file ends before the last batches, and those were draws alone, nothing
    /// tells that there is anything missing.
    pub(crate) fn logged(&self) -> Self {
        Self { drawn: 0, ..self.clone() }
    }

    fn version(&self, number: u64) -> u64 {
        self.versions.get(&number).copied().unwrap_or(0)
    }
}

/// What the child is told through its environment.
pub(crate) struct Orders<'a> {
    /// The data folder, made beforehand.
    pub(crate) folder: &'a Path,
    /// The anchor.
    pub(crate) anchor: &'a Path,
    /// The first key.
    pub(crate) first: u64,
    /// One past the last key.
    pub(crate) end: u64,
    /// The steps to take before it ends itself; negative for none.
    pub(crate) cut_after: i64,
    /// The length of a body.
    pub(crate) body: usize,
}

impl Orders<'_> {
    /// A command that runs the child: this program, with only the test that is the child's part.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        self.arrange(&mut command);
        command
    }

    /// Sets arguments and environment of a command that ends up running this program.
    pub(crate) fn arrange(&self, command: &mut Command) {
        command.args(["--exact", "workload::child", "--ignored", "--nocapture", "--test-threads=1"]);
        command.env("STORE_CHILD_FOLDER", self.folder).env("STORE_CHILD_ANCHOR", self.anchor);
        command.env("STORE_CHILD_FIRST", self.first.to_string());
        command.env("STORE_CHILD_END", self.end.to_string());
        command.env("STORE_CHILD_CUT", self.cut_after.to_string());
        command.env("STORE_CHILD_BODY", self.body.to_string());
        command.stdout(Stdio::piped()).stderr(Stdio::null());
    }
}

/// Reads the child's answers, as many as `limit` at most.
pub(crate) fn listen(child: &mut Child, answers: &mut Answers, limit: u64) {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut heard = 0;
    for line in lines {
        // The test harness prints into the same pipe, even in front of the first answer.
        let Some((_, answer)) = line.split_once("answer: ") else { continue };
        answers.enter(answer);
        heard += 1;
        if heard == limit {
            return;
        }
    }
}

/// Ends the process before one of its steps.
pub(crate) struct CutAfter(pub(crate) AtomicI64);

impl CutAfter {
    /// A step is about to be taken.
    pub(crate) fn step(&self) {
        if self.0.fetch_sub(1, Ordering::SeqCst) == 0 {
            std::process::abort();
        }
    }
}

impl Faults for CutAfter {
    fn reach(&self, _: Step) -> std::io::Result<()> {
        self.step();
        Ok(())
    }
}

/// The child's part; the parent runs it in a process of its own.
#[test]
#[ignore = "run by other tests, in a process that they kill"]
fn child() {
    let told = |name: &str| std::env::var(format!("STORE_CHILD_{name}")).unwrap();
    let number = |name: &str| told(name).parse::<i64>().unwrap();
    let cut = number("CUT");
    let faults: Arc<dyn Faults> =
        if cut < 0 { Arc::new(NoFaults) } else { Arc::new(CutAfter(AtomicI64::new(cut))) };
    let options = Options { anchor: Some(told("ANCHOR").into()), faults, ..Options::default() };
    let store = Embedded::open(told("FOLDER").as_ref(), signer(), options).unwrap();
    let (first, end) = (number("FIRST") as u64, number("END") as u64);
    let body = number("BODY") as usize;
    run(async {
        let store = Arc::new(store);
        let mut tasks = JoinSet::new();
        // Each of four takes every fourth key through its life, so that batches hold changes of every kind. The first takes
        // two at a time.
        for lane in 0..4 {
            let store = Arc::clone(&store);
            tasks.spawn(async move {
                let numbers: Vec<u64> = (first..end).filter(|number| number % 4 == lane).collect();
                for together in numbers.chunks(if lane == 0 { 2 } else { 1 }) {
                    for version in 1..=REMOVED {
                        // Every third key stays alive.
                        let living = together.iter().filter(|number| version < REMOVED || **number % 3 != 0);
                        if !take(&store, &living.copied().collect::<Vec<_>>(), version, body).await {
                            return;
                        }
                    }
                    for _ in together {
                        let spend = Spend { id: id(COUNTER), cost: 1, limit: u64::MAX };
                        if store.spend(spend).await.is_err() {
                            return;
                        }
                        say("drawn");
                    }
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
    });
}

/// Brings keys to a version, and says so; whether all of them came to it.
async fn take(store: &Embedded, numbers: &[u64], version: u64, body: usize) -> bool {
    let done = match numbers {
        [number] => vec![store.commit(step(*number, version, body)).await],
        _ => store.commit_many(numbers.iter().map(|number| step(*number, version, body)).collect()).await,
    };
    let came = numbers.iter().zip(&done).filter(|(_, done)| done.is_ok());
    came.for_each(|(number, _)| say(&format!("{number} {version}")));
    done.iter().all(Result::is_ok)
}

/// One write, so that a line is there wholly or not at all.
fn say(answer: &str) {
    let line = format!("answer: {answer}\n");
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

/// Opens what a child has left.
pub(crate) fn reopen(folder: &Path, anchor: &Path) -> Embedded {
    let options = Options { anchor: Some(anchor.to_owned()), ..Options::default() };
    Embedded::open(folder, signer(), options).unwrap()
}

/// Compares what is there with what was answered; keys from 0 to `end` may have been begun.
pub(crate) async fn compare(store: &Embedded, answers: &Answers, end: u64, body: usize) {
    assert_eq!(store.standing(), Standing::Ready);
    assert_eq!(store.check(&|_, _| true).unwrap(), [], "everything fits together");
    let mut logged = HashMap::<Id, u64>::new();
    let mut from = 0;
    loop {
        let events = store.events(from, 1000).await.unwrap();
        let Some(last) = events.last() else { break };
        from = last.position + 1;
        for entry in events {
            let newest = logged.entry(entry.event.id()).or_default();
            assert_eq!(entry.event.version, *newest + 1, "each version has one event, in order");
            *newest += 1;
        }
    }
    for number in 0..end {
        let version = logged.get(&id(number)).copied().unwrap_or(0);
        assert!(version >= answers.version(number), "key {number}: {version} is less than was answered");
        let stored = store.fetch(id(number)).await.unwrap();
        let Some(stored) = stored else {
            assert_eq!(version, 0, "key {number} is in the log, and gone");
            continue;
        };
        let expected = step(number, version, body);
        assert_eq!(stored.record, expected.record);
        assert_eq!(
            store.events(stored.position, 1).await.unwrap()[0].event,
            event(&expected.record, &expected.slot)
        );
        let slot = match expected.slot {
            SlotChange::Fill(slot) => Some(slot),
            SlotChange::Keep | SlotChange::Erase => None,
        };
        assert_eq!(stored.slot, slot, "key {number} at version {version}");
        let replay = store.replay(replay_id(number), Timestamp::from_millis(0)).await.unwrap();
        assert_eq!(replay.map(|replay| replay.answer), Some(number.to_be_bytes().to_vec()));
    }
    let unlocked = store.spend(Spend { id: id(COUNTER), cost: 0, limit: u64::MAX }).await;
    assert!(u64::MAX - unlocked.unwrap().unwrap() >= answers.drawn);
}

/// No byte of a removed key's slots may be left in the slot file.
pub(crate) fn assert_erased(folder: &Path, answers: &Answers) {
    let slots = std::fs::read(folder.join("slots")).unwrap();
    for cell in slots[4096..].chunks(64).filter(|cell| cell.iter().any(|byte| *byte != 0)) {
        let number = u64::from_be_bytes(cell[..8].try_into().unwrap());
        let version = answers.version(number);
        assert!(version < REMOVED, "a slot of key {number}, which was removed, is still there");
        assert!(u64::from(cell[8]) >= version, "an older slot of key {number} is still there");
    }
}

/// Checks that no answered removal is undone, whatever else was lost.
pub(crate) async fn assert_nothing_came_back(store: &Embedded, answers: &Answers) {
    for (number, _) in answers.versions.iter().filter(|(_, version)| **version == REMOVED) {
        if let Ok(Some(stored)) = store.fetch(id(*number)).await {
            for version in 1..REMOVED {
                assert_ne!(stored.slot, Some(slot_of(*number, version)), "key {number} works again");
            }
        }
    }
}

/// A change that is refused for what the store is, not for what the change is.
pub(crate) async fn assert_locked(store: &Embedded) {
    let refused = store.commit(step(77_777, 1, 0)).await;
    assert!(matches!(refused, Err(CommitError::NotWritten(_))), "{refused:?}");
}
