//! This file is about changing something valid in a few places, as drawn bytes say: most of what a parser must
//! refuse is one step from what it takes.

/// How many bytes say what one change is.
const STEP: usize = 4;

/// The most changes: more of them leave nothing that is nearly valid.
pub(crate) const SCRIPT: std::ops::RangeInclusive<usize> = 0..=6 * STEP;

/// Bytes that mean something to one of the parsers.
const TELLING: &[u8] = b"\0\x01\x7f\x80\xff\n\r \"\\/{}[]:,_-+=.%0129aZ";

/// The valid bytes with the script's changes.
pub(crate) fn mutated(valid: &[u8], script: &[u8]) -> Vec<u8> {
    let mut bytes = valid.to_vec();
    for step in script.chunks_exact(STEP) {
        let &[how, high, low, value] = step else { continue };
        let at = usize::from(u16::from_be_bytes([high, low])) % (bytes.len() + 1);
        let telling = TELLING[usize::from(value) % TELLING.len()];
        match how % 8 {
            0 => bytes.insert(at, value),
            1 => bytes.insert(at, telling),
            2 if at < bytes.len() => bytes[at] = value,
            3 if at < bytes.len() => bytes[at] = telling,
            4 if at < bytes.len() => bytes[at] ^= 1 << (value % 8),
            5 if at < bytes.len() => drop(bytes.remove(at)),
            6 => bytes.truncate(at),
            _ => {
                // A part of it once more, at its end or in the middle of it.
                let end = (at + usize::from(value)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
    bytes
}

/// The same of text; what is no text becomes some.
pub(crate) fn mutated_text(valid: &str, script: &[u8]) -> String {
    String::from_utf8_lossy(&mutated(valid.as_bytes(), script)).into_owned()
}
