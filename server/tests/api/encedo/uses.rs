//! This file is about the use of keys: what comes out is what another side works out, and what cannot be done is told by its
//! status alone.

use serde_json::{Value, json};

use super::device::{Device, from_base64, public, shared, to_base64};

/// The base point of P-256, uncompressed (SEC 2, section 2.4.2).
const P256_BASE: [u8; 65] = [
    0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
    0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f,
    0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce,
    0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
];

/// A key and a session for its use.
struct Held {
    kid: String,
    session: String,
}

fn hold(device: &Device, make: &str, fields: &[Value]) -> Vec<Held> {
    let kids: Vec<String> = fields.iter().map(|fields| device.make(make, fields)).collect();
    let scopes: Vec<String> = kids.iter().map(|kid| format!("keymgmt:use:{kid}")).collect();
    kids.into_iter().zip(device.sessions(&scopes)).map(|(kid, session)| Held { kid, session }).collect()
}

impl Held {
    fn body(&self, fields: &Value) -> Value {
        let mut body = fields.clone();
        body["kid"] = self.kid.as_str().into();
        body
    }

    fn ok(&self, device: &Device, call: &str, fields: &Value) -> Value {
        device.ok(&self.session, "POST", &format!("/api/crypto/{call}"), &self.body(fields))
    }

    fn status(&self, device: &Device, call: &str, fields: &Value) -> u16 {
        device.status(&self.session, "POST", &format!("/api/crypto/{call}"), &self.body(fields))
    }
}

fn key(kind: &str) -> Value {
    json!({ "label": "x", "type": kind, "mode": "ECDH,ExDSA" })
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key);
    aws_lc_rs::hmac::sign(&key, text).as_ref().to_vec()
}

#[test]
fn messages_are_authenticated_under_a_key_or_what_it_agrees_on() {
    let device = Device::new();
    let make = device.session("keymgmt:gen");
    let held = hold(&device, &make, &["SHA2-256", "SHA3-384", "CURVE25519", "AES128"].map(key));
    let [plain, sha3, agreeing, aes] = &held[..] else { panic!("four") };
    let msg = json!({ "msg": "YWJj", "alg": "anything" });
    let code = plain.ok(&device, "hmac/hash", &msg)["mac"].clone();
    assert_eq!(from_base64(code.as_str().expect("text")).len(), 32);
    let with_mac = |mac: Value| json!({ "msg": "YWJj", "mac": mac });
    assert_eq!(plain.ok(&device, "hmac/verify", &with_mac(code.clone())), Value::Null);
    let bytes = from_base64(code.as_str().expect("text"));
    let url_safe = code.as_str().expect("text").replace('+', "-").replace('/', "_");
    assert_eq!(plain.status(&device, "hmac/verify", &with_mac(json!(url_safe.trim_end_matches('=')))), 200);
    for wrong in [&bytes[..31], &[&bytes[..31], &[bytes[31] ^ 1]].concat(), &[&bytes[..], &[0]].concat()] {
        assert_eq!(plain.status(&device, "hmac/verify", &with_mac(json!(to_base64(wrong)))), 406);
    }
    assert_eq!(plain.status(&device, "hmac/verify", &with_mac(json!(to_base64(&[0; 65])))), 400);
    assert_eq!(plain.status(&device, "hmac/verify", &json!({ "msg": "YWJj" })), 400);
    let long = sha3.ok(&device, "hmac/hash", &json!({ "msg": "YWJj" }));
    assert_eq!(from_base64(long["mac"].as_str().expect("text")).len(), 48);
    // Under the raw secret.
    let own = device.ok(&make, "GET", &format!("/api/keymgmt/get/{}", agreeing.kid), &Value::Null);
    let agreed = shared(&[3; 32], &from_base64(own["pubkey"].as_str().expect("text")));
    let with_peer = json!({ "msg": "YWJj", "alg": "SHA2-256", "pubkey": to_base64(&public(&[3; 32])) });
    assert_eq!(agreeing.ok(&device, "hmac/hash", &with_peer)["mac"], to_base64(&mac(&agreed, b"abc")));
    for (wrong, status) in [
        (json!({ "msg": "YWJj", "pubkey": to_base64(&public(&[3; 32])) }), 406),
        (json!({ "msg": "YWJj", "alg": "SHA2-256" }), 406),
        (json!({ "msg": "YWJj", "alg": "MD5", "pubkey": to_base64(&public(&[3; 32])) }), 400),
        (json!({ "msg": "YWJj", "alg": "SHA2-256", "pubkey": to_base64(&[0; 32]) }), 406),
        (json!({ "msg": "YWJj", "alg": "SHA2-256", "ext_kid": plain.kid }), 406),
        (json!({ "alg": "SHA2-256" }), 400),
        (json!({ "msg": "" }), 400),
        (json!({ "msg": to_base64(&[0; 2049]) }), 400),
    ] {
        assert_eq!(agreeing.status(&device, "hmac/hash", &wrong), status, "{wrong}");
    }
    assert_eq!(aes.status(&device, "hmac/hash", &msg), 406);
    plain.ok(&device, "hmac/hash", &json!({ "msg": to_base64(&[0; 2048]) }));
}

