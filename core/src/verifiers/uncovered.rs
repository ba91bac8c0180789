//! This file is about who goes on accepting what was taken away, because its operator wants it so: what a command notes of
//! that, for whoever asked for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keyward_verifier::lease::{Cover, Outcome};

use super::reduces;
use crate::error::Error;
use crate::event::Subject;
use crate::id::OrganizationId;
use crate::key::{Found, Kind, Place};
use crate::keyward::{Environment, Keyward, Origin};
use crate::record;
use crate::store::{Position, Store};

/// Where a command notes who goes on accepting what it took away. As it is by default, nothing is noted: nobody waits to be
/// told of what the server does by itself.
#[derive(Clone, Debug, Default)]
pub struct Uncovered(Option<Arc<Mutex<Noted>>>);

#[derive(Debug, Default)]
struct Noted {
    /// What was waited for last.
    last: Position,
    /// Who reflects less than that.
    names: Vec<String>,
}

impl Uncovered {
    /// One that notes.
    pub(crate) fn noting() -> Self {
        Self(Some(Arc::default()))
    }

    /// The names of those verifiers.
    pub(crate) fn names(&self) -> Vec<String> {
        self.noted().map_or_else(Vec::new, |noted| noted.names.clone())
    }

    fn noted(&self) -> Option<MutexGuard<'_, Noted>> {
        self.0.as_ref().map(|noted| noted.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The last of several events speaks for all: who reflects it reflects those before it.
    fn note(&self, position: Position, names: Vec<String>) {
        if let Some(mut noted) = self.noted()
            && noted.last <= position
        {
            *noted = Noted { last: position, names };
        }
    }
}

impl<S: Store, E: Environment> Keyward<S, E> {
    /// Notes whom the fence names as uncovered for events of an organization that were waited for, the last of them with `covers`.
    pub(super) async fn note_uncovered(
        &self,
        origin: &Origin,
        organization: OrganizationId,
        positions: &[Position],
        covers: &[Cover],
    ) {
        let Some(last) = positions.last().filter(|_| origin.uncovered.0.is_some()) else { return };
        let names = names_in(covers);
        if names.is_empty() {
            return origin.uncovered.note(*last, names);
        }
        for position in positions.iter().rev() {
            if self.took_from_verifiers(*position).await.unwrap_or(true) {
                return origin.uncovered.note(*position, self.uncovered(organization, *position));
            }
        }
    }

    /// Whether an event took something away that a verifier may accept. Door credentials and keys that never leave are known
    /// to none, and passwords only open sessions; so nobody goes on accepting one.
    async fn took_from_verifiers(&self, position: Position) -> Result<bool, Error> {
        let logged = self.store.events(position, 1).await?;
        let Some(event) = logged.first().map(|logged| &logged.event) else { return Ok(true) };
        if !reduces(event) {
            return Ok(false);
        }
        if event.subject != Subject::Key {
            return Ok(true);
        }
        let Some(stored) = self.store.fetch(event.id()).await? else { return Ok(true) };
        Ok(match record::key::read(&stored.record)? {
            Found::Live(sealed) => sealed.head.kind == Kind::Secret && sealed.head.place != Place::Nowhere,
            Found::Removed(tombstone) => tombstone.kind == Kind::Secret,
        })
    }
}

/// The names of those who may go on accepting what was taken away.
pub(super) fn names_in(covers: &[Cover]) -> Vec<String> {
    let uncovered = covers.iter().filter(|cover| cover.outcome == Outcome::Uncovered);
    uncovered.map(|cover| cover.name.clone()).collect()
}
