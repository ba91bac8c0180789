//! This file is about verifying: what is said of a valid key, and every reason why one is not.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};

use serde_json::{Value, json};

use super::scene::{Scene, no, text};
use crate::harness::{Server, eventually, parse};

#[test]
fn a_valid_key_is_told_with_all_that_a_gateway_needs() {
    let scene = Scene::new();
    let key = scene.held(json!({
        "name": "Zoë \"ci\"", "scopes": ["b", "a"], "metadata": { "team": ["blue", { "n": 1 }] },
        "expires_at": "2099-01-01T00:00:00.000Z",
    }));
    let verdict = scene.ok("POST", "/v1/keys/verify", json!({ "secret": key.secret, "scopes": ["a", "b"] }));
    let position = verdict["position"].as_u64().expect("a position");
    assert_eq!(
        verdict,
        json!({
            "valid": true, "key_id": key.id, "account_id": scene.own_account(),
            "organization_id": scene.own_organization(), "name": "Zoë \"ci\"", "scopes": ["a", "b"],
            "metadata": { "team": ["blue", { "n": 1 }] }, "expires_at": "2099-01-01T00:00:00.000Z", "position": position,
        })
    );
    scene.held(json!({}));
    assert_eq!(scene.verify(&key.secret)["position"], position + 1, "it moves with the log");
}

#[test]
fn every_refusal_can_be_met() {
    let scene = Scene::new();
    let stranger = scene.tenant("stranger");
    let soon = scene.now().plus_seconds(2).to_string();
    let plain = scene.held(json!({ "scopes": ["a"] }));
    let suspended = scene.held(json!({}));
    scene.ok("POST", &format!("/v1/keys/{}/suspend", suspended.id), Value::Null);
    let removed = scene.held(json!({}));
    scene.ok("DELETE", &format!("/v1/keys/{}", removed.id), Value::Null);
    let ending = scene.held(json!({ "expires_at": soon }));
    let early = scene.held(json!({ "not_before": "2098-01-01T00:00:00Z" }));
    let walled = scene.held(json!({ "ip_allow": ["192.0.2.0/24", "2001:db8::/32"] }));
    let limited = scene.held(json!({ "rate_limit": { "limit": 2, "window_seconds": 86_400 } }));
    let counted = scene.held(json!({ "uses_left": 2 }));

    let mistyped = format!("{}x", &plain.secret[..plain.secret.len() - 1]);
    for malformed in ["", "with space", "ümlaut", &"x".repeat(513), &mistyped] {
        assert_eq!(scene.verdict(malformed), "malformed", "{malformed}");
    }
    assert_eq!(scene.verdict("no-such-key-was-ever-made"), "unknown");
    assert_eq!(scene.verdict(&removed.secret), "removed");
    assert_eq!(scene.verdict(&suspended.secret), "suspended");
    assert_eq!(scene.verdict(&early.secret), "not_yet_valid");
    assert_eq!(scene.asked(&plain.secret, json!({ "scopes": ["a", "b"] })), "insufficient_scope");
    for (ip, verdict) in [
        (json!("192.0.2.9"), "valid"),
        (json!("2001:db8::9"), "valid"),
        (json!("192.0.3.9"), "address_not_allowed"),
        (json!("::1"), "address_not_allowed"),
        (Value::Null, "address_not_allowed"),
    ] {
        assert_eq!(scene.asked(&walled.secret, json!({ "ip": ip })), verdict, "{ip}");
    }
    let told = |secret: &str| (0..3).map(|_| scene.verdict(secret)).collect::<Vec<_>>();
    assert_eq!(told(&limited.secret), ["valid", "valid", "rate_limited"]);
    assert_eq!(told(&counted.secret), ["valid", "valid", "used_up"]);
    eventually("the expiry of a key", || (scene.verdict(&ending.secret) == "expired").then_some(()));

    // To others none of them exists, removed ones included.
    for key in [&plain, &suspended, &removed, &ending, &early, &walled] {
        let asked =
            scene.ok_as(&stranger.owner.secret, "POST", "/v1/keys/verify", json!({ "secret": key.secret }));
        assert_eq!(asked, json!({ "valid": false, "code": "unknown" }));
    }
}

#[test]
fn a_key_begins_to_work_at_its_time() {
    let scene = Scene::new();
    let soon = scene.now().plus_seconds(2).to_string();
    let key = scene.held(json!({ "not_before": soon }));
    assert_eq!(scene.verdict(&key.secret), "not_yet_valid");
    eventually("the beginning of a key", || (scene.verdict(&key.secret) == "valid").then_some(()));
}

#[test]
fn a_use_costs_what_the_question_says() {
    let scene = Scene::new();
    let limited = scene.held(json!({ "rate_limit": { "limit": 10, "window_seconds": 86_400 } }));
    let counted = scene.held(json!({ "uses_left": 10 }));
    for (key, refusal) in [(&limited, "rate_limited"), (&counted, "used_up")] {
        assert_eq!(scene.asked(&key.secret, json!({ "cost": 6 })), "valid");
        assert_eq!(scene.asked(&key.secret, json!({ "cost": 5 })), refusal);
        assert_eq!(scene.asked(&key.secret, json!({ "cost": 4 })), "valid");
        assert_eq!(scene.verdict(&key.secret), refusal);
        // No number is so large that it is small again.
        assert_eq!(scene.asked(&key.secret, json!({ "cost": u32::MAX })), refusal);
    }
}

