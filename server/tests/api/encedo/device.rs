//! This file is about the device as its clients see it: a demo, spoken to over TLS, by a client that works out for itself what the
//! vendor's clients do.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::num::NonZeroU32;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use aws_lc_rs::pbkdf2::{PBKDF2_HMAC_SHA256, derive};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

use super::super::scene::{Scene, text};
use crate::harness::{Answer, PROGRAM, Server, initialized, parse};

pub(super) const USER: &str = "example passphrase";
pub(super) const MASTER: &str = "example admin passphrase";

/// A unit, and who speaks to it.
pub(super) struct Device {
    pub(super) scene: Scene,
    user: OnceLock<[u8; 32]>,
    master: OnceLock<[u8; 32]>,
}

/// One line of the audit log, without its tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) event: u64,
    pub(super) outcome: u64,
    pub(super) who: String,
    pub(super) data: Vec<u8>,
}

impl Device {
    pub(super) fn new() -> Self {
        Self { scene: Scene::demo(), user: OnceLock::new(), master: OnceLock::new() }
    }

    /// A unit that nobody has set up.
    pub(super) fn fresh() -> Self {
        Self { scene: Scene::on(serve_fresh), user: OnceLock::new(), master: OnceLock::new() }
    }

    /// The same unit after a restart.
    pub(super) fn restart(&mut self) {
        self.scene.restart();
    }

    /// Sends bytes over TLS, and reads until the server closes.
    pub(super) fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        let file = self.scene.folder.join("demo-cert.pem");
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(file).expect("the certificate")).expect("a root");
        let config =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_protocol_versions(&[&rustls::version::TLS13])
                .expect("TLS 1.3")
                .with_root_certificates(roots)
                .with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("a name");
        let connection = ClientConnection::new(Arc::new(config), name).expect("a connection");
        let stream = TcpStream::connect(self.scene.https.trim_start_matches("https://")).expect("it listens");
        let mut stream = StreamOwned::new(connection, stream);
        stream.write_all(bytes).expect("it takes the request");
        let mut read = Vec::new();
        let _ = stream.read_to_end(&mut read);
        read
    }

    /// A request over TLS with these header lines, each ending in CRLF.
    pub(super) fn send(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let length =
            if method == "POST" { format!("Content-Length: {}\r\n", body.len()) } else { String::new() };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}{length}\r\n"
        );
        let answer = self.raw(&[head.as_bytes(), body].concat());
        parse(&answer).unwrap_or_else(|| panic!("{method} {path}: no answer"))
    }

    /// A request over TLS; without a bearer if that is empty, without a body if that is `null`.
    pub(super) fn ask(&self, bearer: &str, method: &str, path: &str, body: &Value) -> Answer {
        let credential =
            if bearer.is_empty() { String::new() } else { format!("Authorization: Bearer {bearer}\r\n") };
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, path, &credential, body.as_bytes())
    }

    /// What a request answers that must go well; `null` for an empty body.
    pub(super) fn ok(&self, bearer: &str, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.ask(bearer, method, path, body);
        assert_eq!(answer.status, 200, "{method} {path} {body}: {}", answer.body);
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    /// The status of a request.
    pub(super) fn status(&self, bearer: &str, method: &str, path: &str, body: &Value) -> u16 {
        let answer = self.ask(bearer, method, path, body);
        if answer.status >= 400 && !path.ends_with("/config") {
            judge(&answer);
        }
        answer.status
    }

    /// The private key that a passphrase of this unit gives.
    pub(super) fn seed(&self, passphrase: &str) -> [u8; 32] {
        let derived = || {
            let eid = text(&self.ok("", "GET", "/api/auth/token", &Value::Null)["eid"]);
            seed(passphrase, &eid)
        };
        match passphrase {
            USER => *self.user.get_or_init(derived),
            MASTER => *self.master.get_or_init(derived),
            _ => derived(),
        }
    }

    /// A session of the user.
    pub(super) fn session(&self, scope: &str) -> String {
        self.session_of(USER, scope)
    }

    /// A session of whoever knows this passphrase.
    pub(super) fn session_of(&self, passphrase: &str, scope: &str) -> String {
        let private = self.seed(passphrase);
        let challenge = self.ok("", "GET", "/api/auth/token", &Value::Null);
        let auth = ejwt(&private, &challenge, &json!({ "scope": scope }));
        text(&self.ok("", "POST", "/api/auth/token", &json!({ "auth": auth }))["token"])
    }

    /// Sessions for these scopes, opened at once: each takes half a second.
    pub(super) fn sessions(&self, scopes: &[String]) -> Vec<String> {
        self.seed(USER);
        std::thread::scope(|threads| {
            let opened: Vec<_> = scopes.iter().map(|scope| threads.spawn(|| self.session(scope))).collect();
            opened.into_iter().map(|opened| opened.join().expect("a session")).collect()
        })
    }

    /// Makes a key; its kid.
    pub(super) fn make(&self, bearer: &str, fields: &Value) -> String {
        text(&self.ok(bearer, "POST", "/api/keymgmt/create", fields)["kid"])
    }

    pub(super) fn delete(&self, bearer: &str, kid: &str) -> u16 {
        self.status(bearer, "DELETE", &format!("/api/keymgmt/delete/{kid}"), &Value::Null)
    }

    /// Closes the file of the audit log that is open, and reads it: every line in order, its tag checked.
    pub(super) fn log(&self) -> Vec<Line> {
        let bearer = self.session("logger:get");
        let listed = self.ok(&bearer, "GET", "/api/logger/list", &Value::Null);
        let id = text(listed["id"].as_array().expect("ids").last().expect("one is open"));
        let admin = self.session("system:config");
        self.ok(&admin, "POST", "/api/system/reboot", &json!({}));
        let bearer = self.session("logger:get");
        let file = self.ask(&bearer, "GET", &format!("/api/logger/{id}"), &Value::Null);
        assert_eq!((file.status, file.header("content-type")), (200, Some("text/plain")));
        checked(&file.body)
    }
}

