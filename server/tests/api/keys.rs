//! This file is about the life of one key: made, changed, stopped, resumed, retired, removed.

use serde_json::{Value, json};

use super::scene::{Held, Scene, no, refusal, text};
use crate::harness::eventually;

const LATER: &str = "2099-01-01T00:00:00.000Z";

#[test]
fn a_key_is_what_was_asked_for() {
    let mut scene = Scene::new();
    let asked = json!({
        "name": "Zoë's key", "kind": "secret", "account_id": scene.own_account(),
        "scopes": ["orders:write", "orders:read", "orders:read"], "metadata": { "team": { "name": "blue" }, "n": 1.5 },
        "tags": ["b", "a"], "not_before": "2024-02-29T12:00:00+02:00", "expires_at": LATER, "prefix": "acme",
        "environment": "test", "ip_allow": ["10.0.0.0/8", "2001:db8::1"],
        "rate_limit": { "limit": 10, "window_seconds": 60 }, "uses_left": 5, "protected": true, "recoverable": true,
    });
    let issued = scene.ok("POST", "/v1/keys", asked);
    let (key, secret) = (&issued["key"], text(&issued["secret"]));
    assert_eq!(key["scopes"], json!(["orders:read", "orders:write"]));
    assert_eq!(key["metadata"], json!({ "team": { "name": "blue" }, "n": 1.5 }));
    assert_eq!(key["tags"], json!(["b", "a"]));
    assert_eq!(key["not_before"], "2024-02-29T10:00:00.000Z");
    assert_eq!(key["ip_allow"], json!(["10.0.0.0/8", "2001:db8::1/128"]));
    assert_eq!(key["rate_limit"], json!({ "limit": 10, "window_seconds": 60 }));
    let plain = [
        "name",
        "kind",
        "environment",
        "state",
        "expires_at",
        "uses_left",
        "protected",
        "recoverable",
        "version",
    ];
    let found: Vec<Value> = plain.iter().map(|name| key[name].clone()).collect();
    let wanted = json!(["Zoë's key", "secret", "test", "active", LATER, 5, true, true, 1]);
    assert_eq!(Value::from(found), wanted);
    let handle = text(&key["handle"]);
    assert!(
        handle.starts_with("acme_test_") && secret.starts_with(&handle) && secret.len() == handle.len() + 33
    );

    let path = format!("/v1/keys/{}", text(&key["id"]));
    assert_eq!(scene.read(&path), *key);
    scene.restart();
    assert_eq!(scene.read(&path), *key);
}

#[test]
fn what_no_key_can_be_is_refused_by_the_name_of_the_field() {
    let scene = Scene::new();
    let long = "x".repeat(201);
    let many: Vec<String> = (0..65).map(|n| format!("s{n}")).collect();
    let cases = [
        ("name", json!("")),
        ("name", json!(long)),
        ("name", json!("a\u{7}")),
        ("kind", json!("magic")),
        ("account_id", json!("acct_1")),
        ("scopes", json!(["Upper"])),
        ("scopes", json!(many)),
        ("metadata", json!({ "a": "x".repeat(8192) })),
        ("metadata", json!([1])),
        ("tags", json!([""])),
        ("not_before", json!("tomorrow")),
        ("expires_at", json!("2001-01-01T00:00:00Z")),
        ("prefix", json!("Acme")),
        ("prefix", json!("toolonger")),
        ("environment", json!("")),
        ("ip_allow", json!(["10.0.0.0/33"])),
        ("rate_limit", json!({ "limit": 0, "window_seconds": 60 })),
        ("rate_limit", json!({ "limit": 1, "window_seconds": 86_401 })),
        ("uses_left", json!(0)),
        ("protected", json!("yes")),
    ];
    for (field, value) in cases {
        let mut body = json!({ "name": "ci" });
        body[field] = value;
        let answer = scene.call("POST", "/v1/keys", Some(body.clone()));
        assert_eq!(refusal(&answer), no(400, "invalid_field"), "{body}");
        assert_eq!(answer.json()["field"], field, "{body}");
    }
    let nested =
        scene.call("POST", "/v1/keys", Some(json!({ "name": "ci", "rate_limit": { "limit": "1" } })));
    assert_eq!(nested.json()["field"], "rate_limit.limit");
}

