//! This file is about Integration API Keys: however the next one of an account is made, the one before is refused at once.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::super::scene::{Scene, text};
use super::{brought_along, call};
use crate::harness::{PROGRAM, Server, folder};

const SCOPES: [&str; 2] = ["admin", "intserv:integration"];

/// The status of a call with this token.
fn levels(server: &Server, token: &str) -> u16 {
    server.call_as(token, "POST", "/v1/accesslevels/list", Some(json!({}))).status
}

fn format() -> Value {
    json!({ "alphabet": "url_safe", "private": 43 })
}

fn issued(scene: &Scene, account: &str) -> String {
    scene.held(json!({ "account_id": account, "scopes": SCOPES, "format": format() })).secret
}

fn printed(scene: &Scene, account: &str) -> String {
    let mut issue = Command::new(PROGRAM);
    issue.args(["key", "issue", "doors", "--url", &scene.http, "--account", account, "--secret-file"]);
    issue.arg(scene.file("owner.secret")).arg("--format").arg(format().to_string());
    let printed =
        issue.args(["--scope", SCOPES[0], "--scope", SCOPES[1]]).output().expect("the program starts");
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    text(&serde_json::from_slice::<Value>(&printed.stdout).expect("JSON")["secret"])
}

#[test]
fn the_next_integration_api_key_removes_the_one_before_and_a_restart_brings_none_back() {
    let mut scene = Scene::demo();
    let tenant = scene.tenant("doors");
    let app = brought_along(&scene, &tenant.account, "app", &["admin", "intserv:app"]);
    let mut before: Option<String> = None;
    let mut ended = Vec::new();
    for make in [
        issued,
        printed,
        |scene: &Scene, account: &str| brought_along(scene, account, "brought", &SCOPES),
        issued,
    ] {
        let token = make(&scene, &tenant.account);
        let fits = token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        assert_eq!((token.len(), fits), (43, true));
        assert_eq!(levels(&scene, &token), 200);
        if let Some(before) = before.replace(token) {
            let (status, said) = call(&scene, &before, "accesskeys/remove", &json!({ "id": "x" }));
            assert_eq!((status, &said["error"]), (401, &json!("invalid_token")));
            assert_eq!(scene.verdict(&before), "removed");
            ended.push(before);
        }
    }
    let last = before.expect("one was made");
    let id = text(&scene.verify(&last)["key_id"]);
    let rotated = text(&scene.ok("POST", &format!("/v1/keys/{id}/rotate"), json!({}))["secret"]);
    assert_eq!((levels(&scene, &last), levels(&scene, &rotated)), (401, 200));
    let gone = scene.call("GET", &format!("/v1/keys/{id}"), None);
    assert_eq!(gone.json()["tombstone"]["reason"], "superseded");
    let again = scene.call("DELETE", &format!("/v1/keys/{id}"), None);
    let receipt = again.header("keyward-receipt").expect("a receipt").to_owned();
    assert_eq!(scene.call("GET", &format!("/v1/receipts/{receipt}"), None).status, 200);
    ended.push(last);

    scene.restart();
    assert!(ended.iter().all(|token| levels(&scene, token) == 401));
    assert_eq!(
        (levels(&scene, &rotated), levels(&scene, &app)),
        (200, 200),
        "an App API Key is none of them"
    );
    let demo = text(&scene.ready["intserv"]["token"]);
    assert_eq!(levels(&scene, &demo), 200, "nor is another account's");
}

#[test]
fn of_two_made_at_the_same_time_one_stays() {
    let scene = Scene::new();
    let account = scene.own_account();
    let made: Vec<String> = std::thread::scope(|threads| {
        let making: Vec<_> = (0..6).map(|_| threads.spawn(|| issued(&scene, &account))).collect();
        making.into_iter().map(|making| making.join().expect("a token")).collect()
    });
    assert_eq!(made.iter().filter(|token| levels(&scene, token) == 200).count(), 1);
}

const FILE: &str = r#"
owner_secret_file = "owner.secret"

[[organization]]
name = "doors"

[[organization.account]]
name = "integration"
role = "admin"

[[organization.account.key]]
name = "integration"
scopes = ["admin", "intserv:integration"]
secret_file = "integration.token"
format = { alphabet = "url_safe", private = 43 }
"#;

fn init(at: &Path) {
    let mut init = Command::new(PROGRAM);
    init.args(["init", "--listen", "127.0.0.1:0", "--folder"])
        .arg(at)
        .arg("--bootstrap")
        .arg(at.join("setup.toml"));
    let done = init.output().expect("the program starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn setting_up_again_makes_no_other_one_and_brings_none_back() {
    let folder = folder();
    std::fs::write(folder.path().join("setup.toml"), FILE).expect("it is written");
    init(folder.path());
    let token = std::fs::read_to_string(folder.path().join("integration.token")).expect("it was written");
    init(folder.path());
    let server = Server::configured(folder.path(), |_| {});
    assert_eq!(levels(&server, &token), 200);
    let account = text(&server.verify(&token)["account_id"]);
    let next = json!({ "name": "next", "account_id": account, "scopes": SCOPES });
    let next = text(&server.call("POST", "/v1/keys", Some(next)).json()["secret"]);
    assert_eq!((levels(&server, &token), levels(&server, &next)), (401, 200));
    server.stop();
    init(folder.path());
    let server = Server::configured(folder.path(), |_| {});
    assert_eq!((levels(&server, &token), levels(&server, &next)), (401, 200));
}
