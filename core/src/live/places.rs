//! This file is about where keys stand in the table, and what of each is looked for there.

use keyward_verifier::Place as TablePlace;

use super::Live;
use crate::id::KeyId;
use crate::key::{Head, Place};
use crate::secret::Digest;
use crate::store::Name;

impl Live {
    /// Wherever a key stands.
    pub(super) fn places(&self, head: &Head) -> impl Iterator<Item = TablePlace> {
        let one = match head.place {
            Place::Digest(bits) => Some(TablePlace::of_bits(bits)),
            // A handle of ours ends with the place; a key of ours has no other.
            Place::Handle => {
                let place = head.handle.as_str().as_bytes().last_chunk();
                Some(place.map_or(TablePlace::of_bits(0), TablePlace::of_chars))
            }
            Place::Names => Some(self.by_id(head.id).0),
            Place::Parts | Place::Nowhere => None,
        };
        one.into_iter().chain(head.passing_names().iter().map(place_of))
    }

    /// Where a key stands that is found by its id, and what is looked for there. Ids are known to many, and digests of keys that
    /// are brought along can be chosen; one that is looked for as an id is would take that key's row. So the id is behind bits
    /// that nobody knows.
    pub(super) fn by_id(&self, key: KeyId) -> (TablePlace, Digest) {
        let hidden = key.id().bits() ^ self.seed;
        let mut digest = [0; 32];
        // In the middle, because that is what the table keeps of a digest; the random bits of an id are its low ones.
        let (_, rest) = digest.split_at_mut(8);
        let (kept, _) = rest.split_at_mut(16);
        kept.copy_from_slice(&hidden.to_le_bytes());
        (TablePlace::of_bits(hidden as u64), Digest::from_bytes(digest))
    }
}

/// Where a key stands by one of its names.
pub(super) fn place_of(name: &Name) -> TablePlace {
    TablePlace::of_bits(name.bits())
}
