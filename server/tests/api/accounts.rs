//! This file is about accounts: what becomes of their keys, at once.

use serde_json::{Value, json};

use super::scene::{Held, Scene, no, refusal, text};
use crate::harness::eventually;

struct Robot {
    account: String,
    path: String,
    keys: Vec<Held>,
    protected: Held,
}

/// An account with three keys, one of them protected.
fn robot(scene: &Scene, name: &str) -> Robot {
    let account = scene.account(None, "member", name);
    let keys =
        (0..2).map(|_| scene.held(json!({ "account_id": account, "scopes": ["keys:read"] }))).collect();
    let protected = scene.held(json!({ "account_id": account, "protected": true }));
    Robot { path: format!("/v1/accounts/{account}"), account, keys, protected }
}

impl Robot {
    fn verdicts(&self, scene: &Scene) -> Vec<String> {
        self.keys.iter().chain([&self.protected]).map(|key| scene.verdict(&key.secret)).collect()
    }
}

#[test]
fn a_removed_account_takes_its_keys_with_it_at_once() {
    let mut scene = Scene::new();
    let robot = robot(&scene, "robot");
    let removed = scene.call("DELETE", &format!("{}?policy=remove_keys", robot.path), None);
    assert_eq!(removed.status, 204, "{}", removed.body);
    assert_eq!(robot.verdicts(&scene), ["removed"; 3], "before anything else is done");
    assert_eq!(
        scene.refused_as(&robot.keys[0].secret, "GET", "/v1/keys", Value::Null),
        no(401, "credential_invalid")
    );
    for key in robot.keys.iter().chain([&robot.protected]) {
        let gone = eventually("the end of a key", || {
            Some(scene.call("GET", &format!("/v1/keys/{}", key.id), None))
                .filter(|answer| answer.status == 410)
        });
        assert_eq!(gone.json()["tombstone"]["reason"], "owner_left");
        let receipt = format!("/v1/receipts/{}", key.id.replace("key_", "rcpt_"));
        assert_eq!(scene.call("GET", &receipt, None).status, 200);
    }
    scene.restart();
    assert_eq!(robot.verdicts(&scene), ["removed"; 3]);
    assert_eq!(scene.refused("GET", &robot.path, Value::Null), no(404, "not_found"));
    assert_eq!(
        scene.refused("POST", "/v1/keys", json!({ "name": "x", "account_id": robot.account })),
        no(400, "invalid_field")
    );
    scene.account(None, "member", "robot");
}

#[test]
fn keys_are_transferred_before_their_account_ends() {
    let scene = Scene::new();
    let (robot, heir) = (robot(&scene, "robot"), scene.account(None, "member", "heir"));
    let stranger = scene.tenant("stranger").account;
    for wrong in [&stranger, &robot.account] {
        let path = format!("{}?policy=transfer_to&transfer_to={wrong}", robot.path);
        let answer = scene.call("DELETE", &path, None);
        assert!(matches!(refusal(&answer).0, 400 | 404), "{}", answer.body);
    }
    for odd in ["", "?policy=transfer_to", "?policy=keep", &format!("?policy=refuse&transfer_to={heir}")] {
        assert_eq!(
            scene.refused("DELETE", &format!("{}{odd}", robot.path), Value::Null),
            no(400, "invalid_field"),
            "{odd}"
        );
    }
    scene.ok("DELETE", &format!("{}?policy=transfer_to&transfer_to={heir}", robot.path), Value::Null);
    assert_eq!(robot.verdicts(&scene), ["valid"; 3]);
    for key in &robot.keys {
        assert_eq!(scene.read(&format!("/v1/keys/{}", key.id))["account_id"], heir);
        assert_eq!(scene.verify(&key.secret)["account_id"], heir);
    }
    let listed = scene.read(&format!("/v1/keys?account_id={heir}"));
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(3));
    scene.ok("DELETE", &format!("/v1/accounts/{heir}?policy=remove_keys"), Value::Null);
    assert_eq!(robot.verdicts(&scene), ["removed"; 3], "they end with their new account");
}

#[test]
fn an_account_with_keys_can_refuse_to_go() {
    let scene = Scene::new();
    let robot = robot(&scene, "robot");
    let path = format!("{}?policy=refuse", robot.path);
    assert_eq!(scene.refused("DELETE", &path, Value::Null), no(409, "wrong_state"));
    scene.ok("PATCH", &format!("/v1/keys/{}", robot.protected.id), json!({ "protected": false }));
    for key in robot.keys.iter().chain([&robot.protected]) {
        scene.ok("DELETE", &format!("/v1/keys/{}", key.id), Value::Null);
    }
    scene.ok("DELETE", &path, Value::Null);
    // Removing twice is no error, as with keys.
    scene.ok("DELETE", &path, Value::Null);
}

