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
        let cells: Vec<_> = rows.iter().filter_map(|row| row.cell).collect();
        let slots =
            self.shared.slots.read_many(&cells).map_err(|error| self.shared.unreadable_slots(&error))?;
        let is_current = self.shared.slots.round() == *round;
        let mut slots = slots.into_iter();
        for row in rows {
            let slot = if row.cell.is_some() { slots.next().flatten() } else { None };
            if row.cell.is_some() && (slot.is_none() || !is_current) {
                // Its cell was overwritten meanwhile, or may have been, and now may hold another record's slot.
                self.shared.stored(row.record.id)?.into_iter().for_each(self.visit);
            } else {
                (self.visit)(Stored { record: row.record, position: row.position, slot });
            }
        }
        Ok(())
    }
}
