//! This file is about what is sent for each transcript, and what must be there before.

use std::cell::RefCell;
use std::collections::HashMap;

use keyward_dialects::Route;
use serde_json::{Value, json};

use super::super::apps::App;
use super::super::device::{Device, USER, ejwt, public, seed, to_base64};
use super::super::set_up::cfg;
use crate::api::scene::text;
use crate::harness::Answer;

/// A kid that no key has.
const UNKNOWN: &str = "00000000000000000000000000000000";

/// One request.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) body: Value,
}

/// Which unit a call is shown on.
#[derive(Clone, Copy)]
pub(super) enum On {
    Owned,
    Fresh,
}

/// What is sent to a route.
pub(super) struct Case {
    /// What the session is for; empty where it takes none.
    pub(super) scope: String,
    pub(super) ok: Asked,
    /// Of something that is not there, and the scope that it takes.
    pub(super) missing: Option<(String, Asked)>,
    pub(super) malformed: Option<Asked>,
    pub(super) on: On,
    /// Whether it goes well once.
    pub(super) once: bool,
    /// Whether it would go well with the master's session, too, and is not to.
    pub(super) master_may: bool,
}

/// The units, and what is in the one that is owned.
pub(super) struct Stage {
    owned: Device,
    fresh: Device,
    keys: HashMap<&'static str, String>,
    sessions: RefCell<HashMap<(String, String), String>>,
}

impl Stage {
    pub(super) fn new() -> Self {
        let (owned, fresh) = (Device::new(), Device::fresh());
        let make = owned.session("keymgmt:gen");
        let kinds = ["AES256", "SHA2-256", "ED25519", "CURVE25519", "MLKEM512", "MLDSA44"];
        let made = kinds.map(|kind| (kind, owned.make(&make, &json!({ "label": kind, "type": kind }))));
        let admin = owned.session("system:config");
        owned.ok(&admin, "POST", "/api/system/reboot", &json!({}));
        let stage = Self { owned, fresh, keys: HashMap::from(made), sessions: RefCell::default() };
        let pair = stage.session(USER, "auth:ext:pair");
        assert_eq!(App::numbered(1).pair(&stage.owned, &pair), 200);
        stage
    }

    pub(super) const fn device(&self, on: On) -> &Device {
        match on {
            On::Owned => &self.owned,
            On::Fresh => &self.fresh,
        }
    }

    /// A session, opened when it is first asked for.
    pub(super) fn session(&self, passphrase: &str, scope: &str) -> String {
        let key = (passphrase.to_owned(), scope.to_owned());
        if let Some(known) = self.sessions.borrow().get(&key) {
            return known.clone();
        }
        let opened = self.owned.session_of(passphrase, scope);
        self.sessions.borrow_mut().insert(key, opened.clone());
        opened
    }

    pub(super) fn forget_sessions(&self) {
        self.sessions.borrow_mut().clear();
    }

    /// A request over plain HTTP.
    pub(super) fn plain(&self, on: On, bearer: &str, method: &str, asked: &Asked) -> Answer {
        let credential =
            if bearer.is_empty() { String::new() } else { format!("Authorization: Bearer {bearer}\r\n") };
        let body = if asked.body.is_null() { String::new() } else { asked.body.to_string() };
        self.device(on).scene.request(method, &asked.path, &credential, body.as_bytes())
    }

    pub(super) fn case(&self, route: &Route) -> Case {
        let path = route.path;
        let part = path.split('/').nth(2).expect("a part");
        match part {
            "keymgmt" => self.of_keys(path),
            "crypto" => self.of_use(path),
            "auth" => self.of_auth(route.method, path),
            "logger" => self.of_log(path),
            _ => of_system(route.method, path),
        }
    }

