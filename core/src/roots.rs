//! This file is about the roots in force: the one that wraps, and older ones that still open until they are destroyed.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::error::Error;
use crate::id::Id;
use crate::seal::{NONCE, Root, SealError, SlotSecret, WrappedSlot};

/// The roots in force, by epoch. There is always one.
pub(crate) struct Roots(ArcSwap<Held>);

struct Held {
    newest: Arc<Root>,
    older: Vec<Arc<Root>>,
}

impl Roots {
    /// These roots, the oldest epoch first.
    ///
    /// # Errors
    /// [`Error::Internal`] if there is none.
    pub(crate) fn new(mut roots: Vec<Root>) -> Result<Self, Error> {
        let newest = Arc::new(roots.pop().ok_or_else(|| Error::internal("there is no root"))?);
        let older = roots.into_iter().map(Arc::new).collect();
        Ok(Self(ArcSwap::from_pointee(Held { newest, older })))
    }

    /// The epoch of the root that wraps.
    pub(crate) fn epoch(&self) -> u32 {
        self.0.load().newest.epoch()
    }

    /// Wraps a slot secret under the newest root.
    pub(crate) fn wrap(
        &self,
        secret: &SlotSecret,
        id: Id,
        nonce: [u8; NONCE],
    ) -> Result<WrappedSlot, SealError> {
        self.0.load().newest.wrap(secret, id, nonce)
    }

    /// Unwraps a slot under the root that it was wrapped under.
    pub(crate) fn unwrap(&self, slot: &WrappedSlot, id: Id) -> Result<SlotSecret, SealError> {
        let held = self.0.load();
        let mut roots = std::iter::once(&held.newest).chain(&held.older);
        roots.find(|root| root.epoch() == slot.epoch()).ok_or(SealError)?.unwrap(slot, id)
    }

    /// Wraps under this root from now on, if it is newer than the one that does.
    pub(crate) fn advance(&self, root: &Arc<Root>) {
        self.0.rcu(|held| {
            if root.epoch() <= held.newest.epoch() {
                return Arc::clone(held);
            }
            let older = held.older.iter().chain([&held.newest]).cloned().collect();
            Arc::new(Held { newest: Arc::clone(root), older })
        });
    }

    /// Forgets every root but the newest.
    pub(crate) fn forget_older(&self) {
        self.0.rcu(|held| Arc::new(Held { newest: Arc::clone(&held.newest), older: Vec::new() }));
    }
}
