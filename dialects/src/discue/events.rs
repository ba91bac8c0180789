//! This file is about the events of the last day: what became of an organization's keys.

use std::collections::{BTreeSet, HashMap};

use keyward_core::command::{Answer, Command, Page};
use keyward_core::error::Error;
use keyward_core::event::{Happened, Subject};
use keyward_core::id::{Id, KeyId, OrganizationId};
use keyward_core::permit::Caller;
use keyward_core::store::{Logged, Position};
use keyward_core::time::Timestamp;
use serde_json::{Value, json};

use super::ids;
use super::writer::Writer;
use crate::dialect::{Params, Request, Step, known, unexpected};

const DAY_MILLIS: u64 = 86_400_000;
/// How many events an answer has if nothing is said, and at most.
const LIMIT: usize = 100;
const MOST: usize = 1000;

/// Which events are asked for.
struct Wanted {
    organization: OrganizationId,
    /// Of these types; none given: of all.
    types: Vec<String>,
    limit: usize,
    /// Stored after this, in milliseconds, unless it is said after which event.
    after: Option<u64>,
    /// Logged after this.
    after_position: Option<Position>,
}

impl Wanted {
    fn read(request: &Request<'_>, organization: OrganizationId) -> Result<Self, Error> {
        let mut wanted =
            Self { organization, types: Vec::new(), limit: LIMIT, after: None, after_position: None };
        for (name, value) in form_urlencoded::parse(request.query.as_bytes()) {
            match &*name {
                "events" => {
                    wanted.types.extend(value.split(',').filter(|word| !word.is_empty()).map(str::to_owned));
                }
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=MOST).contains(limit));
                    wanted.limit = limit.ok_or_else(|| Error::invalid("limit", "1 to 1000"))?;
                }
                "startAfter" => {
                    let after = value.parse().map_err(|_| Error::invalid("startAfter", "milliseconds"))?;
                    wanted.after = Some(after);
                }
                "startAfterId" => wanted.after_position = Some(ids::position(&value)?),
                _ => {}
            }
        }
        Ok(wanted)
    }

    fn has(&self, logged: &Logged) -> bool {
        let is_type = |word| self.types.is_empty() || self.types.iter().any(|wanted| wanted == word);
        // Many events have the same millisecond, and each has a position of its own.
        let is_after = match (self.after_position, self.after) {
            (Some(position), _) => logged.position > position,
            (None, Some(after)) => logged.event.at.millis() > after,
            (None, None) => true,
        };
        is_after && word(logged.event.happened).is_some_and(is_type)
    }
}

/// The vendor's word for what happened to a key.
const fn word(happened: Happened) -> Option<&'static str> {
    match happened {
        Happened::Created | Happened::CreatedWith(_) => Some("api_key_added"),
        Happened::Updated | Happened::Suspended | Happened::Resumed => Some("api_key_updated"),
        Happened::Removed(_) => Some("api_key_removed"),
        Happened::Finished | Happened::Epoch | Happened::Enforced { .. } => None,
    }
}

pub(super) fn list(
    request: &Request<'_>,
    _: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    let caller = known(caller)?;
    let wanted = Wanted::read(request, caller.organization)?;
    let found = Found { wanted, events: Vec::new(), seen: BTreeSet::new(), writer: Writer::of(request) };
    let since = Timestamp::from_millis(caller.at.millis().saturating_sub(DAY_MILLIS));
    let first = Command::ListEventsSince { since, limit: 1 };
    Ok(Step::then(first, move |answer| {
        let Answer::Events(page) = answer else { return Err(unexpected()) };
        let day = page.found.first().map_or(page.next, |first| first.position);
        // From the last one that is known already: what came of the same request is not told again.
        let from = day.max(found.wanted.after_position.unwrap_or_default());
        Ok(found.gather(from))
    }))
}

/// What was found so far.
struct Found {
    wanted: Wanted,
    events: Vec<Logged>,
    /// Keys, each with a request that something became of it in. A call may take several of our commands: that is one
    /// event to this language, the first.
    seen: BTreeSet<(Id, u128)>,
    writer: Writer,
}

impl Found {
    /// Reads page after page.
    fn gather(mut self, from: Position) -> Step {
        Step::then(Command::ListEvents { from, limit: Page::LIMIT }, move |answer| {
            let Answer::Events(page) = answer else { return Err(unexpected()) };
            for logged in page.found {
                let (event, details) = (&logged.event, &logged.event.details);
                let is_theirs =
                    event.subject == Subject::Key && details.organization == self.wanted.organization;
                // What the server does by itself is of no request.
                let is_first = details.request == 0 || self.seen.insert((event.id(), details.request));
                if is_theirs && is_first && self.wanted.has(&logged) {
                    self.events.push(logged);
                }
                if self.events.len() == self.wanted.limit {
                    return Ok(self.name());
                }
            }
            Ok(if page.is_last { self.name() } else { self.gather(page.next) })
        })
    }

    /// Reads what the keys are called, one after the other.
    fn name(self) -> Step {
        let keys: BTreeSet<Id> = self.events.iter().map(|logged| logged.event.id()).collect();
        self.name_next(keys, HashMap::new())
    }

    fn name_next(self, mut keys: BTreeSet<Id>, mut names: HashMap<Id, String>) -> Step {
        let Some(key) = keys.pop_first() else { return self.say(&names) };
        Step::attempt(Command::FindKeyName(KeyId::from(key)), move |found| {
            // A removed key has no name.
            if let Ok(Answer::KeyName(name)) = found {
                names.insert(key, name);
            }
            Ok(self.name_next(keys, names))
        })
    }

    fn say(&self, names: &HashMap<Id, String>) -> Step {
        let events: Vec<Value> = self.events.iter().map(|logged| show(logged, names)).collect();
        self.writer.many(&["events"], "events", &events)
    }
}

fn show(logged: &Logged, names: &HashMap<Id, String>) -> Value {
    let (event, key) = (&logged.event, logged.event.id());
    json!({
        "id": ids::number(u128::from(logged.position)),
        "type": word(event.happened),
        "stored_at": event.at.millis(),
        "client": { "id": ids::write(event.details.organization.id()) },
        "api_key": { "id": ids::write(key), "name": names.get(&key) },
    })
}
