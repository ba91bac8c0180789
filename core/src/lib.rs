//! What a key is, and what may happen to it. No HTTP, no SQL, no clock, no randomness, no async runtime.

pub mod account;
pub mod command;
pub mod error;
pub mod event;
pub mod filter;
pub mod id;
pub mod key;
pub mod live;
pub mod metadata;
pub mod permit;
pub mod record;
pub mod removal;
pub mod scope;
pub mod seal;
pub mod secret;
pub mod state;
pub mod store;
pub mod time;
pub mod usage;
pub mod verbs;
