//! This file is about accounts: whose name it is, who is whose parent, and passwords.

use keyward_core::account::Role;
use keyward_core::command::{Command, KeyPolicy, NewAccount};
use keyward_core::error::Error;
use keyward_core::id::AccountId;
use keyward_core::permit::Caller;
use keyward_core::secret::Handle;
use serde_json::json;
use zeroize::Zeroizing;

use super::answers;
use super::fields::Fields;
use super::sessions::session;
use crate::dialect::{Params, Request, Step};

/// Longest password, in bytes.
const PASSWORD: usize = 512;

pub(super) fn verify_key(
    request: &Request<'_>,
    _: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    let session = session(caller)?;
    Fields::read(request)?;
    Ok(Step::then(Command::FindAccount(session.account), |answer| {
        answers::say(&json!({ "name": answers::account(answer)?.name }))
    }))
}

pub(super) fn update_password(
    request: &Request<'_>,
    _: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    let session = session(caller)?;
    let fields = Fields::read(request)?;
    let password = new_password(&fields)?;
    named(fields.maybe("username"), session, move |account| {
        let set = Command::SetPassword { account: Some(account), login: None, password };
        Ok(Step::then(set, |_| answers::done()))
    })
}

pub(super) fn create(
    request: &Request<'_>,
    _: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    let session = session(caller)?;
    let fields = Fields::read(request)?;
    let name = fields.needed("new_username")?.to_owned();
    if Handle::parse(&name).is_none() {
        return Err(Error::invalid("new_username", "4 to 64 printable ASCII characters without spaces"));
    }
    let password = new_password(&fields)?;
    named(fields.maybe("parent_account"), session, move |parent| {
        let new = NewAccount { organization: None, parent: Some(parent), name, role: Role::Member };
        Ok(Step::then(Command::CreateAccount(new), move |answer| {
            let account = answers::account(answer)?.id;
            let set = Command::SetPassword { account: Some(account), login: None, password };
            Ok(Step::attempt(set, move |done| match done {
                Ok(_) => answers::done(),
                // Names are unique within an organization, logins over all of them: an account that nobody can sign
                // in to must not keep the name.
                Err(error) => {
                    let remove =
                        Command::RemoveAccount { account, policy: KeyPolicy::Remove, if_match: None };
                    Ok(Step::attempt(remove, |_| Err(error)))
                }
            }))
        }))
    })
}

/// Goes on with the account of this user name; with the caller's where none is given.
pub(super) fn named(
    name: Option<&str>,
    session: &Caller,
    next: impl FnOnce(AccountId) -> Result<Step, Error> + Send + 'static,
) -> Result<Step, Error> {
    let Some(name) = name else { return next(session.account) };
    Ok(Step::attempt(Command::FindAccountNamed(name.to_owned()), move |found| match found {
        // Unknown, or not one's own or a descendant's: that is the same to the caller.
        Err(Error::NotFound) => answers::refuse("ACCOUNT_DOES_NOT_EXIST", "There is no such account"),
        found => next(answers::account(found?)?.id),
    }))
}

fn new_password(fields: &Fields<'_>) -> Result<Zeroizing<String>, Error> {
    let password = fields.needed("new_password")?;
    let fits = password.len() <= PASSWORD;
    fits.then(|| Zeroizing::new(password.to_owned()))
        .ok_or_else(|| Error::invalid("new_password", "at most 512 bytes"))
}
