//! The tests of the dialects; the tree mirrors `src/`.
#![cfg(test)]

mod errors;
mod native;
mod openapi;
mod samples;
