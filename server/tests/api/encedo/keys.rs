//! This file is about keys as they are listed, found, described, brought along and derived.

use serde_json::{Value, json};

use super::device::{Device, MASTER, at_once, from_base64, public, to_base64};
use crate::api::scene::text;

#[test]
fn a_list_shows_fifteen_at_most_and_what_each_is() {
    let device = Device::new();
    let opened =
        device.sessions(&["keymgmt:gen", "keymgmt:list", "keymgmt:del", "keymgmt:imp"].map(str::to_owned));
    let [make, list, delete, import] = &opened[..] else { panic!("four") };
    let listed = |path: &str| device.ok(list, "GET", &format!("/api/keymgmt/list{path}"), &Value::Null);
    assert_eq!(listed(""), json!({ "offset": 0, "deleted": 0, "total": 0, "listed": 0, "list": [] }));
    let types = [
        (json!({ "type": "SECP256R1" }), "ATT,PKEY,ECDH,SECP256R1"),
        (json!({ "type": "SECP384R1", "mode": "ExDSA" }), "ATT,PKEY,ExDSA,SECP384R1"),
        (json!({ "type": "SECP521R1", "mode": "ECDH,ExDSA" }), "ATT,PKEY,ECDH,ExDSA,SECP521R1"),
        (json!({ "type": "SECP256K1", "mode": "SECP256K1" }), "ATT,PKEY,ECDH,SECP256K1"),
        (json!({ "type": "CURVE25519", "mode": "nothing" }), "ATT,PKEY,ECDH,CURVE25519"),
        (json!({ "type": "CURVE448" }), "ATT,PKEY,ECDH,CURVE448"),
        (json!({ "type": "ED25519" }), "ATT,PKEY,ExDSA,ED25519"),
        (json!({ "type": "ED448" }), "ATT,PKEY,ExDSA,ED448"),
        (json!({ "type": "MLKEM512" }), "ATT,PKEY,PQC,MLKEM512"),
        (json!({ "type": "MLDSA44" }), "ATT,PKEY,PQC,MLDSA44"),
        (json!({ "type": "SHA3-512" }), "ATT,SHA3-512"),
        (json!({ "type": "AES256" }), "ATT,AES256"),
    ];
    let mut kids = Vec::new();
    for (fields, decorated) in &types {
        let mut fields = fields.clone();
        fields["label"] = json!(" ~");
        kids.push(device.make(make, &fields));
        let shown = listed(&format!("/{}", kids.len() - 1))["list"][0].clone();
        assert_eq!(
            (&shown["type"], &shown["kid"], &shown["label"]),
            (&json!(decorated), &json!(kids.last()), &json!(" ~"))
        );
        assert!(
            shown["created"].is_u64() && shown["updated"].is_u64() && shown["descr"].is_null(),
            "{shown}"
        );
    }
    let peer = json!({ "label": "a peer", "type": "CURVE25519", "pubkey": to_base64(&public(&[3; 32])) });
    device.ok(import, "POST", "/api/keymgmt/import", &peer);
    assert_eq!(listed("/12")["list"][0]["type"], "ECDH,CURVE25519");
    for _ in 0..4 {
        device.make(make, &json!({ "label": "more", "type": "AES128" }));
    }
    let shape = |path: &str| {
        let page = listed(path);
        (
            page["offset"].clone(),
            page["total"].clone(),
            page["listed"].clone(),
            page["list"].as_array().expect("keys").len(),
        )
    };
    assert_eq!(shape(""), (json!(0), json!(17), json!(15), 15));
    assert_eq!(shape("/0/99"), (json!(0), json!(17), json!(15), 15));
    assert_eq!(shape("/15"), (json!(15), json!(17), json!(2), 2));
    assert_eq!(shape("/3/2"), (json!(3), json!(17), json!(2), 2));
    assert_eq!(shape("/99/2"), (json!(99), json!(17), json!(0), 0));
    for path in ["/x", "/0/x", "/-1", "/1.5", "/0/"] {
        let status = device.status(list, "GET", &format!("/api/keymgmt/list{path}"), &Value::Null);
        assert!([404, 406].contains(&status), "{path}: {status}");
    }
    assert_eq!(device.delete(delete, &kids[0]), 200);
    let page = listed("");
    assert_eq!((&page["total"], &page["deleted"]), (&json!(16), &json!(1)));
}

