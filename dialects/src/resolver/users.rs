//! This file is about users. A user is an account: who is in two organizations has two of them, so that the number of a
//! user and that of its membership are the same.

use keyward_core::account::{Account, Organization, Role, Standing};
use keyward_core::command::{Answer, Command};
use keyward_core::error::Error;
use keyward_core::permit::{Caller, Reach, Verb};
use keyward_core::store::RecordKind;
use serde_json::{Value, json};

use super::{answers, given, known};
use crate::dialect::{Params, Request, Step, unexpected};

/// Goes on with the user who has this number.
pub(super) fn numbered(
    number: u32,
    next: impl FnOnce(Box<Account>) -> Result<Step, Error> + Send + 'static,
) -> Step {
    Step::then(Command::FindNumbered { kind: RecordKind::Account, number }, |answer| {
        next(answers::account(answer)?)
    })
}

pub(super) fn me(_: &Request<'_>, _: &Params<'_, '_>, caller: Option<&Caller>) -> Result<Step, Error> {
    let caller = known(caller)?;
    let organization = caller.organization;
    Ok(Step::then(Command::FindAccount(caller.account), move |answer| {
        let user = answers::account(answer)?;
        Ok(Step::then(Command::FindOrganization(organization), move |answer| {
            let Answer::Organization(organization) = answer else { return Err(unexpected()) };
            answers::say(&show_me(&user, &organization))
        }))
    }))
}

fn show_me(user: &Account, organization: &Organization) -> Value {
    json!({
        "id": user.id.id().number(),
        "email": user.name,
        "currentOrg": { "id": organization.id.id().number(), "name": organization.name },
    })
}

pub(super) fn membership(
    _: &Request<'_>,
    params: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    let (organization, user) = (given::in_path(params, "orgId")?, given::in_path(params, "userId")?);
    let caller = known(caller)?;
    let is_members = caller.permit(Verb::ReadAccounts)?.reach() == Reach::Account
        && caller.organization.id().number() == organization;
    let find = Command::FindNumbered { kind: RecordKind::Account, number: user };
    Ok(Step::attempt(find, move |found| match found {
        Ok(answer) => {
            let user = answers::account(answer)?;
            let is_there = user.organization.id().number() == organization;
            if is_there { answers::say(&show_membership(&user)) } else { Err(Error::NotFound) }
        }
        // Who else is in their organization is not for members to ask, nor whether it is so.
        Err(Error::NotFound | Error::Gone(_)) if is_members => Err(Error::Forbidden),
        Err(error) => Err(error),
    }))
}

fn show_membership(user: &Account) -> Value {
    let number = user.id.id().number();
    let is_admin = match user.role {
        Role::Owner | Role::Admin => true,
        Role::Member | Role::Auditor => false,
    };
    json!({
        "orgUserId": number,
        "orgId": user.organization.id().number(),
        "userId": number,
        "email": user.name,
        "isActive": user.standing == Standing::Active,
        "isAdmin": is_admin,
    })
}
