//! This file is about pairings that are being made: how many apps there are and whether one is among them is asked before it is
//! kept, and of two that come at once the later has to count the earlier, which cannot be found yet.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The number of an app.
pub(super) type Pid = [u8; 32];

/// Those that are being made, in the order in which they came.
type Begun = BTreeMap<u64, Pid>;

/// Every pairing that is being made.
#[derive(Default)]
pub(super) struct Pairings(Arc<Mutex<Begun>>);

/// One of them, until it is dropped: by then its app can be found, or never will be.
pub(super) struct Pairing {
    all: Arc<Mutex<Begun>>,
    place: u64,
    pid: Pid,
    earlier: Vec<Pid>,
}

impl Pairings {
    /// Begins one. What is paired is to be looked up after that.
    pub(super) fn begin(&self, pid: Pid) -> Pairing {
        let mut begun = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = begun.last_key_value().map_or(0, |(last, _)| last.saturating_add(1));
        let earlier = begun.values().copied().collect();
        begun.insert(place, pid);
        Pairing { all: Arc::clone(&self.0), place, pid, earlier }
    }
}

impl Pairing {
    /// Whether its app may be paired beside those that are: it is none of them, and there are not too many.
    pub(super) fn fits(&self, mut paired: Vec<Pid>, most: usize) -> bool {
        // One that came earlier may be found by now.
        paired.extend(&self.earlier);
        paired.sort_unstable();
        paired.dedup();
        paired.len() < most && !paired.contains(&self.pid)
    }
}

impl Drop for Pairing {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.place);
    }
}

#[cfg(test)]
mod tests {
    use super::Pairings;

    #[test]
    fn a_later_one_counts_those_that_came_earlier_and_are_not_found_yet() {
        let pairings = Pairings::default();
        let [first, second, again] = [[1; 32], [2; 32], [1; 32]].map(|pid| pairings.begin(pid));
        assert!(first.fits(Vec::new(), 2) && second.fits(Vec::new(), 2));
        assert!(!again.fits(Vec::new(), 8), "the first has its number");
        assert!(second.fits(vec![[1; 32]], 2), "the first counts once, found or not");
        assert!(!second.fits(vec![[3; 32]], 2));
        drop(first);
        assert!(!second.fits(vec![[3; 32]], 2), "it may have been made after the others were looked up");
        drop((second, again));
        assert!(pairings.begin([1; 32]).fits(Vec::new(), 1), "those that have ended do not count");
    }
}
