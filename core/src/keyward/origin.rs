//! This file is about where a command comes from: the request that brings it.

use std::net::IpAddr;

use crate::verifiers::Uncovered;

/// What is known of the request that brings a command.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The request's id; it stands in the events that come of it.
    pub request: u128,
    /// Where it came from.
    pub address: Option<IpAddr>,
    /// The caller's idempotency key.
    pub idempotency: Option<Idempotency>,
    /// Where it is noted who goes on accepting what the request takes away; [`super::Keyward::execute`] sees to that.
    pub uncovered: Uncovered,
}

/// A request that may be sent twice and must be done once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The key that the caller gave it.
    pub key: String,
    /// A hash of the request, to notice another one under the same key.
    pub request: [u8; 32],
}
