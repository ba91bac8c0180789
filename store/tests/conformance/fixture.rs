//! This file is about records, events and changes to test stores with.

use keyward_core::event::{Details, Event, Happened, Reason, Subject};
use keyward_core::id::{Id, OrganizationId};
use keyward_core::seal::WrappedSlot;
use keyward_core::store::{Change, List, Name, Record, RecordKind, Replay, SlotChange};
use keyward_core::time::Timestamp;
use keyward_log::{Checkpoint, KeyName, Note, Opening, Signer};

/// The log's name.
pub(crate) const ORIGIN: &str = "store.test/log";

/// The signer of every log in the tests.
pub(crate) fn signer() -> Signer {
    Signer::new(KeyName::new(ORIGIN).unwrap(), &[7; 32].into()).unwrap()
}

/// Runs a test on several threads.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap().block_on(test)
}

/// An id like core's: later numbers sort later.
pub(crate) fn id(number: u64) -> Id {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    Id::new(Timestamp::from_millis(1_700_000_000_000 + number), random)
}

/// A slot that is not empty.
pub(crate) fn slot(byte: u8) -> WrappedSlot {
    WrappedSlot([byte.max(1); 64])
}

/// A list of keys.
pub(crate) fn list(owner: u64) -> List {
    List { kind: RecordKind::Key, owner: id(owner) }
}

/// A name.
pub(crate) fn name(byte: u8) -> Name {
    Name([byte; 16])
}

/// A record without names and lists.
pub(crate) fn record(number: u64, version: u64) -> Record {
    let body = format!("record {number} at version {version}").into_bytes();
    Record { id: id(number), kind: RecordKind::Key, version, body, names: Vec::new(), lists: Vec::new() }
}

/// The event that goes with a record; the slot tells whether it is a removal.
pub(crate) fn event(record: &Record, slot: &SlotChange) -> Event {
    Event {
        at: Timestamp::from_millis(1_700_000_000_000),
        subject: Subject::Key,
        happened: match (slot, record.version) {
            (SlotChange::Erase, _) => Happened::Removed(Reason::Retired),
            (_, 1) => Happened::Created,
            _ => Happened::Updated,
        },
        version: record.version,
        opening: Opening { salt: [record.version as u8; 16], id: record.id.bytes() },
        details: Details {
            organization: OrganizationId::from(id(1)),
            actor: None,
            acting_as: None,
            request: 5,
        },
    }
}

/// A change that does nothing in memory.
pub(crate) fn change(record: Record, slot: SlotChange) -> Change {
    let event = event(&record, &slot);
    Change { record, slot, event, replay: None, apply: Box::new(|_| {}) }
}

/// The change that makes a record with a slot.
pub(crate) fn creation(number: u64) -> Change {
    change(record(number, 1), SlotChange::Fill(slot(number as u8)))
}

/// An answer to keep.
pub(crate) fn replay(byte: u8, expires_at: u64) -> Replay {
    let expires_at = Timestamp::from_millis(expires_at);
    Replay { id: [byte; 32], request: [byte.wrapping_add(1); 32], answer: vec![byte; 10], expires_at }
}

/// The checkpoint in a note, its signature checked.
pub(crate) fn opened(note: &str) -> Checkpoint {
    Checkpoint::open(&note.parse::<Note>().unwrap(), &signer().verifier_key(), ORIGIN).unwrap()
}
