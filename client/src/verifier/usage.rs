//! This file is about telling the server how keys were used here: otherwise a key that only this verifier sees would count as
//! unused, and be removed as such.

use std::sync::Arc;
use std::time::Duration;

use keyward_verifier::frame::{KeyUses, VerifierFrame};
use keyward_verifier::lease::Moment;
use keyward_verifier::{Counted, Place, Uses};

use super::judge::Verdict;
use super::view::Views;

/// How often the server is told, unless many keys were used: then as soon as room may run out.
const EVERY: Duration = Duration::from_secs(10);
/// How many frames are sent at once: no more than the connection takes without being read, since neither side reads while it
/// sends.
const FRAMES: usize = 4;

/// Counts what was told of a key whose text tells this place, if it tells one. What the server is asked for it counts itself.
#[inline]
pub(super) fn count(page: &Uses, place: Option<Place>, key: u128, told: &Verdict, now: Moment) {
    let accepted = match told {
        Verdict::Valid(_) => true,
        Verdict::Refused(_) => false,
        Verdict::Ask | Verdict::Unavailable => return,
    };
    let place = place.unwrap_or_else(|| Place::of_bits(key as u64));
    // Where there is no room the server will know less than it might, as of any verifier that is cut off.
    let _ = page.count(place, key, accepted, seconds(now));
}

/// What the server is to be told: the stream's side of counting.
#[derive(Default)]
pub(super) struct Reports {
    /// A page that has been replaced, on which somebody may write still.
    ended: Option<Arc<Uses>>,
    unsent: Vec<Counted>,
    /// When it was last told of any use.
    told_at: Option<Moment>,
}

impl Reports {
    /// What to tell the server next, if it is time to.
    pub(super) fn due(&mut self, views: &Views, now: Moment) -> Vec<VerifierFrame> {
        let waited = self.told_at.is_none_or(|at| now.since(at) >= EVERY);
        let is_due = |page: &Uses| waited && !page.is_empty() || page.is_half_full();
        if self.unsent.is_empty() && (self.ended.is_some() || is_due(&views.load().page)) {
            self.take(views);
            self.told_at = Some(now);
        }
        self.frames(FRAMES, now)
    }

    /// Everything that there is to tell.
    pub(super) fn last(&mut self, views: &Views, now: Moment) -> Vec<VerifierFrame> {
        if self.ended.is_some() {
            self.take(views);
        }
        self.take(views);
        self.frames(usize::MAX, now)
    }

    fn take(&mut self, views: &Views) {
        let ended = self.ended.take().unwrap_or_else(|| views.turn());
        match Arc::try_unwrap(ended) {
            Ok(page) => self.unsent.extend(page.into_counted()),
            Err(page) => self.ended = Some(page),
        }
    }

    fn frames(&mut self, most: usize, now: Moment) -> Vec<VerifierFrame> {
        let kept = self.unsent.len().saturating_sub(most.saturating_mul(KeyUses::IN_A_FRAME));
        let told = |one: &Counted| KeyUses {
            key: one.key,
            accepted: one.accepted,
            refused: one.refused,
            seconds_ago: if one.accepted == 0 { 0 } else { seconds(now).saturating_sub(one.accepted_at) },
        };
        let told: Vec<KeyUses> = self.unsent.split_off(kept).iter().map(told).collect();
        told.chunks(KeyUses::IN_A_FRAME).map(|uses| VerifierFrame::Uses(uses.to_vec())).collect()
    }
}

/// Seconds on the clock of leases, which nobody sets.
fn seconds(now: Moment) -> u32 {
    u32::try_from(now.nanos() / 1_000_000_000).unwrap_or(u32::MAX)
}
