//! This file is about the notations of badges and codes. Whatever a badge is written as, it is read to the same
//! (technology, number), and a number that its technology cannot hold is refused, never cut.
//!
//! Of fixed size, the length tells the technology: 13, 10 or 17 decimal digits, or `0x` and 10, 8 or 14 hexadecimal ones, are
//! EM (40 bits), MIFARE Classic (32) or MIFARE DESFire (56). With a prefix (`EM:`, `MC:`, `MD:`) the number has up to
//! 13, 10 or 17 digits of either base, and several such parts joined by `|` are one badge with several chips.

use zeroize::Zeroizing;

/// The most parts of a badge.
const MOST_PARTS: usize = 8;
/// How long a code that is made here is.
const GENERATED: usize = 8;

/// How a badge speaks to its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Technology {
    /// EM, 125 kHz: 40 bits.
    Em,
    /// MIFARE Classic: 32 bits.
    MifareClassic,
    /// MIFARE DESFire: 56 bits.
    MifareDesfire,
}

impl Technology {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Em, Self::MifareClassic, Self::MifareDesfire];

    /// How wide its numbers are.
    #[must_use]
    pub const fn bits(self) -> u32 {
        match self {
            Self::Em => 40,
            Self::MifareClassic => 32,
            Self::MifareDesfire => 56,
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Em => "EM",
            Self::MifareClassic => "MC",
            Self::MifareDesfire => "MD",
        }
    }

    /// How many digits its largest number has.
    const fn digits(self, base: Base) -> usize {
        match (base, self) {
            (Base::Hexadecimal, Self::Em) => 10,
            (Base::Hexadecimal, Self::MifareClassic) => 8,
            (Base::Hexadecimal, Self::MifareDesfire) => 14,
            (Base::Decimal, Self::Em) => 13,
            (Base::Decimal, Self::MifareClassic) => 10,
            (Base::Decimal, Self::MifareDesfire) => 17,
        }
    }
}

#[derive(Clone, Copy)]
enum Base {
    Decimal,
    Hexadecimal,
}

impl Base {
    /// The digits of a number, and what they are to.
    fn of(text: &str) -> (Self, &str) {
        match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(digits) => (Self::Hexadecimal, digits),
            None => (Self::Decimal, text),
        }
    }

    const fn radix(self) -> u32 {
        match self {
            Self::Decimal => 10,
            Self::Hexadecimal => 16,
        }
    }
}

/// One chip of a badge.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    technology: Technology,
    number: u64,
}

impl Part {
    /// The chip with this number; `None` if its technology cannot hold it.
    #[must_use]
    pub const fn new(technology: Technology, number: u64) -> Option<Self> {
        if number >> technology.bits() == 0 { Some(Self { technology, number }) } else { None }
    }

    fn read(technology: Technology, base: Base, digits: &str) -> Option<Self> {
        // Otherwise a sign would be taken for a digit.
        let is_number = digits.chars().all(|digit| digit.is_digit(base.radix()));
        let number = u64::from_str_radix(digits, base.radix()).ok().filter(|_| is_number)?;
        Self::new(technology, number)
    }

    /// Reads a number whose length tells its technology.
    fn parse_fixed(text: &str) -> Option<Self> {
        let (base, digits) = Base::of(text);
        let technology =
            Technology::ALL.into_iter().find(|technology| technology.digits(base) == digits.len())?;
        Self::read(technology, base, digits)
    }

    /// Reads a number behind the prefix of its technology.
    fn parse_prefixed(text: &str) -> Option<Self> {
        let (prefix, number) = text.split_once(':')?;
        let technology = Technology::ALL.into_iter().find(|technology| technology.prefix() == prefix)?;
        let (base, digits) = Base::of(number);
        // As many in either base, as the vendor has it: what does not fit is told by its value.
        if digits.len() > technology.digits(Base::Decimal) {
            return None;
        }
        Self::read(technology, base, digits)
    }

    /// The number in all the digits of its technology.
    fn decimal(self) -> String {
        format!("{:0width$}", self.number, width = self.technology.digits(Base::Decimal))
    }

    /// The number behind the prefix of its technology: one text for one chip.
    pub(super) fn prefixed(self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}:{}", self.technology.prefix(), self.decimal()))
    }
}

/// A badge: one chip, or several that are one badge. Their order means nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Badge(Vec<Part>);

impl Badge {
    /// The badge of these chips, 1 to 8.
    #[must_use]
    pub fn new(mut parts: Vec<Part>) -> Option<Self> {
        parts.sort_unstable();
        parts.dedup();
        (1..=MOST_PARTS).contains(&parts.len()).then_some(Self(parts))
    }

    /// Reads a badge in any notation.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(part) = Part::parse_fixed(text) {
            return Self::new(vec![part]);
        }
        Self::new(text.split('|').map(Part::parse_prefixed).collect::<Option<_>>()?)
    }

    /// Its chips, in order, each once.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// The notation that it is shown in: of fixed size, and with prefixes only where it has several chips.
    pub(super) fn text(&self) -> Zeroizing<String> {
        match self.0.as_slice() {
            [part] => Zeroizing::new(part.decimal()),
            parts => {
                let parts: Vec<Zeroizing<String>> = parts.iter().map(|part| part.prefixed()).collect();
                let parts: Vec<&str> = parts.iter().map(|part| part.as_str()).collect();
                Zeroizing::new(parts.join("|"))
            }
        }
    }
}

/// A code: 4 to 12 digits. A leading zero is typed, so it counts.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(Zeroizing<String>);

impl Code {
    /// Reads a code.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (4..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// Draws a new code of 8 digits, each as likely as any other; `random` fills a buffer with random bytes.
    #[must_use]
    pub fn generate(random: &mut dyn FnMut(&mut [u8])) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(GENERATED));
        let mut drawn = Zeroizing::new([0; GENERATED]);
        while text.len() < GENERATED {
            random(drawn.as_mut_slice());
            // Above the largest multiple of ten, the remainder would favour the first digits.
            let fair = drawn.iter().filter(|byte| **byte < 250);
            let missing = GENERATED - text.len();
            text.extend(fair.take(missing).map(|byte| char::from(b'0' + byte % 10)));
        }
        Self(text)
    }

    /// The digits.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}
