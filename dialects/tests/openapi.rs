//! The `OpenAPI` document against the table of routes, both ways, and against its own rules.

use std::collections::BTreeSet;

use keyward_dialects::{native, openapi};
use serde_json::Value;

use crate::samples::dialect;

fn document() -> Value {
    openapi::document(&dialect(), &native::OPERATIONS, native::PROBLEM, "1.2.3")
}

/// Every operation: method, path, and what is said about it.
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, methods)| {
        methods
            .as_object()
            .unwrap()
            .iter()
            .map(move |(method, told)| (method.to_uppercase(), path.clone(), told))
    });
    each.collect()
}

#[test]
fn it_has_every_route_once_and_no_other() {
    let document = document();
    let told: BTreeSet<_> =
        operations(&document).into_iter().map(|(method, path, _)| (method, path)).collect();
    let dialect = dialect();
    // What is the same by every method stands there under one.
    let method = |method: &str| if method == "ANY" { "GET".to_owned() } else { method.to_owned() };
    let routes: Vec<_> =
        dialect.routes.iter().map(|r| (method(r.method), r.path.replace("{*", "{"))).collect();
    assert_eq!(told, routes.iter().cloned().collect());
    assert_eq!(told.len(), routes.len(), "a route stands twice in the table");
    for operation in &native::OPERATIONS {
        let known = dialect.routes.iter().any(|r| r.method == operation.method && r.path == operation.path);
        assert!(known, "{} {} is no route", operation.method, operation.path);
    }
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let document = document();
    let names: BTreeSet<_> = operations(&document)
        .iter()
        .map(|(_, _, told)| told["operationId"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names.len(), operations(&document).len());
}

#[test]
fn every_path_parameter_is_declared_and_no_parameter_twice() {
    let document = document();
    for (method, path, told) in operations(&document) {
        let parameters = told["parameters"].as_array().unwrap();
        let text = |p: &Value, member: &str| p[member].as_str().unwrap().to_owned();
        let declared: BTreeSet<_> = parameters.iter().map(|p| (text(p, "in"), text(p, "name"))).collect();
        assert_eq!(declared.len(), parameters.len(), "{method} {path}");
        let in_path: BTreeSet<_> =
            declared.iter().filter(|(place, _)| place == "path").map(|(_, name)| name.as_str()).collect();
        let wanted: BTreeSet<_> =
            path.split('/').filter_map(|s| s.strip_prefix('{')?.strip_suffix('}')).collect();
        assert_eq!(in_path, wanted, "{method} {path}");
        assert!(parameters.iter().all(|p| p["in"] != "path" || p["required"] == true), "{method} {path}");
        assert!(parameters.iter().all(|p| p["schema"].is_object()), "{method} {path}");
    }
}

#[test]
fn a_query_is_told_member_by_member() {
    let document = document();
    let parameters = document["paths"]["/v1/keys"]["get"]["parameters"].as_array().unwrap();
    let names: BTreeSet<_> = parameters.iter().map(|p| p["name"].as_str().unwrap()).collect();
    for wanted in ["limit", "cursor", "account_id", "kind", "state", "tag", "handle", "unused_since"] {
        assert!(names.contains(wanted), "{wanted}");
    }
    let policy = document["paths"]["/v1/accounts/{id}"]["delete"]["parameters"].as_array().unwrap();
    let policy = policy.iter().find(|p| p["name"] == "policy").unwrap();
    assert_eq!(policy["required"], true);
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_used() {
    let document = document();
    let mut references = BTreeSet::new();
    collect_references(&document, &mut references);
    for reference in &references {
        let target = document.pointer(reference.trim_start_matches('#'));
        assert!(target.is_some(), "{reference} leads nowhere");
    }
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(references.contains(&format!("#/components/schemas/{name}")), "{name} is not used");
    }
}

fn collect_references(value: &Value, references: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                references.insert(reference.clone());
            }
            members.values().for_each(|member| collect_references(member, references));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, references)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn requests_are_closed_and_the_version_is_the_programs() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], "1.2.3");
    for request in ["IssueKey", "ImportKey", "UpdateKey", "RemoveKeys", "Verify", "CreateAccount"] {
        let schema = &document["components"]["schemas"][request];
        assert_eq!(schema["additionalProperties"], false, "{request}");
    }
    // `null` is not a way to leave a name as it is.
    let name = &document["components"]["schemas"]["UpdateKey"]["properties"]["name"];
    assert_eq!(name["type"], "string");
}

#[test]
fn every_call_says_which_scope_it_needs_and_what_a_problem_looks_like() {
    let document = document();
    for (method, path, told) in operations(&document) {
        assert!(told["description"].as_str().unwrap().contains('`'), "{method} {path}");
        let problem = &told["responses"]["default"]["content"]["application/problem+json"]["schema"]["$ref"];
        assert_eq!(problem, "#/components/schemas/Problem", "{method} {path}");
    }
}
