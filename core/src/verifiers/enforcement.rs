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
use crate::store::{Position, Record, RecordKind, Store};
use crate::time::Timestamp;

/// How many events after a removal are looked through for its enforcement: far more than come in between.
const LOOKED_AT: u64 = 8192;
/// How many events are read at once.
const PAGE: usize = 512;

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

/// The events of one organization from one position to another are enforced.
struct Enforced {
    first: Position,
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
        let new = || Enforced { first: position, last: position, covered: Vec::new() };
        let enforced = unlogged.organizations.entry(organization).or_insert_with(new);
        enforced.first = enforced.first.min(position);
        if enforced.last <= position {
            (enforced.last, enforced.covered) = (position, covered);
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
        let id = self.new_id();
        let count = |is: fn(&Covered) -> bool| {
            u32::try_from(enforced.covered.iter().filter(|covered| is(covered)).count()).unwrap_or(u32::MAX)
        };
        let happened = Happened::Enforced {
            first: enforced.first,
            last: enforced.last,
            acknowledged: count(|covered| covered.acknowledged_at.is_some()),
            ran_out: count(|covered| covered.ran_out_at.is_some()),
            uncovered: count(|covered| covered.acknowledged_at.is_none() && covered.ran_out_at.is_none()),
        };
        let row = Row { covered: enforced.covered.into_iter().map(CoveredRow::from).collect() };
        let (kind, names, lists) = (RecordKind::Enforcement, Vec::new(), Vec::new());
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
        let (mut from, end) = (of + 1, of.saturating_add(LOOKED_AT));
        while from < end {
            let events = self.store.events(from, PAGE).await?;
            for logged in &events {
                if let Happened::Enforced { first, last, .. } = logged.event.happened
                    && (first..=last).contains(&of)
                    && logged.event.details.organization == organization
                {
                    let covered = self.covered_by(logged.event.id()).await?;
                    return Ok(Some(Enforcement { position: logged.position, covered }));
                }
            }
            if events.len() < PAGE {
                break;
            }
            from += PAGE as u64;
        }
        Ok(None)
    }

    async fn covered_by(&self, id: Id) -> Result<Vec<Covered>, Error> {
        let stored = self.store.fetch(id).await?;
        let stored = stored.ok_or_else(|| Error::internal(format!("no enforcement {id:?}")))?;
        let row: Row = decode(id, &stored.record.body)?;
        Ok(row.covered.into_iter().map(Covered::from).collect())
    }
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
