//! This file is about Encedo HEM: whatever a request, a bearer, an answer to a challenge or a sealed scope says, the call ends with a
//! status of the vendor's and, where that is an error, without a body.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, LazyLock};

use bolero::{check, produce};
use http::{HeaderMap, HeaderValue, Method};
use keyward_core::command::{Answer, Command};
use keyward_core::error::Error;
use keyward_core::id::{Id, KeyId};
use keyward_core::resource::Resource;
use keyward_core::time::Timestamp;
use keyward_dialects::encedo::{self, Unit};
use keyward_dialects::{Dialect, Form, Request, Response, Step};
use serde_json::{Map, Value, json};

use crate::mutation::{SCRIPT, mutated, mutated_text};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const PASSPHRASE: &str = "correct horse battery staple";
const KID: &str = "00112233445566778899aabbccddeeff";

/// What the vendor's calls may end with.
const STATUSES: [u16; 12] = [200, 204, 400, 401, 403, 404, 405, 406, 409, 411, 412, 413];

static DIALECT: LazyLock<Dialect> = LazyLock::new(|| encedo::dialect().unwrap());

/// A unit that is somebody's, and a session for each thing.
struct Scene {
    unit: Arc<Unit>,
    user_key: Value,
    bearers: Vec<String>,
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let unit = Arc::new(Unit::new(Box::new(|| NOW), Box::new(drawn)));
    unit.act_by("kw_live_0123456789".to_owned().into());
    let mut scene = Scene { unit, user_key: bytes(&[0; 32]), bearers: Vec::new() };
    let asked = |scene: &Scene| String::from_utf8(scene.get("/api/auth/token").body).unwrap();
    // The public half of the passphrase stands in every answer to a challenge.
    let auth: Value =
        serde_json::from_str(&encedo::answer(&asked(&scene), PASSPHRASE, "x", NOW).unwrap()).unwrap();
    let claims = from_url_safe(auth["auth"].as_str().unwrap().split('.').nth(1).unwrap());
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    scene.user_key =
        json!(from_url_safe(&claims["iss"].as_str().unwrap().replace('+', "-").replace('/', "_")));
    scene.start();
    let scopes = [
        "keymgmt:gen",
        "keymgmt:imp",
        "keymgmt:upd",
        "keymgmt:del",
        "auth:ext:pair",
        "system:config",
        "logger:get",
    ];
    let uses = format!("keymgmt:use:{KID}");
    for scope in scopes.into_iter().chain([uses.as_str()]) {
        let body = encedo::answer(&asked(&scene), PASSPHRASE, scope, NOW).unwrap();
        let answer = scene.send(&Method::POST, "/api/auth/token", &HeaderMap::new(), body.as_bytes());
        let token: Value = serde_json::from_slice(&answer.body).unwrap();
        scene.bearers.push(token["token"].as_str().unwrap().to_owned());
    }
    scene
});

/// Bytes that differ each time, so that each challenge is another.
fn drawn(bytes: &mut [u8]) {
    static COUNT: AtomicU8 = AtomicU8::new(0);
    bytes.fill(COUNT.fetch_add(1, Ordering::Relaxed));
}

impl Scene {
    /// Has the unit read whose it is. The core here makes nothing, so the file of its log is not begun.
    fn start(&self) {
        let mut step = Ok(encedo::start(&self.unit));
        while let Ok(Step::Do(command, next)) = step {
            step = next(self.core(&command));
        }
    }

    fn get(&self, path: &str) -> Response {
        self.send(&Method::GET, path, &HeaderMap::new(), b"")
    }

    /// What a request comes to, where the core knows the unit and nothing else.
    fn send(&self, method: &Method, path: &str, headers: &HeaderMap, body: &[u8]) -> Response {
        let mut headers = headers.clone();
        headers.insert("content-length", body.len().into());
        let request = Request {
            method,
            path,
            prefix: "",
            query: "",
            headers: &headers,
            body,
            tls: true,
            unit: &self.unit,
        };
        let answered = || {
            let (route, params) = DIALECT.route(method, path)?;
            let Form::Steps(begin) = (route.form)(&request)? else { panic!("it has steps") };
            let mut step = begin(&request, &params, None)?;
            loop {
                step = match step {
                    Step::Say(response) | Step::SayAfter(_, response) => return Ok(response),
                    Step::Do(command, next) => next(self.core(&command))?,
                    Step::SignIn(..) => panic!("nobody signs in here"),
                };
            }
        };
        answered().unwrap_or_else(|error| (DIALECT.fault)(&error, &request, "req-1"))
    }

    fn core(&self, command: &Command) -> Result<Answer, Error> {
        if let Command::ListResources { collection: "encedo_unit", .. } = command {
            return Ok(Answer::Resources(
                vec![resource("unit", unit()), resource("owner", self.owner())],
                None,
            ));
        }
        Err(Error::NotFound)
    }

    fn owner(&self) -> Value {
        json!({
            "user_key": self.user_key, "master_key": bytes(&[9; 32]), "user": "u", "email": "", "hostname": "h", "origin": "*",
            "trusted_ts": false, "trusted_backend": false, "allow_keysearch": true, "iat": 1, "uts": 1,
        })
    }
}

fn unit() -> Value {
    let key = KeyId::from(Id::from_bits(1)).to_string();
    json!({
        "instance": bytes(&[1; 16]), "identity": key, "eid": bytes(&[2; 32]), "signer": key,
        "signer_public": bytes(&[3; 32]),
    })
}