/// What so many say who ask at once.
pub(super) fn at_once<T: Send>(clients: usize, ask: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let (ask, ready) = (&ask, &std::sync::Barrier::new(clients));
    std::thread::scope(|threads| {
        let asked: Vec<_> = (0..clients)
            .map(|client| {
                threads.spawn(move || {
                    ready.wait();
                    ask(client)
                })
            })
            .collect();
        asked.into_iter().map(|asked| asked.join().expect("an answer")).collect()
    })
}

/// A unit's organization, account and key, and no more.
const FRESH: &str = r#"
owner_secret_file = "owner.secret"

[[organization]]
name = "encedo"

[[organization.account]]
name = "unit"
role = "admin"

[[organization.account.key]]
name = "unit"
scopes = ["admin"]
secret_file = "encedo.key"
"#;

fn serve_fresh(folder: &Path) -> Server {
    initialized(folder);
    if !folder.join("encedo.key").exists() {
        let write = |file: &str, text: &str| std::fs::write(folder.join(file), text).expect("it is written");
        write("bootstrap.toml", FRESH);
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        write("demo-cert.pem", &made.cert.pem());
        write("demo-key.pem", &made.signing_key.serialize_pem());
        let mut init = Command::new(PROGRAM);
        init.arg("init").arg("--folder").arg(folder).arg("--bootstrap").arg(folder.join("bootstrap.toml"));
        assert!(init.output().expect("it runs").status.success());
    }
    Server::configured(folder, |config| {
        let tls = toml::toml! { certificate = "demo-cert.pem" private_key = "demo-key.pem" };
        config.insert("tls".to_owned(), tls.into());
        config.insert("encedo".to_owned(), toml::toml! { key_file = "encedo.key" }.into());
        config["listen"].as_table_mut().expect("a table").insert("https".to_owned(), "127.0.0.1:0".into());
    })
}

