//! This file is about discue's clients: keys that are made, used, removed and stay removed, over real HTTP.

mod prefix;
mod programs;

use serde_json::{Value, json};

use super::scene::{Scene, text};
use crate::harness::{Answer, Server, eventually};

/// A call with this key; `null` is no body.
fn call(server: &Server, key: &str, method: &str, path: &str, body: &Value) -> Answer {
    let mut headers = format!("X-API-KEY: {key}\r\n");
    if body.is_null() {
        return server.request(method, path, &headers, b"");
    }
    headers += "Content-Type: application/json\r\n";
    server.request(method, path, &headers, body.to_string().as_bytes())
}

/// What a call answers that must go well.
fn ok(server: &Server, key: &str, method: &str, path: &str, body: &Value) -> Value {
    let answer = call(server, key, method, path, body);
    assert_eq!(answer.status, 200, "{method} {path}: {}", answer.body);
    answer.json()
}

fn read(server: &Server, key: &str, path: &str) -> Value {
    ok(server, key, "GET", path, &Value::Null)
}

/// The status of a call that must not go well: its body says the same.
fn refused(answer: &Answer) -> u16 {
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let body = answer.json();
    assert_eq!(body["status"], answer.status, "{body}");
    assert!(body["title"].is_string() && body.as_object().is_some_and(|body| body.len() == 2), "{body}");
    answer.status
}

fn status(server: &Server, key: &str, method: &str, path: &str) -> u16 {
    let answer = call(server, key, method, path, &Value::Null);
    if answer.status == 200 { 200 } else { refused(&answer) }
}

/// The key that a demo hands out.
fn first(scene: &Scene) -> String {
    text(&scene.ready["discue"]["api_key"])
}

/// Makes a key: its path and its text.
fn made(server: &Server, key: &str, body: &Value) -> (String, String) {
    let made = ok(server, key, "POST", "/v1/api_keys", body);
    let shown = if made["api_key"].is_string() { &made["api_key"] } else { &made["api_key"]["key"] };
    (text(&made["_links"]["self"]["href"]), text(shown))
}

#[test]
fn a_key_works_until_it_is_removed_and_never_again() {
    let mut scene = Scene::demo();
    let admin = first(&scene);
    let (path, key) = made(&scene, &admin, &json!({ "name": "builds" }));
    assert_eq!((key.len(), status(&scene, &key, "GET", "/v1/queues")), (64, 200));
    assert_eq!(scene.verdict(&key), "valid");
    assert_eq!(
        ok(&scene, &admin, "DELETE", &path, &Value::Null),
        json!({ "_links": { "self": { "href": path } } })
    );
    let is_gone = |scene: &Scene| {
        assert_eq!(status(scene, &key, "GET", "/v1/queues"), 401);
        assert_eq!(scene.verdict(&key), "removed");
        for method in ["GET", "PUT", "DELETE"] {
            assert_eq!(status(scene, &admin, method, &path), 404, "{method}");
        }
    };
    is_gone(&scene);
    scene.restart();
    is_gone(&scene);
    assert_eq!(status(&scene, &first(&scene), "GET", "/v1/queues"), 200);
}

#[test]
fn a_key_ends_itself() {
    let scene = Scene::demo();
    let scoped = json!({ "scopes": [{ "resource": "queues", "access": "read", "targets": ["*"] }] });
    let (other, _) = made(&scene, &first(&scene), &json!({}));
    for body in [json!({}), scoped] {
        let (path, key) = made(&scene, &first(&scene), &body);
        if body["scopes"].is_array() {
            assert_eq!(status(&scene, &key, "DELETE", &other), 403, "its own end, and nobody else's");
        }
        assert_eq!(status(&scene, &key, "DELETE", &path), 200, "{body}");
        assert_eq!(status(&scene, &key, "DELETE", &path), 401);
    }
}

