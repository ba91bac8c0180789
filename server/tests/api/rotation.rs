//! This file is about rotation: a successor with the same rights, and the end of the key before it.

use serde_json::{Value, json};

use super::scene::{Held, Scene, no, text};
use crate::harness::eventually;

fn rotate(scene: &Scene, key: &Held, body: Value) -> (Value, Held) {
    let issued = scene.ok("POST", &format!("/v1/keys/{}/rotate", key.id), body);
    let held = Held { id: text(&issued["key"]["id"]), secret: text(&issued["secret"]) };
    (issued["key"].clone(), held)
}

#[test]
fn without_overlap_the_old_key_ends_before_the_answer() {
    let scene = Scene::new();
    let fields = json!({
        "name": "ci", "scopes": ["orders:read"], "metadata": { "team": "blue" }, "tags": ["a"], "environment": "test",
        "prefix": "acme", "expires_at": "2099-01-01T00:00:00.000Z", "ip_allow": ["10.0.0.0/8"],
        "rate_limit": { "limit": 10, "window_seconds": 60 }, "uses_left": 5,
    });
    let old = scene.held(fields.clone());
    for (key, body) in [(old, Value::Null)] {
        let (successor, new) = rotate(&scene, &key, body);
        assert_eq!(scene.verdict(&key.secret), "removed");
        assert_eq!(scene.asked(&new.secret, json!({ "ip": "10.1.1.1" })), "valid");
        assert_eq!(successor["supersedes"], key.id);
        for field in [
            "name",
            "scopes",
            "metadata",
            "tags",
            "environment",
            "expires_at",
            "ip_allow",
            "rate_limit",
            "uses_left",
        ] {
            assert_eq!(successor[field], fields[field], "{field}");
        }
        assert!(new.secret.starts_with("acme_test_"));
        let gone = scene.call("GET", &format!("/v1/keys/{}", key.id), None);
        assert_eq!(gone.json()["tombstone"]["reason"], "superseded");
    }
}

#[test]
fn with_overlap_both_work_until_it_is_over() {
    let scene = Scene::new();
    let old = scene.held(json!({}));
    let (_, new) = rotate(&scene, &old, json!({ "overlap_seconds": 3 }));
    assert_eq!(
        (scene.verdict(&old.secret), scene.verdict(&new.secret)),
        ("valid".to_owned(), "valid".to_owned())
    );
    assert!(scene.read(&format!("/v1/keys/{}", old.id))["remove_at"].is_string());
    eventually("the end of the overlap", || (scene.verdict(&old.secret) == "removed").then_some(()));
    assert_eq!(scene.verdict(&new.secret), "valid");
    let gone = scene.call("GET", &format!("/v1/keys/{}", old.id), None);
    assert_eq!(gone.json()["tombstone"]["reason"], "superseded");
}

#[test]
fn an_overlap_has_a_limit() {
    let scene = Scene::new();
    let key = scene.held(json!({}));
    let long = scene.refused(
        "POST",
        &format!("/v1/keys/{}/rotate", key.id),
        json!({ "overlap_seconds": 2_592_001 }),
    );
    assert_eq!(long, no(400, "invalid_field"));
    assert_eq!(scene.verdict(&key.secret), "valid");
}

/// A successor is a new secret in the hands of whoever asked for it. Were an admin to rotate an owner's key, the
/// admin would hold a key that acts as the owner: only owners make owners, by this way too.
#[test]
fn an_admin_does_not_become_an_owner_by_rotating_the_owners_key() {
    let scene = Scene::new();
    let tenant = scene.tenant("tenant");
    let admin = scene.account(Some(&tenant.organization), "admin", "admin");
    let admin = scene.held(json!({ "account_id": admin, "scopes": ["admin"] }));
    let path = format!("/v1/keys/{}/rotate", tenant.owner.id);
    assert_eq!(scene.refused_as(&admin.secret, "POST", &path, Value::Null), no(403, "forbidden"));
    assert_eq!(scene.verdict(&tenant.owner.secret), "valid");
}

/// Nobody gives what they do not have: not by rotating a key that has more.
#[test]
fn a_key_with_more_rights_than_the_caller_is_not_rotated() {
    let scene = Scene::new();
    let strong = scene.held(json!({ "scopes": ["keys:remove"] }));
    let weak = scene.held(json!({ "scopes": ["keys:issue"] }));
    let path = format!("/v1/keys/{}/rotate", strong.id);
    assert_eq!(scene.refused_as(&weak.secret, "POST", &path, Value::Null), no(403, "forbidden"));
    assert_eq!(scene.verdict(&strong.secret), "valid");
}
