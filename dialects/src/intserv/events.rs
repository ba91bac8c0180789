//! This file is about events: what was read at doors.

use std::collections::HashMap;

use keyward_core::access::{DOOR_EVENTS, PERSONS};
use keyward_core::command::{Answer, Command, Page};
use keyward_core::error::Error;
use keyward_core::id::{Id, KeyId, ResourceId};
use keyward_core::permit::Caller;
use keyward_core::resource::Resource;
use keyward_core::time::Timestamp;
use keyward_core::verbs::verify::Refusal;
use serde_json::{Value, json};

use super::body::Body;
use super::{anyone, say, show};
use crate::dialect::{Params, Request, Step};
use crate::uuid;

/// The most events of an answer, and how many if nothing is said.
const MOST: usize = 1000;
/// How many pages are looked through before an answer is given with what was found.
const PAGES: usize = 20;
/// How far back an answer goes if nothing is said: 7 days.
const BACK_MILLIS: u64 = 7 * 86_400_000;

/// Which events are wanted, and those that were found.
struct Search {
    /// After this one.
    after: Id,
    /// Both in whole seconds, as times are shown: whoever names a second that they saw means all of it.
    from: Timestamp,
    to: Option<Timestamp>,
    systems: Option<Vec<String>>,
    /// Only granted, or only denied ones.
    granted: Option<bool>,
    limit: usize,
    pages: usize,
    /// When it was asked for: every read before that is written down.
    at: Timestamp,
    found: Vec<Resource>,
    /// What the events name, as far as it is there.
    keys: HashMap<KeyId, Value>,
    persons: HashMap<ResourceId, Value>,
}

pub(super) fn list(
    request: &Request<'_>,
    _: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    let at = anyone(caller)?.at;
    let body = Body::read(request)?;
    let from = body.time("from_date")?;
    let from = from.unwrap_or(Timestamp::from_millis(at.millis().saturating_sub(BACK_MILLIS)));
    let granted = match (body.flag("include_access_granted")?, body.flag("include_access_denied")?) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        (true, true) | (false, false) => None,
    };
    let limit = body.number("limit")?.map_or(Some(MOST), |limit| usize::try_from(limit).ok());
    let limit = limit.filter(|limit| (1..=MOST).contains(limit));
    let continuation = body.text("continuation_key")?.map(|text| {
        uuid::parse(text).ok_or_else(|| Error::invalid("continuation_key", "one of an answer before"))
    });
    // An id begins with the time of its making: this is the last one before that.
    let first = Id::new(Timestamp::from_millis(from.seconds() * 1000), [0; 10]).bits();
    more(Search {
        after: continuation.transpose()?.unwrap_or(Id::from_bits(first.saturating_sub(1))),
        from,
        to: body.time("to_date")?,
        systems: body.texts("systems")?.filter(|systems| !systems.is_empty()),
        granted,
        limit: limit.ok_or_else(|| Error::invalid("limit", "1 to 1000"))?,
        pages: 0,
        at,
        found: Vec::new(),
        keys: HashMap::new(),
        persons: HashMap::new(),
    })
}

/// Looks through one more page.
fn more(mut search: Search) -> Result<Step, Error> {
    search.pages += 1;
    let page = Page { after: Some(search.after), limit: Page::LIMIT };
    let list = Command::ListResources { collection: DOOR_EVENTS, account: None, parent: None, page };
    Ok(Step::then(list, |answer| {
        let Answer::Resources(events, next) = answer else {
            return Err(Error::internal("no list of events"));
        };
        for event in events {
            if search.to.is_some_and(|to| event.created_at.seconds() > to.seconds()) {
                return name_next(search, false);
            }
            let wanted = search.wants(&event);
            if wanted && search.found.len() == search.limit {
                return name_next(search, true);
            }
            search.after = event.id.id();
            search.found.extend(wanted.then_some(event));
        }
        match next {
            Some(_) if search.pages < PAGES => more(search),
            next => name_next(search, next.is_some()),
        }
    }))
}

