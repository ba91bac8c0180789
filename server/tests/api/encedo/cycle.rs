//! This file is about the life of a key of each type: it is made, works, is removed, and nothing brings it back.

use serde_json::{Value, json};

use super::device::{Device, to_base64};

/// Every type, a call that uses a key of it, and what that takes beside the kid.
fn uses() -> Vec<(&'static str, &'static str, Value)> {
    let msg = to_base64(b"a message");
    let sign = |alg: &str| json!({ "msg": msg, "alg": alg });
    // Each agrees with itself, which is a key of its own type.
    let agree = || json!({ "ext_kid": "itself" });
    let encrypt = |alg: &str| json!({ "msg": msg, "alg": alg });
    vec![
        ("SECP256R1", "exdsa/sign", sign("SHA256WithECDSA")),
        ("SECP384R1", "exdsa/sign", sign("SHA384WithECDSA")),
        ("SECP521R1", "exdsa/sign", sign("SHA512WithECDSA")),
        ("SECP256K1", "exdsa/sign", sign("SHA256WithECDSA")),
        ("CURVE25519", "ecdh", agree()),
        ("CURVE448", "ecdh", agree()),
        ("ED25519", "exdsa/sign", sign("Ed25519")),
        ("ED448", "exdsa/sign", sign("Ed448")),
        ("SHA2-256", "hmac/hash", json!({ "msg": msg })),
        ("SHA2-384", "hmac/hash", json!({ "msg": msg })),
        ("SHA2-512", "hmac/hash", json!({ "msg": msg })),
        ("SHA3-256", "hmac/hash", json!({ "msg": msg })),
        ("SHA3-384", "hmac/hash", json!({ "msg": msg })),
        ("SHA3-512", "hmac/hash", json!({ "msg": msg })),
        ("AES128", "cipher/encrypt", encrypt("AES128-GCM")),
        ("AES192", "cipher/encrypt", encrypt("AES192-CBC")),
        ("AES256", "cipher/encrypt", encrypt("AES256-GCM")),
        ("MLKEM512", "pqc/mlkem/encaps", json!({})),
        ("MLKEM768", "pqc/mlkem/encaps", json!({})),
        ("MLKEM1024", "pqc/mlkem/encaps", json!({})),
        ("MLDSA44", "pqc/mldsa/sign", json!({ "msg": msg })),
        ("MLDSA65", "pqc/mldsa/sign", json!({ "msg": msg })),
        ("MLDSA87", "pqc/mldsa/sign", json!({ "msg": msg })),
    ]
}

#[test]
fn a_key_of_each_type_works_until_it_is_removed_and_never_again() {
    let mut device = Device::new();
    let opened = device.sessions(&["keymgmt:gen".to_owned(), "keymgmt:del".to_owned()]);
    let [make, delete] = &opened[..] else { panic!("two") };
    let uses = uses();
    let kids: Vec<String> = uses
        .iter()
        .map(|(kind, ..)| device.make(make, &json!({ "label": kind, "type": kind, "mode": "ECDH,ExDSA" })))
        .collect();
    let scopes: Vec<String> = kids.iter().map(|kid| format!("keymgmt:use:{kid}")).collect();
    let sessions = device.sessions(&scopes);
    for (((kind, call, fields), kid), session) in uses.iter().zip(&kids).zip(&sessions) {
        let (path, body) = of_key(call, fields, kid);
        device.ok(session, "POST", &path, &body);
        let get = format!("/api/keymgmt/get/{kid}");
        assert_eq!(device.ok(session, "GET", &get, &Value::Null)["type"], *kind);
        assert_eq!(device.delete(delete, kid), 200, "{kind}");
        assert_eq!(device.status(session, "POST", &path, &body), 406, "{kind}");
        assert_eq!(device.status(session, "GET", &get, &Value::Null), 406, "{kind}");
        assert_eq!(device.delete(delete, kid), 406, "{kind}");
    }
    let ended = sessions.into_iter().next().expect("one");
    device.restart();
    assert_eq!(device.status(&ended, "GET", &format!("/api/keymgmt/get/{}", kids[0]), &Value::Null), 401);
    let delete = device.session("keymgmt:del");
    let sessions = device.sessions(&scopes);
    for (((kind, call, fields), kid), session) in uses.iter().zip(&kids).zip(&sessions) {
        let (path, body) = of_key(call, fields, kid);
        assert_eq!(device.status(session, "POST", &path, &body), 406, "{kind}");
        assert_eq!(
            device.status(session, "GET", &format!("/api/keymgmt/get/{kid}"), &Value::Null),
            406,
            "{kind}"
        );
        assert_eq!(device.delete(&delete, kid), 406, "{kind}");
    }
}

