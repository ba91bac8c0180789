//! This file is about instants as callers write them.

use bolero::{check, produce};
use keyward_core::time::Timestamp;

use crate::mutation::{SCRIPT, mutated_text};

/// The shape of RFC 3339, section 5.6: `date-time`, with a letter or a blank between date and time.
fn is_rfc_3339(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits =
        |range: std::ops::Range<usize>| bytes.get(range).is_some_and(|b| b.iter().all(u8::is_ascii_digit));
    let marks = [(4, "-"), (7, "-"), (10, "Tt "), (13, ":"), (16, ":")];
    let head = [0..4, 5..7, 8..10, 11..13, 14..16, 17..19].into_iter().all(digits)
        && marks.iter().all(|(at, among)| bytes.get(*at).is_some_and(|b| among.contains(char::from(*b))));
    let Some(mut rest) = text.get(19..).filter(|_| head) else { return false };
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
        if rest.len() == fraction.len() {
            return false;
        }
    }
    let offset = rest.as_bytes();
    matches!(offset, [b'Z' | b'z'])
        || matches!(offset, [b'+' | b'-', h1, h2, b':', m1, m2]
            if [h1, h2, m1, m2].into_iter().all(u8::is_ascii_digit))
}

#[test]
fn instants() {
    let bases =
        ["1985-04-12T23:20:50.52Z", "1990-12-31T15:59:59-08:00", "2030-01-01T00:00:00.123456789+00:20"];
    let input = (0..bases.len(), produce::<Vec<u8>>().with().len(SCRIPT));
    check!().with_iterations(8000).with_generator(input).for_each(|(base, script)| {
        let text = mutated_text(bases[*base], script);
        if let Some(instant) = Timestamp::parse(&text) {
            assert!(is_rfc_3339(&text), "{text} is read as {instant}");
            assert!(instant <= Timestamp::LAST);
            assert_eq!(Timestamp::parse(&instant.to_string()), Some(instant), "{text}");
        } else {
            assert!(text != bases[*base]);
        }
    });
}

#[test]
fn printed() {
    check!().with_iterations(2000).with_type::<u64>().for_each(|millis| {
        let instant = Timestamp::from_millis(*millis % (1 << 49));
        assert_eq!(Timestamp::parse(&instant.to_string()), Some(instant));
    });
}
