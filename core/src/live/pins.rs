//! This file is about guessing at PINs. One has so few digits that whoever may ask would find it by asking, so each key's are
//! judged a few times at once and then seldom.

use super::rate::Rates;
use crate::id::KeyId;
use crate::key::RateLimit;
use crate::time::Timestamp;
use crate::verbs::verify::Refusal;

/// How many wrong PINs of a key are judged: five at once, then one a minute. All that have four digits take a week so, and who
/// mistypes theirs, or carries a badge at which somebody else has guessed, waits for a minute.
const WRONG: RateLimit = RateLimit { limit: 5, window_seconds: 300 };

/// The keys whose PIN was guessed at lately. As many as have one, at most: each is forgotten with its key.
#[derive(Default)]
pub(super) struct Pins(Rates);

impl Pins {
    /// Judges a PIN, unless too many of its key were wrong lately. It is counted before it is judged, or many at once would be
    /// judged before the first is counted; a right one is given back.
    pub(super) fn judge(
        &self,
        key: KeyId,
        now: Timestamp,
        judge: impl FnOnce() -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        if !self.0.take(key, WRONG, 1, now) {
            return Err(Refusal::RateLimited);
        }
        let judged = judge();
        if judged != Err(Refusal::WrongPin) {
            self.0.give_back(key, WRONG, 1);
        }
        judged
    }

    pub(super) fn forget(&self, key: KeyId) {
        self.0.forget(key);
    }
}
