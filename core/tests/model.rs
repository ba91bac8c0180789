//! These tests are about the whole core: random runs of commands by callers of every role, over the store in
//! memory, against a small model that shares no rule with the core.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test may stop at its own mistakes"
)]

#[path = "model/compare.rs"]
mod compare;
#[path = "model/crypto.rs"]
mod crypto;
#[path = "model/doors.rs"]
mod doors;
#[path = "model/endings.rs"]
mod endings;
#[path = "model/epochs.rs"]
mod epochs;
#[path = "model/faults.rs"]
mod faults;
#[path = "model/frames.rs"]
mod frames;
#[path = "model/house.rs"]
mod house;
#[path = "model/play.rs"]
mod play;
#[path = "model/races.rs"]
mod races;
#[path = "model/receipts.rs"]
mod receipts;
#[path = "model/reference.rs"]
mod reference;
#[path = "model/removed.rs"]
mod removed;
#[path = "model/resources.rs"]
mod resources;
#[path = "model/revealing.rs"]
mod revealing;
#[path = "model/rotations.rs"]
mod rotations;
#[path = "model/sessions.rs"]
mod sessions;
#[path = "model/sole.rs"]
mod sole;
#[path = "model/stale.rs"]
mod stale;
#[path = "model/steps.rs"]
mod steps;
#[path = "model/stories.rs"]
mod stories;
#[path = "model/uncovered.rs"]
mod uncovered;
#[path = "model/unknown.rs"]
mod unknown;
#[path = "model/ways.rs"]
mod ways;
#[path = "model/world.rs"]
mod world;

use proptest::prelude::*;

use crate::play::Play;

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn core_and_model_agree_after_every_step(seed in any::<u64>(), run in steps::runs(60)) {
        let mut play = Play::new(seed);
        for step in &run {
            play.step(step);
        }
        // Whatever still waits comes to the same as if nothing had been cut off.
        play.step(&steps::Step::Restart);
        play.step(&steps::Step::Work);
    }
}