#[test]
fn a_patch_changes_what_it_names_and_null_clears() {
    let scene = Scene::new();
    let metadata = json!({ "team": { "name": "blue", "size": 3 }, "region": "eu", "old": true });
    let key = scene.held(json!({
        "metadata": metadata, "tags": ["a"], "expires_at": LATER, "uses_left": 5,
        "rate_limit": { "limit": 1, "window_seconds": 1 }, "scopes": ["a"], "not_before": "2024-01-01T00:00:00Z",
    }));
    let path = format!("/v1/keys/{}", key.id);
    // RFC 7396: members are merged, at every depth, and null takes one away.
    let patch =
        json!({ "metadata": { "team": { "size": null, "lead": "Ada" }, "old": null, "region": "us" } });
    let changed = scene.ok("PATCH", &path, patch);
    assert_eq!(changed["metadata"], json!({ "team": { "name": "blue", "lead": "Ada" }, "region": "us" }));
    assert_eq!((&changed["tags"], &changed["expires_at"]), (&json!(["a"]), &json!(LATER)));

    let cleared = json!({ "expires_at": null, "uses_left": null, "rate_limit": null, "not_before": null });
    let changed = scene.ok("PATCH", &path, cleared);
    for field in ["expires_at", "uses_left", "rate_limit", "not_before"] {
        assert_eq!(changed[field], Value::Null, "{field}");
    }
    assert_eq!(changed["metadata"]["region"], "us");
    let renamed =
        json!({ "name": "b", "scopes": [], "tags": [], "ip_allow": ["192.0.2.0/24"], "protected": true });
    let changed = scene.ok("PATCH", &path, renamed);
    assert_eq!(changed["version"], 4);
    assert_eq!(changed["scopes"], json!([]));
    assert_eq!(scene.asked(&key.secret, json!({ "ip": "192.0.2.9" })), "valid");
    assert_eq!(scene.asked(&key.secret, json!({ "ip": "192.0.3.9" })), "address_not_allowed");
    for (field, null) in [("name", json!(null)), ("scopes", json!(null)), ("protected", json!(null))] {
        let mut body = json!({});
        body[field] = null;
        assert_eq!(scene.refused("PATCH", &path, body), no(400, "invalid_field"), "{field}");
    }
    let merge = scene.with_headers(
        "PATCH",
        &path,
        "Content-Type: application/merge-patch+json\r\n",
        json!({ "name": "c" }),
    );
    assert_eq!(merge.status, 200);
}

#[test]
fn a_change_of_scopes_is_in_force_with_the_answer() {
    let scene = Scene::new();
    let key = scene.held(json!({ "scopes": ["orders:read"] }));
    let path = format!("/v1/keys/{}", key.id);
    assert_eq!(scene.asked(&key.secret, json!({ "scopes": ["orders:read"] })), "valid");
    scene.ok("PATCH", &path, json!({ "scopes": [] }));
    assert_eq!(scene.asked(&key.secret, json!({ "scopes": ["orders:read"] })), "insufficient_scope");
}

#[test]
fn another_version_than_the_one_that_was_read_is_412() {
    let scene = Scene::new();
    let key = scene.held(json!({}));
    let path = format!("/v1/keys/{}", key.id);
    let read = scene.call("GET", &path, None);
    let first = format!("If-Match: {}\r\n", read.header("etag").expect("an entity tag"));
    let patched = scene.with_headers("PATCH", &path, &first, json!({ "name": "b" }));
    assert_eq!((patched.status, patched.header("etag")), (200, Some("\"2\"")));
    let verbs = [
        ("PATCH", String::new(), json!({ "name": "c" })),
        ("POST", "/suspend".to_owned(), Value::Null),
        ("POST", "/resume".to_owned(), Value::Null),
        ("POST", "/rotate".to_owned(), Value::Null),
        ("DELETE", String::new(), Value::Null),
    ];
    for (method, verb, body) in verbs {
        for stale in [first.as_str(), "If-Match: W/\"2\"\r\n", "If-Match: \"other\"\r\n"] {
            let answer = scene.with_headers(method, &format!("{path}{verb}"), stale, body.clone());
            assert_eq!(refusal(&answer), no(412, "stale"), "{method} {verb} {stale}");
        }
        let odd = scene.with_headers(method, &format!("{path}{verb}"), "If-Match: 2\r\n", body);
        assert_eq!(refusal(&odd), no(400, "invalid_field"), "{method} {verb}");
    }
    assert_eq!(scene.read(&path)["version"], 2);
    assert_eq!(scene.with_headers("DELETE", &path, "If-Match: \"2\"\r\n", Value::Null).status, 204);
}

