//! This file is about the command line as people use it against a running server: every command goes through the API.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use super::scene::{Scene, text};
use crate::harness::{PROGRAM, eventually};

fn command(scene: &Scene, words: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(words).args(["--url", &scene.http, "--secret-file"]).arg(scene.file("owner.secret"));
    command
}

/// What comes of a command that is given this on standard input.
fn told(scene: &Scene, words: &[&str], input: &str) -> Output {
    let mut command = command(scene, words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("it reads");
    child.wait_with_output().expect("it ends")
}

/// What a command prints that succeeds.
fn printed(scene: &Scene, words: &[&str], input: &str) -> String {
    let done = told(scene, words, input);
    assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("text")
}

fn answer(scene: &Scene, words: &[&str], input: &str) -> Value {
    serde_json::from_str(&printed(scene, words, input)).expect("JSON")
}

#[test]
fn a_key_that_never_leaves_is_made_and_used() {
    let scene = Scene::new();
    let issue = ["key", "issue", "signer", "--algorithm", "Ed25519", "--usage", "sign", "--usage", "verify"];
    let issued = answer(&scene, &issue, "");
    assert_eq!(issued["key"]["kind"], "crypto");
    let id = text(&issued["key"]["id"]);
    let mut document = json!({ "message": "aGVsbG8=", "scheme": "Ed25519" });
    let signed = answer(&scene, &["key", "use", &id, "sign", "-"], &document.to_string());
    document["signature"] = signed["signature"].clone();
    let file = scene.file("document.json");
    std::fs::write(&file, document.to_string()).expect("it is written");
    let checked = answer(&scene, &["key", "use", &id, "verify", file.to_str().expect("text")], "");
    assert_eq!(checked["valid"], true);
    document["message"] = json!("aGVsbG9v");
    assert_eq!(answer(&scene, &["key", "use", &id, "verify", &document.to_string()], "")["valid"], false);
}

#[test]
fn what_has_no_option_comes_in_a_document() {
    let scene = Scene::new();
    let document = json!({
        "access": { "type": "code", "identification": "48151623", "pin": "1234" },
        "rate_limit": { "limit": 5, "window_seconds": 60 },
        "metadata": { "a": 1 },
        "tags": ["from the document"],
        "name": "another",
    });
    let issue = ["key", "issue", "visitor", "--kind", "access", "--tag", "given", "--with", "-"];
    let issued = answer(&scene, &issue, &document.to_string());
    let key = &issued["key"];
    assert_eq!(
        (&key["name"], &key["tags"], &key["metadata"]),
        (&json!("visitor"), &json!(["given"]), &json!({ "a": 1 }))
    );
    assert_eq!((&key["access"]["has_pin"], &key["rate_limit"]["limit"]), (&json!(true), &json!(5)));
    let id = text(&key["id"]);
    let cleared = answer(&scene, &["key", "update", &id, "-"], r#"{"access":{"pin":null}}"#);
    assert_eq!(cleared["access"]["has_pin"], false);
    let listed = answer(&scene, &["key", "list", "--kind", "access"], "");
    assert_eq!(listed["data"].as_array().expect("a list").len(), 1);
    let removal = answer(&scene, &["key", "remove", "--code", "--reason", "retired"], "48151623\n");
    assert_eq!((&removal["removal"]["total"], &removal["removal"]["reason"]), (&json!(1), &json!("retired")));
}

#[test]
fn a_key_is_removed_by_what_is_known_of_it_and_its_receipt_found_by_its_id() {
    let scene = Scene::new();
    let [by_secret, by_handle] = [(); 2].map(|()| scene.held(json!({})));
    answer(&scene, &["key", "remove", "--secret"], &by_secret.secret);
    let handle = text(&scene.read(&format!("/v1/keys/{}", by_handle.id))["handle"]);
    answer(&scene, &["key", "remove", "--handle", &handle], "");
    let account = scene.account(None, "member", "leaver");
    let receipt = printed(&scene, &["account", "remove", &account, "--policy", "refuse"], "");
    assert_eq!(receipt.trim(), account.replace("acct_", "rcpt_"));
    for id in [&by_handle.id, &account] {
        crate::harness::eventually("it is removed", || {
            let done = told(&scene, &["key", "receipt", id], "");
            done.status
                .success()
                .then(|| assert!(done.stdout.starts_with(b"c2sp.org/tlog-proof@v1\n"), "{id}"))
        });
    }
}

#[test]
fn an_access_level_is_made_changed_and_removed() {
    let scene = Scene::new();
    let level = answer(&scene, &["access-level", "create", "Office", "--verifier", "door-1"], "");
    let id = text(&level["id"]);
    assert_eq!(answer(&scene, &["access-level", "find", &id], ""), level);
    let update = ["access-level", "update", &id, "--name", "Offices", "--verifier", "", "--version", "1"];
    let changed = answer(&scene, &update, "");
    assert_eq!((&changed["name"], &changed["verifier"]), (&json!("Offices"), &Value::Null));
    assert!(!told(&scene, &update, "").status.success(), "it has changed meanwhile");
    let another = answer(&scene, &["access-level", "create", "Storeroom"], "");
    let first = answer(&scene, &["access-level", "list", "--limit", "1"], "");
    assert_eq!(first["data"], json!([changed]));
    let next = ["access-level", "list", "--cursor", &text(&first["next_cursor"])];
    assert_eq!(answer(&scene, &next, "")["data"], json!([another]));
    printed(&scene, &["access-level", "remove", &text(&another["id"]), "--version", "1"], "");
    assert!(!told(&scene, &["access-level", "remove", &id, "--version", "1"], "").status.success());
    let receipt = printed(&scene, &["access-level", "remove", &id, "--version", "2"], "");
    assert_eq!(receipt.trim(), id.replace("res_", "rcpt_"));
    assert_eq!(answer(&scene, &["access-level", "list"], "")["data"], json!([]));
}

#[test]
fn a_question_without_an_answer_is_told_from_a_no() {
    let scene = Scene::new();
    let key = scene.held(json!({}));
    let code = |secret: &str, more: &[&str]| {
        told(&scene, &[&["key", "verify"], more].concat(), secret).status.code()
    };
    assert_eq!(code(&key.secret, &[]), Some(0));
    assert_eq!(code("kw_live_unknown-unknown", &[]), Some(1));
    assert_eq!(code(&key.secret, &["--scope", "Not A Scope"]), Some(2), "the question is refused");
}

/// A panic, with its place in our sources, was what whoever piped into `head` was shown.
#[test]
fn who_stops_reading_is_shown_nothing_more() {
    let scene = Scene::new();
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let done = command(&scene, &["key", "list"]).stdout(writer).stderr(Stdio::piped()).output();
    let done = done.expect("it ends");
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(141), ""));
}

