//! This file is about how far a key's last change has come: which verifiers of its organization have it.

use keyward_verifier::lease::{Fence, Standing};

use super::reached;
use crate::command::Answer;
use crate::error::Error;
use crate::id::KeyId;
use crate::keyward::{Environment, Keyward};
use crate::permit::Permit;
use crate::store::Store;
use crate::time::Timestamp;

/// How far a key's last change has come at one verifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The verifier's name.
    pub name: String,
    /// How far.
    pub arrival: Arrival,
}

/// Whether a change has arrived at a verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It has, at the latest then.
    Acknowledged(Timestamp),
    /// It is on its way.
    Pending,
    /// The verifier is gone, or not believed.
    Lost,
}

impl<S: Store, E: Environment> Keyward<S, E> {
    /// Which verifiers have a key as it is now.
    pub(crate) async fn find_reach(&self, permit: &Permit, id: KeyId) -> Result<Answer, Error> {
        let stored = self.fetch_key(permit, id).await?;
        let head = self.covered(permit, &stored)?.live()?.head;
        let position = reached(stored.position);
        let state = self.verifiers.state();
        let theirs = state.fence.iter().flat_map(Fence::statuses).filter(|status| {
            let of_theirs = status.organization.is_none_or(|whose| whose == head.organization.id().bits());
            // The run that took its place stands for it.
            of_theirs && status.standing != Standing::Superseded
        });
        let reach = theirs.map(|status| {
            let acknowledged =
                state.fence.as_ref().and_then(|fence| fence.acknowledged_at(status.incarnation, position));
            let arrival = match (acknowledged, status.standing) {
                (Some(at), Standing::Present | Standing::Gone) => Arrival::Acknowledged(self.wall_clock(at)),
                (None, Standing::Present) => Arrival::Pending,
                (None, Standing::Gone) | (_, Standing::Superseded | Standing::Lied) => Arrival::Lost,
            };
            Reached { name: status.name.to_owned(), arrival }
        });
        Ok(Answer::Reach(reach.collect()))
    }
}
