//! This file is about what the core is given in these tests: a clock that is set, randomness from a seed, work
//! that waits until it is told to go on, and a store that outlives the core and can make every call wait a turn.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use keyward_core::error::Error;
use keyward_core::id::Id;
use keyward_core::keyward::{Environment, Keyward, Moment};
use keyward_core::seal::{Pepper, Root};
use keyward_core::store::{
    Backup, Change, CommitError, List, Logged, Name, Position, ReadError, RecordKind, Replay, Rewrap, Spend,
    Store, Stored,
};
use keyward_core::time::Timestamp;
use keyward_log::{Hash, KeyName, Signer};
use keyward_store::Memory;
use zeroize::Zeroizing;

pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The scope of which an account has one key at a time.
pub(crate) const SOLE: &str = "sole";

/// A clock, a source of randomness, and work that waits.
#[derive(Clone)]
pub(crate) struct World(Arc<Inner>, &'static [&'static str]);

struct Inner {
    now: AtomicU64,
    random: Mutex<u64>,
    work: Mutex<Vec<Work>>,
    epochs: Arc<Mutex<BTreeSet<u32>>>,
    /// How many milliseconds pass while a root is made.
    making_a_root: AtomicU64,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let now = AtomicU64::new(1_800_000_000_250);
        let epochs = Arc::new(Mutex::new(BTreeSet::from([1])));
        Self::with_roots(now, seed, epochs)
    }

    fn with_roots(now: AtomicU64, seed: u64, epochs: Arc<Mutex<BTreeSet<u32>>>) -> Self {
        let (random, work, making_a_root) = (Mutex::new(seed), Mutex::default(), AtomicU64::new(0));
        Self(Arc::new(Inner { now, random, work, epochs, making_a_root }), &[SOLE])
    }

    /// A world at the same instant and with the same roots, with its own work: for looking without taking part.
    pub(crate) fn apart(&self) -> Self {
        let now = AtomicU64::new(self.0.now.load(Ordering::SeqCst));
        Self::with_roots(now, 0, Arc::clone(&self.0.epochs))
    }

    /// The same world, in which an account has as many keys of every scope as it likes.
    pub(crate) fn without_sole_scopes(&self) -> Self {
        Self(Arc::clone(&self.0), &[])
    }

    /// The epochs whose roots are not destroyed.
    pub(crate) fn epochs(&self) -> Vec<u32> {
        self.0.epochs.lock().unwrap().iter().copied().collect()
    }

    pub(crate) fn advance(&self, millis: u64) {
        self.0.now.fetch_add(millis, Ordering::SeqCst);
    }

    /// So many milliseconds pass from now on while a root is made.
    pub(crate) fn take_for_a_root(&self, millis: u64) {
        self.0.making_a_root.store(millis, Ordering::SeqCst);
    }

    /// A number below `limit`.
    pub(crate) fn below(&self, limit: usize) -> usize {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        (u64::from_le_bytes(bytes) % limit as u64) as usize
    }

    /// The work that waits, in the order in which it came.
    pub(crate) fn take_work(&self) -> Vec<Work> {
        std::mem::take(&mut *self.0.work.lock().unwrap())
    }

    /// Does the work that waits, and whatever that brings.
    pub(crate) fn work(&self) {
        loop {
            let work = self.take_work();
            if work.is_empty() {
                return;
            }
            work.into_iter().for_each(finish);
        }
    }
}

