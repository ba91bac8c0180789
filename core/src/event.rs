//! This file is about events: what is written down about a change.
//!
//! An event has two halves. The *leaf* is public for ever: text of at most 512 bytes, without secrets or
//! personal data, its subject named only by a salted commitment. The *details* say in clear who did it to
//! what; they stay in the store, for those who may read them.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use keyward_log::Opening;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, Id, KeyId, OrganizationId};
use crate::time::Timestamp;

/// Why a key was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// Not said.
    Unspecified,
    /// No longer needed.
    Retired,
    /// Somebody else may have it.
    Compromised,
    /// Another key took its place.
    Superseded,
    /// Its account was removed.
    OwnerLeft,
}

impl Reason {
    /// Every reason, in the order of the documentation.
    pub const ALL: [Self; 5] =
        [Self::Unspecified, Self::Retired, Self::Compromised, Self::Superseded, Self::OwnerLeft];

    /// The word on the wire and in the log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Retired => "retired",
            Self::Compromised => "compromised",
            Self::Superseded => "superseded",
            Self::OwnerLeft => "owner_left",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }
}

/// What kind of thing an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Subject {
    /// A key.
    Key,
    /// An account.
    Account,
    /// An organization.
    Organization,
    /// A removal of many keys.
    Removal,
    /// The log itself.
    Log,
    /// Something that a key opens.
    Resource,
    /// The reign of one server over the log.
    Term,
    /// The time of one root.
    Epoch,
}

/// What happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Happened {
    /// It came to be.
    Created,
    /// Something about it changed that is neither its state nor its end.
    Updated,
    /// It was stopped, and can be resumed.
    Suspended,
    /// It works again.
    Resumed,
    /// It ended for ever.
    Removed(Reason),
    /// What it was to do is done (a removal of many keys), or what it was to end has ended (an epoch's older roots).
    Finished,
    /// A loss was accepted: everything older ended (the log).
    Epoch,
    /// Every event of an organization from `first` to `last` had reached every verifier (the log).
    Enforced {
        /// The position of the first event.
        first: u64,
        /// The position of the last event.
        last: u64,
        /// How many verifiers had acknowledged it.
        acknowledged: u32,
        /// How many accepted nothing any more, because their lease had run out.
        ran_out: u32,
        /// How many go on without a lease, because their operators want it so.
        uncovered: u32,
    },
    /// It came to be with a public half: `SHA-256("keyward-public/v1\n" || salt || half)`, under the salt of the
    /// opening. So whoever has a receipt can tell of which key it speaks, and no other half fits.
    CreatedWith([u8; 32]),
}

impl Happened {
    /// The word on the wire and in the log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Created | Self::CreatedWith(_) => "created",
            Self::Updated => "updated",
            Self::Suspended => "suspended",
            Self::Resumed => "resumed",
            Self::Removed(_) => "removed",
            Self::Finished => "finished",
            Self::Epoch => "epoch",
            Self::Enforced { .. } => "enforced",
        }
    }
}

impl Happened {
    /// Whether it came to be.
    #[must_use]
    pub const fn is_creation(self) -> bool {
        matches!(self, Self::Created | Self::CreatedWith(_))
    }
}

/// `key.removed`: the subject and what happened, as logs, metrics and the API write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventType(pub Subject, pub Happened);

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = match self.0 {
            Subject::Key => "key",
            Subject::Account => "account",
            Subject::Organization => "organization",
            Subject::Removal => "removal",
            Subject::Log => "log",
            Subject::Resource => "resource",
            Subject::Term => "term",
            Subject::Epoch => "epoch",
        };
        write!(f, "{subject}.{}", self.1.word())
    }
}

/// One change, written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When it was decided, by the deciding node's clock.
    pub at: Timestamp,
    /// What kind of thing it is about.
    pub subject: Subject,
    /// What happened.
    pub happened: Happened,
    /// The version that the subject's record got.
    pub version: u64,
    /// What names the subject in the leaf, and opens it.
    pub opening: Opening,
    /// The half that stays inside.
    pub details: Details,
}