#[test]
fn signatures_fit_their_message_scheme_and_context() {
    let device = Device::new();
    let make = device.session("keymgmt:gen");
    let kinds =
        ["SECP256R1", "SECP384R1", "SECP521R1", "SECP256K1", "ED25519", "ED448", "MLDSA44", "CURVE25519"];
    let mut fields: Vec<Value> = kinds.map(key).to_vec();
    fields.push(json!({ "label": "x", "type": "SECP256R1", "mode": "ECDH" }));
    let held = hold(&device, &make, &fields);
    let [p256, p384, p521, k256, ed25519, ed448, mldsa, x25519, agrees] = &held[..] else { panic!("nine") };
    let mut ways: Vec<(&Held, &str, bool, Option<usize>)> = Vec::new();
    for key in [p256, p384, p521, k256] {
        ways.extend(
            ["SHA256WithECDSA", "SHA384WithECDSA", "SHA512WithECDSA"].map(|alg| (key, alg, false, None)),
        );
    }
    ways.extend([
        (ed25519, "Ed25519", false, Some(64)),
        (ed25519, "Ed25519ph", true, Some(64)),
        (ed25519, "Ed25519ctx", true, Some(64)),
        (ed448, "Ed448", true, Some(114)),
        (ed448, "Ed448ph", true, Some(114)),
    ]);
    for (key, alg, has_context, length) in ways {
        let asked = json!({ "msg": "YWJj", "alg": alg, "ctx": "Y3R4" });
        let sign = key.ok(&device, "exdsa/sign", &asked)["sign"].clone();
        let bytes = from_base64(sign.as_str().expect("text"));
        match length {
            Some(length) => assert_eq!(bytes.len(), length, "{alg}"),
            None => assert_eq!(bytes[0], 0x30, "DER"),
        }
        let check = |name: &str, value: &str| {
            let mut body = asked.clone();
            body["sign"] = sign.clone();
            body[name] = value.into();
            key.status(&device, "exdsa/verify", &body)
        };
        assert_eq!((check("x", ""), check("msg", "YWJk")), (200, 406), "{alg}");
        assert_eq!(check("ctx", "Y3R5"), if has_context { 406 } else { 200 }, "{alg}");
        assert_eq!(check("sign", &to_base64(&bytes[..bytes.len() - 1])), 406, "{alg}");
        assert_eq!(check("sign", &to_base64(&[0; 149])), 400, "{alg}");
    }
    for (key, alg, status) in [
        (p256, "Ed25519", 406),
        (ed25519, "SHA256WithECDSA", 406),
        (ed25519, "Ed448", 406),
        (x25519, "Ed25519", 406),
        (mldsa, "Ed25519", 406),
        (agrees, "SHA256WithECDSA", 406),
        (p256, "SHA1WithECDSA", 400),
        (ed25519, "Ed25519ctx", 400),
    ] {
        assert_eq!(key.status(&device, "exdsa/sign", &json!({ "msg": "YWJj", "alg": alg })), status, "{alg}");
    }
    let long = json!({ "msg": "YWJj", "alg": "Ed448", "ctx": to_base64(&[0; 256]) });
    assert_eq!(ed448.status(&device, "exdsa/sign", &long), 400);
    assert_eq!(p256.status(&device, "exdsa/sign", &json!({ "msg": "YWJj" })), 400);

    let signed = mldsa.ok(&device, "pqc/mldsa/sign", &json!({ "msg": "YWJj", "ctx": "Y3R4" }));
    assert_eq!(
        (&signed["alg"], from_base64(signed["sign"].as_str().expect("text")).len()),
        (&json!("MLDSA44"), 2420)
    );
    let check = |msg: &str, ctx: &str| {
        mldsa.status(&device, "pqc/mldsa/verify", &json!({ "msg": msg, "ctx": ctx, "sign": signed["sign"] }))
    };
    assert_eq!((check("YWJj", "Y3R4"), check("YWJj", ""), check("YWJk", "Y3R4")), (200, 406, 406));
    let longer = json!({ "msg": "YWJj", "sign": to_base64(&[0; 4628]) });
    assert_eq!(mldsa.status(&device, "pqc/mldsa/verify", &longer), 406);
    assert_eq!(mldsa.status(&device, "pqc/mldsa/verify", &json!({ "msg": "YWJj", "sign": "*" })), 400);
    assert_eq!(ed25519.status(&device, "pqc/mldsa/sign", &json!({ "msg": "YWJj" })), 406);
}

