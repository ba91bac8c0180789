//! This file is about the server's side of the lease: who may still accept what, and when a removal has reached everybody.

mod member;
mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use thiserror::Error;

use self::member::{Asked, Member};
pub use self::report::{Cover, Outcome, Status};
use super::{Grant, Incarnation, Mode, Moment, Position, Term};

/// What a server grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// How long a lease lasts. Whole milliseconds, 3 seconds unless configured.
    pub lease: Duration,
    /// How much faster, in thousandths, the server's clock may run than a verifier's. 10: a clock that is off by 1 % is
    /// broken hardware, and NTP moves one by 0.05 % at most.
    pub drift_per_mille: u32,
    /// How many verifiers one organization may have, and how many may see all organizations. Those that are gone count
    /// until their lease has run out.
    pub members: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { lease: Duration::from_secs(3), drift_per_mille: 10, members: 10_000 }
    }
}

impl Limits {
    /// How long the server waits for a lease of some length to run out on another clock.
    #[must_use]
    pub fn waits_for(&self, lease: Duration) -> Duration {
        let allowance = lease.as_nanos().saturating_mul(self.drift_per_mille.into()).div_ceil(1000);
        lease.saturating_add(Duration::from_nanos(u64::try_from(allowance).unwrap_or(u64::MAX)))
    }
}

/// A verifier that wants to join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// Which run of it.
    pub incarnation: Incarnation,
    /// What its operator calls it, one name a verifier: a later run under the same name of the same organization is taken for
    /// the same verifier, started again.
    pub name: String,
    /// The organization whose keys it accepts; `None`: those of all.
    pub organization: Option<u128>,
    /// What it keeps.
    pub mode: Mode,
    /// Does it go on accepting keys when its lease has run out? Then no removal is certain before it acknowledged it.
    pub serve_stale: bool,
    /// The longest log that it has seen or applied.
    pub seen: Position,
}

/// Why a verifier may not join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum JoinError {
    /// The verifier has seen more of the log than there is here: *this server* was put back, and must lock itself.
    #[error("the verifier has seen more of the log than this server has")]
    ServerBehind,
    /// There are too many.
    #[error("the organization has too many verifiers")]
    Full,
    /// It is known under another name or as another organization's.
    #[error("another verifier has this incarnation")]
    IncarnationTaken,
    /// This run was refused for good.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// Why a verifier is not heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// It has not joined this server, or has left.
    #[error("the verifier has not joined")]
    Unknown,
    /// A later run has joined under its name.
    #[error("another verifier has joined under the same name")]
    Superseded,
    /// It acknowledged what it was never sent. Its word counts for nothing any more.
    #[error("the verifier acknowledged what it was never sent")]
    Lied,
    /// This server's reign is over.
    #[error("this server no longer serves the log")]
    Deposed,
}

/// How the server stands to one run of a verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It is connected.
    Present,
    /// Its connection is gone; its lease may run on.
    Gone,
    /// A later run has taken its name; its lease may run on.
    Superseded,
    /// It lied about its position; its lease may run on.
    Lied,
}

/// How far a removal has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// No verifier accepts anything on older knowledge, but for those that the report calls uncovered.
    Done(Vec<Cover>),
    /// Some may. Ask again after every acknowledgement, and at this time at the latest. It is over when every lease is that runs
    /// now, at the latest.
    Waiting {
        /// When one of the leases in question has run out.
        at_latest: Moment,
    },
    /// This server's reign is over: only its successor can tell.
    Deposed,
}

/// The server's side: every verifier that holds or may hold a lease.
///
/// One fence a server. The caller serialises: a commit is applied to the server's own table, told to [`committed`](Self::committed)
/// and put into every verifier's queue *in one critical section*, and a verifier joins and is subscribed in another of the same
/// kind. Then whoever joins later is sent everything from its position on.
///
/// What it costs: a renewal, an acknowledgement and [`frontier`](Self::frontier) O(log verifiers); so does
/// [`enforced`](Self::enforced), but for the report when it is done, O(verifiers), once a removal. A verifier that is gone costs one wait: it gets no lease until it has acknowledged
/// everything, so later removals do not wait for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fence {
    limits: Limits,
    term: Term,
    committed: Position,
    /// Until when leases may run that an earlier term granted.
    unknown_until: Moment,
    deposed: bool,
    members: BTreeMap<Incarnation, Member>,
    names: BTreeMap<(Option<u128>, String), Incarnation>,
    /// Running leases: whose keys they accept, and what they are known to reflect.
    running: BTreeSet<(Option<u128>, Position, Incarnation)>,
    /// The same leases, by when they end.
    ends: BTreeSet<(Moment, Incarnation)>,
}

