//! This file is about what callers write in single words: secrets, labels, handles, scopes, ids.

use bolero::{check, produce};
use keyward_core::id::{AccountId, Id, KeyId, OrganizationId, ReceiptId, RemovalId};
use keyward_core::scope::Scopes;
use keyward_core::secret::{Handle, Label, Presented, Secret};

use crate::mutation::{SCRIPT, mutated_text};

const SECRET: &str = "kw_live_0123456789abcdefghijklmnopqrstuvwxyzA";

/// A secret of our format, its check worked out here: CRC-32 (IEEE 802.3) bit by bit, six digits to base 62.
fn with_check(body: &str) -> String {
    let mut crc = u32::MAX;
    for byte in body.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    let mut rest = !crc;
    let mut check = String::new();
    for _ in 0..6 {
        let digit = u8::try_from(rest % 62).unwrap();
        check.insert(
            0,
            char::from(match digit {
                0..10 => b'0' + digit,
                10..36 => b'A' + digit - 10,
                _ => b'a' + digit - 36,
            }),
        );
        rest /= 62;
    }
    format!("{body}{check}")
}

fn is_label(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_digit() || c.is_ascii_lowercase();
    (1..=8).contains(&text.len()) && text.chars().all(fits) && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// `<label>_<label>_<43 of base 62>`, whatever its check.
fn looks_own(text: &str) -> bool {
    let parts: Vec<&str> = text.split('_').collect();
    let [prefix, environment, body] = parts[..] else { return false };
    is_label(prefix)
        && is_label(environment)
        && body.len() == 43
        && body.chars().all(|c| c.is_ascii_alphanumeric())
}

fn is_graphic(text: &str) -> bool {
    text.chars().all(|c| ('!'..='~').contains(&c))
}

#[test]
fn presented() {
    let valid = with_check(SECRET);
    assert!(Presented::read(&valid).unwrap().handle().is_some(), "the check of this file is the core's");
    let input = (produce::<bool>(), produce::<Vec<u8>>().with().len(SCRIPT));
    check!().with_iterations(4000).with_generator(input).for_each(|(repair, script)| {
        let mut text = mutated_text(&valid, script);
        if *repair && text.is_ascii() && text.len() > 6 {
            text = with_check(&text[..text.len() - 6]);
        }
        let Some(presented) = Presented::read(&text) else {
            assert!(text.is_empty() || text.len() > 512 || !is_graphic(&text), "{text}");
            return;
        };
        assert!(!text.is_empty() && text.len() <= 512 && is_graphic(&text), "{text}");
        let own = looks_own(&text) && with_check(&text[..text.len() - 6]) == text;
        assert_eq!(presented.handle().is_some(), own, "{text}");
        assert_eq!(presented.is_mistyped(), looks_own(&text) && !own, "{text}");
        assert_eq!(presented.place().is_some(), looks_own(&text));
        if let (Some(handle), Some(place)) = (presented.handle(), presented.place()) {
            assert!(text.starts_with(handle.as_str()) && handle.as_str().as_bytes().ends_with(place));
            assert_eq!((handle.as_str().len() + 33, place.len()), (text.len(), 10));
        }
    });
}

#[test]
fn words() {
    let bases = ["live", "kw_live_0123456789", "orders:read keys:issue", "0123456789abcdef-0123"];
    let input = (0..bases.len(), produce::<Vec<u8>>().with().len(SCRIPT));
    check!().with_iterations(4000).with_generator(input).for_each(|(base, script)| {
        let text = mutated_text(bases[*base], script);
        let label = Label::parse(&text);
        assert_eq!(label.is_some(), is_label(&text), "{text}");
        assert!(label.is_none_or(|label| label.as_str() == text));
        let handle = Handle::parse(&text);
        assert_eq!(handle.is_some(), (4..=64).contains(&text.len()) && is_graphic(&text), "{text}");
        assert!(handle.is_none_or(|handle| handle.as_str() == text));
        let secret = Secret::import(&text);
        assert_eq!(secret.is_ok(), (16..=512).contains(&text.len()) && is_graphic(&text), "{text}");
        assert!(secret.is_err() || secret.is_ok_and(|secret| secret.expose() == text));
        scopes(&text);
    });
}

fn scopes(text: &str) {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ":._-*/".contains(c);
    let mut words: Vec<&str> = text.split(' ').collect();
    let parsed = Scopes::parse(words.iter().copied());
    words.sort_unstable();
    words.dedup();
    let possible =
        words.len() <= 64 && words.iter().all(|w| (1..=64).contains(&w.len()) && w.chars().all(fits));
    assert_eq!(parsed.is_ok(), possible, "{text}");
    if let Ok(parsed) = parsed {
        assert!(parsed.iter().map(keyward_core::scope::Scope::as_str).eq(words.iter().copied()));
        let admin = words.contains(&"admin");
        for right in keyward_core::scope::Right::ALL {
            assert_eq!(parsed.rights().has(right), admin || words.contains(&right.word()), "{text}");
        }
    }
}

#[test]
fn ids() {
    let input = (produce::<u128>(), produce::<Vec<u8>>().with().len(SCRIPT));
    check!().with_iterations(4000).with_generator(input).for_each(|(bits, script)| {
        let id = Id::from_bits(*bits);
        let printed = [
            KeyId::from(id).to_string(),
            AccountId::from(id).to_string(),
            OrganizationId::from(id).to_string(),
            RemovalId::from(id).to_string(),
            ReceiptId::from(id).to_string(),
        ];
        for valid in &printed {
            let text = mutated_text(valid, script);
            let read = [
                KeyId::parse(&text).map(|id| id.to_string()),
                AccountId::parse(&text).map(|id| id.to_string()),
                OrganizationId::parse(&text).map(|id| id.to_string()),
                RemovalId::parse(&text).map(|id| id.to_string()),
                ReceiptId::parse(&text).map(|id| id.to_string()),
            ];
            let as_written = read.into_iter().flatten().collect::<Vec<_>>();
            // At most one type takes it, and only in the one spelling.
            assert!(as_written.is_empty() || as_written == [text.clone()], "{text}");
            assert!(text != *valid || as_written.len() == 1, "{text}");
        }
    });
}
