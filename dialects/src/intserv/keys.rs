//! This file is about access keys: adding, removing, and where one has arrived.

use std::collections::HashSet;

use http::{HeaderMap, StatusCode};
use keyward_core::access::{AccessPatch, Identification, NewAccess, PERSONS, Pin};
use keyward_core::command::{Answer, Command, Draft, Ending, Named, Patch};
use keyward_core::error::Error;
use keyward_core::id::{KeyId, ResourceId};
use keyward_core::key::{Key, Kind, Material};
use keyward_core::permit::{Caller, Verb};
use keyward_core::resource::NewResource;
use keyward_core::secret::Label;
use keyward_core::time::Timestamp;
use keyward_core::verifiers::{Arrival, ReachedBy};
use serde_json::{Map, Value, json};

use super::body::Body;
use super::{integration, resource, say, show};
use crate::dialect::{Params, Request, Response, Step, unexpected};
use crate::uuid;

/// The longest first or last name, in characters.
const NAME: usize = 32;

/// What a key is to be like.
#[derive(Clone)]
struct Wish {
    pin: Option<Pin>,
    valid_from: Timestamp,
    valid_to: Option<Timestamp>,
    levels: Option<Vec<ResourceId>>,
}

/// Who is to carry a new key.
enum Carrier {
    Known(ResourceId),
    New(Map<String, Value>),
}

pub(super) fn add(request: &Request<'_>, _: &Params<'_, '_>, caller: Option<&Caller>) -> Result<Step, Error> {
    let caller = integration(caller, Verb::Issue)?;
    let body = Body::read(request)?;
    let wish = wish(&body, caller.at)?;
    if let Some(id) = body.id("id")? {
        return Ok(Step::then(Command::Find(id), |found| update(found, wish)));
    }
    let Some(read) = identification(&body)? else { return begin_issue(&body, None, wish) };
    let find = Command::FindAccess(read.clone());
    Ok(Step::attempt(find, move |done| match done {
        Err(Error::NotFound) => begin_issue(&body, Some(read), wish),
        done => update(done?, wish),
    }))
}

pub(super) fn remove(
    request: &Request<'_>,
    _: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    integration(caller, Verb::Remove)?;
    let body = Body::read(request)?;
    let named = match body.id("id")? {
        Some(id) => Named::Id(id),
        None => Named::Access(identification(&body)?.ok_or_else(|| missing("key.identification"))?),
    };
    let ending = Ending { is_ours: |_, key| key.kind == Kind::Access, ..Ending::default() };
    Ok(Step::remove(named, ending, || {
        let nothing =
            Response { status: StatusCode::NO_CONTENT, headers: HeaderMap::new(), body: Vec::new() };
        Ok(Step::Say(nothing))
    }))
}

pub(super) fn status(
    request: &Request<'_>,
    _: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    integration(caller, Verb::Find)?;
    let id: KeyId = Body::read(request)?.id("id")?.ok_or_else(|| missing("id"))?;
    Ok(Step::then(Command::Find(id), |found| {
        let key = key(found)?;
        let opens =
            matches!(&key.traits.material, Material::Access(access) if !access.opens.levels.is_empty());
        let id = key.head.id;
        if !opens {
            return Ok(say(&applied(id, &[])));
        }
        Ok(Step::then(Command::FindReach(id), move |found| {
            let Answer::Reach(reach) = found else { return Err(unexpected()) };
            Ok(say(&applied(id, &reach)))
        }))
    }))
}