/// As the state of a unit has bytes.
fn bytes(bytes: &[u8]) -> Value {
    bytes.to_vec().into()
}

fn resource(name: &str, content: Value) -> Resource {
    let content: Map<String, Value> = serde_json::from_value(content).unwrap();
    let id = Id::from_bits(7);
    Resource {
        id: id.into(),
        organization: id.into(),
        account: id.into(),
        collection: "encedo_unit".to_owned(),
        parent: None,
        name: Some(name.to_owned()),
        content,
        created_at: NOW,
        updated_at: NOW,
        removed_at: None,
        salt: [0; 16],
        version: 1,
        names: Vec::new(),
    }
}

/// RFC 4648, section 5.
fn from_url_safe(text: &str) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for digit in text.trim_end_matches('=').bytes() {
        bits = bits << 6 | u32::try_from(DIGITS.iter().position(|one| *one == digit).unwrap()).unwrap();
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).unwrap());
        }
    }
    bytes
}

/// Bodies that one of the calls takes.
const BODIES: [&str; 10] = [
    r#"{"label":"x","type":"SECP256R1","mode":"ECDH,ExDSA","descr":"YWJj"}"#,
    r#"{"label":"x","type":"CURVE25519","pubkey":"CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}"#,
    r#"{"kid":"00112233445566778899aabbccddeeff","label":"x","type":"AES128","ext_kid":"00112233445566778899aabbccddeeff"}"#,
    r#"{"descr":"^QUJDREVG","offset":0,"limit":15}"#,
    r#"{"kid":"00112233445566778899aabbccddeeff","msg":"YWJj","alg":"AES256-GCM","iv":"AAAAAAAAAAAAAAAAAAAAAA==","tag":"AAAAAAAAAAAAAAAAAAAAAA==","aad":"YQ","ctx":"YQ"}"#,
    r#"{"kid":"00112233445566778899aabbccddeeff","msg":"YWJj","alg":"Ed25519ctx","ctx":"YQ","sign":"YWJj","mac":"YWJj","ct":"YWJj"}"#,
    r#"{"epk":"CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","scope":"keymgmt:list","ctx":"c","note":"n"}"#,
    r#"{"pid":"CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","reply":"eyJhbGciOiJIUzI1NiJ9.e30.AAAA"}"#,
    r#"{"authreply":"eyJhbGciOiJIUzI1NiJ9.e30.AAAA","auth":"eyJhbGciOiJIUzI1NiJ9.e30.AAAA","init":"eyJhbGciOiJIUzI1NiJ9.e30.AAAA"}"#,
    r#"{"user":"u","email":"e","origin":"o","flags":4,"userkey":"CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","checked":"x"}"#,
];

#[test]
fn calls() {
    let script = || produce::<Vec<u8>>().with().len(SCRIPT);
    let input = (produce::<[u8; 4]>(), (script(), script(), script()));
    check!().with_iterations(20_000).with_generator(input).for_each(|(choice, (path, bearer, body))| {
        let [route, session, text, changes] = choice.map(usize::from);
        let route = &DIALECT.routes[route % DIALECT.routes.len()];
        let segment = mutated_text(KID, if changes & 1 == 1 { path } else { &[] });
        let path = route
            .path
            .replace("{kid}", &segment)
            .replace("{file}", &segment)
            .replace("{offset}", "1")
            .replace("{count}", &segment);
        let mut headers = HeaderMap::new();
        if changes & 6 != 0 {
            let valid = &SCENE.bearers[session % SCENE.bearers.len()];
            let bearer = mutated(valid.as_bytes(), if changes & 6 == 2 { bearer } else { &[] });
            headers.extend(
                HeaderValue::from_bytes(&[b"Bearer ", &bearer[..]].concat())
                    .map(|value| (http::header::AUTHORIZATION, value)),
            );
        }
        let body = mutated(BODIES[text % BODIES.len()].as_bytes(), body);
        let answer = SCENE.send(&route.method.parse().unwrap(), &path, &headers, &body);
        let status = answer.status.as_u16();
        assert!(STATUSES.contains(&status), "{} {path}: {status}", route.method);
        if status >= 400 && !path.ends_with("/config") {
            assert!(answer.body.is_empty(), "{} {path}: {status}", route.method);
        }
    });
}

/// No change of a bearer is one.
#[test]
fn bearers() {
    check!()
        .with_iterations(5_000)
        .with_generator((produce::<u8>(), produce::<Vec<u8>>().with().len(SCRIPT)))
        .for_each(|(session, script)| {
            let valid = &SCENE.bearers[usize::from(*session) % SCENE.bearers.len()];
            let changed = mutated(valid.as_bytes(), script);
            let Ok(value) = HeaderValue::from_bytes(&[b"Bearer ", &changed[..]].concat()) else { return };
            let headers = HeaderMap::from_iter([(http::header::AUTHORIZATION, value)]);
            let status = SCENE.send(&Method::GET, "/api/system/version", &headers, b"").status.as_u16();
            let is_same = std::str::from_utf8(&changed).is_ok_and(|text| same(text.trim_matches(' '), valid));
            assert_eq!(status, if is_same { 200 } else { 401 }, "{}", String::from_utf8_lossy(&changed));
        });
}

/// The tag is taken padded, too.
fn same(text: &str, valid: &str) -> bool {
    text == valid || text.trim_end_matches('=') == valid && text.len() == valid.len() + 1
}
