//! This file is about answers: all that comes back of a command, in our words.

use keyward_log::Receipt;

use crate::account::{Account, Organization};
use crate::crypto::Exercised;
use crate::epoch::Epoch;
use crate::id::{AccountId, Id, OrganizationId, ReceiptId};
use crate::key::{Found, Key, Tombstone};
use crate::removal::{Plan, Progress};
use crate::resource::Resource;
use crate::secret::Secret;
use crate::store::{Backup, Logged, Position};
use crate::usage::Usage;
use crate::verbs::verify::Verdict;
use crate::verifiers::{Covered, ReachedBy, Verifier};

/// What came of a command.
pub struct Done {
    /// What comes back.
    pub answer: Answer,
    /// The verifiers that may go on accepting what it took away, because their operators want them to when they cannot be
    /// reached.
    pub uncovered: Vec<String>,
}

impl From<Answer> for Done {
    /// Nothing was taken away, or nobody accepts it any more.
    fn from(answer: Answer) -> Self {
        Self { answer, uncovered: Vec::new() }
    }
}

/// What comes back.
pub enum Answer {
    /// A new key, and the only time that its secret is shown.
    Issued(Box<Key>, Secret),
    /// A new door credential; whatever it is known by stands in it.
    IssuedAccess(Box<Key>),
    /// A new key that never leaves.
    IssuedCrypto(Box<Key>),
    /// What came of using a key that never leaves.
    Exercised(Box<Exercised>),
    /// A key that was brought along, or changed.
    Key(Box<Key>),
    /// A key that was looked for.
    Found(Box<Key>),
    /// Whether a key is there.
    HasKey(bool),
    /// The secret of a key that was made to be shown again.
    Revealed(Secret),
    /// Keys, and where the next page begins.
    Keys(Vec<Found<Key>>, Option<Id>),
    /// How many keys there are.
    Count(u64),
    /// What a verifier says.
    Verdict(Box<Verdict>),
    /// A key was removed, now or before.
    Removed(Box<Removed>),
    /// What removing many keys would do.
    Plan(Box<Plan>),
    /// How far a removal of many keys is.
    Removal(Box<Progress>),
    /// Who uses a key, or tries to.
    Usage(Box<Usage>),
    /// The epoch that a re-rooting began.
    Rerooted(Box<Epoch>),
    /// A backup was written.
    BackedUp(Box<Backup>),
    /// A receipt, its id, and how each verifier was kept from accepting what it is about, as far as that is written down.
    Receipt(ReceiptId, Box<Receipt>, Vec<Covered>),
    /// An account.
    Account(Box<Account>),
    /// Accounts, and where the next page begins.
    Accounts(Vec<Account>, Option<Id>),
    /// An account was removed, now or before.
    AccountRemoved(AccountId),
    /// An organization.
    Organization(Box<Organization>),
    /// Organizations, and where the next page begins.
    Organizations(Vec<Organization>, Option<Id>),
    /// An organization was removed, now or before.
    OrganizationRemoved(OrganizationId),
    /// A page of events.
    Events(Events),
    /// What a key is called.
    KeyName(String),
    /// The newest checkpoint, a signed note.
    Checkpoint(String),
    /// A tile's bytes.
    Tile(Vec<u8>),
    /// Which verifiers have a key as it is now.
    Reach(Vec<ReachedBy>),
    /// Who accepts keys, and up to where the log goes.
    Verifiers(Vec<Verifier>, Position),
    /// A resource.
    Resource(Box<Resource>),
    /// A resource was removed, and whether it had been before.
    ResourceRemoved(Box<Resource>, bool),
    /// Resources, and where the next page begins.
    Resources(Vec<Resource>, Option<Id>),
}

/// A removed key and its receipt.
pub struct Removed {
    /// What is left of it.
    pub tombstone: Tombstone,
    /// Whether it had been removed before.
    pub again: bool,
    /// The receipt, built when it is asked for.
    pub receipt: Option<Receipt>,
}

/// A page of events.
pub struct Events {
    /// Those that the caller may read, oldest first.
    pub found: Vec<Logged>,
    /// The position that comes after the last one looked at.
    pub next: Position,
    /// Whether the log ended there.
    pub is_last: bool,
}
