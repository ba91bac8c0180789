//! This file is about reading the audit log: its key, its files, and one of them.

use std::sync::Arc;

use keyward_core::command::{Answer, Command, Page};
use keyward_core::error::Error;
use keyward_core::id::{Id, ResourceId};
use keyward_core::resource::Resource;
use serde_json::{Value, json};

use super::answers::{self, FAILED, Flow, say};
use super::encoding::encode;
use super::gate::Admitted;
use super::logging::{FILES, LINES, TEXT};
use super::{keys, paging};
use crate::dialect::{Step, unexpected};

/// The most files of one answer.
const MOST: usize = 128;

/// Who signs the keys of files.
pub(super) fn key(admitted: &Arc<Admitted>) -> Flow {
    let state = &admitted.loaded()?.state;
    let (public, nonce) = (state.signer_public, admitted.ask.unit.random::<32>());
    Ok(keys::sign(state.signer()?, &nonce, move |signature| {
        say(&json!({ "key": encode(&public), "nonce": encode(&nonce), "nonce_signed": encode(&signature) }))
    }))
}

/// The files, oldest first.
pub(super) fn list(admitted: &Arc<Admitted>) -> Flow {
    let offset = paging::number(admitted.ask.segments().offset.as_deref())?.unwrap_or_default();
    Ok(resources(
        FILES,
        None,
        None,
        Vec::new(),
        move |mut files: Vec<String>, one| {
            files.extend(one.name);
            files
        },
        move |mut files| {
            // A file that was begun within the second of another has the name of a later one.
            files.sort_unstable();
            let shown: Vec<&String> = files.iter().skip(offset).take(MOST).collect();
            say(&json!({ "total": files.len(), "id": shown }))
        },
    ))
}

/// One file, unless it is still written to.
pub(super) fn read(admitted: &Arc<Admitted>) -> Flow {
    let name = admitted.ask.segments().file.to_ascii_lowercase();
    let is_name = name.len() == 8 && name.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_name.then_some(()).ok_or(Error::NoRoute)?;
    admitted.is_about(name.as_bytes());
    let is_open = admitted.ask.unit.log().as_ref().is_some_and(|file| format!("{:08x}", file.id) == name);
    if is_open {
        return Err(FAILED);
    }
    Ok(resources(
        FILES,
        None,
        None,
        None,
        move |found, one| {
            if one.name.as_ref() == Some(&name) { Some(one) } else { found }
        },
        |found| {
            let file = found.ok_or(Error::NoRoute)?;
            Ok(resources(
                LINES,
                Some(file.id),
                None,
                Vec::new(),
                |mut lines, one| {
                    lines.push((number(&one), text(&one)));
                    lines
                },
                move |mut lines: Vec<(u64, String)>| {
                    lines.sort_unstable_by_key(|(number, _)| *number);
                    let rest: String = lines.into_iter().map(|(_, line)| line).collect();
                    Ok(Step::Say(answers::text(text(&file) + &rest)))
                },
            ))
        },
    ))
}

/// Reads every resource of a collection, and carries on with what was made of them.
fn resources<T: Send + 'static>(
    collection: &'static str,
    parent: Option<ResourceId>,
    after: Option<Id>,
    made: T,
    see: impl Fn(T, Resource) -> T + Send + 'static,
    next: impl FnOnce(T) -> Flow + Send + 'static,
) -> Step {
    let page = Page { after, limit: Page::LIMIT };
    Step::then(Command::ListResources { collection, account: None, parent, page }, move |answer| {
        let Answer::Resources(found, rest) = answer else { return Err(unexpected()) };
        let made = found.into_iter().fold(made, &see);
        match rest {
            Some(_) => Ok(resources(collection, parent, rest, made, see, next)),
            None => next(made),
        }
    })
}

fn text(resource: &Resource) -> String {
    resource.content.get(TEXT).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn number(resource: &Resource) -> u64 {
    resource.content.get("number").and_then(Value::as_u64).unwrap_or_default()
}