#[test]
fn whoever_makes_a_store_is_told_what_comes_next() {
    let folder = crate::harness::folder();
    let path = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    let words = ["init", "--folder", folder.path().to_str().expect("text"), "--listen", "127.0.0.1:4711"];
    let made = Command::new(PROGRAM).args(words).output().expect("it starts");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let said = String::from_utf8(made.stdout).expect("text");
    let config = path("keyward.toml");
    for words in [
        &*format!("keyward serve --config {config}\n"),
        &format!("KEYWARD_URL=http://127.0.0.1:4711 KEYWARD_SECRET_FILE={}\n", path("owner.secret")),
        &path("keys/log.pub"),
    ] {
        assert!(said.contains(words), "{words} is not in {said}");
    }
    let secret = std::fs::read_to_string(path("owner.secret")).expect("it is there");
    assert!(said.contains(&format!("\n    {secret}\n")), "it is the one that is shown");
    let mode = std::fs::metadata(path("owner.secret")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let checked = Command::new(PROGRAM).args(["config", "check", "--config", &config]).output();
    let checked = String::from_utf8(checked.expect("it starts").stdout).expect("text");
    assert!(checked.contains(&format!("data = \"{}\"", path("data"))), "{checked}");
}

#[test]
fn many_keys_are_removed_by_everything_that_they_are_listed_by() {
    let scene = Scene::new();
    let issue = |name: &str, environment: &str| {
        let issued = answer(&scene, &["key", "issue", name, "--environment", environment], "");
        (text(&issued["key"]["id"]), text(&issued["key"]["handle"]))
    };
    let ((first, handle), (second, _)) = (issue("first", "test"), issue("second", "test"));
    issue("third", "live");
    let planned = |words: &[&str]| {
        let plan = answer(&scene, &[&["key", "remove-many"], words].concat(), "");
        (plan["total"].as_u64().expect("a number"), text(&plan["plan_hash"]))
    };
    assert_eq!(planned(&["--handle", &handle]).0, 1);
    assert_eq!(planned(&["--environment", "test", "--created-before", "2020-01-01T00:00:00Z"]).0, 0);
    printed(&scene, &["key", "suspend", &first], "");
    assert_eq!(planned(&["--environment", "test", "--state", "suspended", "--kind", "secret"]).0, 1);
    let (total, hash) = planned(&["--environment", "test", "--reason", "retired"]);
    assert_eq!(total, 2);
    // The reason is part of what was seen.
    let many = ["key", "remove-many", "--environment", "test", "--plan-hash", &hash];
    let refused = told(&scene, &many, "");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("plan_changed"), "{refused:?}");
    let removal = answer(&scene, &[&many[..], &["--reason", "retired"]].concat(), "");
    assert_eq!((&removal["removal"]["total"], &removal["removal"]["reason"]), (&json!(2), &json!("retired")));
    let id = text(&removal["removal"]["id"]);
    eventually("the keys are removed", || {
        let progress = answer(&scene, &["key", "removal", &id], "");
        (progress["removal"]["removed"] == 2).then_some(())
    });
    for id in [first, second] {
        assert!(!told(&scene, &["key", "find", &id], "").status.success());
    }
}

