//! This file is about what differs from run to run: it gets a name that does not.

use std::collections::HashMap;

use regex::{Captures, Regex};

/// Numbers every value by its first appearance, one count for each kind.
#[derive(Default)]
pub(super) struct Scrub {
    numbers: HashMap<&'static str, HashMap<String, usize>>,
}

/// What differs. A record's id and its receipt's have the same 128 bits, and get the same number; an id of zeros
/// is nobody's and stays; times are not numbered, because two may be the same; those of the tests' own stay.
const PATTERN: &str = r#"(?x)
    (?P<prefix>key|acct|org|rcpt|rmvl)_(?P<id>[0-7][0-9a-z]{25})
  | (?P<secret>[a-z][a-z0-9]*_[a-z][a-z0-9]*_[0-9A-Za-z]{43})
  | (?P<handle>[a-z][a-z0-9]*_[a-z][a-z0-9]*_[0-9A-Za-z]{10})\b
  | (?P<time>202[0-9]-[0-9]{2}-[0-9]{2}T[0-9:.]+Z)
  | (?P<hash>\b[0-9a-f]{64}\b)
  | (?P<request>\b[0-9a-f]{32}\b)
  | (?P<newline>\\n)?(?P<base64>[A-Za-z0-9+/]{40,}={0,2})
  | "next_cursor":\x20"(?P<cursor>[A-Za-z0-9_-]{22})"
"#;

impl Scrub {
    pub(super) fn scrub(&mut self, text: &str) -> String {
        let pattern = Regex::new(PATTERN).expect("a pattern");
        pattern.replace_all(text, |found: &Captures<'_>| self.name(found)).into_owned()
    }

    fn name(&mut self, found: &Captures<'_>) -> String {
        let group = |name| found.name(name).map(|is| is.as_str());
        if let (Some(prefix), Some(id)) = (group("prefix"), group("id")) {
            return match id.bytes().all(|digit| digit == b'0') {
                true => found[0].to_owned(),
                false => format!("{prefix}_<{}>", self.number("id", id)),
            };
        }
        if let Some(secret) = group("secret") {
            // A secret begins with its handle.
            let handle = &secret[..secret.len() - 33];
            return format!("<secret {}>", self.number("handle", handle));
        }
        if let Some(handle) = group("handle") {
            return format!("<handle {}>", self.number("handle", handle));
        }
        if group("time").is_some() {
            return "<time>".to_owned();
        }
        if let Some(hash) = group("hash") {
            return format!("<hash {}>", self.number("hash", hash));
        }
        if group("request").is_some() {
            return "<request>".to_owned();
        }
        if group("base64").is_some() {
            return group("newline").unwrap_or_default().to_owned() + "<base64>";
        }
        let cursor = group("cursor").expect("one of them fits");
        format!("\"next_cursor\": \"<cursor {}>\"", self.number("cursor", cursor))
    }

    fn number(&mut self, kind: &'static str, value: &str) -> usize {
        let known = self.numbers.entry(kind).or_default();
        let next = known.len() + 1;
        *known.entry(value.to_owned()).or_insert(next)
    }
}

#[test]
fn the_same_value_has_the_same_name() {
    let (one, two) = ("0".to_owned() + &"1".repeat(25), "0".to_owned() + &"2".repeat(25));
    let text = format!("key_{one} rcpt_{one} key_{two} key_{} kw_live_0123456789", "0".repeat(26));
    let scrubbed = Scrub::default().scrub(&text);
    assert_eq!(scrubbed, format!("key_<1> rcpt_<1> key_<2> key_{} <handle 1>", "0".repeat(26)));
}
