//! This file is about resources: what keys open. A job, a queue, a message, a door's access level: small durable things of
//! an organization, so that a key has something to work on, and a removed one something to be kept from.

use serde_json::{Map, Value};

use crate::error::Error;
use crate::id::{AccountId, OrganizationId, ResourceId};
use crate::store::Name;
use crate::time::Timestamp;

/// Something that a key opens.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Its id.
    pub id: ResourceId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Who made it.
    pub account: AccountId,
    /// Which collection it is in; what a scope names.
    pub collection: String,
    /// The resource that it belongs to.
    pub parent: Option<ResourceId>,
    /// What it is called; unique in its organization's collection among those that were not removed.
    pub name: Option<String>,
    /// What it holds, as its dialect wants it.
    pub content: Map<String, Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it was removed.
    pub removed_at: Option<Timestamp>,
    /// The salt of the commitment that names it in the log.
    pub salt: [u8; 16],
    /// The version of its record, from 1.
    pub version: u64,
    /// The unique names that it holds.
    pub names: Vec<Name>,
}

impl Resource {
    /// Ends it: nothing is called by its name any more.
    pub(crate) fn end(&mut self, now: Timestamp) {
        self.removed_at = Some(now);
        self.names.clear();
    }

    /// It, unless it was removed: to who asks for one that is there, what is left of another is nothing.
    pub(crate) fn living(self) -> Result<Self, Error> {
        if self.removed_at.is_some() { Err(Error::NotFound) } else { Ok(self) }
    }
}

/// A resource to make.
#[derive(Clone, Debug, Default)]
pub struct NewResource {
    /// Which collection it goes to: 1 to 32 of `a-z _`.
    pub collection: &'static str,
    /// Whose it is to be; not given: the caller's account.
    pub account: Option<AccountId>,
    /// The resource that it belongs to.
    pub parent: Option<ResourceId>,
    /// What it is called.
    pub name: Option<String>,
    /// What it holds.
    pub content: Map<String, Value>,
    /// It is made for a door credential that comes next. If a stop comes first, the next start removes it.
    pub is_provisional: bool,
}

/// What changes about a resource. `None` leaves a field.
#[derive(Clone, Debug, Default)]
pub struct ResourcePatch {
    /// A new name.
    pub name: Option<String>,
    /// What it holds instead.
    pub content: Option<Map<String, Value>>,
}
