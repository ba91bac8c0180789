//! This file is about removing a key: the vendor's table of statuses, and what each leaves in the audit log.

use serde_json::{Value, json};

use super::device::{Device, Line, MASTER, at_once, from_base64};

const DELETE: u64 = 21;
const SCOPE_REFUSED: u64 = 12;

/// A plain HTTP request.
fn plain(device: &Device, bearer: &str, path: &str) -> u16 {
    let credential =
        if bearer.is_empty() { String::new() } else { format!("Authorization: Bearer {bearer}\r\n") };
    device.scene.request("DELETE", path, &credential, b"").status
}

#[test]
fn answers_as_the_vendors_table_says_and_writes_that_down() {
    let device = Device::new();
    let scopes = ["keymgmt:gen", "keymgmt:del", "keymgmt:use:00"].map(str::to_owned);
    let opened = device.sessions(&scopes);
    let [make, delete, other] = &opened[..] else { panic!("three") };
    let master = device.session_of(MASTER, "keymgmt:del");
    let kid = device.make(make, &json!({ "label": "first", "type": "SECP256R1" }));
    let path = format!("/api/keymgmt/delete/{kid}");

    assert_eq!(device.status("", "DELETE", &path, &Value::Null), 401);
    assert_eq!(device.status("", "DELETE", "/api/keymgmt/delete/", &Value::Null), 401);
    assert_eq!(device.status(make, "GET", "/api/keymgmt/get/", &Value::Null), 400);
    for bad in ["x", "a.b.c", &delete[..delete.len() - 2], &format!("{delete}x")] {
        assert_eq!(device.status(bad, "DELETE", &path, &Value::Null), 401, "{bad}");
        assert_eq!(plain(&device, bad, &path), 401, "before TLS: {bad}");
    }
    assert_eq!(
        (plain(&device, delete, &path), plain(&device, "", &path), plain(&device, other, &path)),
        (418, 418, 418)
    );
    assert_eq!(device.status(other, "DELETE", &path, &Value::Null), 403);
    assert_eq!(device.status(&master, "DELETE", &path, &Value::Null), 403);
    let misshapen = "/api/keymgmt/delete/0123456789abcdef0123456789abcdeg";
    assert_eq!(device.status(other, "DELETE", misshapen, &Value::Null), 403, "scope before shape");
    for wrong in [
        misshapen,
        "/api/keymgmt/delete/",
        "/api/keymgmt/delete/0",
        "/api/keymgmt/delete/0123456789abcdef0123456789abcdef0",
    ] {
        assert_eq!(device.status(delete, "DELETE", wrong, &Value::Null), 400, "{wrong}");
    }
    let unknown = "0123456789abcdef0123456789abcdef";
    assert_eq!(device.delete(delete, unknown), 406);
    // A kid is the same in any case.
    let removed = device.ask(
        delete,
        "DELETE",
        &path.to_uppercase().replace("/API/KEYMGMT/DELETE", "/api/keymgmt/delete"),
        &Value::Null,
    );
    let told = (removed.status, removed.body.as_str(), removed.header("content-length"));
    assert_eq!(told, (200, "", Some("0")));
    assert_eq!(device.delete(delete, &kid), 406);

    let about = |event, outcome, who: &str, data: &[u8]| Line {
        event,
        outcome,
        who: who.to_owned(),
        data: data.to_vec(),
    };
    let bytes = |kid: &str| {
        (0..16).map(|place| u8::from_str_radix(&kid[2 * place..][..2], 16).expect("hex")).collect::<Vec<_>>()
    };
    let written: Vec<Line> =
        device.log().into_iter().filter(|line| [DELETE, SCOPE_REFUSED].contains(&line.event)).collect();
    let error = || about(DELETE, 2, "U", &[]);
    assert_eq!(
        written,
        [
            about(SCOPE_REFUSED, 1, "U", b"keymgmt:use:00"),
            about(SCOPE_REFUSED, 1, "M", b"keymgmt:del"),
            about(SCOPE_REFUSED, 1, "U", b"keymgmt:use:00"),
            error(),
            error(),
            error(),
            error(),
            about(DELETE, 1, "U", &bytes(unknown)),
            about(DELETE, 0, "U", &bytes(&kid)),
            about(DELETE, 1, "U", &bytes(&kid)),
        ]
    );
    assert!(from_base64("").is_empty());
}

/// Each of two clients that remove a key at once was told that it was the one that did.
#[test]
fn of_many_who_remove_a_key_at_once_one_is_told_so() {
    let device = Device::new();
    let opened = device.sessions(&["keymgmt:gen", "keymgmt:del"].map(str::to_owned));
    let [make, delete] = &opened[..] else { panic!("two") };
    for _ in 0..3 {
        let kid = device.make(make, &json!({ "label": "first", "type": "AES256" }));
        let mut statuses = at_once(8, |_| device.delete(delete, &kid));
        statuses.sort_unstable();
        assert_eq!(statuses, [[200].as_slice(), &[406; 7]].concat());
    }
}

/// Before the unit is somebody's there is no session to show, and the state is said before that.
#[test]
fn a_unit_that_is_nobodys_is_not_in_the_state_for_it() {
    let device = super::set_up::fresh();
    let path = "/api/keymgmt/delete/0123456789abcdef0123456789abcdef";
    assert_eq!(device.status("", "DELETE", path, &Value::Null), 409);
    assert_eq!(plain(&device, "", path), 418, "TLS before state");
    assert_eq!(device.status("x", "DELETE", path, &Value::Null), 401, "a bad bearer before all");
}

/// A key that is removed in our own language is gone in this one, in which a session for it is still open.
#[test]
fn removed_in_another_language_it_is_gone_here() {
    let device = Device::new();
    let make = device.session("keymgmt:gen");
    let kid = device.make(&make, &json!({ "label": "first", "type": "SHA2-256" }));
    let session = device.session(&format!("keymgmt:use:{kid}"));
    let mac = json!({ "kid": kid, "msg": "YWJj" });
    device.ok(&session, "POST", "/api/crypto/hmac/hash", &mac);
    let key = std::fs::read_to_string(device.scene.folder.join("encedo.key")).expect("the unit's key");
    let listed = device.scene.ok_as(key.trim_end(), "GET", "/v1/keys?kind=crypto", Value::Null);
    let named = |one: &&Value| one["name"] == "first";
    let id = listed["data"].as_array().expect("keys").iter().find(named).expect("it is listed")["id"].clone();
    device.scene.ok_as(
        key.trim_end(),
        "DELETE",
        &format!("/v1/keys/{}", id.as_str().expect("an id")),
        Value::Null,
    );
    assert_eq!(device.status(&session, "POST", "/api/crypto/hmac/hash", &mac), 406);
}
