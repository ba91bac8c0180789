//! What is answered to everything that takes a right away while a verifier is away that serves stale.

use std::process::{Command, Output};

use keyward_client::{Verifier, VerifierOptions};
use serde_json::{Value, json};

use super::super::scene::{Scene, text};
use super::{joined, joining, runtime, told};
use crate::harness::{Answer, PROGRAM};

/// A server, and a verifier of its organization and all others that stands still and accepts what it knows.
fn stubborn() -> (Scene, tokio::runtime::Runtime, Verifier) {
    let scene = Scene::new();
    let still = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let joining = joining(&scene);
    let verifier = joined(&still, &scene, &joining, VerifierOptions::named("stubborn").serve_stale());
    (scene, still, verifier)
}

fn is_told_so(answer: &Answer, what: &str) {
    assert_eq!((answer.status, &answer.json()["uncovered"]), (202, &json!(["stubborn"])), "{what}");
}

#[test]
fn every_kind_of_reduction_is_told_so() {
    let (scene, _still, _verifier) = stubborn();
    let tenant = scene.tenant("tenant");
    let keys = [scene.held(json!({})), scene.held(json!({}))];
    let [changed, rotated] = keys.each_ref().map(|key| format!("/v1/keys/{}", key.id));
    let account = scene.account(None, "member", "leaves");
    let account = format!("/v1/accounts/{account}");
    let organization = format!("/v1/organizations/{}", tenant.organization);
    let stop = || json!({ "suspended": true });
    for (method, path, body) in [
        ("PATCH", changed.clone(), json!({ "scopes": [] })),
        ("POST", format!("{changed}/suspend"), Value::Null),
        ("POST", format!("{rotated}/rotate"), Value::Null),
        ("PATCH", account.clone(), stop()),
        ("DELETE", format!("{account}?policy=remove_keys"), Value::Null),
        ("PATCH", organization.clone(), stop()),
        ("DELETE", organization.clone(), Value::Null),
        // Asked again, the answer is the same.
        ("DELETE", format!("{account}?policy=remove_keys"), Value::Null),
        ("DELETE", organization, Value::Null),
    ] {
        let answer = scene.call(method, &path, Some(body).filter(|body| !body.is_null()));
        is_told_so(&answer, &format!("{method} {path}"));
    }
    let resumed = scene.call("POST", &format!("{changed}/resume"), None);
    assert_eq!((resumed.status, resumed.json().get("uncovered")), (200, None), "that takes nothing away");
}

/// A repeat is the first answer, but for whom it names: a server that said 200 would have said that it is over.
#[test]
fn a_repeat_is_told_so_until_it_is_over() {
    let (scene, _still, verifier) = stubborn();
    let (runtime, key) = (runtime(), scene.held(json!({})));
    let rotate = || {
        let path = format!("/v1/keys/{}/rotate", key.id);
        scene.with_headers("POST", &path, "Idempotency-Key: once\r\n", json!({}))
    };
    let first = rotate();
    is_told_so(&first, "the first");
    let again = rotate();
    is_told_so(&again, "the repeat");
    assert_eq!(again.json(), first.json());
    assert_eq!(told(&verifier, &key.secret), "Unknown", "it never heard of the key, nor of its end");
    // The next run of it knows no stale keys.
    let _heir = joined(&runtime, &scene, &joining(&scene), VerifierOptions::named("stubborn"));
    let over = rotate();
    assert_eq!((over.status, over.json().get("uncovered")), (201, None));
    assert_eq!(over.json()["secret"], first.json()["secret"]);
}

#[test]
fn a_removal_of_many_keys_tells_it_with_its_progress() {
    let (scene, _still, _verifier) = stubborn();
    let key = scene.held(json!({}));
    let begun = scene.call("POST", "/v1/removals", Some(json!({ "secret": key.secret })));
    assert_eq!(begun.status, 202);
    let path = format!("/v1/removals/{}", text(&begun.json()["removal"]["id"]));
    let progress = crate::harness::eventually("it is done", || {
        let progress = scene.read(&path);
        (!progress["removal"]["finished_at"].is_null()).then_some(progress)
    });
    assert_eq!(progress["uncovered"], json!(["stubborn"]));
}

/// RFC 7009 has one answer for a token that may still exist: 503.
#[test]
fn a_token_that_is_revoked_is_not_said_to_be_over() {
    let (scene, _still, _verifier) = stubborn();
    let (runtime, key) = (runtime(), scene.held(json!({})));
    let revoke = || {
        let headers = format!(
            "Authorization: Bearer {}\r\nContent-Type: application/x-www-form-urlencoded\r\n",
            scene.owner
        );
        scene.request("POST", "/v1/revoke", &headers, format!("token={}", key.secret).as_bytes())
    };
    for _ in 0..2 {
        let answer = revoke();
        assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("unavailable")));
        assert!(answer.header("retry-after").is_some());
        assert_eq!(scene.verdict(&key.secret), "removed", "here it is gone");
    }
    let _heir = joined(&runtime, &scene, &joining(&scene), VerifierOptions::named("stubborn"));
    assert_eq!(revoke().status, 200);
}

#[test]
fn the_command_line_warns_and_names_them() {
    let (scene, _still, _verifier) = stubborn();
    let (key, rotated) = (scene.held(json!({})), scene.held(json!({})));
    let account = scene.account(None, "member", "leaves");
    let run = |words: &[&str]| -> Output {
        let mut command = Command::new(PROGRAM);
        command.args(words).args(["--url", &scene.http, "--secret-file"]).arg(scene.file("owner.secret"));
        command.output().expect("it runs")
    };
    let warned = |done: &Output| String::from_utf8_lossy(&done.stderr).contains("stubborn");
    for words in [
        &["key", "suspend", &key.id][..],
        &["key", "update", &key.id, r#"{"name":"other"}"#],
        &["key", "rotate", &rotated.id],
        &["key", "remove", &key.id],
        &["account", "update", &account, "--suspended", "true"],
        &["account", "remove", &account, "--policy", "remove_keys"],
    ] {
        let done = run(words);
        assert!(done.status.success() && warned(&done), "{words:?}: {done:?}");
    }
    let found = run(&["account", "list"]);
    assert!(found.status.success() && !warned(&found), "that takes nothing away");
}