#[test]
fn a_change_may_be_meant_for_one_version_only() {
    let scene = Scene::new();
    let account = text(&answer(&scene, &["account", "create", "somebody"], "")["id"]);
    let id = text(&answer(&scene, &["key", "issue", "one"], "")["key"]["id"]);
    let stale = |words: &[&str]| {
        let refused = told(&scene, &[words, &["--version", "7"]].concat(), "");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("(stale, "), "{words:?}: {refused:?}");
    };
    for verb in ["suspend", "resume", "rotate"] {
        stale(&["key", verb, &id]);
    }
    stale(&["account", "update", &account, "--name", "else"]);
    stale(&["account", "remove", &account, "--policy", "refuse"]);
    let organization = text(&answer(&scene, &["organization", "create", "tenant"], "")["id"]);
    stale(&["organization", "update", &organization, "--name", "else"]);
    stale(&["organization", "remove", &organization]);
    assert_eq!(answer(&scene, &["key", "suspend", &id, "--version", "1"], "")["version"], 2);
    let held = answer(&scene, &["organization", "update", &organization, "--hold", "payment"], "");
    assert_eq!(held["hold"], "payment");
    for list in ["account", "organization"] {
        let page = answer(&scene, &[list, "list", "--limit", "1"], "");
        let cursor = text(&page["next_cursor"]);
        let rest = answer(&scene, &[list, "list", "--cursor", &cursor], "");
        assert_eq!(page["data"].as_array().map(Vec::len), Some(1));
        assert!(rest["data"].as_array().is_some_and(|rest| !rest.is_empty() && rest[0] != page["data"][0]));
    }
}
