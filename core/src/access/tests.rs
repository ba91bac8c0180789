//! Tests of identifications, PINs and what they open.

use proptest::prelude::*;

use super::{Badge, Code, Identification, Opens, Part, Pin, Technology};
use crate::id::{Id, KeyId, OrganizationId, ResourceId};
use crate::seal::Pepper;
use crate::verbs::verify::Refusal;

fn badge(text: &str) -> Option<String> {
    Badge::parse(text).map(|badge| badge.text().to_string())
}

fn part() -> impl Strategy<Value = (Technology, u64)> {
    prop::sample::select(&Technology::ALL[..])
        .prop_flat_map(|technology| (Just(technology), 0..1u64 << technology.bits()))
}

/// Prefix, decimal digits and hexadecimal digits, restated: a test that asked the code would agree with it.
fn sizes(technology: Technology) -> (&'static str, usize, usize) {
    match technology {
        Technology::Em => ("EM", 13, 10),
        Technology::MifareClassic => ("MC", 10, 8),
        Technology::MifareDesfire => ("MD", 17, 14),
    }
}

/// Every way to write a chip.
fn notations((technology, number): (Technology, u64)) -> Vec<String> {
    let (prefix, decimal, hex) = sizes(technology);
    vec![
        format!("{number:0decimal$}"),
        format!("0x{number:0hex$x}"),
        format!("0x{number:0hex$X}"),
        format!("0X{number:0hex$X}"),
        format!("{prefix}:{number}"),
        format!("{prefix}:{number:0decimal$}"),
        format!("{prefix}:0x{number:x}"),
        format!("{prefix}:0x{number:0hex$X}"),
        format!("{prefix}:0x{number:0decimal$x}"),
    ]
}

proptest! {
    #[test]
    fn every_notation_of_a_chip_is_the_same_badge(chip in part()) {
        let known = Badge::new(vec![Part::new(chip.0, chip.1).unwrap()]).unwrap();
        for text in notations(chip) {
            prop_assert!(Badge::parse(&text).as_ref() == Some(&known), "{}", text);
        }
        prop_assert_eq!(known.text().len(), sizes(chip.0).1);
        prop_assert!(Badge::parse(&known.text()).as_ref() == Some(&known));
    }

    #[test]
    fn several_chips_are_one_badge_in_any_order(
        chips in prop::collection::vec(part(), 1..=8),
        notation in 4..9usize,
        turn in 0..8usize,
    ) {
        let parts = chips.iter().map(|(technology, number)| Part::new(*technology, *number).unwrap());
        let known = Badge::new(parts.collect()).unwrap();
        let mut texts: Vec<String> = chips.iter().map(|chip| notations(*chip)[notation].clone()).collect();
        let turn = turn % texts.len();
        texts.rotate_left(turn);
        prop_assert!(Badge::parse(&texts.join("|")).as_ref() == Some(&known));
        prop_assert!(Badge::parse(&known.text()).as_ref() == Some(&known));
    }

    #[test]
    fn a_number_that_is_too_wide_is_no_badge((technology, number) in part()) {
        let (prefix, decimal, hex) = sizes(technology);
        let wide = number | 1 << technology.bits();
        prop_assert!(Part::new(technology, wide).is_none());
        prop_assert_eq!(badge(&format!("{prefix}:{wide}")), None);
        prop_assert_eq!(badge(&format!("{prefix}:0x{wide:x}")), None);
        // Zeros in front do not make it narrower, and too many of them are no number.
        prop_assert_eq!(badge(&format!("{prefix}:0{number:0decimal$}")), None);
        prop_assert_eq!(badge(&format!("{prefix}:0x0{number:0decimal$x}")), None);
        prop_assert_eq!(badge(&format!("0x0{number:0hex$x}")), None);
    }

    #[test]
    fn zeros_in_front_of_a_prefixed_number_mean_nothing((technology, number) in part(), zeros in 0..17usize) {
        let (prefix, most, _) = sizes(technology);
        let known = badge(&format!("{prefix}:{number}"));
        for (base, digits) in [("", number.to_string()), ("0x", format!("{number:x}"))] {
            let text = format!("{prefix}:{base}{}{digits}", "0".repeat(zeros));
            let fits = zeros + digits.len() <= most;
            prop_assert_eq!(badge(&text), known.clone().filter(|_| fits), "{}", text);
        }
    }

    #[test]
    fn whatever_is_read_is_read_again_from_what_is_shown(text in "(0[xX])?[0-9a-fA-F]{0,18}|((EM|MC|MD|em):(0x)?[0-9a-f]{1,17}\\|?){1,3}|.{0,20}") {
        if let Some(read) = Badge::parse(&text) {
            prop_assert!(Badge::parse(&read.text()) == Some(read));
        }
        if let Some(code) = Code::parse(&text) {
            prop_assert_eq!(code.text(), text);
        }
    }
}

