//! This file is about a unit that is nobody's yet: whoever comes first and holds a key makes it theirs, once.

use serde_json::{Value, json};

use super::device::{Device, checked, ejwt, from_base64, public, seed, to_base64};
use crate::api::scene::text;

/// A unit that nobody has set up.
pub(super) fn fresh() -> Device {
    Device::fresh()
}

pub(super) fn cfg(user: &[u8; 32], master: &[u8; 32]) -> Value {
    json!({
        "user": "ann",
        "userkey": to_base64(&public(user)),
        "masterkey": to_base64(&public(master)),
        "hostname": "unit.example",
        "origin": "https://app.example",
        "trusted_ts": false,
        "trusted_backend": false,
        "allow_keysearch": true,
        "email": "ann@example.com",
        "something": "else",
    })
}

#[test]
fn whoever_holds_the_masters_key_makes_it_theirs_once() {
    let mut device = fresh();
    let status = device.ok("", "GET", "/api/system/status", &Value::Null);
    assert_eq!((&status["inited"], &status["hostname"]), (&json!(false), &Value::Null));
    assert_eq!(device.status("", "GET", "/api/auth/token", &Value::Null), 409);
    assert_eq!(device.status("", "POST", "/api/auth/token", &json!({ "auth": "x" })), 409);

    let asked = device.ok("", "GET", "/api/auth/init", &Value::Null);
    assert!(asked["genuine"].is_string(), "{asked}");
    let eid = text(&asked["eid"]);
    let (user, master) = (seed("the user's", &eid), seed("the master's", &eid));
    let init = |key: &[u8; 32], cfg: &Value| json!({ "init": ejwt(key, &asked, &json!({ "cfg": cfg })) });
    let good = cfg(&user, &master);
    let without = |name: &str| {
        let mut cfg = good.clone();
        cfg.as_object_mut().expect("members").remove(name);
        cfg
    };
    assert_eq!(device.status("", "POST", "/api/auth/init", &init(&user, &good)), 401, "by another key");
    assert_eq!(device.status("", "POST", "/api/auth/init", &json!({ "init": "x" })), 401);
    assert_eq!(device.status("", "POST", "/api/auth/init", &json!({})), 400);
    for name in [
        "user",
        "userkey",
        "masterkey",
        "hostname",
        "origin",
        "trusted_ts",
        "trusted_backend",
        "allow_keysearch",
        "email",
    ] {
        assert_eq!(
            device.status("", "POST", "/api/auth/init", &init(&master, &without(name))),
            400,
            "{name}"
        );
    }
    // A user who could never sign in.
    let mut nobodys = good.clone();
    nobodys["userkey"] = to_base64(&[0; 32]).into();
    assert_eq!(device.status("", "POST", "/api/auth/init", &init(&master, &nobodys)), 406);
    let made = one_of_several(&device, &master, &good);
    assert_eq!(made["instanceid"].as_str().map(str::len), Some(32));
    let config =
        device.ok(made["token"].as_str().expect("a session"), "GET", "/api/system/config", &Value::Null);
    assert_eq!(
        (&config["user"], &config["hostname"], &config["eid"]),
        (&json!("ann"), &json!("unit.example"), &json!(eid))
    );
    assert_eq!(device.status("", "GET", "/api/auth/init", &Value::Null), 406);
    assert_eq!(device.status("", "POST", "/api/auth/init", &init(&master, &good)), 406);

    // It is theirs after a restart, too.
    device.session_of("the user's", "keymgmt:list");
    device.restart();
    let status = device.ok("", "GET", "/api/system/status", &Value::Null);
    assert_eq!((&status["inited"], &status["hostname"]), (&Value::Null, &json!("unit.example")));
    let bearer = device.session_of("the user's", "logger:get");
    let listed = device.ok(&bearer, "GET", "/api/logger/list", &Value::Null);
    let first = text(&listed["id"][0]);
    let file = device.ask(&bearer, "GET", &format!("/api/logger/{first}"), &Value::Null);
    let events: Vec<(u64, u64, String)> =
        checked(&file.body).into_iter().map(|line| (line.event, line.outcome, line.who)).collect();
    assert_eq!(events[1..3], [(1, 0, String::new()), (29, 0, "M".to_owned())]);
}

/// Sets it up three times at once; what the one that did it was told.
fn one_of_several(device: &Device, master: &[u8; 32], good: &Value) -> Value {
    let mut statuses: Vec<(u16, String)> = std::thread::scope(|threads| {
        let tried: Vec<_> = (0..3)
            .map(|_| {
                threads.spawn(|| {
                    let asked = device.ask("", "GET", "/api/auth/init", &Value::Null);
                    if asked.status != 200 {
                        return (asked.status, String::new());
                    }
                    let init = ejwt(master, &asked.json(), &json!({ "cfg": good }));
                    let answer = device.ask("", "POST", "/api/auth/init", &json!({ "init": init }));
                    (answer.status, answer.body)
                })
            })
            .collect();
        tried.into_iter().map(|tried| tried.join().expect("an answer")).collect()
    });
    statuses.sort();
    assert_eq!(statuses.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [200, 406, 406]);
    serde_json::from_str(&statuses[0].1).expect("JSON")
}

