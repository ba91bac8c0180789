//! This file is about requests that come twice and must be done once.

use serde_json::{Value, json};

use super::scene::{Scene, no, refusal, text};

fn once(key: &str) -> String {
    format!("Idempotency-Key: {key}\r\n")
}

#[test]
fn a_repeat_gets_the_first_answer_even_after_a_restart() {
    let mut scene = Scene::new();
    let body = json!({ "name": "ci", "scopes": ["a"] });
    let first = scene.with_headers("POST", "/v1/keys", &once("one"), body.clone());
    assert_eq!(first.status, 201);
    let id = text(&first.json()["key"]["id"]);
    // What happened since does not change what was answered then.
    scene.ok("PATCH", &format!("/v1/keys/{id}"), json!({ "name": "cd" }));
    for restarted in [false, true] {
        if restarted {
            scene.restart();
        }
        let again = scene.with_headers("POST", "/v1/keys", &once("one"), body.clone());
        assert_eq!((again.status, again.json()), (201, first.json()));
        assert_eq!(again.header("location"), first.header("location"));
        assert_eq!(again.header("etag"), first.header("etag"));
    }
    let named = scene.read("/v1/keys")["data"].as_array().expect("data").len();
    assert_eq!(named, 2, "the owner's and this one");
}

#[test]
fn another_request_under_the_same_name_is_422() {
    let scene = Scene::new();
    let body = json!({ "name": "ci" });
    assert_eq!(scene.with_headers("POST", "/v1/keys", &once("one"), body.clone()).status, 201);
    for (path, other) in
        [("/v1/keys", json!({ "name": "cd" })), ("/v1/organizations", json!({ "name": "cd" }))]
    {
        let answer = scene.with_headers("POST", path, &once("one"), other);
        assert_eq!(refusal(&answer), no(422, "idempotency_mismatch"), "{path}");
    }
    assert_eq!(scene.with_headers("POST", "/v1/keys", &once("two"), body.clone()).status, 201);
    // Callers do not share their names.
    let other = scene.held(json!({ "scopes": ["keys:issue"] }));
    let headers = format!(
        "Authorization: Bearer {}\r\nContent-Type: application/json\r\n{}",
        other.secret,
        once("one")
    );
    let theirs =
        scene.request("POST", "/v1/keys", &headers, json!({ "name": "theirs" }).to_string().as_bytes());
    assert_eq!(theirs.status, 201);
    for odd in ["", &"x".repeat(256), "\u{fc}"] {
        let answer = scene.with_headers("POST", "/v1/keys", &once(odd), body.clone());
        assert_eq!(refusal(&answer), no(400, "invalid_field"), "{odd}");
    }
}

#[test]
fn a_request_that_failed_may_be_mended_under_its_name() {
    let scene = Scene::new();
    let failed = scene.with_headers("POST", "/v1/keys", &once("one"), json!({ "name": "" }));
    assert_eq!(refusal(&failed), no(400, "invalid_field"));
    assert_eq!(scene.with_headers("POST", "/v1/keys", &once("one"), json!({ "name": "ci" })).status, 201);
}

#[test]
fn of_two_at_once_one_is_done_and_both_are_answered() {
    let scene = Scene::new();
    for round in 0..20 {
        let name = once(&format!("round-{round}"));
        let body = json!({ "name": format!("round {round}") });
        let answers: Vec<(u16, Value)> = std::thread::scope(|threads| {
            let send = || {
                let answer = scene.with_headers("POST", "/v1/keys", &name, body.clone());
                (answer.status, answer.json())
            };
            let sending: Vec<_> = (0..4).map(|_| threads.spawn(send)).collect();
            sending.into_iter().map(|thread| thread.join().expect("it ends")).collect()
        });
        assert_eq!(answers[0].0, 201, "{answers:?}");
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    }
    let made = scene.read("/v1/keys?limit=500")["data"].as_array().expect("data").len();
    assert_eq!(made, 21, "the owner's and one a round");
}

#[test]
fn every_post_that_changes_something_is_done_once() {
    let mut scene = Scene::new();
    let key = scene.held(json!({}));
    let path = format!("/v1/keys/{}", key.id);
    let calls = [
        (format!("{path}/suspend"), json!({})),
        (format!("{path}/resume"), Value::Null),
        (format!("{path}/rotate"), json!({ "overlap_seconds": 3600 })),
        ("/v1/accounts".to_owned(), json!({ "name": "a", "role": "member" })),
        ("/v1/organizations".to_owned(), json!({ "name": "o" })),
    ];
    let firsts: Vec<Value> = calls
        .iter()
        .enumerate()
        .map(|(place, (path, body))| {
            let answer = scene.with_headers("POST", path, &once(&format!("call-{place}")), body.clone());
            assert!((200..300).contains(&answer.status), "{path}: {}", answer.body);
            answer.json()
        })
        .collect();
    scene.restart();
    let size = scene.call("GET", "/v1/log/checkpoint", None).body;
    for (place, ((path, body), first)) in calls.iter().zip(firsts).enumerate() {
        let again = scene.with_headers("POST", path, &once(&format!("call-{place}")), body.clone());
        assert_eq!(again.json(), first, "{path}");
    }
    assert_eq!(scene.call("GET", "/v1/log/checkpoint", None).body, size, "nothing was done again");
}

#[test]
fn a_repeated_removal_of_many_is_the_same_removal() {
    let scene = Scene::new();
    let key = scene.held(json!({}));
    let body = json!({ "secret": key.secret });
    let first = scene.with_headers("POST", "/v1/removals", &once("one"), body.clone());
    let again = scene.with_headers("POST", "/v1/removals", &once("one"), body);
    assert_eq!((first.status, again.status), (202, 202));
    assert_eq!(first.json()["removal"]["id"], again.json()["removal"]["id"]);
}

#[test]
fn the_first_answer_of_a_removed_key_is_as_unreadable_as_the_key() {
    let scene = Scene::new();
    let body = json!({ "name": "ci" });
    let first = scene.with_headers("POST", "/v1/keys", &once("one"), body.clone()).json();
    scene.ok("DELETE", &format!("/v1/keys/{}", text(&first["key"]["id"])), Value::Null);
    let again = scene.with_headers("POST", "/v1/keys", &once("one"), body);
    assert_eq!(refusal(&again), no(410, "removed"));
    assert!(!again.body.contains(&text(&first["secret"])));
}

#[test]
fn a_verdict_is_never_a_repeat() {
    let scene = Scene::new();
    let key = scene.held(json!({}));
    let ask = || {
        scene.with_headers("POST", "/v1/keys/verify", &once("one"), json!({ "secret": key.secret })).json()
    };
    assert_eq!(ask()["valid"], true);
    scene.ok("DELETE", &format!("/v1/keys/{}", key.id), Value::Null);
    assert_eq!(ask()["code"], "removed");
}
