//! This file is about the pages that belong to no dialect: health, readiness, metrics, and the `OpenAPI` document.

use std::collections::BTreeSet;

use keyward_dialects::native;
use serde_json::{Value, json};

use super::scene::{Scene, no};
use crate::harness::{Server, folder};

#[test]
fn health_and_readiness_need_no_credential() {
    let scene = Scene::new();
    for (path, body) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
        let answer = scene.call_as("", "GET", path, None);
        assert_eq!((answer.status, answer.body.as_str()), (200, body), "{path}");
        assert_eq!(answer.header("content-type"), Some("text/plain"));
    }
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
        let by = if path == "/metrics" { scene.owner.as_str() } else { "" };
        let [whole, head] = ["GET", "HEAD"].map(|method| scene.call_as(by, method, path, None));
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        assert_eq!(head.header("content-type"), whole.header("content-type"), "{path}");
    }
    assert_eq!(scene.refused("GET", "/", Value::Null), no(404, "no_route"));
}

#[test]
fn metrics_count_what_was_answered() {
    let scene = Scene::new();
    let value = |name: &str| -> f64 {
        let page = scene.call("GET", "/metrics", None);
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/plain; version=0.0.4")));
        let line = page.body.lines().find(|line| line.starts_with(&format!("{name} "))).map(str::to_owned);
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok())
            .unwrap_or_else(|| panic!("no {name} in {}", page.body))
    };
    let valid = |scene: &Scene| scene.metrics();
    let key = scene.held(json!({}));
    scene.verdict(&key.secret);
    assert!(valid(&scene).contains("keyward_"), "names of our own");
    let before = value("keyward_answers_total{status=\"404\"}");
    scene.call("GET", "/v1/nothing", None);
    assert!(value("keyward_answers_total{status=\"404\"}") >= before + 1.0);
    assert!((value("keyward_locked") - 0.0).abs() < f64::EPSILON);
    let page = valid(&scene);
    assert!(!page.contains(&key.secret) && !page.contains(&key.id), "no key is named");
}

/// They were there for whoever came from the machine itself: behind a proxy on it, for everybody.
#[test]
fn metrics_are_for_who_may_read_the_log() {
    let scene = Scene::new();
    let verifier = scene.held(json!({ "scopes": ["keys:verify"] }));
    let reader = scene.held(json!({ "scopes": ["log:read"] }));
    for stranger in ["", "kw_live_nonsense", &verifier.secret] {
        let answer = scene.call_as(stranger, "GET", "/metrics", None);
        assert_eq!((answer.status, answer.json()["code"].as_str()), (404, Some("no_route")), "{stranger}");
    }
    assert_eq!(scene.call_as(&reader.secret, "GET", "/metrics", None).status, 200);
}

#[test]
fn whoever_watches_over_the_server_has_a_listener_without_keys() {
    let folder = folder();
    let server = Server::configured(folder.path(), |_| {});
    assert!(server.watch("/metrics").body.contains("keyward_locked 0"));
    assert_eq!(server.watch("/healthz").body, "ok\n");
    assert_eq!(server.watch("/readyz").body, "ready\n");
    for path in ["/v1/keys", "/openapi.json", "/v1/log/checkpoint", "/api/account/login", "/"] {
        assert_eq!(server.watch(path).status, 404, "{path}");
    }
}

#[test]
fn the_document_describes_the_routes_and_no_others() {
    let scene = Scene::new();
    let answer = scene.call_as("", "GET", "/openapi.json", None);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let document = answer.json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            described.insert((method.to_uppercase(), path.clone()));
            assert!(
                operation["responses"].as_object().is_some_and(|all| all.contains_key("default")),
                "{path}"
            );
        }
    }
    let dialect = native::dialect().expect("the table holds");
    let routes: BTreeSet<(String, String)> =
        dialect.routes.iter().map(|route| (told(route.method), route.path.replace("{*", "{"))).collect();
    assert_eq!(described, routes);
    references(&document, &document);
    // Every one of them is answered by the server that serves the document.
    for (method, path) in described {
        let path = path.replace("{id}", "x").replace("{tile}", "0/000");
        assert_eq!(scene.call_as("", &method, &path, None).status, 401, "{method} {path}");
    }
}

/// The method under which the document has a route: what is the same by every method stands under `GET`.
fn told(method: &str) -> String {
    if method == "ANY" { "GET".to_owned() } else { method.to_owned() }
}

/// Every reference of the document leads somewhere.
fn references(part: &Value, document: &Value) {
    match part {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                let found = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
                assert!(found.is_some(), "{reference} leads nowhere");
            }
            members.values().for_each(|member| references(member, document));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, document)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
