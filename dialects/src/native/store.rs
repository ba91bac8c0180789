//! This file is about calls on the store as a whole.

use keyward_core::command::Command;
use keyward_core::error::Error;

use super::{body, headers};
use crate::dialect::{Params, Parsed, Request};

pub(super) fn back_up(request: &Request<'_>, _: &Params<'_, '_>) -> Result<Parsed, Error> {
    body::no_query(request)?;
    Ok(Command::BackUp.into())
}

pub(super) fn reroot(request: &Request<'_>, _: &Params<'_, '_>) -> Result<Parsed, Error> {
    body::no_query(request)?;
    headers::once(request, Command::Reroot)
}
