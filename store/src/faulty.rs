//! This file is about stores that fail on demand, both ways: nothing written, and written all the same.
//!
//! Callers must survive either. What goes wrong, and when, comes from a [`Plan`]: a script for a test that tells
//! one story, a seed for a test that tries many.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use keyward_core::id::Id;
use keyward_core::store::{
    Backup, Change, CommitError, List, Logged, Name, Position, ReadError, RecordKind, Replay, Rewrap, Spend,
    Store, Stored,
};
use keyward_core::time::Timestamp;
use keyward_log::Hash;

/// What becomes of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It goes through.
    Pass,
    /// It is not done, and the answer says so: [`CommitError::NotWritten`], [`ReadError::Unavailable`].
    Refuse,
    /// It is not done, and the answer leaves it open: [`CommitError::MayBeWritten`]. A read is refused.
    LoseRequest,
    /// It is done, and the answer leaves it open: [`CommitError::MayBeWritten`]. A read is refused.
    LoseAnswer,
}

/// Decides what becomes of each call, in the order in which the calls begin.
#[derive(Debug)]
pub struct Plan(Mutex<Source>);

#[derive(Debug)]
enum Source {
    Script { writes: VecDeque<Outcome>, reads: VecDeque<Outcome> },
    Seed { state: u64, percent: u64 },
}

/// Whether a call may change something.
#[derive(Clone, Copy)]
enum Call {
    Read,
    Write,
}

impl Plan {
    /// Everything goes through.
    #[must_use]
    pub fn passing() -> Self {
        Self::script([], [])
    }

    /// These outcomes for commits and draws, and these for reads; after them everything goes through.
    pub fn script(
        writes: impl IntoIterator<Item = Outcome>,
        reads: impl IntoIterator<Item = Outcome>,
    ) -> Self {
        let (writes, reads) = (writes.into_iter().collect(), reads.into_iter().collect());
        Self(Mutex::new(Source::Script { writes, reads }))
    }

    /// `percent` of all calls fail, one of the three ways each; the same seed gives the same plan.
    #[must_use]
    pub fn seed(seed: u64, percent: u8) -> Self {
        Self(Mutex::new(Source::Seed { state: seed, percent: u64::from(percent) }))
    }

    fn next(&self, call: Call) -> Outcome {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Source::Script { writes, reads } => {
                let script = match call {
                    Call::Read => reads,
                    Call::Write => writes,
                };
                script.pop_front().unwrap_or(Outcome::Pass)
            }
            Source::Seed { state, percent } => {
                *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let drawn = crate::mix(*state);
                match (drawn % 100 < *percent, (drawn >> 32) % 3) {
                    (false, _) => Outcome::Pass,
                    (true, 0) => Outcome::Refuse,
                    (true, 1) => Outcome::LoseRequest,
                    (true, _) => Outcome::LoseAnswer,
                }
            }
        }
    }
}

/// A store whose calls fail as a plan says.
#[derive(Debug)]
pub struct Faulty<S> {
    inner: S,
    plan: Plan,
}

impl<S> Faulty<S> {
    /// This store under this plan.
    pub const fn new(inner: S, plan: Plan) -> Self {
        Self { inner, plan }
    }

    /// The store below, which does not fail: for looking at what really happened.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    fn read(&self) -> Result<(), ReadError> {
        match self.plan.next(Call::Read) {
            Outcome::Pass => Ok(()),
            Outcome::Refuse | Outcome::LoseRequest | Outcome::LoseAnswer => {
                Err(ReadError::Unavailable("as planned".to_owned()))
            }
        }
    }

    async fn write<T, F>(&self, call: impl FnOnce() -> F + Send) -> Result<T, CommitError>
    where
        F: Future<Output = Result<T, CommitError>> + Send,
    {
        let open = || CommitError::MayBeWritten("as planned".to_owned());
        match self.plan.next(Call::Write) {
            Outcome::Pass => call().await,
            Outcome::Refuse => Err(CommitError::NotWritten("as planned".to_owned())),
            Outcome::LoseRequest => Err(open()),
            Outcome::LoseAnswer => call().await.and_then(|_| Err(open())),
        }
    }
}

impl<S: Store> Store for Faulty<S> {
    async fn fetch(&self, id: Id) -> Result<Option<Stored>, ReadError> {
        self.read()?;
        self.inner.fetch(id).await
    }

    async fn holder(&self, name: Name) -> Result<Option<Id>, ReadError> {
        self.read()?;
        self.inner.holder(name).await
    }

    async fn page(&self, list: List, after: Option<Id>, limit: usize) -> Result<Vec<Stored>, ReadError> {
        self.read()?;
        self.inner.page(list, after, limit).await
    }

    async fn scan(&self, kind: RecordKind, visit: &(dyn Fn(Stored) + Sync)) -> Result<(), ReadError> {
        self.read()?;
        self.inner.scan(kind, visit).await
    }

    async fn commit(&self, change: Change) -> Result<Position, CommitError> {
        self.write(|| self.inner.commit(change)).await
    }

    async fn rewrap(&self, epoch: u32, rewrap: Rewrap) -> Result<u64, CommitError> {
        self.write(|| self.inner.rewrap(epoch, rewrap)).await
    }

    async fn spend(&self, spend: Spend) -> Result<Option<u64>, CommitError> {
        self.write(|| self.inner.spend(spend)).await
    }

    async fn note(&self, notes: Vec<(Id, Vec<u8>)>) -> Result<(), CommitError> {
        // A note has no third answer: whether a lost one was kept does not matter.
        match self.plan.next(Call::Write) {
            Outcome::Pass => self.inner.note(notes).await,
            Outcome::Refuse | Outcome::LoseRequest => Err(CommitError::NotWritten("as planned".to_owned())),
            Outcome::LoseAnswer => {
                self.inner.note(notes).await?;
                Err(CommitError::NotWritten("as planned".to_owned()))
            }
        }
    }

    async fn noted(&self, id: Id) -> Result<Option<Vec<u8>>, ReadError> {
        self.read()?;
        self.inner.noted(id).await
    }

    async fn replay(&self, id: [u8; 32], now: Timestamp) -> Result<Option<Replay>, ReadError> {
        self.read()?;
        self.inner.replay(id, now).await
    }

    async fn events(&self, from: Position, limit: usize) -> Result<Vec<Logged>, ReadError> {
        self.read()?;
        self.inner.events(from, limit).await
    }

    fn log_key(&self) -> keyward_log::VerifierKey {
        self.inner.log_key()
    }

    async fn checkpoint(&self) -> Result<String, ReadError> {
        self.read()?;
        self.inner.checkpoint().await
    }

    async fn lock(&self, proof: String) -> Result<(), CommitError> {
        self.inner.lock(proof).await
    }

    async fn back_up(&self, at: Timestamp) -> Result<Option<Backup>, ReadError> {
        self.read()?;
        self.inner.back_up(at).await
    }

    async fn hash(&self, level: u8, index: u64) -> Result<Hash, ReadError> {
        self.read()?;
        self.inner.hash(level, index).await
    }
}
