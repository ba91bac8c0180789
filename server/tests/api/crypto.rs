//! Keys that never leave: made, used, limited, removed, and what their receipt says.

use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use keyward_log::{Receipt, VerifierKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::scene::{Scene, no, text};
use crate::harness::PROGRAM;

/// 48 bytes, so that whatever comes of them is long.
pub(super) const TEXT: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v";

/// The id of a new key.
pub(super) fn issued(scene: &Scene, algorithm: &str, usages: &[&str]) -> String {
    text(&made(scene, &json!({}), algorithm, usages)["id"])
}

fn made(scene: &Scene, fields: &Value, algorithm: &str, usages: &[&str]) -> Value {
    let mut key =
        json!({ "name": "k", "kind": "crypto", "crypto": { "algorithm": algorithm, "usages": usages } });
    for (name, value) in fields.as_object().expect("an object") {
        key[name] = value.clone();
    }
    scene.ok("POST", "/v1/keys", key)["key"].clone()
}

/// What decrypts to [`TEXT`].
pub(super) fn encrypted(scene: &Scene, key: &str) -> Value {
    let body = json!({ "mode": "GCM", "plaintext": TEXT });
    let mut sealed = scene.ok("POST", &format!("/v1/keys/{key}/encrypt"), body);
    sealed["mode"] = json!("GCM");
    sealed
}

fn sign(key: &str) -> (String, Value) {
    (format!("/v1/keys/{key}/sign"), json!({ "message": TEXT, "scheme": "Ed25519" }))
}

#[test]
fn a_key_works_until_it_is_removed_and_not_after_a_restart() {
    let mut scene = Scene::new();
    let key = issued(&scene, "Ed25519", &["sign", "verify"]);
    let (path, body) = sign(&key);
    let signature = scene.ok("POST", &path, body.clone());
    scene.restart();
    // Ed25519 gives one signature for one message: it is the same key.
    assert_eq!(scene.ok("POST", &path, body.clone()), signature);
    let check = json!({ "message": TEXT, "scheme": "Ed25519", "signature": signature["signature"] });
    assert_eq!(scene.ok("POST", &format!("/v1/keys/{key}/verify"), check.clone()), json!({ "valid": true }));
    scene.ok("DELETE", &format!("/v1/keys/{key}"), Value::Null);
    for _ in 0..2 {
        assert_eq!(scene.refused("POST", &path, body.clone()), no(410, "removed"));
        assert_eq!(
            scene.refused("POST", &format!("/v1/keys/{key}/verify"), check.clone()),
            no(410, "removed")
        );
        scene.restart();
    }
    assert_eq!(scene.read(&format!("/v1/keys/{key}/usage"))["refused"][0]["count"].as_u64(), Some(4));
}

#[test]
fn a_peer_that_is_removed_ends_what_was_agreed_with_it() {
    let scene = Scene::new();
    let (key, peer) = (issued(&scene, "X448", &["agree"]), issued(&scene, "X448", &["agree"]));
    let agreed = json!({ "peer": { "key_id": peer }, "bits": 256 });
    let path = format!("/v1/keys/{key}/encrypt");
    let body = json!({ "mode": "GCM", "plaintext": TEXT, "agreed": agreed });
    let mut sealed = scene.ok("POST", &path, body.clone());
    sealed["mode"] = json!("GCM");
    // The other side opens it.
    sealed["agreed"] = json!({ "peer": { "key_id": key }, "bits": 256 });
    let opened = scene.ok("POST", &format!("/v1/keys/{peer}/decrypt"), sealed);
    assert_eq!(opened["plaintext"], TEXT);
    scene.ok("DELETE", &format!("/v1/keys/{peer}"), Value::Null);
    assert_eq!(scene.refused("POST", &path, body), no(410, "removed"));
}

#[test]
fn whatever_limits_a_key_limits_its_use() {
    let scene = Scene::new();
    let key = issued(&scene, "Ed25519", &["sign"]);
    let (path, body) = sign(&key);
    scene.ok("POST", &format!("/v1/keys/{key}/suspend"), Value::Null);
    assert_eq!(scene.refused("POST", &path, body.clone()), no(409, "wrong_state"));
    scene.ok("POST", &format!("/v1/keys/{key}/resume"), Value::Null);
    scene.ok("POST", &path, body.clone());

    let limited = |fields: Value| sign(&text(&made(&scene, &fields, "Ed25519", &["sign"])["id"]));
    let (early, body) = limited(json!({ "not_before": "2099-01-01T00:00:00Z" }));
    assert_eq!(scene.refused("POST", &early, body.clone()), no(409, "wrong_state"));
    let (elsewhere, body) = limited(json!({ "ip_allow": ["192.0.2.0/24"] }));
    assert_eq!(scene.refused("POST", &elsewhere, body.clone()), no(403, "forbidden"));
    let (twice, body) = limited(json!({ "uses_left": 2 }));
    scene.ok("POST", &twice, body.clone());
    scene.ok("POST", &twice, body.clone());
    assert_eq!(scene.refused("POST", &twice, body.clone()), no(409, "wrong_state"));
    let (seldom, body) = limited(json!({ "rate_limit": { "limit": 1, "window_seconds": 86400 } }));
    scene.ok("POST", &seldom, body.clone());
    assert_eq!(scene.refused("POST", &seldom, body), no(429, "slow_down"));
}

#[test]
fn an_account_that_is_suspended_or_removed_stops_its_keys() {
    let scene = Scene::new();
    let account = scene.account(None, "member", "robot");
    let key = text(&made(&scene, &json!({ "account_id": account }), "Ed25519", &["sign"])["id"]);
    let (path, body) = sign(&key);
    scene.ok("POST", &path, body.clone());
    let account = format!("/v1/accounts/{account}");
    scene.ok("PATCH", &account, json!({ "suspended": true }));
    assert_eq!(scene.refused("POST", &path, body.clone()), no(409, "wrong_state"));
    scene.ok("PATCH", &account, json!({ "suspended": false }));
    scene.ok("POST", &path, body.clone());
    scene.ok("DELETE", &format!("{account}?policy=remove_keys"), Value::Null);
    let (status, _) = scene.refused("POST", &path, body);
    assert!(status == 409 || status == 410, "{status}");
}

#[test]
fn only_a_public_half_is_brought_along() {
    let scene = Scene::new();
    let (signer, stranger) = (issued(&scene, "P-521", &["sign"]), issued(&scene, "AES-128", &["wrap"]));
    let half = scene.read(&format!("/v1/keys/{signer}"))["crypto"]["public_key"].clone();
    let message = json!({ "message": TEXT, "scheme": "ECDSA-SHA-512" });
    let signature = scene.ok("POST", &format!("/v1/keys/{signer}/sign"), message);
    let item = |usages: Value, half: &Value| {
        let crypto = json!({ "algorithm": "P-521", "usages": usages, "public_key": half });
        json!([{ "name": "theirs", "kind": "crypto", "crypto": crypto }])
    };
    let import = |body: Value| {
        let answer = scene.call("POST", "/v1/keys/import", Some(body));
        serde_json::from_str::<Value>(answer.body.trim()).expect("a line")
    };
    let imported = text(&import(item(json!(["verify"]), &half))["id"]);
    let shown = scene.read(&format!("/v1/keys/{imported}"));
    assert_eq!((&shown["crypto"]["source"], &shown["crypto"]["public_key"]), (&json!("imported"), &half));
    let check = json!({ "message": TEXT, "scheme": "ECDSA-SHA-512", "signature": signature["signature"] });
    assert_eq!(scene.ok("POST", &format!("/v1/keys/{imported}/verify"), check), json!({ "valid": true }));
    let refused = |line: Value| text(&line["problem"]["code"]);
    assert_eq!(refused(import(item(json!(["sign"]), &half))), "invalid_field");
    assert_eq!(refused(import(item(json!(["verify"]), &json!("AAAA")))), "rejected");
    // A symmetric key has no half to show, and none of these ever shows a secret.
    let shown = scene.read(&format!("/v1/keys/{stranger}"));
    assert_eq!(shown["crypto"]["public_key"], Value::Null);
}

#[test]
fn a_derived_key_is_the_same_on_both_sides() {
    let scene = Scene::new();
    let [one, other] = [(); 2].map(|()| issued(&scene, "secp256k1", &["derive"]));
    let derived = |key: &str, peer: &str| {
        let new = json!({ "name": "d", "kind": "crypto", "crypto": { "algorithm": "HMAC-SHA-256", "usages": ["mac"] } });
        let body = json!({ "peer": { "key_id": peer }, "info": "AAAA", "key": new });
        text(&scene.ok("POST", &format!("/v1/keys/{key}/derive"), body)["key"]["id"])
    };
    let [one, other] = [derived(&one, &other), derived(&other, &one)].map(|key| {
        assert_eq!(scene.read(&format!("/v1/keys/{key}"))["crypto"]["source"], "derived");
        scene.ok("POST", &format!("/v1/keys/{key}/mac"), json!({ "message": TEXT }))
    });
    assert_eq!(one, other);
}

/// The receipt says of which key it speaks: its first entry binds the public half that the key came to be with.
#[test]
fn the_receipt_names_the_public_half() {
    let scene = Scene::new();
    let key = made(&scene, &json!({}), "P-256", &["sign"]);
    let half = STANDARD.decode(text(&key["crypto"]["public_key"])).expect("base64");
    let id = text(&key["id"]);
    scene.ok("PATCH", &format!("/v1/keys/{id}"), json!({ "name": "renamed" }));
    let headers = "Prefer: return=representation\r\n";
    let removed = scene.with_headers("DELETE", &format!("/v1/keys/{id}"), headers, Value::Null).json();
    let path = format!("/v1/receipts/{}", id.replace("key_", "rcpt_"));
    let read = scene.call("GET", &path, None).body;
    let log_key: VerifierKey = scene.log_key().parse().expect("a key");
    for text in [&text(&removed["receipt"]["proof"]), &read] {
        let receipt: Receipt = text.parse().expect("a receipt");
        let checked = receipt.check(&log_key, log_key.name().as_str()).expect("it holds");
        let [created, removed] = checked.as_slice() else { panic!("{} entries", checked.len()) };
        let opening = created.openings()[0];
        assert_eq!(removed.openings(), [opening]);
        let bound =
            Sha256::new().chain_update("keyward-public/v1\n").chain_update(opening.salt).chain_update(&half);
        let bound = STANDARD.encode(bound.finalize());
        assert!(created.leaf().as_str().contains("key.created"));
        assert!(created.leaf().as_str().ends_with(&format!(" public={bound}")), "{}", created.leaf());
        assert!(removed.leaf().as_str().contains("key.removed"), "{}", removed.leaf());
    }
}

/// A longer message was cut, and the signature of its beginning printed as if it were the whole's.
#[test]
fn the_command_signs_all_of_a_message_or_nothing() {
    let scene = Scene::new();
    let key = issued(&scene, "Ed25519", &["sign"]);
    let sign = |length: usize| {
        let file = scene.file("message");
        std::fs::write(&file, vec![7; length]).expect("it is written");
        let mut command = Command::new(PROGRAM);
        command.args(["key", "--url", &scene.http, "--secret-file"]).arg(scene.file("owner.secret"));
        command.args(["sign", &key, "--scheme", "Ed25519"]);
        command.stdin(std::fs::File::open(&file).expect("it is there")).output().expect("it runs")
    };
    let most = sign(512 * 1024);
    assert!(most.status.success() && !most.stdout.is_empty(), "{most:?}");
    let more = sign(512 * 1024 + 1);
    assert!(!more.status.success() && more.stdout.is_empty(), "{more:?}");
    assert!(String::from_utf8_lossy(&more.stderr).contains("512 KiB"), "{more:?}");
}
