//! This file is about the `OpenAPI` 3.1 document of a dialect: its routes, what is said about each of them, and the
//! schemas of the wire types.

use http::StatusCode;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::dialect::{ANY, Dialect, Route};

/// Makes the schema of a type, or the reference to it.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What there is to say about one call.
pub struct Operation {
    /// Its method, as in the table of routes.
    pub method: &'static str,
    /// Its path, as in the table of routes.
    pub path: &'static str,
    /// Its name in generated clients.
    pub id: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// What its query may hold: the members of an object.
    pub query: Option<SchemaOf>,
    /// Header fields that say how it is to be done.
    pub headers: &'static [Header],
    /// The bodies that it takes: content type and schema.
    pub takes: &'static [Content],
    /// What it answers when all is well: status, content type and schema.
    pub answers: &'static [(u16, Option<Content>)],
    /// Header fields of those answers; which of them has which is said where it differs.
    pub tells: &'static [Header],
}

/// What every error looks like.
#[derive(Clone, Copy)]
pub struct Fault {
    /// Its body.
    pub content: Content,
    /// Its header fields.
    pub headers: &'static [Header],
}

/// A content type and the schema of what it holds.
pub type Content = (&'static str, SchemaOf);

/// A header field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub description: &'static str,
}

/// The reference to a type's schema.
pub fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// The document. `problem` is what every error looks like; a route without an operation is left out, which
/// the tests do not allow.
#[must_use]
pub fn document(dialect: &Dialect, operations: &[Operation], problem: Fault, version: &str) -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut generator = settings.into_generator();
    let mut paths: Map<String, Value> = Map::new();
    for route in dialect.routes {
        let told = operations.iter().find(|told| told.method == route.method && told.path == route.path);
        let Some(told) = told else { continue };
        let path = paths.entry(route.path.replace("{*", "{")).or_insert_with(|| json!({}));
        if let Value::Object(methods) = path {
            // The document has no word for all methods; the summary says it.
            let method =
                if route.method == ANY { "get".to_owned() } else { route.method.to_ascii_lowercase() };
            methods.insert(method, operation(route, told, problem, &mut generator));
        }
    }
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Keyward",
            "version": version,
            "summary": "Issue, verify and above all remove keys.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "secret": { "type": "http", "scheme": "bearer", "description": "The secret of a key." },
            },
            "schemas": generator.take_definitions(true),
        },
    })
}

fn operation(route: &Route, told: &Operation, problem: Fault, generator: &mut SchemaGenerator) -> Value {
    let mut parameters = path_parameters(route.path);
    parameters.extend(told.query.map(|of| query_parameters(of, generator)).unwrap_or_default());
    parameters.extend(told.headers.iter().map(|header| {
        json!({
            "name": header.name, "in": "header", "required": false,
            "description": header.description, "schema": { "type": "string" },
        })
    }));
    let mut responses = Map::new();
    for (status, content) in told.answers {
        let answer = responses.entry(status.to_string()).or_insert_with(|| {
            let reason = StatusCode::from_u16(*status).ok().and_then(|status| status.canonical_reason());
            json!({ "description": reason, "headers": fields(told.tells) })
        });
        if let (Value::Object(answer), Some((media_type, of))) = (answer, content)
            && let Value::Object(media) = answer.entry("content").or_insert_with(|| json!({}))
        {
            media.insert((*media_type).to_owned(), json!({ "schema": of(generator) }));
        }
    }
    let (media_type, of) = problem.content;
    let fault = json!({
        "description": "Why not.",
        "headers": fields(problem.headers),
        "content": { media_type: { "schema": of(generator) } },
    });
    responses.insert("default".into(), fault);
    let content = |(media_type, of): &Content| ((*media_type).to_owned(), json!({ "schema": of(generator) }));
    let content: Map<String, Value> = told.takes.iter().map(content).collect();
    let needs = route.scope().map(|scope| format!("Needs the scope `{scope}`."));
    let mut operation = json!({
        "operationId": told.id,
        "summary": told.summary,
        "description": needs.as_deref().unwrap_or("Anybody may ask."),
        "security": if needs.is_some() { json!([{ "secret": [] }]) } else { json!([]) },
        "parameters": parameters,
        "responses": responses,
    });
    if let (Value::Object(operation), false) = (&mut operation, content.is_empty()) {
        operation.insert("requestBody".to_owned(), json!({ "content": content }));
    }
    operation
}

/// The header fields of an answer.
fn fields(headers: &[Header]) -> Map<String, Value> {
    let field =
        |header: &Header| json!({ "description": header.description, "schema": { "type": "string" } });
    headers.iter().map(|header| (header.name.to_owned(), field(header))).collect()
}

/// One parameter for each variable segment.
fn path_parameters(path: &str) -> Vec<Value> {
    let names = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let names = names.map(|name| name.trim_start_matches('*'));
    names
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect()
}

/// One parameter for each member of an object.
fn query_parameters(of: SchemaOf, generator: &mut SchemaGenerator) -> Vec<Value> {
    // The object itself is no schema of the document: its members are.
    let reference = of(generator);
    let name = reference.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
    let object = name.and_then(|name| generator.definitions_mut().remove(name)).unwrap_or_default();
    let required = object.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let members = object.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let parameter = |(name, mut schema): (String, Value)| {
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        json!({
            "name": name, "in": "query", "required": required.contains(&Value::from(name.as_str())),
            "description": description, "schema": schema,
        })
    };
    members.into_iter().map(parameter).collect()
}
