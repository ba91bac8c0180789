//! The native API: what requests are taken for, and what answers look like.

mod access;
mod accounts;
mod crypto;
mod fault;
mod garbage;
mod gateways;
mod import;
mod keys;
mod log;
mod removals;
mod routes;
mod uncovered;
mod verify;