#[test]
fn a_search_looks_at_the_bytes_of_descriptions() {
    let device = Device::new();
    let opened = device.sessions(&["keymgmt:gen", "keymgmt:search"].map(str::to_owned));
    let [make, search] = &opened[..] else { panic!("two") };
    let described = |descr: &[u8]| {
        device.make(make, &json!({ "label": "x", "type": "AES128", "descr": to_base64(descr) }))
    };
    let (one, two) = (described(b"ABCDEFGH"), described(b"xxABCDEF"));
    let found = |bearer: &str, body: Value| -> Vec<String> {
        let page = device.ok(bearer, "POST", "/api/keymgmt/search", &body);
        let kids: Vec<String> =
            page["list"].as_array().expect("keys").iter().map(|key| text(&key["kid"])).collect();
        assert_eq!(page["listed"], kids.len());
        kids
    };
    let pattern = |front: &str, bytes: &[u8], back: &str| json!({ "descr": format!("{front}{}{back}", to_base64(bytes)) });
    assert_eq!(found(search, pattern("^", b"ABC", "")), [one.as_str()]);
    assert_eq!(found(search, pattern("", b"DEF", "$")), [two.as_str()]);
    assert_eq!(found(search, pattern("", b"CDEF", "")), [one.as_str(), two.as_str()]);
    assert!(found(search, pattern("", b"nothing", "")).is_empty());
    let mut part = pattern("", b"CDEF", "");
    part["offset"] = 1.into();
    part["limit"] = 1.into();
    assert_eq!(found(search, part), [two.as_str()]);
    // Anybody may, if they know six bytes of the beginning.
    assert_eq!(found("", pattern("^", b"ABCDEF", "")), [one.as_str()]);
    // With a session for something else, too; the master's is for no keys at all.
    let other = device.session("logger:get");
    assert_eq!(found(&other, pattern("^", b"ABCDEF", "")), [one.as_str()]);
    assert_eq!(device.status(&other, "POST", "/api/keymgmt/search", &pattern("^", b"ABCDE", "")), 403);
    let master = device.session_of(MASTER, "keymgmt:search");
    assert_eq!(device.status(&master, "POST", "/api/keymgmt/search", &pattern("^", b"ABCDEF", "")), 403);
    for closed in [
        pattern("^", b"ABCDE", ""),
        pattern("", b"ABCDEF", ""),
        pattern("", b"ABCDEF", "$"),
        json!({}),
        json!({ "descr": "^" }),
    ] {
        assert_eq!(device.status("", "POST", "/api/keymgmt/search", &closed), 401, "{closed}");
    }
    for (wrong, status) in [
        (pattern("", &[b'x'; 65], ""), 406),
        (pattern("", &[b'x'; 64], ""), 200),
        (json!({}), 400),
        (json!({ "descr": 1 }), 400),
        (json!({ "descr": "^*" }), 400),
        (json!({ "descr": "QUJD", "offset": "1" }), 400),
        (json!({ "descr": "QUJD", "limit": -1 }), 400),
    ] {
        assert_eq!(device.status(search, "POST", "/api/keymgmt/search", &wrong), status, "{wrong}");
    }
}