#[test]
fn a_suspended_key_is_refused_until_it_is_resumed() {
    let mut scene = Scene::new();
    let key = scene.held(json!({}));
    let path = format!("/v1/keys/{}", key.id);
    assert_eq!(scene.ok("POST", &format!("{path}/suspend"), Value::Null)["state"], "suspended");
    assert_eq!(scene.verdict(&key.secret), "suspended");
    assert_eq!(scene.refused("POST", &format!("{path}/rotate"), Value::Null), no(409, "wrong_state"));
    assert_eq!(scene.ok("POST", &format!("{path}/suspend"), Value::Null)["state"], "suspended");
    scene.restart();
    assert_eq!(scene.verdict(&key.secret), "suspended");
    assert_eq!(scene.ok("POST", &format!("{path}/resume"), Value::Null)["state"], "active");
    assert_eq!(scene.verdict(&key.secret), "valid");
}

#[test]
fn a_retired_key_is_removed_when_its_time_comes() {
    let scene = Scene::new();
    let [retired, undone] = [(); 2].map(|()| scene.held(json!({})));
    let soon = scene.now().plus_seconds(3).to_string();
    for key in [&retired, &undone] {
        let stopped = scene.ok("POST", &format!("/v1/keys/{}/suspend", key.id), json!({ "remove_at": soon }));
        assert_eq!((&stopped["state"], &stopped["remove_at"]), (&json!("suspended"), &json!(soon)));
    }
    let resumed = scene.ok("POST", &format!("/v1/keys/{}/resume", undone.id), Value::Null);
    assert_eq!(resumed["remove_at"], Value::Null);
    let past = scene.refused(
        "POST",
        &format!("/v1/keys/{}/suspend", undone.id),
        json!({ "remove_at": "2001-01-01T00:00:00Z" }),
    );
    assert_eq!(past, no(400, "invalid_field"));
    let path = format!("/v1/keys/{}", retired.id);
    let gone = eventually("the end of a retired key", || {
        Some(scene.call("GET", &path, None)).filter(|it| it.status == 410)
    });
    assert_eq!(gone.json()["tombstone"]["reason"], "retired");
    assert_eq!(scene.verdict(&retired.secret), "removed");
    assert_eq!(scene.verdict(&undone.secret), "valid");
}

#[test]
fn a_retirement_outlives_a_restart() {
    let mut scene = Scene::new();
    let key = scene.held(json!({}));
    let soon = scene.now().plus_seconds(2).to_string();
    scene.ok("POST", &format!("/v1/keys/{}/suspend", key.id), json!({ "remove_at": soon }));
    scene.restart();
    eventually("the end of a retired key", || (scene.verdict(&key.secret) == "removed").then_some(()));
}

#[test]
fn a_protected_key_is_not_removed_until_that_is_lifted() {
    let scene = Scene::new();
    let key = scene.held(json!({ "protected": true }));
    let path = format!("/v1/keys/{}", key.id);
    let handle = text(&scene.read(&path)["handle"]);
    assert_eq!(scene.refused("DELETE", &path, Value::Null), no(423, "protected"));
    assert_eq!(scene.refused("POST", &format!("{path}/rotate"), Value::Null), no(423, "protected"));
    for one in [json!({ "secret": key.secret }), json!({ "handle": handle })] {
        assert_eq!(scene.refused("POST", "/v1/removals", one), no(423, "protected"));
    }
    assert_eq!(scene.verdict(&key.secret), "valid");
    scene.ok("PATCH", &path, json!({ "protected": false }));
    scene.ok("DELETE", &path, Value::Null);
    assert_eq!(scene.verdict(&key.secret), "removed");
}

