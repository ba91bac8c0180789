//! This file is about calls on organizations: what they ask for.

use keyward_client::wire;
use keyward_core::command::{Command, OrganizationPatch};
use keyward_core::error::Error;
use keyward_core::id::OrganizationId;

use super::{body, fields, headers, words};
use crate::dialect::{Params, Parsed, Request};

pub(super) fn create(request: &Request<'_>, _: &Params<'_, '_>) -> Result<Parsed, Error> {
    let given: wire::CreateOrganization = body::json(request)?;
    headers::once(request, Command::CreateOrganization { name: given.name })
}

pub(super) fn list(request: &Request<'_>, _: &Params<'_, '_>) -> Result<Parsed, Error> {
    let given: wire::Page = body::query(request)?;
    Ok(Command::ListOrganizations(fields::page(given.limit, given.cursor.as_deref())?).into())
}

pub(super) fn find(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    body::no_query(request)?;
    Ok(Command::FindOrganization(fields::path_id(params, OrganizationId::parse)?).into())
}

pub(super) fn update(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    let organization = fields::path_id(params, OrganizationId::parse)?;
    let given: wire::UpdateOrganization = body::patch(request)?;
    let patch = OrganizationPatch {
        name: given.name,
        suspended: given.suspended,
        hold: given.hold.map(words::read_hold),
    };
    Ok(Command::UpdateOrganization { organization, patch, if_match: headers::if_match(request)? }.into())
}

pub(super) fn remove(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    body::no_query(request)?;
    body::no_body(request)?;
    let organization = fields::path_id(params, OrganizationId::parse)?;
    Ok(Command::RemoveOrganization { organization, if_match: headers::if_match(request)? }.into())
}
