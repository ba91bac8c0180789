//! This file is about reading records with their slots: one of them, a page of a list, or as many as a walk has in hand.

use std::ops::Bound;

use keyward_core::id::Id;
use keyward_core::store::{List, ReadError, Stored};

use super::Shared;
use crate::rows::{self, RecordRow};
use crate::slots::EMPTIED;

impl Shared {
    /// The newest version of a record with its slot.
    pub(super) fn stored(&self, id: Id) -> Result<Option<Stored>, ReadError> {
        loop {
            let round = self.slots.round();
            let Some(row) = self.engine.record(id)? else { return Ok(None) };
            let slot = row.cell.map(|cell| self.slots.read(cell)).transpose();
            // A cell may have been overwritten, and used again, since the row was read. Each turn of this loop
            // means that the committer has finished a batch meanwhile.
            if row.cell.is_some() && self.slots.round() != round {
                continue;
            }
            let slot = slot.map_err(|error| self.unreadable_slots(&error))?;
            // One that was emptied is damaged like any other: it ends its own key, which can still be removed.
            let slot = slot.map(|slot| slot.unwrap_or(EMPTIED));
            return Ok(Some(Stored { record: row.record, position: row.position, slot }));
        }
    }

    /// At most `limit` records of a list after `after`: members, records and slots are each read together, since what
    /// was made together lies together.
    pub(super) fn page(
        &self,
        list: List,
        mut after: Option<Id>,
        limit: usize,
    ) -> Result<Vec<Stored>, ReadError> {
        let mut page = Vec::new();
        while page.len() < limit {
            let wanted = limit - page.len();
            let ids = self.members(list, after, wanted)?;
            let round = self.slots.round();
            self.with_slots(self.engine.records_of(&ids)?, round, |stored| {
                // It may have left the list since the row was read.
                if stored.record.lists.contains(&list) {
                    page.push(stored);
                }
            })?;
            if ids.len() < wanted {
                break;
            }
            after = ids.last().copied();
        }
        Ok(page)
    }

    /// The ids that stand in a list, in order.
    fn members(&self, list: List, after: Option<Id>, limit: usize) -> Result<Vec<Id>, ReadError> {
        let first = after.map_or(Bound::Included(rows::member_key(list, Id::from_bits(0))), |after| {
            Bound::Excluded(rows::member_key(list, after))
        });
        let last = Bound::Included(rows::member_key(list, Id::from_bits(u128::MAX)));
        let members = self.engine.members.range((first, last)).take(limit).map(|member| {
            let key = member.key().map_err(|error| self.engine.failed(&error))?;
            let damaged = || self.engine.damaged(&self.engine.members, &key);
            rows::member(&key).map(|(_, id)| id).ok_or_else(damaged)
        });
        members.collect()
    }

    /// Shows records with their slots, in order. Their rows were read in this round of erasing: no cell that they name was
    /// overwritten in it or before.
    pub(super) fn with_slots(
        &self,
        rows: Vec<RecordRow>,
        round: u64,
        mut show: impl FnMut(Stored),
    ) -> Result<(), ReadError> {
        let cells: Vec<_> = rows.iter().filter_map(|row| row.cell).collect();
        let slots = self.slots.read_many(&cells).map_err(|error| self.unreadable_slots(&error))?;
        let is_current = self.slots.round() == round;
        let mut slots = slots.into_iter();
        for row in rows {
            let slot = if row.cell.is_some() { slots.next().flatten() } else { None };
            if row.cell.is_some() && (slot.is_none() || !is_current) {
                // Its cell was overwritten meanwhile, or may have been, and now may hold another record's slot.
                self.stored(row.record.id)?.into_iter().for_each(&mut show);
            } else {
                show(Stored { record: row.record, position: row.position, slot });
            }
        }
        Ok(())
    }

    /// The medium fails, or the file is shorter than it was.
    pub(crate) fn unreadable_slots(&self, error: &std::io::Error) -> ReadError {
        let path = self.slots.path().display();
        if error.kind() == std::io::ErrorKind::UnexpectedEof {
            let remedy = "restore it from a copy of the slots";
            return ReadError::Damaged(format!("{path}: it is shorter than the records say; {remedy}"));
        }
        ReadError::Unavailable(format!("{path}: {error}"))
    }
}