#[test]
fn ciphers_give_back_what_they_took() {
    let device = Device::new();
    let make = device.session("keymgmt:gen");
    let held = hold(&device, &make, &["AES256", "AES128", "CURVE25519", "SHA2-256"].map(key));
    let [long, short, agreeing, hmac] = &held[..] else { panic!("four") };
    let peer = to_base64(&public(&[3; 32]));
    let block = to_base64(&[7; 16]);
    for (key, size) in [(long, 128), (long, 192), (long, 256), (short, 128), (agreeing, 192)] {
        for mode in ["ECB", "CBC", "GCM"] {
            let asked = json!({ "msg": block, "alg": format!("AES{size}-{mode}"), "aad": "YWFk", "pubkey": peer, "ctx": "Y3R4" });
            let sealed = key.ok(&device, "cipher/encrypt", &asked);
            let part = |name: &str| sealed[name].as_str().map(|text| from_base64(text).len());
            let lengths = match mode {
                "ECB" => (Some(16), None, None),
                "CBC" => (Some(32), Some(16), None),
                _ => (Some(16), Some(16), Some(16)),
            };
            assert_eq!((part("ciphertext"), part("iv"), part("tag")), lengths, "{mode}: {sealed}");
            let mut back = asked.clone();
            back["msg"] = sealed["ciphertext"].clone();
            back["iv"] = sealed["iv"].clone();
            back["tag"] = sealed["tag"].clone();
            assert_eq!(key.ok(&device, "cipher/decrypt", &back)["plaintext"], block, "{mode}");
            let changed = |name: &str, value: Value| {
                let mut body = back.clone();
                body[name] = value;
                key.status(&device, "cipher/decrypt", &body)
            };
            if mode == "GCM" {
                assert_eq!(changed("tag", json!(block)), 406);
                assert_eq!(changed("aad", json!("YWFl")), 406);
                assert_eq!(
                    (changed("tag", json!(to_base64(&[0; 12]))), changed("tag", Value::Null)),
                    (400, 400)
                );
            }
            if mode != "ECB" {
                assert_eq!(
                    (changed("iv", json!(to_base64(&[0; 12]))), changed("iv", Value::Null)),
                    (400, 400)
                );
            }
        }
    }
    let asked = |alg: &str, msg: &str| json!({ "msg": msg, "alg": alg });
    for (key, body, status) in [
        (short, asked("AES256-GCM", &block), 406),
        (hmac, asked("AES128-GCM", &block), 406),
        (agreeing, asked("AES128-GCM", &block), 406),
        (long, asked("AES256-CTR", &block), 400),
        (long, asked("AES512-GCM", &block), 400),
        (long, asked("AES256", &block), 400),
        (long, json!({ "msg": block }), 400),
        (long, asked("AES256-ECB", "YWJj"), 400),
        (long, json!({ "msg": block, "alg": "AES256-GCM", "ctx": to_base64(&[0; 65]) }), 400),
        (long, json!({ "msg": block, "alg": "AES256-GCM", "aad": to_base64(&[0; 2049]) }), 400),
    ] {
        assert_eq!(key.status(&device, "cipher/encrypt", &body), status, "{body}");
    }
    let cbc = json!({ "msg": to_base64(&[9; 32]), "alg": "AES256-CBC", "iv": block });
    assert_eq!(long.status(&device, "cipher/decrypt", &cbc), 406, "its padding does not fit");
    assert_eq!(
        long.status(
            &device,
            "cipher/decrypt",
            &json!({ "msg": to_base64(&[9; 2065]), "alg": "AES256-CBC", "iv": block })
        ),
        400
    );
}

