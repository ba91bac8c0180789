//! This file is about queues and their messages: what keys open, a small durable store of the organization.

use keyward_core::command::{Answer, Command, Page};
use keyward_core::error::Error;
use keyward_core::id::{Id, OrganizationId, ResourceId};
use keyward_core::permit::{Caller, Verb};
use keyward_core::resource::{NewResource, Resource, ResourcePatch};
use serde_json::{Value, json};

use super::given::{Given, alias_of};
use super::ids;
use super::writer::Writer;
use crate::dialect::{Params, Request, Step, known, resource_removed, unexpected};

const QUEUES: &str = "queues";
const MESSAGES: &str = "messages";
/// The longest `data` of a message, in bytes.
const DATA: usize = 32 * 1024;
/// The most things in one answer: the vendor's lists have no pages.
const MOST: usize = 10_000;

pub(super) fn create(
    request: &Request<'_>,
    _: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    known(caller)?.permit(Verb::WriteResources)?.may_open(QUEUES, &[])?;
    let name = Given::read(request)?.name()?;
    let new = NewResource { collection: QUEUES, name, ..NewResource::default() };
    Ok(one_queue(Command::CreateResource(Box::new(new)), Writer::of(request)))
}

pub(super) fn list(
    request: &Request<'_>,
    _: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    known(caller)?.permit(Verb::ReadResources)?.may_open(QUEUES, &[])?;
    let writer = Writer::of(request);
    Ok(gather((QUEUES, None), None, Vec::new(), move |queues| {
        Ok(writer.many(&[QUEUES], QUEUES, &queues.iter().map(show_queue).collect::<Vec<_>>()))
    }))
}

pub(super) fn find(
    request: &Request<'_>,
    params: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    let (opened, writer) = (Opened::read(params, caller, Verb::ReadResources, QUEUES)?, Writer::of(request));
    Ok(opened.then(move |queue| Ok(say_queue(&queue, &writer))))
}

pub(super) fn update(
    request: &Request<'_>,
    params: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    let (opened, writer) = (Opened::read(params, caller, Verb::WriteResources, QUEUES)?, Writer::of(request));
    let given = Given::read(request)?;
    given.name()?;
    Ok(opened.then(move |queue| {
        let Some(name) = given.other_name(queue.name.as_deref().unwrap_or_default())? else {
            return Ok(say_queue(&queue, &writer));
        };
        // What is written is made of what was read: whoever changed it in between wins.
        let (resource, if_match) = (queue.id, Some(queue.version));
        let patch = Box::new(ResourcePatch { name: Some(name), content: None });
        Ok(one_queue(Command::UpdateResource { collection: QUEUES, resource, patch, if_match }, writer))
    }))
}

pub(super) fn remove(
    request: &Request<'_>,
    params: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    let (opened, writer) = (Opened::read(params, caller, Verb::WriteResources, QUEUES)?, Writer::of(request));
    Ok(opened.then(move |queue| {
        let resource = queue.id;
        let remove = Command::RemoveResource { collection: QUEUES, resource, if_match: None };
        Ok(Step::then(remove, move |answer| {
            resource_removed(answer)?;
            Ok(writer.gone(QUEUES, resource.id()))
        }))
    }))
}

pub(super) fn send(
    request: &Request<'_>,
    params: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    let (opened, writer) =
        (Opened::read(params, caller, Verb::WriteResources, MESSAGES)?, Writer::of(request));
    let given = Given::read(request)?;
    let data = given.text("data")?.filter(|data| data.len() <= DATA);
    let data = data.ok_or_else(|| Error::invalid("data", "a text of at most 32 KiB"))?;
    // Its name is no name of a resource: those are unique.
    let content = [("name", json!(given.text("name")?)), ("data", json!(data))];
    let content = content.into_iter().map(|(member, value)| (member.to_owned(), value)).collect();
    let new =
        NewResource { collection: MESSAGES, parent: Some(opened.queue), content, ..NewResource::default() };
    Ok(opened.or_closed(Step::then(Command::CreateResource(Box::new(new)), move |answer| {
        let Answer::Resource(message) = answer else { return Err(unexpected()) };
        Ok(writer.one(MESSAGES, message.id.id(), "message", &show_message(&message)))
    })))
}

