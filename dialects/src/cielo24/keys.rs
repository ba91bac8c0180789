//! This file is about keys: one for long use that an account signs in with instead of its password, shown again
//! whenever it is asked for, and removed by its text.

use keyward_core::command::{Answer, Command, Draft, Ending, Issue, Named, Page};
use keyward_core::error::Error;
use keyward_core::filter::{Filter, StateFilter};
use keyward_core::id::{AccountId, Id, KeyId};
use keyward_core::key::{Found, Head, Key, Material, Place};
use keyward_core::permit::{Caller, Verb};
use keyward_core::scope::Scopes;
use keyward_core::secret::{Alphabet, Format, Label};
use serde_json::json;
use zeroize::Zeroizing;

use super::fields::{Fields, hex, missing};
use super::sessions::session;
use super::{accounts, answers};
use crate::dialect::{Params, Request, Step, unexpected};

/// How keys and tokens are written.
pub(super) const FORMAT: Format = Format::Plain { alphabet: Alphabet::Hex, public: 0, private: 32, hint: 0 };

/// What our keys are told by from the account's others.
const TAG: &str = "cielo24";

pub(super) fn generate(
    request: &Request<'_>,
    _: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    let session = session(caller)?;
    let fields = Fields::read(request)?;
    let force_new = fields.flag("force_new")?;
    accounts::named(fields.maybe("account_id"), session, move |account| {
        if force_new { issue(account) } else { Ok(show_first(account, None)) }
    })
}

pub(super) fn remove(
    request: &Request<'_>,
    _: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    let may_not = session(caller)?.permit(Verb::Remove).err();
    let (secret, may_not) = match (Fields::read(request).and_then(|fields| secret(&fields)), may_not) {
        (Err(_), Some(forbidden)) => return Err(forbidden),
        (secret, may_not) => (secret?, may_not),
    };
    // A token is no key, though both look alike.
    let is_ours: fn(&Caller, &Head) -> bool = |_, key| key.is_api_key();
    let Some(forbidden) = may_not else {
        // The sessions that it opened go on for at most their hour.
        let ending = Ending { end_sessions: false, is_ours, ..Ending::default() };
        return Ok(Step::remove(Named::Secret(secret), ending, answers::done));
    };
    Ok(Step::then(Command::HasKey { secret, is_ours }, |answer| {
        let Answer::HasKey(is_there) = answer else { return Err(unexpected()) };
        Err(if is_there { forbidden } else { Error::NotFound })
    }))
}

/// The key that is to be removed.
fn secret(fields: &Fields<'_>) -> Result<Zeroizing<String>, Error> {
    let key = hex(fields.key().ok_or_else(|| missing("api_securekey"))?);
    let key = key.ok_or_else(|| Error::invalid("api_securekey", "32 hex digits"))?;
    Ok(Zeroizing::new(key))
}

/// Shows the account's oldest key that goes on working; a new one if there is none.
fn show_first(account: AccountId, after: Option<Id>) -> Step {
    let filter = Filter {
        account: Some(account),
        state: Some(StateFilter::Active),
        tag: Some(TAG.to_owned()),
        ..Filter::default()
    };
    let list = Command::List { filter: Box::new(filter), page: Page { after, limit: 1 } };
    Step::then(list, move |answer| {
        let Answer::Keys(keys, next) = answer else { return Err(unexpected()) };
        match (keys.iter().find_map(lasting), next) {
            (Some(key), _) => Ok(show_again(account, key)),
            (None, Some(_)) => Ok(show_first(account, next)),
            (None, None) => issue(account),
        }
    })
}

/// Shows a key, or the one after it if it is removed meanwhile.
fn show_again(account: AccountId, key: KeyId) -> Step {
    Step::attempt(Command::Reveal(key), move |shown| match shown {
        Ok(Answer::Revealed(secret)) => show(secret.expose()),
        Ok(_) => Err(unexpected()),
        Err(Error::Gone(_)) => Ok(show_first(account, Some(key.id()))),
        Err(error) => Err(error),
    })
}

/// A key of our form that has no end.
fn lasting(found: &Found<Key>) -> Option<KeyId> {
    let Found::Live(key) = found else { return None };
    let Material::Secret(secret) = &key.traits.material else { return None };
    // Only a secret without a handle in it is placed by its digest: what took a key's place by rotation is of another form.
    let is_ours = secret.recoverable.is_some() && matches!(key.head.place, Place::Digest(_));
    let lasts = key.ends_at().is_none() && key.traits.not_before.is_none();
    (is_ours && lasts).then_some(key.head.id)
}

fn issue(account: AccountId) -> Result<Step, Error> {
    let environment = Label::parse("live").ok_or_else(|| Error::internal("a label of our own"))?;
    let issue = Issue {
        account: Some(account),
        format: FORMAT,
        environment,
        protected: false,
        recoverable: true,
        numbered: false,
        draft: Draft {
            name: "cielo24 API key".to_owned(),
            // It signs in instead of the password: whoever has it may do what the account may.
            scopes: Scopes::parse(["admin"])?,
            tags: vec![TAG.to_owned()],
            ..Draft::default()
        },
    };
    Ok(Step::then(Command::Issue(Box::new(issue)), |answer| {
        let Answer::Issued(_, secret) = answer else { return Err(unexpected()) };
        show(secret.expose())
    }))
}

fn show(key: &str) -> Result<Step, Error> {
    answers::say(&json!({ "ApiKey": key }))
}
