//! This file is about the audit log: its files, their key, and the lines that calls leave.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};

use super::device::{Device, Line, MASTER, checked, from_base64, public, to_base64};
use crate::api::scene::text;

#[test]
fn each_start_has_a_file_whose_key_is_signed() {
    let mut device = Device::new();
    device.restart();
    let bearer = device.session_of(MASTER, "logger:get");
    let listed = device.ok(&bearer, "GET", "/api/logger/list", &Value::Null);
    let ids: Vec<String> = listed["id"].as_array().expect("ids").iter().map(text).collect();
    assert_eq!(
        (listed["total"].as_u64(), ids.len()),
        (Some(2), 2),
        "the set-up's, and the demo's first and second start's: {listed}"
    );
    assert!(ids.is_sorted() && ids.iter().all(|id| id.len() == 8), "{ids:?}");
    assert_eq!(device.ok(&bearer, "GET", "/api/logger/list/1", &Value::Null)["id"], json!([ids[1]]));
    assert_eq!(
        device.ok(&bearer, "GET", "/api/logger/list/99", &Value::Null),
        json!({ "total": 2, "id": [] })
    );
    assert_eq!(device.status(&bearer, "GET", "/api/logger/list/x", &Value::Null), 406);

    let read = |id: &str| device.ask(&bearer, "GET", &format!("/api/logger/{id}"), &Value::Null);
    assert_eq!(read(ids.last().expect("one")).status, 406, "it is written to");
    for unknown in ["00000000", "0", "0123456789", "0123456g", "+1234567"] {
        assert_eq!(read(unknown).status, 404, "{unknown}");
    }
    let file = read(&ids[0].to_uppercase()).body;
    checked(&file);
    let first: Vec<&str> = file.lines().nth(1).expect("a line").split('|').collect();
    let signer = device.ok(&bearer, "GET", "/api/logger/key", &Value::Null);
    let part = |name: &str| from_base64(signer[name].as_str().expect("text"));
    let public = UnparsedPublicKey::new(&ED25519, part("key"));
    public.verify(&part("nonce"), &part("nonce_signed")).expect("the signer signs");
    public.verify(&from_base64(first[4]), &from_base64(first[5])).expect("the signer signs the file's key");
}

/// Lines come in the order of their numbers, one for each call that changes or uses something.
#[test]
fn says_what_was_done_and_nothing_of_what_was_only_looked_at() {
    let device = Device::new();
    let opened = device.sessions(&["keymgmt:gen", "keymgmt:upd", "keymgmt:imp"].map(str::to_owned));
    let [make, update, import] = &opened[..] else { panic!("three") };
    let kid = device.make(make, &json!({ "label": "first", "type": "CURVE25519" }));
    let session = device.session(&format!("keymgmt:use:{kid}"));
    device.ok(update, "POST", "/api/keymgmt/update", &json!({ "kid": kid, "label": "second" }));
    device.ok(
        make,
        "POST",
        "/api/keymgmt/derive",
        &json!({ "kid": kid, "ext_kid": kid, "label": "d", "type": "AES128" }),
    );
    device.ok(&session, "POST", "/api/crypto/ecdh", &json!({ "kid": kid, "ext_kid": kid }));
    device.ok(&session, "GET", &format!("/api/keymgmt/get/{kid}"), &Value::Null);
    assert_eq!(
        device.status(make, "POST", "/api/keymgmt/create", &json!({ "label": "x", "type": "x" })),
        400
    );
    let derive = json!({ "kid": "0".repeat(32), "ext_kid": kid, "label": "d", "type": "AES128" });
    assert_eq!(device.status(make, "POST", "/api/keymgmt/derive", &derive), 406);
    assert_eq!(
        device.status(
            import,
            "POST",
            "/api/keymgmt/import",
            &json!({ "label": "x", "type": "AES128", "pubkey": "YWJj" })
        ),
        406
    );
    let events: Vec<(u64, u64)> = device.log().iter().map(|line| (line.event, line.outcome)).collect();
    // 13 are sessions. What follows the last of them opens and closes the log.
    let done: Vec<(u64, u64)> = events.into_iter().filter(|(event, _)| *event != 13).collect();
    assert_eq!(done, [(0, 0), (1, 0), (20, 0), (25, 0), (26, 0), (38, 0), (20, 2), (26, 2), (22, 1), (9, 0)]);
}

/// Whoever looks for what happened to a key looks for its kid, and attempts count.
#[test]
fn says_which_key_was_named_by_what_failed() {
    let device = Device::new();
    let opened = device.sessions(&["keymgmt:gen", "keymgmt:upd", "keymgmt:imp"].map(str::to_owned));
    let [make, update, import] = &opened[..] else { panic!("three") };
    let kid = device.make(make, &json!({ "label": "first", "type": "CURVE25519" }));
    let session = device.session(&format!("keymgmt:use:{kid}"));
    let public = to_base64(&public(&[3; 32]));
    let imported = json!({ "label": "x", "type": "CURVE25519", "pubkey": public });
    let brought = text(&device.ok(import, "POST", "/api/keymgmt/import", &imported)["kid"]);
    let derive = json!({ "label": "d", "type": "AES128", "kid": kid, "ext_kid": kid });
    let derived = text(&device.ok(make, "POST", "/api/keymgmt/derive", &derive)["kid"]);
    let calls = [
        (update, "keymgmt/update", json!({ "kid": kid }), 400),
        (make, "keymgmt/derive", json!({ "kid": kid, "type": "AES128" }), 400),
        (make, "keymgmt/derive", json!({ "kid": kid, "label": "d", "type": "AES192" }), 400),
        (make, "keymgmt/derive", derive, 406),
        (import, "keymgmt/import", json!({ "type": "CURVE25519", "pubkey": public }), 400),
        (import, "keymgmt/import", imported, 406),
        (import, "keymgmt/import", json!({ "label": "x", "type": "CURVE25519", "pubkey": "*" }), 400),
        (&session, "crypto/hmac/hash", json!({ "kid": kid.to_uppercase() }), 400),
        (&session, "crypto/ecdh", json!({ "kid": kid }), 400),
        (&session, "crypto/cipher/decrypt", json!({ "kid": kid, "msg": "YWJj" }), 400),
        (&session, "crypto/exdsa/verify", json!({ "kid": kid, "msg": "YWJj", "alg": "Ed25519" }), 400),
        (&session, "crypto/pqc/mlkem/encaps", json!({ "kid": kid }), 406),
    ];
    for (bearer, call, body, status) in &calls {
        assert_eq!(device.status(bearer, "POST", &format!("/api/{call}"), body), *status, "{call} {body}");
    }
    // Nothing is written down of what is no file's name.
    let logger = device.session("logger:get");
    assert_eq!(device.status(&logger, "GET", "/api/logger/what-a-stranger-writes", &Value::Null), 404);
    let lines = device.log();
    let about = |line: &Line| line.data.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let made: Vec<String> =
        lines.iter().filter(|line| line.event >= 20 && line.outcome == 0).map(about).collect();
    assert_eq!(made, [kid.as_str(), &brought, &derived]);
    let failed: Vec<String> = lines.iter().filter(|line| line.outcome != 0).map(about).collect();
    let (kid, brought) = (kid.as_str(), brought.as_str());
    assert_eq!(failed, [kid, kid, kid, kid, brought, brought, "", kid, kid, kid, kid, kid]);
}