#[test]
fn a_limit_comes_back_with_time() {
    let scene = Scene::new();
    let key = scene.held(json!({ "rate_limit": { "limit": 1, "window_seconds": 2 } }));
    assert_eq!(scene.verdict(&key.secret), "valid");
    assert_eq!(scene.verdict(&key.secret), "rate_limited");
    eventually("the next use", || (scene.verdict(&key.secret) == "valid").then_some(()));
}

#[test]
fn uses_are_counted_over_restarts_and_shown() {
    let mut scene = Scene::new();
    let key = scene.held(json!({ "uses_left": 3 }));
    assert_eq!(scene.verdict(&key.secret), "valid");
    scene.restart();
    assert_eq!(scene.verdict(&key.secret), "valid");
    assert_eq!(scene.read(&format!("/v1/keys/{}", key.id))["uses_left"], 1);
    assert_eq!(scene.verdict(&key.secret), "valid");
    assert_eq!(scene.verdict(&key.secret), "used_up");
}

#[test]
fn a_refused_use_is_not_counted() {
    let scene = Scene::new();
    let key = scene.held(json!({ "uses_left": 1, "scopes": ["a"] }));
    assert_eq!(scene.asked(&key.secret, json!({ "scopes": ["b"] })), "insufficient_scope");
    assert_eq!(scene.asked(&key.secret, json!({ "scopes": ["a"] })), "valid");
    assert_eq!(scene.asked(&key.secret, json!({ "scopes": ["a"] })), "used_up");
}

#[test]
fn two_uses_at_once_are_not_one() {
    let scene = Scene::new();
    let key = scene.held(json!({ "uses_left": 20 }));
    let valid: usize = std::thread::scope(|threads| {
        let ask = || (0..10).filter(|_| scene.verdict(&key.secret) == "valid").count();
        let asking: Vec<_> = (0..4).map(|_| threads.spawn(ask)).collect();
        asking.into_iter().map(|thread| thread.join().expect("it ends")).sum()
    });
    assert_eq!(valid, 20);
}

#[test]
fn a_question_that_is_none_is_refused() {
    let scene = Scene::new();
    for body in [
        json!({}),
        json!({ "secret": 1 }),
        json!({ "secret": "x", "scopes": ["Upper"] }),
        json!({ "secret": "x", "ip": "192.0.2.300" }),
        json!({ "secret": "x", "cost": -1 }),
        json!({ "secret": "x", "pin": "1234" }),
    ] {
        assert_eq!(
            scene.refused("POST", "/v1/keys/verify", body.clone()),
            no(400, "invalid_field"),
            "{body}"
        );
    }
}

/// Every limit holds for a key that signs in to Keyward, too.
#[test]
fn a_key_that_signs_in_is_held_to_its_limits() {
    let scene = Scene::new();
    let rights = |more: Value| {
        let mut fields = json!({ "scopes": ["keys:read"] });
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        scene.held(fields)
    };
    let ask = |secret: &str| scene.call_as(secret, "GET", "/v1/keys", None).status;
    assert_eq!(ask(&rights(json!({})).secret), 200);
    assert_eq!(ask(&rights(json!({ "ip_allow": ["127.0.0.0/8"] })).secret), 200);
    assert_eq!(ask(&rights(json!({ "ip_allow": ["192.0.2.0/24"] })).secret), 401);
    assert_eq!(ask(&rights(json!({ "not_before": "2098-01-01T00:00:00Z" })).secret), 401);
    let stopped = rights(json!({}));
    scene.ok("POST", &format!("/v1/keys/{}/suspend", stopped.id), Value::Null);
    assert_eq!(ask(&stopped.secret), 401);
    let limited = rights(json!({ "rate_limit": { "limit": 1, "window_seconds": 86_400 } }));
    assert_eq!(ask(&limited.secret), 200);
    let slowed = scene.call_as(&limited.secret, "GET", "/v1/keys", None);
    assert_eq!((slowed.status, slowed.header("retry-after").is_some()), (429, true));
    assert_eq!(text(&slowed.json()["code"]), "slow_down");
    let metered = json!({ "name": "x", "scopes": ["keys:read"], "uses_left": 3 });
    assert_eq!(scene.refused("POST", "/v1/keys", metered), no(400, "invalid_field"));
}

/// A listener on `[::]` sees a client by IPv4 as `::ffff:127.0.0.1`, which no network of IPv4 holds.
#[test]
fn a_client_by_ipv4_is_one_at_a_listener_for_both() {
    let scene = Scene::on(|folder| {
        Server::configured(folder, |config| {
            config["listen"].as_table_mut().expect("a table").insert("http".to_owned(), "[::]:0".into());
        })
    });
    let port = scene.http.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let key = scene.held(json!({ "scopes": ["keys:read"], "ip_allow": ["127.0.0.1/32"] }));
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it listens");
    let request = format!(
        "GET /v1/keys HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\r\n",
        key.secret
    );
    stream.write_all(request.as_bytes()).expect("it takes it");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers");
    assert_eq!(parse(&answer).expect("an answer").status, 200);
    // By IPv6 it is somebody else.
    assert_eq!(scene.call_as(&key.secret, "GET", "/v1/keys", None).status, 401);
}
