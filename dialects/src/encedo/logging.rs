//! This file is about writing the audit log: a file is a resource that holds how it begins, a line is one that belongs to it. Each
//! line is durable before the answer that it is about goes out, and nobody waits for the line of another.

use std::sync::Arc;

use keyward_core::command::{Answer, Command};
use keyward_core::error::Error;
use keyward_core::resource::NewResource;
use keyward_core::time::Timestamp;
use serde_json::{Map, Value};

use super::answers::Flow;
use super::audit::{Entry, Event, LogKey};
use super::keys;
use super::state::Loaded;
use super::unit::Unit;
use crate::dialect::{Step, unexpected};

/// The collection of files.
pub(super) const FILES: &str = "encedo_log";
/// The collection of their lines.
pub(super) const LINES: &str = "encedo_line";
/// The member of either that holds its text.
pub(super) const TEXT: &str = "text";

/// Begins a file: at the start, when the unit is restarted, and when the one before is full.
pub(super) fn begin(
    unit: &Arc<Unit>,
    loaded: &Loaded,
    why: Event,
    next: impl FnOnce() -> Flow + Send + 'static,
) -> Flow {
    let key = LogKey::new(unit.random());
    let (unit, bytes) = (Arc::clone(unit), *key.bytes());
    Ok(keys::sign(loaded.state.signer()?, &bytes, move |signature| {
        let now = unit.now();
        let id = u32::try_from(now.seconds()).map_err(Error::internal)?;
        let after_last = unit.log().as_ref().map_or(id, |file| id.max(file.id.saturating_add(1)));
        Ok(create(unit, key, (signature, why, now), after_last, next))
    }))
}

/// Makes the file under the first free name from here on: two starts may fall into one second.
fn create(
    unit: Arc<Unit>,
    key: LogKey,
    head: (Vec<u8>, Event, Timestamp),
    id: u32,
    next: impl FnOnce() -> Flow + Send + 'static,
) -> Step {
    let new = NewResource {
        collection: FILES,
        name: Some(format!("{id:08x}")),
        content: content(key.head(&head.0, head.1, head.2)),
        ..NewResource::default()
    };
    Step::attempt(Command::CreateResource(Box::new(new)), move |made| match made {
        Ok(Answer::Resource(resource)) => {
            *unit.log() = Some(key.open(id, resource.id));
            next()
        }
        Ok(_) => Err(unexpected()),
        Err(Error::Taken { .. }) => Ok(create(unit, key, head, id.saturating_add(1), next)),
        Err(error) => Err(error),
    })
}

/// Writes a line; nothing before the first file was begun.
pub(super) fn write(
    unit: &Arc<Unit>,
    loaded: &Loaded,
    entry: Entry,
    next: impl FnOnce() -> Flow + Send + 'static,
) -> Flow {
    if unit.log().as_ref().is_some_and(super::audit::OpenFile::is_full) {
        let (unit, loaded) = (Arc::clone(unit), loaded.clone());
        return begin(&Arc::clone(&unit), &loaded.clone(), Event::Restarted, move || {
            line(&unit, &entry, next)
        });
    }
    line(unit, &entry, next)
}

fn line(unit: &Unit, entry: &Entry, next: impl FnOnce() -> Flow + Send + 'static) -> Flow {
    let now = unit.now();
    let written = unit.log().as_mut().map(|file| (file.resource, file.write(now, entry)));
    let Some((file, (number, text))) = written else { return next() };
    let mut content = content(text);
    content.insert("number".to_owned(), number.into());
    let new = NewResource { collection: LINES, parent: Some(file), content, ..NewResource::default() };
    Ok(Step::then(Command::CreateResource(Box::new(new)), |_| next()))
}

fn content(text: String) -> Map<String, Value> {
    Map::from_iter([(TEXT.to_owned(), Value::String(text))])
}
