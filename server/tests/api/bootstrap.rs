//! This file is about setting up by a file: what it declares is there, once, however often it is applied.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use super::scene::{Scene, ids, text};
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

/// The store was made first; then its owner's secret had no place, and nobody ever saw it.
#[test]
fn nothing_is_made_where_the_owners_secret_has_no_place() {
    let folder = folder();
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("bootstrap.toml"), FILE).expect("it is written");
    std::fs::write(file("owner.secret"), "another's").expect("it is written");
    let refused = init(folder.path());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("owner.secret"), "{said}");
    assert!(["keyward.toml", "data", "keys"].iter().all(|made| !file(made).exists()), "nothing was made");
    assert_eq!(std::fs::read_to_string(file("owner.secret")).expect("it is there"), "another's");
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

#[test]
fn what_was_ended_is_not_brought_back_by_the_file() {
    let folder = folder();
    let write =
        |file: &str, text: &str| std::fs::write(folder.path().join(file), text).expect("it is written");
    write("bootstrap.toml", FILE);
    write("brought.key", "a-secret-made-elsewhere-0123456789\n");
    write("child.password", "open sesame");
    assert!(init(folder.path()).status.success());
    let made = std::fs::read_to_string(folder.path().join("made.key")).expect("a secret was written");
    let server = Server::configured(folder.path(), |_| {});
    let found = server.call_as(&made, "GET", "/v1/keys", None).json();
    let brought = found["data"].as_array().into_iter().flatten().find(|key| key["name"] == "brought");
    let brought = text(&brought.expect("it is there")["id"]);
    assert_eq!(server.call("DELETE", &format!("/v1/keys/{brought}"), None).status, 204);
    let once = counted(&server);
    server.stop();

    let again = init(folder.path());
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    let server = Server::configured(folder.path(), |_| {});
    assert_eq!(counted(&server), once, "nothing was added");
    let of = |secret: &str| server.call_as(secret, "GET", "/v1/keys", None).status;
    assert_eq!((of("a-secret-made-elsewhere-0123456789"), of(&made)), (401, 200));
    server.call("DELETE", &format!("/v1/keys/{}", id_of(&server, &server.owner)), None);
    server.stop();

    let refused = init(folder.path());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("put that of an owner's key there"), "{said}");
}

/// A login is free again when its password is removed: the file must not take that for a password that is missing.
#[test]
fn a_password_that_was_removed_is_not_set_up_again() {
    let folder = folder();
    let write =
        |file: &str, text: &str| std::fs::write(folder.path().join(file), text).expect("it is written");
    write("bootstrap.toml", FILE);
    write("brought.key", "a-secret-made-elsewhere-0123456789\n");
    write("child.password", "open sesame");
    assert!(init(folder.path()).status.success());
    let login = |server: &Server| {
        let query = "/api/account/login?v=1&username=child&password=open%20sesame";
        server.request("GET", query, "", b"").status
    };
    let removals: [fn(&Server); 2] = [
        |server| {
            let accounts = children(server);
            let keys = server.call("GET", &format!("/v1/keys?account_id={}", accounts[0]), None).json();
            let password = text(&keys["data"][0]["id"]);
            assert_eq!(server.call("DELETE", &format!("/v1/keys/{password}"), None).status, 204);
        },
        |server| {
            let account = children(server).remove(0);
            assert_eq!(
                server.call("DELETE", &format!("/v1/accounts/{account}?policy=remove_keys"), None).status,
                204
            );
            let organization = text(&acme(server)["id"]);
            let new = json!({ "organization_id": organization, "role": "member", "name": "child" });
            assert_eq!(server.call("POST", "/v1/accounts", Some(new)).status, 201);
        },
    ];
    for (round, remove) in removals.into_iter().enumerate() {
        let server = Server::configured(folder.path(), |_| {});
        assert_eq!(login(&server), if round == 0 { 200 } else { 400 });
        remove(&server);
        server.stop();
        let again = init(folder.path());
        let said = String::from_utf8_lossy(&again.stderr).into_owned();
        assert!(again.status.success() && said.contains("not set up again"), "{said}");
        let server = Server::configured(folder.path(), |_| {});
        assert_eq!(login(&server), 400, "it stays gone");
        server.stop();
    }
}

/// The organization of the file.
fn acme(server: &Server) -> Value {
    let all = server.call("GET", "/v1/organizations", None).json();
    let named = all["data"].as_array().into_iter().flatten().find(|one| one["name"] == "acme");
    named.expect("it is there").clone()
}