/// The lines of a file. Their numbers grow by one, and each tag is right under the key that the file begins with.
pub(super) fn checked(file: &str) -> Vec<Line> {
    let mut lines = file.lines();
    assert!(lines.next().is_some_and(|line| line.starts_with("# ")), "{file}");
    let mut key = Vec::new();
    let mut read = Vec::new();
    for (number, line) in lines.enumerate() {
        let (front, tag) = line.rsplit_once('|').expect("a tag");
        let fields: Vec<&str> = front.split('|').collect();
        let [seq, _, event, outcome, who, data] = fields[..] else { panic!("{line}") };
        let hex = |text: &str| u64::from_str_radix(text, 16).expect("a number");
        assert_eq!(hex(seq), number as u64, "{line}");
        if hex(event) == 0 {
            key = from_base64(who);
        }
        let right = sign(&Key::new(HMAC_SHA256, &key), format!("{front}|").as_bytes());
        assert_eq!(from_base64(tag), right.as_ref()[..16], "{line}");
        read.push(Line {
            event: hex(event),
            outcome: hex(outcome),
            who: who.to_owned(),
            data: from_base64(data),
        });
    }
    read
}

/// An error as this language has it: no body, and a length that says so.
pub(super) fn judge(answer: &Answer) {
    assert_eq!(answer.body, "", "{}", answer.status);
    assert_eq!(answer.header("content-length"), Some("0"), "{}", answer.status);
    assert_eq!(answer.header("content-type"), Some("application/json"), "{}", answer.status);
}

/// PBKDF2-HMAC-SHA-256, 600,000 times, salted with the `eid` as it is written.
pub(super) fn seed(passphrase: &str, eid: &str) -> [u8; 32] {
    let mut seed = [0; 32];
    let times = NonZeroU32::new(600_000).expect("not 0");
    derive(PBKDF2_HMAC_SHA256, times, eid.as_bytes(), passphrase.as_bytes(), &mut seed);
    seed
}

/// The answer to a challenge, with these claims besides those that all have.
pub(super) fn ejwt(private: &[u8; 32], challenge: &Value, more: &Value) -> String {
    let exp = challenge["exp"].as_u64().expect("a time");
    let mut claims = json!({
        "jti": challenge["jti"],
        "aud": challenge["spk"],
        "exp": exp + 3600,
        // A client's clock is off by as much as it may be, almost: it has seven seconds to answer.
        "iat": exp - 60 + 2,
        "iss": to_base64(&public(private)),
    });
    for (name, value) in more.as_object().expect("claims") {
        claims[name] = value.clone();
    }
    let spk = from_base64(challenge["spk"].as_str().expect("a key"));
    // As another client writes it: members in another order, and slashes escaped.
    let claims = claims.to_string().replace('/', r"\/");
    signed(r#"{"ecdh":"x25519","alg":"HS256","typ":"JWT"}"#, &claims, &shared(private, &spk))
}

/// A JWT of these texts.
pub(super) fn signed(header: &str, claims: &str, key: &[u8]) -> String {
    let front = format!("{}.{}", url_safe(header.as_bytes()), url_safe(claims.as_bytes()));
    let tag = sign(&Key::new(HMAC_SHA256, key), front.as_bytes());
    format!("{front}.{}", url_safe(tag.as_ref()))
}

pub(super) fn public(private: &[u8; 32]) -> Vec<u8> {
    let private = PrivateKey::from_private_key(&X25519, private).expect("a key");
    private.compute_public_key().expect("its public half").as_ref().to_vec()
}

pub(super) fn shared(private: &[u8; 32], peer: &[u8]) -> Vec<u8> {
    let private = PrivateKey::from_private_key(&X25519, private).expect("a key");
    agree(&private, UnparsedPublicKey::new(&X25519, peer), (), |secret| Ok(secret.to_vec()))
        .expect("a secret")
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// RFC 4648, section 4.
pub(super) fn to_base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

/// Either alphabet, padded or not.
pub(super) fn from_base64(text: &str) -> Vec<u8> {
    let digits = text.trim_end_matches('=').replace('-', "+").replace('_', "/");
    let mut bytes = Vec::new();
    for chunk in digits.as_bytes().chunks(4) {
        let place = |digit: &u8| ALPHABET.iter().position(|one| one == digit).expect("base64");
        let bits = chunk.iter().fold(0, |bits, digit| bits << 6 | place(digit)) << (6 * (4 - chunk.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[5..][..chunk.len() - 1]);
    }
    bytes
}

fn url_safe(bytes: &[u8]) -> String {
    to_base64(bytes).replace('+', "-").replace('/', "_").trim_end_matches('=').to_owned()
}
