//! Where records, slots and the log live.
//!
//! The contract is [`keyward_core::store::Store`]; each store here keeps all of it, and one conformance suite
//! holds them to it. [`Memory`] is the reference, [`Embedded`] the one to run, [`Faulty`] makes any of them fail.
//! `docs/storage.md` tells what lies where on disk, and what is durable when.

mod anchor;
mod backup;
mod check;
mod embedded;
mod faults;
mod faulty;
mod layout;
mod memory;
mod rows;
mod sequencer;
mod slots;

pub use anchor::Standing;
pub use backup::{BackupFolders, Summary, restore};
pub use check::{Finding, Opens};
pub use embedded::{Embedded, OnFailure, Options};
pub use faults::{Faults, NoFaults, Step};
pub use faulty::{Faulty, Outcome, Plan};
pub use layout::OpenError;
pub use memory::Memory;

/// Spreads a number over all 64 bits (the finalizer of `SplitMix64`).
fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
