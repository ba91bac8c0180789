//! This file is about turns: what takes several steps, of which others must not come between two. Nobody waits for a turn: who
//! comes meanwhile is told so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// One turn at a time.
#[derive(Default)]
pub(super) struct Turns(Arc<AtomicBool>);

/// A turn, until it is dropped.
pub(super) struct Turn(Arc<AtomicBool>);

impl Turns {
    /// A turn, unless somebody has it.
    pub(super) fn take(&self) -> Option<Turn> {
        let is_taken = self.0.swap(true, Ordering::Acquire);
        (!is_taken).then(|| Turn(Arc::clone(&self.0)))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::Turns;

    #[test]
    fn one_has_it_until_it_is_given_back() {
        let turns = Turns::default();
        let turn = turns.take();
        assert!(turn.is_some() && turns.take().is_none() && turns.take().is_none());
        drop(turn);
        assert!(turns.take().is_some());
    }
}
