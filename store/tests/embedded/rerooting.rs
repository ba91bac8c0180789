//! This file is about dying while every slot is wrapped under a new root: at every step, and then going on.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use keyward_core::command::{Answer, Command, Draft, Ending, Issue};
use keyward_core::epoch::Rhythm;
use keyward_core::error::Error;
use keyward_core::event::Reason;
use keyward_core::id::KeyId;
use keyward_core::keyward::{Environment, Keyward, Moment, Origin};
use keyward_core::permit::{Caller, Verb};
use keyward_core::scope::Scopes;
use keyward_core::seal::{Pepper, Root};
use keyward_core::secret::{Format, Label};
use keyward_core::store::{RecordKind, Store, Stored};
use keyward_core::time::Timestamp;
use keyward_store::{Embedded, Options, Standing};
use zeroize::Zeroizing;

use crate::crashes::{Place, copy};
use crate::fixture::{run, signer};
use crate::workload::CutAfter;

/// A clock that goes on by itself, numbers that never repeat, and roots in a folder.
struct Machine {
    roots: PathBuf,
    cut: Arc<CutAfter>,
    drawn: AtomicU64,
}

impl Machine {
    /// A machine whose numbers begin here: another beginning for each start.
    fn new(roots: &Path, cut: Arc<CutAfter>, begin: u64) -> Self {
        fs::create_dir_all(roots).unwrap();
        if fs::read_dir(roots).unwrap().next().is_none() {
            fs::write(roots.join("1"), [1; 32]).unwrap();
        }
        Self { roots: roots.to_owned(), cut, drawn: AtomicU64::new(begin << 48) }
    }

    fn epochs(&self) -> Vec<u32> {
        let names = fs::read_dir(&self.roots).unwrap().map(|entry| entry.unwrap().file_name());
        let mut epochs: Vec<u32> = names.filter_map(|name| name.to_str().unwrap().parse().ok()).collect();
        epochs.sort_unstable();
        epochs
    }

    fn root(&self, epoch: u32) -> Root {
        let key = fs::read(self.roots.join(epoch.to_string())).unwrap();
        Root::new(epoch, &key.try_into().unwrap()).unwrap()
    }
}

impl Environment for Machine {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + (self.drawn.fetch_add(1, Ordering::SeqCst) >> 48))
    }

    fn moment(&self) -> Moment {
        // Beyond every lease of the start before this one.
        Moment::from_nanos(self.drawn.fetch_add(1_000_000_000, Ordering::SeqCst))
    }

    async fn pause(&self, _: Duration) {
        tokio::task::yield_now().await;
    }

    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let drawn = self.drawn.fetch_add(1, Ordering::SeqCst).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            chunk.iter_mut().zip(drawn.to_be_bytes()).for_each(|(to, from)| *to = from);
        }
    }

    async fn check_slow_hash(&self, _: String, _: Zeroizing<String>) -> bool {
        false
    }

    async fn hash_password(&self, _: Zeroizing<String>) -> Option<String> {
        None
    }

    async fn roots(&self) -> Result<Vec<Root>, Error> {
        Ok(self.epochs().into_iter().map(|epoch| self.root(epoch)).collect())
    }

    async fn create_root(&self, epoch: u32) -> Result<Root, Error> {
        self.cut.step();
        let file = self.roots.join(epoch.to_string());
        if !file.exists() {
            let mut key = [0; 32];
            self.fill(&mut key);
            let new = file.with_extension("new");
            fs::write(&new, key).unwrap();
            self.cut.step();
            fs::rename(new, file).unwrap();
        }
        self.cut.step();
        Ok(self.root(epoch))
    }

    async fn destroy_roots_before(&self, epoch: u32) -> Result<(), Error> {
        self.cut.step();
        for older in self.epochs().into_iter().filter(|older| *older < epoch) {
            fs::remove_file(self.roots.join(older.to_string())).unwrap();
            self.cut.step();
        }
        Ok(())
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(work);
    }
}

type Core = Arc<Keyward<Embedded, Machine>>;

/// Starts over the store in a folder of store, anchor and roots.
async fn start(place: &Path, cut: Arc<CutAfter>, begin: u64) -> Result<Core, Error> {
    let faults = Arc::clone(&cut);
    let options = Options { anchor: Some(place.join("anchor")), faults, ..Options::default() };
    let store = Embedded::open(&place.join("store"), signer(), options).unwrap();
    assert_eq!(store.standing(), Standing::Ready);
    let machine = Machine::new(&place.join("roots"), cut, begin);
    Keyward::start(store, machine, Pepper::new(&[9; 32]), 8).await
}

async fn ask(core: &Core, owner: &Caller, verb: Verb, command: Command) -> Answer {
    let done = core.execute(&owner.permit(verb).unwrap(), command, &Origin::default()).await;
    done.unwrap_or_else(|error| panic!("{error:?}")).answer
}

fn new_key() -> Command {
    Command::Issue(Box::new(Issue {
        account: None,
        format: Format::Keyward(Label::parse("kw").unwrap()),
        environment: Label::parse("live").unwrap(),
        protected: false,
        recoverable: false,
        numbered: false,
        draft: Draft {
            name: "key".to_owned(),
            scopes: Scopes::parse(["orders"]).unwrap(),
            ..Draft::default()
        },
    }))
}

