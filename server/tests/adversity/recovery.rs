//! This file is about coming back: from a copy, from a backup, from a loss. What was removed never does.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use serde_json::{Value, json};

use super::client::{Client, Dice};
use super::program::{copy, is_whole, on};
use crate::harness::{PROGRAM, Server, folder};

/// Issues a key, keeps a copy of the data folder, removes the key: what an old copy would bring back.
fn store_and_old_copy(folder: &Path) -> (String, String) {
    let server = Server::configured(folder, |_| {});
    let (kept, removed) = (server.issue("kept").1, server.issue("removed"));
    assert_eq!(server.stop(), ExitStatus::default());
    copy(&folder.join("data"), &folder.join("old"));
    let server = Server::configured(folder, |_| {});
    assert_eq!(server.call("DELETE", &format!("/v1/keys/{}", removed.0), None).status, 204);
    assert_eq!(server.stop(), ExitStatus::default());
    (kept, removed.1)
}

fn put_back(folder: &Path) {
    fs::remove_dir_all(folder.join("data")).expect("it is there");
    copy(&folder.join("old"), &folder.join("data"));
}

/// Fails unless the server answers, and accepts and changes nothing.
fn is_locked(folder: &Path, secrets: &[&str]) {
    let server = Server::configured(folder, |_| {});
    let ready = server.request("GET", "/readyz", "", b"");
    assert_eq!((ready.status, &*ready.body), (503, "locked\n"));
    assert_eq!(server.request("GET", "/healthz", "", b"").status, 200);
    let mut client = Client::new(&server);
    for secret in secrets {
        let body = serde_json::json!({ "secret": secret });
        let verdict = client.call("POST", "/v1/keys/verify", Some(&body)).expect("an answer");
        assert_eq!(
            (verdict.status, verdict.json()["code"].as_str()),
            (503, Some("locked")),
            "{}",
            verdict.body
        );
    }
    for (method, path) in [("GET", "/v1/keys"), ("POST", "/v1/keys"), ("GET", "/v1/log/checkpoint")] {
        assert_eq!(server.call(method, path, None).status, 503, "{method} {path}");
    }
    assert!(server.metrics().contains("keyward_locked 1"));
    let log = server.log();
    assert!(log.contains("LOCKED") && log.contains("keyward recover --accept-loss"), "{log}");
    assert!(!log.lines().last().expect("a line").contains(r#""message":"ready""#), "{log}");
    assert_eq!(server.stop(), ExitStatus::default());
    for command in [&["store", "check"][..], &["store", "reroot", "--offline"]] {
        let done = on(folder, command);
        assert!(
            done.code == Some(1) && (done.out + &done.err).contains("LOCKED: the anchor knows"),
            "{command:?}"
        );
    }
}

/// The secret that `keyward recover` shows.
fn recover(folder: &Path) -> String {
    let done = on(folder, &["recover", "--accept-loss"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.out.contains("keys were ended"), "{done:?}");
    done.out.split_whitespace().last().expect("a secret").to_owned()
}

/// The one file in a folder.
fn the_one(folder: &Path) -> String {
    let entries = fs::read_dir(folder).expect("it is there");
    let found: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    let [file] = &found[..] else { panic!("one file: {found:?}") };
    let others = fs::metadata(file).expect("it is there").permissions().mode() & 0o077;
    assert_eq!(others, 0, "{} is for its owner alone", file.display());
    file.display().to_string()
}

/// By its operator and nobody else, while it goes on. What was removed since does not come back with it.
#[test]
fn a_running_server_writes_its_backups() {
    let folder = folder();
    let folder = folder.path();
    let [records, slots] = ["backups", "slot-copies"].map(|name| folder.join(name));
    [&records, &slots].into_iter().for_each(|folder| fs::create_dir(folder).expect("it is made"));
    let serve = || {
        Server::configured(folder, |config| {
            let kept = [("folder", &records), ("slots", &slots)];
            let kept = kept.map(|(name, folder)| (name.to_owned(), folder.to_str().expect("text").into()));
            config.insert("backups".to_owned(), toml::Table::from_iter(kept).into());
        })
    };
    let server = serve();
    let (kept, removed) = (server.issue("kept"), server.issue("removed"));
    assert_eq!(server.call_as(&kept.1, "POST", "/v1/store/backup", None).status, 403);
    let (url, secret) = (server.http.clone(), folder.join("owner.secret").display().to_string());
    let told = on(folder, &["store", "backup", "--url", &url, "--secret-file", &secret]);
    assert!(told.code == Some(0) && !told.out.contains("slots are not in it"), "{told:?}");
    let back = || {
        fs::remove_dir_all(folder.join("data")).expect("it is there");
        let restore = ["store", "restore", "--from", &the_one(&records), "--slots", &the_one(&slots)];
        assert_eq!(on(folder, &restore).code, Some(0));
    };
    assert_eq!(server.stop(), ExitStatus::default());
    back();
    let server = serve();
    for (_, secret) in [&kept, &removed] {
        assert_eq!(server.verify(secret)["valid"], true, "nothing was lost");
    }
    assert_eq!(server.call("DELETE", &format!("/v1/keys/{}", removed.0), None).status, 204);
    assert_eq!(server.stop(), ExitStatus::default());
    back();
    is_locked(folder, &[&kept.1, &removed.1]);
}

#[test]
fn a_running_server_that_has_no_place_for_backups_says_so() {
    let folder = folder();
    let server = Server::configured(folder.path(), |_| {});
    let refused = server.call("POST", "/v1/store/backup", None);
    assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("wrong_state")), "{}", refused.body);
}

#[test]
fn an_old_copy_of_the_folder_is_locked_until_its_loss_is_accepted() {
    let folder = folder();
    let (kept, removed) = store_and_old_copy(folder.path());
    put_back(folder.path());
    is_locked(folder.path(), &[&kept, &removed]);
    // A second time as well: being locked has changed nothing.
    is_locked(folder.path(), &[&kept, &removed]);

    let unsure = on(folder.path(), &["recover"]);
    assert!(unsure.code != Some(0) && unsure.err.contains("--accept-loss"), "{unsure:?}");
    is_locked(folder.path(), &[&kept, &removed]);

    let owner = recover(folder.path());
    is_whole(folder.path());
    let before = fs::read_to_string(folder.path().join("owner.secret")).expect("it is there");
    fs::write(folder.path().join("owner.secret"), &owner).expect("it can be written");
    let server = Server::configured(folder.path(), |_| {});
    assert_eq!(server.request("GET", "/readyz", "", b"").status, 200);
    assert_eq!(server.call_as(&before, "GET", "/v1/keys", None).status, 401, "the old owner's secret");
    for secret in [&kept, &removed, &before] {
        assert_eq!(server.verify(secret)["valid"], false);
    }
    let (_, new) = server.issue("new");
    assert_eq!(server.verify(&new)["valid"], true);
    let events = server.call("GET", "/v1/events?limit=500", None).body;
    assert!(events.contains("epoch"), "the loss is written down: {events}");
    assert_eq!(server.stop(), ExitStatus::default());
    let again = on(folder.path(), &["recover", "--accept-loss"]);
    assert!(again.code == Some(0) && again.out.contains("there is nothing to accept"), "{again:?}");
}

/// The story: the anchor was made to agree first and the keys were ended after that, so a crash in between left a
/// store that was open, with everything that had been removed.
#[test]
fn a_recovery_that_was_cut_short_leaves_no_older_key_alive() {
    const KEYS: usize = 300;
    let mut dice = Dice::new("recovery cut short");
    let folder = folder();
    let server = Server::configured(folder.path(), |_| {});
    let keys: Vec<_> = (0..KEYS).map(|number| server.issue(&number.to_string())).collect();
    assert_eq!(server.stop(), ExitStatus::default());
    copy(&folder.path().join("data"), &folder.path().join("old"));
    let server = Server::configured(folder.path(), |_| {});
    for (id, _) in &keys {
        assert_eq!(server.call("DELETE", &format!("/v1/keys/{id}"), None).status, 204);
    }
    assert_eq!(server.stop(), ExitStatus::default());
    let anchor = folder.path().join("anchor");
    let newest = fs::read(&anchor).expect("it is there");
    for looks in [usize::MAX, usize::MAX].into_iter().chain((0..8).map(|_| dice.below(40_000))) {
        put_back(folder.path());
        fs::write(&anchor, &newest).expect("it can be written");
        cut_short(folder.path(), looks);
        let server = Server::configured(folder.path(), |_| {});
        for (id, secret) in &keys {
            let body = serde_json::json!({ "secret": secret });
            let verdict = server.call("POST", "/v1/keys/verify", Some(body));
            assert!(!verdict.body.contains(r#""valid":true"#), "{id} came back: {}", verdict.body);
        }
        assert_eq!(server.stop(), ExitStatus::default());
    }
}

/// Begins a recovery and kills it after so many looks at the anchor, or as soon as that has changed.
fn cut_short(folder: &Path, looks: usize) {
    let anchor = || fs::read(folder.join("anchor")).expect("it is there");
    let before = anchor();
    let mut recovery = Command::new(PROGRAM);
    recovery.args(["recover", "--accept-loss", "--config"]).arg(folder.join("keyward.toml"));
    let mut recovery =
        recovery.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
    for _ in 0..looks {
        if anchor() != before || recovery.try_wait().expect("a process").is_some() {
            break;
        }
    }
    let _ = recovery.kill();
    recovery.wait().expect("it ends");
}

#[test]
fn a_backup_brings_back_what_was_live_and_nothing_that_was_removed() {
    let folder = folder();
    let server = Server::configured(folder.path(), |_| {});
    let (kept, removed) = (server.issue("kept"), server.issue("removed"));
    assert_eq!(server.call("DELETE", &format!("/v1/keys/{}", removed.0), None).status, 204);
    let receipt = removed.0.replace("key_", "rcpt_");
    let proof = server.call("GET", &format!("/v1/receipts/{receipt}"), None).body;
    assert_eq!(server.stop(), ExitStatus::default());
    let path = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    let (backup, slots) = (path("backup"), path("slot-copy"));
    let done = on(folder.path(), &["store", "backup", "--to", &backup, "--slots", &slots]);
    assert_eq!(done.code, Some(0), "{done:?}");
    for file in [&backup, &slots] {
        let bytes = fs::read(file).expect("it is there");
        for secret in [&kept.1, &removed.1] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
        }
    }
    let restore = |arguments: &[&str]| {
        let _ = fs::remove_dir_all(folder.path().join("data"));
        on(folder.path(), &[&["store", "restore", "--from"][..], arguments].concat())
    };

    // With slots: all as it was.
    let done = restore(&[&backup, "--slots", &slots]);
    assert_eq!(done.code, Some(0), "{done:?}");
    is_whole(folder.path());
    let over = on(folder.path(), &["store", "restore", "--from", &backup]);
    assert!(over.code == Some(1) && over.err.contains("not empty"), "{over:?}");
    let server = Server::configured(folder.path(), |_| {});
    assert_eq!(server.verify(&kept.1)["valid"], true);
    assert_eq!(server.verify(&removed.1)["code"], "removed");
    let again = server.call("GET", &format!("/v1/receipts/{receipt}"), None).body;
    assert_eq!(again.lines().next(), proof.lines().next(), "the same receipt");
    assert_eq!(server.stop(), ExitStatus::default());

    // Without slots: it stands, and nothing in it can be used.
    let done = restore(&[&backup]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let server = Server::configured(folder.path(), |_| {});
    assert_eq!(server.request("GET", "/readyz", "", b"").status, 200);
    for secret in [&kept.1, &removed.1, &server.owner] {
        assert_eq!(server.call_as(secret, "GET", "/v1/keys", None).status, 401);
    }
    assert_eq!(server.stop(), ExitStatus::default());

    // Older than the anchor: locked.
    let done = restore(&[&backup, "--slots", &slots]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let server = Server::configured(folder.path(), |_| {});
    assert_eq!(server.call("DELETE", &format!("/v1/keys/{}", kept.0), None).status, 204);
    assert_eq!(server.stop(), ExitStatus::default());
    let done = restore(&[&backup, "--slots", &slots]);
    assert_eq!(done.code, Some(0), "{done:?}");
    is_locked(folder.path(), &[&kept.1, &removed.1]);

    // Damaged, or cut short: named, and nothing half-restored.
    let whole = fs::read(&backup).expect("it is there");
    let mut bent = whole.clone();
    bent[whole.len() / 2] ^= 1;
    for bytes in [&bent[..], &whole[..whole.len() / 2], &whole[..whole.len() - 1], b""] {
        fs::write(&backup, bytes).expect("it can be written");
        let done = restore(&[&backup, "--slots", &slots]);
        assert!(done.code == Some(1) && done.err.contains("backup"), "{done:?}");
        let serve = on(folder.path(), &["serve"]);
        assert_eq!(serve.code, Some(1), "{serve:?}");
    }
}

/// A store was restored without its slots. Nobody had a key that worked, nothing said what to do, and nothing could be done.
#[test]
fn who_owns_the_machine_makes_a_new_owner_where_no_key_works() {
    let folder = folder();
    let server = Server::configured(folder.path(), |_| {});
    let kept = server.issue("kept").1;
    assert_eq!(server.stop(), ExitStatus::default());
    let backup = folder.path().join("backup").to_str().expect("text").to_owned();
    assert_eq!(on(folder.path(), &["store", "backup", "--to", &backup]).code, Some(0));
    fs::remove_dir_all(folder.path().join("data")).expect("it is there");
    let advice = "keyward recover --new-owner";
    let done = on(folder.path(), &["store", "restore", "--from", &backup]);
    assert!(done.code == Some(0) && done.out.contains(advice), "{done:?}");
    let server = Server::configured(folder.path(), |_| {});
    assert!(server.log().contains(advice), "{}", server.log());
    assert_eq!(server.stop(), ExitStatus::default());
    let done = on(folder.path(), &["recover", "--accept-loss"]);
    assert!(done.code == Some(0) && done.out.contains(advice), "{done:?}");

    let done = on(folder.path(), &["recover", "--new-owner"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let owner = done.out.split_whitespace().last().expect("a secret").to_owned();
    fs::write(folder.path().join("owner.secret"), &owner).expect("it can be written");
    let server = Server::configured(folder.path(), |_| {});
    let new = server.issue("new").1;
    assert_eq!((server.verify(&new)["valid"] == true, server.verify(&kept)["valid"] == true), (true, false));
    assert_eq!(server.stop(), ExitStatus::default());
}

/// The copy of the slots is older than the keys: they cannot be opened any more, and must still be removable by whoever
/// knows them, in whatever language.
#[test]
fn keys_that_came_back_without_their_slots_are_removed_in_every_language() {
    const HEX: &str = "0123456789abcdef0123456789abcdef";
    let folder = folder();
    let server = Server::configured(folder.path(), |_| {});
    let ours = json!({ "name": "ours", "scopes": ["admin", "intserv:integration"] });
    let ours =
        server.call("POST", "/v1/keys", Some(ours)).json()["secret"].as_str().expect("text").to_owned();
    let item = json!([{ "name": "first", "secret": HEX, "scopes": ["admin"] }]);
    assert_eq!(server.call("POST", "/v1/keys/import", Some(item)).status, 200);
    let account = server.call("GET", "/v1/accounts", None).json()["data"][0].clone();
    assert_eq!(server.stop(), ExitStatus::default());
    let path = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    let (backup, slots) = (path("backup"), path("slot-copy"));
    let done = on(folder.path(), &["store", "backup", "--to", &path("first-backup"), "--slots", &slots]);
    assert_eq!(done.code, Some(0), "{done:?}");

    let call = |server: &Server, method: &str, path: &str, body: Value| {
        let headers = if path.starts_with("/v1/access") {
            format!("Authorization: Bearer {ours}\r\nContent-Type: application/json\r\n")
        } else {
            format!("X-API-KEY: {ours}\r\nContent-Type: application/json\r\n")
        };
        let body = if body.is_null() { String::new() } else { body.to_string() };
        server.request(method, path, &headers, body.as_bytes())
    };
    let as_user = |server: &Server, name: &str, query: &str| {
        let user = account["name"].as_str().expect("text");
        let login = format!("/api/account/login?v=1&username={user}&securekey={HEX}");
        let token =
            server.request("GET", &login, "", b"").json()["ApiToken"].as_str().expect("text").to_owned();
        server.request("GET", &format!("/api/account/{name}?v=1&api_token={token}&{query}"), "", b"")
    };
    let server = Server::configured(folder.path(), |_| {});
    let badge = json!({ "identification": "EM:1234567890", "type": "proximity" });
    assert_eq!(call(&server, "POST", "/v1/accesskeys/add", json!({ "key": badge })).status, 200);
    let me = call(&server, "GET", "/user/users/me", Value::Null).json();
    let new = json!({ "orgUserId": me["id"], "name": "nightly" });
    let resolvers = call(&server, "POST", "/user/apiKey", new).json()["id"].to_string();
    let link = call(&server, "POST", "/v1/api_keys", json!({})).json()["_links"]["self"]["href"].clone();
    let cielo24s =
        as_user(&server, "generate_api_key", "").json()["ApiKey"].as_str().expect("text").to_owned();
    assert_eq!(server.stop(), ExitStatus::default());
    let done = on(folder.path(), &["store", "backup", "--to", &backup]);
    assert_eq!(done.code, Some(0), "{done:?}");
    fs::remove_dir_all(folder.path().join("data")).expect("it was there");
    let done = on(folder.path(), &["store", "restore", "--from", &backup, "--slots", &slots]);
    assert_eq!(done.code, Some(0), "{done:?}");

    let server = Server::configured(folder.path(), |_| {});
    let access = json!({ "access": { "type": "proximity", "identification": "EM:1234567890" } });
    assert_eq!(server.call_as(&ours, "POST", "/v1/keys/verify", Some(access)).json()["code"], "unknown");
    let all = |server: &Server| {
        [
            call(server, "POST", "/v1/accesskeys/remove", json!({ "key": badge })).status,
            call(server, "DELETE", &format!("/user/apiKey/{resolvers}"), Value::Null).status,
            call(server, "DELETE", link.as_str().expect("a path"), Value::Null).status,
            as_user(server, "remove_api_key", &format!("api_securekey={cielo24s}")).status,
        ]
    };
    assert_eq!(all(&server), [204, 204, 200, 204]);
    assert_eq!(all(&server), [404, 404, 404, 400]);
}
