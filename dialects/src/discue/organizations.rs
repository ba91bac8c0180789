//! This file is about calls on API clients: there is one, the organization that the caller's key belongs to.

use keyward_core::account::Organization;
use keyward_core::command::{Answer, Command, OrganizationPatch};
use keyward_core::error::Error;
use keyward_core::id::{Id, OrganizationId};
use keyward_core::permit::Caller;
use serde_json::{Value, json};

use super::given::{Given, alias_of};
use super::ids;
use super::writer::Writer;
use crate::dialect::{Params, Request, Step, known, unexpected};

const COLLECTION: &str = "api_clients";

pub(super) fn create(
    request: &Request<'_>,
    _: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    change(request, known(caller)?.organization)
}

pub(super) fn update(
    request: &Request<'_>,
    params: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    let id = ids::in_path(params)?;
    let given = change(request, known(caller)?.organization)?;
    own(id, caller).map(|_| given)
}

pub(super) fn find(
    request: &Request<'_>,
    params: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    let organization = own(ids::in_path(params)?, caller)?;
    Ok(one(Command::FindOrganization(organization), Writer::of(request)))
}

pub(super) fn list(
    request: &Request<'_>,
    _: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    let writer = Writer::of(request);
    Ok(Step::then(Command::FindOrganization(known(caller)?.organization), move |answer| {
        Ok(writer.many(&[COLLECTION], COLLECTION, &[show(&*organization(answer)?)]))
    }))
}

fn change(request: &Request<'_>, organization: OrganizationId) -> Result<Step, Error> {
    let (given, writer) = (Given::read(request)?, Writer::of(request));
    given.name()?;
    Ok(Step::then(Command::FindOrganization(organization), move |answer| {
        let found = self::organization(answer)?;
        let name = given.other_name(&found.name)?;
        if name.is_none() {
            return Ok(say(&found, &writer));
        }
        let patch = OrganizationPatch { name, ..OrganizationPatch::default() };
        // What is written is made of what was read: whoever changed it in between wins.
        let if_match = Some(found.version);
        Ok(one(Command::UpdateOrganization { organization, patch, if_match }, writer))
    }))
}

/// The caller's organization, if this is its id.
fn own(id: Id, caller: Option<&Caller>) -> Result<OrganizationId, Error> {
    let organization = known(caller)?.organization;
    if organization.id() == id { Ok(organization) } else { Err(Error::NotFound) }
}

fn one(command: Command, writer: Writer) -> Step {
    Step::then(command, move |answer| Ok(say(&*organization(answer)?, &writer)))
}

fn say(organization: &Organization, writer: &Writer) -> Step {
    writer.one(COLLECTION, organization.id.id(), "api_client", &show(organization))
}

fn organization(answer: Answer) -> Result<Box<Organization>, Error> {
    let Answer::Organization(organization) = answer else { return Err(unexpected()) };
    Ok(organization)
}

fn show(organization: &Organization) -> Value {
    json!({
        "id": ids::write(organization.id.id()),
        "name": organization.name,
        "alias": alias_of(&organization.name),
        "created_at": organization.created_at.millis(),
    })
}