#[test]
fn a_removed_key_is_gone_for_every_verb_and_for_ever() {
    let mut scene = Scene::new();
    let key = scene.held(json!({ "name": "short-lived" }));
    let path = format!("/v1/keys/{}", key.id);
    let removed = scene.call("DELETE", &format!("{path}?reason=compromised"), None);
    let receipt = removed.header("keyward-receipt").expect("a receipt").to_owned();
    for restarted in [false, true] {
        if restarted {
            scene.restart();
        }
        let verbs = [
            ("GET", path.clone(), Value::Null),
            ("PATCH", path.clone(), json!({ "name": "b" })),
            ("POST", format!("{path}/suspend"), Value::Null),
            ("POST", format!("{path}/resume"), Value::Null),
            ("POST", format!("{path}/rotate"), Value::Null),
            ("POST", "/v1/removals".to_owned(), json!({ "secret": key.secret })),
        ];
        for (method, path, body) in verbs {
            let answer = scene.call(method, &path, (!body.is_null()).then_some(body));
            assert_eq!(refusal(&answer), no(410, "removed"), "{method} {path}");
            assert_eq!(answer.json()["tombstone"]["reason"], "compromised");
            assert!(!answer.body.contains("short-lived"), "nothing of it is kept: {}", answer.body);
        }
        let again = scene.call("DELETE", &format!("{path}?reason=retired"), None);
        assert_eq!((again.status, again.header("keyward-receipt")), (204, Some(receipt.as_str())));
        assert_eq!(scene.verdict(&key.secret), "removed");
        let usage = scene.read(&format!("{path}/usage"));
        assert_eq!(usage["accepted"], json!([]));
        assert_eq!(
            scene.refused_as(&key.secret, "GET", "/v1/keys", Value::Null),
            no(401, "credential_invalid")
        );
    }
}

#[test]
fn who_uses_a_key_is_known_before_and_who_still_tries_after() {
    let scene = Scene::new();
    let key = scene.held(json!({}));
    let path = format!("/v1/keys/{}/usage", key.id);
    assert_eq!(scene.asked(&key.secret, json!({ "ip": "192.0.2.7" })), "valid");
    let used = eventually("the note of a use", || {
        Some(scene.read(&path)).filter(|usage| usage["accepted"] != json!([]))
    });
    assert_eq!(
        (&used["accepted"][0]["count"], &used["clients"][0]["address"]),
        (&json!(1), &json!("192.0.2.7"))
    );
    assert!(used["last_used_at"].is_string());
    scene.ok("DELETE", &format!("/v1/keys/{}", key.id), Value::Null);
    assert_eq!(scene.asked(&key.secret, json!({ "ip": "192.0.2.8" })), "removed");
    let tried = eventually("the note of an attempt", || {
        Some(scene.read(&path)).filter(|usage| usage["refused"] != json!([]))
    });
    assert_eq!(
        (&tried["refused"][0]["count"], &tried["clients"][0]["address"]),
        (&json!(1), &json!("192.0.2.8"))
    );
}

/// Whoever acted by a removed key, instead of having it verified, left no trace.
#[test]
fn who_still_signs_in_with_a_removed_key_is_known_like_who_has_it_verified() {
    let scene = Scene::new();
    let account = scene.account(None, "member", "captions");
    let digits = json!({ "alphabet": "hex", "private": 32 });
    let vendors = scene.held(json!({ "account_id": account, "format": digits }));
    let own = scene.held(json!({}));
    for key in [&own, &vendors] {
        scene.ok("DELETE", &format!("/v1/keys/{}", key.id), Value::Null);
    }
    let refused = |key: &Held, count: u64| {
        eventually("the note of an attempt", || {
            let usage = scene.read(&format!("/v1/keys/{}/usage", key.id));
            (usage["refused"][0]["count"] == count).then_some(())
        });
    };
    assert_eq!(scene.call_as(&own.secret, "GET", "/v1/keys", None).status, 401);
    refused(&own, 1);
    assert_eq!(scene.call_as(&own.secret, "POST", "/v1/accesskeys/status", Some(json!({}))).status, 401);
    refused(&own, 2);
    let login = format!("/api/account/login?v=1&username=captions&securekey={}", vendors.secret);
    assert_eq!(scene.request("GET", &login, "", b"").status, 400);
    refused(&vendors, 1);
}

#[test]
fn no_secret_is_shown_again_not_even_a_recoverable_one() {
    // Whoever may read keys may not use them; a dialect that must show a secret again asks for more than reading.
    let scene = Scene::new();
    for recoverable in [true, false] {
        let key = scene.held(json!({ "recoverable": recoverable }));
        let read = scene.call("GET", &format!("/v1/keys/{}", key.id), None);
        assert!(!read.body.contains(&key.secret), "{}", read.body);
        let listed = scene.call("GET", "/v1/keys", None);
        assert!(!listed.body.contains(&key.secret), "a list shows no secrets");
    }
}