#[test]
fn a_key_is_read_in_the_form_that_it_was_made_in() {
    let scene = Scene::demo();
    let admin = first(&scene);
    let scopes = json!({ "queues": { "access": "read", "targets": ["*"] } });
    let made_as = json!({ "alias": "ci.builds", "status": "disabled", "scopes": scopes });
    let record = ok(&scene, &admin, "POST", "/v1/api_keys", &made_as)["api_key"].clone();
    let (key, path) = (text(&record["key"]), format!("/v1/api_keys/{}", text(&record["id"])));
    assert_eq!(
        (&record["scopes"], &record["status"], &record["last_used_at"]),
        (&scopes, &json!("disabled"), &Value::Null)
    );
    assert_eq!(status(&scene, &key, "GET", "/v1/queues"), 401);
    let enabled =
        ok(&scene, &admin, "PUT", &path, &json!({ "status": "enabled", "alias": "ci.other" }))["api_key"]
            .clone();
    assert_eq!((&enabled["name"], &enabled["status"]), (&json!("ci.other"), &json!("enabled")));
    assert_eq!(status(&scene, &key, "GET", "/v1/queues"), 200);
    let found = read(&scene, &admin, &path)["api_key"].clone();
    assert_eq!((&found["key"], &found["scopes"]), (&json!(key[..3]), &scopes));
    assert!(found["last_used_at"].as_u64() >= found["created_at"].as_u64() && found["last_used_at"].is_u64());
    ok(&scene, &admin, "PUT", &path, &json!({ "status": "disabled" }));
    assert_eq!(status(&scene, &key, "GET", "/v1/queues"), 401);
    let listed = read(&scene, &admin, "/v1/api_keys")["api_keys"].clone();
    let listed: Vec<&Value> = listed.as_array().expect("a list").iter().map(|key| &key["name"]).collect();
    assert_eq!(listed, [&json!("first"), &json!("ci.other")]);
}

#[test]
fn a_scoped_key_opens_what_it_names_and_manages_no_keys() {
    let scene = Scene::demo();
    let admin = first(&scene);
    let queue = |name: &str| {
        let queue = ok(&scene, &admin, "POST", "/v1/queues", &json!({ "name": name }))["queue"]["id"].clone();
        (text(&queue), format!("/v1/queues/{}", text(&queue)))
    };
    let ((id, one), (_, other)) = (queue("one"), queue("other"));
    let scopes = json!([
        { "resource": "queues", "access": "write", "targets": [id] },
        { "resource": "messages", "access": "write", "targets": [id] },
    ]);
    let (path, key) = made(&scene, &admin, &json!({ "name": "scoped", "scopes": scopes }));
    let messages = format!("{one}/messages");
    ok(&scene, &key, "POST", &messages, &json!({ "data": "hello" }));
    assert_eq!(read(&scene, &key, &messages)["messages"][0]["data"], "hello");
    ok(&scene, &key, "PUT", &one, &json!({ "name": "first" }));
    let taken = call(&scene, &key, "PUT", &one, &json!({ "name": "other" }));
    assert_eq!(refused(&taken), 422);
    for (method, path) in [
        ("GET", "/v1/queues"),
        ("GET", other.as_str()),
        ("DELETE", other.as_str()),
        ("GET", "/v1/api_keys"),
        ("POST", "/v1/api_keys"),
        ("GET", path.as_str()),
        ("DELETE", "/v1/api_keys/V1StGXR8_Z5jdHi6B-myT"),
        ("GET", "/v1/events"),
    ] {
        assert_eq!(status(&scene, &key, method, path), 403, "{method} {path}");
    }
    // Fewer scopes are in force at once.
    ok(&scene, &admin, "PUT", &path, &json!({ "scopes": [{ "resource": "events", "access": "read" }] }));
    assert_eq!(
        (status(&scene, &key, "GET", &messages), status(&scene, &key, "GET", "/v1/events")),
        (403, 200)
    );
    ok(&scene, &admin, "DELETE", &one, &Value::Null);
    assert_eq!((status(&scene, &admin, "GET", &one), status(&scene, &admin, "GET", &messages)), (404, 404));
}

#[test]
fn another_organizations_key_is_answered_like_an_unknown_one() {
    let scene = Scene::demo();
    let admin = first(&scene);
    let tenant = scene.tenant("tenant").owner.secret;
    let (theirs, key) = made(&scene, &admin, &json!({ "name": "theirs" }));
    let queue =
        ok(&scene, &admin, "POST", "/v1/queues", &json!({ "name": "theirs" }))["_links"]["self"]["href"]
            .clone();
    let operator = scene.owner.clone();
    for caller in [&tenant, &operator] {
        for (method, path, unknown) in [
            ("GET", theirs.as_str(), "/v1/api_keys/V1StGXR8_Z5jdHi6B-myT"),
            ("PUT", theirs.as_str(), "/v1/api_keys/V1StGXR8_Z5jdHi6B-myT"),
            ("DELETE", theirs.as_str(), "/v1/api_keys/V1StGXR8_Z5jdHi6B-myT"),
            ("GET", queue.as_str().expect("a path"), "/v1/queues/V1StGXR8_Z5jdHi6B-myT"),
            ("DELETE", queue.as_str().expect("a path"), "/v1/queues/V1StGXR8_Z5jdHi6B-myT"),
        ] {
            let answers = [path, unknown].map(|path| call(&scene, caller, method, path, &json!({})));
            assert_eq!(answers.each_ref().map(refused), [404, 404], "{method}");
            assert_eq!(answers[0].body, answers[1].body);
        }
        let listed = read(&scene, caller, "/v1/api_keys")["api_keys"].to_string();
        let told = read(&scene, caller, "/v1/events").to_string();
        let id = theirs.rsplit('/').next().expect("an id");
        assert!(!listed.contains(id) && !told.contains(id));
    }
    assert_eq!(status(&scene, &key, "GET", "/v1/queues"), 200);
}

