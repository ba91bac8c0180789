//! This file is about tickets: something that the unit said once, and takes back once, within its time. A ticket is its own
//! proof, so that whoever asks for many takes no memory and drives out nobody else's; only those that were taken back are
//! remembered, and only a client that has proved itself takes one back.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use keyward_core::time::Timestamp;
use zeroize::Zeroizing;

/// What a ticket is for; it is good for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Signing in with a passphrase.
    LogIn,
    /// Setting up the unit.
    SetUp,
    /// Pairing an app.
    Pair,
    /// An app's consent to a request.
    Consent,
    /// Another passphrase of the user's.
    Rekey,
}

impl Purpose {
    const fn word(self) -> &'static [u8] {
        match self {
            Self::LogIn => b"log in",
            Self::SetUp => b"set up",
            Self::Pair => b"pair",
            Self::Consent => b"consent",
            Self::Rekey => b"rekey",
        }
    }
}

/// Length of a ticket, in bytes: when it ends (6, milliseconds, big-endian), the moment at which it was made (6), whom it is for
/// or random (4), tag (16).
pub(super) const TICKET: usize = 32;

/// How many that were taken back are remembered; should there ever be more, none is taken until some have ended.
const MOST_SPENT: usize = 65_536;

/// Every ticket of one start of the server.
pub(super) struct Tickets {
    key: Key,
    spent: Mutex<BTreeMap<[u8; TICKET], ()>>,
}

impl Tickets {
    /// Tickets under a key of their own.
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self { key: Key::new(HMAC_SHA256, key), spent: Mutex::default() }
    }

    /// A new one.
    pub(super) fn issue(
        &self,
        purpose: Purpose,
        ends_at: Timestamp,
        moment: u64,
        whose: [u8; 4],
    ) -> [u8; TICKET] {
        let front = [&short(ends_at.millis())[..], &short(moment), &whose].concat();
        let mut ticket = [0; TICKET];
        let bytes = front.iter().copied().chain(self.tag(purpose, &front));
        ticket.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        ticket
    }

    /// The private key of this ticket: who answers a challenge agrees with its public half.
    pub(super) fn private(&self, purpose: Purpose, ticket: &[u8; TICKET]) -> Zeroizing<[u8; 32]> {
        let mut private = Zeroizing::new([0; 32]);
        private.copy_from_slice(self.mac(&[b"private", purpose.word(), ticket]).as_ref());
        private
    }

    /// Whether a ticket is one of ours that may still be taken back.
    pub(super) fn is_good(&self, purpose: Purpose, ticket: &[u8; TICKET], now: Timestamp) -> bool {
        let (front, tag) = ticket.split_at(16);
        let is_ours = verify_slices_are_equal(&self.tag(purpose, front), tag).is_ok();
        is_ours && now < ends_at(ticket) && !self.spent().contains_key(ticket)
    }

    /// Takes back a good ticket; `false` if somebody else was quicker.
    pub(super) fn spend(&self, ticket: [u8; TICKET], now: Timestamp) -> bool {
        let mut spent = self.spent();
        // In the order of their ends: those that have ended need not be remembered.
        let mut first = [0; TICKET];
        first.split_at_mut(6).0.copy_from_slice(&short(now.millis().saturating_add(1)));
        *spent = spent.split_off(&first);
        spent.len() < MOST_SPENT && spent.insert(ticket, ()).is_none()
    }

    fn spent(&self) -> std::sync::MutexGuard<'_, BTreeMap<[u8; TICKET], ()>> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tag(&self, purpose: Purpose, front: &[u8]) -> [u8; 16] {
        let mut tag = [0; 16];
        for (to, from) in tag.iter_mut().zip(self.mac(&[b"ticket", purpose.word(), front]).as_ref()) {
            *to = *from;
        }
        tag
    }

    /// The parts are told apart by what stands in front: each is as long as it says.
    fn mac(&self, parts: &[&[u8]]) -> hmac::Tag {
        let mut mac = hmac::Context::with_key(&self.key);
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        mac.sign()
    }
}

/// The moment of its unit's at which a ticket was made.
pub(super) fn made_at(ticket: &[u8; TICKET]) -> u64 {
    long(ticket.split_at(6).1)
}

/// Whether a ticket is for whoever these bytes begin the public key of.
pub(super) fn is_for(ticket: &[u8; TICKET], whose: [u8; 4]) -> bool {
    ticket.split_at(12).1.starts_with(&whose)
}

/// When a ticket ends.
fn ends_at(ticket: &[u8; TICKET]) -> Timestamp {
    Timestamp::from_millis(long(ticket))
}

/// Milliseconds as tickets have them, good for 8,900 years.
const fn short(millis: u64) -> [u8; 6] {
    let [_, _, bytes @ ..] = millis.to_be_bytes();
    bytes
}

fn long(bytes: &[u8]) -> u64 {
    bytes.iter().take(6).fold(0, |millis, byte| millis << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::{Purpose, Tickets, is_for, made_at};
    use keyward_core::time::Timestamp;

    const END: Timestamp = Timestamp::from_millis(61_000);
    const BEFORE: Timestamp = Timestamp::from_millis(60_999);

    #[test]
    fn is_taken_back_once_for_what_it_is_for_and_in_time() {
        let tickets = Tickets::new(&[1; 32]);
        let ticket = tickets.issue(Purpose::LogIn, END, 5, [7; 4]);
        assert!(tickets.is_good(Purpose::LogIn, &ticket, BEFORE));
        assert!(!tickets.is_good(Purpose::LogIn, &ticket, END));
        for other in [Purpose::SetUp, Purpose::Pair, Purpose::Consent, Purpose::Rekey] {
            assert!(!tickets.is_good(other, &ticket, BEFORE), "{other:?}");
            assert_ne!(*tickets.private(other, &ticket), *tickets.private(Purpose::LogIn, &ticket));
        }
        assert!(tickets.spend(ticket, BEFORE));
        assert!(!tickets.is_good(Purpose::LogIn, &ticket, BEFORE));
        assert!(!tickets.spend(ticket, BEFORE));
    }

    #[test]
    fn says_when_and_for_whom_it_was_made() {
        let ticket = Tickets::new(&[1; 32]).issue(Purpose::Consent, END, 1_700_000_000_123, [7; 4]);
        assert_eq!(made_at(&ticket), 1_700_000_000_123);
        assert!(is_for(&ticket, [7; 4]) && !is_for(&ticket, [8; 4]));
    }

    #[test]
    fn of_another_start_or_with_any_bit_changed_is_none() {
        let (tickets, others) = (Tickets::new(&[1; 32]), Tickets::new(&[2; 32]));
        let ticket = tickets.issue(Purpose::Pair, END, 5, [7; 4]);
        assert!(!others.is_good(Purpose::Pair, &ticket, BEFORE));
        for place in 0..ticket.len() {
            let mut changed = ticket;
            changed[place] ^= 1;
            assert!(!tickets.is_good(Purpose::Pair, &changed, BEFORE), "byte {place}");
        }
    }

    #[test]
    fn those_that_have_ended_are_forgotten() {
        let tickets = Tickets::new(&[1; 32]);
        for number in 0..100_u64 {
            let now = Timestamp::from_millis(number * 1000);
            let ticket = tickets.issue(Purpose::LogIn, now.plus_seconds(10), number, [7; 4]);
            assert!(tickets.spend(ticket, now));
        }
        assert_eq!(tickets.spent().len(), 10);
    }
}