    fn of_keys(&self, path: &str) -> Case {
        let make = |scope: &str| self.session(USER, scope);
        let kid = &self.keys["ED25519"];
        let scoped = |scope: &str| Case { scope: scope.to_owned(), ..open(path, Value::Null) };
        let posted = |scope: &str, body: Value| Case {
            malformed: Some(asked(path, json!([]))),
            ..scoped_with(scope, path, body)
        };
        match path.trim_start_matches("/api/keymgmt/") {
            "list" => scoped("keymgmt:list"),
            "list/{offset}" => Case {
                ok: asked("/api/keymgmt/list/3", Value::Null),
                malformed: Some(asked("/api/keymgmt/list/x", Value::Null)),
                ..scoped("keymgmt:list")
            },
            "list/{offset}/{count}" => Case {
                ok: asked("/api/keymgmt/list/3/1", Value::Null),
                malformed: Some(asked("/api/keymgmt/list/3/x", Value::Null)),
                ..scoped("keymgmt:list")
            },
            "search" => posted("keymgmt:search", json!({ "descr": "^RVhUQUlE", "limit": 1 })),
            "get/" => scoped("keymgmt:get"),
            "delete/" => scoped("keymgmt:del"),
            "get/{kid}" => by_kid(path, kid, "keymgmt:get"),
            "delete/{kid}" => {
                let doomed =
                    self.owned.make(&make("keymgmt:gen"), &json!({ "label": "doomed", "type": "SECP256R1" }));
                by_kid(path, &doomed, "keymgmt:del")
            }
            "create" => posted("keymgmt:gen", json!({ "label": "first", "type": "AES128", "descr": "YWJj" })),
            "import" => {
                let body =
                    json!({ "label": "first", "type": "CURVE25519", "pubkey": to_base64(&public(&[8; 32])) });
                posted("keymgmt:imp", body)
            }
            "derive" => {
                let own = &self.keys["CURVE25519"];
                let body =
                    |kid: &str| json!({ "kid": kid, "ext_kid": own, "label": "first", "type": "AES192" });
                Case {
                    missing: Some(("keymgmt:derive".to_owned(), asked(path, body(UNKNOWN)))),
                    ..posted("keymgmt:derive", body(own))
                }
            }
            _ => {
                let body = |kid: &str| json!({ "kid": kid, "label": "again", "descr": "YWJj" });
                Case {
                    missing: Some(("keymgmt:upd".to_owned(), asked(path, body(UNKNOWN)))),
                    ..posted("keymgmt:upd", body(kid))
                }
            }
        }
    }

    fn of_use(&self, path: &str) -> Case {
        let call = path.trim_start_matches("/api/crypto/");
        let (kind, body) = match call {
            "hmac/hash" => ("SHA2-256", json!({ "msg": "YWJj" })),
            "hmac/verify" => (
                "SHA2-256",
                json!({ "msg": "YWJj", "mac": self.made("SHA2-256", "hmac/hash", "mac", json!({ "msg": "YWJj" })) }),
            ),
            "exdsa/sign" => ("ED25519", json!({ "msg": "YWJj", "alg": "Ed25519" })),
            "exdsa/verify" => {
                let sign =
                    self.made("ED25519", "exdsa/sign", "sign", json!({ "msg": "YWJj", "alg": "Ed25519" }));
                ("ED25519", json!({ "msg": "YWJj", "alg": "Ed25519", "sign": sign }))
            }
            "cipher/encrypt" => ("AES256", json!({ "msg": to_base64(&[7; 16]), "alg": "AES256-GCM" })),
            "cipher/decrypt" => {
                let sealed = self.used(
                    "AES256",
                    "cipher/encrypt",
                    json!({ "msg": to_base64(&[7; 16]), "alg": "AES256-GCM" }),
                );
                let body = json!({ "msg": sealed["ciphertext"], "alg": "AES256-GCM", "iv": sealed["iv"], "tag": sealed["tag"] });
                ("AES256", body)
            }
            "cipher/wrap" => ("AES256", json!({ "msg": to_base64(&[7; 16]) })),
            "cipher/unwrap" => (
                "AES256",
                json!({ "msg": self.made("AES256", "cipher/wrap", "wrapped", json!({ "msg": to_base64(&[7; 16]) })) }),
            ),
            "ecdh" => ("CURVE25519", json!({ "pubkey": to_base64(&public(&[8; 32])) })),
            "pqc/mlkem/encaps" => ("MLKEM512", json!({})),
            "pqc/mlkem/decaps" => {
                ("MLKEM512", json!({ "ct": self.made("MLKEM512", "pqc/mlkem/encaps", "ct", json!({})) }))
            }
            "pqc/mldsa/sign" => ("MLDSA44", json!({ "msg": "YWJj" })),
            _ => (
                "MLDSA44",
                json!({ "msg": "YWJj", "sign": self.made("MLDSA44", "pqc/mldsa/sign", "sign", json!({ "msg": "YWJj" })) }),
            ),
        };
        let of = |kid: &str| {
            let mut body = body.clone();
            body["kid"] = kid.into();
            body
        };
        let kid = &self.keys[kind];
        // No session is for the use of a kid that is none: another member is misshapen, where there is one.
        let mut misshapen = of(kid);
        let malformed = ["msg", "ct", "pubkey"].into_iter().find(|name| body[name].is_string()).map(|name| {
            misshapen[name] = json!(1);
            asked(path, misshapen)
        });
        Case {
            missing: Some((format!("keymgmt:use:{UNKNOWN}"), asked(path, of(UNKNOWN)))),
            malformed,
            ..scoped_with(&format!("keymgmt:use:{kid}"), path, of(kid))
        }
    }

