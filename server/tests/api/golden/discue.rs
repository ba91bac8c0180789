//! This file is about the calls of discue's clients that are shown, each with the prefix `/v1` and without.

use keyward_dialects::{Route, discue};
use serde_json::{Value, json};

use super::call::{Call, Shown, bare, sent, shows};
use super::{Cast, Language, by_path};
use crate::api::scene::{Scene, text};

pub(super) const DISCUE: Language = Language {
    name: "discue",
    dialect: discue::dialect,
    title: by_path,
    scene: Scene::with_hosts,
    cast: |scene| {
        let [whoever_may, stranger] = ["discue", "a stranger"].map(|name| scene.tenant(name).owner.secret);
        Cast { whoever_may, stranger }
    },
    sign: |call, key| call.signed(format!("X-API-KEY: {key}")),
    differs: r#"
        "request_id":\x20"(?P<request>[0-9a-f]{32})"
      | "(?P<secret_key>[0-9A-Za-z_-]{64})"
      | ["/=](?P<nanoid>[0-9A-Za-z-]{21})(?:["/&\s]|$)
      | "key":\x20"(?P<start>[0-9A-Za-z_-]{3})"
      | \b(?P<millis>1[0-9]{12})\b
    "#,
    shown,
};

/// An id as the vendor's own are, and none of ours is.
const NOTHING: &str = "V1StGXR8_Z5jdHi6B-myT";

fn shown(route: &Route, scene: &Scene, cast: &Cast) -> Shown {
    let make = |path: &str, body: Value| {
        let headers = format!("X-API-KEY: {}\r\n", cast.whoever_may);
        let made = scene.request("POST", path, &headers, body.to_string().as_bytes());
        assert_eq!(made.status, 200, "{}", made.body);
        let link = text(&made.json()["_links"]["self"]["href"]);
        link.rsplit('/').next().expect("an id").to_owned()
    };
    let is_of_queues = route.path.contains("/queues");
    if is_of_queues { of_queues(route, make) } else { of_keys(route, make) }
}

fn of_keys(route: &Route, make: impl Fn(&str, Value) -> String) -> Shown {
    let (method, path) = (route.method, route.path);
    let of = |id: &str| path.replace("{id}", id);
    match (method, path.trim_start_matches("/v1")) {
        ("GET", "") => shows(bare(method, path), None, bare(method, "/v1?pretty=true")).for_everybody(),
        ("GET", "/") => {
            let there = |path: &str| bare(method, path).with("Host: discue.example");
            shows(there(path), None, there("/?pretty=true")).for_everybody()
        }
        ("POST", "/api_keys") => create_key(path, &make("/v1/queues", json!({ "name": "orders" }))),
        ("GET", "/api_keys" | "/api_clients") => {
            if path.ends_with("keys") {
                make("/v1/api_keys", json!({ "alias": "ci.builds", "scopes": {} }));
            }
            shows(bare(method, path), None, bare(method, path).with("Accept: text/html"))
                .more("indented", bare(method, format!("{path}?pretty=true")))
        }
        ("GET", "/api_keys/{id}") => by_id(route, &make("/v1/api_keys", json!({ "name": "builds" }))),
        ("PUT", "/api_keys/{id}") => {
            let id = make("/v1/api_keys", json!({ "alias": "ci.builds" }));
            let scopes = json!({ "events": { "access": "read", "targets": ["*"] } });
            let body = json!({ "alias": "ci.other", "status": "disabled", "scopes": scopes });
            changed(route, &id, &body).more("not JSON", sent(method, of(&id), "{"))
        }
        ("DELETE", "/api_keys/{id}") => {
            let id = make("/v1/api_keys", json!({ "name": "builds" }));
            by_id(route, &id).more("again", bare(method, of(&id))).more("read", bare("GET", of(&id)))
        }
        ("GET", "/events") => {
            make("/v1/api_keys", json!({ "name": "builds" }));
            shows(bare(method, path), None, bare(method, format!("{path}?limit=all")))
                .more("of another type", bare(method, format!("{path}?events=api_key_removed")))
        }
        ("POST", "/api_clients") => {
            let own = json!({ "alias": "discue" });
            shows(sent(method, path, own), None, sent(method, path, json!({ "alias": "a b" })))
                .more("another name", sent(method, path, json!({ "name": "acme" })))
                .more("a name that is taken", sent(method, path, json!({ "name": "a stranger" })))
        }
        ("GET", "/api_clients/{id}") => {
            by_id(route, &make("/v1/api_clients", json!({ "alias": "acme.inc" })))
        }
        ("PUT", "/api_clients/{id}") => {
            let id = make("/v1/api_clients", json!({ "alias": "acme.inc" }));
            changed(route, &id, &json!({ "name": "acme" }))
        }
        unknown => panic!("{unknown:?} is not shown"),
    }
}

