//! This file is about verifiers on other machines: what they are told, in log order, and when a change has reached all of them.
//!
//! A commit tells its change here while it is applied, in log order; every [`Seat`], the place of one connected verifier, reads on
//! from where it stands. A commit that takes a right away is answered only when the [fence](Fence) says that nobody
//! accepts on older knowledge.

mod enforcement;
mod reach;
mod seat;
mod term;
mod uncovered;
mod uses;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event_listener::Event as Bell;
use futures_util::future::{Either, select};
use futures_util::lock::Mutex as Turns;
use keyward_verifier::frame::{Change as Told, KeyRow, OwnerRow};
use keyward_verifier::lease::{
    Cover, Fence, Grant, Incarnation, Join, JoinError, Limits, Mode, Moment, Position as Reached, Progress,
    Refused, Standing, Term,
};

use self::enforcement::Unlogged;
pub use self::enforcement::{Covered, Enforcement};
pub use self::reach::{Arrival, Reached as ReachedBy};
pub use self::seat::Seat;
pub use self::uncovered::Uncovered;
use self::uncovered::names_in;
use crate::command::Answer;
use crate::error::Error;
use crate::event::{Event, Happened, Subject};
use crate::id::{Id, OrganizationId};
use crate::keyward::{Environment, Keyward, Origin};
use crate::live::Profile;
use crate::permit::{Permit, Reach};
use crate::store::{Change, CommitError, Position, Store};

/// How many changes are kept for those who read on: whoever is further behind is cut off and begins anew.
const RECENT: usize = 1 << 18;

/// What is new of a key or an owner.
#[derive(Clone)]
pub(crate) enum Notice {
    /// A key is there, or otherwise than it was.
    Key(KeyRow, Arc<Profile>),
    /// A key ended, or an owner stands otherwise.
    Other(Told),
}

impl From<OwnerRow> for Notice {
    fn from(owner: OwnerRow) -> Self {
        Self::Other(Told::Owner(owner))
    }
}

/// What one event brought.
struct Published {
    organization: OrganizationId,
    notices: Arc<[Notice]>,
}

/// The server's side of all verifiers.
pub struct Verifiers {
    limits: Limits,
    state: Mutex<State>,
    /// Verifiers join and leave one after another: what is durable of them and what the fence knows change together.
    turn: Turns<()>,
    /// Rings when there is something to read.
    published: Bell,
    /// Rings when something may have become enforced.
    heard: Bell,
}

struct State {
    /// `None` until the first verifier joins.
    fence: Option<Fence>,
    recent: VecDeque<Published>,
    /// Where the newest of them ends.
    until: Reached,
    /// What was enforced and does not stand in the log yet.
    unlogged: Unlogged,
}

/// The position at which a log ends with this event.
const fn reached(position: Position) -> Reached {
    Reached(position + 1)
}

