//! This file is about signing in: what a session takes, and everything that opens none.

use serde_json::{Value, json};

use super::device::{Device, MASTER, USER, ejwt, from_base64, judge, public, shared, signed, to_base64};

/// What becomes of this answer to a challenge.
fn answered(device: &Device, auth: &Value) -> u16 {
    device.status("", "POST", "/api/auth/token", &json!({ "auth": auth }))
}

fn challenge(device: &Device) -> Value {
    device.ok("", "GET", "/api/auth/token", &Value::Null)
}

/// The claims of a bearer.
fn claims(bearer: &str) -> Value {
    let part = bearer.split('.').nth(1).expect("claims");
    serde_json::from_slice(&from_base64(part)).expect("JSON")
}

#[test]
fn a_passphrase_opens_a_session_for_what_it_asks() {
    let device = Device::new();
    for (passphrase, subject) in [(USER, "U"), (MASTER, "M")] {
        let asked = challenge(&device);
        for name in ["eid", "spk", "jti"] {
            assert_eq!(from_base64(asked[name].as_str().expect("text")).len(), 32, "{name}");
        }
        assert!(asked["lbl"].is_string(), "{asked}");
        let auth =
            ejwt(&device.seed(passphrase), &asked, &json!({ "scope": "logger:get", "ctx": "a context" }));
        let token = device.ok("", "POST", "/api/auth/token", &json!({ "auth": auth }))["token"].clone();
        let claims = claims(token.as_str().expect("text"));
        assert_eq!(
            (&claims["sub"], &claims["scope"], &claims["ctx"]),
            (&json!(subject), &json!("logger:get"), &json!("a context"))
        );
        assert_eq!(claims["exp"].as_u64(), asked["exp"].as_u64().map(|exp| exp + 3600));
        device.ok(token.as_str().expect("text"), "GET", "/api/logger/list", &Value::Null);
    }
}

#[test]
fn a_session_lasts_as_long_as_the_client_says_or_eight_hours() {
    let device = Device::new();
    let asked = challenge(&device);
    let exp = asked["exp"].as_u64().expect("a time");
    let open = |asked: &Value, exp: Value| {
        let auth = ejwt(&device.seed(USER), asked, &json!({ "scope": "x", "exp": exp }));
        claims(
            device.ok("", "POST", "/api/auth/token", &json!({ "auth": auth }))["token"]
                .as_str()
                .expect("text"),
        )
    };
    assert_eq!(open(&asked, json!(exp))["exp"], exp, "the challenge's own end will do");
    let opened = open(&challenge(&device), Value::Null);
    assert_eq!(opened["exp"].as_u64(), opened["iat"].as_u64().map(|iat| iat + 8 * 3600));
}

