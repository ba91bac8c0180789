//! This file is about a unit that cannot act: its own key is suspended, there is none, or the server is locked. Whoever asks has
//! done nothing wrong.

use std::path::Path;

use serde_json::Value;

use super::device::Device;
use crate::api::scene::{Scene, text};
use crate::harness::{Answer, Server, folder};

/// Asks over plain HTTP for what anybody may know, for what a bearer, TLS or the state refuses.
fn cannot_act(ask: impl Fn(&str, &str, &str) -> Answer) {
    let bad = "Authorization: Bearer x\r\n";
    for (method, path, headers, status) in [
        ("GET", "/api/system/status", "", 200),
        ("GET", "/api/system/version", "", 200),
        ("GET", "/api/system/checkin", "", 200),
        ("GET", "/api/system/status", bad, 401),
        ("GET", "/api/keymgmt/list", bad, 401),
        ("GET", "/api/keymgmt/list", "", 418),
        ("DELETE", "/api/keymgmt/delete/0123456789abcdef0123456789abcdef", "", 418),
        ("GET", "/api/logger/list", bad, 401),
        ("GET", "/api/logger/list", "", 409),
        ("GET", "/api/auth/token", "", 409),
        ("POST", "/api/auth/token", "", 409),
        ("GET", "/api/auth/init", "", 409),
        ("POST", "/api/auth/init", "", 409),
        ("POST", "/api/auth/ext/token", "", 409),
        ("GET", "/api/system/nothing", "", 404),
    ] {
        assert_eq!(ask(method, path, headers).status, status, "{method} {path} {headers}");
    }
}

fn over_plain_http(server: &Server) {
    cannot_act(|method, path, headers| server.request(method, path, headers, b""));
}

/// Everybody's address was taken for one that guesses the unit's key.
#[test]
fn whose_own_key_is_suspended_says_so_and_counts_nobodys_guess() {
    let device = Device::new();
    let list = device.session("keymgmt:list");
    let secret = std::fs::read_to_string(device.scene.folder.join("encedo.key")).expect("the unit's key");
    let listed = device.scene.ok_as(secret.trim_end(), "GET", "/v1/keys?kind=secret", Value::Null);
    let key = text(&listed["data"][0]["id"]);
    device.scene.ok_as(secret.trim_end(), "POST", &format!("/v1/keys/{key}/suspend"), Value::Null);
    for _ in 0..60 {
        assert_eq!(device.status(&list, "GET", "/api/keymgmt/list", &Value::Null), 409);
    }
    assert_eq!(device.status("x", "GET", "/api/keymgmt/list", &Value::Null), 401);
    assert_eq!(device.ok("", "GET", "/api/system/status", &Value::Null)["inited"], Value::Null);
    over_plain_http(&device.scene);
    device.scene.read("/v1/keys");
}

#[test]
fn without_a_unit_there_is_nothing_to_act_by() {
    over_plain_http(&Scene::new());
}

#[test]
fn a_locked_server_says_how_it_is() {
    let folder = folder();
    let start = || Server::configured(folder.path(), |_| {});
    let copy = folder.path().join("copy");
    let server = start();
    server.issue("before");
    server.stop();
    copied(&folder.path().join("data"), &copy);
    let server = start();
    server.issue("after");
    server.stop();
    std::fs::remove_dir_all(folder.path().join("data")).expect("it is there");
    copied(&copy, &folder.path().join("data"));
    let server = start();
    assert_eq!(server.request("GET", "/readyz", "", b"").status, 503);
    over_plain_http(&server);
}

fn copied(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").arg("-r").args([from, to]).status();
    assert!(copied.expect("cp runs").success());
}
