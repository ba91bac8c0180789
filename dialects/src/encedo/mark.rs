//! This file is about what a key is marked with when it is made, for as long as it lives: which start and moment of its unit's
//! that was, and whose key it is if it is an app's. What a session fits and who is paired hangs on it, so it does not stand in
//! the metadata, which whoever may update keys writes in our own language.

use super::pairings::Pid;
use super::unit::Unit;

/// A key's mark.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// The start of its unit's in which it was made.
    start: u32,
    /// The moment of its unit's at which it was made.
    pub(super) born: u64,
    /// The number of the app whose key it is, if it is one's. Only pairing sets it.
    pub(super) pid: Option<Pid>,
}

impl Mark {
    /// Of a key that is made now; of an app if this is its number.
    pub(super) fn new(unit: &Unit, pid: Option<Pid>) -> Self {
        Self { start: unit.start(), born: unit.moment(), pid }
    }

    /// As the core keeps it: start (4, little-endian), moment (8), and the number of an app (32).
    pub(super) fn bytes(&self) -> Vec<u8> {
        let pid = self.pid.as_ref().map_or(&[][..], |pid| pid);
        [&self.start.to_le_bytes()[..], &self.born.to_le_bytes(), pid].concat()
    }

    /// Reads what [`Self::bytes`] wrote.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (start, rest) = bytes.split_first_chunk()?;
        let (born, pid) = rest.split_first_chunk()?;
        let pid = if pid.is_empty() { None } else { Some(pid.try_into().ok()?) };
        Some(Self { start: u32::from_le_bytes(*start), born: u64::from_le_bytes(*born), pid })
    }

    /// Whether its key was made after this moment of this start: what was granted by then was for another key. Moments of two
    /// starts do not compare, the clock may have been set back.
    pub(super) fn is_younger(&self, unit: &Unit, moment: u64) -> bool {
        self.start == unit.start() && self.born > moment
    }
}

#[cfg(test)]
mod tests {
    use super::Mark;
    use crate::encedo::unit::Unit;
    use keyward_core::time::Timestamp;

    fn unit(millis: u64, random: u8) -> Unit {
        Unit::new(Box::new(move || Timestamp::from_millis(millis)), Box::new(move |bytes| bytes.fill(random)))
    }

    /// After a restart with the clock set back every session for an older key was refused until the clock had caught up.
    #[test]
    fn a_key_of_an_earlier_start_is_never_younger_whatever_the_clock_says() {
        let (before, after) = (unit(9000, 1), unit(1000, 2));
        let opened = before.moment();
        let mark = Mark::new(&before, None);
        assert!(mark.is_younger(&before, opened));
        assert!(!mark.is_younger(&before, before.moment()));
        assert!(!mark.is_younger(&after, after.moment()));
    }

    #[test]
    fn comes_back_as_it_was_and_nothing_else_is_one() {
        let unit = unit(9000, 1);
        for mark in [Mark::new(&unit, None), Mark::new(&unit, Some([7; 32]))] {
            let bytes = mark.bytes();
            assert_eq!(Mark::read(&bytes), Some(mark));
            let (_, shorter) = bytes.split_last().unwrap();
            assert_eq!((Mark::read(shorter), Mark::read(&[&bytes[..], &[0]].concat())), (None, None));
        }
    }
}
