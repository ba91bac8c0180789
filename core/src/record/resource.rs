//! This file is about resources at rest.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{decode, encode};
use crate::error::Error;
use crate::id::Id;
use crate::resource::Resource;
use crate::store::{List, Record, RecordKind};
use crate::time::Timestamp;

#[derive(Serialize, Deserialize)]
struct Row {
    organization: u128,
    account: u128,
    collection: String,
    parent: Option<u128>,
    name: Option<String>,
    /// JSON text.
    content: String,
    created_at: u64,
    updated_at: u64,
    removed_at: Option<u64>,
    salt: [u8; 16],
}

impl Resource {
    /// The resource as a store keeps it; `lists` are where it stands.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if it holds more than a record may; [`Error::Internal`] if it does not encode.
    pub fn to_record(&self, lists: Vec<List>) -> Result<Record, Error> {
        let body = encode(&Row {
            organization: self.organization.id().bits(),
            account: self.account.id().bits(),
            collection: self.collection.clone(),
            parent: self.parent.map(|parent| parent.id().bits()),
            name: self.name.clone(),
            content: serde_json::to_string(&self.content).map_err(Error::internal)?,
            created_at: self.created_at.millis(),
            updated_at: self.updated_at.millis(),
            removed_at: self.removed_at.map(Timestamp::millis),
            salt: self.salt,
        })?;
        if body.len() > Record::BODY_LIMIT {
            return Err(Error::TooLarge { limit: Record::BODY_LIMIT as u64 });
        }
        let (id, kind) = (self.id.id(), RecordKind::Resource);
        Ok(Record { id, kind, version: self.version, body, names: self.names.clone(), lists })
    }

    /// The resource that a record holds.
    ///
    /// # Errors
    /// [`Error::Internal`] if it holds none.
    pub fn from_record(record: &Record) -> Result<Self, Error> {
        let row: Row = decode(record.id, &record.body)?;
        let content: Map<String, Value> = serde_json::from_str(&row.content).map_err(Error::internal)?;
        Ok(Self {
            id: record.id.into(),
            organization: Id::from_bits(row.organization).into(),
            account: Id::from_bits(row.account).into(),
            collection: row.collection,
            parent: row.parent.map(|parent| Id::from_bits(parent).into()),
            name: row.name,
            content,
            created_at: Timestamp::from_millis(row.created_at),
            updated_at: Timestamp::from_millis(row.updated_at),
            removed_at: row.removed_at.map(Timestamp::from_millis),
            salt: row.salt,
            version: record.version,
            names: record.names.clone(),
        })
    }
}