async fn issue(core: &Core, owner: &Caller) -> KeyId {
    let Answer::Issued(key, secret) = ask(core, owner, Verb::Issue, new_key()).await else { panic!("a key") };
    say(&format!("issued {}", secret.expose()));
    key.head.id
}

async fn remove(core: &Core, owner: &Caller, key: KeyId) {
    let reason = Reason::Retired;
    let command = Command::Remove(key.into(), Ending { reason, ..Ending::default() });
    ask(core, owner, Verb::Remove, command).await;
    say(&format!("removed {key}"));
}

/// One write, so that a line is there wholly or not at all.
fn say(answer: &str) {
    std::io::stdout().write_all(format!("answer: {answer}\n").as_bytes()).unwrap();
}

/// The child's part; the parent runs it in a process of its own.
#[test]
#[ignore = "run by another test, in a process that dies"]
fn child() {
    let told = |name: &str| std::env::var(format!("REROOT_CHILD_{name}")).unwrap();
    let place = PathBuf::from(told("PLACE"));
    let secret = told("OWNER");
    let cut = Arc::new(CutAfter(AtomicI64::new(told("CUT").parse().unwrap())));
    run(async {
        let core = start(&place, cut, 2).await.unwrap();
        let owner = core.authenticate(&secret, None).unwrap();
        core.reroot(None, &Origin::default()).await.unwrap();
        say("rerooted");
        let key = issue(&core, &owner).await;
        remove(&core, &owner, key).await;
    });
}

/// What was there before: the owner's secret, those of keys, and that of a key that was removed.
struct Before {
    owner: String,
    kept: Vec<String>,
    gone: String,
}

fn never() -> Arc<CutAfter> {
    Arc::new(CutAfter(AtomicI64::new(-1)))
}

async fn prepare(place: &Path) -> Before {
    let core = start(place, never(), 1).await.unwrap();
    let (_, owner) = core.found("acme", "ann").await.unwrap();
    let owner = owner.expose().to_owned();
    let caller = core.authenticate(&owner, None).unwrap();
    let (mut kept, mut last) = (Vec::new(), None);
    // More than are wrapped in one step.
    for _ in 0..700 {
        let Answer::Issued(key, secret) = ask(&core, &caller, Verb::Issue, new_key()).await else {
            panic!("a key")
        };
        kept.push(secret.expose().to_owned());
        last = Some(key.head.id);
    }
    remove(&core, &caller, last.unwrap()).await;
    let gone = kept.pop().unwrap();
    Before { owner, kept, gone }
}

/// What was answered holds at once, nothing is lost, and the re-rooting goes on.
async fn assert_holds(place: &Path, before: &Before, answers: &[String]) {
    let core = start(place, never(), 3).await.unwrap();
    assert_eq!(core.store().check(&|_, _| true).unwrap(), []);
    let accepts = |secret: &str| core.authenticate(secret, None).is_ok();
    let all_accepted = || accepts(&before.owner) && before.kept.iter().all(|secret| accepts(secret));
    assert!(all_accepted() && !accepts(&before.gone));
    let said = |word: &str| answers.iter().filter(|line| line.starts_with(word)).count();
    // It may have been removed although nobody was told.
    let issued = answers.iter().find_map(|line| line.strip_prefix("issued "));
    assert!(!(said("removed") == 1 && accepts(issued.unwrap())), "it is back");
    // What was cut off goes on, whatever the rhythm.
    let nothing = Rhythm { removals: 0, seconds: 0 };
    core.reroot_if_due(nothing).await.unwrap();
    let epochs = core.environment().epochs();
    // A root that was made and never begun may lie there, and wraps nothing.
    let has_unbegun = epochs == [1, 2] && said("rerooted") == 0;
    assert!(epochs.len() == 1 || has_unbegun, "{epochs:?}");
    let newest = if has_unbegun { 1 } else { epochs[0] };
    let is_newest = |stored: Stored| {
        assert!(stored.slot.is_none_or(|slot| slot.epoch() == newest), "{epochs:?}");
    };
    core.store().scan(RecordKind::Key, &is_newest).await.unwrap();
    assert!(!core.reroot_if_due(nothing).await.unwrap());
    core.reroot(None, &Origin::default()).await.unwrap();
    assert_eq!(core.environment().epochs(), [newest + 1]);
    assert!(all_accepted());
}

/// The store is cut before each step that it takes, one cut a run, until a run takes no further step.
#[test]
fn a_rerooting_survives_a_cut_at_every_step() {
    let made = Place::new();
    let before = run(prepare(made.kept.path()));
    let mut cuts = 0;
    loop {
        let kept = tempfile::tempdir().unwrap();
        let place = kept.path();
        copy(made.kept.path(), place);
        let mut child = Process::new(std::env::current_exe().unwrap());
        child.args(["--exact", "rerooting::child", "--ignored", "--nocapture", "--test-threads=1"]);
        child.env("REROOT_CHILD_PLACE", place).env("REROOT_CHILD_OWNER", &before.owner);
        child.env("REROOT_CHILD_CUT", cuts.to_string()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = child.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let answers: Vec<String> =
            lines.filter_map(|line| Some(line.split_once("answer: ")?.1.to_owned())).collect();
        let ended_well = child.wait().unwrap().success();
        run(assert_holds(place, &before, &answers));
        if ended_well {
            assert_eq!(answers.len(), 3, "{answers:?}");
            break;
        }
        cuts += 1;
    }
    assert!(cuts > 20, "only {cuts} steps were cut");
}
