//! This file is about the audit log as the vendor's tools read it: lines of seven fields, each with a tag under the key that its
//! file begins with. What it says stands in our own log too, which can prove it; this one is for those tools.

use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use keyward_core::id::ResourceId;
use keyward_core::time::Timestamp;

use super::encoding::encode_url_safe;

/// What is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Event {
    /// A key of the log, signed.
    LogKey = 0,
    Started = 1,
    Restarted = 2,
    SelfTested = 7,
    LogListed = 9,
    LogRead = 11,
    ScopeRefused = 12,
    LoggedIn = 13,
    AppLoggedIn = 14,
    AppPaired = 15,
    Configured = 18,
    KeyGenerated = 20,
    KeyDeleted = 21,
    KeyImported = 22,
    KeyUpdated = 25,
    KeyDerived = 26,
    SetUp = 29,
    MacTaken = 30,
    MacChecked = 31,
    Signed = 32,
    SignatureChecked = 33,
    Wrapped = 34,
    Unwrapped = 35,
    Encrypted = 36,
    Decrypted = 37,
    Agreed = 38,
    Encapsulated = 39,
    Decapsulated = 40,
    PqcSigned = 41,
    PqcSignatureChecked = 42,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Outcome {
    Ok = 0,
    Failed = 1,
    Error = 2,
}

/// What a line says.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) event: Event,
    pub(super) outcome: Outcome,
    /// `U`, `M`, the kid of an app, or nobody.
    pub(super) who: String,
    /// What it was about, base64url.
    pub(super) data: String,
}

/// How many lines a file has at most; a new one is begun then.
pub(super) const MOST_LINES: u64 = 10_000;

/// The file that is written to.
pub(super) struct OpenFile {
    /// What it is called: when it was begun, in seconds, 8 hexadecimal digits.
    pub(super) id: u32,
    /// What its lines belong to.
    pub(super) resource: ResourceId,
    key: Key,
    next: u64,
}

/// The key of a file's tags. It stands in the file: whoever may read the log can check it, and the signature says whose it is.
pub(super) struct LogKey([u8; 32]);

impl LogKey {
    pub(super) const fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// What is to be signed.
    pub(super) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What a file begins with: who wrote it, the key with its signature, and why it was begun if that is an event; and how many
    /// of these are lines.
    pub(super) fn head(&self, signature: &[u8], why: Option<Event>, at: Timestamp) -> (String, u64) {
        let key = Key::new(HMAC_SHA256, &self.0);
        let entry = |event, who: String, data: String| Entry { event, outcome: Outcome::Ok, who, data };
        let own = entry(Event::LogKey, encode_url_safe(&self.0), encode_url_safe(signature));
        let why = why.map(|why| entry(why, String::new(), String::new()));
        let mut text = format!("# {} {}\n", "keyward", env!("CARGO_PKG_VERSION"));
        let mut lines = 0;
        for entry in std::iter::once(own).chain(why) {
            text += &line(&key, lines, at, &entry);
            lines += 1;
        }
        (text, lines)
    }

    /// The file that began with this key's head, which has so many lines.
    pub(super) fn open(&self, id: u32, resource: ResourceId, lines: u64) -> OpenFile {
        OpenFile { id, resource, key: Key::new(HMAC_SHA256, &self.0), next: lines }
    }
}

impl OpenFile {
    /// The next line, and its number in the file.
    pub(super) fn write(&mut self, at: Timestamp, entry: &Entry) -> (u64, String) {
        let number = self.next;
        self.next += 1;
        (number, line(&self.key, number, at, entry))
    }

    /// Whether a new one is to be begun.
    pub(super) const fn is_full(&self) -> bool {
        self.next >= MOST_LINES
    }
}

/// One line: `seq|time|type|result|who|data|tag`, numbers in hexadecimal without padding; the tag is over all in front of it.
fn line(key: &Key, number: u64, at: Timestamp, entry: &Entry) -> String {
    let Entry { event, outcome, who, data } = entry;
    let front =
        format!("{number:x}|{:x}|{:x}|{:x}|{who}|{data}|", at.seconds(), *event as u8, *outcome as u8);
    let tag = hmac::sign(key, front.as_bytes());
    let tag: Vec<u8> = tag.as_ref().iter().take(16).copied().collect();
    format!("{front}{}\n", encode_url_safe(&tag))
}

#[cfg(test)]
mod tests {
    use super::{Entry, Event, LogKey, Outcome};
    use crate::encedo::encoding::{decode, decode_exactly};
    use keyward_core::id::Id;
    use keyward_core::time::Timestamp;

    /// The vendor's sample: the sixth line of a file under this key.
    #[test]
    fn writes_the_published_line() {
        let key = LogKey::new(decode_exactly("NgPWx9MnmngrKa7xkSuQnDcwBlDV5JeR0OoX6gFyMpo").unwrap());
        let mut file = key.open(0x6231_0b00, Id::from_bits(1).into(), 2);
        let at = Timestamp::from_millis(0x6231_0bdd * 1000);
        let entry = Entry {
            event: Event::Configured,
            outcome: Outcome::Ok,
            who: "U".to_owned(),
            data: String::new(),
        };
        let lines: Vec<_> = (0..4).map(|_| file.write(at, &entry)).collect();
        assert_eq!(lines[3], (5, "5|62310bdd|12|0|U||Rhwgm9ZQx-RGfrjESNxhDQ\n".to_owned()));
    }

    #[test]
    fn a_file_begins_with_its_own_key() {
        let key = LogKey::new([7; 32]);
        let head = |why| key.head(&[9; 64], why, Timestamp::from_millis(16_000));
        let (head, begun) = (head(Some(Event::Started)).0, head(None));
        let lines: Vec<&str> = head.lines().collect();
        let [name, key_line, started] = lines[..] else { panic!("{head}") };
        assert!(name.starts_with("# keyward "), "{name}");
        let fields: Vec<&str> = key_line.split('|').collect();
        assert_eq!(
            (&fields[..4], decode(fields[4]), decode(fields[5])),
            (&["0", "10", "0", "0"][..], Some(vec![7; 32]), Some(vec![9; 64]))
        );
        assert!(started.starts_with("1|10|1|0|||"), "{started}");
        assert_eq!(begun, (head.replace(&format!("{started}\n"), ""), 1), "nobody started or restarted it");
    }
}
