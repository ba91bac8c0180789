//! This file is about the committer: the one thread that writes, and what it does with each batch.

mod batch;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::vec::Drain;

use fjall::OwnedWriteBatch;
use keyward_core::id::Id;
use keyward_core::store::{CommitError, Position, SlotChange, Spend};
use keyward_core::time::Timestamp;
use tokio::sync::mpsc;

use self::batch::{Batch, Later, NotDone};
use super::engine::HEAD;
use super::pending::{Answer, Command, Pending};
use super::window::{Before, Present, Window};
use super::{Shared, Standing};
use crate::anchor::Anchor;
use crate::faults::Step;
use crate::rows::{self, Current, StoreRow};
use crate::sequencer::{Sequencer, difference, refuse_old_epoch};
use crate::slots::{Cell, FreeCells, Replacement, fingerprint};

/// The most changes in one batch: what bounds the time of the last one in it, and the memory that it takes.
pub(super) const BATCH: usize = 4096;
/// How many counters the committer remembers before it begins again.
const COUNTERS: usize = 65_536;
/// How many kept answers that have expired are forgotten in one batch, at most.
const FORGOTTEN: usize = 256;

/// Everything that only the writer needs.
pub(super) struct Committer {
    pub(super) shared: Arc<Shared>,
    pub(super) sequencer: Sequencer,
    pub(super) free: FreeCells,
    /// The fingerprint of all cells in use.
    pub(super) cells: u64,
    pub(super) anchor: Option<Anchor>,
    pub(super) window: Window,
    /// What has been drawn from the counters that were drawn from lately.
    pub(super) counters: HashMap<Id, u64>,
    /// No kept answer expires before this.
    pub(super) next_expiry: Timestamp,
    /// No slot of an older epoch is filled any more.
    pub(super) epoch: u32,
}

