//! This file is about steps that fail: what callers are told, and when the store stops.

use std::io;
use std::process::Command;
use std::sync::{Arc, Mutex};

use keyward_core::store::{CommitError, Spend, Store};
use keyward_store::{Embedded, Faults, Options, Step};

use crate::crashes::Place;
use crate::fixture::{id, run, signer};
use crate::workload::{Answers, assert_erased, compare, listen, reopen, step};

/// Fails one step, the first time that it is reached after it was armed.
#[derive(Default)]
struct FailOnce(Mutex<Option<Step>>);

impl Faults for FailOnce {
    fn reach(&self, step: Step) -> io::Result<()> {
        let mut armed = self.0.lock().unwrap();
        if *armed == Some(step) {
            *armed = None;
            return Err(io::Error::other("as planned"));
        }
        Ok(())
    }
}

struct Failing {
    store: Embedded,
    faults: Arc<FailOnce>,
    told: Arc<Mutex<Vec<String>>>,
}

fn failing(place: &Place) -> Failing {
    let (faults, told) = (Arc::new(FailOnce::default()), Arc::new(Mutex::new(Vec::new())));
    let listener = Arc::clone(&told);
    let options = Options {
        anchor: Some(place.anchor.clone()),
        faults: Arc::clone(&faults) as Arc<dyn Faults>,
        on_failure: Box::new(move |why| listener.lock().unwrap().push(why.to_owned())),
        ..Options::default()
    };
    Failing { store: Embedded::open(&place.folder, signer(), options).unwrap(), faults, told }
}

/// Commits version 1 of key 0, then version 2 with a step that fails; then tries once more.
async fn fail_at(failing: &Failing, broken: Step) -> (Result<u64, CommitError>, Result<u64, CommitError>) {
    failing.store.commit(step(0, 1, 0)).await.unwrap();
    *failing.faults.0.lock().unwrap() = Some(broken);
    let first = failing.store.commit(step(0, 2, 0)).await;
    (first, failing.store.commit(step(1, 1, 0)).await)
}

fn reopened_has(place: &Place, version: u64) {
    let store = reopen(&place.folder, &place.anchor);
    let stored = run(store.fetch(id(0))).unwrap().unwrap();
    assert_eq!(stored.record, step(0, version, 0).record);
    assert_eq!(store.check(&|_, _| true).unwrap(), []);
}

#[test]
fn slots_that_cannot_be_written_cost_one_batch() {
    let place = Place::new();
    let failing = failing(&place);
    let (failed, next) = run(fail_at(&failing, Step::FillSlots));
    assert!(matches!(failed, Err(CommitError::NotWritten(_))), "{failed:?}");
    assert_eq!(next, Ok(1));
    assert_eq!(failing.store.failure(), None);
    assert_eq!(run(failing.store.commit(step(0, 2, 0))), Ok(2), "a retry succeeds");
    assert_eq!(failing.store.check(&|_, _| true).unwrap(), []);
    drop(failing);
    reopened_has(&place, 2);
}

#[test]
fn a_failed_sync_of_the_slots_stops_the_store_with_nothing_written() {
    let place = Place::new();
    let failing = failing(&place);
    let (failed, next) = run(fail_at(&failing, Step::SyncSlots));
    assert!(matches!(failed, Err(CommitError::NotWritten(_))), "{failed:?}");
    assert!(matches!(next, Err(CommitError::NotWritten(_))), "{next:?}");
    assert_eq!(failing.told.lock().unwrap().len(), 1, "the owner is told once");
    assert!(failing.store.failure().unwrap().contains("slots"));
    drop(failing);
    reopened_has(&place, 1);
}

#[test]
fn a_failed_write_of_the_batch_stops_the_store_and_leaves_it_open() {
    let place = Place::new();
    let failing = failing(&place);
    let (failed, next) = run(fail_at(&failing, Step::WriteBatch));
    assert!(matches!(failed, Err(CommitError::MayBeWritten(_))), "{failed:?}");
    assert!(matches!(next, Err(CommitError::NotWritten(_))), "{next:?}");
    let spent = run(failing.store.spend(Spend { id: id(9), cost: 1, limit: 1 }));
    assert!(matches!(spent, Err(CommitError::NotWritten(_))), "{spent:?}");
    let noted = run(failing.store.note(vec![(id(9), vec![])]));
    assert!(matches!(noted, Err(CommitError::NotWritten(_))), "{noted:?}");
    assert_eq!(run(failing.store.fetch(id(0))).unwrap().unwrap().record.version, 1, "reading goes on");
    drop(failing);
    reopened_has(&place, 1);
}