impl Verifiers {
    pub(crate) fn new(limits: Limits) -> Self {
        let (until, recent, unlogged) = (Reached(0), VecDeque::new(), Unlogged::default());
        Self {
            limits,
            state: Mutex::new(State { fence: None, recent, until, unlogged }),
            turn: Turns::new(()),
            published: Bell::new(),
            heard: Bell::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every step leaves a state that holds; a panic in one is no reason to stop fencing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the leases are that are granted.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// Begins to serve verifiers, under a term that is durable. `longest` is the longest lease of any term before; `stale`
    /// are those who go on without one.
    fn begin(&self, term: Term, longest: Duration, stale: &[Join], now: Moment) {
        let mut state = self.state();
        let mut fence = Fence::new(self.limits, term, state.until, now, longest);
        stale.iter().for_each(|join| fence.remember(join));
        state.fence.get_or_insert(fence);
    }

    fn is_serving(&self) -> bool {
        self.state().fence.is_some()
    }

    /// Says where the log stood when this server learnt what is live.
    pub(crate) fn start_at(&self, size: u64) {
        self.state().until = Reached(size);
    }

    /// Tells what an event brought. Called in log order, after the server's own table has it.
    pub(crate) fn publish(&self, position: Position, organization: OrganizationId, notices: Vec<Notice>) {
        let mut state = self.state();
        let until = reached(position);
        state.until = until;
        if let Some(fence) = &mut state.fence {
            fence.committed(until);
            state.recent.push_back(Published { organization, notices: notices.into() });
            if state.recent.len() > RECENT {
                state.recent.pop_front();
            }
        }
        drop(state);
        self.published.notify(usize::MAX);
    }

    /// Whether a verifier may join.
    fn may_join(&self, join: &Join, now: Moment) -> Result<(), JoinError> {
        self.state().fence.as_mut().ok_or(Refused::Deposed)?.may_join(join, now)
    }

    /// A verifier joins; in which term, and from where on it is told what changes.
    fn join(&self, join: &Join, now: Moment) -> Result<(Term, Reached), JoinError> {
        let mut state = self.state();
        let fence = state.fence.as_mut().ok_or(Refused::Deposed)?;
        fence.join(join, now)?;
        let term = fence.term();
        Ok((term, state.until))
    }

    /// Whether everything after a position is still at hand.
    fn remembers(&self, position: Reached) -> bool {
        let state = self.state();
        position <= state.until && state.until.0 - position.0 <= state.recent.len() as u64
    }

    /// What concerns one organization, or all, of the events after a position, up to `most` events; and where that ends.
    /// `None`: the reader is too far behind.
    fn read(
        &self,
        after: Reached,
        most: usize,
        organization: Option<OrganizationId>,
    ) -> Option<(Reached, Vec<Arc<[Notice]>>)> {
        let state = self.state();
        let behind = usize::try_from(state.until.0.checked_sub(after.0)?).ok()?;
        let skipped = state.recent.len().checked_sub(behind)?;
        let events = state.recent.range(skipped..).take(most);
        let to = Reached(after.0 + behind.min(most) as u64);
        let theirs = events.filter(|event| organization.is_none_or(|whose| whose == event.organization));
        let told = theirs.filter(|event| !event.notices.is_empty());
        Some((to, told.map(|event| Arc::clone(&event.notices)).collect()))
    }

    fn renew(&self, who: Incarnation, number: u64, now: Moment) -> Result<Option<Grant>, Refused> {
        self.state().fence.as_mut().ok_or(Refused::Unknown)?.renew(who, number, now)
    }

    fn acknowledged(&self, who: Incarnation, at: Reached, now: Moment) -> Result<Option<Grant>, Refused> {
        let mut state = self.state();
        let fence = state.fence.as_mut().ok_or(Refused::Unknown)?;
        let before = fence.reflected(who);
        let granted = fence.acknowledged(who, at, now);
        let has_moved = fence.reflected(who) != before;
        drop(state);
        // The last one that was missing; who waits would only find that for every other one.
        if has_moved {
            self.heard.notify(usize::MAX);
        }
        granted
    }

    fn lied(&self, who: Incarnation) -> Refused {
        self.state().fence.as_mut().map_or(Refused::Unknown, |fence| fence.lied(who))
    }

    fn left(&self, who: Incarnation, for_good: bool) {
        if let Some(fence) = &mut self.state().fence {
            if for_good { fence.leave(who) } else { fence.disconnected(who) }
        }
        self.heard.notify(usize::MAX);
    }

    fn progress(
        &self,
        organization: OrganizationId,
        position: Position,
        at: Moment,
        now: Moment,
    ) -> Progress {
        match &mut self.state().fence {
            Some(fence) => fence.enforced(organization.id().bits(), reached(position), at, now),
            None => Progress::Done(Vec::new()),
        }
    }
}

/// One verifier, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    /// What its operator calls it.
    pub name: String,
    /// Which run of it.
    pub incarnation: u128,
    /// Whose keys it accepts; `None`: those of all organizations.
    pub organization: Option<OrganizationId>,
    /// What it keeps.
    pub mode: Mode,
    /// Whether it goes on when its lease has run out.
    pub serve_stale: bool,
    /// How the server stands to it.
    pub standing: Standing,
    /// How many events it has applied.
    pub position: u64,
    /// For how long its lease still runs.
    pub lease: Duration,
}

/// Whether an event may take a right away from somebody: then it is answered when nobody has it any more.
const fn reduces(event: &Event) -> bool {
    let of_keys = matches!(event.subject, Subject::Key | Subject::Account | Subject::Organization);
    let takes = match event.happened {
        Happened::Updated | Happened::Suspended | Happened::Removed(_) => true,
        Happened::Created
        | Happened::CreatedWith(_)
        | Happened::Resumed
        | Happened::Finished
        | Happened::Epoch
        | Happened::Enforced { .. } => false,
    };
    of_keys && takes
}

impl<S: Store, E: Environment> Keyward<S, E> {
    /// Commits a change, and returns when what it takes away is accepted nowhere any more, but by those whom it notes.
    pub(crate) async fn commit(&self, change: Change, origin: &Origin) -> Result<Position, CommitError> {
        let organization = change.event.details.organization;
        let reduces = reduces(&change.event);
        let position = self.store.commit(change).await?;
        if reduces {
            self.see_enforced(organization, &[position], origin).await;
        }
        Ok(position)
    }

