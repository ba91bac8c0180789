//! This file is about writing the audit log: a file is a resource that holds how it begins, a line is one that belongs to it. Each
//! line is durable before the answer that it is about goes out, and nobody waits for the line of another.

use std::sync::Arc;

use keyward_core::command::{Answer, Command};
use keyward_core::error::Error;
use keyward_core::resource::NewResource;
use keyward_core::time::Timestamp;
use serde_json::{Map, Value};

use super::answers::Flow;
use super::audit::{Entry, Event, LogKey, OpenFile};
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

/// Begins a file: at the start, when the unit is restarted, and when the one before is full, which is nothing to write down.
pub(super) fn begin(
    unit: &Arc<Unit>,
    loaded: &Loaded,
    why: Option<Event>,
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
    head: (Vec<u8>, Option<Event>, Timestamp),
    id: u32,
    next: impl FnOnce() -> Flow + Send + 'static,
) -> Step {
    let (text, lines) = key.head(&head.0, head.1, head.2);
    let new = NewResource {
        collection: FILES,
        name: Some(format!("{id:08x}")),
        content: content(text),
        ..NewResource::default()
    };
    Step::attempt(Command::CreateResource(Box::new(new)), move |made| match made {
        Ok(Answer::Resource(resource)) => {
            let mut log = unit.log();
            // Of two that were begun at once, the later one is written to.
            if log.as_ref().is_none_or(|file| file.id < id) {
                *log = Some(key.open(id, resource.id, lines));
            }
            drop(log);
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
    let is_full = || unit.log().as_ref().is_some_and(OpenFile::is_full);
    // Who comes while another begins the next file goes on in this one; who comes just after finds the next.
    let turn = is_full().then(|| unit.rotating().take()).flatten().filter(|_| is_full());
    let Some(turn) = turn else { return line(unit, &entry, next) };
    let again = Arc::clone(unit);
    begin(unit, loaded, None, move || {
        drop(turn);
        line(&again, &entry, next)
    })
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use keyward_core::command::{Answer, Command};
    use keyward_core::crypto::{Exercise, Exercised};
    use keyward_core::id::Id;
    use keyward_core::resource::NewResource;

    use super::super::answers::{Flow, done};
    use super::super::audit::{Entry, Event, LogKey, MOST_LINES, Outcome};
    use super::super::example::{asked, kept, made, read, unit};
    use super::super::state::load;
    use super::super::unit::Unit;
    use super::{FILES, LINES, TEXT, write};

    fn writes(unit: &Arc<Unit>) -> Flow {
        let entry =
            Entry { event: Event::Signed, outcome: Outcome::Ok, who: "U".to_owned(), data: String::new() };
        let unit = Arc::clone(unit);
        let step = load(move |loaded| write(&unit, &loaded?.expect("it was started"), entry, done));
        read(Ok(step), &kept())
    }

    fn created(command: Command) -> NewResource {
        let Command::CreateResource(new) = command else { panic!("it makes nothing") };
        *new
    }

    /// All who came when a file was full began another, 23 of which stayed empty.
    #[test]
    fn one_begins_the_next_file_while_others_go_on_in_the_full_one() {
        let unit = unit();
        *unit.log() = Some(LogKey::new([1; 32]).open(10, Id::from_bits(1).into(), MOST_LINES));
        let (sign, signed) = asked(writes(&unit));
        assert!(
            matches!(sign, Command::Exercise { exercise, .. } if matches!(*exercise, Exercise::Sign { .. }))
        );
        let line = created(asked(writes(&unit)).0);
        assert_eq!((line.collection, line.parent), (LINES, Some(Id::from_bits(1).into())));
        let signature = Answer::Exercised(Box::new(Exercised::Signature(vec![9; 64])));
        let (file, begun) = asked(signed(Ok(signature)));
        let file = created(file);
        assert_eq!(file.collection, FILES);
        assert_eq!(file.content[TEXT].as_str().map(|text| text.lines().count()), Some(2), "nobody restarted");
        let (line, _) = asked(begun(Ok(Answer::Resource(Box::new(made(file, 4))))));
        let line = created(line);
        assert_eq!((line.parent, line.content["number"].as_u64()), (Some(Id::from_bits(4).into()), Some(1)));
        let later = created(asked(writes(&unit)).0);
        assert_eq!((later.parent, later.content["number"].as_u64()), (line.parent, Some(2)));
    }
}
