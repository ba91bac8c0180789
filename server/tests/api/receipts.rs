//! This file is about receipts: checked by our own command, and by a script that shares no code with it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use super::scene::{Scene, no, refusal, text};
use crate::harness::PROGRAM;

/// Keeps a receipt in a file.
fn receipt(scene: &Scene, id: &str) -> PathBuf {
    let answer = scene.call("GET", &format!("/v1/receipts/{id}"), None);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/plain; charset=utf-8")));
    let file = scene.file(&format!("{id}.receipt"));
    std::fs::write(&file, &answer.body).expect("it can be written");
    file
}

fn by_our_command(file: &Path, key: &Path) -> Output {
    Command::new(PROGRAM)
        .args(["receipt", "check"])
        .arg(file)
        .arg("--key")
        .arg(key)
        .output()
        .expect("it runs")
}

fn by_script(file: &Path, key: &str) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../log/tests/check_receipt.py");
    Command::new("python3").arg(script).arg(file).arg(key).output().expect("python3 runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// What our command and the script say of a receipt that both take.
pub(super) fn checked(scene: &Scene, file: &Path) -> String {
    let (ours, theirs) =
        (by_our_command(file, &scene.file("keys/log.pub")), by_script(file, &scene.log_key()));
    assert!(ours.status.success() && theirs.status.success(), "{}{}", said(&ours), said(&theirs));
    said(&ours)
}

/// Removes a key; its receipt's id.
fn removed(scene: &Scene) -> (String, String) {
    let key = scene.held(json!({}));
    let answer = scene.call("DELETE", &format!("/v1/keys/{}?reason=compromised", key.id), None);
    (key.id, answer.header("keyward-receipt").expect("a receipt").to_owned())
}

#[test]
fn a_receipt_holds_before_others_and_no_other_does() {
    let mut scene = Scene::new();
    let (key, id) = removed(&scene);
    let public = scene.file("keys/log.pub");
    for restarted in [false, true] {
        if restarted {
            (0..300).for_each(|_| drop(scene.held(json!({}))));
            scene.restart();
        }
        let file = receipt(&scene, &id);
        let ours = by_our_command(&file, &public);
        assert!(ours.status.success(), "{}", said(&ours));
        for part in ["key.removed", "compromised", &key] {
            assert!(said(&ours).contains(part), "no {part} in {}", said(&ours));
        }
        let theirs = by_script(&file, &scene.log_key());
        assert!(theirs.status.success(), "{}", said(&theirs));
        assert!(said(&theirs).contains("key.removed"));

        let text = std::fs::read_to_string(&file).expect("it is there");
        let leaf = text.lines().find(|line| line.starts_with("extra ")).expect("what is proved").to_owned();
        let (_, other) = removed(&scene);
        let other = std::fs::read_to_string(receipt(&scene, &other)).expect("it is there");
        let other_leaf = other.lines().find(|line| line.starts_with("extra ")).expect("what is proved");
        std::fs::write(&file, text.replace(&leaf, other_leaf)).expect("it can be written");
        assert!(!by_our_command(&file, &public).status.success(), "another leaf in its place");
        assert!(!by_script(&file, &scene.log_key()).status.success(), "another leaf in its place");
    }
}

#[test]
fn a_receipt_of_another_log_is_refused() {
    let [mine, theirs] = [(); 2].map(|()| Scene::new());
    let (_, id) = removed(&mine);
    let file = receipt(&mine, &id);
    assert!(!by_our_command(&file, &theirs.file("keys/log.pub")).status.success());
    assert!(!by_script(&file, &theirs.log_key()).status.success());
}

#[test]
fn a_receipt_comes_as_json_too_and_with_the_removal() {
    let scene = Scene::new();
    let key = scene.held(json!({}));
    let path = format!("/v1/keys/{}", key.id);
    for again in [false, true] {
        let answer = scene.with_headers(
            "DELETE",
            &path,
            "Prefer: respond-async, return=representation\r\n",
            Value::Null,
        );
        assert_eq!(
            (answer.status, answer.header("preference-applied")),
            (200, Some("return=representation"))
        );
        let id = answer.header("keyward-receipt").expect("a receipt").to_owned();
        let body = answer.json();
        assert_eq!(
            (&body["key"]["receipt_id"], &body["receipt"]["id"]),
            (&json!(id), &json!(id)),
            "again: {again}"
        );
        let file = scene.file("receipt");
        std::fs::write(&file, text(&body["receipt"]["proof"])).expect("it can be written");
        assert!(by_script(&file, &scene.log_key()).status.success());
    }
    let path = format!("/v1/receipts/{}", key.id.replace("key_", "rcpt_"));
    let answer = scene.with_headers("GET", &path, "Accept: application/json\r\n", Value::Null);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(text(&answer.json()["proof"]), scene.call("GET", &path, None).body);
}

#[test]
fn there_is_no_receipt_for_what_was_not_removed_nor_for_strangers() {
    let scene = Scene::new();
    let living = scene.held(json!({})).id.replace("key_", "rcpt_");
    assert_eq!(scene.refused("GET", &format!("/v1/receipts/{living}"), Value::Null), no(404, "not_found"));
    let (_, id) = removed(&scene);
    let stranger = scene.tenant("stranger").owner.secret;
    let theirs = scene.call_as(&stranger, "GET", &format!("/v1/receipts/{id}"), None);
    assert_eq!(refusal(&theirs), no(404, "not_found"));
}

#[test]
fn the_end_of_an_account_and_of_an_organization_has_a_receipt() {
    let scene = Scene::new();
    let account = scene.account(None, "member", "short-lived");
    let organization = scene.tenant("short-lived").organization;
    let ends = [
        (format!("/v1/accounts/{account}?policy=refuse"), "account.removed"),
        (format!("/v1/organizations/{organization}"), "organization.removed"),
    ];
    for (path, event) in ends {
        let answer = scene.call("DELETE", &path, None);
        assert_eq!(answer.status, 204);
        let file = receipt(&scene, answer.header("keyward-receipt").expect("a receipt"));
        let checked = by_script(&file, &scene.log_key());
        assert!(checked.status.success() && said(&checked).contains(event), "{}", said(&checked));
        assert!(by_our_command(&file, &scene.file("keys/log.pub")).status.success());
    }
}
