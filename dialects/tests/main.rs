//! The tests of the dialects; the tree mirrors `src/`.
#![cfg(test)]

mod cielo24;
mod discue;
mod errors;
mod intserv;
mod native;
mod openapi;
mod resolver;
mod samples;
mod talk;
