//! Gateways and libraries that embed nothing of ours: introspection, revocation, and forward authentication, also as real
//! gateways ask it with the configurations of `docs/gateways`.

mod started;

use std::path::Path;

use serde_json::{Value, json};

use super::scene::{Held, Scene};
use crate::harness::Answer;

/// A gateway's own key, and one that it is asked about.
fn keys(scene: &Scene) -> (Held, Held) {
    let gateway = scene.held(json!({ "name": "gateway", "scopes": ["keys:verify"] }));
    (gateway, scene.held(json!({ "name": "client", "scopes": ["orders:read", "orders:write"] })))
}

/// What a gateway is told about a key; `more` are further header lines.
fn ask(scene: &Scene, gateway: &Held, secret: &str, more: &str) -> Answer {
    let lines = format!("Keyward-Credential: {}\r\nAuthorization: Bearer {secret}\r\n{more}", gateway.secret);
    scene.request("GET", "/v1/forward-auth", &lines, b"")
}

fn form(scene: &Scene, path: &str, by: &str, body: &str) -> Answer {
    let lines = format!("Authorization: Bearer {by}\r\nContent-Type: application/x-www-form-urlencoded\r\n");
    scene.request("POST", path, &lines, body.as_bytes())
}

#[test]
fn a_key_passes_until_it_is_removed() {
    let scene = Scene::new();
    let (gateway, client) = keys(&scene);
    let passed = ask(&scene, &gateway, &client.secret, "Keyward-Scope: orders:read\r\n");
    assert_eq!((passed.status, passed.header("keyward-key-id")), (200, Some(client.id.as_str())));
    assert_eq!(passed.header("keyward-scopes"), Some("orders:read orders:write"));
    let lacking = ask(&scene, &gateway, &client.secret, "Keyward-Scope: orders:remove\r\n");
    assert_eq!(lacking.status, 403);
    assert_eq!(ask(&scene, &gateway, "kw_live_nothing", "").status, 401);

    scene.ok("DELETE", &format!("/v1/keys/{}", client.id), Value::Null);
    let stopped = ask(&scene, &gateway, &client.secret, "");
    assert_eq!((stopped.status, stopped.body.as_str()), (401, ""));
}

#[test]
fn nobody_asks_for_keys_of_others_or_without_being_known() {
    let scene = Scene::new();
    let (gateway, client) = keys(&scene);
    let nobody = scene.request("GET", "/v1/forward-auth", "Authorization: Bearer x\r\n", b"");
    assert_eq!(nobody.status, 401);
    // The client's own key is no gateway's.
    assert_eq!(ask(&scene, &client, &client.secret, "").status, 403);
    let tenant = scene.tenant("others");
    let theirs = scene.held_as(&tenant.owner.secret, json!({ "scopes": ["keys:verify"] }));
    assert_eq!(ask(&scene, &theirs, &client.secret, "").status, 401);
    assert_eq!(ask(&scene, &gateway, &client.secret, "").status, 200);
}

/// A client once named the field of its key itself, through gateways that pass its fields on: it named the one that
/// holds the gateway's own, and passed with no key at all.
#[test]
fn a_client_does_not_pass_by_its_gateways_fields() {
    let scene = Scene::new();
    let (gateway, client) = keys(&scene);
    for name in
        ["Keyward-Credential", "keyward-credential", "KEYWARD-SCOPE", "Keyward-Header", "Keyward-Else"]
    {
        let named = ask(&scene, &gateway, &client.secret, &format!("Keyward-Header: {name}\r\n"));
        assert_eq!((named.status, named.json()["field"].as_str()), (400, Some("keyward-header")), "{name}");
    }
    let own = format!("Keyward-Credential: {}\r\n", gateway.secret);
    assert_eq!(ask(&scene, &gateway, &client.secret, &own).status, 401, "two credentials");
    for line in ["Keyward-Scope: orders:read\r\n", "Keyward-Header: X-Key\r\n"] {
        let key = format!("X-Key: {}\r\n", client.secret);
        assert_eq!(ask(&scene, &gateway, &client.secret, &format!("{line}{key}")).status, 200, "{line}");
        assert_eq!(
            ask(&scene, &gateway, &client.secret, &format!("{line}{line}{key}")).status,
            400,
            "{line}"
        );
    }
}