    fn used(&self, kind: &str, call: &str, mut body: Value) -> Value {
        let kid = &self.keys[kind];
        body["kid"] = kid.as_str().into();
        let session = self.session(USER, &format!("keymgmt:use:{kid}"));
        self.owned.ok(&session, "POST", &format!("/api/crypto/{call}"), &body)
    }

    fn made(&self, kind: &str, call: &str, part: &str, body: Value) -> Value {
        self.used(kind, call, body)[part].clone()
    }

    fn of_auth(&self, method: &str, path: &str) -> Case {
        let epk = to_base64(&public(&[6; 32]));
        let pairing = |body: Value| Case {
            malformed: Some(asked(path, json!([]))),
            ..scoped_with("auth:ext:pair", path, body)
        };
        let anybody = |body: Value| Case { malformed: Some(asked(path, json!({}))), ..open(path, body) };
        let once = |case: Case| Case { once: true, ..case };
        match (method, path.trim_start_matches("/api/auth/")) {
            ("GET", "init") => Case { on: On::Fresh, ..open(path, Value::Null) },
            ("GET", _) => open(path, Value::Null),
            (_, "init") => {
                let challenge = self.fresh.ok("", "GET", path, &Value::Null);
                let eid = text(&challenge["eid"]);
                let [user, master] = ["the user's", "the master's"].map(|passphrase| seed(passphrase, &eid));
                let init = ejwt(&master, &challenge, &json!({ "cfg": cfg(&user, &master) }));
                once(Case { on: On::Fresh, ..anybody(json!({ "init": init })) })
            }
            (_, "token") => {
                let challenge = self.owned.ok("", "GET", path, &Value::Null);
                let auth = ejwt(&self.owned.seed(USER), &challenge, &json!({ "scope": "keymgmt:list" }));
                once(anybody(json!({ "auth": auth })))
            }
            (_, "ext/init" | "ext/mac") => pairing(json!({ "epk": epk })),
            (_, "ext/validate") => {
                let session = self.session(USER, "auth:ext:pair");
                once(pairing(App::numbered(2).validation(&self.owned, &session)))
            }
            (_, "ext/request") => anybody(json!({ "epk": epk, "scope": "keymgmt:list" })),
            _ => {
                let asked = super::super::apps::ask(&self.owned, "keymgmt:list");
                let (_, reply) = App::numbered(1).consent(&asked, "keymgmt:list", 0);
                once(anybody(json!({ "authreply": reply })))
            }
        }
    }

    fn of_log(&self, path: &str) -> Case {
        let logged = |at: &str| scoped_with("logger:get", at, Value::Null);
        match path {
            "/api/logger/list/{offset}" => Case {
                malformed: Some(asked("/api/logger/list/x", Value::Null)),
                ..logged("/api/logger/list/0")
            },
            "/api/logger/{file}" => {
                let session = self.session(USER, "logger:get");
                let listed = self.owned.ok(&session, "GET", "/api/logger/list", &Value::Null);
                let open = text(&listed["id"][0]);
                Case {
                    missing: Some(("logger:get".to_owned(), asked("/api/logger/00000000", Value::Null))),
                    malformed: Some(asked("/api/logger/x", Value::Null)),
                    ..logged(&format!("/api/logger/{open}"))
                }
            }
            other => logged(other),
        }
    }
}

fn of_system(method: &str, path: &str) -> Case {
    match (method, path.trim_start_matches("/api/system/")) {
        (_, "status" | "version") | ("GET", "checkin") => open(path, Value::Null),
        (_, "checkin") => {
            Case { malformed: Some(asked(path, json!({}))), ..open(path, json!({ "checked": "x" })) }
        }
        ("POST", "config") => Case {
            malformed: Some(asked(path, json!({ "flags": "x" }))),
            ..scoped_with("system:config", path, json!({ "user": "ann" }))
        },
        (_, "reboot") => {
            Case { once: true, master_may: true, ..scoped_with("system:config", path, Value::Null) }
        }
        _ => scoped_with("system:config", path, Value::Null),
    }
}

fn by_kid(path: &str, kid: &str, scope: &str) -> Case {
    let of = |kid: &str| asked(&path.replace("{kid}", kid), Value::Null);
    Case {
        missing: Some((scope.to_owned(), of(UNKNOWN))),
        malformed: Some(of("x")),
        ok: of(kid),
        ..scoped_with(scope, path, Value::Null)
    }
}

fn scoped_with(scope: &str, path: &str, body: Value) -> Case {
    Case { scope: scope.to_owned(), ..open(path, body) }
}

fn open(path: &str, body: Value) -> Case {
    Case {
        scope: String::new(),
        ok: asked(path, body),
        missing: None,
        malformed: None,
        on: On::Owned,
        once: false,
        master_may: false,
    }
}

fn asked(path: &str, body: Value) -> Asked {
    Asked { path: path.to_owned(), body }
}
