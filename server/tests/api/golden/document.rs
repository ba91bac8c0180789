//! This file is about the `OpenAPI` document, held against what the native API answers: of every answer in a transcript the
//! document tells the status, the header fields, and what the body holds.

use keyward_dialects::{Route, native, openapi};
use serde_json::Value;

use super::NATIVE;

/// Header fields that every answer may have, whatever was asked.
const EVERYWHERE: [&str; 2] = ["cache-control", "content-type"];

#[test]
fn answers_are_as_the_document_says() {
    let dialect = native::dialect().expect("the table holds");
    let document = openapi::document(&dialect, &native::OPERATIONS, native::PROBLEM, "0");
    let (mut wrong, mut bodies) = (Vec::new(), 0);
    for route in NATIVE.routes() {
        let told = told(&document, route);
        for answer in answers(&std::fs::read_to_string(NATIVE.file(route)).expect("a transcript")) {
            let judged = judge(&answer, told, &document);
            bodies += judged.as_ref().unwrap_or(&0);
            wrong.extend(
                judged.err().map(|why| format!("{} {}: {} {why}", route.method, route.path, answer.status)),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Were they not found in the transcripts, they would all be right.
    assert!(bodies > 200, "{bodies}");
}

/// What the document tells of a route.
fn told<'a>(document: &'a Value, route: &Route) -> &'a Value {
    let method = if route.method == "ANY" { "get".to_owned() } else { route.method.to_ascii_lowercase() };
    &document["paths"][route.path.replace("{*", "{")][method]
}

/// One answer of a transcript.
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

fn answers(transcript: &str) -> Vec<Answer> {
    let sections = transcript.split("\n## ").skip(1);
    sections.filter_map(|section| answer(section.split_once("\n< ")?.1)).collect()
}

fn answer(text: &str) -> Option<Answer> {
    let mut lines = text.lines();
    let status = lines.next()?.parse().ok()?;
    let (headers, body): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with("< "));
    let field =
        |line: &str| line.strip_prefix("< ")?.split_once(": ").map(|(n, v)| (n.to_owned(), v.to_owned()));
    Some(Answer { status, headers: headers.into_iter().filter_map(field).collect(), body: body.join("\n") })
}

/// How many bodies fitted; or why not.
fn judge(answer: &Answer, told: &Value, document: &Value) -> Result<usize, String> {
    let responses = &told["responses"];
    let response = match responses.get(answer.status.to_string()) {
        Some(response) => response,
        None if answer.status >= 400 => &responses["default"],
        None => return Err("is not told".to_owned()),
    };
    let known = response["headers"].as_object().ok_or("has no header fields")?;
    for (name, _) in answer.headers.iter().filter(|(name, _)| !EVERYWHERE.contains(&name.as_str())) {
        if !known.keys().any(|known| known.eq_ignore_ascii_case(name)) {
            return Err(format!("does not tell of {name}"));
        }
    }
    let body = answer.body.trim();
    let content_type = answer.headers.iter().find(|(name, _)| name == "content-type");
    let Some((_, content_type)) = content_type.filter(|_| !body.is_empty()) else { return Ok(0) };
    let content_type = content_type.split(';').next().unwrap_or_default();
    let media = response["content"].get(content_type).ok_or(format!("does not tell of {content_type}"))?;
    let parsed = |text| serde_json::from_str(text).map_err(|error| format!("{error}: {text}"));
    let values: Vec<Value> = match content_type {
        "application/json" | "application/problem+json" => vec![parsed(body)?],
        "application/x-ndjson" => body.lines().map(parsed).collect::<Result<_, _>>()?,
        _ => return Ok(0),
    };
    values.iter().try_for_each(|value| fits(value, &media["schema"], document))?;
    Ok(values.len())
}

/// Whether a value is as a schema says, in the words of JSON Schema that the document uses.
fn fits(value: &Value, schema: &Value, document: &Value) -> Result<(), String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.trim_start_matches('#')).ok_or("leads nowhere")?;
        fits(value, target, document).map_err(|why| format!("{reference}: {why}"))?;
    }
    let is = |kind: &Value| kind.as_str().is_some_and(|kind| is_of(value, kind));
    let kinds = schema["type"].as_array();
    let right_type = kinds.map_or_else(|| schema.get("type").is_none_or(is), |kinds| kinds.iter().any(is));
    if !right_type || schema.get("const").is_some_and(|only| only != value) {
        return Err(format!("{value} is not {schema}"));
    }
    // What stands beside a choice is told beside it.
    let mut rest = value.clone();
    if let (Some(rest), Some(beside)) = (rest.as_object_mut(), schema["properties"].as_object()) {
        rest.retain(|name, _| !beside.contains_key(name));
    }
    for (word, wanted) in [("oneOf", 1..=1), ("anyOf", 1..=usize::MAX)] {
        let Some(choices) = schema[word].as_array() else { continue };
        let fitting = choices.iter().filter(|choice| fits(&rest, choice, document).is_ok()).count();
        if !wanted.contains(&fitting) {
            return Err(format!("{rest} is {fitting} of {choices:?}"));
        }
    }
    let items = value.as_array().filter(|_| schema.get("items").is_some());
    items.into_iter().flatten().try_for_each(|item| fits(item, &schema["items"], document))?;
    let Some(members) = value.as_object() else { return Ok(()) };
    for wanted in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        members.get(wanted).ok_or_else(|| format!("{wanted} is missing"))?;
    }
    for (name, member) in members {
        match schema["properties"].get(name) {
            Some(schema) => fits(member, schema, document).map_err(|why| format!("{name}: {why}"))?,
            // Answers are open to readers, and closed to us: what is sent is told.
            None if schema["properties"].is_object() && schema.get("oneOf").is_none() => {
                return Err(format!("{name} is not told"));
            }
            None => {}
        }
    }
    Ok(())
}

fn is_of(value: &Value, kind: &str) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}
