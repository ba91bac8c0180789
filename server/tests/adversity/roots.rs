//! This file is about re-rooting a real server: what is refused afterwards, with key files and with a PKCS#11 token.

use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rustix::thread::CapabilitySet;
use serde_json::{Value, json};

use super::program::copy;
use crate::harness::{PROGRAM, Server, eventually, folder};

/// Runs the program on the configuration in a folder.
fn keyward(folder: &Path, prepare: impl FnOnce(&mut Command), words: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(words).arg("--config").arg(folder.join("keyward.toml"));
    prepare(&mut command);
    command.output().expect("the program starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn is_valid(server: &Server, secret: &str) -> bool {
    server.verify(secret)["valid"] == true
}

fn remove(server: &Server, id: &str) {
    assert_eq!(server.call("DELETE", &format!("/v1/keys/{id}"), None).status, 204);
}

fn reroot(server: &Server) -> Value {
    let done = server.call("POST", "/v1/store/reroot", None);
    assert_eq!(done.status, 200, "{}", done.body);
    done.json()
}

/// What the leaves of a receipt say happened.
fn receipt(server: &Server, id: &str) -> Vec<String> {
    let receipt = server.call("GET", &format!("/v1/receipts/{}", id.replace("key_", "rcpt_")), None).body;
    let file = server.folder.join("receipt");
    fs::write(&file, receipt).expect("it can be written");
    let mut check = Command::new(PROGRAM);
    check.args(["receipt", "check"]).arg(&file).arg("--key").arg(server.folder.join("keys/log.pub"));
    let checked = check.output().expect("the program starts");
    assert!(checked.status.success(), "{}", said(&checked));
    let checked = said(&checked);
    let types =
        checked.split_whitespace().filter(|word| word.starts_with("key.") || word.starts_with("epoch."));
    types.map(str::to_owned).collect()
}

#[test]
fn an_old_copy_of_slots_opens_nothing_after_a_rerooting() {
    let folder = folder();
    let folder = folder.path();
    let server = Server::configured(folder, |_| {});
    let (kept, removed) = (server.issue("kept"), server.issue("removed"));
    assert_eq!(server.stop().code(), Some(0));
    let at = |name: &str| folder.join(name).display().to_string();
    let backup = |to: &str, slots: &str| {
        let done = keyward(folder, |_| {}, &["store", "backup", "--to", &at(to), "--slots", &at(slots)]);
        assert!(done.status.success(), "{}", said(&done));
    };
    backup("old.backup", "old.slots");
    copy(&folder.join("data"), &folder.join("old.data"));

    let server = Server::configured(folder, |_| {});
    remove(&server, &removed.0);
    assert_eq!(receipt(&server, &removed.0), ["key.removed"]);
    let epoch = reroot(&server);
    assert_eq!((&epoch["number"], &epoch["slots"]), (&json!(2), &json!(2)), "the owner's and one more");
    assert_eq!(receipt(&server, &removed.0), ["key.removed", "epoch.created", "epoch.finished"]);
    assert!(is_valid(&server, &kept.1) && !is_valid(&server, &removed.1));
    assert!(!folder.join("keys/root.key").exists());
    assert_eq!(server.stop().code(), Some(0));

    // A backup and slots of the same age, an old folder: each with today's keys, and nothing that remembers.
    fs::remove_file(folder.join("anchor")).expect("it is there");
    let refused = |why: &str| {
        let served = keyward(folder, |_| {}, &["serve"]);
        assert!(!served.status.success());
        assert!(
            said(&served).contains("is of epoch 1, the newest root is of epoch 2"),
            "{why}: {}",
            said(&served)
        );
        let checked = keyward(folder, |_| {}, &["store", "check"]);
        assert!(
            said(&checked).contains("these are not the roots of this store"),
            "{why}: {}",
            said(&checked)
        );
        fs::remove_dir_all(folder.join("data")).expect("it is there");
        let _ = fs::remove_file(folder.join("anchor"));
    };
    copy(&folder.join("data"), &folder.join("new.data"));
    fs::remove_dir_all(folder.join("data")).expect("it is there");
    copy(&folder.join("old.data"), &folder.join("data"));
    refused("an old folder");
    let from = ["store", "restore", "--from", &at("old.backup"), "--slots", &at("old.slots")];
    let restored = keyward(folder, |_| {}, &from);
    assert!(
        !restored.status.success() && said(&restored).contains("none of these slots opens"),
        "{restored:?}"
    );
    fs::remove_dir_all(folder.join("data")).expect("it was begun");
    // Without the old slots it opens, and opens no key.
    assert!(keyward(folder, |_| {}, &from[..4]).status.success());
    let server = Server::configured(folder, |_| {});
    for (_, secret) in [&kept, &removed] {
        assert_eq!(server.call_as(secret, "GET", "/v1/keys", None).status, 401);
    }
    drop(server);
    // And today's folder still does what it did.
    fs::remove_dir_all(folder.join("data")).expect("it is there");
    fs::remove_file(folder.join("anchor")).expect("it is there");
    copy(&folder.join("new.data"), &folder.join("data"));
    let server = Server::configured(folder, |_| {});
    assert!(is_valid(&server, &kept.1) && !is_valid(&server, &removed.1));
}

#[test]
fn a_server_reroots_by_itself_and_when_it_is_told_to() {
    let folder = folder();
    let folder = folder.path();
    let server = Server::configured(folder, |config| {
        config["roots"].as_table_mut().expect("a table").insert("reroot_after_removals".to_owned(), 2.into());
    });
    let keys = [(); 3].map(|()| server.issue("key"));
    remove(&server, &keys[0].0);
    remove(&server, &keys[1].0);
    eventually("the second epoch", || (receipt(&server, &keys[1].0).len() == 3).then_some(()));
    assert!(is_valid(&server, &keys[2].1));
    // From the command line, over the API, and not past a server that runs.
    let (url, secret) = (server.http.clone(), folder.join("owner.secret").display().to_string());
    let told = keyward(folder, |_| {}, &["store", "reroot", "--url", &url, "--secret-file", &secret]);
    assert!(said(&told).starts_with("epoch 3: 2 slots"), "{}", said(&told));
    let offline = ["store", "reroot", "--offline"];
    assert!(said(&keyward(folder, |_| {}, &offline)).contains("another process has this store open"));
    assert!(is_valid(&server, &keys[2].1));
    assert_eq!(server.stop().code(), Some(0));
    let told = keyward(folder, |_| {}, &offline);
    assert!(said(&told).starts_with("epoch 4: 2 slots"), "{}", said(&told));
    let server = Server::configured(folder, |_| {});
    assert!(is_valid(&server, &keys[2].1));
}

/// A token of SoftHSM in a folder (Debian: `softhsm2`).
struct Token {
    config: PathBuf,
    pin: PathBuf,
}

impl Token {
    const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

    fn new(folder: &Path) -> Self {
        let (config, pin) = (folder.join("softhsm2.conf"), folder.join("pin"));
        fs::create_dir(folder.join("tokens")).expect("a folder");
        let text = format!("directories.tokendir = {}\n", folder.join("tokens").display());
        fs::write(&config, text).expect("it can be written");
        let mut secret = fs::File::options();
        let mut secret = secret.write(true).create_new(true).mode(0o600).open(&pin).expect("a file");
        std::io::Write::write_all(&mut secret, b"4711\n").expect("it can be written");
        let token = Self { config, pin };
        let mut make = Command::new("softhsm2-util");
        make.args(["--init-token", "--free", "--label", "keys", "--pin", "4711", "--so-pin", "1234"]);
        token.prepare(&mut make);
        let made = make.output().expect("softhsm2 is installed");
        assert!(made.status.success(), "{}", said(&made));
        token
    }

    fn prepare(&self, command: &mut Command) {
        command.env("SOFTHSM2_CONF", &self.config);
    }

    /// How many keys there are.
    fn keys(&self) -> usize {
        let tokens = fs::read_dir(self.config.with_file_name("tokens")).expect("a folder");
        let objects =
            tokens.flat_map(|token| fs::read_dir(token.expect("an entry").path()).expect("a folder"));
        let names = objects.map(|object| object.expect("an entry").file_name());
        names.filter(|name| name.to_string_lossy().ends_with(".object") && *name != "token.object").count()
    }
}

#[test]
fn roots_rest_in_a_token_and_end_with_its_keys() {
    let (folder, hardware) = (folder(), folder());
    let folder = folder.path();
    let token = Token::new(hardware.path());
    let mut init = Command::new(PROGRAM);
    init.args(["init", "--json", "--listen", "127.0.0.1:0", "--folder"]).arg(folder);
    init.args(["--pkcs11-module", Token::MODULE, "--pkcs11-token", "keys", "--pkcs11-pin-file"])
        .arg(&token.pin);
    token.prepare(&mut init);
    let made = init.output().expect("the program starts");
    assert!(made.status.success(), "{}", said(&made));
    let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    fs::write(folder.join("owner.secret"), made["secret"].as_str().expect("text")).expect("written");
    let root = fs::read_to_string(folder.join("keys/root.key")).expect("it is there");
    assert!(root.starts_with("pkcs11 "), "{root}");
    let serve = || Server::configured_with(folder, |_| {}, |command| token.prepare(command));

    let server = serve();
    let (kept, removed) = (server.issue("kept"), server.issue("removed"));
    assert!(is_valid(&server, &kept.1));
    assert_eq!((server.stop().code(), token.keys()), (Some(0), 1));
    // A thief's copy of everything but the token.
    fs::create_dir(folder.join("stolen")).expect("a folder");
    copy(&folder.join("data"), &folder.join("stolen/data"));
    copy(&folder.join("keys"), &folder.join("stolen/keys"));
    fs::copy(folder.join("keyward.toml"), folder.join("stolen/keyward.toml")).expect("it is there");

    let server = serve();
    assert!(is_valid(&server, &kept.1) && is_valid(&server, &removed.1));
    remove(&server, &removed.0);
    assert_eq!(reroot(&server)["number"], 2);
    assert_eq!(receipt(&server, &removed.0).len(), 3);
    remove(&server, &server.issue("another").0);
    assert_eq!(reroot(&server)["number"], 3);
    assert!(is_valid(&server, &kept.1) && !is_valid(&server, &removed.1));
    assert_eq!((server.stop().code(), token.keys()), (Some(0), 1), "the old keys are destroyed");

    // Even with the token, the thief's copy is noise.
    let stolen = keyward(&folder.join("stolen"), |command| token.prepare(command), &["serve"]);
    assert!(said(&stolen).contains("root.key: what it was wrapped under is gone"), "{}", said(&stolen));
    let server = serve();
    assert!(is_valid(&server, &kept.1) && !is_valid(&server, &removed.1));
    assert_eq!(server.stop().code(), Some(0));

    // Without the token, or with a wrong PIN, nothing starts, and nothing is lost by trying.
    let elsewhere = Token { config: folder.join("nowhere.conf"), pin: token.pin.clone() };
    assert!(!keyward(folder, |command| elsewhere.prepare(command), &["serve"]).status.success());
    let pin = fs::read(&token.pin).expect("it is there");
    fs::write(&token.pin, "0815\n").expect("it can be written");
    assert!(!keyward(folder, |command| token.prepare(command), &["serve"]).status.success());
    fs::write(&token.pin, pin).expect("it can be written");
    assert!(is_valid(&serve(), &kept.1));
}

/// A store that was made with a key file moves to a credential, and the old root does not outlive that.
#[test]
fn a_rerooting_moves_the_root_to_a_credential() {
    let (folder, given) = (folder(), folder());
    let folder = folder.path();
    let server = Server::configured(folder, |_| {});
    let (_, secret) = server.issue("kept");
    assert_eq!(server.stop().code(), Some(0));
    let mut file = fs::File::options();
    let file = file.write(true).create_new(true).mode(0o400).open(given.path().join("keyward-root"));
    std::io::Write::write_all(&mut file.expect("a file"), "5a".repeat(32).as_bytes()).expect("written");
    let serve = || {
        let name = |config: &mut toml::Table| {
            config["roots"]
                .as_table_mut()
                .expect("a table")
                .insert("credential".to_owned(), "keyward-root".into());
        };
        Server::configured_with(folder, name, |command| {
            command.env("CREDENTIALS_DIRECTORY", given.path());
        })
    };
    let server = serve();
    assert!(is_valid(&server, &secret));
    reroot(&server);
    assert!(is_valid(&server, &secret));
    assert_eq!(server.stop().code(), Some(0));
    let root = fs::read_to_string(folder.join("keys/root-2.key")).expect("it is there");
    assert!(root.starts_with("credential ") && !folder.join("keys/root.key").exists());
    let without = keyward(folder, |_| {}, &["serve"]);
    assert!(said(&without).contains("CREDENTIALS_DIRECTORY"), "{}", said(&without));
    assert!(is_valid(&serve(), &secret));
}

/// What is not limited is locked into memory.
#[test]
#[expect(clippy::print_stderr, reason = "a part that was not tested must be seen")]
fn memory_is_locked_where_nothing_limits_it() {
    let folder = folder();
    let unlimited = rlimit::setrlimit(rlimit::Resource::MEMLOCK, rlimit::INFINITY, rlimit::INFINITY);
    let held = rustix::thread::capabilities(None).expect("the system tells");
    if let (Err(error), false) = (unlimited, held.effective.contains(CapabilitySet::IPC_LOCK)) {
        eprintln!("NOT TESTED: locked memory stays limited here: {error}");
        return;
    }
    let server = Server::configured(folder.path(), |_| {});
    let (_, secret) = server.issue("key");
    assert!(is_valid(&server, &secret));
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("it runs");
    let kilobytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
        line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).expect("a number")
    };
    assert!(kilobytes("VmLck:") >= kilobytes("RssAnon:"), "{status}");
}
