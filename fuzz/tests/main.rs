//! Fuzz targets for every parser of bytes that strangers write. Each is an ordinary test with a bounded number of
//! inputs; `fuzz/README.md` says how to run it guided by coverage for as long as one likes.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at its own mistakes"
)]

mod backup;
mod encedo;
mod frame;
mod log;
mod metadata;
mod mutation;
mod native;
mod records;
mod samples;
mod text;
mod time;
mod wire;
