//! This file is about removals of many keys at rest.

use serde::{Deserialize, Serialize};

use super::{decode, encode};
use crate::error::Error;
use crate::event::Reason;
use crate::filter::{Filter, StateFilter};
use crate::id::Id;
use crate::key::Kind;
use crate::removal::Removal;
use crate::secret::{Handle, Label};
use crate::store::{List, Record, RecordKind};
use crate::time::Timestamp;

#[derive(Serialize, Deserialize)]
struct Row {
    organization: u128,
    actor: u128,
    filter: FilterRow,
    spares_owners: bool,
    reason: Reason,
    total: u64,
    created_at: u64,
    finished_at: Option<u64>,
    removed: u64,
    position: u64,
    salt: [u8; 16],
}

#[derive(Serialize, Deserialize)]
struct FilterRow {
    account: Option<u128>,
    kind: Option<String>,
    state: Option<StateRow>,
    environment: Option<String>,
    handle: Option<String>,
    tag: Option<String>,
    unused_since: Option<u64>,
    expires_before: Option<u64>,
    created_after: Option<u64>,
    created_before: Option<u64>,
}

#[derive(Serialize, Deserialize)]
enum StateRow {
    Active,
    Suspended,
    Removed,
}

impl From<&Filter> for FilterRow {
    fn from(filter: &Filter) -> Self {
        Self {
            account: filter.account.map(|account| account.id().bits()),
            kind: filter.kind.map(|kind| kind.word().to_owned()),
            state: filter.state.map(|state| match state {
                StateFilter::Active => StateRow::Active,
                StateFilter::Suspended => StateRow::Suspended,
                StateFilter::Removed => StateRow::Removed,
            }),
            environment: filter.environment.as_ref().map(|label| label.as_str().to_owned()),
            handle: filter.handle.as_ref().map(|handle| handle.as_str().to_owned()),
            tag: filter.tag.clone(),
            unused_since: filter.unused_since.map(Timestamp::millis),
            expires_before: filter.expires_before.map(Timestamp::millis),
            created_after: filter.created_after.map(Timestamp::millis),
            created_before: filter.created_before.map(Timestamp::millis),
        }
    }
}

impl From<FilterRow> for Filter {
    fn from(row: FilterRow) -> Self {
        Self {
            account: row.account.map(|account| Id::from_bits(account).into()),
            kind: row.kind.and_then(|word| Kind::parse(&word)),
            state: row.state.map(|state| match state {
                StateRow::Active => StateFilter::Active,
                StateRow::Suspended => StateFilter::Suspended,
                StateRow::Removed => StateFilter::Removed,
            }),
            environment: row.environment.and_then(|label| Label::parse(&label)),
            handle: row.handle.and_then(|handle| Handle::parse(&handle)),
            tag: row.tag,
            unused_since: row.unused_since.map(Timestamp::from_millis),
            expires_before: row.expires_before.map(Timestamp::from_millis),
            created_after: row.created_after.map(Timestamp::from_millis),
            created_before: row.created_before.map(Timestamp::from_millis),
        }
    }
}

impl Removal {
    /// The removal as a store keeps it. Until it is finished it stands in the list of what a start takes up.
    ///
    /// # Errors
    /// [`Error::Internal`] if it does not encode.
    pub fn to_record(&self) -> Result<Record, Error> {
        let row = Row {
            organization: self.organization.id().bits(),
            actor: self.actor.id().bits(),
            filter: FilterRow::from(&self.filter),
            spares_owners: self.spares_owners,
            reason: self.reason,
            total: self.total,
            created_at: self.created_at.millis(),
            finished_at: self.finished_at.map(Timestamp::millis),
            removed: self.removed,
            position: self.position,
            salt: self.salt,
        };
        let kind = RecordKind::Removal;
        let unfinished = List { kind, owner: List::EVERYONE };
        Ok(Record {
            id: self.id.id(),
            kind,
            version: self.version,
            body: encode(&row)?,
            names: Vec::new(),
            lists: if self.finished_at.is_none() { vec![unfinished] } else { Vec::new() },
        })
    }

    /// The removal that a record holds.
    ///
    /// # Errors
    /// [`Error::Internal`] if it holds none.
    pub fn from_record(record: &Record) -> Result<Self, Error> {
        let row: Row = decode(record.id, &record.body)?;
        Ok(Self {
            id: record.id.into(),
            organization: Id::from_bits(row.organization).into(),
            actor: Id::from_bits(row.actor).into(),
            filter: row.filter.into(),
            spares_owners: row.spares_owners,
            reason: row.reason,
            total: row.total,
            created_at: Timestamp::from_millis(row.created_at),
            finished_at: row.finished_at.map(Timestamp::from_millis),
            removed: row.removed,
            position: row.position,
            salt: row.salt,
            version: record.version,
        })
    }
}
