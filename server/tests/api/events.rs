//! This file is about events: read in pages, and followed as they happen.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::scene::{Scene, no, text};

/// A follower of events.
struct Follower {
    lines: std::io::Lines<BufReader<TcpStream>>,
}

impl Follower {
    fn new(scene: &Scene, secret: &str, path: &str, headers: &str) -> Self {
        let mut stream = scene.connect();
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {secret}\r\nAccept: text/event-stream\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).expect("it listens");
        let mut lines = BufReader::new(stream).lines();
        let mut next = || lines.next().expect("a line").expect("a line");
        assert!(next().starts_with("HTTP/1.1 200"));
        let mut typed = false;
        loop {
            let line = next().to_ascii_lowercase();
            typed |= line == "content-type: text/event-stream";
            if line.is_empty() {
                break;
            }
        }
        assert!(typed);
        Self { lines }
    }

    /// The next event: its id, its name and its data. `None` when the server has ended the stream.
    fn next(&mut self) -> Option<(String, String, Value)> {
        let (mut id, mut name) = (String::new(), String::new());
        loop {
            let line = self.lines.next()?.ok()?;
            if let Some(value) = line.strip_prefix("id: ") {
                id = value.to_owned();
            } else if let Some(value) = line.strip_prefix("event: ") {
                name = value.to_owned();
            } else if let Some(value) = line.strip_prefix("data: ") {
                return Some((id, name, serde_json::from_str(value).expect("JSON")));
            }
        }
    }
}

fn types(events: &Value) -> Vec<String> {
    events["data"].as_array().expect("data").iter().map(|event| text(&event["type"])).collect()
}

#[test]
fn every_change_is_one_event_in_the_order_in_which_it_was_decided() {
    let scene = Scene::new();
    let key = scene.held(json!({ "tags": ["a tag of its own"] }));
    let path = format!("/v1/keys/{}", key.id);
    scene.ok("PATCH", &path, json!({ "name": "a name of its own" }));
    scene.ok("POST", &format!("{path}/suspend"), Value::Null);
    scene.ok("POST", &format!("{path}/resume"), Value::Null);
    scene.ok("DELETE", &format!("{path}?reason=compromised"), Value::Null);
    let account = scene.account(None, "member", "short-lived");
    scene.ok("DELETE", &format!("/v1/accounts/{account}?policy=refuse"), Value::Null);
    let events = scene.read("/v1/events");
    assert_eq!(
        types(&events),
        [
            "organization.created",
            "account.created",
            "key.created",
            "key.created",
            "key.updated",
            "key.suspended",
            "key.resumed",
            "key.removed",
            "account.created",
            "account.removed",
        ]
    );
    for (position, event) in (0_u64..).zip(events["data"].as_array().expect("data")) {
        assert_eq!(event["position"], position);
    }
    let removed = &events["data"][7];
    assert_eq!(
        (&removed["subject_id"], &removed["reason"], &removed["version"]),
        (&json!(key.id), &json!("compromised"), &json!(5))
    );
    let owner = scene.read("/v1/keys")["data"][0]["id"].clone();
    assert_eq!(removed["actor_key_id"], owner);
    assert_eq!(text(&removed["request_id"]).len(), 32);
    // What stands in the public log names nothing and nobody.
    for event in events["data"].as_array().expect("data") {
        let leaf = text(&event["leaf"]);
        assert!(leaf.len() <= 512 && leaf.contains(&text(&event["type"])), "{leaf}");
        for secret in [&key.id, &key.secret, &account, "name of its own", "tag of its own", "short-lived"] {
            assert!(!leaf.contains(secret), "{leaf}");
        }
    }
}

#[test]
fn events_come_in_pages_that_can_be_taken_up_later() {
    let scene = Scene::new();
    (0..20).for_each(|_| drop(scene.held(json!({}))));
    let (mut seen, mut after) = (0_u64, String::new());
    loop {
        let page = scene.read(&format!("/v1/events?limit=6{after}"));
        let events = page["data"].as_array().expect("data");
        assert!(events.len() <= 6);
        for event in events {
            assert_eq!(event["position"], seen);
            seen += 1;
        }
        let Some(next) = page["next_cursor"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen, 23);
    // A page that ends with the last event is the last one, and so is one without any.
    let all = scene.read("/v1/events?limit=23");
    assert_eq!((types(&all).len(), &all["next_cursor"]), (23, &json!(null)));
    let none = scene.read("/v1/events?after=22");
    assert_eq!((types(&none).len(), &none["next_cursor"]), (0, &json!(null)));
    // Whoever comes again goes on from the last event that they have.
    scene.held(json!({}));
    assert_eq!(types(&scene.read("/v1/events?limit=6&after=22")), ["key.created"]);
    for wrong in ["limit=0", "limit=501", "after=-1", "after=x", "from=1"] {
        assert_eq!(
            scene.refused("GET", &format!("/v1/events?{wrong}"), Value::Null),
            no(400, "invalid_field"),
            "{wrong}"
        );
    }
}

#[test]
fn a_follower_hears_of_what_happens() {
    let scene = Scene::new();
    let mut follower = Follower::new(&scene, &scene.owner, "/v1/events?after=1", "");
    let (id, name, event) = follower.next().expect("the first key");
    assert_eq!((id.as_str(), name.as_str(), &event["position"]), ("2", "key.created", &json!(2)));
    let key = scene.held(json!({}));
    let (id, _, event) = follower.next().expect("a new key");
    assert_eq!((id.as_str(), &event["subject_id"]), ("3", &json!(key.id)));
    scene.ok("DELETE", &format!("/v1/keys/{}", key.id), Value::Null);
    let (id, name, event) = follower.next().expect("its end");
    assert_eq!((id.as_str(), name.as_str(), &event["subject_id"]), ("4", "key.removed", &json!(key.id)));
    // Whoever comes again says how far they had come, and that counts more than the address.
    let mut again = Follower::new(&scene, &scene.owner, "/v1/events?after=1", "Last-Event-ID: 3\r\n");
    assert_eq!(again.next().expect("its end").0, "4");
}

#[test]
fn a_follower_whose_key_is_removed_hears_nothing_more() {
    let scene = Scene::new();
    let key = scene.held(json!({ "scopes": ["log:read"] }));
    let mut follower = Follower::new(&scene, &key.secret, "/v1/events?after=2", "");
    assert_eq!(follower.next().expect("its own beginning").2["subject_id"], key.id);
    scene.ok("DELETE", &format!("/v1/keys/{}", key.id), Value::Null);
    scene.held(json!({}));
    let heard: Vec<String> = std::iter::from_fn(|| follower.next()).map(|(_, name, _)| name).collect();
    assert_eq!(heard, Vec::<String>::new());
}

#[test]
fn a_follower_of_another_organization_hears_of_its_own_only() {
    let scene = Scene::new();
    let tenant = scene.tenant("tenant");
    let mut follower = Follower::new(&scene, &tenant.owner.secret, "/v1/events", "");
    for name in ["organization.created", "account.created", "key.created"] {
        assert_eq!(follower.next().expect("an event").1, name);
    }
    scene.held(json!({}));
    let own = scene.held_as(&tenant.owner.secret, json!({}));
    assert_eq!(follower.next().expect("an event").2["subject_id"], own.id);
}