#[test]
fn a_suspended_account_stops_its_keys_at_once() {
    let mut scene = Scene::new();
    let robot = robot(&scene, "robot");
    let stopped = scene.ok("PATCH", &robot.path, json!({ "suspended": true }));
    assert_eq!(stopped["state"], "suspended");
    assert_eq!(robot.verdicts(&scene), ["suspended"; 3]);
    assert_eq!(
        scene.refused_as(&robot.keys[0].secret, "GET", "/v1/keys", Value::Null),
        no(401, "credential_invalid")
    );
    scene.restart();
    assert_eq!(robot.verdicts(&scene), ["suspended"; 3]);
    scene.ok("PATCH", &robot.path, json!({ "suspended": false }));
    assert_eq!(robot.verdicts(&scene), ["valid"; 3]);
}

#[test]
fn a_lesser_role_is_in_force_with_the_answer() {
    let scene = Scene::new();
    let account = scene.account(None, "admin", "climber");
    let key = scene.held(json!({ "account_id": account, "scopes": ["admin"] }));
    let create = |name: &str| {
        scene
            .call_as(&key.secret, "POST", "/v1/accounts", Some(json!({ "name": name, "role": "member" })))
            .status
    };
    assert_eq!(create("before"), 201);
    scene.ok("PATCH", &format!("/v1/accounts/{account}"), json!({ "role": "member" }));
    assert_eq!(create("after"), 403);
}

#[test]
fn an_account_has_a_name_a_version_and_a_parent() {
    let scene = Scene::new();
    let parent = scene.account(None, "member", "parent");
    let child =
        scene.ok("POST", "/v1/accounts", json!({ "name": "child", "role": "member", "parent_id": parent }));
    assert_eq!(child["parent_id"], parent);
    let path = format!("/v1/accounts/{}", text(&child["id"]));
    assert_eq!(
        scene.refused("POST", "/v1/accounts", json!({ "name": "child", "role": "member" })),
        no(409, "taken")
    );
    assert_eq!(scene.refused("PATCH", &path, json!({ "name": "parent" })), no(409, "taken"));
    let renamed = scene.with_headers("PATCH", &path, "If-Match: \"1\"\r\n", json!({ "name": "grown" }));
    assert_eq!((renamed.status, renamed.header("etag")), (200, Some("\"2\"")));
    for (method, path) in [("PATCH", path.clone()), ("DELETE", format!("{path}?policy=refuse"))] {
        let body = if method == "PATCH" { json!({ "name": "x" }) } else { Value::Null };
        let stale = scene.with_headers(method, &path, "If-Match: \"1\"\r\n", body);
        assert_eq!(refusal(&stale), no(412, "stale"), "{method}");
    }
    // The old name is free again, and another organization's names are its own.
    scene.account(None, "member", "child");
    let tenant = scene.tenant("tenant").organization;
    scene.account(Some(&tenant), "member", "child");
    let stranger = scene.tenant("stranger").account;
    let odd = json!({ "name": "odd", "role": "member", "parent_id": stranger });
    assert_eq!(scene.refused("POST", "/v1/accounts", odd), no(400, "invalid_field"));
}

#[test]
fn only_owners_make_change_and_end_owners() {
    let scene = Scene::new();
    let tenant = scene.tenant("tenant");
    let admin = scene.account(Some(&tenant.organization), "admin", "admin");
    let admin = scene.held(json!({ "account_id": admin, "scopes": ["admin"] })).secret;
    let member = scene.account(Some(&tenant.organization), "member", "member");
    let owner = format!("/v1/accounts/{}", tenant.account);
    let key = format!("/v1/keys/{}", tenant.owner.id);
    let calls = [
        ("POST", "/v1/accounts".to_owned(), json!({ "name": "o", "role": "owner" })),
        ("PATCH", format!("/v1/accounts/{member}"), json!({ "role": "owner" })),
        ("PATCH", owner.clone(), json!({ "suspended": true })),
        ("PATCH", owner.clone(), json!({ "role": "member" })),
        ("DELETE", format!("{owner}?policy=remove_keys"), Value::Null),
        (
            "DELETE",
            format!("/v1/accounts/{member}?policy=transfer_to&transfer_to={}", tenant.account),
            Value::Null,
        ),
        ("POST", "/v1/keys".to_owned(), json!({ "name": "k", "account_id": tenant.account })),
        ("PATCH", key.clone(), json!({ "name": "k" })),
        ("POST", format!("{key}/suspend"), Value::Null),
        ("POST", format!("{key}/resume"), Value::Null),
        ("POST", format!("{key}/rotate"), Value::Null),
        ("DELETE", key, Value::Null),
        ("POST", "/v1/removals".to_owned(), json!({ "secret": tenant.owner.secret })),
    ];
    for (method, path, body) in calls {
        assert_eq!(scene.refused_as(&admin, method, &path, body), no(403, "forbidden"), "{method} {path}");
    }
    // Where an admin removes many, an owner's keys stay, as protected ones do.
    let all = json!({ "filter": {}, "dry_run": true });
    let planned = scene.ok_as(&admin, "POST", "/v1/removals", all);
    assert_eq!((&planned["total"], &planned["protected"]), (&json!(1), &json!(1)));
    assert_eq!(scene.verdict(&tenant.owner.secret), "valid");
}

