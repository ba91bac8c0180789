//! This file is about the verifier's side of the lease: until when it may accept keys.

use std::collections::VecDeque;

use thiserror::Error;

use super::{Checkpoint, Grant, Incarnation, Moment, Position, Term};

/// How many renewals may be without an answer; the oldest is forgotten first.
const OPEN_RENEWALS: usize = 8;

/// The verifier's side: what it has applied, whom it believes, and until when its lease runs.
///
/// The caller owns the table and the connection, and keeps an order: it asks [`expects`](Self::expects), applies the changes to
/// the table, then says [`applied`](Self::applied); it says [`welcomed`](Self::welcomed), and only then empties the table for a
/// snapshot. Where verifies run on other threads, it shows them [`deadline`](Self::deadline) after each of these steps, before
/// the next one. After an error it closes the connection and joins anew.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Holder {
    incarnation: Incarnation,
    anchor: Option<Checkpoint>,
    term: Term,
    phase: Phase,
    position: Position,
    next_renewal: u64,
    open: VecDeque<Renewal>,
    /// Granted, but changes are missing that it requires.
    waiting: Option<Waiting>,
    deadline: Option<Moment>,
    distrusts: bool,
}

/// How a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// There is none, or nobody was welcomed on it yet.
    Outside,
    /// The rows of a snapshot are arriving.
    Loading,
    /// The table is whole, and changes keep it so.
    Following,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Renewal {
    number: u64,
    sent_at: Moment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Waiting {
    requires: Position,
    deadline: Moment,
}

/// How a server receives a verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Welcome {
    /// The server's reign.
    pub term: Term,
    /// Where the changes that follow begin: what the verifier said that it has applied, or the position at which the server
    /// began to send it changes.
    pub position: Position,
    /// True: the verifier keeps what it has. False: it empties its table, and a snapshot follows.
    pub resumes: bool,
    /// What the server shows of its log. The caller has checked the signature, and by the proof beside it that the log
    /// extends the verifier's anchor.
    pub shown: Checkpoint,
}

/// Why a verifier does not go on with this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HolderError {
    /// The server shows less of the log than this verifier has seen, or something else at the same place: an old copy was
    /// put back, or it is another log. This verifier accepts nothing any more; an operator decides.
    #[error("the server's log is not the one that this verifier has seen")]
    OtherLog,
    /// The server's reign is over: another one has welcomed this verifier since.
    #[error("the server was deposed")]
    Deposed,
    /// Changes are missing, or came twice.
    #[error("the changes do not follow on what was applied")]
    Gap,
    /// The grant is not for this run, or answers no open renewal.
    #[error("the grant answers no open renewal of this verifier")]
    NotAsked,
    /// Nothing like this may come now.
    #[error("the message is out of order")]
    OutOfOrder,
}

impl Holder {
    /// A verifier that has just been started. `incarnation` is random; `anchor` is what an earlier run saved, if it did.
    #[must_use]
    pub fn new(incarnation: Incarnation, anchor: Option<Checkpoint>) -> Self {
        Self {
            incarnation,
            anchor,
            term: Term::default(),
            phase: Phase::Outside,
            position: Position::default(),
            next_renewal: 1,
            open: VecDeque::new(),
            waiting: None,
            deadline: None,
            distrusts: false,
        }
    }

    /// Which run this is.
    #[must_use]
    pub const fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// Up to where the table is whole: what a new connection can resume from. 0: it has nothing.
    #[must_use]
    pub fn position(&self) -> Position {
        if self.phase == Phase::Loading { Position::default() } else { self.position }
    }

    /// The longest log that it has seen: goes into the hello, and to the caller's disk if it has one.
    #[must_use]
    pub const fn anchor(&self) -> Option<Checkpoint> {
        self.anchor
    }

    /// The highest term that it was welcomed under.
    #[must_use]
    pub const fn term(&self) -> Term {
        self.term
    }

    /// A server has welcomed it. Without resumption the lease ends: the table is not to be used until it is loaded.
    ///
    /// # Errors
    /// [`HolderError::OutOfOrder`], [`HolderError::Deposed`], [`HolderError::OtherLog`]; [`HolderError::Gap`] when the server
    /// resumes from somewhere else than asked.
    pub fn welcomed(&mut self, welcome: &Welcome) -> Result<(), HolderError> {
        if self.phase != Phase::Outside {
            return Err(HolderError::OutOfOrder);
        }
        if welcome.term < self.term {
            return Err(HolderError::Deposed);
        }
        self.shown(welcome.shown)?;
        // What was applied is seen too, even where no checkpoint of it came.
        if welcome.shown.position < self.position {
            return Err(self.distrust());
        }
        if welcome.resumes {
            if welcome.position != self.position || self.position == Position::default() {
                return Err(HolderError::Gap);
            }
            self.phase = Phase::Following;
        } else {
            self.position = welcome.position;
            self.phase = Phase::Loading;
            (self.deadline, self.waiting) = (None, None);
        }
        self.term = welcome.term;
        Ok(())
    }

    /// The last row of the snapshot has come; the server read it when its log was at `position`.
    ///
    /// # Errors
    /// [`HolderError::OutOfOrder`]; [`HolderError::Gap`] when the changes up to there have not been applied.
    pub fn loaded(&mut self, position: Position) -> Result<(), HolderError> {
        if self.phase != Phase::Loading {
            return Err(HolderError::OutOfOrder);
        }
        if self.position < position {
            return Err(HolderError::Gap);
        }
        self.phase = Phase::Following;
        Ok(())
    }

