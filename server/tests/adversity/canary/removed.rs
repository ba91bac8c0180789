//! This file is about what is left of removed keys: everything secret about ten thousand of them is looked for in every
//! file, backup and page of memory after they were removed and the slots were wrapped under a new root.

use std::fs;
use std::path::Path;
use std::process::Command;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::search::{self, Needles};
use super::{drawn, hex};
use crate::adversity::client::Dice;
use crate::harness::{PROGRAM, Server, eventually, folder};

/// How many keys.
const KEYS: usize = 10_000;
/// What a copy of the slots begins with.
const MAGIC: &[u8] = b"keyward slot copy 1\n";

/// The slot secrets in a copy of the slots, by AES-256-GCM alone: each slot is an epoch, a nonce, what is sealed and its
/// tag, bound to epoch and id. Those that do not open are left out.
fn slot_secrets(copy: &Path, root: &[u8; 32]) -> Vec<Vec<u8>> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, root).expect("a key"));
    let bytes = fs::read(copy).expect("it is there");
    let mut frames = bytes.strip_prefix(MAGIC).expect("a copy of slots");
    let mut secrets = Vec::new();
    // Kind, length of key and value, id, slot; the last frame is a hash.
    while frames[0] == 3 {
        assert_eq!(frames[1..7], [16, 0, 64, 0, 0, 0]);
        let (id, slot) = (&frames[7..23], &frames[23..87]);
        let nonce = Nonce::try_assume_unique_for_key(&slot[4..16]).expect("a nonce");
        let mut sealed = slot[16..].to_vec();
        if let Ok(secret) = key.open_in_place(nonce, Aad::from([&slot[..4], id].concat()), &mut sealed) {
            secrets.push(secret.to_vec());
        }
        frames = &frames[87..];
    }
    secrets
}

fn backup(folder: &Path, name: &str) {
    let mut backup = Command::new(PROGRAM);
    backup.args(["store", "backup", "--config"]).arg(folder.join("keyward.toml"));
    backup.arg("--to").arg(folder.join(format!("{name}.backup")));
    backup.arg("--slots").arg(folder.join(format!("{name}.slots")));
    let done = backup.output().expect("the program starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// Brings the keys along for an account of their own; its id.
fn import(server: &Server, secrets: &[String]) -> String {
    let account = json!({ "name": "short-lived", "role": "member" });
    let account = server.call("POST", "/v1/accounts", Some(account)).json()["id"].clone();
    let line = |secret| json!({ "kind": "secret", "name": "old", "secret": secret, "account_id": account });
    let lines: String = secrets.iter().map(|secret| line(secret).to_string() + "\n").collect();
    let headers = format!("Authorization: Bearer {}\r\nContent-Type: application/x-ndjson\r\n", server.owner);
    let imported = server.request("POST", "/v1/keys/import", &headers, lines.as_bytes());
    assert_eq!(imported.body.matches("\"id\"").count(), secrets.len(), "{:.500}", imported.body);
    account.as_str().expect("an id").to_owned()
}

/// Removes every key of an account.
fn remove_all(server: &Server, account: &str) {
    let path = "/v1/removals";
    let plan = server.call("POST", path, Some(json!({ "account_id": account, "dry_run": true }))).json();
    assert_eq!(plan["total"], KEYS, "{plan}");
    let confirmed = json!({ "account_id": account, "plan_hash": plan["plan_hash"] });
    let begun = server.call("POST", path, Some(confirmed)).json();
    let path = format!("{path}/{}", begun["removal"]["id"].as_str().expect("an id"));
    eventually("the end of the removal", || {
        let progress: Value = server.call("GET", &path, None).json();
        progress["removal"]["finished_at"].is_string().then_some(())
    });
}

#[test]
#[expect(clippy::print_stderr, reason = "a part that was not tested must be seen")]
fn nothing_of_removed_keys_is_left_after_a_rerooting() {
    let mut dice = Dice::new("removed");
    let folder = folder();
    let server = Server::configured(folder.path(), |_| {});
    let secrets: Vec<String> = (0..KEYS).map(|_| drawn(&mut dice)).collect();
    let account = import(&server, &secrets);
    assert_eq!(server.verify(&secrets[0])["valid"], true);
    assert_eq!(server.stop().code(), Some(0));
    backup(folder.path(), "before");
    let old_root = root(&folder.path().join("keys/root.key"));
    let slot_secrets_before = slot_secrets(&folder.path().join("before.slots"), &old_root);
    assert_eq!(slot_secrets_before.len(), KEYS + 1, "the copy opened before");

    let server = Server::configured(folder.path(), |_| {});
    remove_all(&server, &account);
    let rerooted = server.call("POST", "/v1/store/reroot", None);
    assert_eq!((rerooted.status, &rerooted.json()["slots"]), (200, &json!(1)), "{}", rerooted.body);
    assert_eq!(server.verify(&secrets[0])["code"], "removed");

    let texts = || Needles::texts(&secrets).and(Needles::new([hex(&old_root).into_bytes()]));
    let digests = secrets.iter().map(|secret| digest(&SHA256, secret.as_bytes()).as_ref().to_vec());
    let all = texts().and(Needles::new(digests.chain(slot_secrets_before).chain([old_root.to_vec()])));
    let texts = texts();
    match search::memory(server.pid()) {
        Err(error) => eprintln!("NOT TESTED: the memory cannot be read: {error}"),
        Ok(regions) => {
            for region in &regions {
                // What a call had on its stack lies there until the next one is as deep; a text never does.
                let needles = if region.is_stack { &texts } else { &all };
                needles.search(&region.name, &region.bytes);
            }
        }
    }
    assert_eq!(server.stop().code(), Some(0));
    backup(folder.path(), "after");
    all.search_files(folder.path());
    // What was copied before opens under no key that there is.
    let new_root = root(&folder.path().join("keys/root-2.key"));
    assert_eq!(slot_secrets(&folder.path().join("before.slots"), &new_root).len(), 0);
    assert_eq!(slot_secrets(&folder.path().join("after.slots"), &new_root).len(), 1);
}

/// The root in a key file.
fn root(file: &Path) -> [u8; 32] {
    let text = fs::read_to_string(file).expect("it is there");
    let digits = text.trim_end().strip_prefix("file ").expect("a key file");
    let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("digits"));
    let bytes: Vec<u8> = pairs.map(|pair| u8::from_str_radix(pair, 16).expect("digits")).collect();
    bytes.try_into().expect("32 bytes")
}
