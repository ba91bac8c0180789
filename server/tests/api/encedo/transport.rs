//! This file is about what every answer has, and what is refused before a call is looked at.

use serde_json::{Value, json};

use super::device::{Device, judge};
use crate::harness::parse;

#[test]
fn every_answer_has_a_length_and_header_fields_in_title_case() {
    let device = Device::new();
    for request in [
        "GET /api/system/status HTTP/1.1\r\n",
        "GET /api/system/nothing HTTP/1.1\r\n",
        "PUT /api/system/status HTTP/1.1\r\n",
        "GET /api/keymgmt/list HTTP/1.1\r\n",
        "GET /api/keymgmt/list HTTP/1.1\r\nAuthorization: Bearer x\r\n",
        "GET /api/storage/unlock HTTP/1.1\r\n",
        "GET /api/diag/x HTTP/1.1\r\n",
        "HEAD /api/system/nothing HTTP/1.1\r\n",
        "HEAD /api/keymgmt/list HTTP/1.1\r\n",
        "HEAD /api/system/reboot HTTP/1.1\r\n",
        "HEAD /api/keymgmt/list HTTP/1.1\r\nAuthorization: Bearer x\r\n",
    ] {
        let answer = device.raw(format!("{request}Host: localhost\r\nConnection: close\r\n\r\n").as_bytes());
        let text = String::from_utf8(answer).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let mut fields = head.split("\r\n").skip(1).map(|line| line.split_once(": ").expect("a field"));
        let length = fields.clone().find(|(name, _)| *name == "Content-Length").expect("a length");
        assert_eq!(length.1, body.len().to_string(), "{text}");
        assert!(
            fields.clone().any(|(name, value)| (name, value) == ("Content-Type", "application/json")),
            "{text}"
        );
        assert!(fields.all(|(name, _)| is_title(name) && name != "Transfer-Encoding"), "{text}");
    }
}

fn is_title(name: &str) -> bool {
    name.split('-').all(|word| {
        let mut letters = word.chars();
        letters.next().is_some_and(char::is_uppercase) && letters.all(|letter| !letter.is_uppercase())
    })
}

#[test]
fn refuses_by_length_before_all_else() {
    let device = Device::new();
    let post = |headers: &str, body: &str| {
        let head = format!(
            "POST /api/keymgmt/create HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
        );
        let answer = parse(&device.raw((head + body).as_bytes())).expect("an answer");
        judge(&answer);
        answer.status
    };
    assert_eq!(post("", ""), 411);
    assert_eq!(post("Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"), 411);
    assert_eq!(post("Content-Length: 2\r\n", "{}"), 401);
    let long = |bytes: usize| json!({ "label": "x".repeat(bytes - 12) }).to_string();
    assert_eq!((long(7300).len(), post("Content-Length: 7300\r\n", &long(7300))), (7300, 401));
    assert_eq!(post("Content-Length: 7301\r\n", &long(7301)), 413);
    assert_eq!(post("Content-Length: 2000000\r\n", ""), 413);
}

#[test]
fn a_bad_bearer_is_refused_before_routing() {
    let device = Device::new();
    for (method, path) in [
        ("GET", "/api/nothing/here"),
        ("GET", "/api/system/nothing"),
        ("DELETE", "/api/system/status"),
        ("GET", "/api/system/status"),
        ("GET", "/api/auth/token"),
        ("POST", "/api/keymgmt/search"),
    ] {
        let ours = !path.starts_with("/api/nothing");
        assert_eq!(device.ask("x", method, path, &Value::Null).status == 401, ours, "{method} {path}");
    }
    // Two credentials are none, and neither is another scheme.
    let good = device.session("keymgmt:list");
    for headers in [
        format!("Authorization: Basic {good}\r\n"),
        format!("Authorization: Bearer {good}\r\nAuthorization: Bearer {good}\r\n"),
    ] {
        assert_eq!(device.send("GET", "/api/keymgmt/list", &headers, b"").status, 401, "{headers}");
    }
    assert_eq!(
        device.send("GET", "/api/keymgmt/list", &format!("Authorization: bearer {good}\r\n"), b"").status,
        200
    );
}

#[test]
fn a_page_of_somebody_elses_is_refused() {
    let device = Device::new();
    let asked =
        |origin: &str| device.send("GET", "/api/system/status", &format!("Origin: {origin}\r\n"), b"");
    for foreign in ["https://evil.example", "https://localhost.evil.example", "null", "localhost", ""] {
        let answer = asked(foreign);
        judge(&answer);
        assert_eq!(answer.status, 412, "{foreign}");
    }
    for own in ["https://localhost", "https://127.0.0.1", "http://LOCALHOST"] {
        let answer = asked(own);
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some(own)));
    }
    // A page whose own name resolves to the unit is asked for under that name.
    let rebound = "GET /api/system/status HTTP/1.1\r\nHost: evil.example\r\nOrigin: https://evil.example\r\n\
        Connection: close\r\n\r\n";
    assert_eq!(parse(&device.raw(rebound.as_bytes())).expect("an answer").status, 412);
    let foreign = "Origin: https://evil.example\r\nAuthorization: Bearer x\r\n";
    assert_eq!(device.send("GET", "/api/keymgmt/list", foreign, b"").status, 412, "before the bearer");
}

