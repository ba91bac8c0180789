//! This file is about time: an instant in Unix milliseconds, read and written as RFC 3339 in UTC.

use std::fmt;

use jiff::fmt::temporal::Pieces;

/// An instant, in milliseconds since 1970-01-01T00:00:00Z. Never before that, never past the year 9999.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(u64);

impl Timestamp {
    /// 9999-12-30T21:59:59.999Z, about the last instant that RFC 3339 can write in every offset.
    pub const LAST: Self = Self(253_402_207_199_999);

    /// The instant this many milliseconds after the Unix epoch; anything past [`Self::LAST`] is that.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        if millis > Self::LAST.0 { Self::LAST } else { Self(millis) }
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// The instant this many seconds later.
    #[must_use]
    pub const fn plus_seconds(self, seconds: u64) -> Self {
        Self::from_millis(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// Reads RFC 3339 with any offset, down to the millisecond; `None` for anything else, or before 1970.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let instant: jiff::Timestamp = text.parse().ok().filter(|_| is_rfc_3339(text))?;
        u64::try_from(instant.as_millisecond()).ok().map(Self::from_millis)
    }

    /// The same, where years before 1970 and the last days of 9999 stand for always and never: the first instant and the
    /// last.
    #[must_use]
    pub fn parse_nearest(text: &str) -> Option<Self> {
        Self::parse(text).or_else(|| {
            let pieces = Pieces::parse(text).ok().filter(|_| is_rfc_3339(text))?;
            Some(if pieces.date().year() <= 1970 { Self(0) } else { Self::LAST })
        })
    }
}

/// The shape of a `date-time` (RFC 3339, section 5.6): jiff takes much more of ISO 8601.
fn is_rfc_3339(text: &str) -> bool {
    let Some((head, tail)) = text.split_at_checked(19) else { return false };
    let head_fits = head.bytes().enumerate().all(|(place, byte)| match place {
        4 | 7 => byte == b'-',
        10 => b"Tt ".contains(&byte),
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    });
    let offset = match tail.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => tail,
    };
    let offset_fits = match offset.as_bytes() {
        [b'Z' | b'z'] => true,
        // RFC 3339, section 5.6: hours to 23, minutes to 59.
        [b'+' | b'-', h1 @ b'0'..=b'2', h2 @ b'0'..=b'9', b':', b'0'..=b'5', b'0'..=b'9'] => {
            (*h1, *h2) < (b'2', b'4')
        }
        _ => false,
    };
    head_fits && offset_fits
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = i64::try_from(self.0).map_err(|_| fmt::Error)?;
        let instant = jiff::Timestamp::from_millisecond(millis).map_err(|_| fmt::Error)?;
        write!(f, "{instant:.3}")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn reads_and_writes_rfc_3339() {
        // RFC 3339, section 5.8: 1985-04-12T23:20:50.52Z.
        let instant = Timestamp::parse("1985-04-12T23:20:50.52Z").unwrap();
        assert_eq!(instant.millis(), 482_196_050_520);
        assert_eq!(instant.to_string(), "1985-04-12T23:20:50.520Z");
        assert_eq!(Timestamp::parse("1985-04-13T01:20:50.52+02:00"), Some(instant));
    }

    #[test]
    fn refuses_what_is_no_instant() {
        for wrong in [
            "",
            "now",
            "1985-04-12",
            "1969-12-31T23:59:59Z",
            "1985-13-12T23:20:50Z",
            "2020-01-01T00:00:00",
            "2020-01-01T00:00:00+25:00",
            "2020-01-01T00:00:00-24:00",
            "2020-01-01T00:00:00+01:60",
        ] {
            assert_eq!(Timestamp::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_no_instant_can_be_is_the_nearest_one_where_that_is_wanted() {
        let first = Timestamp::from_millis(0);
        for (text, nearest) in [
            ("9999-12-31T23:59:59Z", Some(Timestamp::LAST)),
            ("9999-12-31T23:59:59.999-12:00", Some(Timestamp::LAST)),
            ("1969-12-31T23:59:59Z", Some(first)),
            ("1970-01-01T00:00:00+01:00", Some(first)),
            ("1900-02-28T00:00:00Z", Some(first)),
            ("0001-01-01T00:00:00Z", Some(first)),
            ("1985-04-12T23:20:50.52Z", Timestamp::parse("1985-04-12T23:20:50.52Z")),
            ("1900-02-29T00:00:00Z", None),
            ("9999-12-31T24:00:00Z", None),
            ("9999-12-31T23:59:59", None),
            ("9999-12-31", None),
            ("1900-01-01T00:00:00+99:00", None),
            ("1900-01-01T00:00:00+xx:00", None),
            ("never", None),
        ] {
            assert_eq!(Timestamp::parse_nearest(text), nearest, "{text}");
        }
    }

    #[test]
    fn never_passes_the_year_9999() {
        assert_eq!(Timestamp::from_millis(u64::MAX).to_string(), "9999-12-30T21:59:59.999Z");
        assert_eq!(Timestamp::LAST.plus_seconds(u64::MAX), Timestamp::LAST);
    }
}
