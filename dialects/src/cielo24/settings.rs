//! This file is about settings: words and values that an account keeps, each a resource, so that two callers who change
//! two of them do not undo each other.

use keyward_core::command::Command;
use keyward_core::error::Error;
use keyward_core::id::AccountId;
use keyward_core::permit::Caller;
use keyward_core::resource::{NewResource, ResourcePatch};
use serde_json::{Map, Value};

use super::fields::Fields;
use super::resources::every;
use super::sessions::session;
use super::{accounts, answers};
use crate::dialect::{Params, Request, Step};

const COLLECTION: &str = "settings";
/// Longest name of a setting, in bytes.
const NAME: usize = 100;

pub(super) fn list(
    request: &Request<'_>,
    _: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    let session = session(caller)?;
    let fields = Fields::read(request)?;
    accounts::named(fields.maybe("account_id"), session, |account| {
        Ok(every(COLLECTION, account, |settings| {
            let values = settings.into_iter().flat_map(|setting| setting.content);
            answers::say(&Value::Object(values.collect()))
        }))
    })
}

pub(super) fn update(
    request: &Request<'_>,
    _: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    let session = session(caller)?;
    let fields = Fields::read(request)?;
    let setting = fields.needed("setting")?.to_owned();
    if setting.len() > NAME || setting.chars().any(char::is_control) {
        return Err(Error::invalid("setting", "at most 100 bytes, no control characters"));
    }
    let content: Map<String, Value> =
        [(setting.clone(), fields.given("value")?.into())].into_iter().collect();
    accounts::named(fields.maybe("account_id"), session, move |account| {
        Ok(set(account, setting, content, true))
    })
}

/// Changes a setting, or makes it. Somebody else may be quicker to make it; then it is there to be changed.
fn set(account: AccountId, setting: String, content: Map<String, Value>, tries_again: bool) -> Step {
    every(COLLECTION, account, move |settings| {
        let known = settings.iter().find(|known| known.content.contains_key(&setting));
        let command = match known {
            Some(known) => Command::UpdateResource {
                collection: COLLECTION,
                resource: known.id,
                patch: Box::new(ResourcePatch { name: None, content: Some(content.clone()) }),
                if_match: None,
            },
            None => Command::CreateResource(Box::new(NewResource {
                collection: COLLECTION,
                account: Some(account),
                name: Some(format!("{account} {setting}")),
                content: content.clone(),
                ..NewResource::default()
            })),
        };
        Ok(Step::attempt(command, move |done| match done {
            Ok(_) => answers::done(),
            Err(Error::Taken { .. }) if tries_again => Ok(set(account, setting, content, false)),
            Err(Error::Taken { .. }) => Err(Error::Stale),
            Err(error) => Err(error),
        }))
    })
}