pub(super) fn messages(
    request: &Request<'_>,
    params: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    let (opened, writer) =
        (Opened::read(params, caller, Verb::ReadResources, MESSAGES)?, Writer::of(request));
    let queue = opened.queue;
    Ok(opened.or_closed(gather((MESSAGES, Some(queue)), None, Vec::new(), move |messages| {
        let path = [QUEUES, &ids::write(queue.id()), MESSAGES];
        Ok(writer.many(&path, MESSAGES, &messages.iter().map(show_message).collect::<Vec<_>>()))
    })))
}

/// A queue in a path, of which the caller's key opens a collection.
struct Opened {
    queue: ResourceId,
    organization: OrganizationId,
}

impl Opened {
    /// Whether the key opens it is judged before it is said whether this is an id at all.
    fn read(
        params: &Params<'_, '_>,
        caller: Option<&Caller>,
        verb: Verb,
        collection: &str,
    ) -> Result<Self, Error> {
        let (id, caller) = (ids::in_path(params), known(caller)?);
        caller.permit(verb)?.may_open(collection, id.as_ref().map_or(&[], std::slice::from_ref))?;
        Ok(Self { queue: id?.into(), organization: caller.organization })
    }

    /// Goes on with the queue. As with keys, the organization follows from the caller's key.
    fn then(self, next: impl FnOnce(Box<Resource>) -> Result<Step, Error> + Send + 'static) -> Step {
        Step::then(self.find(), move |answer| next(self.judge(answer)?))
    }

    /// Goes on if it is a queue, or if the caller's key does not open queues: it may open their messages.
    fn or_closed(self, next: Step) -> Step {
        Step::attempt(self.find(), move |found| match found {
            Err(Error::Forbidden) => Ok(next),
            found => self.judge(found?).map(|_| next),
        })
    }

    const fn find(&self) -> Command {
        Command::FindResource { collection: QUEUES, resource: self.queue }
    }

    fn judge(&self, answer: Answer) -> Result<Box<Resource>, Error> {
        let Answer::Resource(queue) = answer else { return Err(unexpected()) };
        if queue.organization == self.organization { Ok(queue) } else { Err(Error::NotFound) }
    }
}

/// Reads page after page of a collection, or of what in it belongs to a parent.
fn gather(
    of: (&'static str, Option<ResourceId>),
    after: Option<Id>,
    mut found: Vec<Resource>,
    next: impl FnOnce(Vec<Resource>) -> Result<Step, Error> + Send + 'static,
) -> Step {
    let (collection, parent) = of;
    let page = Page { after, limit: Page::LIMIT };
    Step::then(Command::ListResources { collection, parent, account: None, page }, move |answer| {
        let Answer::Resources(resources, rest) = answer else { return Err(unexpected()) };
        found.extend(resources);
        match rest {
            Some(_) if found.len() < MOST => Ok(gather(of, rest, found, next)),
            Some(_) | None => next(found),
        }
    })
}

fn one_queue(command: Command, writer: Writer) -> Step {
    Step::then(command, move |answer| {
        let Answer::Resource(queue) = answer else { return Err(unexpected()) };
        Ok(say_queue(&queue, &writer))
    })
}

fn say_queue(queue: &Resource, writer: &Writer) -> Step {
    writer.one(QUEUES, queue.id.id(), "queue", &show_queue(queue))
}

fn show_queue(queue: &Resource) -> Value {
    json!({
        "id": ids::write(queue.id.id()),
        "name": queue.name,
        "alias": queue.name.as_deref().map(alias_of),
        "created_at": queue.created_at.millis(),
        "updated_at": queue.updated_at.millis(),
    })
}

fn show_message(message: &Resource) -> Value {
    json!({
        "id": ids::write(message.id.id()),
        "name": message.content.get("name"),
        "data": message.content.get("data"),
        "created_at": message.created_at.millis(),
    })
}
