//! This file is about what the server knows of one run of a verifier.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use super::super::{Incarnation, Mode, Moment, Position};
use super::{Join, JoinError, Refused, Standing};

/// How many acknowledgements are remembered with their times; a report names the first that covers a removal.
const REMEMBERED: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) organization: Option<u128>,
    pub(super) mode: Mode,
    pub(super) serve_stale: bool,
    pub(super) standing: Standing,
    /// How many connections it has: a new one may be there before the old one is seen to be gone.
    connections: u32,
    /// What it said that it has applied.
    pub(super) acknowledged: Position,
    /// What everything reflects that it accepts: it was acknowledged, or no lease that it may hold counts without it.
    covered: Position,
    /// When its last lease ends; the beginning of time if it never had one.
    pub(super) until: Moment,
    /// The renewal that has no answer yet.
    pub(super) asked: Option<Asked>,
    history: History,
}

/// What is only told, and decides nothing: two fences that differ in it alone will act alike, so it is no part of their hash.
#[derive(Clone, Debug, PartialEq, Eq)]
struct History {
    acknowledgements: VecDeque<(Position, Moment)>,
    /// When the lease before ended, if there was a pause between the two.
    paused_at: Moment,
}

impl Hash for History {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// A renewal, as it was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    pub(super) renewal: u64,
    /// What must be acknowledged before it is granted.
    pub(super) wanted: Position,
    pub(super) received_at: Moment,
}

impl Member {
    pub(super) fn new(join: &Join) -> Self {
        Self {
            name: join.name.clone(),
            organization: join.organization,
            mode: join.mode,
            serve_stale: join.serve_stale,
            standing: Standing::Present,
            connections: 1,
            acknowledged: Position::default(),
            covered: Position::default(),
            until: Moment::from_nanos(0),
            asked: None,
            history: History { acknowledgements: VecDeque::new(), paused_at: Moment::from_nanos(0) },
        }
    }

    /// One that was connected to a server before this one.
    pub(super) fn gone(join: &Join) -> Self {
        let mut member = Self::new(join);
        member.disconnect();
        member
    }

    /// Whether the same run may have a new connection.
    pub(super) fn may_come_back(&self, join: &Join) -> Result<(), JoinError> {
        if (&self.name, self.organization) != (&join.name, join.organization) {
            return Err(JoinError::IncarnationTaken);
        }
        match self.standing {
            Standing::Present | Standing::Gone => Ok(()),
            Standing::Superseded => Err(Refused::Superseded.into()),
            Standing::Lied => Err(Refused::Lied.into()),
        }
    }

    /// The same run on a new connection.
    pub(super) fn come_back(&mut self, join: &Join) {
        (self.mode, self.asked, self.standing) = (join.mode, None, Standing::Present);
        self.serve_stale = join.serve_stale;
        self.connections = self.connections.saturating_add(1);
    }

    pub(super) fn is_superseded(&mut self) {
        self.asked = None;
        if self.standing != Standing::Lied {
            self.standing = Standing::Superseded;
        }
    }

    /// One of its connections is gone.
    pub(super) fn disconnect(&mut self) {
        self.connections = self.connections.saturating_sub(1);
        if self.connections == 0 {
            self.asked = None;
            if self.standing == Standing::Present {
                self.standing = Standing::Gone;
            }
        }
    }

    pub(super) fn heard(&self) -> Result<(), Refused> {
        match self.standing {
            Standing::Present => Ok(()),
            Standing::Gone => Err(Refused::Unknown),
            Standing::Superseded => Err(Refused::Superseded),
            Standing::Lied => Err(Refused::Lied),
        }
    }

    pub(super) fn acknowledge(&mut self, position: Position, now: Moment) {
        if position <= self.acknowledged {
            return;
        }
        self.acknowledged = position;
        self.covered = self.covered.max(position);
        let acknowledgements = &mut self.history.acknowledgements;
        if acknowledgements.len() >= REMEMBERED {
            acknowledgements.pop_front();
        }
        acknowledgements.push_back((position, now));
    }

    /// It gets a lease that counts only once it has applied `requires`. Where an earlier lease still runs, that one counts
    /// with less, and nothing new is covered.
    pub(super) fn lease(&mut self, requires: Position, until: Moment, now: Moment) {
        if self.until <= now {
            self.covered = self.covered.max(requires);
            self.history.paused_at = self.until;
        }
        self.until = self.until.max(until);
    }

    /// Where it stands among the running leases.
    pub(super) const fn key(&self, incarnation: Incarnation) -> (Option<u128>, Position, Incarnation) {
        (self.organization, self.covered, incarnation)
    }

    /// When its last lease ends, even if the renewal is granted that it has sent.
    pub(super) fn latest_end(&self, allowance: Duration) -> Moment {
        self.asked.map_or(self.until, |asked| self.until.max(asked.received_at.plus(allowance)))
    }

    /// When it acknowledged a position, at the latest.
    pub(super) fn acknowledged_at(&self, position: Position) -> Option<Moment> {
        let mut acknowledgements = self.history.acknowledgements.iter();
        acknowledgements.find(|(reached, _)| *reached >= position).map(|(_, at)| *at)
    }

    /// When a lease of it last ran out.
    pub(super) fn ran_out_at(&self, now: Moment) -> Moment {
        if self.until <= now { self.until } else { self.history.paused_at }
    }

    /// Is it gone for good, as far as anyone can be waiting for it?
    pub(super) fn is_forgettable(&self, now: Moment) -> bool {
        let hears = match self.standing {
            Standing::Present => true,
            Standing::Gone => self.serve_stale,
            Standing::Superseded | Standing::Lied => false,
        };
        !hears && self.until <= now
    }

    /// May it accept keys although no lease of it runs?
    pub(super) fn is_stale_server(&self) -> bool {
        self.serve_stale && self.standing != Standing::Superseded
    }
}
