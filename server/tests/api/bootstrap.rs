//! This file is about setting up by a file: what it declares is there, once, however often it is applied.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::harness::{PROGRAM, Server, folder};

const FILE: &str = r#"
owner_secret_file = "owner.secret"

[[organization]]
name = "acme"

[[organization.account]]
name = "till"
role = "admin"

[[organization.account.key]]
name = "made"
scopes = ["keys:read"]
secret_file = "made.key"
format = { alphabet = "hex", private = 40 }

[[organization.account.key]]
name = "brought"
scopes = ["keys:read", "keys:verify"]
secret_file = "brought.key"

[[organization.account]]
name = "child"
role = "member"
parent = "till"
password_file = "child.password"
"#;

fn init(at: &Path) -> Output {
    let mut init = Command::new(PROGRAM);
    init.args(["init", "--listen", "127.0.0.1:0", "--folder"]).arg(at);
    init.arg("--bootstrap").arg(at.join("bootstrap.toml"));
    init.output().expect("the program starts")
}

/// How many organizations, accounts of the declared one, and events there are.
fn counted(server: &Server) -> (usize, usize, usize) {
    let read = |path: &str| server.call("GET", path, None).json();
    let organizations = read("/v1/organizations");
    let data = |value: &Value| value["data"].as_array().map_or(0, Vec::len);
    let acme = organizations["data"].as_array().into_iter().flatten().find(|one| one["name"] == "acme");
    let id = acme.and_then(|one| one["id"].as_str()).expect("it was made").to_owned();
    let accounts = read(&format!("/v1/accounts?organization_id={id}"));
    (data(&organizations), data(&accounts), data(&read("/v1/events?limit=500")))
}

#[test]
fn what_a_file_declares_is_there_and_once() {
    let folder = folder();
    let write =
        |file: &str, text: &str| std::fs::write(folder.path().join(file), text).expect("it is written");
    write("bootstrap.toml", FILE);
    write("brought.key", "a-secret-made-elsewhere-0123456789\n");
    write("child.password", "open sesame");
    let first = init(folder.path());
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    let made = std::fs::read_to_string(folder.path().join("made.key")).expect("a secret was written");
    assert_eq!((made.len(), made.bytes().all(|b| b.is_ascii_hexdigit())), (40, true));

    let server = Server::configured(folder.path(), |_| {});
    let once = counted(&server);
    assert_eq!((once.0, once.1), (2, 2));
    for secret in [made.as_str(), "a-secret-made-elsewhere-0123456789"] {
        assert_eq!(server.call_as(secret, "GET", "/v1/keys", None).status, 200, "it is read by its scope");
        assert_eq!(server.call_as(secret, "POST", "/v1/keys", Some(json!({}))).status, 403, "and no more");
    }
    server.stop();

    let again = init(folder.path());
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    let server = Server::configured(folder.path(), |_| {});
    assert_eq!(counted(&server), once, "applied again it changes nothing");
}

#[test]
fn a_file_that_is_wrong_is_named_with_its_place() {
    let folder = folder();
    let wrong = FILE.replace("role = \"admin\"", "roll = \"admin\"");
    std::fs::write(folder.path().join("bootstrap.toml"), wrong).expect("it is written");
    let refused = init(folder.path());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("bootstrap.toml") && said.contains("roll"), "{said}");
    assert!(!folder.path().join("keyward.toml").exists(), "nothing was made");
}
