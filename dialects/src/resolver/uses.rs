//! This file is about what keys open here: imports and files. That something came, and how much, is kept; what it was
//! is not.

use keyward_core::command::Command;
use keyward_core::error::Error;
use keyward_core::permit::Caller;
use keyward_core::resource::NewResource;
use serde_json::{Map, Value, json};

use super::{answers, given};
use crate::dialect::{Params, Request, Step};

pub(super) fn import(request: &Request<'_>, _: &Params<'_, '_>, _: Option<&Caller>) -> Result<Step, Error> {
    Ok(keep("imports", records(&given::json(request)?), Map::new()))
}

/// How many records a document has: the items of an array, or of all arrays in an object; anything else is one.
fn records(document: &Value) -> usize {
    match document {
        Value::Array(items) => items.len(),
        Value::Object(members) => {
            let mut lists = members.values().filter_map(Value::as_array).peekable();
            if lists.peek().is_some() { lists.map(Vec::len).sum() } else { 1 }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    }
}

pub(super) fn upload(request: &Request<'_>, _: &Params<'_, '_>, _: Option<&Caller>) -> Result<Step, Error> {
    Ok(keep("files", request.body.len(), Map::new()))
}

pub(super) fn attach(
    request: &Request<'_>,
    params: &Params<'_, '_>,
    _: Option<&Caller>,
) -> Result<Step, Error> {
    let number = |name: &str| Ok((name.to_owned(), given::in_path(params, name)?.into()));
    let place: Result<Map<String, Value>, Error> = ["objectID", "fileID"].into_iter().map(number).collect();
    Ok(keep("files", request.body.len(), place?))
}

/// Keeps how much came, and answers it.
fn keep(collection: &'static str, count: usize, mut content: Map<String, Value>) -> Step {
    content.insert("count".to_owned(), count.into());
    let new = NewResource { collection, content, ..NewResource::default() };
    Step::then(Command::CreateResource(Box::new(new)), move |_| answers::say(&json!({ "count": count })))
}
