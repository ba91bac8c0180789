//! This file is about calls on access levels.

use crate::error::Error;
use crate::transport::{Call, Client, segment};
use crate::wire::{AccessLevel, CreateAccessLevel, List, ListAccessLevels, UpdateAccessLevel};

impl Client {
    /// Creates an access level.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn create_access_level(&self, level: &CreateAccessLevel) -> Result<AccessLevel, Error> {
        self.json(self.post("/v1/access-levels")?.with_body("application/json", level)?).await
    }

    /// Reads a page of the access levels of the caller's organization.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn list_access_levels(&self, which: &ListAccessLevels) -> Result<List<AccessLevel>, Error> {
        self.json(Call::get("/v1/access-levels").with_query(which)?).await
    }

    /// Reads an access level.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn find_access_level(&self, id: &str) -> Result<AccessLevel, Error> {
        self.json(Call::get(level(id))).await
    }

    /// Changes an access level, if it is at this version.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn update_access_level(
        &self,
        id: &str,
        patch: &UpdateAccessLevel,
        version: Option<u64>,
    ) -> Result<AccessLevel, Error> {
        self.json(Call::patch(level(id), patch)?.if_match(version)).await
    }

    /// Removes an access level, if it is at this version: no door of it lets anybody in any more. The receipt's id.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn remove_access_level(&self, id: &str, version: Option<u64>) -> Result<String, Error> {
        self.call(Call::delete(level(id)).if_match(version)).await?.receipt()
    }
}

fn level(id: &str) -> String {
    format!("/v1/access-levels/{}", segment(id))
}
