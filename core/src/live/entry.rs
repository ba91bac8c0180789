//! This file is about how a key's name, metadata and number of uses are packed beside its row in the table.
//!
//! Length of the name (1 byte), the name, the number of uses (8 bytes, only if the row says so), and the
//! metadata, which is left out where it is empty.

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
pub(super) fn unpack(row: &Row, profile: Arc<Profile>, details: &[u8]) -> Option<Entry> {
    let (length, rest) = details.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*length))?;
    let (uses, metadata) = if row.flags & FLAG_METERED == 0 {
        (None, rest)
    } else {
        let (uses, metadata) = rest.split_first_chunk()?;
        (Some(u64::from_le_bytes(*uses)), metadata)
    };
    let metadata = if metadata.is_empty() { EMPTY } else { str::from_utf8(metadata).ok()? };
    Some(Entry {
        key: Id::from_bits(row.id).into(),
        profile,
        suspended: row.flags & FLAG_SUSPENDED != 0,
        not_before: row.not_before.map(Timestamp::from_millis),
        ends_at: row.expires_at.map(Timestamp::from_millis),
        name: str::from_utf8(name).ok()?.to_owned(),
        metadata: metadata.to_owned(),
        uses,
    })
}
