//! This file is about errors: one closed list, so that every dialect must say each of them.
//!
//! An error has an outside and an inside. The outside is what a caller may read: the variant and its fields.
//! The inside (why a disk did not answer) goes to the log once, where it is handled; the type has no
//! `Display`, so nobody prints it to a stranger by accident.

use crate::account::Hold;
use crate::key::Tombstone;
use crate::store::{CommitError, ReadError, Record};

/// Why not. The wire form of each stands in `docs/errors.md`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// No credential.
    Anonymous,
    /// A credential that opens nothing, whatever the reason.
    BadCredential,
    /// The organization of the credential is stopped, and says why.
    OnHold(Hold),
    /// The caller is known and may not do this.
    Forbidden,
    /// It does not exist, or not for this caller.
    NotFound,
    /// It existed in the caller's organization and was removed.
    Gone(Box<Tombstone>),
    /// A field says something that it may not.
    Invalid {
        /// The field, as a path with dots.
        field: String,
        /// What it must be.
        must: String,
    },
    /// The body is not what its content type says.
    Malformed(String),
    /// The head of the request is none of HTTP/1.1.
    BadHead {
        /// Why.
        why: &'static str,
    },
    /// The head of the request is too long, or has too many fields.
    HeadTooLarge,
    /// It changed since the caller read it.
    Stale,
    /// A name, handle or secret that must be unique is in use.
    Taken {
        /// Which.
        what: &'static str,
    },
    /// Its state does not allow this.
    WrongState {
        /// Why, in one sentence.
        why: &'static str,
    },
    /// It is protected against removal.
    Protected,
    /// The key does not accept what it was given: a ciphertext, a wrapped key or a public half. Never why.
    Rejected,
    /// The plan that the caller confirmed is no longer what would be done.
    PlanChanged,
    /// The same idempotency key came with another request.
    IdempotencyMismatch,
    /// Too much at once: of bytes, or of items.
    TooLarge {
        /// The limit, in bytes or items.
        limit: u64,
    },
    /// No route has this path.
    NoRoute,
    /// The path is known, the method is not.
    WrongMethod {
        /// The methods that are.
        allowed: Vec<&'static str>,
    },
    /// The body's content type is not understood here.
    UnsupportedType {
        /// What is.
        wanted: &'static str,
    },
    /// Too many wrong credentials came from there lately.
    Guessed {
        /// After how many seconds to try again.
        retry_after_seconds: u64,
    },
    /// A key is used too often.
    Slow {
        /// After how many seconds to try again.
        retry_after_seconds: u64,
        /// How often it may be used in its window.
        limit: u32,
    },
    /// The request took too long to arrive.
    TimedOut,
    /// Not now: the store, or the lease, or the whole server is not to be had.
    Unavailable {
        /// Why, for the log only.
        inside: String,
    },
    /// The server is behind an anchor and refuses to guess.
    Locked,
    /// Something broke.
    Internal {
        /// What, for the log only.
        inside: String,
    },
}

impl Error {
    /// A field that says something it may not.
    #[must_use]
    pub fn invalid(field: &str, must: &str) -> Self {
        Self::Invalid { field: field.to_owned(), must: must.to_owned() }
    }

    /// Others were quicker every time.
    pub(crate) fn changes_too_fast(id: &impl std::fmt::Display) -> Self {
        Self::Unavailable { inside: format!("{id} changes too fast") }
    }

    /// Something that can only be a defect of ours or of the machine.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` is given")]
    pub fn internal(inside: impl ToString) -> Self {
        Self::Internal { inside: inside.to_string() }
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable(inside) => Self::Unavailable { inside },
            ReadError::Damaged(inside) => Self::Internal { inside },
        }
    }
}

impl From<CommitError> for Error {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Stale => Self::Stale,
            CommitError::NameTaken(_) => Self::Taken { what: "name" },
            CommitError::AlreadyAnswered => Self::IdempotencyMismatch,
            CommitError::TooLarge => Self::TooLarge { limit: Record::BODY_LIMIT as u64 },
            CommitError::OldEpoch => Self::Unavailable { inside: error.to_string() },
            CommitError::NotWritten(inside) | CommitError::MayBeWritten(inside) => {
                Self::Unavailable { inside }
            }
        }
    }
}

/// What could not be made into a record was not written.
impl From<Error> for CommitError {
    fn from(error: Error) -> Self {
        if let Error::TooLarge { .. } = error {
            Self::TooLarge
        } else {
            Self::NotWritten(format!("{error:?}"))
        }
    }
}

impl From<crate::seal::SealError> for Error {
    fn from(error: crate::seal::SealError) -> Self {
        Self::internal(error)
    }
}
