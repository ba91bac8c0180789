//! This file is about guessing: wrong credentials are counted by address and by handle, and whoever has
//! presented too many is told to wait. Nobody waits on a thread, and the books are bounded.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use keyward_core::error::Error;
use keyward_core::secret::Presented;
use keyward_core::time::Timestamp;

/// How long wrong guesses are remembered.
const WINDOW_SECONDS: u64 = 60;
/// The most entries in a book. When it is full the old are forgotten first, so flooding it buys nothing but
/// what many addresses buy anyway.
const ENTRIES: usize = 65_536;
/// How much of a login is remembered, in characters.
const LOGIN: usize = 64;

/// Who has guessed wrong lately.
pub(crate) struct Guesses {
    limit: u32,
    by_address: Mutex<Book<IpAddr>>,
    by_handle: Mutex<Book<String>>,
}

/// What is guessed at.
#[derive(Clone, Copy)]
pub(crate) enum Guess<'a> {
    /// A key, by its whole text.
    Secret(&'a str),
    /// What a login signs in with.
    Login(&'a str),
}

impl Guess<'_> {
    /// What wrong guesses at the same thing have in common.
    fn handle(self) -> Option<String> {
        match self {
            Self::Secret(secret) => Some(Presented::read(secret)?.handle()?.as_str().to_owned()),
            Self::Login(login) => Some(login.chars().take(LOGIN).collect::<String>().to_ascii_lowercase()),
        }
    }
}

/// Wrong guesses in this window and the one before it.
struct Book<K> {
    window: u64,
    current: HashMap<K, u32>,
    before: HashMap<K, u32>,
}

impl<K: Eq + Hash> Book<K> {
    fn new() -> Self {
        Self { window: 0, current: HashMap::new(), before: HashMap::new() }
    }

    fn turn_to(&mut self, window: u64) {
        // A thread that read the clock before another may come after it. Further back is a clock that was set, whose
        // guesses must not count until it is there again.
        if window == self.window || window + 1 == self.window {
            return;
        }
        let last = std::mem::take(&mut self.current);
        self.before = if window == self.window + 1 { last } else { HashMap::new() };
        self.window = window;
    }

    /// Guesses in the last window's length, the older part weighted by how much of it still counts.
    fn count(&self, key: &K, fresh_percent: u64) -> u64 {
        let now = self.current.get(key).copied().unwrap_or(0);
        let before = self.before.get(key).copied().unwrap_or(0);
        u64::from(now) + u64::from(before) * (100 - fresh_percent) / 100
    }

    fn add(&mut self, key: K) {
        if self.current.len() >= ENTRIES && !self.current.contains_key(&key) {
            self.before = std::mem::take(&mut self.current);
        }
        *self.current.entry(key).or_default() += 1;
    }

    fn take_off(&mut self, key: &K) {
        let window = if self.current.contains_key(key) { &mut self.current } else { &mut self.before };
        if let Some(count) = window.get_mut(key) {
            *count = count.saturating_sub(1);
        }
    }
}

impl Guesses {
    pub(crate) fn new(limit: u32) -> Self {
        Self { limit, by_address: Mutex::new(Book::new()), by_handle: Mutex::new(Book::new()) }
    }

    /// Counts a guess, unless this address has made too many.
    ///
    /// A handle's wrong guesses never stop its rightful holder at another address: they only shorten what an
    /// address may guess at that handle.
    pub(crate) fn take(&self, address: IpAddr, guess: Guess<'_>, now: Timestamp) -> Result<(), Error> {
        let (window, fresh) = window(now);
        let address = network(address);
        let handle = guess.handle();
        // Both books at once: of two guesses, one is judged after the other is counted.
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let mut by_handle = self.by_handle.lock().unwrap_or_else(PoisonError::into_inner);
        by_address.turn_to(window);
        by_handle.turn_to(window);
        let mut limit = u64::from(self.limit);
        if handle.as_ref().is_some_and(|handle| by_handle.count(handle, fresh) >= limit) {
            limit /= 10;
        }
        if by_address.count(&address, fresh) >= limit {
            return Err(Error::Guessed { retry_after_seconds: wait(now) });
        }
        by_address.add(address);
        handle.into_iter().for_each(|handle| by_handle.add(handle));
        Ok(())
    }

    /// It was none: it was right.
    pub(crate) fn give_back(&self, address: IpAddr, guess: Guess<'_>, now: Timestamp) {
        let (window, _) = window(now);
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let mut by_handle = self.by_handle.lock().unwrap_or_else(PoisonError::into_inner);
        by_address.turn_to(window);
        by_handle.turn_to(window);
        by_address.take_off(&network(address));
        guess.handle().iter().for_each(|handle| by_handle.take_off(handle));
    }
}

fn window(now: Timestamp) -> (u64, u64) {
    let seconds = now.seconds();
    (seconds / WINDOW_SECONDS, seconds % WINDOW_SECONDS * 100 / WINDOW_SECONDS)
}

fn wait(now: Timestamp) -> u64 {
    WINDOW_SECONDS - now.seconds() % WINDOW_SECONDS
}

/// What one guesser holds: an IPv4 address, or the /64 that an IPv6 host is given.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::{Guess, Guesses, Timestamp};

    const LIMIT: u32 = 5;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis((6_000_000 + seconds) * 1000)
    }

    fn guess(guesses: &Guesses, address: &str, seconds: u64) -> bool {
        guesses.take(address.parse().unwrap(), Guess::Secret("x"), at(seconds)).is_ok()
    }

    #[test]
    fn an_address_is_slowed_and_others_are_not() {
        let guesses = Guesses::new(LIMIT);
        let admitted = (0..20).filter(|_| guess(&guesses, "10.0.0.1", 0)).count();
        assert_eq!(admitted, 5);
        assert!(guess(&guesses, "10.0.0.2", 0));
    }

    #[test]
    fn time_forgives() {
        let guesses = Guesses::new(LIMIT);
        while guess(&guesses, "10.0.0.1", 0) {}
        assert!(!guess(&guesses, "10.0.0.1", 59));
        assert!(guess(&guesses, "10.0.0.1", 130));
    }

    /// A thread that had read the clock in the minute before turned the book back, and forgot everybody.
    #[test]
    fn who_comes_late_over_a_minutes_end_turns_nothing_back() {
        let guesses = Guesses::new(LIMIT);
        while guess(&guesses, "10.0.0.1", 60) {}
        assert!(guess(&guesses, "10.0.0.2", 59));
        assert!(!guess(&guesses, "10.0.0.1", 60));
    }

    #[test]
    fn a_clock_that_was_set_back_forgives_too() {
        let guesses = Guesses::new(LIMIT);
        while guess(&guesses, "10.0.0.1", 3600) {}
        assert!(guess(&guesses, "10.0.0.1", 0));
    }

    #[test]
    fn an_ipv6_host_has_one_account_for_its_network() {
        let guesses = Guesses::new(LIMIT);
        let admitted = (0..20).filter(|host| guess(&guesses, &format!("2001:db8::{host}"), 0)).count();
        assert_eq!(admitted, 5);
        assert!(guess(&guesses, "2001:db8:0:1::1", 0));
    }
}