#[test]
fn the_events_of_a_key_are_told_one_for_a_call() {
    let scene = Scene::demo();
    let admin = first(&scene);
    let (path, _) = made(&scene, &admin, &json!({ "name": "told", "status": "disabled" }));
    ok(&scene, &admin, "PUT", &path, &json!({ "status": "enabled", "name": "told again" }));
    let events = |query: &str| {
        let events = read(&scene, &admin, &format!("/v1/events?{query}"))["events"].clone();
        events.as_array().expect("events").clone()
    };
    let id = path.rsplit('/').next().expect("an id").to_owned();
    let of_key: Vec<Value> = events("").into_iter().filter(|event| event["api_key"]["id"] == id).collect();
    assert_eq!(of_key[0]["api_key"]["name"], "told again");
    ok(&scene, &admin, "DELETE", &path, &Value::Null);
    let types = |events: &[Value]| events.iter().map(|event| text(&event["type"])).collect::<Vec<_>>();
    assert_eq!(types(&of_key), ["api_key_added", "api_key_updated"]);
    let later = events(&format!("startAfter=1&startAfterId={}", text(&of_key[1]["id"])));
    assert_eq!(types(&later), ["api_key_removed"]);
    assert_eq!(later[0]["api_key"], json!({ "id": id, "name": null }));
    // The scope that was made for this call does for all of it.
    let scopes = json!([{ "resource": "events", "access": "read" }]);
    let (_, reader) = made(&scene, &admin, &json!({ "name": "reader", "scopes": scopes }));
    let told = read(&scene, &reader, "/v1/events")["events"].clone();
    assert_eq!(told.as_array().and_then(|told| told.last()).expect("an event")["api_key"]["name"], "reader");
}

#[test]
fn the_client_is_the_organization() {
    let scene = Scene::demo();
    let tenant = scene.tenant("tenant");
    let made = ok(&scene, &tenant.owner.secret, "POST", "/v1/api_clients", &json!({ "alias": "acme.inc" }));
    assert_eq!(made["api_client"]["name"], "acme.inc");
    let path = text(&made["_links"]["self"]["href"]);
    assert_eq!(read(&scene, &tenant.owner.secret, &path), made);
    assert_eq!(scene.read(&format!("/v1/organizations/{}", tenant.organization))["name"], "acme.inc");
    assert_eq!(status(&scene, &first(&scene), "GET", &path), 404);
    let taken = call(&scene, &tenant.owner.secret, "PUT", &path, &json!({ "name": "discue" }));
    assert_eq!(refused(&taken), 422);
}