#[test]
fn limits_and_networks_hold_at_a_gateway() {
    let scene = Scene::new();
    let (gateway, _) = keys(&scene);
    let inside = scene.held(json!({ "ip_allow": ["192.0.2.0/24"] }));
    let from = |address: &str| ask(&scene, &gateway, &inside.secret, &format!("X-Real-IP: {address}\r\n"));
    assert_eq!(from("192.0.2.9").status, 200);
    assert_eq!(from("198.51.100.9").status, 403);
    // Where nobody says from where, nothing is allowed.
    assert_eq!(ask(&scene, &gateway, &inside.secret, "").status, 403);
    let once = scene.held(json!({ "uses_left": 1 }));
    assert_eq!(ask(&scene, &gateway, &once.secret, "").status, 200);
    let again = ask(&scene, &gateway, &once.secret, "");
    assert_eq!((again.status, again.header("retry-after")), (403, None), "no waiting mends it");
}

#[test]
fn a_token_is_introspected_and_revoked() {
    let scene = Scene::new();
    let (gateway, client) = keys(&scene);
    let token = format!("token={}", client.secret);
    let told = form(&scene, "/v1/introspect", &gateway.secret, &token).json();
    assert_eq!((&told["active"], &told["jti"]), (&json!(true), &json!(client.id)));
    assert_eq!(told["scope"], "orders:read orders:write");

    // Who may only ask may not end it.
    assert_eq!(form(&scene, "/v1/revoke", &gateway.secret, &token).status, 403);
    let ending = scene.held(json!({ "scopes": ["keys:remove"] }));
    let revoked = form(&scene, "/v1/revoke", &ending.secret, &token);
    assert_eq!((revoked.status, revoked.body.as_str()), (200, ""));
    let inactive = form(&scene, "/v1/introspect", &gateway.secret, &token);
    assert_eq!((inactive.status, inactive.json()), (200, json!({ "active": false })));
    for gone in [token.as_str(), "token=kw_live_nothing"] {
        let again = form(&scene, "/v1/revoke", &ending.secret, gone);
        assert_eq!((again.status, again.body.as_str()), (200, ""), "again, or unknown: the same");
    }
    assert_eq!(form(&scene, "/v1/introspect", &gateway.secret, "").json()["field"], "token");
}

#[test]
fn a_stranger_cannot_revoke() {
    let scene = Scene::new();
    let (gateway, client) = keys(&scene);
    let tenant = scene.tenant("others");
    let token = format!("token={}", client.secret);
    assert_eq!(form(&scene, "/v1/revoke", &tenant.owner.secret, &token).status, 200, "like an unknown one");
    assert_eq!(form(&scene, "/v1/introspect", &tenant.owner.secret, &token).json()["active"], false);
    assert_eq!(form(&scene, "/v1/introspect", &gateway.secret, &token).json()["active"], true);
}

/// What the configurations of gateways ask with, of which Traefik is not started anywhere: the header fields that they name are
/// ours, and by their methods and paths a key passes and a removed one does not.
#[test]
fn what_gateways_ask_is_answered() {
    let scene = Scene::new();
    let (gateway, client) = keys(&scene);
    for file in ["Caddyfile", "traefik.yaml", "envoy.yaml", "nginx.conf"] {
        let text = configuration(file).to_ascii_lowercase();
        for field in ["keyward-credential", "keyward-scope", "keyward-key-id", "keyward-account-id"] {
            assert!(text.contains(field), "{file} does not know {field}");
        }
        assert!(text.contains("/v1/forward-auth"), "{file}");
    }
    // What a client says of where its key is ends at the gateway; Envoy passes only what it names.
    assert!(configuration("traefik.yaml").contains("Keyward-Header: \"\"\n"));
    let envoy = configuration("envoy.yaml");
    let (_, passed_on) = envoy.split_once("\n  allowed_headers:").expect("a list");
    assert!(!passed_on.contains("exact: keyward-"), "{passed_on}");
    let asks = [
        // Caddy asks by GET, and says what it was asked in header fields.
        ("GET", "/v1/forward-auth", "X-Forwarded-Method: POST\r\nX-Forwarded-Uri: /orders?x=1\r\n"),
        // Traefik does the same, with all the fields of its client.
        ("GET", "/v1/forward-auth", "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Method: PUT\r\n"),
        // Envoy asks by its client's method, with its path behind the prefix.
        ("DELETE", "/v1/forward-auth/of/", ""),
        ("POST", "/v1/forward-auth/of/orders/7?x=1", "Content-Length: 0\r\n"),
    ];
    let answers = |wanted: u16| {
        for (method, path, more) in asks {
            let more = more.replace("Content-Length: 0\r\n", "");
            let lines = format!(
                "Keyward-Credential: {}\r\nKeyward-Scope: orders:read\r\nAuthorization: Bearer {}\r\n{more}",
                gateway.secret, client.secret
            );
            let answer = scene.request(method, path, &lines, b"");
            assert_eq!(answer.status, wanted, "{method} {path}: {}", answer.body);
        }
    };
    answers(200);
    scene.ok("DELETE", &format!("/v1/keys/{}", client.id), Value::Null);
    answers(401);
}

fn configuration(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/gateways").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