/// The half of an event that stays inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// Whose it is: who may read the event.
    pub organization: OrganizationId,
    /// The key that signed in the caller; `None` for what the server did by itself.
    pub actor: Option<KeyId>,
    /// The account that the key acted as, if that is not its own.
    pub acting_as: Option<AccountId>,
    /// The request that asked for it; 0 for what the server did by itself.
    pub request: u128,
}

impl Event {
    /// The id of the record that the event is about.
    #[must_use]
    pub fn id(&self) -> Id {
        Id::from_bits(u128::from_be_bytes(self.opening.id))
    }

    /// The event's type.
    #[must_use]
    pub const fn event_type(&self) -> EventType {
        EventType(self.subject, self.happened)
    }

    /// The public half: one line, `keyward/1 <type> <time> <commitment> v<version>`, then the reason of a removal, what was
    /// enforced, or the hash of the public half that a key came to be with.
    ///
    /// It is derived, not stored, so this function may never print an event of the past differently: the
    /// golden test holds it.
    #[must_use]
    pub fn leaf(&self) -> String {
        let commitment = self.opening.commitment();
        let leaf = format!("keyward/1 {} {} {commitment} v{}", self.event_type(), self.at, self.version);
        match self.happened {
            Happened::Removed(reason) => leaf + " " + reason.word(),
            Happened::CreatedWith(hash) => leaf + " public=" + &STANDARD.encode(hash),
            Happened::Enforced { first, last, acknowledged, ran_out, uncovered } => {
                format!(
                    "{leaf} events={first}-{last} acknowledged={acknowledged} ran_out={ran_out} uncovered={uncovered}"
                )
            }
            Happened::Created
            | Happened::Updated
            | Happened::Suspended
            | Happened::Resumed
            | Happened::Finished
            | Happened::Epoch => leaf,
        }
    }

    /// The event as a store keeps it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let row = Row {
            at: self.at.millis(),
            subject: self.subject,
            happened: self.happened,
            version: self.version,
            salt: self.opening.salt,
            id: self.opening.id,
            organization: self.details.organization.id().bits(),
            actor: self.details.actor.map(|key| key.id().bits()),
            request: self.details.request,
        };
        let encoded = match self.details.acting_as {
            None => postcard::to_allocvec(&(FORMAT, row)),
            Some(account) => postcard::to_allocvec(&(FORMAT_ACTING, row, account.id().bits())),
        };
        encoded.unwrap_or_default()
    }

    /// Reads what [`Event::encode`] wrote; `None` for anything else.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let ((format, row), rest): ((u8, Row), _) = postcard::take_from_bytes(bytes).ok()?;
        let (acting_as, rest) = match format {
            FORMAT => (None, rest),
            FORMAT_ACTING => {
                let (account, rest): (u128, _) = postcard::take_from_bytes(rest).ok()?;
                (Some(AccountId::from(Id::from_bits(account))), rest)
            }
            _ => return None,
        };
        rest.is_empty().then_some(Self {
            at: Timestamp::from_millis(row.at),
            subject: row.subject,
            happened: row.happened,
            version: row.version,
            opening: Opening { salt: row.salt, id: row.id },
            details: Details {
                organization: OrganizationId::from(Id::from_bits(row.organization)),
                actor: row.actor.map(|key| KeyId::from(Id::from_bits(key))),
                acting_as,
                request: row.request,
            },
        })
    }
}

/// The number that stands in front of a stored event.
const FORMAT: u8 = 1;
/// The same, of an event that says behind everything else which account its actor acted as.
const FORMAT_ACTING: u8 = 2;

/// An event at rest.
#[derive(Serialize, Deserialize)]
struct Row {
    at: u64,
    subject: Subject,
    happened: Happened,
    version: u64,
    salt: [u8; 16],
    id: [u8; 16],
    organization: u128,
    actor: Option<u128>,
    request: u128,
}
