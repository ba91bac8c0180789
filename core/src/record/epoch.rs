//! This file is about epochs at rest.

use serde::{Deserialize, Serialize};

use super::{decode, encode};
use crate::epoch::{Epoch, Finished};
use crate::error::Error;
use crate::id::Id;
use crate::store::{List, Record, RecordKind};
use crate::time::Timestamp;

#[derive(Serialize, Deserialize)]
struct Row {
    number: u32,
    organization: u128,
    created_at: u64,
    finished: Option<FinishedRow>,
    salt: [u8; 16],
}

#[derive(Serialize, Deserialize)]
struct FinishedRow {
    at: u64,
    began: u64,
    slots: u64,
}

impl Epoch {
    /// The epoch as a store keeps it: in the list of all of them.
    ///
    /// # Errors
    /// [`Error::Internal`] if it does not encode.
    pub fn to_record(&self) -> Result<Record, Error> {
        let row = Row {
            number: self.number,
            organization: self.organization.id().bits(),
            created_at: self.created_at.millis(),
            finished: self.finished.map(|finished| FinishedRow {
                at: finished.at.millis(),
                began: finished.began,
                slots: finished.slots,
            }),
            salt: self.salt,
        };
        let kind = RecordKind::Epoch;
        Ok(Record {
            id: self.id.id(),
            kind,
            version: self.version,
            body: encode(&row)?,
            names: vec![self.name],
            lists: vec![List { kind, owner: List::EVERYONE }],
        })
    }

    /// The epoch that a record holds.
    ///
    /// # Errors
    /// [`Error::Internal`] if it holds none.
    pub fn from_record(record: &Record) -> Result<Self, Error> {
        let row: Row = decode(record.id, &record.body)?;
        let name = record.names.first().ok_or_else(|| Error::internal("an epoch without a name"))?;
        Ok(Self {
            id: record.id.into(),
            number: row.number,
            organization: Id::from_bits(row.organization).into(),
            created_at: Timestamp::from_millis(row.created_at),
            finished: row.finished.map(|finished| Finished {
                at: Timestamp::from_millis(finished.at),
                began: finished.began,
                slots: finished.slots,
            }),
            salt: row.salt,
            version: record.version,
            name: *name,
        })
    }
}