    /// Commits changes that all take something away, and returns when that is accepted nowhere any more, but by those whom it
    /// notes; what became of each.
    pub(crate) async fn commit_many(
        &self,
        changes: Vec<Change>,
        origin: &Origin,
    ) -> Vec<Result<Position, CommitError>> {
        let organizations: Vec<_> = changes.iter().map(|change| change.event.details.organization).collect();
        let done = self.store.commit_many(changes).await;
        let committed: Vec<_> = organizations
            .into_iter()
            .zip(&done)
            .filter_map(|(whose, done)| Some((whose, *done.as_ref().ok()?)))
            .collect();
        for theirs in committed.chunk_by(|(one, _), (other, _)| one == other) {
            let positions: Vec<Position> = theirs.iter().map(|(_, position)| *position).collect();
            if let Some((organization, _)) = theirs.first() {
                self.see_enforced(*organization, &positions, origin).await;
            }
        }
        done
    }

    /// Waits until events of an organization, in log order, are enforced at every verifier, and has that written down.
    async fn see_enforced(&self, organization: OrganizationId, positions: &[Position], origin: &Origin) {
        // Who reflects the last reflects those before it.
        let Some(last) = positions.last() else { return };
        let covers = self.enforce(organization, *last).await;
        self.note_uncovered(origin, organization, positions, &covers).await;
        self.note_enforced(organization, *last, &covers);
    }

    /// The names of those who may, as it is now, go on accepting what an event took away that was waited for before.
    pub(crate) fn uncovered(&self, organization: OrganizationId, position: Position) -> Vec<String> {
        let now = self.environment.moment();
        match self.verifiers.progress(organization, position, now, now) {
            Progress::Done(covers) => names_in(&covers),
            Progress::Waiting { .. } | Progress::Deposed => Vec::new(),
        }
    }

    /// Every verifier that is connected, or was and is not forgotten yet, as far as the caller may know of it.
    pub(crate) fn list_verifiers(&self, permit: &Permit) -> Answer {
        let now = self.environment.moment();
        let state = self.verifiers.state();
        let statuses = state.fence.iter().flat_map(Fence::statuses);
        let known = statuses.filter_map(|status| {
            let organization = status.organization.map(|whose| OrganizationId::from(Id::from_bits(whose)));
            let theirs = match organization {
                Some(whose) => permit.covers_organization(whose).is_ok(),
                None => permit.reach() == Reach::Everywhere,
            };
            theirs.then(|| Verifier {
                name: status.name.to_owned(),
                incarnation: status.incarnation.0,
                organization,
                mode: status.mode,
                serve_stale: status.serve_stale,
                standing: status.standing,
                position: status.acknowledged.0,
                lease: status.until.since(now),
            })
        });
        Answer::Verifiers(known.collect(), state.until.0)
    }

    /// Waits until an event is in force, here and at every verifier: for whoever finds that something was done already. It
    /// may have been a moment ago, by somebody who still waits for that, or before a crash. Who goes on accepting what it took
    /// away is noted, as it is now.
    pub(crate) async fn in_force(&self, organization: OrganizationId, position: Position, origin: &Origin) {
        loop {
            let applied = self.verifiers.published.listen();
            if self.live.position() > position {
                break;
            }
            applied.await;
        }
        let covers = self.enforce(organization, position).await;
        self.note_uncovered(origin, organization, &[position], &covers).await;
    }

    /// The same for whatever a record last went through.
    pub(crate) async fn record_in_force(
        &self,
        organization: OrganizationId,
        id: Id,
        origin: &Origin,
    ) -> Result<(), Error> {
        if let Some(stored) = self.store.fetch(id).await? {
            self.in_force(organization, stored.position, origin).await;
        }
        Ok(())
    }

    /// Waits until an event is enforced at every verifier.
    async fn enforce(&self, organization: OrganizationId, position: Position) -> Vec<Cover> {
        let committed_at = self.environment.moment();
        loop {
            let heard = self.verifiers.heard.listen();
            let now = self.environment.moment();
            match self.verifiers.progress(organization, position, committed_at, now) {
                Progress::Done(covers) => return covers,
                Progress::Waiting { at_latest } => {
                    let patience = std::pin::pin!(self.environment.pause(at_latest.since(now)));
                    match select(heard, patience).await {
                        Either::Left(_) | Either::Right(_) => {}
                    }
                }
                // Only a successor can tell, and this server is no longer one that answers.
                Progress::Deposed => std::future::pending().await,
            }
        }
    }
}
