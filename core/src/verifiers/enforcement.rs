//! This file is about enforcements: what the log says of when changes had reached every verifier, and how. One stands for many:
//! what is enforced while the last one is written shares the next.

use std::collections::HashMap;
use std::sync::Arc;

use keyward_verifier::lease::{Cover, Moment, Outcome};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::event::{Happened, Subject};
use crate::id::{Id, OrganizationId};
use crate::keyward::{About, Environment, Keyward, Origin};
use crate::record::{decode, encode};
use crate::store::{List, Position, Record, RecordKind, Store, Stored};
use crate::time::Timestamp;

/// What the log says of when a change had reached every verifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enforcement {
    /// The event that says so.
    pub position: Position,
    /// How each verifier was kept from accepting what was taken away.
    pub covered: Vec<Covered>,
}

/// How one verifier was kept from accepting what was taken away; neither time: it was not, and its operator wants it so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// The verifier's name.
    pub name: String,
    /// Which run of it.
    pub incarnation: u128,
    /// When it acknowledged, at the latest.
    pub acknowledged_at: Option<Timestamp>,
    /// When its lease had run out for certain.
    pub ran_out_at: Option<Timestamp>,
}

/// What was enforced and does not stand in the log yet.
#[derive(Default)]
pub(super) struct Unlogged {
    organizations: HashMap<OrganizationId, Enforced>,
    /// Whether somebody is writing it down.
    writing: bool,
}

/// Every event of one organization up to a position is enforced.
struct Enforced {
    last: Position,
    covered: Vec<Covered>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    covered: Vec<CoveredRow>,
}

#[derive(Serialize, Deserialize)]
struct CoveredRow {
    name: String,
    incarnation: u128,
    acknowledged_at: Option<u64>,
    ran_out_at: Option<u64>,
}

impl<S: Store, E: Environment> Keyward<S, E> {
    /// Has it written down that an event is enforced, soon; where there are no verifiers there is nothing to say.
    pub(super) fn note_enforced(&self, organization: OrganizationId, position: Position, covers: &[Cover]) {
        if covers.is_empty() {
            return;
        }
        let covered = covers.iter().map(|cover| self.as_covered(cover)).collect();
        let mut state = self.verifiers.state();
        let unlogged = &mut state.unlogged;
        let new = || Enforced { last: position, covered: Vec::new() };
        let enforced = unlogged.organizations.entry(organization).or_insert_with(new);
        if enforced.last <= position {
            *enforced = Enforced { last: position, covered };
        }
        if !std::mem::replace(&mut unlogged.writing, true)
            && let Some(keyward) = self.this.upgrade()
        {
            drop(state);
            self.environment.spawn(async move { keyward.log_enforcements().await });
        }
    }

    fn as_covered(&self, cover: &Cover) -> Covered {
        let at = |then| Some(self.wall_clock(then));
        let (acknowledged_at, ran_out_at) = match cover.outcome {
            Outcome::Acknowledged { at: then } => (at(then), None),
            Outcome::RanOut { at: then } => (None, at(then)),
            Outcome::Uncovered => (None, None),
        };
        Covered { name: cover.name.clone(), incarnation: cover.incarnation.0, acknowledged_at, ran_out_at }
    }

    /// The time of a moment that is not long ago.
    pub(super) fn wall_clock(&self, then: Moment) -> Timestamp {
        let ago = self.environment.moment().since(then).as_millis();
        let ago = u64::try_from(ago).unwrap_or(u64::MAX);
        Timestamp::from_millis(self.environment.now().millis().saturating_sub(ago))
    }

    async fn log_enforcements(self: Arc<Self>) {
        loop {
            let unlogged = {
                let unlogged = &mut self.verifiers.state().unlogged;
                if unlogged.organizations.is_empty() {
                    unlogged.writing = false;
                    return;
                }
                std::mem::take(&mut unlogged.organizations)
            };
            for (organization, enforced) in unlogged {
                // What cannot be written is missing in receipts; nothing else rests on it.
                let _ = self.log_enforcement(organization, enforced).await;
            }
        }
    }

    async fn log_enforcement(&self, organization: OrganizationId, enforced: Enforced) -> Result<(), Error> {
        let id = named_by(enforced.last);
        let count = |is: fn(&Covered) -> bool| {
            u32::try_from(enforced.covered.iter().filter(|covered| is(covered)).count()).unwrap_or(u32::MAX)
        };
        let happened = Happened::Enforced {
            // Whoever reflects an event reflects all before it: this says it of those, too, that a crash left without.
            first: 0,
            last: enforced.last,
            acknowledged: count(|covered| covered.acknowledged_at.is_some()),
            ran_out: count(|covered| covered.ran_out_at.is_some()),
            uncovered: count(|covered| covered.acknowledged_at.is_none() && covered.ran_out_at.is_none()),
        };
        let row = Row { covered: enforced.covered.into_iter().map(CoveredRow::from).collect() };
        let (kind, names, lists) = (RecordKind::Enforcement, Vec::new(), vec![list(organization)]);
        let record = Record { id, kind, version: 1, body: encode(&row)?, names, lists };
        let about =
            About { subject: Subject::Log, happened, id, organization, version: 1, salt: self.random() };
        self.commit_open(None, about, Ok(record), |_| Vec::new(), &Origin::default()).await?;
        Ok(())
    }

    /// What the log says of when an event had reached every verifier; `None` where there were none, or it is not written yet.
    pub(crate) async fn enforcement(&self, of: Position) -> Result<Option<Enforcement>, Error> {
        let event = self.store.events(of, 1).await?;
        let Some(organization) = event.first().map(|logged| logged.event.details.organization) else {
            return Ok(None);
        };
        // The first that is named by this position or a later one.
        let before = Id::from_bits(named_by(of).bits().saturating_sub(1));
        let found = self.store.page(list(organization), Some(before), 1).await?;
        let read = |stored: &Stored| {
            let row: Row = decode(stored.record.id, &stored.record.body)?;
            let covered = row.covered.into_iter().map(Covered::from).collect();
            Ok(Enforcement { position: stored.position, covered })
        };
        found.first().map(read).transpose()
    }
}

/// The enforcements of an organization, in the order of what they are about.
const fn list(organization: OrganizationId) -> List {
    List { kind: RecordKind::Enforcement, owner: organization.id() }
}

/// An enforcement is named by the last position that it is about, so that the one of an event is found without a search. No
/// other record has such an id: theirs begin with a time.
fn named_by(last: Position) -> Id {
    Id::from_bits(u128::from(last) << 64)
}

impl From<Covered> for CoveredRow {
    fn from(covered: Covered) -> Self {
        Self {
            name: covered.name,
            incarnation: covered.incarnation,
            acknowledged_at: covered.acknowledged_at.map(Timestamp::millis),
            ran_out_at: covered.ran_out_at.map(Timestamp::millis),
        }
    }
}

impl From<CoveredRow> for Covered {
    fn from(row: CoveredRow) -> Self {
        Self {
            name: row.name,
            incarnation: row.incarnation,
            acknowledged_at: row.acknowledged_at.map(Timestamp::from_millis),
            ran_out_at: row.ran_out_at.map(Timestamp::from_millis),
        }
    }
}