    /// Is a snapshot arriving? At any other time its rows would bring back what has ended since they were read.
    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.phase == Phase::Loading
    }

    /// Do changes that begin after this position come next? If not, they must not touch the table: an older row would
    /// bring back what has ended since.
    #[must_use]
    pub fn expects(&self, after: Position) -> bool {
        self.phase != Phase::Outside && after == self.position
    }

    /// The changes after one position up to another are in the table.
    ///
    /// # Errors
    /// [`HolderError::OutOfOrder`]; [`HolderError::Gap`] when they do not begin where the last ones ended.
    pub fn applied(&mut self, after: Position, to: Position) -> Result<(), HolderError> {
        if self.phase == Phase::Outside {
            return Err(HolderError::OutOfOrder);
        }
        if !self.expects(after) || to < after {
            return Err(HolderError::Gap);
        }
        self.position = to;
        self.count_waiting();
        Ok(())
    }

    /// What to acknowledge: everything that was applied, unless the table is not whole.
    #[must_use]
    pub fn acknowledges(&self) -> Option<Position> {
        (self.phase == Phase::Following).then_some(self.position)
    }

    /// The number of a renewal that is sent now, or `None` if it may not ask yet. `now` must be read *before* the bytes go
    /// out: the lease counts from there.
    pub fn renew(&mut self, now: Moment) -> Option<u64> {
        if self.phase != Phase::Following || self.distrusts {
            return None;
        }
        if self.open.len() >= OPEN_RENEWALS {
            self.open.pop_front();
        }
        let number = self.next_renewal;
        self.next_renewal += 1;
        self.open.push_back(Renewal { number, sent_at: now });
        Some(number)
    }

    /// The server granted a lease. Returns when it was asked for: the server said after that whatever it said with it.
    ///
    /// # Errors
    /// [`HolderError::OutOfOrder`], [`HolderError::Deposed`], [`HolderError::NotAsked`]. The lease is what it was.
    pub fn granted(&mut self, grant: &Grant) -> Result<Moment, HolderError> {
        if self.phase != Phase::Following {
            return Err(HolderError::OutOfOrder);
        }
        if grant.incarnation != self.incarnation {
            return Err(HolderError::NotAsked);
        }
        if grant.term != self.term {
            return Err(HolderError::Deposed);
        }
        let asked = self.open.iter().find(|renewal| renewal.number == grant.renewal);
        let sent_at = asked.ok_or(HolderError::NotAsked)?.sent_at;
        self.open.retain(|renewal| renewal.number > grant.renewal);
        self.waiting = Some(Waiting { requires: grant.requires, deadline: sent_at.plus(grant.length) });
        self.count_waiting();
        Ok(sent_at)
    }

    /// The server showed a longer log. The caller has checked it, as in [`Welcome::shown`].
    ///
    /// # Errors
    /// [`HolderError::OtherLog`].
    pub fn shown(&mut self, checkpoint: Checkpoint) -> Result<(), HolderError> {
        if self.distrusts {
            return Err(HolderError::OtherLog);
        }
        if let Some(anchor) = self.anchor {
            let same = checkpoint == anchor;
            if !same && checkpoint.position <= anchor.position {
                return Err(self.distrust());
            }
        }
        self.anchor = Some(checkpoint);
        Ok(())
    }

    /// The lease ends: the application could not be told what is removed.
    pub fn lapse(&mut self) {
        (self.deadline, self.waiting) = (None, None);
        self.open.clear();
    }

    /// This run is over: it accepts nothing any more, so it can be said that it does not, and nobody waits for it. Whoever
    /// comes back is another run, with nothing but what was seen of the log: what was said may arrive late, and would take a
    /// lease from this one that it got since.
    pub fn resign(&mut self, next: Incarnation) {
        let (anchor, term, distrusts) = (self.anchor, self.term, self.distrusts);
        *self = Self { term, distrusts, ..Self::new(next, anchor) };
    }

    /// What a server showed is not to be believed: not signed by the log's key, or not an extension of the anchor. The lease
    /// ends, and nothing is ever believed again.
    pub fn distrust(&mut self) -> HolderError {
        self.distrusts = true;
        self.lapse();
        HolderError::OtherLog
    }

    /// The connection is gone. A lease runs on to its end; a table that was being loaded counts as empty.
    pub fn disconnected(&mut self) {
        if self.phase == Phase::Loading {
            self.position = Position::default();
        }
        self.phase = Phase::Outside;
        self.waiting = None;
        self.open.clear();
    }

    /// May a key be accepted in a verify that begins now? If not, the answer is "unavailable", never "valid" or "invalid".
    #[must_use]
    pub fn may_accept(&self, now: Moment) -> bool {
        self.deadline.is_some_and(|deadline| now < deadline)
    }

    /// When the lease ends; `None` if there is none. For verifies on other threads, which read it without the holder.
    #[must_use]
    pub const fn deadline(&self) -> Option<Moment> {
        self.deadline
    }

    fn count_waiting(&mut self) {
        if let Some(waiting) = self.waiting.take_if(|waiting| waiting.requires <= self.position) {
            self.deadline = self.deadline.max(Some(waiting.deadline));
        }
    }
}
