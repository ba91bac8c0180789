//! The tests of the log: against the published vectors, against other implementations, and against strangers.
#![cfg(test)]

mod checkpoint;
mod commitment;
mod cosignature;
mod hostile;
mod leaf;
mod note;
mod proof;
mod receipt;
mod rfc6962;
mod sample;
mod tile;
mod tree;