#[test]
fn an_update_labels_anew_and_clears_what_it_does_not_say() {
    let device = Device::new();
    let opened = device.sessions(&["keymgmt:gen", "keymgmt:upd"].map(str::to_owned));
    let [make, update] = &opened[..] else { panic!("two") };
    // In the URL-safe alphabet, padded; it is shown in the standard one, without.
    let kid = device.make(make, &json!({ "label": "x", "type": "ED25519", "descr": "--__AA==" }));
    let get = || device.ok(make, "GET", &format!("/api/keymgmt/get/{}", kid.to_uppercase()), &Value::Null);
    let before = get();
    assert_eq!((&before["type"], &before["descr"]), (&json!("ED25519"), &json!("++//AA")));
    assert_eq!(from_base64(before["pubkey"].as_str().expect("text")).len(), 32);
    let mut last = before["updated"].as_u64().expect("a time");
    for (body, descr) in [
        (json!({ "kid": kid, "label": "y", "descr": "YWJj" }), json!("YWJj")),
        (json!({ "kid": kid, "label": "y" }), Value::Null),
        (
            json!({ "kid": kid, "label": "z", "descr": to_base64(&[7; 128]) }),
            json!(to_base64(&[7; 128]).trim_end_matches('=')),
        ),
    ] {
        let answer = device.ask(update, "POST", "/api/keymgmt/update", &body);
        assert_eq!((answer.status, answer.body.as_str()), (200, ""));
        let after = get();
        assert_eq!(after["descr"], descr);
        let updated = after["updated"].as_u64().expect("a time");
        assert!(updated > last, "it grows within a second, too");
        last = updated;
    }
    for (wrong, status) in [
        (json!({ "kid": kid }), 400),
        (json!({ "label": "x" }), 400),
        (json!({ "kid": kid, "label": "" }), 400),
        (json!({ "kid": kid, "label": "x".repeat(33) }), 400),
        (json!({ "kid": kid, "label": "\u{e9}" }), 400),
        (json!({ "kid": kid, "label": "a\nb" }), 400),
        (json!({ "kid": kid, "label": 1 }), 400),
        (json!({ "kid": kid, "label": "x", "descr": to_base64(&[7; 129]) }), 400),
        (json!({ "kid": kid, "label": "x", "descr": "*" }), 400),
        (json!({ "kid": kid, "label": "x", "descr": "+_" }), 400),
        (json!({ "kid": "0".repeat(32), "label": "x" }), 406),
        (json!([]), 400),
    ] {
        assert_eq!(device.status(update, "POST", "/api/keymgmt/update", &wrong), status, "{wrong}");
    }
}

/// All but one of several were told to try again, which no client does.
#[test]
fn updates_at_once_all_go_well_and_each_has_a_time_of_its_own() {
    let device = Device::new();
    let opened = device.sessions(&["keymgmt:gen", "keymgmt:upd"].map(str::to_owned));
    let [make, update] = &opened[..] else { panic!("two") };
    let kid = device.make(make, &json!({ "label": "x", "type": "AES128" }));
    let get = || device.ok(make, "GET", &format!("/api/keymgmt/get/{kid}"), &Value::Null)["updated"].as_u64();
    let before = get();
    let body = json!({ "kid": kid, "label": "y" });
    let statuses = at_once(8, |_| device.status(update, "POST", "/api/keymgmt/update", &body));
    assert_eq!(statuses, [200; 8]);
    assert!(get() >= before.map(|before| before + 8));
}

#[test]
fn what_cannot_be_made_is_refused() {
    let device = Device::new();
    let opened = device.sessions(&["keymgmt:gen", "keymgmt:imp"].map(str::to_owned));
    let [make, import] = &opened[..] else { panic!("two") };
    for wrong in [
        json!({}),
        json!({ "label": "x" }),
        json!({ "type": "AES256" }),
        json!({ "label": "x", "type": "aes256" }),
        json!({ "label": "x", "type": "RSA2048" }),
        json!({ "label": "x", "type": 1 }),
        json!({ "label": "x", "type": "SECP256R1", "mode": "ECDSA" }),
        json!({ "label": "x", "type": "SECP256R1", "mode": "SECP384R1" }),
        json!({ "label": "x", "type": "SECP256R1", "mode": "ExDSA,ECDH" }),
        json!({ "label": "x", "type": "SECP256R1", "mode": 1 }),
        json!({ "label": "x", "type": "AES256", "descr": to_base64(&[7; 129]) }),
    ] {
        assert_eq!(device.status(make, "POST", "/api/keymgmt/create", &wrong), 400, "{wrong}");
    }
    let key = |kind: &str, bytes: &[u8]| json!({ "label": "x", "type": kind, "pubkey": to_base64(bytes) });
    for (wrong, status) in [
        (json!({ "label": "x", "type": "ED25519" }), 400),
        (json!({ "label": "x", "type": "ED25519", "pubkey": "*" }), 400),
        (json!({ "label": "x", "type": 1, "pubkey": to_base64(&[7; 32]) }), 400),
        (key("RSA2048", &[7; 32]), 406),
        (key("AES256", &[7; 32]), 406),
        (key("SHA2-256", &[7; 32]), 406),
        (key("CURVE25519", &[9; 31]), 406),
        (key("CURVE25519", &[9; 33]), 406),
        (key("SECP256R1", &[4; 65]), 406),
        (key("SECP256R1", &[&[2][..], &[0xff; 32]].concat()), 406),
        (key("MLKEM768", &[7; 1184 - 1]), 406),
        (key("MLDSA44", &[7; 1311]), 406),
        (key("MLDSA87", &[7; 2593]), 406),
    ] {
        assert_eq!(device.status(import, "POST", "/api/keymgmt/import", &wrong), status, "{wrong}");
    }
    device.ok(import, "POST", "/api/keymgmt/import", &key("CURVE25519", &public(&[3; 32])));
    assert_eq!(
        device.status(import, "POST", "/api/keymgmt/import", &key("CURVE25519", &public(&[3; 32]))),
        406,
        "it lives"
    );
}

