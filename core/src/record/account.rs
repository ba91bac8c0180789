//! This file is about accounts and organizations at rest.

use serde::{Deserialize, Serialize};

use super::{decode, encode};
use crate::account::{Account, Hold, Organization, Role, Standing};
use crate::error::Error;
use crate::event::Reason;
use crate::id::Id;
use crate::store::{List, Record, RecordKind};
use crate::time::Timestamp;

#[derive(Serialize, Deserialize)]
enum StandingRow {
    Active,
    Suspended,
    Removed { at: u64, reason: Reason },
}

impl From<Standing> for StandingRow {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Active => Self::Active,
            Standing::Suspended => Self::Suspended,
            Standing::Removed { at, reason } => Self::Removed { at: at.millis(), reason },
        }
    }
}

impl From<StandingRow> for Standing {
    fn from(row: StandingRow) -> Self {
        match row {
            StandingRow::Active => Self::Active,
            StandingRow::Suspended => Self::Suspended,
            StandingRow::Removed { at, reason } => Self::Removed { at: Timestamp::from_millis(at), reason },
        }
    }
}

#[derive(Serialize, Deserialize)]
enum RoleRow {
    Owner,
    Admin,
    Member,
    Auditor,
}

impl From<Role> for RoleRow {
    fn from(role: Role) -> Self {
        match role {
            Role::Owner => Self::Owner,
            Role::Admin => Self::Admin,
            Role::Member => Self::Member,
            Role::Auditor => Self::Auditor,
        }
    }
}

impl From<RoleRow> for Role {
    fn from(row: RoleRow) -> Self {
        match row {
            RoleRow::Owner => Self::Owner,
            RoleRow::Admin => Self::Admin,
            RoleRow::Member => Self::Member,
            RoleRow::Auditor => Self::Auditor,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct AccountRow {
    organization: u128,
    parent: Option<u128>,
    name: String,
    role: RoleRow,
    standing: StandingRow,
    created_at: u64,
    salt: [u8; 16],
}

#[derive(Serialize, Deserialize)]
struct OrganizationRow {
    name: String,
    operator: bool,
    hold: u8,
    standing: StandingRow,
    created_at: u64,
    salt: [u8; 16],
}

impl Account {
    /// The account as a store keeps it.
    ///
    /// # Errors
    /// [`Error::Internal`] if it does not encode.
    pub fn to_record(&self) -> Result<Record, Error> {
        let row = AccountRow {
            organization: self.organization.id().bits(),
            parent: self.parent.map(|parent| parent.id().bits()),
            name: self.name.clone(),
            role: self.role.into(),
            standing: self.standing.into(),
            created_at: self.created_at.millis(),
            salt: self.salt,
        };
        let kind = RecordKind::Account;
        Ok(Record {
            id: self.id.id(),
            kind,
            version: self.version,
            body: encode(&row)?,
            names: self.names.clone(),
            lists: vec![List { kind, owner: self.organization.id() }],
        })
    }

    /// The account that a record holds.
    ///
    /// # Errors
    /// [`Error::Internal`] if it holds none.
    pub fn from_record(record: &Record) -> Result<Self, Error> {
        let row: AccountRow = decode(record.id, &record.body)?;
        Ok(Self {
            id: record.id.into(),
            organization: Id::from_bits(row.organization).into(),
            parent: row.parent.map(|parent| Id::from_bits(parent).into()),
            name: row.name,
            role: row.role.into(),
            standing: row.standing.into(),
            created_at: Timestamp::from_millis(row.created_at),
            salt: row.salt,
            version: record.version,
            names: record.names.clone(),
        })
    }
}

impl Organization {
    /// The organization as a store keeps it.
    ///
    /// # Errors
    /// [`Error::Internal`] if it does not encode.
    pub fn to_record(&self) -> Result<Record, Error> {
        let row = OrganizationRow {
            name: self.name.clone(),
            operator: self.operator,
            hold: self.hold.map_or(0, |hold| hold as u8),
            standing: self.standing.into(),
            created_at: self.created_at.millis(),
            salt: self.salt,
        };
        let kind = RecordKind::Organization;
        Ok(Record {
            id: self.id.id(),
            kind,
            version: self.version,
            body: encode(&row)?,
            names: self.names.clone(),
            lists: vec![List { kind, owner: List::EVERYONE }],
        })
    }

    /// The organization that a record holds.
    ///
    /// # Errors
    /// [`Error::Internal`] if it holds none.
    pub fn from_record(record: &Record) -> Result<Self, Error> {
        let row: OrganizationRow = decode(record.id, &record.body)?;
        Ok(Self {
            id: record.id.into(),
            name: row.name,
            operator: row.operator,
            hold: Hold::from_number(row.hold),
            standing: row.standing.into(),
            created_at: Timestamp::from_millis(row.created_at),
            salt: row.salt,
            version: record.version,
            names: record.names.clone(),
        })
    }
}