#[test]
fn everything_else_opens_none() {
    let device = Device::new();
    let private = device.seed(USER);
    let asked = challenge(&device);
    let exp = asked["exp"].as_u64().expect("a time");
    let good = json!({ "scope": "keymgmt:list" });
    let with = |claim: &str, value: Value| {
        let mut more = good.clone();
        more[claim] = value;
        json!(ejwt(&private, &asked, &more))
    };
    let stranger = [7; 32];
    let (early, right) = (ejwt(&private, &asked, &good), || {
        let now = challenge(&device)["exp"].as_u64().expect("a time") - 60;
        ejwt(&private, &asked, &json!({ "scope": "keymgmt:list", "iat": now }))
    });
    let (front, tag) = early.rsplit_once('.').expect("a tag");
    let spk = from_base64(asked["spk"].as_str().expect("text"));
    let (_, rest) = front.split_once('.').expect("claims");
    let body = String::from_utf8(from_base64(rest)).expect("text");
    let with_header = |header: &str| json!(signed(header, &body, &shared(&private, &spk)));
    let wrong = [
        ("another key", json!(ejwt(&stranger, &asked, &good))),
        (
            "the user's key, signed by another",
            json!(ejwt(&stranger, &asked, &json!({ "scope": "x", "iss": to_base64(&public(&private)) }))),
        ),
        ("no scope", with("scope", Value::Null)),
        ("an empty scope", with("scope", json!(""))),
        ("a scope of 128", with("scope", json!("x".repeat(128)))),
        ("a scope that is a number", with("scope", json!(1))),
        ("a context of 64", with("ctx", json!("x".repeat(64)))),
        ("an end that is past", with("exp", json!(exp - 61))),
        ("an end that is text", with("exp", json!("2030"))),
        ("no beginning", with("iat", Value::Null)),
        ("a beginning long ago", with("iat", json!(exp - 60 - 6))),
        ("a beginning to come", with("iat", json!(exp - 60 + 3600))),
        ("a challenge of somebody else's", with("jti", json!(to_base64(&[1; 32])))),
        ("a challenge of another length", with("jti", json!(to_base64(&[1; 16])))),
        ("another peer", with("aud", json!(to_base64(&[1; 32])))),
        ("a point of low order", with("iss", json!(to_base64(&[0; 32])))),
        ("an issuer that is no key", with("iss", json!("x"))),
        ("no algorithm", with_header(r#"{"ecdh":"x25519","alg":"none","typ":"JWT"}"#)),
        ("another algorithm", with_header(r#"{"ecdh":"x25519","alg":"HS512","typ":"JWT"}"#)),
        ("another agreement", with_header(r#"{"ecdh":"p256","alg":"HS256","typ":"JWT"}"#)),
        ("another type", with_header(r#"{"ecdh":"x25519","alg":"HS256","typ":"JWE"}"#)),
        ("no tag", json!(format!("{front}."))),
        ("half a tag", json!(format!("{front}.{}", &tag[..20]))),
        ("no JWT", json!("x")),
        ("nothing", json!("")),
    ];
    std::thread::scope(|threads| {
        let device = &device;
        for (what, auth) in &wrong {
            threads.spawn(move || assert_eq!(answered(device, auth), 401, "{what}"));
        }
    });
    for (what, body) in
        [("nothing", json!({})), ("a number", json!({ "auth": 1 })), ("null", json!({ "auth": null }))]
    {
        assert_eq!(device.status("", "POST", "/api/auth/token", &body), 400, "{what}");
    }
    // None of that has used the challenge up. It is answered once.
    assert_eq!(answered(&device, &json!(right())), 200);
    assert_eq!(answered(&device, &json!(right())), 401, "again");
}

#[test]
fn a_challenge_is_answered_once_whoever_is_quicker() {
    let device = Device::new();
    let auth = json!(ejwt(&device.seed(USER), &challenge(&device), &json!({ "scope": "x" })));
    let mut statuses: Vec<u16> = std::thread::scope(|threads| {
        let sent: Vec<_> = (0..8).map(|_| threads.spawn(|| answered(&device, &auth))).collect();
        sent.into_iter().map(|sent| sent.join().expect("an answer")).collect()
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401, 401, 401, 401, 401, 401, 401]);
}

/// A session of the other role, or for another thing, is told so; none is 401.
#[test]
fn every_call_says_whose_session_it_takes() {
    let device = Device::new();
    let kid = "0123456789abcdef0123456789abcdef";
    let other = format!("keymgmt:use:{}", kid.replace('0', "f"));
    let wrong = device.session(&other);
    let masters = [device.session_of(MASTER, "keymgmt:"), device.session_of(MASTER, "auth:ext:pair")];
    let get = format!("/api/keymgmt/get/{kid}");
    let delete = format!("/api/keymgmt/delete/{kid}");
    let crypto = [
        "hmac/hash",
        "hmac/verify",
        "exdsa/sign",
        "exdsa/verify",
        "cipher/encrypt",
        "cipher/decrypt",
        "cipher/wrap",
        "cipher/unwrap",
        "ecdh",
        "pqc/mlkem/encaps",
        "pqc/mlkem/decaps",
        "pqc/mldsa/sign",
        "pqc/mldsa/verify",
    ]
    .map(|call| format!("/api/crypto/{call}"));
    let mut on_keys: Vec<(&str, &str)> = vec![
        ("GET", "/api/keymgmt/list"),
        ("GET", "/api/keymgmt/list/0"),
        ("GET", "/api/keymgmt/list/0/5"),
        ("POST", "/api/keymgmt/search"),
        ("GET", &get),
        ("POST", "/api/keymgmt/create"),
        ("POST", "/api/keymgmt/import"),
        ("POST", "/api/keymgmt/derive"),
        ("POST", "/api/keymgmt/update"),
        ("DELETE", &delete),
    ];
    on_keys.extend(crypto.iter().map(|path| ("POST", path.as_str())));
    for (method, path) in &on_keys {
        let body = if *method == "POST" { json!({ "kid": kid }) } else { Value::Null };
        assert_eq!(device.status("", method, path, &body), 401, "{path}");
        assert_eq!(device.status(&wrong, method, path, &body), 403, "{path}");
        assert_eq!(device.status(&masters[0], method, path, &body), 403, "{path}");
        let answer = device.scene.request(method, path, "", body.to_string().as_bytes());
        judge(&answer);
        assert_eq!(answer.status, 418, "{path}");
    }
    for path in ["init", "validate", "mac"].map(|call| format!("/api/auth/ext/{call}")) {
        assert_eq!(device.status("", "POST", &path, &json!({})), 401, "{path}");
        assert_eq!(device.status(&wrong, "POST", &path, &json!({})), 403, "{path}");
        assert_eq!(device.status(&masters[1], "POST", &path, &json!({})), 403, "{path}");
    }
    for (method, path) in [
        ("GET", "/api/system/config"),
        ("POST", "/api/system/config"),
        ("GET", "/api/system/reboot"),
        ("POST", "/api/system/reboot"),
        ("GET", "/api/logger/key"),
        ("GET", "/api/logger/list"),
        ("GET", "/api/logger/00000000"),
    ] {
        assert_eq!(device.status("", method, path, &json!({})), 401, "{path}");
        assert_eq!(device.status(&wrong, method, path, &json!({})), 403, "{path}");
    }
    assert_eq!(device.status(&wrong, "GET", "/api/system/config/provisioning", &Value::Null), 403);
    assert_eq!(device.status("", "GET", "/api/system/config/attestation", &Value::Null), 401);
    for path in ["/api/system/shutdown", "/api/system/upgrade/check_fw", "/api/storage/lock", "/api/diag/x"] {
        assert_eq!(device.status("", "GET", path, &Value::Null), 404, "{path}");
    }
}

/// Whoever had a session for the use of any key was told what was wrong with a request, not that it was not theirs.
#[test]
fn no_session_is_for_the_use_of_a_kid_that_is_none() {
    let device = Device::new();
    let session = device.session("keymgmt:use:0123456789abcdef0123456789abcdef");
    for call in ["hmac/hash", "exdsa/sign", "cipher/unwrap", "ecdh", "pqc/mlkem/encaps"] {
        let path = format!("/api/crypto/{call}");
        for misshapen in ["{", "[]", "{}", r#"{"kid":"zz"}"#, r#"{"kid":1}"#] {
            let header = format!("Authorization: Bearer {session}\r\n");
            let answer = device.send("POST", &path, &header, misshapen.as_bytes());
            judge(&answer);
            assert_eq!(answer.status, 403, "{path} {misshapen}");
        }
    }
    assert_eq!(device.status(&session, "GET", "/api/keymgmt/get/zz", &Value::Null), 403);
    let refused = device.log().into_iter().filter(|line| line.event == 12);
    assert_eq!(refused.count(), 26);
}

#[test]
fn the_program_itself_answers_a_challenge() {
    let device = Device::new();
    let file = device.scene.folder.join("encedo-user.passphrase");
    let mut answer = std::process::Command::new(crate::harness::PROGRAM);
    answer.args(["encedo", "answer", "--scope", "keymgmt:list", "--passphrase-file"]).arg(&file);
    answer.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = answer.spawn().expect("it runs");
    let asked = challenge(&device).to_string();
    std::io::Write::write_all(&mut child.stdin.take().expect("piped"), asked.as_bytes()).expect("it reads");
    let said = child.wait_with_output().expect("it ends");
    let body: Value = serde_json::from_slice(&said.stdout).expect("JSON");
    let token = device.ok("", "POST", "/api/auth/token", &body)["token"].clone();
    device.ok(token.as_str().expect("text"), "GET", "/api/keymgmt/list", &Value::Null);
}