#[test]
fn every_refusal_is_in_the_vendors_form() {
    let scene = Scene::demo();
    let admin = first(&scene);
    let (path, _) = made(&scene, &admin, &json!({}));
    assert_eq!(scene.request("GET", "/v1", "", b"").json(), json!({ "status": "ok" }));
    assert_eq!(refused(&scene.request("GET", "/v1/api_keys", "", b"")), 401);
    assert_eq!(
        refused(&scene.request("GET", "/v1/api_keys", &format!("Authorization: Bearer {admin}\r\n"), b"")),
        401
    );
    assert_eq!(status(&scene, "V1StGXR8_Z5jdHi6B-myT", "GET", "/v1/api_keys"), 401);
    for (method, path, expected) in [
        ("DELETE", "/v1/api_keys/7", 400),
        ("DELETE", "/v1/api_keys/V1StGXR8_Z5jdHi6B-myT", 404),
        ("DELETE", "/v1/api_keys/x/y", 404),
        ("PATCH", path.as_str(), 405),
        ("GET", "/v1/listeners", 501),
    ] {
        assert_eq!(status(&scene, &admin, method, path), expected, "{method} {path}");
    }
    let with = |lines: &str, body: &[u8]| {
        refused(&scene.request("POST", "/v1/queues", &format!("X-API-KEY: {admin}\r\n{lines}"), body))
    };
    assert_eq!(with("Accept: text/html\r\n", b"{}"), 406);
    assert_eq!(with("Content-Type: text/plain\r\n", b"{}"), 415);
    assert_eq!(with("Content-Type: application/json\r\n", b"{"), 415);
    assert_eq!(with("", br#"{"name":7}"#), 422);
    assert_eq!(with("", &vec![b' '; 3 << 20]), 413);
    let (pretty, path) = (read(&scene, &admin, &format!("{path}?pretty=true")), format!("{path}?pretty"));
    let answer = call(&scene, &admin, "GET", &path, &Value::Null);
    assert_eq!((answer.json(), answer.body.lines().count() > 5), (pretty, true));
}

#[test]
fn a_protected_key_is_locked_and_one_that_is_used_too_often_waits() {
    let scene = Scene::demo();
    let tenant = scene.tenant("tenant");
    let owner = &tenant.owner.secret;
    let limit = json!({ "limit": 1, "window_seconds": 3600 });
    let fields = json!({ "scopes": ["admin"], "protected": true, "rate_limit": limit });
    let key = scene.held_as(owner, fields).secret;
    let listed = read(&scene, owner, "/v1/api_keys")["api_keys"].clone();
    let id = text(&listed.as_array().expect("keys").last().expect("a key")["id"]);
    assert_eq!(status(&scene, owner, "DELETE", &format!("/v1/api_keys/{id}")), 423);
    assert_eq!(status(&scene, &key, "GET", "/v1/queues"), 200);
    let slow = call(&scene, &key, "GET", "/v1/queues", &Value::Null);
    assert_eq!((refused(&slow), slow.header("x-ratelimit-remaining")), (429, Some("0")));
    assert_eq!(slow.header("x-ratelimit-limit"), Some("1"));
    let wait: u64 = slow.header("retry-after").and_then(|wait| wait.parse().ok()).expect("seconds");
    assert!((3000..=3600).contains(&wait), "{wait}");
    assert_eq!(slow.header("x-ratelimit-reset"), slow.header("retry-after"));
}

#[test]
fn an_organization_on_hold_is_told_why() {
    let scene = Scene::demo();
    let key = first(&scene);
    let (_, disabled) = made(&scene, &key, &json!({ "status": "disabled" }));
    let organizations = scene.read("/v1/organizations");
    let ours = organizations["data"].as_array().into_iter().flatten().find(|one| one["name"] == "discue");
    let path = format!("/v1/organizations/{}", text(&ours.expect("the demo made it")["id"]));
    let queues = || status(&scene, &key, "GET", "/v1/queues");
    for (hold, told) in [("payment", 402), ("locked", 423)] {
        assert_eq!(scene.ok("PATCH", &path, json!({ "hold": hold }))["hold"], hold);
        assert_eq!((queues(), scene.verdict(&key)), (told, "suspended".to_owned()));
    }
    assert_eq!(status(&scene, &disabled, "GET", "/v1/queues"), 401, "disabled all the same");
    assert_eq!(status(&scene, "nobody's", "GET", "/v1/queues"), 401, "only who holds a key is told");
    assert_eq!(scene.ok("PATCH", &path, json!({ "suspended": true }))["hold"], Value::Null);
    assert_eq!(queues(), 401, "stopped without a reason that is told");
    scene.ok("PATCH", &path, json!({ "suspended": false }));
    assert_eq!(queues(), 200);
}

/// Made by our own API it was shown as one that may do everything, and became that when what was read was sent back.
#[test]
fn a_key_that_is_limited_elsewhere_stays_so() {
    let scene = Scene::demo();
    let owner = scene.tenant("tenant").owner.secret;
    let key = scene.held_as(&owner, json!({ "scopes": ["queues:read"] })).secret;
    let listed = read(&scene, &owner, "/v1/api_keys")["api_keys"].clone();
    let found = listed.as_array().and_then(|all| all.last()).expect("a key").clone();
    assert_eq!(found["scopes"], json!([{ "resource": "queues", "access": "read", "targets": ["*"] }]));
    let path = format!("/v1/api_keys/{}", text(&found["id"]));
    let changed = ok(&scene, &owner, "PUT", &path, &found)["api_key"].clone();
    assert_eq!((&changed["scopes"], &changed["updated_at"]), (&found["scopes"], &found["updated_at"]));
    assert_eq!(refused(&call(&scene, &owner, "PUT", &path, &json!({ "scopes": [] }))), 422);
    assert_eq!(
        (status(&scene, &key, "GET", "/v1/queues"), status(&scene, &key, "POST", "/v1/queues")),
        (200, 403)
    );
}

#[test]
fn of_two_updates_at_once_one_can_lose() {
    let scene = Scene::demo();
    let admin = first(&scene);
    let (path, _) = made(&scene, &admin, &json!({}));
    let server: &Server = &scene;
    eventually("an update that lost a race", || {
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let put = |name: usize| {
                let (admin, path) = (&admin, &path);
                scope.spawn(move || {
                    call(server, admin, "PUT", path, &json!({ "name": format!("name {name}") })).status
                })
            };
            let running: Vec<_> = (0..8).map(put).collect();
            running.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        assert!(statuses.iter().all(|status| matches!(status, 200 | 409)), "{statuses:?}");
        (statuses.contains(&200) && statuses.contains(&409)).then_some(())
    });
}
