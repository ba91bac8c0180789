//! This file is about the embedded store's own promises: crashes, damage, full disks, anchors, backups, formats.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

#[path = "embedded/anchors.rs"]
mod anchors;
#[path = "embedded/backups.rs"]
mod backups;
#[path = "embedded/crashes.rs"]
mod crashes;
#[path = "embedded/damage.rs"]
mod damage;
#[path = "embedded/failures.rs"]
mod failures;
#[path = "conformance/fixture.rs"]
mod fixture;
#[path = "embedded/folders.rs"]
mod folders;
#[path = "embedded/formats.rs"]
mod formats;
#[path = "embedded/model.rs"]
mod model;
#[path = "embedded/rerooting.rs"]
mod rerooting;
#[path = "embedded/workload.rs"]
mod workload;