#[test]
fn of_many_changes_each_learns_what_became_of_it() {
    let place = Place::new();
    let failing = failing(&place);
    let (fails, passes) = run(async {
        // The second is no next version: it is in no batch, whatever becomes of that.
        let changes = || vec![step(0, 1, 0), step(1, 2, 0), step(2, 1, 0)];
        *failing.faults.0.lock().unwrap() = Some(Step::FillSlots);
        let fails = failing.store.commit_many(changes()).await;
        let passes = failing.store.commit_many(changes()).await;
        *failing.faults.0.lock().unwrap() = Some(Step::WriteBatch);
        let broken = failing.store.commit_many(vec![step(0, 2, 0), step(1, 2, 0)]).await;
        assert!(
            matches!(broken[..], [Err(CommitError::MayBeWritten(_)), Err(CommitError::NotWritten(_))]),
            "{broken:?}"
        );
        let stopped = failing.store.commit_many(changes()).await;
        assert!(stopped.iter().all(|done| matches!(done, Err(CommitError::NotWritten(_)))), "{stopped:?}");
        assert_eq!(stopped.len(), 3);
        (fails, passes)
    });
    assert!(fails.iter().all(|done| matches!(done, Err(CommitError::NotWritten(_)))), "{fails:?}");
    assert_eq!(passes, [Ok(0), Err(CommitError::Stale), Ok(1)]);
    drop(failing);
    reopened_has(&place, 1);
}

#[test]
fn what_is_durable_is_answered_even_if_the_store_stops_after_it() {
    for broken in [Step::WriteAnchor, Step::EraseSlots] {
        let place = Place::new();
        let failing = failing(&place);
        let (done, next) = run(fail_at(&failing, broken));
        assert_eq!(done, Ok(1), "{broken:?}");
        assert!(matches!(next, Err(CommitError::NotWritten(_))), "{broken:?}: {next:?}");
        assert_eq!(failing.told.lock().unwrap().len(), 1, "{broken:?}");
        drop(failing);
        reopened_has(&place, 2);
    }
}

#[test]
fn an_apply_that_panics_stops_the_store() {
    let place = Place::new();
    let failing = failing(&place);
    let panicking =
        keyward_core::store::Change { apply: Box::new(|_| panic!("as planned")), ..step(0, 1, 0) };
    let result = run(failing.store.commit(panicking));
    assert!(matches!(result, Err(CommitError::MayBeWritten(_))), "{result:?}");
    // Whether the committer is gone yet, or takes it along, is open.
    assert!(run(failing.store.commit(step(1, 1, 0))).is_err());
    let told = Arc::clone(&failing.told);
    drop(failing);
    assert_eq!(told.lock().unwrap().len(), 1);
    reopened_has(&place, 1);
}

/// The child may write no file beyond 20 MiB, and gets an error when it tries: like a full disk, that ends
/// a commit somewhere in the middle. Large bodies get it there soon.
#[test]
fn a_full_disk_loses_nothing_that_was_answered() {
    let place = Place::new();
    let body = 60_000;
    let mut shell = Command::new("sh");
    let program = std::env::current_exe().unwrap();
    shell.args(["-c", "trap '' XFSZ; ulimit -f 40960; exec \"$0\" \"$@\""]).arg(program);
    let orders = crate::workload::Orders { body, ..place.orders(0, 3000, -1) };
    orders.arrange(&mut shell);
    let mut child = shell.spawn().unwrap();
    let mut answers = Answers::default();
    listen(&mut child, &mut answers, u64::MAX);
    child.wait().unwrap();
    let count = answers.count();
    assert!(count > 100 && count < 3000 * 3, "the disk was full at some time: {count} answers");
    let store = reopen(&place.folder, &place.anchor);
    run(compare(&store, &answers, 3000, body));
    drop(store);
    assert_erased(&place.folder, &answers);
}

/// A folder on a file system that takes no writes; needs the right to mount, so it says when it has not tried.
#[test]
fn a_read_only_disk_is_named() {
    let place = Place::new();
    let script =
        "mount --bind \"$1\" \"$1\" && mount -o remount,ro,bind \"$1\" || exit 77; shift; exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(&place.folder);
    command.arg(std::env::current_exe().unwrap());
    command.args(["--exact", "failures::opens_read_only", "--ignored", "--test-threads=1"]);
    let output = command.env("STORE_CHILD_FOLDER", &place.folder).output();
    match output {
        Ok(output) if output.status.success() => {}
        Ok(output) if output.status.code() == Some(77) || output.status.code() == Some(1) => {
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(!said.contains("panicked"), "{said}");
            assert!(!said.contains("1 failed"), "{said}");
        }
        other => assert!(other.is_err(), "{other:?}"),
    }
}

#[test]
#[ignore = "run by another test, where the folder is read-only"]
fn opens_read_only() {
    let folder = std::path::PathBuf::from(std::env::var("STORE_CHILD_FOLDER").unwrap());
    let error = Embedded::open(&folder, signer(), Options::default()).unwrap_err().to_string();
    assert!(error.contains(folder.to_str().unwrap()), "{error}");
    assert!(error.contains("ead-only"), "{error}");
}
