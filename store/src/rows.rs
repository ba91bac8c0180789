//! This file is about rows: how records and what belongs to them are written as bytes in the embedded store.
//!
//! Integers are little-endian in values and big-endian in keys, where they must sort. Reading is strict: a row
//! that has anything too little or too much is damage. Every row's first byte is the number of its format.

use keyward_core::event::Event;
use keyward_core::id::Id;
use keyward_core::store::{List, Name, Position, Record, RecordKind, Replay, Spend};
use keyward_core::time::Timestamp;

use crate::slots::Cell;

/// The number in front of every row that this version writes.
const FORMAT: u8 = 1;
/// Where a record's row has its position and its cell: known only when the rest is already written.
const POSITION_AT: usize = 10;
const CELL_AT: usize = 18;
/// Format, kind, version, position, cell, number of names, number of lists.
const RECORD_HEAD: usize = 26;
/// Format, expiry, hash of the request.
const REPLAY_HEAD: usize = 41;
/// What stands for "no cell".
const NO_CELL: u32 = u32::MAX;

/// A record as its row has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordRow {
    /// The record.
    pub(crate) record: Record,
    /// The event that brought it to this version.
    pub(crate) position: Position,
    /// Where its slot is.
    pub(crate) cell: Option<Cell>,
}

/// What the next change to a record must know of it: all of its row but the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Current {
    /// Its version.
    pub(crate) version: u64,
    /// Where its slot is.
    pub(crate) cell: Option<Cell>,
    /// The names that it holds.
    pub(crate) names: Vec<Name>,
    /// The lists that it stands in.
    pub(crate) lists: Vec<List>,
}

/// The row of a record that has no place in the log yet; [`place`] gives it one.
pub(crate) fn unplaced(record: &Record) -> Vec<u8> {
    let length = RECORD_HEAD + record.names.len() * 16 + record.lists.len() * 17 + record.body.len();
    let mut row = Vec::with_capacity(length);
    row.extend_from_slice(&[FORMAT, record.kind as u8]);
    row.extend_from_slice(&record.version.to_le_bytes());
    row.extend_from_slice(&Position::MAX.to_le_bytes());
    row.extend_from_slice(&NO_CELL.to_le_bytes());
    row.extend_from_slice(&short(record.names.len()));
    row.extend_from_slice(&short(record.lists.len()));
    record.names.iter().for_each(|name| row.extend_from_slice(&name.0));
    for list in &record.lists {
        row.push(list.kind as u8);
        row.extend_from_slice(&list.owner.bytes());
    }
    row.extend_from_slice(&record.body);
    row
}

/// Writes position and cell into a row.
pub(crate) fn place(row: &mut [u8], position: Position, cell: Option<Cell>) {
    write_at(row, POSITION_AT, &position.to_le_bytes());
    write_at(row, CELL_AT, &cell.map_or(NO_CELL, |cell| cell.0).to_le_bytes());
}

fn write_at(row: &mut [u8], at: usize, bytes: &[u8]) {
    row.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = *from);
}

/// Reads a record's row.
pub(crate) fn record(id: Id, row: &[u8]) -> Option<RecordRow> {
    let (head, body) = head(row)?;
    let Head { kind, position, current: Current { version, cell, names, lists } } = head;
    let record = Record { id, kind, version, body: body.to_vec(), names, lists };
    Some(RecordRow { record, position, cell })
}

/// Reads all of a record's row but its body.
pub(crate) fn current(row: &[u8]) -> Option<Current> {
    head(row).map(|(head, _)| head.current)
}

/// Reads a record's kind and cell only: what a walk over millions of rows can afford.
pub(crate) fn kind_and_cell(row: &[u8]) -> Option<(RecordKind, Option<Cell>)> {
    let mut rest = Rest(row);
    rest.format()?;
    let kind = kind(rest.byte()?)?;
    rest.array::<16>()?;
    Some((kind, rest.cell()?))
}

struct Head {
    kind: RecordKind,
    position: Position,
    current: Current,
}

fn head(row: &[u8]) -> Option<(Head, &[u8])> {
    let mut rest = Rest(row);
    rest.format()?;
    let kind = kind(rest.byte()?)?;
    let version = rest.number()?;
    let position = rest.number()?;
    let cell = rest.cell()?;
    let (names, lists) = (rest.short()?, rest.short()?);
    let names = (0..names).map(|_| rest.array().map(Name)).collect::<Option<_>>()?;
    let lists = (0..lists).map(|_| rest.list()).collect::<Option<_>>()?;
    Some((Head { kind, position, current: Current { version, cell, names, lists } }, rest.0))
}

/// The most events in one row.
pub(crate) const EVENTS: usize = 256;

/// The row of events that stand one after the other: each with its length in front.
pub(crate) fn events_row<'a>(events: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<u8> {
    let mut row = vec![FORMAT];
    for event in events {
        row.extend_from_slice(&short(event.len()));
        row.extend_from_slice(event);
    }
    row
}

/// Reads a row of events: at least one.
pub(crate) fn events(row: &[u8]) -> Option<Vec<Event>> {
    let mut rest = Rest(row);
    rest.format()?;
    let mut events = Vec::new();
    while !rest.0.is_empty() {
        events.push(Event::decode(rest.event()?)?);
    }
    (!events.is_empty()).then_some(events)
}

/// Reads one of a row's events; `Some(None)` if it has not so many.
pub(crate) fn event(row: &[u8], place: u64) -> Option<Option<Event>> {
    let mut rest = Rest(row);
    rest.format()?;
    for _ in 0..place {
        if rest.0.is_empty() {
            return Some(None);
        }
        rest.event()?;
    }
    if rest.0.is_empty() { Some(None) } else { Event::decode(rest.event()?).map(Some) }
}

