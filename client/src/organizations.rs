//! This file is about calls on organizations.

use crate::error::Error;
use crate::transport::{Call, Client, segment};
use crate::wire::{Changed, CreateOrganization, List, Organization, Page, UpdateOrganization};

impl Client {
    /// Creates an organization.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn create_organization(&self, name: &str) -> Result<Organization, Error> {
        let body = CreateOrganization { name: name.to_owned() };
        self.json(self.post("/v1/organizations")?.with_body("application/json", &body)?).await
    }

    /// Reads a page of the organizations that the caller may know of.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn list_organizations(&self, page: &Page) -> Result<List<Organization>, Error> {
        self.json(Call::get("/v1/organizations").with_query(page)?).await
    }

    /// Reads an organization.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn find_organization(&self, id: &str) -> Result<Organization, Error> {
        self.json(Call::get(organization(id))).await
    }

    /// Changes an organization, if it is at this version.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn update_organization(
        &self,
        id: &str,
        patch: &UpdateOrganization,
        version: Option<u64>,
    ) -> Result<Changed<Organization>, Error> {
        self.changed(Call::patch(organization(id), patch)?.if_match(version)).await
    }

    /// Removes an organization with all below it, if it is at this version; the receipt's id.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn remove_organization(
        &self,
        id: &str,
        version: Option<u64>,
    ) -> Result<Changed<String>, Error> {
        self.receipt_of(Call::delete(organization(id)).if_match(version)).await
    }
}

fn organization(id: &str) -> String {
    format!("/v1/organizations/{}", segment(id))
}
