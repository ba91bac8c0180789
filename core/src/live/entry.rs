//! This file is about how a key's name, metadata and number of uses are packed beside its row in the table.
//!
//! Length of the name (1 byte), the name, the number of uses (8 bytes, only if the row says so), and the
//! metadata, which is left out where it is empty.

use std::ops::Range;
use std::sync::Arc;

use keyward_verifier::Row;

use super::Profile;
use crate::id::Id;
use crate::key::Traits;
use crate::metadata::Metadata;
use crate::time::Timestamp;
use crate::verbs::verify::Entry;

/// The key was stopped.
pub(super) const FLAG_SUSPENDED: u8 = 1;
/// The key may be used only so often.
pub(super) const FLAG_METERED: u8 = 2;

const EMPTY: &str = "{}";

/// What goes beside the row.
pub(super) fn pack(traits: &Traits) -> Vec<u8> {
    // A name has at most 200 bytes.
    let (name, metadata) = (traits.name.as_bytes(), traits.metadata.as_str());
    let mut details = Vec::with_capacity(1 + name.len() + metadata.len());
    details.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
    details.extend_from_slice(name);
    if let Some(uses) = traits.uses {
        details.extend_from_slice(&uses.to_le_bytes());
    }
    if traits.metadata != Metadata::default() {
        details.extend_from_slice(metadata.as_bytes());
    }
    details
}

/// The key that row and details describe.
pub(super) fn unpack(row: &Row, profile: Arc<Profile>, bytes: Vec<u8>) -> Option<Entry> {
    let name = 1..1 + usize::from(*bytes.first()?);
    let (uses, metadata) = if row.flags & FLAG_METERED == 0 {
        (None, name.end)
    } else {
        let uses = bytes.get(name.end..)?.first_chunk()?;
        (Some(u64::from_le_bytes(*uses)), name.end + size_of::<u64>())
    };
    Some(Entry {
        key: Id::from_bits(row.id).into(),
        profile,
        suspended: row.flags & FLAG_SUSPENDED != 0,
        not_before: row.not_before.map(Timestamp::from_millis),
        ends_at: row.expires_at.map(Timestamp::from_millis),
        uses,
        details: Details { bytes, name, metadata },
    })
}

/// A key's name and metadata, as they lie beside its row: read where they are needed, and only there.
#[derive(Clone, Debug)]
pub struct Details {
    bytes: Vec<u8>,
    name: Range<usize>,
    metadata: usize,
}

impl Details {
    /// A name of at most 255 bytes, and the compact text of a JSON object.
    #[must_use]
    pub fn new(name: &str, metadata: &str) -> Self {
        let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
        let bytes = [&[length], name.as_bytes(), metadata.as_bytes()].concat();
        Self { bytes, name: 1..1 + name.len(), metadata: 1 + name.len() }
    }

    /// What people call the key.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text(self.name.clone())
    }

    /// What its owner keeps with it: the compact text of a JSON object.
    #[must_use]
    pub fn metadata(&self) -> &str {
        let text = self.text(self.metadata..self.bytes.len());
        if text.is_empty() { EMPTY } else { text }
    }

    fn text(&self, range: Range<usize>) -> &str {
        // They were text when they were packed.
        self.bytes.get(range).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}
