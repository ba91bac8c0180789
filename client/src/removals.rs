//! This file is about removing many keys: plan, confirm, follow.

use crate::error::Error;
use crate::transport::{Call, Client, segment};
use crate::wire::{Page, Plan, RemovalProgress, RemoveKeys};

impl Client {
    /// Says what a removal would do; `dry_run` is set.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn plan_removal(&self, keys: &RemoveKeys) -> Result<Plan, Error> {
        self.json(Call::ask("/v1/removals", &RemoveKeys { dry_run: true, ..keys.clone() })?).await
    }

    /// Removes keys; `dry_run` is cleared. More than one key needs the `plan_hash` of its plan.
    ///
    /// # Errors
    /// [`Error`]; the code is `plan_changed` if other keys would be removed than were planned.
    pub async fn start_removal(&self, keys: &RemoveKeys) -> Result<RemovalProgress, Error> {
        let keys = RemoveKeys { dry_run: false, ..keys.clone() };
        self.json(self.post("/v1/removals")?.with_body("application/json", &keys)?).await
    }

    /// Reads how far a removal is, and a page of the keys that it removed.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn find_removal(&self, id: &str, page: &Page) -> Result<RemovalProgress, Error> {
        self.json(Call::get(format!("/v1/removals/{}", segment(id))).with_query(page)?).await
    }
}
