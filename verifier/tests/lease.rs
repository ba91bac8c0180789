//! These tests are about both sides of the lease: each alone, both in a model that is explored state by state, and
//! both in thousands of drawn histories.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may stop at its own mistakes, and says what it explored"
)]

#[path = "lease/fence.rs"]
mod fence;
#[path = "lease/history.rs"]
mod history;
#[path = "lease/holder.rs"]
mod holder;
#[path = "lease/model.rs"]
mod model;
#[path = "lease/simulation.rs"]
mod simulation;
#[path = "lease/world.rs"]
mod world;
