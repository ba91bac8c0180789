//! This file is about what a call can end with instead of an answer.

use crate::wire::Problem;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server said why not; `code` is what programs go by.
    #[error("{} ({}, request {})", .0.detail, .0.code, .0.request_id)]
    Problem(Box<Problem>),
    /// The server was not reached, or did not answer to the end. Whether the call was done is not known.
    #[error("no answer from the server")]
    Connection(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Something answered that does not speak this API.
    #[error("not an answer of this API: {0}")]
    Unexpected(String),
    /// The client cannot be set up: its base address, its secret, or its certificates.
    #[error("{0}")]
    Setup(String),
}

impl Error {
    /// The code of the problem, if the server named one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Problem(problem) => Some(&problem.code),
            Self::Connection(_) | Self::Unexpected(_) | Self::Setup(_) => None,
        }
    }
}
