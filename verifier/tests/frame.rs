//! These tests are about frames: what is written reads as the same, what is not a frame is refused, and the examples of
//! `docs/verifier-protocol.md` are what this code writes.
#![expect(clippy::unwrap_used, reason = "a test may stop at its own mistakes")]

#[path = "frame/round_trip.rs"]
mod round_trip;
#[path = "frame/samples.rs"]
mod samples;
#[path = "frame/strict.rs"]
mod strict;
#[path = "frame/vectors.rs"]
mod vectors;