#[test]
fn known_badges_are_read_as_what_they_are() {
    // The vendor's own example: 0x00499602d2 is 1234567890.
    assert_eq!(badge("0x00499602d2").as_deref(), Some("0001234567890"));
    assert_eq!(badge("EM:0X499602D2").as_deref(), Some("0001234567890"));
    assert_eq!(badge("EM:0x0000000000001").as_deref(), Some("0000000000001"));
    assert_eq!(badge("4294967295").as_deref(), Some("4294967295"));
    assert_eq!(badge("0xffffffffffffff").as_deref(), Some("72057594037927935"));
    assert_eq!(badge("MC:7|EM:1|MC:0x7").as_deref(), Some("EM:0000000000001|MC:0000000007"));
}

#[test]
fn what_is_no_badge_is_refused() {
    for wrong in [
        "",
        "0",
        "123456789",
        "4294967296",
        "9999999999999",
        "0x",
        "0xg0499602d2",
        "499602d2",
        "EM:",
        "EM:0x",
        "EM",
        ":1",
        "em:1",
        "XX:1",
        "EM:-1",
        "EM:+1",
        "EM: 1",
        " EM:1",
        "EM:1|",
        "|EM:1",
        "EM:1||MC:1",
        "EM:1|0001234567890",
        "EM:1,MC:1",
        "+000001234567",
        "EM:1x",
        "EM:0x0x1",
        "０００１２３４５６７８９０",
    ] {
        assert_eq!(badge(wrong), None, "{wrong}");
    }
    let nine: Vec<String> = (1..=9).map(|number| format!("EM:{number}")).collect();
    assert_eq!(badge(&nine.join("|")), None);
    assert!(badge(&nine[..8].join("|")).is_some());
}

#[test]
fn a_code_is_4_to_12_digits_and_its_zeros_count() {
    for wrong in ["", "123", "1234567890123", "12a4", "-1234", "1234 ", "１２３４"] {
        assert!(Code::parse(wrong).is_none(), "{wrong}");
    }
    assert!(Code::parse("0042") != Code::parse("00042"));
}

#[test]
fn a_generated_code_has_eight_digits_each_as_likely() {
    let mut seen = [0u32; 10];
    let mut state = 1u64;
    let mut random = |bytes: &mut [u8]| {
        for byte in bytes {
            // Knuth's MMIX generator; its high bits are good enough to count digits.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (state >> 56) as u8;
        }
    };
    for _ in 0..40_000 {
        let code = Code::generate(&mut random);
        assert_eq!(code.text().len(), 8);
        code.text().bytes().for_each(|digit| seen[usize::from(digit - b'0')] += 1);
    }
    let (least, most) = (seen.iter().min().unwrap(), seen.iter().max().unwrap());
    // By chance about 500 of 32,000 each; the remainders of all bytes would make it 1250.
    assert!(most - least < 900, "{seen:?}");
}

#[test]
fn one_identification_has_one_name_in_one_organization() {
    let (pepper, other_pepper) = (Pepper::new(&[1; 32]), Pepper::new(&[2; 32]));
    let (acme, other): (OrganizationId, OrganizationId) = (Id::from_bits(1).into(), Id::from_bits(2).into());
    let names = |text: &str| Identification::badge(text).unwrap().names(&pepper, acme);
    let em = Identification::badge("EM:1234").unwrap();
    assert_eq!(names("EM:1234"), names("0x00000004d2"));
    assert_ne!(em.names(&pepper, acme), em.names(&pepper, other));
    assert_ne!(em.names(&pepper, acme), em.names(&other_pepper, acme));
    assert_ne!(names("EM:1234"), names("MC:1234"), "another technology is another badge");
    assert_ne!(names("MC:1234567890"), Identification::code("1234567890").unwrap().names(&pepper, acme));
    assert_eq!(names("MC:7|EM:1234")[..1], names("EM:1234")[..], "every chip by itself");
}

#[test]
fn a_door_opens_with_the_right_pin_and_level_only() {
    let (pepper, key): (Pepper, KeyId) = (Pepper::new(&[1; 32]), Id::from_bits(7).into());
    let digest = |pin: &str| Pin::parse(pin).unwrap().digest(&pepper, key);
    let level = |bits| ResourceId::from(Id::from_bits(bits));
    let open = Opens { pin: None, levels: vec![level(1)], person: None };
    assert_eq!(open.judge(None, None), Ok(()));
    assert_eq!(open.judge(Some(level(1)), None), Ok(()));
    assert_eq!(open.judge(Some(level(2)), None), Err(Refusal::LevelNotGranted));
    assert_eq!(open.judge(None, Some(&digest("1234"))), Err(Refusal::NoPin));
    let with_pin = Opens { pin: Some(digest("1234")), ..open };
    assert_eq!(with_pin.judge(Some(level(1)), Some(&digest("1234"))), Ok(()));
    assert_eq!(with_pin.judge(Some(level(1)), Some(&digest("1235"))), Err(Refusal::WrongPin));
    assert_eq!(with_pin.judge(Some(level(2)), None), Err(Refusal::WrongPin));
    let others: KeyId = Id::from_bits(8).into();
    assert!(digest("1234") != Pin::parse("1234").unwrap().digest(&pepper, others), "equal PINs do not show");
    for wrong in ["", "123", "123456789", "12a4", "１２３４"] {
        assert!(Pin::parse(wrong).is_none(), "{wrong}");
    }
}