#[test]
fn keys_are_wrapped_as_the_rfc_says() {
    let device = Device::new();
    let make = device.session("keymgmt:gen");
    let held = hold(&device, &make, &["AES256", "CURVE25519"].map(key));
    let [aes, agreeing] = &held[..] else { panic!("two") };
    let key = to_base64(&[7; 16]);
    let iv = to_base64(&[1; 8]);
    for (who, more) in [
        (aes, json!({})),
        (aes, json!({ "alg": "AES128" })),
        (aes, json!({ "iv": iv })),
        (agreeing, json!({ "pubkey": to_base64(&public(&[3; 32])), "ctx": "Y3R4" })),
    ] {
        let mut body = more.clone();
        body["msg"] = key.as_str().into();
        let wrapped = who.ok(&device, "cipher/wrap", &body)["wrapped"].clone();
        assert_eq!(from_base64(wrapped.as_str().expect("text")).len(), 24);
        body["msg"] = wrapped;
        assert_eq!(who.ok(&device, "cipher/unwrap", &body)["unwrapped"], key);
        body["iv"] = to_base64(&[2; 8]).into();
        assert_eq!(who.status(&device, "cipher/unwrap", &body), 406);
    }
    for (call, body, status) in [
        ("wrap", json!({}), 400),
        ("wrap", json!({ "msg": to_base64(&[7; 15]) }), 406),
        ("wrap", json!({ "msg": to_base64(&[7; 8]) }), 406),
        ("wrap", json!({ "msg": key, "alg": "AES256-GCM" }), 400),
        ("wrap", json!({ "msg": key, "iv": to_base64(&[1; 7]) }), 400),
        ("unwrap", json!({ "msg": to_base64(&[7; 25]) }), 400),
        ("unwrap", json!({ "msg": to_base64(&[7; 24]) }), 406),
        ("unwrap", json!({ "msg": to_base64(&[7; 16]) }), 406),
        ("unwrap", json!({}), 400),
    ] {
        assert_eq!(aes.status(&device, &format!("cipher/{call}"), &body), status, "{call} {body}");
    }
}

#[test]
fn keys_agree_as_long_as_both_are_there() {
    let device = Device::new();
    let make = device.session("keymgmt:gen");
    let held =
        hold(&device, &make, &["CURVE25519", "CURVE25519", "SECP521R1", "ED25519", "SECP256R1"].map(key));
    let [one, two, p521, ed25519, p256] = &held[..] else { panic!("five") };
    let with = |key: &Held| json!({ "ext_kid": key.kid });
    let agreed = one.ok(&device, "ecdh", &with(two))["ecdh"].clone();
    assert_eq!(agreed, two.ok(&device, "ecdh", &with(one))["ecdh"]);
    let bytes = from_base64(agreed.as_str().expect("text"));
    let hashed = json!({ "ext_kid": two.kid, "alg": "SHA2-512", "pubkey": "Kg==" });
    assert_eq!(from_base64(one.ok(&device, "ecdh", &hashed)["ecdh"].as_str().expect("text")).len(), 64);
    assert_eq!(bytes.len(), 32);
    assert_eq!(
        from_base64(p521.ok(&device, "ecdh", &with(p521))["ecdh"].as_str().expect("text")).len(),
        32,
        "cut"
    );
    for (key, body, status) in [
        (one, json!({}), 400),
        (one, json!({ "ext_kid": two.kid, "alg": "x" }), 400),
        (one, with(p521), 406),
        (one, with(ed25519), 406),
        (ed25519, with(ed25519), 406),
        (one, json!({ "pubkey": to_base64(&[0; 32]) }), 406),
        (one, json!({ "pubkey": to_base64(&[9; 33]) }), 406),
        (one, json!({ "pubkey": to_base64(&[9; 2593]) }), 406),
        (one, json!({ "pubkey": "*" }), 400),
        (p256, json!({ "pubkey": to_base64(&P256_BASE[..33]) }), 406),
        (p256, json!({ "pubkey": to_base64(&P256_BASE) }), 406),
        (one, json!({ "ext_kid": "0".repeat(32) }), 406),
    ] {
        assert_eq!(key.status(&device, "ecdh", &body), status, "{body}");
    }
    let compressed = [&[3][..], &P256_BASE[1..33]].concat();
    p256.ok(&device, "ecdh", &json!({ "pubkey": to_base64(&compressed) }));
    let delete = device.session("keymgmt:del");
    assert_eq!(device.delete(&delete, &two.kid), 200);
    assert_eq!(one.status(&device, "ecdh", &with(two)), 406);
}

