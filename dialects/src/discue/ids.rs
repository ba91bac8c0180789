//! This file is about ids: a record's id in the vendor's notation, 21 characters.
//!
//! Of the 128 bits of an id six are always the same, version and variant (RFC 9562, section 5.7). The other 122 are
//! written in base 63: `63^21 > 2^122`, so the two notations name each other and nothing has to be looked up.

use keyward_core::error::Error;
use keyward_core::id::Id;
use keyward_core::store::Position;

use crate::dialect::Params;

/// The field that is named where an id is malformed.
pub(super) const ID: &str = "id";
/// How many characters an id has.
const LENGTH: usize = 21;
/// The digits. The vendor's own ids may also have `_`, which none of ours has.
const DIGITS: &[u8; 63] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-";

/// How many numbers ten digits write.
const TEN_DIGITS: u128 = 63_u128.pow(10);

/// How many bits are written.
const BITS: u32 = 122;
const VERSION: u128 = 0x7 << 76;
const VARIANT: u128 = 0b10 << 62;
/// The bits below the variant, and those between variant and version.
const LOW: u128 = (1 << 62) - 1;
const MIDDLE: u128 = (1 << 12) - 1;

/// The id of a record.
pub(super) fn write(id: impl Into<Id>) -> String {
    let bits = id.into().bits();
    number(bits >> 80 << 74 | (bits >> 64 & MIDDLE) << 62 | bits & LOW)
}

/// A number below `2^122` in the notation of an id.
pub(super) fn number(mut number: u128) -> String {
    let mut text = [0; LENGTH];
    // As many digits at a time as 64 bits hold: a division of 128 bits takes many times as long.
    for places in text.rchunks_mut(10) {
        let mut part = (number % TEN_DIGITS) as u64;
        number /= TEN_DIGITS;
        for place in places.iter_mut().rev() {
            *place = DIGITS.get((part % 63) as usize).copied().unwrap_or_default();
            part /= 63;
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// The id in a path. One that is well-formed and that no record can have becomes the id of no record, so that it is
/// answered like any other that is unknown.
pub(super) fn in_path(params: &Params<'_, '_>) -> Result<Id, Error> {
    let text = params.text(ID)?;
    if is_well_formed(&text) { Ok(read(&text).unwrap_or(Id::from_bits(0))) } else { Err(malformed()) }
}

/// The position of the event with this id; the last there is for a well-formed id that no event can have: nothing stands
/// after it.
pub(super) fn position(text: &str) -> Result<Position, Error> {
    let number = read_number(text).and_then(|number| Position::try_from(number).ok());
    if is_well_formed(text) { Ok(number.unwrap_or(Position::MAX)) } else { Err(malformed()) }
}

/// The error for what is no id.
fn malformed() -> Error {
    Error::invalid(ID, "21 characters of A-Z a-z 0-9 - _")
}

/// The record with this id; `None` if no record can have it.
pub(super) fn read(text: &str) -> Option<Id> {
    let packed = read_number(text)?;
    Some(Id::from_bits(packed >> 74 << 80 | VERSION | (packed >> 62 & MIDDLE) << 64 | VARIANT | packed & LOW))
}

/// The number that was written so.
fn read_number(text: &str) -> Option<u128> {
    if text.len() != LENGTH {
        return None;
    }
    let mut digits = text.bytes().map(|byte| DIGITS.iter().position(|digit| *digit == byte));
    // 63^21 < 2^128.
    let number = digits.try_fold(0, |number, digit| Some(number * 63 + digit? as u128))?;
    (number >> BITS == 0).then_some(number)
}

fn is_well_formed(text: &str) -> bool {
    text.len() == LENGTH && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}
