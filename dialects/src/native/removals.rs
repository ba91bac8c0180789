//! This file is about removing many keys: which ones, and with what confirmation.

use keyward_client::wire;
use keyward_core::command::{Command, Named};
use keyward_core::error::Error;
use keyward_core::id::{AccountId, RemovalId};
use keyward_core::removal::Selection;
use zeroize::Zeroizing;

use super::{access, body, fields, headers, keys, words};
use crate::dialect::{Params, Parsed, Request};

pub(super) fn start(request: &Request<'_>, _: &Params<'_, '_>) -> Result<Parsed, Error> {
    let given: wire::RemoveKeys = body::json(request)?;
    let plan_hash = given.plan_hash.as_deref().map(plan_hash).transpose()?;
    let (dry_run, reason) = (given.dry_run, words::read_reason(given.reason));
    let selection = Box::new(selection(given)?);
    if dry_run {
        return Ok(Command::PlanRemoval { selection, reason }.into());
    }
    headers::once(request, Command::StartRemoval { selection, reason, plan_hash })
}

pub(super) fn find(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    let given: wire::Page = body::query(request)?;
    let removal = fields::path_id(params, RemovalId::parse)?;
    let page = fields::page(given.limit, given.cursor.as_deref())?;
    Ok(Command::FindRemoval { removal, page }.into())
}

fn selection(given: wire::RemoveKeys) -> Result<Selection, Error> {
    match (given.secret, given.handle, given.access, given.account_id, given.filter) {
        (Some(secret), None, None, None, None) => {
            Ok(Selection::One(Named::Secret(Zeroizing::new(secret.expose().to_owned()))))
        }
        (None, Some(handle), None, None, None) => {
            fields::handle(&handle).map(|handle| Selection::One(Named::Handle(handle)))
        }
        (None, None, Some(read), None, None) => {
            let read = access::identification(read.access_type, &read.identification)?;
            Ok(Selection::One(Named::Access(read)))
        }
        (None, None, None, Some(account), None) => {
            fields::id("account_id", &account, AccountId::parse).map(Selection::Account)
        }
        (None, None, None, None, Some(filter)) => keys::filter(filter).map(Selection::Filter),
        (..) => {
            Err(Error::invalid("", "a selection of one kind: secret, handle, access, account_id or filter"))
        }
    }
}

fn plan_hash(text: &str) -> Result<[u8; 32], Error> {
    let mut hash = [0; 32];
    hex::decode_to_slice(text, &mut hash)
        .map_err(|_| Error::invalid("plan_hash", "64 hexadecimal digits, as the dry run gave them"))?;
    Ok(hash)
}
