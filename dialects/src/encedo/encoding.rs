//! This file is about base64: clients send either alphabet, padded or not; the unit answers in the standard one.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const READ_STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const READ_URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Reads base64 in one of the two alphabets, not in a mixture of both.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let engine = if text.contains(['-', '_']) { READ_URL_SAFE } else { READ_STANDARD };
    engine.decode(text).ok()
}

/// Reads base64 of exactly so many bytes.
pub(super) fn decode_exactly<const N: usize>(text: &str) -> Option<[u8; N]> {
    decode(text)?.try_into().ok()
}

/// Writes base64 as every answer does.
pub(super) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Writes base64 as descriptions go out: without padding.
pub(super) fn encode_unpadded(bytes: &[u8]) -> String {
    STANDARD_NO_PAD.encode(bytes)
}

/// Writes base64 as JWT (RFC 7515, section 2) and the audit log have it.
pub(super) fn encode_url_safe(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::{decode, decode_exactly, encode, encode_unpadded, encode_url_safe};

    #[test]
    fn reads_both_alphabets_and_writes_the_one_that_is_asked_for() {
        let bytes = vec![0xfb, 0xef, 0xff, 0xfe];
        for text in ["++///g==", "++///g", "--___g==", "--___g"] {
            assert_eq!(decode(text), Some(bytes.clone()), "{text}");
        }
        assert_eq!(encode(&bytes), "++///g==");
        assert_eq!(encode_unpadded(&bytes), "++///g");
        assert_eq!(encode_url_safe(&bytes), "--___g");
    }

    #[test]
    fn refuses_what_is_no_base64() {
        for text in ["+-//", "a", "a b=", "ab\n=", "====", "++///h=="] {
            assert_eq!(decode(text), None, "{text}");
        }
        assert_eq!(
            (decode_exactly::<4>("++///g"), decode_exactly::<3>("++///g")),
            (Some([0xfb, 0xef, 0xff, 0xfe]), None)
        );
    }
}
