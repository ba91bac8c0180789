//! The language of discue: what requests are taken for, and what answers look like.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test names the commands that it expects; any other fails it"
)]

mod bodies;
mod events;
mod fault;
mod ids;
mod keys;
mod organizations;
mod queues;
mod requests;
mod talk;
