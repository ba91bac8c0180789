//! This file is about what differs from run to run: it gets a name that does not.

use std::collections::HashMap;

use regex::{Captures, Regex};

/// Numbers every value by its first appearance, one count for each kind.
pub(super) struct Scrub {
    pattern: Regex,
    numbers: HashMap<String, HashMap<String, usize>>,
}

/// What is not numbered, because two that differ in one run may be the same in another.
const ALIKE: [&str; 8] = ["time", "request", "base64", "instant", "seconds", "millis", "letters", "start"];

impl Scrub {
    /// Scrubs what this pattern finds: of each match the value of the one group that takes part, whose name is shown in
    /// its place. What consists of zeros is nobody's and stays.
    pub(super) fn of(pattern: &str) -> Self {
        let pattern = Regex::new(&format!("(?x){pattern}")).expect("a pattern");
        Self { pattern, numbers: HashMap::new() }
    }

    pub(super) fn scrub(&mut self, text: &str) -> String {
        let pattern = self.pattern.clone();
        let groups: Vec<&str> = pattern.capture_names().flatten().filter(|name| *name != "prefix").collect();
        let name = |found: &Captures<'_>| {
            let taken = groups.iter().find_map(|kind| found.name(kind).map(|value| (*kind, value)));
            let (kind, value) = taken.expect("one of them takes part");
            let whole = found.get(0).expect("a match");
            let before = &text[whole.start()..value.start()];
            format!("{before}{}{}", self.name(kind, value.as_str()), &text[value.end()..whole.end()])
        };
        pattern.replace_all(text, name).into_owned()
    }

    fn name(&mut self, kind: &str, value: &str) -> String {
        match kind {
            _ if value.bytes().all(|digit| matches!(digit, b'0' | b'-')) => value.to_owned(),
            alike if ALIKE.contains(&alike) => format!("<{alike}>"),
            "id" => format!("<{}>", self.number(kind, value)),
            // A secret begins with its handle.
            "secret" => format!("<secret {}>", self.number("handle", &value[..value.len() - 33])),
            _ => format!("<{kind} {}>", self.number(kind, value)),
        }
    }

    fn number(&mut self, kind: &str, value: &str) -> usize {
        let known = self.numbers.entry(kind.to_owned()).or_default();
        let next = known.len() + 1;
        *known.entry(value.to_owned()).or_insert(next)
    }
}

#[test]
fn the_same_value_has_the_same_name() {
    let pattern = r"(?P<prefix>key|rcpt)_(?P<id>[0-9a-z]{26}) | (?P<handle>kw_live_[0-9A-Za-z]{10})";
    let (one, two) = ("0".to_owned() + &"1".repeat(25), "0".to_owned() + &"2".repeat(25));
    let text = format!("key_{one} rcpt_{one} key_{two} key_{} kw_live_0123456789", "0".repeat(26));
    let scrubbed = Scrub::of(pattern).scrub(&text);
    assert_eq!(scrubbed, format!("key_<1> rcpt_<1> key_<2> key_{} <handle 1>", "0".repeat(26)));
}

#[test]
fn what_stands_around_a_value_stays() {
    let mut scrub = Scrub::of(r#""id":\x20(?P<number>[0-9]+) | at\x20(?P<seconds>[0-9]+)"#);
    let text = r#""id": 7, "id": 8 "id": 7 "is": 7 at 5 at 6"#;
    let scrubbed = r#""id": <number 1>, "id": <number 2> "id": <number 1> "is": 7 at <seconds> at <seconds>"#;
    assert_eq!(scrub.scrub(text), scrubbed);
}
