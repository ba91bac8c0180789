//! This file is about calls on accounts: what they ask for.

use keyward_client::wire;
use keyward_core::command::{AccountPatch, Command, KeyPolicy, NewAccount};
use keyward_core::error::Error;
use keyward_core::id::{AccountId, OrganizationId};
use zeroize::Zeroizing;

use super::{body, fields, headers, words};
use crate::dialect::{Params, Parsed, Request};

pub(super) fn create(request: &Request<'_>, _: &Params<'_, '_>) -> Result<Parsed, Error> {
    let given: wire::CreateAccount = body::json(request)?;
    let account = NewAccount {
        organization: fields::maybe_id(
            "organization_id",
            given.organization_id.as_deref(),
            OrganizationId::parse,
        )?,
        parent: fields::maybe_id("parent_id", given.parent_id.as_deref(), AccountId::parse)?,
        name: given.name,
        role: words::read_role(given.role),
    };
    headers::once(request, Command::CreateAccount(account))
}

pub(super) fn list(request: &Request<'_>, _: &Params<'_, '_>) -> Result<Parsed, Error> {
    let given: wire::ListAccounts = body::query(request)?;
    let organization =
        fields::maybe_id("organization_id", given.organization_id.as_deref(), OrganizationId::parse)?;
    let page = fields::page(given.limit, given.cursor.as_deref())?;
    Ok(Command::ListAccounts { organization, page }.into())
}

pub(super) fn find(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    body::no_query(request)?;
    Ok(Command::FindAccount(fields::path_id(params, AccountId::parse)?).into())
}

pub(super) fn update(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    let account = fields::path_id(params, AccountId::parse)?;
    let given: wire::UpdateAccount = body::patch(request)?;
    let patch =
        AccountPatch { name: given.name, role: given.role.map(words::read_role), suspended: given.suspended };
    Ok(Command::UpdateAccount { account, patch, if_match: headers::if_match(request)? }.into())
}

pub(super) fn set_password(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    let account = Some(fields::path_id(params, AccountId::parse)?);
    let given: wire::SetPassword = body::json(request)?;
    let password = Zeroizing::new(given.password.expose().to_owned());
    Ok(Command::SetPassword { account, login: given.login, password }.into())
}

pub(super) fn remove(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    let account = fields::path_id(params, AccountId::parse)?;
    let given: wire::RemoveAccount = body::query(request)?;
    body::no_body(request)?;
    let heir = fields::maybe_id("transfer_to", given.transfer_to.as_deref(), AccountId::parse)?;
    let policy = match (given.policy, heir) {
        (wire::KeyPolicy::RemoveKeys, None) => KeyPolicy::Remove,
        (wire::KeyPolicy::Refuse, None) => KeyPolicy::Refuse,
        (wire::KeyPolicy::TransferTo, Some(heir)) => KeyPolicy::Transfer(heir),
        (wire::KeyPolicy::RemoveKeys | wire::KeyPolicy::Refuse, Some(_))
        | (wire::KeyPolicy::TransferTo, None) => {
            return Err(Error::invalid("transfer_to", "given with policy=transfer_to, and only there"));
        }
    };
    Ok(Command::RemoveAccount { account, policy, if_match: headers::if_match(request)? }.into())
}