/// Browsers show a page why it was refused only if the answer says that the page may know.
#[test]
fn a_page_of_its_own_may_know_why_it_was_refused() {
    let device = Device::new();
    let admin = device.session("system:config");
    device.ok(&admin, "POST", "/api/system/config", &json!({ "origin": "https://app.example" }));
    let (none, bad) = ("", "Authorization: Bearer x\r\n");
    for (method, path, more, body, status) in [
        ("GET", "/api/keymgmt/list", none, b"", 401),
        ("GET", "/api/keymgmt/list", bad, b"", 401),
        ("GET", "/api/keymgmt/nothing", none, b"", 404),
        ("GET", "/api/keymgmt/nothing", bad, b"", 401),
        ("PATCH", "/api/auth/token", none, b"", 405),
        ("GET", "/api/auth/init", none, b"", 406),
        ("OPTIONS", "/api/keymgmt/create", none, b"", 204),
        ("OPTIONS", "/api/keymgmt/nothing", none, b"", 204),
        ("OPTIONS", "/api/keymgmt/create", bad, b"", 401),
    ] {
        for own in ["https://app.example", "https://localhost"] {
            let answer = device.send(method, path, &format!("Origin: {own}\r\n{more}"), body);
            let told = (answer.status, answer.header("access-control-allow-origin"));
            assert_eq!(told, (status, Some(own)), "{method} {path}");
        }
        let answer = device.send(method, path, &format!("Origin: https://evil.example\r\n{more}"), body);
        let told = (answer.status, answer.header("access-control-allow-origin"));
        assert_eq!(told, (412, None), "{method} {path}");
    }
    let own = "Origin: https://app.example\r\n";
    let plain = device.scene.request("GET", "/api/keymgmt/list", own, b"");
    assert_eq!(
        (plain.status, plain.header("access-control-allow-origin")),
        (418, Some("https://app.example"))
    );
    let head = "POST /api/keymgmt/create HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 2000000\r\n";
    let answer = parse(&device.raw(format!("{head}{own}\r\n").as_bytes())).expect("an answer");
    assert_eq!(
        (answer.status, answer.header("access-control-allow-origin")),
        (413, Some("https://app.example"))
    );
    let fresh = Device::fresh();
    let answer = fresh.send("GET", "/api/auth/token", "Origin: https://localhost\r\n", b"");
    assert_eq!(
        (answer.status, answer.header("access-control-allow-origin")),
        (409, Some("https://localhost"))
    );
}

#[test]
fn says_which_methods_there_are() {
    let device = Device::new();
    for path in ["/api/keymgmt/create", "/api/keymgmt/nothing", "/api/auth/token"] {
        let answer = device.send("OPTIONS", path, "", b"");
        assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{path}");
        assert_eq!(answer.header("allow-methods"), Some("GET, POST, DELETE, OPTIONS"));
    }
    let answer = device.send("PATCH", "/api/auth/token", "", b"");
    judge(&answer);
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, POST")));
}

#[test]
fn says_how_and_what_it_is_to_anybody() {
    let device = Device::new();
    let status = device.ok("", "GET", "/api/system/status", &Value::Null);
    assert_eq!(status["fls_state"], 0);
    for name in ["ctx", "uptime", "temp", "ts", "time"] {
        assert!(!status[name].is_null(), "{name}: {status}");
    }
    assert!(keyward_core::time::Timestamp::parse(status["ts"].as_str().expect("text")).is_some());
    // It is asked as `localhost`, and is called otherwise.
    assert_eq!(
        (&status["hostname"], &status["inited"], &status["https"]),
        (&json!("127.0.0.1"), &Value::Null, &Value::Null)
    );
    let plain = device.scene.request("GET", "/api/system/status", "", b"").json();
    assert_eq!(plain["https"], true);
    let head = "GET /api/system/status HTTP/1.1\r\nHost: 127.0.0.1:8443\r\nConnection: close\r\n\r\n";
    assert_eq!(parse(&device.raw(head.as_bytes())).expect("an answer").json()["hostname"], Value::Null);

    let version = device.ok("", "GET", "/api/system/version", &Value::Null);
    let text = |name: &str| version[name].as_str().unwrap_or_else(|| panic!("{name}: {version}")).to_owned();
    assert!(text("hwv").contains("PPA") && !text("fwv").contains("-DIAG"), "{version}");
    for name in ["blv", "fws", "fwk"] {
        assert!(!text(name).is_empty());
    }
    let check = device.ok("", "GET", "/api/system/checkin", &Value::Null);
    assert!(check["check"].is_string());
    assert_eq!(
        device.ok("", "POST", "/api/system/checkin", &json!({ "checked": "anything" })),
        json!({ "status": "OK" })
    );
    for any in [r#"{"checked":1}"#, r#"{"checked":null}"#, r#"{"checked":{}}"#] {
        let answer = device.scene.request("POST", "/api/system/checkin", "", any.as_bytes());
        assert_eq!((answer.status, answer.json()), (200, json!({ "status": "OK" })), "{any}");
    }
    for wrong in ["", "{", "[]", "{}"] {
        let answer = device.scene.request("POST", "/api/system/checkin", "", wrong.as_bytes());
        judge(&answer);
        assert_eq!(answer.status, 400, "{wrong}");
    }
}