fn of_queues(route: &Route, make: impl Fn(&str, Value) -> String) -> Shown {
    let (method, path) = (route.method, route.path);
    let of = |id: &str| path.replace("{id}", id);
    match (method, path.trim_start_matches("/v1")) {
        ("POST", "/queues") => {
            let body = json!({ "alias": "orders" });
            shows(sent(method, path, &body), None, sent(method, path, json!({ "alias": 7 })))
                .more("again", sent(method, path, body))
        }
        ("GET", "/queues") => {
            make("/v1/queues", json!({ "name": "orders" }));
            shows(bare(method, path), None, bare(method, path).with("Accept: text/html"))
        }
        ("GET" | "DELETE", "/queues/{id}") => {
            let id = make("/v1/queues", json!({ "name": "orders" }));
            by_id(route, &id).more("again", bare(method, of(&id)))
        }
        ("PUT", "/queues/{id}") => {
            let id = make("/v1/queues", json!({ "name": "orders" }));
            changed(route, &id, &json!({ "name": "invoices" }))
        }
        ("POST", "/queues/{id}/messages") => {
            let id = make("/v1/queues", json!({ "name": "orders" }));
            changed(route, &id, &json!({ "name": "first", "data": "hello" }))
                .more("without data", sent(method, of(&id), json!({ "name": "first" })))
        }
        ("GET", "/queues/{id}/messages") => {
            let id = make("/v1/queues", json!({ "name": "orders" }));
            make(&format!("/v1/queues/{id}/messages"), json!({ "data": "hello" }));
            by_id(route, &id)
        }
        unknown => panic!("{unknown:?} is not shown"),
    }
}

fn create_key(path: &str, queue: &str) -> Shown {
    let post = |body: Value| sent("POST", path, body);
    let scopes = json!([{ "resource": "queues", "access": "read", "targets": [queue] }]);
    let full = json!({ "name": "builds", "status": "enabled", "scopes": scopes });
    let forbidden = json!([{ "resource": "api_keys", "access": "read" }]);
    let scopes = json!({ "queues": { "access": "write", "targets": ["*"] } });
    let other_form = json!({ "alias": "ci.builds", "status": "disabled", "scopes": scopes });
    shows(post(full), None, post(json!({ "name": 7 })))
        .more("in the provider's form", post(other_form))
        .more("with nothing said", bare("POST", path))
        .more("with a scope that cannot be granted", post(json!({ "scopes": forbidden })))
        .more(
            "of another type",
            Call { body: Some("builds".to_owned()), ..bare("POST", path) }.with("Content-Type: text/plain"),
        )
}

fn by_id(route: &Route, id: &str) -> Shown {
    let of = |id: &str| bare(route.method, route.path.replace("{id}", id));
    shows(of(id), of(NOTHING), of("7"))
}

fn changed(route: &Route, id: &str, body: &Value) -> Shown {
    let of = |id: &str| sent(route.method, route.path.replace("{id}", id), body);
    shows(of(id), of(NOTHING), of("7"))
}