/// The row of a kept answer.
pub(crate) fn replay_row(replay: &Replay) -> Vec<u8> {
    let mut row = Vec::with_capacity(REPLAY_HEAD + replay.answer.len());
    row.push(FORMAT);
    row.extend_from_slice(&replay.expires_at.millis().to_le_bytes());
    row.extend_from_slice(&replay.request);
    row.extend_from_slice(&replay.answer);
    row
}

/// Reads the row of a kept answer.
pub(crate) fn replay(id: [u8; 32], row: &[u8]) -> Option<Replay> {
    let mut rest = Rest(row);
    rest.format()?;
    let expires_at = Timestamp::from_millis(rest.number()?);
    let request = rest.array()?;
    Some(Replay { id, request, answer: rest.0.to_vec(), expires_at })
}

/// The row of a counter: how much of it has been drawn.
pub(crate) fn counter_row(drawn: u64) -> [u8; 9] {
    let mut row = [FORMAT; 9];
    write_at(&mut row, 1, &drawn.to_le_bytes());
    row
}

/// Reads the row of a counter.
pub(crate) fn counter(row: &[u8]) -> Option<u64> {
    let mut rest = Rest(row);
    rest.format()?;
    rest.number().filter(|_| rest.0.is_empty())
}

/// How much would be drawn in all if a draw went through; `None` if that is too much.
pub(crate) fn drawn_after(spend: &Spend, drawn: u64) -> Option<u64> {
    drawn.checked_add(spend.cost).filter(|total| *total <= spend.limit)
}

/// The store's one row about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoreRow {
    /// [`crate::slots::fingerprint`] over every cell that a record uses.
    pub(crate) cells: u64,
    /// The newest checkpoint, as a signed note.
    pub(crate) checkpoint: String,
}

/// A key of the log's hashes.
pub(crate) fn hash_key(level: u8, index: u64) -> [u8; 9] {
    let mut key = [level; 9];
    write_at(&mut key, 1, &index.to_be_bytes());
    key
}

/// A key of the members of lists.
pub(crate) fn member_key(list: List, id: Id) -> [u8; 33] {
    let mut key = [0; 33];
    write_at(&mut key, 0, &list_prefix(list));
    write_at(&mut key, 17, &id.bytes());
    key
}

/// What the keys of a list's members begin with.
pub(crate) fn list_prefix(list: List) -> [u8; 17] {
    let mut key = [list.kind as u8; 17];
    write_at(&mut key, 1, &list.owner.bytes());
    key
}

/// Reads a key of the members of lists.
pub(crate) fn member(key: &[u8]) -> Option<(List, Id)> {
    let mut rest = Rest(key);
    let list = rest.list()?;
    let id = rest.id()?;
    rest.0.is_empty().then_some((list, id))
}

/// A key of the answers by expiry.
pub(crate) fn expiry_key(expires_at: Timestamp, id: &[u8; 32]) -> [u8; 40] {
    let mut key = [0; 40];
    write_at(&mut key, 0, &expires_at.millis().to_be_bytes());
    write_at(&mut key, 8, id);
    key
}

/// Reads a key of the answers by expiry.
pub(crate) fn expiry(key: &[u8]) -> Option<(Timestamp, [u8; 32])> {
    let mut rest = Rest(key);
    let millis = u64::from_be_bytes(rest.array()?);
    let id = rest.array()?;
    rest.0.is_empty().then_some((Timestamp::from_millis(millis), id))
}

/// Reads a key, or a value, that is an id.
pub(crate) fn id(bytes: &[u8]) -> Option<Id> {
    let mut rest = Rest(bytes);
    rest.id().filter(|_| rest.0.is_empty())
}

impl StoreRow {
    /// The row.
    pub(crate) fn row(&self) -> Vec<u8> {
        let mut row = vec![FORMAT];
        row.extend_from_slice(&self.cells.to_le_bytes());
        row.extend_from_slice(self.checkpoint.as_bytes());
        row
    }

    /// Reads the row.
    pub(crate) fn parse(row: &[u8]) -> Option<Self> {
        let mut rest = Rest(row);
        rest.format()?;
        let cells = rest.number()?;
        Some(Self { cells, checkpoint: str::from_utf8(rest.0).ok()?.to_owned() })
    }
}

fn kind(byte: u8) -> Option<RecordKind> {
    const KINDS: [RecordKind; 9] = [
        RecordKind::Organization,
        RecordKind::Account,
        RecordKind::Key,
        RecordKind::Removal,
        RecordKind::Resource,
        RecordKind::Epoch,
        RecordKind::Term,
        RecordKind::Enforcement,
        RecordKind::Tombstone,
    ];
    KINDS.into_iter().find(|kind| *kind as u8 == byte)
}

/// A length that [`crate::sequencer::refuse_oversized`] has let through.
fn short(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes()
}

/// What is left to read of a row.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn format(&mut self) -> Option<()> {
        (self.byte()? == FORMAT).then_some(())
    }

    fn short(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn number(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// The bytes of one event, its length in front.
    fn event(&mut self) -> Option<&[u8]> {
        let length = usize::from(self.short()?);
        let (event, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(event)
    }

    fn cell(&mut self) -> Option<Option<Cell>> {
        let number = u32::from_le_bytes(self.array()?);
        Some((number != NO_CELL).then_some(Cell(number)))
    }

    fn id(&mut self) -> Option<Id> {
        self.array().map(|bytes| Id::from_bits(u128::from_be_bytes(bytes)))
    }

    fn list(&mut self) -> Option<List> {
        let kind = kind(self.byte()?)?;
        Some(List { kind, owner: self.id()? })
    }
}

#[cfg(test)]
mod tests;