/// Where a key has arrived. A door controller is a verifier: a system goes by its name.
fn applied(id: KeyId, reach: &[ReachedBy]) -> Value {
    let (mut applied, mut pending, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for ReachedBy { name, arrival } in reach {
        match arrival {
            Arrival::Acknowledged(at) => {
                applied.push(json!({ "system_id": name, "applied_at": show::time(*at) }));
            }
            Arrival::Pending => pending.push(json!({ "system_id": name })),
            Arrival::Lost => failed.push(json!({ "system_id": name, "error_type": "unreachable" })),
        }
    }
    let status = match (applied.len(), pending.len(), failed.len()) {
        (0, 0, 0) => "NotApplied",
        (_, 0, 0) => "Applied",
        (0, 0, _) => "Failed",
        (0, ..) => "Pending",
        (..) => "PartiallyApplied",
    };
    json!({
        "id": uuid::print(id.id()),
        "status": status,
        "systems_where_applied": applied,
        "systems_where_pending": pending,
        "systems_where_failed": failed,
    })
}

/// What is asked for besides the identification. The window is stated whole every time; what else is left out stays.
fn wish(body: &Body, now: Timestamp) -> Result<Wish, Error> {
    let pin = |text: &str| Pin::parse(text).filter(|_| text.len() == 4);
    let pin = body.text("pin")?.map(|text| pin(text).ok_or_else(|| Error::invalid("pin", "4 digits")));
    // Times have whole seconds here: a key that is valid from now on is valid now.
    let now = Timestamp::from_millis(now.seconds() * 1000);
    let wish = Wish {
        pin: pin.transpose()?,
        valid_from: body.time("valid_from_date")?.unwrap_or(now),
        valid_to: body.time("valid_to_date")?,
        levels: body.ids("access_levels")?.map(once_each),
    };
    if wish.valid_to.is_some_and(|end| end <= wish.valid_from) {
        return Err(Error::invalid("valid_to_date", "after valid_from_date"));
    }
    Ok(wish)
}

fn once_each(mut levels: Vec<ResourceId>) -> Vec<ResourceId> {
    let mut seen = HashSet::new();
    levels.retain(|level| seen.insert(*level));
    levels
}

/// Who is to carry a new key. Not read for one that is there: it stays with whoever carries it.
fn carrier(body: &Body) -> Result<Carrier, Error> {
    // Somebody without names gets some when they are shown.
    let Some(person) = body.object("person")? else { return Ok(Carrier::New(Map::new())) };
    if let Some(id) = person.id("id")? {
        return Ok(Carrier::Known(id));
    }
    let mut names = Map::new();
    for field in ["first_name", "last_name"] {
        let name = person.text(field)?;
        if name.is_some_and(|name| name.chars().count() > NAME || name.chars().any(char::is_control)) {
            return Err(Error::invalid(field, "at most 32 characters"));
        }
        names.extend(name.map(|name| (field.to_owned(), name.into())));
    }
    Ok(Carrier::New(names))
}

/// What a door is to know the key by; `None` for a code that is to be made.
fn identification(body: &Body) -> Result<Option<Identification>, Error> {
    let key = body.object("key")?.ok_or_else(|| missing("id or key"))?;
    let text = key.text("identification")?;
    let (read, must) = match key.text("type")? {
        Some("proximity") => {
            let text = text.ok_or_else(|| missing("key.identification"))?;
            (
                Identification::badge(text),
                "a badge number of its technology's width, in decimal or 0x hexadecimal",
            )
        }
        Some("code") => {
            let Some(text) = text else { return Ok(None) };
            (Identification::code(text), "4 to 12 digits")
        }
        Some(_) | None => return Err(Error::invalid("key.type", "proximity or code")),
    };
    read.map(Some).ok_or_else(|| Error::invalid("key.identification", must))
}

fn missing(member: &str) -> Error {
    Error::invalid(member, "given")
}

fn update(found: Answer, wish: Wish) -> Result<Step, Error> {
    let access = AccessPatch { pin: wish.pin.map(Some), levels: wish.levels, person: None };
    let patch = Patch {
        not_before: Some(Some(wish.valid_from)),
        expires_at: Some(wish.valid_to),
        access: Some(access),
        ..Patch::default()
    };
    let (key, patch) = (key(found)?.head.id, Box::new(patch));
    Ok(Step::then(Command::Update { key, patch, if_match: None }, shown))
}

fn begin_issue(body: &Body, read: Option<Identification>, wish: Wish) -> Result<Step, Error> {
    let content = match carrier(body)? {
        Carrier::Known(person) => return issue(read, wish, person, false),
        Carrier::New(names) => names,
    };
    // Should the server stop before the key is there, nobody is left behind who carries nothing.
    let person = NewResource { collection: PERSONS, content, is_provisional: true, ..NewResource::default() };
    let create = Command::CreateResource(Box::new(person));
    Ok(Step::then(create, |made| issue(read, wish, resource(made)?.id, true)))
}

/// Makes a key for somebody who is known, or who was made for it.
fn issue(read: Option<Identification>, wish: Wish, person: ResourceId, is_new: bool) -> Result<Step, Error> {
    let new = NewAccess {
        account: None,
        environment: Label::parse("live").ok_or_else(|| Error::internal("a label of our own"))?,
        protected: false,
        identification: read.clone(),
        pin: wish.pin.clone(),
        levels: wish.levels.clone().unwrap_or_default(),
        person: Some(person),
        draft: Draft {
            name: "access key".to_owned(),
            not_before: Some(wish.valid_from),
            expires_at: wish.valid_to,
            ..Draft::default()
        },
    };
    Ok(Step::attempt(Command::IssueAccess(Box::new(new)), move |done| match done {
        Ok(answer) => shown(answer),
        // The key may be there, and somebody carries it.
        Err(error @ Error::Unavailable { .. }) => Err(error),
        Err(error) if is_new => {
            // Nobody is left behind who carries nothing.
            let remove = Command::RemoveResource { collection: PERSONS, resource: person, if_match: None };
            Ok(Step::attempt(remove, |_| instead(error, read, wish)))
        }
        Err(error) => instead(error, read, wish),
    }))
}

/// Updates the key that somebody else made meanwhile, if that is why there is no new one.
fn instead(error: Error, read: Option<Identification>, wish: Wish) -> Result<Step, Error> {
    let (Error::Taken { .. }, Some(read)) = (&error, read) else { return Err(error) };
    Ok(Step::attempt(Command::FindAccess(read), |found| match found {
        // Its parts are those of several keys.
        Err(Error::NotFound) => Err(error),
        found => update(found?, wish),
    }))
}

/// Shows a key, and who carries it.
fn shown(answer: Answer) -> Result<Step, Error> {
    let key = key(answer)?;
    let person = show::access(&key).and_then(|access| access.opens.person);
    let Some(person) = person else { return Ok(say(&show::key(&key, None))) };
    let find = Command::FindResource { collection: PERSONS, resource: person };
    Ok(Step::then(find, move |found| Ok(say(&show::key(&key, Some(&*resource(found)?))))))
}

/// The door credential in an answer. A key of another kind is none of this language's.
fn key(answer: Answer) -> Result<Box<Key>, Error> {
    let (Answer::Found(key) | Answer::Key(key) | Answer::IssuedAccess(key)) = answer else {
        return Err(Error::internal("no key"));
    };
    if show::access(&key).is_some() { Ok(key) } else { Err(Error::NotFound) }
}
