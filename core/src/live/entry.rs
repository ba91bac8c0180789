//! This file is about how a key's name, metadata and number of uses are packed beside its row in the table.
//!
//! Length of the name (1 byte), the name, the number of uses (8 bytes, only if the row says so), what a door credential
//! opens (only if the row says so, length of 2 bytes first), and the metadata, which is left out where it is empty; or, if
//! the row says so, the sealed material of a key that never leaves.

use std::ops::Range;

use keyward_verifier::{Details as Packed, Row};

use crate::access::{Opens, PinDigest};
use crate::id::Id;
use crate::key::{Material, Traits};
use crate::metadata::Metadata;

/// The key was stopped.
pub(super) const FLAG_SUSPENDED: u8 = 1;
/// The key may be used only so often.
pub(super) const FLAG_METERED: u8 = 2;
/// The key is a session that ends when nobody uses it.
pub(super) const FLAG_IDLE: u8 = 4;

/// The key is a door credential: what it opens stands beside it.
pub(super) const FLAG_OPENS: u8 = 8;
/// The key never leaves: its material lies sealed beside it, in the place of metadata.
pub(super) const FLAG_SEALED: u8 = 16;
/// The key's text is of our own format, and tells where it stands.
pub(super) const FLAG_OWN: u8 = 32;

const EMPTY: &str = "{}";

/// What goes beside the row; `sealed` is the material of a key that never leaves.
pub(super) fn pack(traits: &Traits, sealed: Option<&[u8]>) -> Vec<u8> {
    // A name has at most 200 bytes.
    let (name, metadata) = (traits.name.as_bytes(), traits.metadata.as_str());
    let mut details = Vec::with_capacity(1 + name.len() + metadata.len());
    details.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
    details.extend_from_slice(name);
    if let Some(uses) = traits.uses {
        details.extend_from_slice(&uses.to_le_bytes());
    }
    if let Material::Access(access) = &traits.material {
        let opens = pack_opens(&access.opens);
        // At most 64 levels of 19 bytes.
        details.extend_from_slice(&u16::try_from(opens.len()).unwrap_or(u16::MAX).to_le_bytes());
        details.extend_from_slice(&opens);
    }
    if let Some(sealed) = sealed {
        details.extend_from_slice(sealed);
    } else if traits.metadata != Metadata::default() {
        details.extend_from_slice(metadata.as_bytes());
    }
    details
}

type OpensRow = (Option<[u8; 16]>, Vec<u128>, Option<u128>);

fn pack_opens(opens: &Opens) -> Vec<u8> {
    let levels = opens.levels.iter().map(|level| level.id().bits()).collect();
    let row: OpensRow =
        (opens.pin.as_ref().map(|pin| pin.0), levels, opens.person.map(|person| person.id().bits()));
    // Numbers and bytes always encode.
    postcard::to_allocvec(&row).unwrap_or_default()
}

fn unpack_opens(packed: &[u8]) -> Option<Opens> {
    let (pin, levels, person): OpensRow = postcard::from_bytes(packed).ok()?;
    let resource = |bits| Id::from_bits(bits).into();
    Some(Opens {
        pin: pin.map(PinDigest),
        levels: levels.into_iter().map(resource).collect(),
        person: person.map(resource),
    })
}

/// A key's name, metadata and number of uses, as they lie beside its row: read where they are needed, and only there.
#[derive(Clone, Debug)]
pub struct Details {
    bytes: Vec<u8>,
    name: Range<usize>,
    opens: Range<usize>,
    rest: usize,
    is_sealed: bool,
    uses: Option<u64>,
}

impl Details {
    pub(super) fn unpack(row: &Row, packed: &Packed<'_>) -> Option<Self> {
        let mut bytes = Vec::new();
        packed.copy_to(&mut bytes);
        let name = 1..1 + usize::from(*bytes.first()?);
        let (uses, end) = if row.flags & FLAG_METERED == 0 {
            (None, name.end)
        } else {
            let uses = bytes.get(name.end..)?.first_chunk()?;
            (Some(u64::from_le_bytes(*uses)), name.end + size_of::<u64>())
        };
        let opens = if row.flags & FLAG_OPENS == 0 {
            end..end
        } else {
            let length = bytes.get(end..)?.first_chunk()?;
            let begin = end + size_of::<u16>();
            begin..begin + usize::from(u16::from_le_bytes(*length))
        };
        let is_sealed = row.flags & FLAG_SEALED != 0;
        Some(Self { rest: opens.end, bytes, name, opens, is_sealed, uses })
    }

    /// A name of at most 255 bytes, and the compact text of a JSON object.
    #[must_use]
    pub fn new(name: &str, metadata: &str) -> Self {
        let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
        let bytes = [&[length], name.as_bytes(), metadata.as_bytes()].concat();
        let end = 1 + name.len();
        Self { bytes, name: 1..end, opens: end..end, rest: end, is_sealed: false, uses: None }
    }

    /// How often the key may be used in all.
    #[must_use]
    pub const fn uses(&self) -> Option<u64> {
        self.uses
    }

    /// What the key opens, if it is a door credential.
    #[must_use]
    pub fn opens(&self) -> Option<Opens> {
        unpack_opens(self.bytes.get(self.opens.clone()).filter(|packed| !packed.is_empty())?)
    }

    /// What people call the key.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text(self.name.clone())
    }

    /// What its owner keeps with it: the compact text of a JSON object.
    #[must_use]
    pub fn metadata(&self) -> &str {
        let text = if self.is_sealed { "" } else { self.text(self.rest..self.bytes.len()) };
        if text.is_empty() { EMPTY } else { text }
    }

    /// The sealed material of a key that never leaves.
    pub(super) fn sealed(&mut self) -> Option<&mut [u8]> {
        self.bytes.get_mut(self.rest..).filter(|_| self.is_sealed)
    }

    fn text(&self, range: Range<usize>) -> &str {
        // They were text when they were packed.
        self.bytes.get(range).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}
