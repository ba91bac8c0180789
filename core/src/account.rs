//! This file is about organizations, which own everything below them, and accounts, which act.

use crate::event::Reason;
use crate::id::{AccountId, OrganizationId};
use crate::store::Name;
use crate::time::Timestamp;

/// What an account may do at most, whatever its keys say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything in its organization.
    Owner,
    /// Everything but organizations and owners.
    Admin,
    /// What concerns its own keys.
    Member,
    /// Reads everything, changes nothing.
    Auditor,
}

impl Role {
    /// Every role, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Admin, Self::Member, Self::Auditor];

    /// The word on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Auditor => "auditor",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// Whether the keys below an organization or account work. All of them change with it, in one commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// They do.
    Active,
    /// They do not, until it is resumed.
    Suspended,
    /// They never will again.
    Removed {
        /// When that was decided.
        at: Timestamp,
        /// Why.
        reason: Reason,
    },
}

impl Standing {
    /// The word on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Removed { .. } => "removed",
        }
    }
}

/// Why an organization is stopped, where those who call on it are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Hold {
    /// It has not paid.
    Payment = 1,
    /// It was locked.
    Locked = 2,
}

impl Hold {
    /// Reads the number that it is kept by.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Payment),
            2 => Some(Self::Locked),
            _ => None,
        }
    }
}

/// Somebody who acts: a person, a program, a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// The account that acts for it.
    pub parent: Option<AccountId>,
    /// What it is called; unique in its organization among those that were not removed; 1 to 100 characters.
    pub name: String,
    /// What it may do at most.
    pub role: Role,
    /// Whether its keys work.
    pub standing: Standing,
    /// When it was created.
    pub created_at: Timestamp,
    /// The salt of the commitment that names it in the log.
    pub salt: [u8; 16],
    /// The version of its record, from 1.
    pub version: u64,
    /// The unique names that it holds.
    pub names: Vec<Name>,
}

/// Owns accounts, keys and everything else below it; nobody outside knows of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// What it is called; unique among those that were not removed; 1 to 100 characters.
    pub name: String,
    /// True for the one that was made with the store: its owners may act in every other.
    pub operator: bool,
    /// Why it is stopped, if that is told.
    pub hold: Option<Hold>,
    /// Whether the keys below it work.
    pub standing: Standing,
    /// When it was created.
    pub created_at: Timestamp,
    /// The salt of the commitment that names it in the log.
    pub salt: [u8; 16],
    /// The version of its record, from 1.
    pub version: u64,
    /// The unique names that it holds.
    pub names: Vec<Name>,
}