impl Committer {
    /// Writes until nobody can ask for more.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Box<Command>>) {
        let mut commands = Vec::with_capacity(BATCH);
        while queue.blocking_recv_many(&mut commands, BATCH) > 0 {
            let_others_in(&mut queue, &mut commands);
            while !commands.is_empty() {
                let fitting = fitting(&commands);
                self.process(commands.drain(..fitting));
            }
        }
    }

    fn process(&mut self, commands: Drain<'_, Box<Command>>) {
        let number = self.shared.batches.load(Ordering::Relaxed);
        self.window.advance(number);
        if self.counters.len() > COUNTERS {
            self.counters.clear();
        }
        let changes: usize = commands.as_slice().iter().map(|command| command.changes()).sum();
        let write = self.shared.engine.batch(changes * 5);
        let mut batch = Batch::new(write, self.sequencer.mark(), self.cells);
        for command in commands {
            match *command {
                // Not at once, nor where it is refused: the change that it lost to may be in this very batch, and must be there
                // to be read.
                Command::Commit(pending, answer) => {
                    let judged = self.admit(pending, &mut batch);
                    batch.later.push(Later::Judged(answer, judged));
                }
                Command::CommitMany(pending, answer) => {
                    let admit =
                        |pending: Result<_, _>| pending.and_then(|pending| self.admit(pending, &mut batch));
                    let judged = pending.into_iter().map(admit).collect();
                    batch.later.push(Later::AllJudged(answer, judged));
                }
                Command::Spend(spend, answer) => self.draw(spend, answer, &mut batch),
                Command::BeginEpoch(epoch, answer) => {
                    self.epoch = self.epoch.max(epoch);
                    // With the batch: what came before must be there for whoever walks over the slots now.
                    batch.later.push(Later::Begun(answer));
                }
                // At once: this thread alone writes slots, so what is replaced now cannot be a cell that was let go.
                Command::Replace(slots, answer) => drop(answer.send(self.replace(&slots))),
                Command::Lock(standing, proof, answer) => drop(answer.send(self.lock(standing, &proof))),
                Command::AcceptLoss(answer) => drop(answer.send(self.accept_loss())),
            }
        }
        match self.write(&mut batch) {
            Ok(()) => self.finish(batch, number),
            Err(error) => self.abandon(batch, &error, number),
        }
    }

    /// Judges one change, and enters it into the batch or says why not.
    fn admit(&mut self, mut pending: Pending, batch: &mut Batch) -> Result<Position, CommitError> {
        self.judge(&mut pending)?;
        let filled = self.cell_for(&pending)?;
        Ok(self.enter(pending, filled, batch))
    }

    fn judge(&self, pending: &mut Pending) -> Result<(), CommitError> {
        // Another change of the same batch may have failed the store since this one was sent.
        self.shared.refuse_if_stopped()?;
        if !self.window.reaches(&pending.before) {
            let now = self.shared.batches.load(Ordering::Acquire);
            pending.before = Before::read(&self.shared.engine, now, pending.claim())?;
        }
        refuse_old_epoch(&pending.slot, self.epoch)?;
        let present = Present { window: &self.window, before: &pending.before, id: pending.id };
        pending.claim().judge(&present)
    }

    /// Takes a cell if the change fills one.
    fn cell_for(&mut self, pending: &Pending) -> Result<Option<Cell>, CommitError> {
        match pending.slot {
            SlotChange::Keep | SlotChange::Erase => Ok(None),
            SlotChange::Fill(_) => self.free.take(&self.shared.slots).map(Some).map_err(|error| {
                CommitError::NotWritten(format!("{}: {error}", self.shared.slots.path().display()))
            }),
        }
    }

    fn enter(&mut self, mut pending: Pending, filled: Option<Cell>, batch: &mut Batch) -> Position {
        let engine = &self.shared.engine;
        let (position, completed) = self.sequencer.place(pending.leaf);
        batch.leaf(position, pending.leaf, completed, engine);
        batch.events.push(pending.event);
        let old = self.window.take_current(pending.id, &mut pending.before);
        let (old_cell, old_names, old_lists) =
            old.map_or_else(Default::default, |old| (old.cell, old.names, old.lists));
        let cell = match pending.slot {
            SlotChange::Keep => old_cell,
            SlotChange::Fill(slot) => {
                batch.fills.extend(filled.map(|cell| (cell, slot)));
                filled
            }
            SlotChange::Erase => None,
        };
        if cell != old_cell {
            batch.cells = batch.cells.wrapping_add(fingerprint(cell)).wrapping_sub(fingerprint(old_cell));
            batch.released.extend(old_cell);
        }
        rows::place(&mut pending.row, position, cell);
        batch.write.insert(&engine.records, pending.id.bytes(), pending.row);
        for name in difference(&old_names, &pending.names) {
            batch.write.remove(&engine.names, name.0);
            self.window.enter_name(*name, None);
        }
        for name in difference(&pending.names, &old_names) {
            batch.write.insert(&engine.names, name.0, pending.id.bytes());
            self.window.enter_name(*name, Some(pending.id));
        }
        for list in difference(&old_lists, &pending.lists) {
            batch.write.remove(&engine.members, rows::member_key(*list, pending.id));
        }
        for list in difference(&pending.lists, &old_lists) {
            batch.write.insert(&engine.members, rows::member_key(*list, pending.id), []);
        }
        if let Some(replay) = pending.replay {
            batch.write.insert(&engine.replays, replay.id, rows::replay_row(&replay));
            batch.write.insert(&engine.expiries, rows::expiry_key(replay.expires_at, &replay.id), []);
            self.window.enter_answer(replay.id, replay.expires_at);
            batch.newest_answer = batch.newest_answer.max(Some(pending.at));
            self.next_expiry = self.next_expiry.min(replay.expires_at);
        }
        let current = Current { version: pending.version, cell, names: pending.names, lists: pending.lists };
        self.window.enter(pending.id, current);
        batch.accepted.push((position, pending.apply));
        position
    }

    fn draw(&mut self, spend: Spend, answer: Answer<Option<u64>>, batch: &mut Batch) {
        let engine = &self.shared.engine;
        let read = || engine.drawn(spend.id).map_err(CommitError::from);
        let known = self.counters.get(&spend.id).copied();
        let drawn = match self.shared.refuse_if_stopped().and_then(|()| known.map_or_else(read, Ok)) {
            Ok(drawn) => drawn,
            Err(error) => return batch.later.push(Later::Undrawn(answer, error)),
        };
        let total = rows::drawn_after(&spend, drawn);
        if let Some(total) = total.filter(|total| *total != drawn) {
            self.counters.insert(spend.id, total);
            batch.write.insert(&engine.counters, spend.id.bytes(), rows::counter_row(total));
        }
        batch.later.push(Later::Drawn(answer, total.map(|total| spend.limit - total)));
    }

    /// Makes the batch durable: slots first, then everything else at once.
    fn write(&mut self, batch: &mut Batch) -> Result<(), NotDone> {
        let shared = &self.shared;
        if !batch.fills.is_empty() {
            let path = shared.slots.path().display();
            let failed = |error: std::io::Error| format!("{path}: {error}");
            shared
                .faults
                .reach(Step::FillSlots)
                .and_then(|()| shared.slots.fill(&mut batch.fills))
                .map_err(|error| NotDone::Retry(failed(error)))?;
            shared
                .faults
                .reach(Step::SyncSlots)
                .and_then(|()| shared.slots.sync())
                .map_err(|error| NotDone::Fatal { why: failed(error), is_open: false })?;
        }
        if let Some(now) = batch.newest_answer {
            self.forget_expired(now, &mut batch.write);
        }
        if !batch.accepted.is_empty() {
            let checkpoint =
                self.sequencer.checkpoint().map_err(|error| NotDone::Retry(error.to_string()))?;
            let row = StoreRow { cells: batch.cells, checkpoint };
            batch.write.insert(&self.shared.engine.head, HEAD, row.row());
            batch.checkpoint = Some(row.checkpoint);
        }
        if batch.write.is_empty() {
            return Ok(());
        }
        batch.write_events(&self.shared.engine);
        let write = std::mem::replace(&mut batch.write, self.shared.engine.batch(0));
        let fatal = |why: String, is_open| NotDone::Fatal { why, is_open };
        self.shared.faults.reach(Step::WriteBatch).map_err(|error| fatal(error.to_string(), true))?;
        write.commit().map_err(|error| {
            // A poisoned engine refuses before it writes; after any other error the journal may hold the batch.
            let is_open = !matches!(error, fjall::Error::Poisoned);
            fatal(self.shared.engine.failed(&error).to_string(), is_open)
        })
    }

    /// Deletes a few of the kept answers that have expired, so that they do not pile up.
    fn forget_expired(&mut self, now: Timestamp, write: &mut OwnedWriteBatch) {
        if now < self.next_expiry {
            return;
        }
        let engine = &self.shared.engine;
        self.next_expiry = Timestamp::LAST;
        for (count, row) in engine.expiries.iter().enumerate() {
            // An unreadable row stays: `check` names it, and a commit must not fail for housekeeping.
            let Some((expires_at, id)) = row.key().ok().and_then(|key| rows::expiry(&key)) else { continue };
            if now < expires_at || count >= FORGOTTEN {
                self.next_expiry = expires_at;
                return;
            }
            write.remove(&engine.expiries, rows::expiry_key(expires_at, &id));
            // The id may have been used again since.
            let kept = engine.replay(id).ok().flatten();
            let is_newer = self.window.answered_until(&id).is_some_and(|until| now < until);
            if !is_newer && kept.is_some_and(|replay| replay.expires_at <= now) {
                write.remove(&engine.replays, id);
            }
        }
    }

    /// The batch is durable: everybody may know.
    fn finish(&mut self, mut batch: Batch, number: u64) {
        self.cells = batch.cells;
        let shared = &self.shared;
        if let Some(checkpoint) = batch.checkpoint.take() {
            let mut tip = shared.tip.write().unwrap_or_else(std::sync::PoisonError::into_inner);
            batch.hashes.iter().for_each(|stored| tip.recent.enter(*stored));
            tip.checkpoint.clone_from(&checkpoint);
            drop(tip);
            shared.batches.store(number + 1, Ordering::Release);
            self.write_anchor(&checkpoint);
        }
        let shared = &self.shared;
        // Running and answering cannot fail; a test may still end the process here.
        drop(shared.faults.reach(Step::Apply));
        batch.accepted.into_iter().for_each(|(position, apply)| apply(position));
        // Before anybody has an answer: should the process be killed and its log be cut short, the slot of a
        // removed key is gone all the same. One small write, not synced.
        self.erase(batch.released);
        drop(self.shared.faults.reach(Step::Answer));
        batch.later.into_iter().for_each(Later::answer);
    }

    fn write_anchor(&mut self, checkpoint: &str) {
        // One that was shown a longer log keeps that.
        if self.shared.standing() != Standing::Ready {
            return;
        }
        let Some(anchor) = &mut self.anchor else { return };
        let written = self.shared.faults.reach(Step::WriteAnchor).and_then(|()| anchor.write(checkpoint));
        match written {
            Ok(()) => self.shared.has_anchored.store(true, Ordering::Release),
            // What is durable stays so; but from here on an older copy of the folder would not be noticed.
            Err(error) => self.shared.fail(&format!("{}: {error}", anchor.path().display())),
        }
    }

    /// Overwrites cells that nothing refers to any more. Nobody waits for the sync: should power fail before the
    /// housekeeper has done it, opening finds the cells and overwrites them again.
    fn erase(&mut self, mut released: Vec<Cell>) {
        if released.is_empty() {
            return;
        }
        let shared = &self.shared;
        let erased = shared.faults.reach(Step::EraseSlots).and_then(|()| shared.slots.erase(&mut released));
        match erased {
            Ok(()) => {
                self.free.give_back(&released);
                shared.has_erased.store(true, Ordering::Release);
            }
            Err(error) => drop(shared.fail_slots(&error)),
        }
    }

    /// After a write to cells in use has failed nobody knows what they hold.
    fn replace(&self, slots: &[Replacement]) -> Result<u64, CommitError> {
        let shared = &self.shared;
        shared.refuse_if_stopped()?;
        let replaced = shared.faults.reach(Step::ReplaceSlots).and_then(|()| shared.slots.replace(slots));
        replaced.map_err(|error| shared.fail_slots(&error))
    }

    /// Nothing of the batch may be taken for done.
    fn abandon(&mut self, batch: Batch, error: &NotDone, number: u64) {
        if let NotDone::Fatal { why, .. } = error {
            self.shared.fail(why);
        }
        self.sequencer.rewind(batch.mark);
        self.window = Window::starting(number);
        self.counters.clear();
        self.next_expiry = Timestamp::from_millis(0);
        batch.later.into_iter().for_each(|later| later.abandon(error));
        let mut filled: Vec<Cell> = batch.fills.into_iter().map(|(cell, _)| cell).collect();
        // Where the store cannot know whether the records are there, it must not touch their slots: opening will.
        if matches!(error, NotDone::Retry(_)) && self.shared.slots.erase(&mut filled).is_ok() {
            self.free.give_back(&filled);
            self.shared.has_erased.store(true, Ordering::Release);
        }
    }

    /// First here, then in the file: whatever becomes of that, nothing is committed from now on.
    fn lock(&mut self, standing: Standing, proof: &str) -> Result<(), CommitError> {
        self.shared.stand(standing);
        self.reset_anchor(proof)
    }

    fn accept_loss(&mut self) -> Result<(), CommitError> {
        let checkpoint = self.shared.tip().checkpoint.clone();
        self.reset_anchor(&checkpoint)?;
        self.shared.stand(Standing::Ready);
        Ok(())
    }

    fn reset_anchor(&mut self, checkpoint: &str) -> Result<(), CommitError> {
        let Some(anchor) = &mut self.anchor else { return Ok(()) };
        let path = anchor.path().display().to_string();
        anchor.reset(checkpoint).map_err(|error| CommitError::NotWritten(format!("{path}: {error}")))
    }
}

/// How many of these commands make one batch: as many as bring no more changes than one may have, and one at least.
fn fitting(commands: &[Box<Command>]) -> usize {
    let sums = commands.iter().scan(0, |sum, command| {
        *sum += command.changes();
        Some(*sum)
    });
    sums.take_while(|sum| *sum <= BATCH).count().max(1)
}

/// Gives whoever is about to ask the processor for as long as more ask: a batch costs much, and one more change in it little.
/// Nobody waits for anybody: with nothing else to run this is over at once.
#[expect(clippy::vec_box, reason = "they come boxed, see `Command`")]
fn let_others_in(queue: &mut mpsc::Receiver<Box<Command>>, commands: &mut Vec<Box<Command>>) {
    let mut known = 0;
    while known < commands.len() && commands.len() < BATCH {
        known = commands.len();
        std::thread::yield_now();
        commands.extend(std::iter::from_fn(|| queue.try_recv().ok()).take(BATCH - known));
    }
}
