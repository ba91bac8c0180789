//! This file is about API keys: each belongs to a user, has a public half that is listed, and is removed by its number.

use keyward_core::command::{Answer, Command, Draft, Ending, Issue, Named, Page};
use keyward_core::error::Error;
use keyward_core::filter::Filter;
use keyward_core::id::{AccountId, Id};
use keyward_core::key::{Found, Head, Key};
use keyward_core::permit::{Caller, Verb};
use keyward_core::scope::{IMPERSONATE, Scopes};
use keyward_core::secret::{Alphabet, Format, Label};
use keyward_core::store::RecordKind;
use serde_json::{Value, json};

use super::given::{self, Given};
use super::{administrator, answers, users};
use crate::dialect::{Params, Request, Step, known, unexpected};

/// The length of the public half.
const ACCESS_KEY: usize = 20;

pub(super) fn create(
    request: &Request<'_>,
    _: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    let caller = administrator(caller, Verb::Issue)?;
    let given = Given::read(request)?;
    let impersonates = given.flag("canImpersonate")?;
    if impersonates && !caller.is_operator() {
        return Err(Error::Forbidden);
    }
    let user = given.number("orgUserId")?.ok_or_else(|| Error::invalid("orgUserId", "an integer"))?;
    let name = given.text("name")?.to_owned();
    // What a key may do is what its user may: the role says how far that reaches.
    let scopes = Scopes::parse(["admin"].into_iter().chain(impersonates.then_some(IMPERSONATE)))?;
    let environment = Label::parse("live").ok_or_else(|| Error::internal("a label of our own"))?;
    Ok(users::numbered(user, move |user| {
        let issue = Issue {
            account: Some(user.id),
            format: Format::Plain {
                alphabet: Alphabet::Alphanumeric,
                public: ACCESS_KEY,
                private: 40,
                hint: 0,
            },
            environment,
            protected: false,
            recoverable: false,
            numbered: true,
            draft: Draft { name, scopes, ..Draft::default() },
        };
        Ok(Step::then(Command::Issue(Box::new(issue)), |answer| {
            let Answer::Issued(key, secret) = answer else { return Err(unexpected()) };
            let mut record = show(&key);
            if let Some(members) = record.as_object_mut() {
                members.insert("key".to_owned(), secret.expose().into());
            }
            answers::created(&record)
        }))
    }))
}

pub(super) fn list(_: &Request<'_>, params: &Params<'_, '_>, caller: Option<&Caller>) -> Result<Step, Error> {
    administrator(caller, Verb::List)?;
    Ok(of_user(given::in_path(params, "userId")?))
}

/// By the number of a key; the vendor's own steps put that of a user here.
pub(super) fn find(_: &Request<'_>, params: &Params<'_, '_>, caller: Option<&Caller>) -> Result<Step, Error> {
    administrator(caller, Verb::List)?;
    let number = given::in_path(params, "id")?;
    let by_number = Command::FindNumbered { kind: RecordKind::Key, number };
    Ok(Step::attempt(by_number, move |found| match found.and_then(ours) {
        Ok(key) => answers::say(&json!({ "data": [show(&key)] })),
        Err(Error::NotFound | Error::Gone(_)) => Ok(of_user(number)),
        Err(error) => Err(error),
    }))
}

pub(super) fn remove(
    _: &Request<'_>,
    params: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    let (number, asker) = (given::in_path(params, "id"), known(caller)?);
    let is_own =
        !asker.impersonates && number.as_ref().is_ok_and(|number| *number == asker.key.id().number());
    let key = match administrator(caller, Verb::Remove) {
        Err(_) if is_own => Named::Id(asker.key),
        judged => judged.and(number).map(Named::Number)?,
    };
    let ending = Ending { is_ours: |_, key| is_ours(key), ..Ending::default() };
    Ok(Step::remove(key, ending, answers::removed))
}

/// Says the keys of the user who has this number.
fn of_user(number: u32) -> Step {
    users::numbered(number, |user| Ok(gather(user.id, None, Vec::new())))
}

/// Reads page after page.
fn gather(user: AccountId, after: Option<Id>, mut records: Vec<Value>) -> Step {
    let filter = Box::new(Filter { account: Some(user), ..Filter::default() });
    let page = Page { after, limit: Page::LIMIT };
    Step::then(Command::List { filter, page }, move |answer| {
        let Answer::Keys(found, next) = answer else { return Err(unexpected()) };
        records.extend(found.iter().filter_map(|found| match found {
            Found::Live(key) => is_ours(&key.head).then(|| show(key)),
            Found::Removed(_) => None,
        }));
        match next {
            Some(_) => Ok(gather(user, next, records)),
            None => answers::say(&[("data", records)].into_iter().collect()),
        }
    })
}

/// The key of an answer, if it is one to this language.
fn ours(answer: Answer) -> Result<Box<Key>, Error> {
    let Answer::Found(key) = answer else { return Err(unexpected()) };
    if is_ours(&key.head) { Ok(key) } else { Err(Error::NotFound) }
}

/// True for a key that looks like those made here: no session, no password, none of another system.
fn is_ours(key: &Head) -> bool {
    let access_key = key.handle.as_str();
    let has_our_form =
        access_key.len() == ACCESS_KEY && access_key.bytes().all(|byte| byte.is_ascii_alphanumeric());
    key.is_api_key() && has_our_form
}

fn show(key: &Key) -> Value {
    json!({
        "id": key.head.id.id().number(),
        "orgUserId": key.head.account.id().number(),
        "name": key.traits.name,
        "accessKey": key.head.handle.as_str(),
        "canImpersonate": key.traits.scopes.has(IMPERSONATE),
        "created": key.head.created_at.to_string(),
    })
}
