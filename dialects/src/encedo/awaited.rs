//! This file is about keys that are awaited: a session may be for the use of a kid that no key has yet. It is for the first key that
//! comes to have it, and for none that comes after that one's removal, in whatever language that was asked for. A removal is not
//! seen from here; that a key comes is, before it is there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use keyward_core::command::Answer;
use keyward_core::error::Error;

use super::kid::Kid;
use super::unit::Unit;

/// How many sessions are kept; any more are for no key to come.
const MOST: usize = 65_536;

/// What sessions await in this start.
#[derive(Default)]
pub(super) struct Awaited(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// The sessions, by kid and the moment at which they were opened; and when the first key that came was made.
    sessions: BTreeMap<(Kid, u64), Option<u64>>,
    /// How many keys of a kid are being made: whether one is there already cannot be said.
    coming: BTreeMap<Kid, usize>,
}

impl Awaited {
    /// A session is opened for a kid, of which there may or may not be a key.
    pub(super) fn begin(&self, kid: Kid, opened: u64) {
        let mut inner = self.inner();
        // It is for the one that comes just now, if that is there; for none that is not even named.
        if inner.sessions.len() < MOST && !inner.coming.contains_key(&kid) {
            inner.sessions.insert((kid, opened), None);
        }
    }

    /// There is a key of that kid: unless it has just come, the session awaits none.
    pub(super) fn is_there(&self, kid: Kid, opened: u64) {
        let mut inner = self.inner();
        if inner.sessions.get(&(kid, opened)) == Some(&None) {
            inner.sessions.remove(&(kid, opened));
        }
    }

    /// Whether a session that is older than a key is for it: the first that came.
    pub(super) fn is_for(&self, kid: Kid, opened: u64, born: u64) -> bool {
        self.inner().sessions.get(&(kid, opened)) == Some(&Some(born))
    }

    /// All sessions have ended.
    pub(super) fn end(&self) {
        self.inner().sessions.clear();
    }

    fn comes(&self, kid: Kid, born: u64) {
        let mut inner = self.inner();
        for (_, first) in inner.sessions.range_mut((kid, 0)..=(kid, u64::MAX)) {
            first.get_or_insert(born);
        }
        *inner.coming.entry(kid).or_default() += 1;
    }

    fn came(&self, kid: Kid) {
        let mut inner = self.inner();
        if let Some(count) = inner.coming.get_mut(&kid) {
            *count -= 1;
            if *count == 0 {
                inner.coming.remove(&kid);
            }
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A key that is being made.
pub(super) struct Coming {
    unit: Arc<Unit>,
    born: u64,
    kid: OnceLock<Kid>,
}

impl Coming {
    /// One that is made at this moment of its unit's.
    pub(super) fn new(unit: &Arc<Unit>, born: u64) -> Self {
        Self { unit: Arc::clone(unit), born, kid: OnceLock::new() }
    }

    /// It has a name; nobody can find it yet.
    pub(super) fn is_named(&self, name: &[u8]) {
        if let Some(kid) = Kid::from_bytes(name)
            && self.kid.set(kid).is_ok()
        {
            self.unit.awaited().comes(kid, self.born);
        }
    }

    /// It is there, or will never be. Of what may be there or not, nothing is known until the next start.
    pub(super) fn ends(&self, made: &Result<Answer, Error>) {
        let is_open = matches!(made, Err(Error::Unavailable { .. } | Error::Internal { .. }));
        if let Some(kid) = self.kid.get().filter(|_| !is_open) {
            self.unit.awaited().came(*kid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Awaited, MOST};
    use crate::encedo::kid::Kid;

    const KID: &str = "0123456789abcdef0123456789abcdef";

    fn kid() -> Kid {
        Kid::parse(KID).unwrap()
    }

    #[test]
    fn a_session_is_for_the_first_key_that_comes_and_for_none_after_it() {
        let (awaited, kid) = (Awaited::default(), kid());
        awaited.begin(kid, 1);
        assert!(!awaited.is_for(kid, 1, 2), "nothing has come");
        awaited.comes(kid, 2);
        awaited.came(kid);
        // That one was removed, which nobody said.
        awaited.begin(kid, 3);
        awaited.comes(kid, 4);
        awaited.came(kid);
        let fits = |opened, born| awaited.is_for(kid, opened, born);
        assert_eq!((fits(1, 2), fits(1, 4), fits(3, 4), fits(3, 2)), (true, false, true, false));
        awaited.end();
        assert!(!fits(3, 4));
    }

    #[test]
    fn a_session_for_a_key_that_is_there_awaits_none() {
        let (awaited, kid) = (Awaited::default(), kid());
        awaited.begin(kid, 1);
        awaited.is_there(kid, 1);
        awaited.comes(kid, 2);
        awaited.came(kid);
        assert!(!awaited.is_for(kid, 1, 2));
    }

    /// It comes between the beginning and the look-up, which finds it or does not.
    #[test]
    fn a_key_that_comes_meanwhile_is_the_first() {
        let (awaited, kid) = (Awaited::default(), kid());
        awaited.begin(kid, 1);
        awaited.comes(kid, 2);
        awaited.is_there(kid, 1);
        assert!(awaited.is_for(kid, 1, 2));
    }

    /// A look-up may miss a key that is being made; the next would pass for the first.
    #[test]
    fn a_session_that_is_opened_while_a_key_is_made_awaits_none() {
        let (awaited, kid) = (Awaited::default(), kid());
        awaited.comes(kid, 1);
        awaited.begin(kid, 2);
        awaited.came(kid);
        awaited.comes(kid, 3);
        assert!(!awaited.is_for(kid, 2, 3));
    }

    #[test]
    fn there_is_an_end_to_what_is_kept() {
        let (awaited, kid) = (Awaited::default(), kid());
        (0..=MOST as u64).for_each(|opened| awaited.begin(kid, opened));
        awaited.comes(kid, u64::MAX);
        assert!(
            awaited.is_for(kid, MOST as u64 - 1, u64::MAX) && !awaited.is_for(kid, MOST as u64, u64::MAX)
        );
    }
}