#[test]
fn a_derived_key_is_what_both_sides_derive() {
    let device = Device::new();
    let opened = device.sessions(&["keymgmt:gen", "keymgmt:derive", "keymgmt:list"].map(str::to_owned));
    let [make, derive, list] = &opened[..] else { panic!("three") };
    let path = "/api/keymgmt/derive";
    let kid = device.make(make, &json!({ "label": "x", "type": "CURVE25519" }));
    let own = device.ok(make, "GET", &format!("/api/keymgmt/get/{kid}"), &Value::Null);
    let peer = [3; 32];
    let wanted =
        |kind: &str| json!({ "kid": kid, "label": "d", "type": kind, "pubkey": to_base64(&public(&peer)) });
    let derived = text(&device.ok(derive, "POST", path, &wanted("SHA2-256"))["kid"]);
    assert_eq!(device.status(derive, "POST", path, &wanted("SHA2-256")), 406, "the same again");
    // What the peer works out: HKDF (RFC 5869) of what both agree on.
    let agreed = super::device::shared(&peer, &from_base64(own["pubkey"].as_str().expect("text")));
    let mac = |key: &[u8], text: &[u8]| {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key);
        aws_lc_rs::hmac::sign(&key, text).as_ref().to_vec()
    };
    let key = mac(&mac(&[], &agreed), b"encedo-SHA2-256\x01");
    let session = device.session(&format!("keymgmt:use:{derived}"));
    let taken =
        device.ok(&session, "POST", "/api/crypto/hmac/hash", &json!({ "kid": derived, "msg": "YWJj" }));
    assert_eq!(taken["mac"], to_base64(&mac(&key, b"abc")));
    let page = device.ok(list, "GET", "/api/keymgmt/list/1", &Value::Null);
    assert_eq!(page["list"][0]["type"], "PKEY,SHA2-256");
    for kind in ["SECP256R1", "SECP256K1", "ED25519", "CURVE25519", "AES128", "AES256"] {
        device.ok(derive, "POST", path, &wanted(kind));
    }
    let with = |name: &str, value: Value| {
        let mut body = wanted("AES192");
        body[name] = value;
        body
    };
    for (wrong, status) in [
        (wanted("MLKEM512"), 400),
        (wanted("MLDSA44"), 400),
        (wanted("x"), 400),
        (with("pubkey", Value::Null), 400),
        (with("pubkey", json!(to_base64(&[0; 32]))), 406),
        (with("pubkey", json!(to_base64(&[9; 31]))), 406),
        (with("ext_kid", json!("0".repeat(32))), 406),
        (with("ext_kid", json!(derived)), 406),
        (with("ext_kid", json!("x")), 400),
        (with("kid", json!("0".repeat(32))), 406),
        (with("kid", json!(derived)), 406),
        // What is agreed on is shorter than these.
        (wanted("CURVE448"), 406),
        (wanted("SECP521R1"), 406),
        (wanted("SHA2-512"), 406),
    ] {
        assert_eq!(device.status(derive, "POST", path, &wrong), status, "{wrong}");
    }
}