impl Environment for World {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.now.load(Ordering::SeqCst))
    }

    fn moment(&self) -> Moment {
        Moment::from_nanos(self.0.now.load(Ordering::SeqCst) * 1_000_000)
    }

    /// Whoever waits has the time pass.
    async fn pause(&self, duration: Duration) {
        self.advance(u64::try_from(duration.as_millis()).unwrap() + 1);
    }

    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.random.lock().unwrap();
        for chunk in bytes.chunks_mut(8) {
            // SplitMix64.
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut drawn = *state;
            drawn = (drawn ^ (drawn >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            drawn = (drawn ^ (drawn >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let drawn = (drawn ^ (drawn >> 31)).to_le_bytes();
            chunk.iter_mut().zip(drawn).for_each(|(to, from)| *to = from);
        }
    }

    fn sole_scopes(&self) -> &'static [&'static str] {
        self.1
    }

    async fn check_slow_hash(&self, hash: String, text: Zeroizing<String>) -> bool {
        hash == slow_hash(&text)
    }

    async fn hash_password(&self, text: Zeroizing<String>) -> Option<String> {
        Some(slow_hash(&text))
    }

    async fn roots(&self) -> Result<Vec<Root>, Error> {
        Ok(self.epochs().into_iter().map(root).collect())
    }

    async fn create_root(&self, epoch: u32) -> Result<Root, Error> {
        self.advance(self.0.making_a_root.load(Ordering::SeqCst));
        self.0.epochs.lock().unwrap().insert(epoch);
        Ok(root(epoch))
    }

    async fn destroy_roots_before(&self, epoch: u32) -> Result<(), Error> {
        self.0.epochs.lock().unwrap().retain(|older| *older >= epoch);
        Ok(())
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.0.work.lock().unwrap().push(Box::pin(work));
    }
}

/// What stands for a slow hash here.
pub(crate) fn slow_hash(text: &str) -> String {
    format!("$2b${text}")
}

/// Runs what never has to wait for another thread.
pub(crate) fn finish<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..100_000 {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
    panic!("it waits for something that never comes");
}

/// Runs futures to their end, one turn at a time, in an order that the world draws.
pub(crate) fn interleave(world: &World, mut running: Vec<Work>) {
    let mut context = Context::from_waker(Waker::noop());
    loop {
        running.extend(world.take_work());
        if running.is_empty() {
            return;
        }
        let turn = world.below(running.len());
        if running[turn].as_mut().poll(&mut context).is_ready() {
            drop(running.swap_remove(turn));
        }
    }
}

/// The store in memory, shared, so that a core can be started again over it.
#[derive(Clone)]
pub(crate) struct Shared {
    memory: Arc<Memory>,
    /// How many records were fetched and found.
    fetched: Arc<AtomicU64>,
    /// Whether every call waits a turn before it is done, and another one before it answers.
    yields: bool,
}

impl Shared {
    pub(crate) fn new() -> Self {
        let signer = Signer::new(KeyName::new("model.test/log").unwrap(), &[3; 32].into()).unwrap();
        Self { memory: Arc::new(Memory::new(signer).unwrap()), fetched: Arc::default(), yields: false }
    }

    /// How many records were fetched and found so far: what is not there costs no reading.
    pub(crate) fn fetched(&self) -> u64 {
        self.fetched.load(Ordering::Relaxed)
    }

    pub(crate) fn yielding(self) -> Self {
        Self { yields: true, ..self }
    }

    async fn turn<T>(&self, call: impl Future<Output = T>) -> T {
        if self.yields {
            Turn(false).await;
        }
        let done = call.await;
        if self.yields {
            Turn(false).await;
        }
        done
    }
}

/// Waits once.
struct Turn(bool);

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Store for Shared {
    async fn fetch(&self, id: Id) -> Result<Option<Stored>, ReadError> {
        let found = self.turn(self.memory.fetch(id)).await;
        if let Ok(Some(_)) = found {
            self.fetched.fetch_add(1, Ordering::Relaxed);
        }
        found
    }

    async fn holder(&self, name: Name) -> Result<Option<Id>, ReadError> {
        self.turn(self.memory.holder(name)).await
    }

    async fn page(&self, list: List, after: Option<Id>, limit: usize) -> Result<Vec<Stored>, ReadError> {
        self.turn(self.memory.page(list, after, limit)).await
    }

    async fn scan(&self, kind: RecordKind, visit: &(dyn Fn(Stored) + Sync)) -> Result<(), ReadError> {
        self.memory.scan(kind, visit).await
    }

    async fn commit(&self, change: Change) -> Result<Position, CommitError> {
        self.turn(self.memory.commit(change)).await
    }

    async fn rewrap(&self, epoch: u32, rewrap: Rewrap) -> Result<u64, CommitError> {
        self.turn(self.memory.rewrap(epoch, rewrap)).await
    }

    async fn spend(&self, spend: Spend) -> Result<Option<u64>, CommitError> {
        self.turn(self.memory.spend(spend)).await
    }

    async fn note(&self, notes: Vec<(Id, Vec<u8>)>) -> Result<(), CommitError> {
        self.memory.note(notes).await
    }

    async fn noted(&self, id: Id) -> Result<Option<Vec<u8>>, ReadError> {
        self.memory.noted(id).await
    }

    async fn replay(&self, id: [u8; 32], now: Timestamp) -> Result<Option<Replay>, ReadError> {
        self.turn(self.memory.replay(id, now)).await
    }

    async fn events(&self, from: Position, limit: usize) -> Result<Vec<Logged>, ReadError> {
        self.memory.events(from, limit).await
    }

    fn log_key(&self) -> keyward_log::VerifierKey {
        self.memory.log_key()
    }

    async fn checkpoint(&self) -> Result<String, ReadError> {
        self.memory.checkpoint().await
    }

    async fn lock(&self, proof: String) -> Result<(), CommitError> {
        self.turn(self.memory.lock(proof)).await
    }

    async fn back_up(&self, at: Timestamp) -> Result<Option<Backup>, ReadError> {
        self.memory.back_up(at).await
    }

    async fn hash(&self, level: u8, index: u64) -> Result<Hash, ReadError> {
        self.memory.hash(level, index).await
    }
}

fn root(epoch: u32) -> Root {
    Root::new(epoch, &[epoch as u8; 32]).unwrap()
}

/// Starts a core over a store.
pub(crate) async fn start<S: Store>(store: S, world: &World) -> Result<Arc<Keyward<S, World>>, Error> {
    Keyward::start(store, world.clone(), Pepper::new(&[9; 32]), 64).await
}
