//! This file is about valid things to begin with: a small store with an organization, an account, a living key, a
//! removed one, and what comes of them.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use keyward_core::command::{Answer, Command, Ending};
use keyward_core::error::Error;
use keyward_core::event::Reason;
use keyward_core::id::Id;
use keyward_core::keyward::{Environment, Keyward, Moment, Origin};
use keyward_core::permit::Verb;
use keyward_core::seal::{Pepper, Root, SlotSecret};
use keyward_core::store::{Record, Store};
use keyward_core::time::Timestamp;
use keyward_log::{KeyName, Receipt, Signer};
use keyward_store::Memory;
use zeroize::Zeroizing;

pub(crate) const ORIGIN: &str = "fuzz.test/log";

/// A clock that stands still, and numbers that only grow.
#[derive(Default)]
pub(crate) struct Still(AtomicU64);

impl Environment for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000)
    }

    fn moment(&self) -> Moment {
        Moment::from_nanos(0)
    }

    async fn pause(&self, _: Duration) {}

    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let drawn = self.0.fetch_add(1, Ordering::SeqCst).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            *byte = drawn.to_be_bytes()[0];
        }
    }

    async fn check_slow_hash(&self, _: String, _: Zeroizing<String>) -> bool {
        false
    }

    async fn hash_password(&self, _: Zeroizing<String>) -> Option<String> {
        None
    }

    async fn roots(&self) -> Result<Vec<Root>, Error> {
        Ok(vec![root()])
    }

    async fn create_root(&self, epoch: u32) -> Result<Root, Error> {
        Ok(Root::new(epoch, &[7; 32])?)
    }

    async fn destroy_roots_before(&self, _: u32) -> Result<(), Error> {
        Ok(())
    }

    fn spawn(&self, _: impl Future<Output = ()> + Send + 'static) {}
}

pub(crate) struct Samples {
    pub(crate) organization: Record,
    pub(crate) account: Record,
    pub(crate) key: Record,
    pub(crate) key_secret: SlotSecret,
    pub(crate) removed: Record,
    pub(crate) events: Vec<Vec<u8>>,
    pub(crate) receipt: Receipt,
    pub(crate) checkpoint: String,
}

pub(crate) static SAMPLES: LazyLock<Samples> = LazyLock::new(make);

pub(crate) fn signer() -> Signer {
    Signer::new(KeyName::new(ORIGIN).unwrap(), &[3; 32].into()).unwrap()
}

/// Runs what waits for nothing, or for another thread.
pub(crate) fn finish<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
        std::thread::yield_now();
    }
}

pub(crate) fn root() -> Root {
    Root::new(1, &[7; 32]).unwrap()
}

fn make() -> Samples {
    let (memory, still) = (Memory::new(signer()).unwrap(), Still::default());
    let core = finish(Keyward::start(memory, still, Pepper::new(&[9; 32]), 8)).unwrap();
    let (key, secret) = finish(core.found("acme", "ann")).unwrap();
    let caller = core.authenticate(secret.expose(), None).unwrap();
    let run = |core: &Arc<Keyward<Memory, Still>>, verb, command| {
        finish(core.execute(&caller.permit(verb).unwrap(), command, &Origin::default())).unwrap().answer
    };
    let rotate = Command::Rotate { key: key.head.id, overlap_seconds: 60, if_match: None };
    let Answer::Issued(successor, _) = run(&core, Verb::Rotate, rotate) else { panic!("a key") };
    let remove = Command::Remove(
        successor.head.id.into(),
        Ending { reason: Reason::Compromised, ..Ending::default() },
    );
    drop(run(&core, Verb::Remove, remove));

    let fetch = |id: Id| finish(core.store().fetch(id)).unwrap().unwrap();
    let (living, removed) = (fetch(key.head.id.id()), fetch(successor.head.id.id()));
    let logged = finish(core.store().events(0, 100)).unwrap();
    Samples {
        organization: fetch(key.head.organization.id()).record,
        account: fetch(key.head.account.id()).record,
        key_secret: root().unwrap(&living.slot.unwrap(), key.head.id.id()).unwrap(),
        key: living.record,
        events: logged.iter().map(|one| one.event.encode()).collect(),
        receipt: finish(core.prove(&[removed.position])).unwrap(),
        removed: removed.record,
        checkpoint: finish(core.store().checkpoint()).unwrap(),
    }
}