fn of_key(call: &str, fields: &Value, kid: &str) -> (String, Value) {
    let mut body = fields.clone();
    body["kid"] = kid.into();
    if body["ext_kid"] == "itself" {
        body["ext_kid"] = kid.into();
    }
    (format!("/api/crypto/{call}"), body)
}

/// Whoever has the public half may bring it back: it is another key of the same name, and what was granted for the first is not
/// granted for it.
#[test]
fn a_session_for_a_removed_key_does_not_fit_the_next_of_its_kid() {
    let device = Device::new();
    let scopes = ["keymgmt:gen", "keymgmt:del", "keymgmt:imp", "keymgmt:get"].map(str::to_owned);
    let opened = device.sessions(&scopes);
    let [make, delete, import, get] = &opened[..] else { panic!("four") };
    let kid = device.make(make, &json!({ "label": "first", "type": "ED25519" }));
    let session = device.session(&format!("keymgmt:use:{kid}"));
    let path = format!("/api/keymgmt/get/{kid}");
    let public = device.ok(get, "GET", &path, &Value::Null)["pubkey"].clone();
    let msg = to_base64(b"a message");
    let signed = device.ok(
        &session,
        "POST",
        "/api/crypto/exdsa/sign",
        &json!({ "kid": kid, "msg": msg, "alg": "Ed25519" }),
    );
    let again = json!({ "label": "again", "type": "ED25519", "pubkey": public });
    assert_eq!(device.status(import, "POST", "/api/keymgmt/import", &again), 406, "it lives");
    assert_eq!(device.delete(delete, &kid), 200);
    assert_eq!(device.ok(import, "POST", "/api/keymgmt/import", &again)["kid"], kid);
    let check = json!({ "kid": kid, "msg": msg, "alg": "Ed25519", "sign": signed["sign"] });
    assert_eq!(device.status(&session, "POST", "/api/crypto/exdsa/verify", &check), 403);
    assert_eq!(device.status(&session, "GET", &path, &Value::Null), 403);
    // A session that is opened now is for the one that is there now, which has no private half.
    let session = device.session(&format!("keymgmt:use:{kid}"));
    device.ok(&session, "POST", "/api/crypto/exdsa/verify", &check);
    let sign = json!({ "kid": kid, "msg": msg, "alg": "Ed25519" });
    assert_eq!(device.status(&session, "POST", "/api/crypto/exdsa/sign", &sign), 406);
}

/// It was refused for ever: only what was opened before a removal never fits what comes after that.
#[test]
fn a_session_that_was_opened_before_there_was_a_key_is_for_the_first_that_comes() {
    let device = Device::new();
    let opened = device.sessions(&["keymgmt:del", "keymgmt:imp"].map(str::to_owned));
    let [delete, import] = &opened[..] else { panic!("two") };
    let public = super::device::public(&[3; 32]);
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, &public);
    let kid: String = hash.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let (scope, path) = (format!("keymgmt:use:{kid}"), format!("/api/keymgmt/get/{kid}"));
    let key = json!({ "label": "x", "type": "CURVE25519", "pubkey": to_base64(&public) });
    let fits = |session: &str| device.status(session, "GET", &path, &Value::Null);
    let before = device.session(&scope);
    assert_eq!(fits(&before), 406, "there is none");
    device.ok(import, "POST", "/api/keymgmt/import", &key);
    assert_eq!(fits(&before), 200);
    let first = device.session(&scope);
    assert_eq!(device.delete(delete, &kid), 200);
    let between = device.session(&scope);
    device.ok(import, "POST", "/api/keymgmt/import", &key);
    assert_eq!((fits(&before), fits(&first), fits(&between)), (403, 403, 200));
}
