//! Gateways and libraries that embed nothing of ours: introspection, revocation, and forward authentication, also as nginx
//! really asks it with the configuration of `docs/gateways`.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::scene::{Held, Scene};
use crate::harness::{Answer, eventually, folder};

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
    assert_eq!((again.status, again.header("retry-after")), (429, Some("1")));
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

/// What the configurations of the other gateways ask with: the header fields that they name are ours, and by their
/// methods and paths a key passes and a removed one does not.
#[test]
fn the_other_gateways_are_answered() {
    let scene = Scene::new();
    let (gateway, client) = keys(&scene);
    for file in ["Caddyfile", "traefik.yaml", "envoy.yaml", "nginx.conf"] {
        let text = configuration(file).to_ascii_lowercase();
        for field in ["keyward-credential", "keyward-scope", "keyward-key-id", "keyward-account-id"] {
            assert!(text.contains(field), "{file} does not know {field}");
        }
        assert!(text.contains("/v1/forward-auth"), "{file}");
    }
    // What a client says of where its key is ends at the gateway; nginx is asked below, and Envoy passes only what it names.
    assert!(configuration("Caddyfile").contains("header_up -Keyward-Header\n"));
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

#[test]
fn nginx_lets_a_key_pass_until_it_is_removed() {
    let scene = Scene::new();
    let (gateway, client) = keys(&scene);
    let other = scene.held(json!({ "scopes": ["orders:write"] }));
    let once = scene.held(json!({ "scopes": ["orders:read"], "uses_left": 1 }));
    let nginx = Nginx::start(&scene, &gateway);
    let passed = nginx.get(&format!("Authorization: Bearer {}\r\n", client.secret));
    assert_eq!(passed, (200, format!("key {} authorization ", client.id)));
    assert_eq!(nginx.get(&format!("X-API-Key: {}\r\n", client.secret)).0, 200);
    assert_eq!(nginx.get(&format!("Authorization: Bearer {}\r\n", other.secret)).0, 403);
    assert_eq!(nginx.get("").0, 401);
    // A client cannot speak for the gateway.
    let forged = format!("Keyward-Credential: {}\r\nKeyward-Scope: \r\n", scene.owner);
    assert_eq!(nginx.get(&format!("{forged}Authorization: Bearer {}\r\n", other.secret)).0, 403);
    assert_eq!(nginx.get("Keyward-Header: Keyward-Credential\r\n").0, 401);
    let named = format!("Keyward-Header: X-Key\r\nX-Key: {}\r\n", client.secret);
    assert_eq!(nginx.get(&named).0, 401, "the field that a client names is not looked at");
    let spending = format!("Authorization: Bearer {}\r\n", once.secret);
    assert_eq!([nginx.get(&spending).0, nginx.get(&spending).0], [200, 429]);

    scene.ok("DELETE", &format!("/v1/keys/{}", client.id), Value::Null);
    assert_eq!(nginx.get(&format!("Authorization: Bearer {}\r\n", client.secret)).0, 401);
}

fn configuration(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/gateways").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A real nginx before an application that says what it was told.
struct Nginx {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Nginx {
    fn start(scene: &Scene, gateway: &Held) -> Self {
        let folder = folder();
        let [address, application] = free_addresses();
        let keyward = scene.http.strip_prefix("http://").expect("plain HTTP");
        let server = configuration("nginx.conf")
            .replace("127.0.0.1:8080", keyward)
            .replace("127.0.0.1:8081", &address.to_string())
            .replace("127.0.0.1:9000", &application.to_string());
        let home = folder.path().to_str().expect("a path in UTF-8");
        let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {home}/{name};"))
            .concat();
        let whole = format!(
            "daemon off; master_process off; pid {home}/pid; error_log stderr; events {{}} http {{ {paths} \
             access_log off; server {{ listen {application}; \
             return 200 \"key $http_keyward_key_id authorization $http_authorization\"; }} {server} }}"
        );
        let credential = format!("proxy_set_header Keyward-Credential \"{}\";", gateway.secret);
        std::fs::write(folder.path().join("gateway.conf"), credential).expect("it can be written");
        std::fs::write(folder.path().join("nginx.conf"), whole).expect("it can be written");
        let child = Command::new("nginx")
            .args(["-p", home, "-c", "nginx.conf", "-e", "stderr"])
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdout(Stdio::null())
            .spawn()
            .expect("nginx is installed");
        let nginx = Self { child, address, _folder: folder };
        eventually("nginx listens", || TcpStream::connect(address).ok());
        nginx
    }

    /// Status and body.
    fn get(&self, headers: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        let request = format!("GET /orders HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).expect("it takes the request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        (head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"), body.to_owned())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Addresses that were free a moment ago: nginx does not say which ones it was given.
fn free_addresses<const N: usize>() -> [SocketAddr; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.each_ref().map(|listener| listener.local_addr().expect("an address"))
}
