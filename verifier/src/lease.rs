//! This file is about leases: for how long a verifier may accept keys without hearing from the server, and how the
//! server knows when a removal has reached everybody.
//!
//! Two state machines, without I/O, clock or randomness. The [`Holder`] runs in the verifier: it asks for leases, takes
//! changes in order and says whether a key may be accepted now. The [`Fence`] runs in the server: it grants leases and says
//! when a removal is *enforced*, that is when nobody accepts the key any more.
//!
//! # Why no key is accepted after the answer to its removal
//!
//! Let the removal be position `p` of the log, answered when [`Fence::enforced`] said so. Take a verifier that accepts
//! something in a verify that began after that.
//! 1. It held a lease, so its clock was before `sent + length` when the verify began. The server received the renewal after
//!    it was sent, and waits `length` and the allowance for drift from then on: the server had that lease on its books as
//!    running when it said *enforced*.
//! 2. A running lease holds `p` back until the verifier acknowledged `p`, or unless the lease is one that counts only once
//!    the verifier has applied `p`. Either way the verifier had applied `p` before the verify began.
//!
//! Each rule that this rests on is a line of code, and `tests/lease/model.rs` shows what breaks without it: a lease counts
//! from when its renewal was *sent*; a grant names the position that the holder must have applied; whoever takes over waits
//! out the leases that it does not know; whoever was deposed grants nothing; a grant is bound to one incarnation.

mod fence;
mod holder;

use std::fmt;
use std::time::Duration;

pub use fence::{Cover, Fence, Join, JoinError, Limits, Outcome, Progress, Refused, Standing, Status};
pub use holder::{Holder, HolderError, Welcome};

/// A reading of one machine's monotonic clock, in nanoseconds; the clock goes on while the machine is suspended
/// (`CLOCK_BOOTTIME`). Readings of different machines have nothing to do with each other: none travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// The reading of so many nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The nanoseconds.
    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// The moment that much later; at most the last one that can be told.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// How long after another one this is; zero if it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// How far the log goes: the number of its events, as in a checkpoint. The event at index `i` brings position `i + 1`;
/// position 0 is the empty log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

/// One run of one verifier: 128 random bits, drawn when its process starts and never kept. What it was granted before it
/// was started again is not its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u128);

/// One reign of one server over the log: greater than every term that the log was served under before, by whomever. The
/// server makes it durable before it welcomes anybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term(pub u64);

/// What a log looked like at a position: what a verifier remembers of it (its *anchor*), and what a server shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Checkpoint {
    /// How long the log was.
    pub position: Position,
    /// The root of its Merkle tree (RFC 6962).
    pub root: [u8; 32],
}

/// What a verifier keeps in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Every live key of its organizations.
    Full,
    /// A bounded cache of keys, and every change.
    Hot,
    /// Nothing: it asks every time, and needs no lease.
    Online,
}

/// A lease as the server gives it, in answer to one renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    /// Who gives it.
    pub term: Term,
    /// Whose it is.
    pub incarnation: Incarnation,
    /// The renewal that it answers.
    pub renewal: u64,
    /// What the holder must have applied before it counts.
    pub requires: Position,
    /// How long it lasts, from when the holder *sent* the renewal, on the holder's clock. Whole milliseconds on the wire.
    pub length: Duration,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Incarnation {
    /// 32 lower-case hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}
