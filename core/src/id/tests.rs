use proptest::prelude::*;

use super::{Id, KeyId};
use crate::time::Timestamp;

#[test]
fn a_new_id_is_a_uuid_of_version_7() {
    let id = Id::new(Timestamp::from_millis(0x017F_22E2_79B0), [0xff; 10]);
    // RFC 9562, appendix A.6: the same instant, its random bits all set here.
    assert_eq!(id.bits(), 0x017F_22E2_79B0_7FFF_BFFF_FFFF_FFFF_FFFF);
}

#[test]
fn the_printed_form_is_crockford_base32() {
    // 2^128 - 1 in base 32 is 7 followed by 25 times the digit 31.
    let all = KeyId::from(Id::from_bits(u128::MAX));
    assert_eq!(all.to_string(), format!("key_7{}", "z".repeat(25)));
    let one = KeyId::from(Id::from_bits(33));
    assert_eq!(one.to_string(), format!("key_{}11", "0".repeat(24)));
}

#[test]
fn only_the_one_spelling_is_read() {
    let text = KeyId::from(Id::from_bits(33)).to_string();
    assert!(KeyId::parse(&text).is_some());
    for wrong in [
        text.to_uppercase(),
        text.replace("key_", "acct_"),
        text.replace("key_", "key"),
        format!("{text}0"),
        text.replacen('0', "8", 1),
        text.replacen('0', "u", 1),
        String::new(),
    ] {
        assert_eq!(KeyId::parse(&wrong), None, "{wrong}");
    }
}

proptest! {
    #[test]
    fn printing_and_reading_are_inverse(bits: u128) {
        let id = KeyId::from(Id::from_bits(bits));
        prop_assert_eq!(KeyId::parse(&id.to_string()), Some(id));
        let mut pushed = b"an id: ".to_vec();
        id.push_to(&mut pushed);
        prop_assert_eq!(pushed, format!("an id: {id}").into_bytes());
    }

    #[test]
    fn any_text_is_read_or_refused(text: String) {
        if let Some(id) = KeyId::parse(&text) {
            prop_assert_eq!(id.to_string(), text);
        }
    }
}