#[test]
fn nobody_gives_a_right_that_they_do_not_have() {
    let scene = Scene::new();
    let issuer = scene.held(json!({ "scopes": ["keys:issue", "keys:update", "orders:read"] }));
    let issue = |scopes: Value| {
        scene.call_as(&issuer.secret, "POST", "/v1/keys", Some(json!({ "name": "k", "scopes": scopes })))
    };
    assert_eq!(
        issue(json!(["orders:write", "keys:issue"])).status,
        201,
        "what is no right is no right of anybody's"
    );
    for more in [json!(["admin"]), json!(["keys:read"])] {
        assert_eq!(refusal(&issue(more)), no(403, "forbidden"));
    }
    let path = format!("/v1/keys/{}", issuer.id);
    assert_eq!(
        scene.refused_as(&issuer.secret, "PATCH", &path, json!({ "scopes": ["admin"] })),
        no(403, "forbidden")
    );
}

#[test]
fn a_member_makes_and_ends_members_below_itself_and_nothing_else() {
    let scene = Scene::new();
    let (own, other) = (scene.account(None, "member", "own"), scene.account(None, "member", "other"));
    let member = scene.held(json!({ "account_id": own, "scopes": ["admin"] })).secret;
    let make = |secret: &str, parent: Value, role: &str, name: &str| {
        let body = json!({ "parent_id": parent, "role": role, "name": name });
        scene.call_as(secret, "POST", "/v1/accounts", Some(body))
    };
    let made = make(&member, json!(own), "member", "child");
    assert_eq!(made.status, 201, "{}", made.body);
    let child = text(&made.json()["id"]);
    assert_eq!(make(&member, json!(child), "member", "grandchild").status, 201);
    for (parent, role, expected) in [
        (Value::Null, "member", no(403, "forbidden")),
        (json!(own), "auditor", no(403, "forbidden")),
        (json!(own), "admin", no(403, "forbidden")),
        (json!(other), "member", no(404, "not_found")),
    ] {
        assert_eq!(refusal(&make(&member, parent.clone(), role, "refused")), expected, "{parent} {role}");
    }
    let remove = |secret: &str, account: &str| {
        scene.call_as(secret, "DELETE", &format!("/v1/accounts/{account}?policy=remove_keys"), None)
    };
    let theirs = scene.held(json!({ "account_id": child, "scopes": ["admin"] })).secret;
    assert_eq!(refusal(&remove(&theirs, &own)), no(404, "not_found"), "nobody acts for those above");
    assert_eq!(refusal(&remove(&member, &own)), no(403, "forbidden"));
    assert_eq!(refusal(&remove(&member, &other)), no(404, "not_found"));
    let path = format!("/v1/accounts/{child}");
    let up = scene.refused_as(&member, "PATCH", &path, json!({ "role": "admin" }));
    assert_eq!(up, no(403, "forbidden"));
    assert_eq!(remove(&member, &child).status, 204);
    assert_eq!(scene.verdict(&theirs), "removed");
}

#[test]
fn accounts_are_not_below_each_other_without_end() {
    let scene = Scene::new();
    let mut parent = scene.account(None, "member", "the first");
    let below = |parent: &str| {
        let body = json!({ "parent_id": parent, "role": "member", "name": format!("below {parent}") });
        scene.call("POST", "/v1/accounts", Some(body))
    };
    for _ in 1..16 {
        parent = text(&below(&parent).json()["id"]);
    }
    assert_eq!(refusal(&below(&parent)), no(400, "invalid_field"));
}
