//! This file is about which atomics the table stands on: the machine's, or loom's.
//!
//! The unit tests inside this crate are loom models and nothing else, so `cfg(test)` selects loom. The tests under
//! `tests/` link the crate as everybody does, with the real atomics.

#[cfg(test)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, fence};
#[cfg(not(test))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, fence};

pub(crate) use std::sync::atomic::Ordering;
