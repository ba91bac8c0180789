//! This file is about how a new secret is written: in our own format, or in that of a system whose clients expect theirs.

use zeroize::Zeroizing;

use super::{BASE62, Label, PLACE, RANDOM, check_of};

/// How a new secret is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// Our own, with this prefix.
    Keyward(Label),
    /// Random characters only, as another system writes its keys.
    Plain {
        /// Which characters.
        alphabet: Alphabet,
        /// How many of them are the handle, public and followed by a dot; 0: there is none, and the key is shown by
        /// its id.
        public: usize,
        /// How many nobody can guess.
        private: usize,
        /// How many of these stay readable, for people to tell keys apart.
        hint: usize,
    },
}

/// The characters of a plain secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    /// `0-9 a-f`: 4 bits each.
    Hex,
    /// `0-9 A-Z a-z`: 5.95 bits each.
    Alphanumeric,
    /// `0-9 A-Z a-z - _`: 6 bits each.
    UrlSafe,
}

impl Alphabet {
    const fn digits(self) -> &'static [u8] {
        match self {
            Self::Hex => b"0123456789abcdef",
            Self::Alphanumeric => BASE62,
            Self::UrlSafe => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_",
        }
    }
}

impl Format {
    /// Writes a new secret; `random` fills a buffer with random bytes.
    pub(super) fn write(&self, environment: &Label, random: &mut dyn FnMut(&mut [u8])) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(128));
        match self {
            Self::Keyward(prefix) => {
                text.push_str(prefix.as_str());
                text.push('_');
                text.push_str(environment.as_str());
                text.push('_');
                draw(&mut text, Alphabet::Alphanumeric, PLACE + RANDOM, random);
                let check = check_of(text.as_bytes());
                text.extend(check.map(char::from));
            }
            Self::Plain { alphabet, public, private, hint: _ } => {
                if *public > 0 {
                    draw(&mut text, *alphabet, *public, random);
                    text.push('.');
                }
                draw(&mut text, *alphabet, *private, random);
            }
        }
        text
    }

    /// The public part of a text that was written so; empty where there is none.
    pub(crate) fn public_part<'a>(&self, text: &'a str) -> &'a str {
        match self {
            Self::Keyward(_) => {
                text.get(..text.len().saturating_sub(RANDOM + super::CHECK)).unwrap_or_default()
            }
            Self::Plain { public, .. } => text.get(..*public).unwrap_or_default(),
        }
    }

    /// The private characters of a text that stay readable.
    pub(crate) fn hint<'a>(&self, text: &'a str) -> &'a str {
        match self {
            Self::Keyward(_) => "",
            Self::Plain { private, hint, .. } => {
                let begin = text.len().saturating_sub(*private);
                text.get(begin..begin + hint).unwrap_or_default()
            }
        }
    }
}

/// Adds characters of the alphabet, each as likely as any other.
fn draw(text: &mut String, alphabet: Alphabet, count: usize, random: &mut dyn FnMut(&mut [u8])) {
    let digits = alphabet.digits();
    // Above the largest multiple of the alphabet's size, the remainder would favour the first digits.
    let fair = 256 - 256 % digits.len();
    let end = text.len() + count;
    let mut drawn = Zeroizing::new([0; 64]);
    while text.len() < end {
        random(drawn.as_mut_slice());
        let fair = drawn.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair);
        let digits = fair.filter_map(|byte| digits.get(byte % digits.len()));
        text.extend(digits.take(end - text.len()).map(|digit| char::from(*digit)));
    }
}
