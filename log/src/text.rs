//! This file is about the two encodings that all formats of the log share, read strictly: base64 and decimals.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

/// A text is not the one form in which its value is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("malformed: expected {0}")]
pub struct InvalidText(
    /// What should have stood there.
    pub &'static str,
);

/// Standard base64 with padding (RFC 4648 section 4), as all C2SP log formats use it.
pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The bytes of a base64 text; `None` unless it is exactly what [`base64`] prints for them.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// As [`from_base64`], for a fixed length.
pub(crate) fn array_from_base64<const N: usize>(text: &str) -> Option<[u8; N]> {
    from_base64(text)?.try_into().ok()
}

/// An ASCII decimal without sign or leading zeros.
pub(crate) fn from_decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = text == "0" || !text.starts_with('0');
    (plain && canonical).then(|| text.parse().ok()).flatten()
}

/// Whether this may stand as a line of a signed note: not empty, no ASCII control characters (C2SP signed-note,
/// "Format").
pub(crate) fn is_line(text: &str) -> bool {
    !text.is_empty() && !text.bytes().any(|byte| byte < b' ')
}