/// The accounts of it that are called so.
fn children(server: &Server) -> Vec<String> {
    let path = format!("/v1/accounts?organization_id={}", text(&acme(server)["id"]));
    let all = server.call("GET", &path, None).json();
    let named = all["data"].as_array().into_iter().flatten().filter(|one| one["name"] == "child");
    named.map(|one| text(&one["id"])).collect()
}

/// The id of the key that this is the secret of.
fn id_of(server: &Server, secret: &str) -> String {
    text(&server.verify(secret)["key_id"])
}

/// What a demo hands out, and whether it still works: IntServ's token, cielo24's password, discue's key.
struct HandedOut {
    token: String,
    password: String,
    key: String,
}

impl HandedOut {
    fn of(demo: &Server) -> Self {
        let said = |pointer: &str| text(demo.ready.pointer(pointer).expect("the demo says it"));
        Self {
            token: said("/intserv/token"),
            password: said("/cielo24/password"),
            key: said("/discue/api_key"),
        }
    }

    fn statuses(&self, demo: &Server) -> (u16, u16, u16) {
        let login = format!("/api/account/login?v=1&username=api_test&password={}", self.password);
        (
            levels(demo, &self.token),
            demo.request("GET", &login, "", b"").status,
            demo.request("GET", "/v1/queues", &format!("X-API-KEY: {}\r\n", self.key), b"").status,
        )
    }
}

fn levels(demo: &Server, token: &str) -> u16 {
    demo.call_as(token, "POST", "/v1/accesslevels/list", Some(json!({}))).status
}

/// The accounts of the organization that the demo made for cielo24.
fn accounts_of_cielo24(scene: &Scene) -> Vec<String> {
    let organizations = scene.read("/v1/organizations");
    let all = organizations["data"].as_array().expect("data");
    let named = all.iter().find(|one| one["name"] == "cielo24").expect("it is there");
    ids(&scene.read(&format!("/v1/accounts?organization_id={}", text(&named["id"]))))
}

/// A client removed the token that its demo had set up, and the demo did not start again: what was taken was an error to
/// it, and what was suspended a credential that must work.
#[test]
fn a_demo_starts_again_whatever_was_ended_and_leaves_it_ended() {
    let mut scene = Scene::demo();
    let ours = HandedOut::of(&scene);
    assert_eq!(ours.statuses(&scene), (200, 200, 200));

    let integration = format!("/v1/keys/{}", id_of(&scene, &ours.token));
    scene.ok("POST", &format!("{integration}/suspend"), json!({}));
    scene.restart();
    assert_eq!(ours.statuses(&scene), (401, 200, 200));

    scene.ok("POST", &format!("{integration}/resume"), json!({}));
    let rotated = scene.ok("POST", &format!("{integration}/rotate"), json!({}));
    scene.restart();
    assert_eq!(ours.statuses(&scene), (401, 200, 200));
    assert_eq!(levels(&scene, &text(&rotated["secret"])), 200, "the one in its place");

    scene.ok("DELETE", &format!("/v1/keys/{}", text(&rotated["key"]["id"])), Value::Null);
    scene.ok_as(&ours.key, "DELETE", &format!("/v1/keys/{}", id_of(&scene, &ours.key)), Value::Null);
    scene.restart();
    assert_eq!(ours.statuses(&scene), (401, 200, 401));

    let [account]: [String; 1] = accounts_of_cielo24(&scene).try_into().expect("one account");
    scene.ok("DELETE", &format!("/v1/accounts/{account}?policy=remove_keys"), Value::Null);
    scene.restart();
    assert_eq!(ours.statuses(&scene), (401, 400, 401));
    assert!(accounts_of_cielo24(&scene).is_empty(), "nor is the account made anew");
}

#[test]
fn a_demo_starts_without_its_owner_and_without_its_unit() {
    let mut scene = Scene::demo();
    let (ours, organization) = (HandedOut::of(&scene), scene.ready["resolver"]["org_id"].clone());
    let unit = std::fs::read_to_string(scene.file("encedo.key")).expect("the unit's key");
    for secret in [unit.as_str(), scene.owner.as_str()] {
        scene.ok("DELETE", &format!("/v1/keys/{}", id_of(&scene, secret)), Value::Null);
    }
    scene.restart();
    assert_eq!(ours.statuses(&scene), (200, 200, 200));
    assert_eq!(scene.ready["resolver"]["org_id"], organization);
    assert_eq!(scene.call("GET", "/v1/keys", None).status, 401);
}