#[test]
fn another_passphrase_takes_the_place_of_the_users() {
    let device = Device::new();
    let admin = device.session("system:config");
    let config = device.ok(&admin, "GET", "/api/system/config", &Value::Null);
    for name in [
        "iat",
        "uts",
        "devid",
        "instanceid",
        "eid",
        "eid_sign",
        "user",
        "email",
        "hostname",
        "origin",
        "flags",
        "ctx",
        "ip",
        "dnsd",
        "spk",
        "nonce",
    ] {
        assert!(!config[name].is_null(), "{name}: {config}");
    }
    let new = seed("another passphrase", config["eid"].as_str().expect("text"));
    let nonce = from_base64(config["nonce"].as_str().expect("text"));
    let spk = from_base64(config["spk"].as_str().expect("text"));
    let proof = |key: &[u8; 32]| {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &super::device::shared(key, &spk));
        to_base64(aws_lc_rs::hmac::sign(&key, &nonce).as_ref())
    };
    let change = |proof: String| json!({ "userkey": to_base64(&public(&new)), "userkey_nonce": config["nonce"], "userkey_hmac": proof });
    let path = "/api/system/config";
    for (name, misshapen) in [
        ("userkey", json!("*")),
        ("userkey", json!(to_base64(&[7; 31]))),
        ("userkey", json!(1)),
        ("userkey_nonce", Value::Null),
        ("userkey_nonce", json!("*")),
        ("userkey_hmac", Value::Null),
        ("userkey_hmac", json!(to_base64(&[7; 33]))),
    ] {
        let mut body = change(proof(&new));
        body[name] = misshapen;
        let answer = device.ask(&admin, "POST", path, &body);
        assert_eq!((answer.status, answer.body.as_str()), (400, r#"{"updated":false}"#), "{body}");
    }
    assert_eq!(device.ask(&admin, "POST", path, &change(proof(&[7; 32]))).status, 406);
    assert_eq!(device.ok(&admin, "POST", path, &change(proof(&new))), json!({ "updated": true }));
    // Whoever knew the passphrase from before has no session any more.
    assert_eq!(device.ask(&admin, "GET", path, &Value::Null).status, 401);
    let admin = device.session_of("another passphrase", "system:config");
    assert_eq!(device.ask(&admin, "POST", path, &change(proof(&new))).status, 406, "again");
    let asked = device.ok("", "GET", "/api/auth/token", &Value::Null);
    let old = ejwt(&device.seed(super::device::USER), &asked, &json!({ "scope": "keymgmt:list" }));
    assert_eq!(device.status("", "POST", "/api/auth/token", &json!({ "auth": old })), 401);
    let after = device.ok(&admin, "GET", path, &Value::Null);
    assert!(after["uts"].as_u64() > config["uts"].as_u64(), "{after}");
}

#[test]
fn its_configuration_changes_by_name() {
    let device = Device::new();
    let (admin, path) = (device.session("system:config"), "/api/system/config");
    let updated = |body: Value| device.ask(&admin, "POST", path, &body);
    for (body, status, said) in [
        (json!({ "user": "bob", "email": "bob@example.com", "flags": 0 }), 200, true),
        (json!({ "nothing": 1 }), 200, false),
        (json!({ "user": "x".repeat(33) }), 400, false),
        (json!({ "flags": "all" }), 400, false),
        (json!({ "flags": 4096 }), 400, false),
    ] {
        let answer = updated(body.clone());
        assert_eq!((answer.status, answer.json()), (status, json!({ "updated": said })), "{body}");
    }
    for misshapen in ["", "{", "[]"] {
        let header = format!("Authorization: Bearer {admin}\r\n");
        let answer = device.send("POST", path, &header, misshapen.as_bytes());
        assert_eq!((answer.status, answer.json()), (400, json!({ "updated": false })), "{misshapen}");
    }
    assert_eq!(updated(json!({ "wipeout": true })).status, 406);
    let config = device.ok(&admin, "GET", path, &Value::Null);
    assert_eq!(
        (&config["user"], &config["email"], &config["flags"]),
        (&json!("bob"), &json!("bob@example.com"), &json!(0))
    );
    // Without the flag, nobody looks for keys without a session.
    let search = json!({ "descr": "^QUJDREVG" });
    assert_eq!(device.status("", "POST", "/api/keymgmt/search", &search), 401);
    updated(json!({ "flags": 4 }));
    assert_eq!(device.status("", "POST", "/api/keymgmt/search", &search), 200);
    assert!(device.ok(&admin, "GET", "/api/system/config/attestation", &Value::Null)["genuine"].is_string());
    let tested = device.ok(&admin, "GET", "/api/system/selftest", &Value::Null);
    assert_eq!((&tested["fls_state"], &tested["repo_stats"]["total"]), (&json!(0), &json!(0)));
}