impl Search {
    fn wants(&self, event: &Resource) -> bool {
        let system = text(event, "verifier");
        event.created_at.seconds() >= self.from.seconds()
            && self.granted.is_none_or(|granted| granted == refusal(event).is_none())
            && self
                .systems
                .as_ref()
                .is_none_or(|wanted| wanted.iter().any(|wanted| Some(wanted.as_str()) == system))
    }
}

/// Looks up one more of the keys and persons that the events name; when there are none left, answers.
fn name_next(mut search: Search, has_more: bool) -> Result<Step, Error> {
    let key = search.found.iter().filter_map(key_id).find(|key| !search.keys.contains_key(key));
    if let Some(id) = key {
        return Ok(Step::attempt(Command::Find(id), move |done| {
            let key = match there(done)? {
                Some(Answer::Found(key)) => show::access(&key).map(show::identification),
                _ => None,
            };
            search.keys.insert(id, key.unwrap_or_default());
            name_next(search, has_more)
        }));
    }
    let person =
        search.found.iter().filter_map(person_id).find(|person| !search.persons.contains_key(person));
    if let Some(resource) = person {
        let find = Command::FindResource { collection: PERSONS, resource };
        return Ok(Step::attempt(find, move |done| {
            let person = match there(done)? {
                Some(Answer::Resource(person)) => Some(show::person(&person)),
                _ => None,
            };
            search.persons.insert(resource, person.unwrap_or_default());
            name_next(search, has_more)
        }));
    }
    Ok(say(&json!({
        "least_sync_time": show::time(search.at),
        "has_more": has_more,
        "continuation_key": uuid::print(search.after),
        "events": search.found.iter().map(|event| shown(event, &search)).collect::<Vec<_>>(),
    })))
}

/// What an event names may be gone, or not for this caller: that is no error of the list.
fn there(done: Result<Answer, Error>) -> Result<Option<Answer>, Error> {
    match done {
        Ok(answer) => Ok(Some(answer)),
        Err(Error::NotFound | Error::Gone(_) | Error::Forbidden | Error::WrongState { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn shown(event: &Resource, search: &Search) -> Value {
    let refusal = refusal(event);
    let key = key_id(event);
    json!({
        "event_time": show::time(event.created_at),
        "sequence_id": event.content.get("number"),
        "category": if refusal.is_none() { "accessgranted" } else { "accessdenied" },
        "type": number(event, refusal),
        "system_id": text(event, "verifier"),
        "door_name": text(event, "door"),
        "key_id": key.map(|key| uuid::print(key.id())),
        "key": key.and_then(|key| search.keys.get(&key)),
        "person": person_id(event).and_then(|person| search.persons.get(&person)),
        "subject": null,
    })
}

/// The number of a type of event.
fn number(event: &Resource, refusal: Option<Refusal>) -> u16 {
    let has_pin = event.content.get("pin").and_then(Value::as_bool).unwrap_or_default();
    match refusal {
        None if text(event, "type") == Some("code") => 101,
        None => {
            if has_pin {
                103
            } else {
                102
            }
        }
        Some(Refusal::Malformed | Refusal::Unknown | Refusal::Removed) => 201,
        Some(Refusal::Expired) => 202,
        Some(Refusal::Suspended) => 204,
        Some(Refusal::NoPin) => 205,
        Some(Refusal::InsufficientScope | Refusal::LevelNotGranted) => 206,
        Some(Refusal::NotYetValid) => 207,
        Some(Refusal::AddressNotAllowed | Refusal::RateLimited | Refusal::UsedUp | Refusal::WrongPin) => 200,
    }
}

/// Why a read was refused; `None` if it was not.
fn refusal(event: &Resource) -> Option<Refusal> {
    match text(event, "verdict") {
        Some("valid") => None,
        word => Some(word.and_then(Refusal::parse).unwrap_or(Refusal::Unknown)),
    }
}

fn key_id(event: &Resource) -> Option<KeyId> {
    KeyId::parse(text(event, "key")?)
}

fn person_id(event: &Resource) -> Option<ResourceId> {
    ResourceId::parse(text(event, "person")?)
}

fn text<'a>(event: &'a Resource, member: &str) -> Option<&'a str> {
    event.content.get(member)?.as_str()
}
