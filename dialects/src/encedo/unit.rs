//! This file is about the unit: what a device of this kind would hold in memory. All of it ends with the server; what lasts is
//! in [`super::state`], in keys and in the log.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use keyward_core::time::Timestamp;
use zeroize::Zeroizing;

use super::audit::OpenFile;
use super::awaited::Awaited;
use super::delay::Delay;
use super::pairings::Pairings;
use super::state::Owner;
use super::tickets::{Purpose, TICKET, Tickets};
use super::turns::Turns;

/// The clock that a unit is lent.
pub type Clock = Box<dyn Fn() -> Timestamp + Send + Sync>;

/// The source of randomness that a unit is lent; what it fills is fit for keys.
pub type Fill = Box<dyn Fn(&mut [u8]) + Send + Sync>;

/// The one unit of a server.
pub struct Unit {
    clock: Clock,
    fill: Fill,
    started_at: Timestamp,
    /// Tells this start from others.
    start: u32,
    /// The secret of the key that it acts by.
    credential: OnceLock<Zeroizing<String>>,
    /// What bearers are signed under.
    session_key: Mutex<Zeroizing<[u8; 32]>>,
    /// Whose it is, for what is answered without reading that.
    owner: Mutex<Option<Owner>>,
    tickets: Tickets,
    pairings: Pairings,
    awaited: Awaited,
    configuring: Turns,
    rotating: Turns,
    delay: Mutex<Delay>,
    log: Mutex<Option<OpenFile>>,
    /// The last moment that was given out, in milliseconds.
    last_moment: AtomicU64,
}

impl Unit {
    /// A unit that has just started.
    #[must_use]
    pub fn new(clock: Clock, fill: Fill) -> Self {
        let random = || {
            let mut bytes = Zeroizing::new([0; 32]);
            fill(&mut *bytes);
            bytes
        };
        let (session_key, tickets) = (random(), Tickets::new(&random()));
        let mut start = [0; 4];
        fill(&mut start);
        Self {
            started_at: clock(),
            start: u32::from_le_bytes(start),
            clock,
            fill,
            credential: OnceLock::new(),
            session_key: Mutex::new(session_key),
            owner: Mutex::default(),
            tickets,
            pairings: Pairings::default(),
            awaited: Awaited::default(),
            configuring: Turns::default(),
            rotating: Turns::default(),
            delay: Mutex::default(),
            log: Mutex::default(),
            last_moment: AtomicU64::new(0),
        }
    }

    /// Gives it the secret of the key that it acts by; once.
    pub fn act_by(&self, secret: Zeroizing<String>) {
        let _ = self.credential.set(secret);
    }

    /// The secret of the key that it acts by.
    #[must_use]
    pub fn credential(&self) -> Option<&str> {
        self.credential.get().map(|secret| secret.as_str())
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// What tells this start from others.
    pub(super) const fn start(&self) -> u32 {
        self.start
    }

    /// For how many seconds it has been running.
    pub(super) fn uptime_seconds(&self) -> u64 {
        self.now().seconds().saturating_sub(self.started_at.seconds())
    }

    pub(super) fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.fill)(&mut bytes);
        bytes
    }

    /// Now, in milliseconds, and later than every moment that was given out since the start: what came first can be told
    /// even within a millisecond, and when the clock is set back.
    pub(super) fn moment(&self) -> u64 {
        let now = self.now().millis();
        let later = |last: u64| now.max(last.saturating_add(1));
        let before =
            self.last_moment.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(later(last)));
        before.map_or(now, later)
    }

    /// A ticket that ends after so many seconds.
    pub(super) fn ticket(&self, purpose: Purpose, seconds: u64) -> [u8; TICKET] {
        self.ticket_for(purpose, seconds, self.random())
    }

    /// The same for whoever these bytes begin the public key of.
    pub(super) fn ticket_for(&self, purpose: Purpose, seconds: u64, whose: [u8; 4]) -> [u8; TICKET] {
        self.tickets.issue(purpose, self.now().plus_seconds(seconds), self.moment(), whose)
    }

    pub(super) const fn tickets(&self) -> &Tickets {
        &self.tickets
    }

    pub(super) const fn pairings(&self) -> &Pairings {
        &self.pairings
    }

    /// Keys that sessions await.
    pub(super) const fn awaited(&self) -> &Awaited {
        &self.awaited
    }

    /// Changes of its configuration: each is of what was read, as a whole.
    pub(super) const fn configuring(&self) -> &Turns {
        &self.configuring
    }

    /// New files of the log because one is full.
    pub(super) const fn rotating(&self) -> &Turns {
        &self.rotating
    }

    /// Whose it is, as far as that is known.
    pub(super) fn owner(&self) -> MutexGuard<'_, Option<Owner>> {
        held(&self.owner)
    }

    /// What bearers are signed under.
    pub(super) fn session_key(&self) -> Zeroizing<[u8; 32]> {
        held(&self.session_key).clone()
    }

    /// Ends every session.
    pub(super) fn end_sessions(&self) {
        *held(&self.session_key) = Zeroizing::new(self.random());
        self.awaited.end();
    }

    pub(super) fn delay(&self) -> MutexGuard<'_, Delay> {
        held(&self.delay)
    }

    /// The file of the audit log that is written to.
    pub(super) fn log(&self) -> MutexGuard<'_, Option<OpenFile>> {
        held(&self.log)
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::Unit;
    use keyward_core::time::Timestamp;

    #[test]
    fn moments_grow_whatever_the_clock_does() {
        let clock = Arc::new(AtomicU64::new(1000));
        let hand = Arc::clone(&clock);
        let unit = Unit::new(
            Box::new(move || Timestamp::from_millis(hand.load(Ordering::Relaxed))),
            Box::new(|_| ()),
        );
        assert_eq!((unit.moment(), unit.moment()), (1000, 1001));
        clock.store(500, Ordering::Relaxed);
        assert_eq!(unit.moment(), 1002);
        clock.store(2000, Ordering::Relaxed);
        assert_eq!(unit.moment(), 2000);
    }
}
