//! This file is about showing every record of a kind, slots included.

use keyward_core::id::Id;
use keyward_core::store::{ReadError, RecordKind, Stored};

use super::Shared;
use super::walk::{Visit, walk};
use crate::rows::{self as encoding, RecordRow};

/// Visits every record of a kind.
pub(super) fn scan(
    shared: &Shared,
    kind: RecordKind,
    visit: &(dyn Fn(Stored) + Sync),
) -> Result<(), ReadError> {
    walk(&shared.engine, &Scan { shared, kind, visit })
}

struct Scan<'a> {
    shared: &'a Shared,
    kind: RecordKind,
    visit: &'a (dyn Fn(Stored) + Sync),
}

impl Visit for Scan<'_> {
    type Row = RecordRow;
    type Error = ReadError;
    type Before = u64;

    /// The round of erasing: no cell that the rows name was overwritten in it or before.
    fn before(&self) -> u64 {
        self.shared.slots.round()
    }

    fn read(&self, id: Id, row: &[u8]) -> Option<Option<RecordRow>> {
        let (kind, _) = encoding::kind_and_cell(row)?;
        if kind == self.kind { encoding::record(id, row).map(Some) } else { Some(None) }
    }

    /// Shows the visitor a stride, with its slots.
    fn show(&self, rows: Vec<RecordRow>, round: &u64) -> Result<(), ReadError> {
        self.shared.with_slots(rows, *round, self.visit)
    }
}
