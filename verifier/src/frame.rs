//! This file is about frames: what a verifier and the server say to each other, byte by byte.
//!
//! Each frame is one binary message of a WebSocket (RFC 6455) on `GET /v1/verifiers/stream`: its first byte says what it is,
//! numbers are big-endian, and whatever is not exactly as described is refused. `docs/verifier-protocol.md` describes every
//! field, the order in which frames may come and why; its examples are held by `tests/frame/vectors.rs`.
//!
//! Rows come out of secrets, so what holds them has no `Debug`.

mod bytes;
mod profile;
mod row;
mod server;
mod verifier;

use thiserror::Error;

pub use profile::{Network, Profile, RateLimit};
pub use row::{Change, KeyRow, OwnerRow, OwnerStanding};
pub use server::{Answer, Changes, Granted, Reason, ServerFrame, Shown, Welcomed};
pub use verifier::{Hello, KeyUses, Lookup, VerifierFrame};

/// The protocol's version: the one in a [`Hello`].
pub const VERSION: u16 = 3;

/// The longest frame that a verifier may send, in bytes: the uses of 585 keys.
pub const VERIFIER_FRAME_LIMIT: usize = 16 * 1024;

/// The longest frame that a server may send, in bytes: about six thousand rows.
pub const SERVER_FRAME_LIMIT: usize = 256 * 1024;

/// Why bytes are no frame, or something has no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// It ends too early, or too late.
    #[error("the frame does not have the length that it says")]
    Length,
    /// It is longer than any frame may be.
    #[error("the frame is too long")]
    TooLong,
    /// There is no frame of this type.
    #[error("there is no frame of type {0:#04x}")]
    Type(u8),
    /// The verifier speaks a version of the protocol that is not known here.
    #[error("version {0} of the protocol is not known")]
    Version(u16),
    /// A field has a value that it may not have.
    #[error("the frame's {0} is not valid")]
    Field(&'static str),
}
