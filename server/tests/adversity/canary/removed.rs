//! This file is about what is left of removed keys: everything secret about ten thousand of them, and about a thousand that
//! never left, is looked for in every file, backup and page of memory after they were removed and the slots were wrapped
//! under a new root.

use std::fs;
use std::path::Path;
use std::process::Command;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::search::{self, Needles};
use super::{drawn, hex};
use crate::adversity::client::{Client, Dice};
use crate::harness::{PROGRAM, Server, eventually, folder};

/// How many keys with a secret.
const SECRETS: usize = 10_000;
/// How many keys that never leave.
const DERIVED: usize = 1_000;
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

/// A key that never leaves, and what it is made of.
struct Derived {
    id: String,
    key: Vec<u8>,
}

impl Derived {
    /// Makes keys by agreeing with a peer that works out the same.
    fn make(server: &Server, account: &str) -> Vec<Self> {
        let agreeing = json!({ "algorithm": "X25519", "usages": ["derive"] });
        let agreeing = json!({ "name": "agreeing", "kind": "crypto", "crypto": agreeing });
        let agreeing = server.call("POST", "/v1/keys", Some(agreeing)).json()["key"].clone();
        let theirs = STANDARD.decode(agreeing["crypto"]["public_key"].as_str().expect("text"));
        let theirs = UnparsedPublicKey::new(&X25519, theirs.expect("base64"));
        let peer = PrivateKey::generate(&X25519).expect("a key");
        let public = STANDARD.encode(peer.compute_public_key().expect("its public half"));
        let agreed = agree(&peer, theirs, (), |agreed| Ok(agreed.to_vec())).expect("they agree");
        // HKDF (RFC 5869) without salt, and of one block only.
        let extracted = mac(&[], &agreed);
        let path = format!("/v1/keys/{}/derive", agreeing["id"].as_str().expect("text"));
        let mut client = Client::new(server);
        let derive = |number| {
            let info = format!("key {number}");
            let crypto = json!({ "algorithm": "HMAC-SHA-256", "usages": ["mac"] });
            let key = json!({ "name": info, "kind": "crypto", "account_id": account, "crypto": crypto });
            let ask = json!({ "peer": { "public_key": public }, "info": STANDARD.encode(&info), "key": key });
            let made = client.call("POST", &path, Some(&ask)).expect("an answer");
            assert_eq!(made.status, 201, "{}", made.body);
            let id = made.json()["key"]["id"].as_str().expect("text").to_owned();
            Self { id, key: mac(&extracted, format!("{info}\x01").as_bytes()) }
        };
        (0..DERIVED).map(derive).collect()
    }

    /// Uses each of them.
    fn exercise(server: &Server, all: &[Self]) {
        let mut client = Client::new(server);
        for Self { id, key } in all {
            let path = format!("/v1/keys/{id}/mac");
            let used = client.call("POST", &path, Some(&json!({ "message": "YWJj" }))).expect("an answer");
            assert_eq!(used.json()["mac"], STANDARD.encode(mac(key, b"abc")), "{}", used.body);
        }
    }
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(HMAC_SHA256, key), text).as_ref().to_vec()
}

/// Removes every key of an account.
fn remove_all(server: &Server, account: &str) {
    let path = "/v1/removals";
    let plan = server.call("POST", path, Some(json!({ "account_id": account, "dry_run": true }))).json();
    assert_eq!(plan["total"], SECRETS + DERIVED, "{plan}");
    let confirmed = json!({ "account_id": account, "plan_hash": plan["plan_hash"] });
    let begun = server.call("POST", path, Some(confirmed)).json();
    let path = format!("{path}/{}", begun["removal"]["id"].as_str().expect("an id"));
    eventually("the end of the removal", || {
        let progress: Value = server.call("GET", &path, None).json();
        progress["removal"]["finished_at"].is_string().then_some(())
    });
}

#[test]
fn nothing_of_removed_keys_is_left_after_a_rerooting() {
    let mut dice = Dice::new("removed");
    let folder = folder();
    let server = Server::configured(folder.path(), |_| {});
    let secrets: Vec<String> = (0..SECRETS).map(|_| drawn(&mut dice)).collect();
    let account = import(&server, &secrets);
    let derived = Derived::make(&server, &account);
    Derived::exercise(&server, &derived);
    // What such a key is made of is in no memory while it lives, either.
    let material = || Needles::new(derived.iter().map(|derived| derived.key.clone()));
    search::search_memory(server.pid(), &material(), &material());
    assert_eq!(server.verify(&secrets[0])["valid"], true);
    assert_eq!(server.stop().code(), Some(0));
    backup(folder.path(), "before");
    let old_root = root(&folder.path().join("keys/root.key"));
    let slot_secrets_before = slot_secrets(&folder.path().join("before.slots"), &old_root);
    // The owner's and the one that agreed stay.
    assert_eq!(slot_secrets_before.len(), SECRETS + DERIVED + 2, "the copy opened before");

    let server = Server::configured(folder.path(), |_| {});
    Derived::exercise(&server, &derived);
    remove_all(&server, &account);
    let rerooted = server.call("POST", "/v1/store/reroot", None);
    assert_eq!((rerooted.status, &rerooted.json()["slots"]), (200, &json!(2)), "{}", rerooted.body);
    assert_eq!(server.verify(&secrets[0])["code"], "removed");

    let texts = || Needles::texts(&secrets).and(material()).and(Needles::new([hex(&old_root).into_bytes()]));
    let digests = secrets.iter().map(|secret| digest(&SHA256, secret.as_bytes()).as_ref().to_vec());
    let all = texts().and(Needles::new(digests.chain(slot_secrets_before).chain([old_root.to_vec()])));
    search::search_memory(server.pid(), &all, &texts());
    assert_eq!(server.stop().code(), Some(0));
    backup(folder.path(), "after");
    all.search_files(folder.path());
    // What was copied before opens under no key that there is.
    let new_root = root(&folder.path().join("keys/root-2.key"));
    assert_eq!(slot_secrets(&folder.path().join("before.slots"), &new_root).len(), 0);
    assert_eq!(slot_secrets(&folder.path().join("after.slots"), &new_root).len(), 2);
}

/// The root in a key file.
fn root(file: &Path) -> [u8; 32] {
    let text = fs::read_to_string(file).expect("it is there");
    let digits = text.trim_end().strip_prefix("file ").expect("a key file");
    let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("digits"));
    let bytes: Vec<u8> = pairs.map(|pair| u8::from_str_radix(pair, 16).expect("digits")).collect();
    bytes.try_into().expect("32 bytes")
}
