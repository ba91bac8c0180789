//! This file is about passwords: set by file, by standard input or by a call of ours, and what they sign in.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::scene::{Scene, no, text};
use crate::harness::{PROGRAM, eventually};

/// What signing in with a password says, as the clients do that have passwords.
fn sign_in(scene: &Scene, login: &str, password: &str) -> u16 {
    let query = format!("/api/account/login?v=1&username={login}&password={password}");
    scene.request("GET", &query, "", b"").status
}

#[test]
fn a_password_signs_in_until_it_is_another_or_removed() {
    let scene = Scene::new();
    let account = scene.account(None, "member", "captions");
    let path = format!("/v1/accounts/{account}/password");
    let set = |password: &str| scene.ok("PUT", &path, json!({ "password": password }));
    let key = set("first");
    assert_eq!((&key["account_id"], &key["handle"]), (&json!(account), &json!("captions")));
    assert!(!key.to_string().contains("first"));
    assert_eq!(sign_in(&scene, "Captions", "first"), 200);
    assert_eq!(set("second")["id"], key["id"]);
    assert_eq!((sign_in(&scene, "captions", "first"), sign_in(&scene, "captions", "second")), (400, 200));
    let other = json!({ "password": "third", "login": "captions@example.com" });
    assert_ne!(scene.ok("PUT", &path, other)["id"], key["id"], "another login is another key");
    scene.ok("DELETE", &format!("/v1/keys/{}", text(&key["id"])), Value::Null);
    assert_eq!(sign_in(&scene, "captions", "second"), 400);
}

/// Whoever knew the password of an account that was handed over signed in as the heir.
#[test]
fn a_password_is_not_handed_over_with_the_keys() {
    let mut scene = Scene::new();
    let (leaver, heir) = (scene.account(None, "member", "captions"), scene.account(None, "member", "heir"));
    let key = scene.held(json!({ "account_id": leaver, "scopes": ["orders:read"] }));
    let password =
        scene.ok("PUT", &format!("/v1/accounts/{leaver}/password"), json!({ "password": "sesame" }));
    let query = "/api/account/login?v=1&username=captions&password=sesame";
    let session = text(&scene.request("GET", query, "", b"").json()["ApiToken"]);
    assert_eq!(scene.verdict(&session), "valid");
    let end = format!("/v1/accounts/{leaver}?policy=transfer_to&transfer_to={heir}");
    scene.ok("DELETE", &end, Value::Null);
    for restarted in [false, true] {
        if restarted {
            scene.restart();
        }
        assert_eq!(sign_in(&scene, "captions", "sesame"), 400, "{restarted}");
        assert_ne!(scene.verdict(&session), "valid", "{restarted}");
        assert_eq!(scene.verify(&key.secret)["account_id"], heir, "{restarted}");
    }
    let path = format!("/v1/keys/{}", text(&password["id"]));
    let gone = eventually("the end of the password", || {
        Some(scene.call("GET", &path, None)).filter(|answer| answer.status == 410)
    });
    assert_eq!(gone.json()["tombstone"]["reason"], "owner_left");
}

#[test]
fn nobody_sets_a_password_where_they_may_not() {
    let scene = Scene::new();
    let tenant = scene.tenant("tenant");
    let (own, other) = (scene.account(None, "member", "captions"), scene.account(None, "member", "other"));
    let member = scene.held(json!({ "account_id": own, "scopes": ["admin"] })).secret;
    let issuer = scene.held(json!({ "account_id": own, "scopes": ["keys:issue"] })).secret;
    let put = |secret: &str, account: &str, body: &Value| {
        let answer =
            scene.call_as(secret, "PUT", &format!("/v1/accounts/{account}/password"), Some(body.clone()));
        let code = if answer.status == 200 { String::new() } else { text(&answer.json()["code"]) };
        (answer.status, code)
    };
    let body = json!({ "password": "open sesame" });
    assert_eq!(put(&member, &own, &body).0, 200);
    assert_eq!(put(&member, &other, &body), no(404, "not_found"));
    assert_eq!(put(&tenant.owner.secret, &own, &body), no(404, "not_found"));
    // A password is as good as the account's role.
    assert_eq!(put(&issuer, &own, &body), no(403, "forbidden"));
    let admin = scene.account(None, "admin", "admin");
    let admin = scene.held(json!({ "account_id": admin, "scopes": ["admin"] })).secret;
    assert_eq!(put(&admin, &scene.own_account(), &body), no(403, "forbidden"), "an owner's is for owners");
    // A login belongs to one account, whoever asks.
    let taken = json!({ "password": "open sesame", "login": "captions" });
    assert_eq!(put(&tenant.owner.secret, &tenant.account, &taken), no(409, "taken"));
    assert_eq!(put(&scene.owner, &own, &json!({ "password": "" })), no(400, "invalid_field"));
}

#[test]
fn a_password_comes_from_a_file_or_standard_input() {
    let scene = Scene::new();
    let account = scene.account(None, "member", "captions");
    let file = scene.file("a.password");
    std::fs::write(&file, "from-a-file\n").expect("it is written");
    let mut by_file = program(&scene, &account);
    by_file.arg("--file").arg(&file).stdin(Stdio::null());
    assert!(by_file.status().expect("it runs").success());
    assert_eq!(sign_in(&scene, "captions", "from-a-file"), 200);
    std::fs::write(&file, "from-standard-input").expect("it is written");
    let mut by_input = program(&scene, &account);
    by_input.stdin(std::fs::File::open(&file).expect("it is there"));
    assert!(by_input.status().expect("it runs").success());
    assert_eq!(sign_in(&scene, "captions", "from-standard-input"), 200);
}

/// `keyward account password` for an account.
fn program(scene: &Scene, account: &str) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["account", "password", account, "--url", &scene.http, "--secret-file"]);
    command.arg(scene.file("owner.secret")).stdout(Stdio::null());
    command
}
