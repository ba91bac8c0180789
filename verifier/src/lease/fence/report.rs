//! This file is about what the server can tell: how a removal reached each verifier, and how each verifier is doing.

use super::super::{Incarnation, Mode, Moment, Position};
use super::{Fence, Standing};

/// How one verifier was kept from accepting a removed key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover {
    /// The verifier.
    pub name: String,
    /// Which run of it.
    pub incarnation: Incarnation,
    /// How.
    pub outcome: Outcome,
}

/// How it was, or was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It acknowledged the removal, at the latest then.
    Acknowledged {
        /// When the acknowledgement was received, on the server's clock.
        at: Moment,
    },
    /// Its lease ran out.
    RanOut {
        /// When, on the server's clock, with the allowance for drift.
        at: Moment,
    },
    /// It goes on without a lease, and has not acknowledged the removal: it may accept the key.
    Uncovered,
}

/// One verifier, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status<'a> {
    /// Its name.
    pub name: &'a str,
    /// Which run of it.
    pub incarnation: Incarnation,
    /// Whose keys it accepts; `None`: those of all organizations.
    pub organization: Option<u128>,
    /// What it keeps.
    pub mode: Mode,
    /// Does it go on when its lease has run out?
    pub serve_stale: bool,
    /// How the server stands to it.
    pub standing: Standing,
    /// What it has applied.
    pub acknowledged: Position,
    /// When its lease has run out for certain, on the server's clock. 0: it never had one.
    pub until: Moment,
}

impl Fence {
    /// Every verifier that is connected, or was and is not forgotten yet.
    pub fn statuses(&self) -> impl Iterator<Item = Status<'_>> {
        self.members.iter().map(|(incarnation, member)| Status {
            name: &member.name,
            incarnation: *incarnation,
            organization: member.organization,
            mode: member.mode,
            serve_stale: member.serve_stale,
            standing: member.standing,
            acknowledged: member.acknowledged,
            until: member.until,
        })
    }

    /// When a run of a verifier acknowledged a position, at the latest.
    #[must_use]
    pub fn acknowledged_at(&self, incarnation: Incarnation, position: Position) -> Option<Moment> {
        self.members.get(&incarnation)?.acknowledged_at(position)
    }

    /// How each verifier was kept from what a position removed. Those whose lease had run out before it was committed are left out.
    pub(super) fn report(
        &self,
        organization: u128,
        position: Position,
        committed_at: Moment,
        now: Moment,
    ) -> Vec<Cover> {
        let concerned = self
            .members
            .iter()
            .filter(|(_, member)| member.organization.is_none_or(|whose| whose == organization));
        let covers = concerned.filter_map(|(incarnation, member)| {
            let ran_out_at = member.ran_out_at(now);
            let outcome = match member.acknowledged_at(position) {
                Some(at) => Outcome::Acknowledged { at },
                None if member.is_stale_server() => Outcome::Uncovered,
                None if ran_out_at < committed_at => return None,
                None => Outcome::RanOut { at: ran_out_at },
            };
            Some(Cover { name: member.name.clone(), incarnation: *incarnation, outcome })
        });
        covers.collect()
    }
}
