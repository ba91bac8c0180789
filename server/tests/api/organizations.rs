//! This file is about organizations: what ends with them, and what they do not know of each other.

use serde_json::{Value, json};

use super::scene::{Scene, ids, no, refusal, text};
use crate::harness::eventually;

#[test]
fn a_removed_organization_takes_everything_with_it_at_once() {
    let mut scene = Scene::new();
    let tenant = scene.tenant("tenant");
    let member = scene.account(Some(&tenant.organization), "member", "member");
    let keys = [json!({ "account_id": member }), json!({ "account_id": member, "protected": true })]
        .map(|it| scene.held(it));
    let path = format!("/v1/organizations/{}", tenant.organization);
    scene.ok("DELETE", &path, Value::Null);
    let ended = |scene: &Scene| {
        assert_eq!(keys.each_ref().map(|key| scene.verdict(&key.secret)), ["removed", "removed"]);
        assert_eq!(
            scene.refused_as(&tenant.owner.secret, "GET", "/v1/keys", Value::Null),
            no(401, "credential_invalid")
        );
        assert_eq!(scene.refused("GET", &path, Value::Null), no(404, "not_found"));
    };
    ended(&scene);
    for key in &keys {
        eventually("the end of a key", || {
            (scene.call("GET", &format!("/v1/keys/{}", key.id), None).status == 410).then_some(())
        });
    }
    scene.restart();
    ended(&scene);
    assert!(!ids(&scene.read("/v1/organizations")).contains(&tenant.organization));
    let body = json!({ "name": "x", "role": "member", "organization_id": tenant.organization });
    assert_eq!(scene.refused("POST", "/v1/accounts", body), no(404, "not_found"));
    // Nothing acts in it any more.
    assert_eq!(
        scene.refused("POST", "/v1/keys", json!({ "name": "x", "account_id": member })),
        no(400, "invalid_field")
    );
    assert_eq!(scene.refused("GET", &format!("/v1/accounts/{member}"), Value::Null), no(404, "not_found"));
}

#[test]
fn a_suspended_organization_stops_every_key_below_it_at_once() {
    let mut scene = Scene::new();
    let tenant = scene.tenant("tenant");
    let path = format!("/v1/organizations/{}", tenant.organization);
    scene.ok("PATCH", &path, json!({ "suspended": true }));
    for restarted in [false, true] {
        if restarted {
            scene.restart();
        }
        assert_eq!(scene.verdict(&tenant.owner.secret), "suspended");
        assert_eq!(
            scene.refused_as(&tenant.owner.secret, "GET", "/v1/keys", Value::Null),
            no(401, "credential_invalid")
        );
    }
    scene.ok("PATCH", &path, json!({ "suspended": false }));
    assert_eq!(scene.verdict(&tenant.owner.secret), "valid");
}

#[test]
fn the_operators_organization_cannot_be_ended() {
    let scene = Scene::new();
    let path = format!("/v1/organizations/{}", scene.own_organization());
    assert_eq!(scene.refused("DELETE", &path, Value::Null), no(409, "wrong_state"));
    assert_eq!(scene.refused("PATCH", &path, json!({ "suspended": true })), no(409, "wrong_state"));
    assert_eq!(scene.ok("PATCH", &path, json!({ "name": "headquarters" }))["name"], "headquarters");
}

#[test]
fn an_organization_has_a_name_and_a_version() {
    let scene = Scene::new();
    let path = format!("/v1/organizations/{}", scene.tenant("one").organization);
    scene.tenant("two");
    assert_eq!(scene.refused("POST", "/v1/organizations", json!({ "name": "one" })), no(409, "taken"));
    assert_eq!(scene.refused("PATCH", &path, json!({ "name": "two" })), no(409, "taken"));
    let renamed = scene.with_headers("PATCH", &path, "If-Match: \"1\"\r\n", json!({ "name": "three" }));
    assert_eq!((renamed.status, renamed.header("etag")), (200, Some("\"2\"")));
    for (method, body) in [("PATCH", json!({ "name": "four" })), ("DELETE", Value::Null)] {
        let stale = scene.with_headers(method, &path, "If-Match: \"1\"\r\n", body);
        assert_eq!(refusal(&stale), no(412, "stale"), "{method}");
    }
    scene.tenant("one");
}

#[test]
fn one_organization_knows_nothing_of_another() {
    let scene = Scene::new();
    let [mine, theirs] = ["mine", "theirs"].map(|name| scene.tenant(name));
    let me = &mine.owner.secret;
    let key = scene.held_as(&theirs.owner.secret, json!({ "tags": ["red"] }));
    let handle = text(&scene.read(&format!("/v1/keys/{}", key.id))["handle"]);
    assert_eq!(ids(&scene.ok_as(me, "GET", "/v1/keys", Value::Null)), std::slice::from_ref(&mine.owner.id));
    assert_eq!(
        ids(&scene.ok_as(me, "GET", "/v1/organizations", Value::Null)),
        std::slice::from_ref(&mine.organization)
    );
    let filters =
        [format!("handle={handle}"), format!("account_id={}", theirs.account), "tag=red".to_owned()];
    for filter in filters {
        let found = scene.ok_as(me, "GET", &format!("/v1/keys?{filter}"), Value::Null);
        assert_eq!(found["data"], json!([]), "{filter}");
    }
    for selection in [
        json!({ "secret": key.secret }),
        json!({ "handle": handle }),
        json!({ "account_id": theirs.account }),
    ] {
        assert_eq!(scene.refused_as(me, "POST", "/v1/removals", selection), no(404, "not_found"));
    }
    let planned =
        scene.ok_as(me, "POST", "/v1/removals", json!({ "filter": { "tag": "red" }, "dry_run": true }));
    assert_eq!(planned["total"], 0);
    let events = scene.ok_as(me, "GET", "/v1/events?limit=500", Value::Null);
    let events = events["data"].as_array().expect("data");
    assert!(!events.is_empty() && events.iter().all(|event| event["organization_id"] == mine.organization));
    assert_eq!(scene.verdict(&key.secret), "valid");
}
