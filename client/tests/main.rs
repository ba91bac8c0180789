//! The tests of the SDK: wire types, and calls against a server that answers as it is told.
#![cfg(test)]

mod axum;
mod calls;
mod server;
mod streams;
mod tls;
mod verifier;
mod wire;
