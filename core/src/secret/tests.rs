use proptest::prelude::*;

use super::{Format, Label, Presented, Secret};

fn generate(mut seed: u8) -> Secret {
    let mut random = |bytes: &mut [u8]| {
        for byte in bytes {
            seed = seed.wrapping_mul(37).wrapping_add(11);
            *byte = seed;
        }
    };
    Secret::generate(
        &Format::Keyward(Label::parse("kw").unwrap()),
        &Label::parse("live").unwrap(),
        &mut random,
    )
}

#[test]
fn a_secret_has_51_characters_and_shows_its_handle() {
    let secret = generate(1);
    assert_eq!(secret.expose().len(), 51);
    let presented = Presented::read(secret.expose()).unwrap();
    assert_eq!(presented.handle().unwrap().as_str(), &secret.expose()[..18]);
    assert_eq!(presented.place().unwrap(), &secret.expose().as_bytes()[8..18]);
}

#[test]
fn the_check_is_crc_32_in_base_62() {
    // The check value of CRC-32/ISO-HDLC: "123456789" gives CBF43926 hex = 3421780262 decimal.
    // 3421780262 = 3*62^5 + 45*62^4 + 35*62^3 + 24*62^2 + 12*62 + 18, digits 0-9 A-Z a-z.
    let mut rest: u64 = 0xCBF4_3926;
    let mut digits = Vec::new();
    for _ in 0..6 {
        digits.push(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[(rest % 62) as usize]);
        rest /= 62;
    }
    digits.reverse();
    assert_eq!(super::check_of(b"123456789").as_slice(), digits);
}

#[test]
fn every_single_typo_is_noticed() {
    let secret = generate(7);
    let text = secret.expose();
    for at in 8..text.len() {
        let mut typo = text.as_bytes().to_vec();
        typo[at] = if typo[at] == b'a' { b'b' } else { b'a' };
        let typo = String::from_utf8(typo).unwrap();
        let presented = Presented::read(&typo).unwrap();
        assert!(presented.is_mistyped(), "character {at}");
        assert!(presented.handle().is_none());
    }
}

#[test]
fn other_text_is_foreign_and_some_is_nothing() {
    for foreign in ["sk_live_abc", "0123456789abcdef0123456789abcdef", "a_b_c", "_", "kw_live_"] {
        let presented = Presented::read(foreign).unwrap();
        assert!(presented.handle().is_none() && !presented.is_mistyped(), "{foreign}");
    }
    for nothing in ["", "with space", "tab\t", "ümlaut", &"x".repeat(513)] {
        assert!(Presented::read(nothing).is_none(), "{nothing}");
    }
}

/// Each but the first is one step away from our format.
#[test]
fn only_text_of_our_format_has_a_place() {
    let body = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
    let has_place = |text: String| Presented::read(&text).unwrap().place().is_some();
    assert!(has_place(format!("kw_live_{body}")) && has_place(format!("abcdefg8_z2345678_{body}")));
    for wrong in [
        format!("kw_live_{body}H"),
        format!("kw_live_{}", &body[1..]),
        format!("kw_live_{}-", &body[1..]),
        format!("kw_live_{}_", &body[1..]),
        format!("kw_live__{}", &body[1..]),
        format!("kw_live{body}"),
        format!("kwlive_{body}"),
        format!("kw_li_ve_{body}"),
        format!("_live_{body}"),
        format!("kw__{body}"),
        format!("Kw_live_{body}"),
        format!("kw_Live_{body}"),
        format!("kw_live56789_{body}"),
        body.to_owned(),
        format!("_{body}"),
    ] {
        assert!(!has_place(wrong.clone()), "{wrong}");
    }
}

proptest! {
    #[test]
    fn what_is_generated_is_read(seed: u8) {
        let secret = generate(seed);
        prop_assert!(Presented::read(secret.expose()).unwrap().handle().is_some());
    }

    #[test]
    fn any_text_is_looked_at_without_a_panic(text: String) {
        if let Some(presented) = Presented::read(&text) {
            let is_ours = presented.handle().is_some();
            prop_assert_eq!(is_ours || presented.is_mistyped(), presented.place().is_some());
            prop_assert!(!(is_ours && presented.is_mistyped()));
        }
    }
}