/// The library of secp256k1 takes a point that does not say which of two it is.
#[test]
fn points_say_which_of_two_they_are() {
    let device = Device::new();
    let opened = device.sessions(&["keymgmt:gen", "keymgmt:derive"].map(str::to_owned));
    let [make, derive] = &opened[..] else { panic!("two") };
    let held = hold(&device, make, &[key("SECP256K1")]);
    let own = device.ok(make, "GET", &format!("/api/keymgmt/get/{}", held[0].kid), &Value::Null);
    let point = from_base64(own["pubkey"].as_str().expect("text"));
    let msg = to_base64(&[7; 16]);
    for (first, status) in [(point[0], 200), (5, 406), (4, 406), (0, 406)] {
        let peer = to_base64(&[&[first], &point[1..]].concat());
        for (call, fields) in [
            ("ecdh", json!({})),
            ("hmac/hash", json!({ "msg": msg, "alg": "SHA2-256" })),
            ("cipher/encrypt", json!({ "msg": msg, "alg": "AES256-GCM" })),
            ("cipher/wrap", json!({ "msg": msg })),
        ] {
            let mut body = fields.clone();
            body["pubkey"] = peer.as_str().into();
            assert_eq!(held[0].status(&device, call, &body), status, "{call} {first}");
        }
        let body = json!({ "kid": held[0].kid, "label": "d", "type": "AES128", "pubkey": peer });
        assert_eq!(device.status(derive, "POST", "/api/keymgmt/derive", &body), status, "{first}");
    }
}

#[test]
fn secrets_are_sealed_for_whoever_has_the_private_half() {
    let device = Device::new();
    let opened = device.sessions(&["keymgmt:gen", "keymgmt:imp", "keymgmt:del"].map(str::to_owned));
    let [make, import, delete] = &opened[..] else { panic!("three") };
    for (kind, length) in [("MLKEM512", 768), ("MLKEM768", 1088), ("MLKEM1024", 1568)] {
        let held = hold(&device, make, &[key(kind)]);
        let sealed = held[0].ok(&device, "pqc/mlkem/encaps", &json!({}));
        assert_eq!(
            (&sealed["alg"], from_base64(sealed["ct"].as_str().expect("text")).len()),
            (&json!(kind), length)
        );
        let opened = held[0].ok(&device, "pqc/mlkem/decaps", &json!({ "ct": sealed["ct"] }));
        assert_eq!((&opened["ss"], &opened["alg"]), (&sealed["ss"], &json!(kind)));
        assert_eq!(
            held[0].status(&device, "pqc/mlkem/decaps", &json!({ "ct": to_base64(&vec![0; length - 1]) })),
            406
        );
        let longer = json!({ "ct": to_base64(&vec![0; length + 1]) });
        assert_eq!(held[0].status(&device, "pqc/mlkem/decaps", &longer), 406);
        assert_eq!(held[0].status(&device, "pqc/mlkem/decaps", &json!({})), 400);
        assert_eq!(held[0].status(&device, "pqc/mlkem/decaps", &json!({ "ct": "*" })), 400);
        // The public half alone is for nothing here.
        let get = format!("/api/keymgmt/get/{}", held[0].kid);
        let public = device.ok(make, "GET", &get, &Value::Null)["pubkey"].clone();
        assert_eq!(device.delete(delete, &held[0].kid), 200);
        device.ok(
            import,
            "POST",
            "/api/keymgmt/import",
            &json!({ "label": "x", "type": kind, "pubkey": public }),
        );
        let session = device.session(&format!("keymgmt:use:{}", held[0].kid));
        let body = json!({ "kid": held[0].kid });
        assert_eq!(device.status(&session, "POST", "/api/crypto/pqc/mlkem/encaps", &body), 406);
    }
}
