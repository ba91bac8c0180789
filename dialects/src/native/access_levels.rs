//! This file is about calls on access levels, which doors are of and door credentials are granted: what they ask for, and how one is
//! shown.

use keyward_client::wire;
use keyward_core::access::LEVELS;
use keyward_core::command::Command;
use keyward_core::error::Error;
use keyward_core::id::{AccountId, ResourceId};
use keyward_core::resource::{NewResource, Resource, ResourcePatch};
use keyward_core::verbs::issue::is_name;
use serde_json::{Map, Value};

use super::{body, fields, headers};
use crate::dialect::{Params, Parsed, Request};

/// The member that names the verifier at its doors; IntServ's language calls it a system.
const VERIFIER: &str = "verifier";

pub(super) fn create(request: &Request<'_>, _: &Params<'_, '_>) -> Result<Parsed, Error> {
    let given: wire::CreateAccessLevel = body::json(request)?;
    let new = NewResource {
        collection: LEVELS,
        account: fields::maybe_id("account_id", given.account_id.as_deref(), AccountId::parse)?,
        name: Some(given.name),
        content: content(given.verifier)?,
        ..NewResource::default()
    };
    headers::once(request, Command::CreateResource(Box::new(new)))
}

pub(super) fn list(request: &Request<'_>, _: &Params<'_, '_>) -> Result<Parsed, Error> {
    let given: wire::ListAccessLevels = body::query(request)?;
    let account = fields::maybe_id("account_id", given.account_id.as_deref(), AccountId::parse)?;
    let page = fields::page(given.limit, given.cursor.as_deref())?;
    Ok(Command::ListResources { collection: LEVELS, account, parent: None, page }.into())
}

pub(super) fn find(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    body::no_query(request)?;
    let resource = fields::path_id(params, ResourceId::parse)?;
    Ok(Command::FindResource { collection: LEVELS, resource }.into())
}

pub(super) fn update(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    let resource = fields::path_id(params, ResourceId::parse)?;
    let given: wire::UpdateAccessLevel = body::patch(request)?;
    let content = given.verifier.map(content).transpose()?;
    let patch = Box::new(ResourcePatch { name: given.name, content });
    let if_match = headers::if_match(request)?;
    Ok(Command::UpdateResource { collection: LEVELS, resource, patch, if_match }.into())
}

pub(super) fn remove(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    body::no_query(request)?;
    body::no_body(request)?;
    let resource = fields::path_id(params, ResourceId::parse)?;
    let if_match = headers::if_match(request)?;
    Ok(Command::RemoveResource { collection: LEVELS, resource, if_match }.into())
}

fn content(verifier: Option<String>) -> Result<Map<String, Value>, Error> {
    if verifier.as_deref().is_some_and(|name| !is_name(name)) {
        return Err(Error::invalid(VERIFIER, "1 to 200 bytes, no control characters"));
    }
    Ok(verifier.map(|name| (VERIFIER.to_owned(), name.into())).into_iter().collect())
}

pub(super) fn show(level: &Resource) -> wire::AccessLevel {
    wire::AccessLevel {
        id: level.id.to_string(),
        organization_id: level.organization.to_string(),
        account_id: level.account.to_string(),
        name: level.name.clone().unwrap_or_default(),
        verifier: level.content.get(VERIFIER).and_then(Value::as_str).map(str::to_owned),
        created_at: level.created_at.to_string(),
        updated_at: level.updated_at.to_string(),
        version: level.version,
    }
}
