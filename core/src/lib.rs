//! What a key is, and what may happen to it. No HTTP, no SQL, no clock, no randomness, no async runtime.

pub mod account;
mod accounts;
pub mod command;
pub mod error;
pub mod event;
pub mod filter;
pub mod id;
pub mod key;
mod keys;
pub mod keyward;
pub mod live;
pub mod metadata;
mod organizations;
pub mod permit;
mod receipts;
pub mod record;
pub mod removal;
mod removals;
mod replays;
pub mod scope;
pub mod seal;
pub mod secret;
pub mod state;
pub mod store;
pub mod time;
pub mod usage;
pub mod verbs;