impl Fence {
    /// A server that begins its reign. `committed` is where its log ends now; `longest` is the longest lease that anybody
    /// ever granted on this log: leases of that length are waited out, because nobody remembers them.
    #[must_use]
    pub fn new(limits: Limits, term: Term, committed: Position, now: Moment, longest: Duration) -> Self {
        Self {
            limits,
            term,
            committed,
            unknown_until: now.plus(limits.waits_for(longest)),
            deposed: false,
            members: BTreeMap::new(),
            names: BTreeMap::new(),
            running: BTreeSet::new(),
            ends: BTreeSet::new(),
        }
    }

    /// The server's term.
    #[must_use]
    pub const fn term(&self) -> Term {
        self.term
    }

    /// Where the log ends.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.committed
    }

    /// How long the leases are that it grants.
    #[must_use]
    pub const fn lease(&self) -> Duration {
        self.limits.lease
    }

    /// The log has grown to this position.
    pub fn committed(&mut self, position: Position) {
        self.committed = self.committed.max(position);
    }

    /// Its reign is over: it grants nothing more, and calls nothing enforced. Whoever takes over does so only after this was
    /// called, or was certain to have been.
    pub fn depose(&mut self) {
        self.deposed = true;
    }

    /// Whether a verifier may join, for whoever has something to do before it does.
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn may_join(&mut self, join: &Join, now: Moment) -> Result<(), JoinError> {
        if self.deposed {
            return Err(Refused::Deposed.into());
        }
        if join.seen > self.committed {
            return Err(JoinError::ServerBehind);
        }
        match self.members.get(&join.incarnation) {
            Some(member) => member.may_come_back(join),
            None => self.make_room(join.organization, now),
        }
    }

    /// A verifier joins, or comes back on a new connection. Answers which run lost its name to this one: its connection is
    /// closed, its lease is waited out.
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn join(&mut self, join: &Join, now: Moment) -> Result<Option<Incarnation>, JoinError> {
        self.may_join(join, now)?;
        let member = self.members.entry(join.incarnation);
        member.and_modify(|member| member.come_back(join)).or_insert_with(|| Member::new(join));
        let earlier = self.names.insert((join.organization, join.name.clone()), join.incarnation);
        let superseded = earlier.filter(|incarnation| *incarnation != join.incarnation);
        if let Some(member) = superseded.and_then(|incarnation| self.members.get_mut(&incarnation)) {
            member.is_superseded();
        }
        Ok(superseded)
    }

    /// Knows a verifier that serves stale from the log, after a restart: it may be accepting keys although nobody hears of
    /// it, until it is back or [`leave`](Self::leave) is called for it.
    pub fn remember(&mut self, join: &Join) {
        self.members.entry(join.incarnation).or_insert_with(|| Member::gone(join));
        self.names.insert((join.organization, join.name.clone()), join.incarnation);
    }

    /// A verifier asks for a lease. `None`: it will get one when it has acknowledged what was committed by now; or it is of
    /// the kind that needs none.
    ///
    /// # Errors
    /// [`Refused`]: the connection is to be closed.
    pub fn renew(
        &mut self,
        incarnation: Incarnation,
        renewal: u64,
        now: Moment,
    ) -> Result<Option<Grant>, Refused> {
        let wanted = self.committed;
        let member = self.present(incarnation)?;
        if member.mode == Mode::Online {
            return Ok(None);
        }
        // One that still waits stays: under a stream of commits, each newer one would have to wait for more.
        member.asked.get_or_insert(Asked { renewal, wanted, received_at: now });
        Ok(self.grant(incarnation, now))
    }

    /// A verifier has applied everything up to a position; with that it may get the lease that it asked for.
    ///
    /// # Errors
    /// [`Refused`]: the connection is to be closed.
    pub fn acknowledged(
        &mut self,
        incarnation: Incarnation,
        position: Position,
        now: Moment,
    ) -> Result<Option<Grant>, Refused> {
        let committed = self.committed;
        let member = self.present(incarnation)?;
        if position > committed {
            return Err(self.lied(incarnation));
        }
        let before = member.key(incarnation);
        member.acknowledge(position, now);
        let after = member.key(incarnation);
        if self.running.remove(&before) {
            self.running.insert(after);
        }
        Ok(self.grant(incarnation, now))
    }

    /// A verifier has acknowledged what it was never sent: its word counts for nothing any more, and its lease is waited out.
    pub fn lied(&mut self, incarnation: Incarnation) -> Refused {
        if let Some(member) = self.members.get_mut(&incarnation) {
            member.standing = Standing::Lied;
        }
        Refused::Lied
    }

    /// A connection on which a verifier joined is gone. Its lease runs on.
    pub fn disconnected(&mut self, incarnation: Incarnation) {
        if let Some(member) = self.members.get_mut(&incarnation) {
            member.disconnect();
        }
    }

    /// A run of a verifier has said that it accepts nothing any more, and that it is over; or its operator has: nobody waits for
    /// it. That it was told to stop is not enough: what it was told may not have arrived.
    pub fn leave(&mut self, incarnation: Incarnation) {
        if let Some(member) = self.members.remove(&incarnation) {
            self.running.remove(&member.key(incarnation));
            self.ends.remove(&(member.until, incarnation));
            self.names.retain(|_, holder| *holder != incarnation);
        }
    }

    /// Up to where everything is enforced, for the keys of one organization. `None`: nothing can be said yet, or any more.
    pub fn frontier(&mut self, organization: u128, now: Moment) -> Option<Position> {
        if self.deposed || now < self.unknown_until {
            return None;
        }
        self.end_leases(now);
        let first = |whose: Option<u128>| self.running_of(whose).next().map(|(_, covered, _)| *covered);
        let slowest = first(None).into_iter().chain(first(Some(organization))).min();
        Some(slowest.map_or(self.committed, |covered| covered.min(self.committed)))
    }

    /// What all running leases of one verifier's reach reflect, its own among them; `None`: none runs. While an acknowledgement
    /// leaves it as it is, no removal is over because of that one.
    #[must_use]
    pub fn reflected(&self, incarnation: Incarnation) -> Option<Position> {
        let member = self.members.get(&incarnation)?;
        self.running_of(member.organization).next().map(|(_, covered, _)| *covered)
    }

    /// Whether the change that brought `position`, committed at `committed_at`, to a key of this organization is enforced.
    pub fn enforced(
        &mut self,
        organization: u128,
        position: Position,
        committed_at: Moment,
        now: Moment,
    ) -> Progress {
        match self.frontier(organization, now) {
            Some(frontier) if frontier >= position => {
                Progress::Done(self.report(organization, position, committed_at, now))
            }
            Some(_) => Progress::Waiting { at_latest: self.next_end(organization, position) },
            None if self.deposed => Progress::Deposed,
            None => Progress::Waiting { at_latest: self.unknown_until },
        }
    }

    /// When a lease ends that holds a position back: that of the verifier that is furthest behind. There may be others
    /// after it, and to look for the last one, at every acknowledgement, would take as long as all verifiers together.
    fn next_end(&self, organization: u128, position: Position) -> Moment {
        let allowance = self.limits.waits_for(self.limits.lease);
        let furthest = |whose| self.running_of(whose).next().filter(|(_, covered, _)| *covered < position);
        let both = furthest(None).into_iter().chain(furthest(Some(organization)));
        let ends = both.filter_map(|(_, _, incarnation)| self.members.get(incarnation));
        ends.map(|member| member.latest_end(allowance)).max().unwrap_or(self.unknown_until)
    }

    fn running_of(
        &self,
        whose: Option<u128>,
    ) -> impl Iterator<Item = &(Option<u128>, Position, Incarnation)> {
        let (least, greatest) = (Incarnation(0), Incarnation(u128::MAX));
        self.running.range((whose, Position(0), least)..=(whose, Position(u64::MAX), greatest))
    }

    fn present(&mut self, incarnation: Incarnation) -> Result<&mut Member, Refused> {
        if self.deposed {
            return Err(Refused::Deposed);
        }
        let member = self.members.get_mut(&incarnation).ok_or(Refused::Unknown)?;
        member.heard()?;
        Ok(member)
    }

    /// Grants what was asked, if everything has been acknowledged that was committed when it was asked.
    fn grant(&mut self, incarnation: Incarnation, now: Moment) -> Option<Grant> {
        let allowance = self.limits.waits_for(self.limits.lease);
        let requires = self.committed;
        let member = self.members.get_mut(&incarnation)?;
        let asked = member.asked.take_if(|asked| asked.wanted <= member.acknowledged)?;
        let until = asked.received_at.plus(allowance);
        if until <= now {
            return None;
        }
        self.running.remove(&member.key(incarnation));
        self.ends.remove(&(member.until, incarnation));
        member.lease(requires, until, now);
        self.running.insert(member.key(incarnation));
        self.ends.insert((member.until, incarnation));
        let (term, renewal, length) = (self.term, asked.renewal, self.limits.lease);
        Some(Grant { term, incarnation, renewal, requires, length })
    }

    fn end_leases(&mut self, now: Moment) {
        while let Some((until, incarnation)) = self.ends.first().copied()
            && until <= now
        {
            self.ends.pop_first();
            if let Some(member) = self.members.get(&incarnation) {
                self.running.remove(&member.key(incarnation));
            }
        }
    }

    fn make_room(&mut self, organization: Option<u128>, now: Moment) -> Result<(), JoinError> {
        let count = |members: &BTreeMap<Incarnation, Member>| {
            members.values().filter(|member| member.organization == organization).count()
        };
        if count(&self.members) < self.limits.members {
            return Ok(());
        }
        self.end_leases(now);
        self.members.retain(|_, member| !member.is_forgettable(now));
        let members = &self.members;
        self.names.retain(|_, incarnation| members.contains_key(incarnation));
        if count(members) < self.limits.members { Ok(()) } else { Err(JoinError::Full) }
    }
}
