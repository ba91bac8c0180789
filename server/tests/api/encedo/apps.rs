//! This file is about apps: they are paired, consent, and are no more once their key is removed.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use serde_json::{Value, json};

use super::device::{Device, at_once, from_base64, public, shared, signed, to_base64};
use crate::api::scene::text;

/// What apps write in front.
const HEADER: &str = r#"{"ecdh":"x25519","alg":"HS256","typ":"JWT"}"#;

/// The private key that a client pairs with.
const EPK: [u8; 32] = [9; 32];

/// An app: its private key and its number.
pub(super) struct App {
    private: [u8; 32],
    pid: [u8; 32],
}

fn mac(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    sign(&Key::new(HMAC_SHA256, key), bytes).as_ref().to_vec()
}

fn claims(jwt: &str) -> Value {
    serde_json::from_slice(&from_base64(jwt.split('.').nth(1).expect("claims"))).expect("JSON")
}

impl App {
    pub(super) fn numbered(number: u8) -> Self {
        Self { private: [number; 32], pid: [number + 100; 32] }
    }

    pub(super) fn kid(&self) -> String {
        let hash =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, &public(&self.private));
        hash.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The numbers of the apps that can read what is asked for.
    pub(super) fn asked_of(asked: &str) -> Vec<String> {
        claims(asked)["scope"].as_object().expect("members").keys().cloned().collect()
    }

    /// What it replies to a request to pair.
    fn reply(&self, request: &Value, eid: &[u8], epk: &[u8; 32]) -> String {
        let reply = json!({
            "jti": request["jti"],
            "iss": to_base64(&public(&self.private)),
            "aud": to_base64(eid),
            "epk": to_base64(&public(epk)),
            "label": "a phone",
        });
        signed(HEADER, &reply.to_string(), &shared(&self.private, eid))
    }

    /// What is sent on when it has replied to a new request to pair.
    pub(super) fn validation(&self, device: &Device, bearer: &str) -> Value {
        let epk = to_base64(&public(&EPK));
        let begun = device.ok(bearer, "POST", "/api/auth/ext/init", &json!({ "epk": epk }));
        let (eid, request) = (from_base64(begun["eid"].as_str().expect("text")), text(&begun["request"]));
        json!({ "pid": to_base64(&self.pid), "reply": self.reply(&claims(&request), &eid, &EPK) })
    }

    pub(super) fn pair(&self, device: &Device, bearer: &str) -> u16 {
        let epk = [9; 32];
        let begun =
            device.ok(bearer, "POST", "/api/auth/ext/init", &json!({ "epk": to_base64(&public(&epk)) }));
        let (eid, request) = (from_base64(begun["eid"].as_str().expect("text")), text(&begun["request"]));
        let reply = self.reply(&claims(&request), &eid, &epk);
        let body = json!({ "pid": to_base64(&self.pid), "reply": reply });
        let answer = device.ask(bearer, "POST", "/api/auth/ext/validate", &body);
        if answer.status == 200 {
            assert_eq!(answer.json()["kid"], self.kid());
            let reply = text(&body["reply"]);
            let eid = from_base64(claims(&reply)["aud"].as_str().expect("text"));
            let code = mac(&shared(&EPK, &eid), reply.as_bytes());
            assert_eq!(answer.json()["code"], to_base64(&code));
            assert_eq!(
                device.status(bearer, "POST", "/api/auth/ext/validate", &body),
                401,
                "the reply is used up"
            );
        }
        answer.status
    }

    /// What it says to a request for a session: the scope that is asked for, and the consent to this scope, until then.
    pub(super) fn consent(&self, asked: &str, scope: &str, exp: u64) -> (String, String) {
        let claims = claims(asked);
        let eid = from_base64(claims["iss"].as_str().expect("text"));
        let agreed = shared(&self.private, &eid);
        let key = mac(&agreed, &from_base64(claims["jti"].as_str().expect("text")));
        let sealed = text(&claims["scope"][to_base64(&self.pid)]);
        let reply = json!({
            "aud": claims["iss"], "jti": claims["jti"], "exp": exp, "iat": 0, "pid": to_base64(&self.pid),
            "iss": to_base64(&public(&self.private)), "scope": seal(&key, scope),
        });
        (open(&key, &sealed), signed(HEADER, &reply.to_string(), &agreed))
    }
}

/// AES-128-CBC by the openssl program, another implementation than the server's.
fn aes(direction: &str, key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut openssl = std::process::Command::new("openssl");
    openssl.args(["enc", direction, "-aes-128-cbc", "-K", &hex(&key[..16]), "-iv", &hex(&key[16..])]);
    openssl.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = openssl.spawn().expect("openssl runs");
    std::io::Write::write_all(&mut child.stdin.take().expect("piped"), bytes).expect("it reads");
    child.wait_with_output().expect("it ends").stdout
}

fn seal(key: &[u8], scope: &str) -> String {
    let sealed = [aes("-e", key, scope.as_bytes()), mac(key, scope.as_bytes())].concat();
    format!("A{}", to_base64(&sealed))
}

fn open(key: &[u8], sealed: &str) -> String {
    let bytes = from_base64(sealed.strip_prefix('A').expect("a version"));
    let (body, tag) = bytes.split_at(bytes.len() - 32);
    let scope = String::from_utf8(aes("-d", key, body)).expect("text");
    assert_eq!(mac(key, scope.as_bytes()), tag);
    scope
}

pub(super) fn ask(device: &Device, scope: &str) -> String {
    let body = json!({ "epk": to_base64(&public(&[5; 32])), "scope": scope, "note": "please" });
    let asked = device.ok("", "POST", "/api/auth/ext/request", &body);
    let authreq = text(&asked["authreq"]);
    let eid = from_base64(claims(&authreq)["iss"].as_str().expect("text"));
    let (front, tag) = authreq.rsplit_once('.').expect("a tag");
    assert_eq!(from_base64(tag), mac(&shared(&[5; 32], &eid), front.as_bytes()), "under what both agree on");
    authreq
}

pub(super) fn take(device: &Device, authreply: &str) -> (u16, Value) {
    let answer = device.ask("", "POST", "/api/auth/ext/token", &json!({ "authreply": authreply }));
    (answer.status, if answer.body.is_empty() { Value::Null } else { answer.json() })
}

#[test]
fn an_app_is_paired_consents_and_is_removed() {
    let mut device = Device::new();
    let opened = device.sessions(&["auth:ext:pair", "keymgmt:gen", "keymgmt:del"].map(str::to_owned));
    let [pair, make, delete] = &opened[..] else { panic!("three") };
    let app = App::numbered(1);
    assert_eq!(claims(&ask(&device, "keymgmt:list"))["scope"], json!({}), "nobody can read it");
    assert_eq!(app.pair(&device, pair), 200);
    assert_eq!(app.pair(&device, pair), 406, "again");

    // The unit proves itself.
    let proof = device.ok(pair, "POST", "/api/auth/ext/mac", &json!({ "epk": to_base64(&public(&[6; 32])) }));
    let part = |name: &str| from_base64(proof[name].as_str().expect("text"));
    assert_eq!(part("mac"), mac(&shared(&[6; 32], &part("eid")), &part("nonce")));

    // A session for all keys, as the app consents to it.
    let asked = ask(&device, "keymgmt:list");
    let until = claims(&asked)["exp"].as_u64().expect("a time");
    assert_eq!(claims(&asked)["iat"].as_u64(), Some(until - 3600));
    let (scope, consent) = app.consent(&asked, "keymgmt:list", until);
    assert_eq!(scope, "keymgmt:list");
    let (status, granted) = take(&device, &consent);
    let bearer = text(&granted["token"]);
    assert_eq!(
        (status, &claims(&bearer)["sub"], claims(&bearer)["exp"].as_u64()),
        (200, &json!(to_base64(&hex(&app.kid()))), Some(until))
    );
    device.ok(&bearer, "GET", "/api/keymgmt/list", &Value::Null);
    assert_eq!(take(&device, &consent).0, 401, "the consent is used up");

    // For the use of one key, its label is shown to the app.
    let kid = device.make(make, &json!({ "label": "the key", "type": "AES256" }));
    let asked = ask(&device, &format!("keymgmt:use:{kid}"));
    assert_eq!(claims(&asked)["exp"].as_u64(), claims(&asked)["iat"].as_u64().map(|iat| iat + 900));
    let (scope, consent) = app.consent(&asked, &format!("keymgmt:use:{kid}#whatever"), 0);
    let (scope, shown) = scope.split_once('#').expect("what is shown");
    assert_eq!(scope, format!("keymgmt:use:{kid}"));
    let shown: Value = serde_json::from_slice(&from_base64(shown)).expect("JSON");
    assert_eq!((&shown["l"], &shown["t"]), (&json!("the key"), &json!("0000")));
    let user = text(&take(&device, &consent).1["token"]);
    let encrypt = json!({ "kid": kid, "msg": "YWJj", "alg": "AES256-CBC" });
    device.ok(&user, "POST", "/api/crypto/cipher/encrypt", &encrypt);

    // It may end keys, its own among them: then it is nobody, and so are its sessions.
    let asked = ask(&device, "keymgmt:del");
    let own = text(&take(&device, &app.consent(&asked, "keymgmt:del", 0).1).1["token"]);
    let late = ask(&device, "keymgmt:list");
    assert_eq!(device.status(&bearer, "GET", "/api/keymgmt/nothing", &Value::Null), 404);
    assert_eq!(device.status(&bearer, "PATCH", "/api/auth/token", &Value::Null), 405);
    assert_eq!(device.delete(&own, &app.kid()), 200);
    assert_eq!(device.status(&bearer, "GET", "/api/keymgmt/list", &Value::Null), 401);
    assert_eq!(device.status(&user, "POST", "/api/crypto/cipher/encrypt", &encrypt), 401);
    assert_eq!(device.delete(&own, &kid), 401);
    // Where there is no such call, too.
    assert_eq!(device.status(&bearer, "GET", "/api/keymgmt/nothing", &Value::Null), 401);
    assert_eq!(device.status(&bearer, "PATCH", "/api/auth/token", &Value::Null), 401);
    assert_eq!(take(&device, &app.consent(&late, "keymgmt:list", 0).1).0, 406);
    assert_eq!(device.delete(delete, &app.kid()), 406);
    // Paired again it has the same kid, and not the sessions from before.
    assert_eq!(app.pair(&device, pair), 200);
    assert_eq!(device.status(&bearer, "GET", "/api/keymgmt/list", &Value::Null), 401);
    assert_eq!(
        take(&device, &app.consent(&late, "keymgmt:list", 0).1).0,
        406,
        "asked of the app that was removed"
    );

    let lines = device.log();
    let count =
        |event, outcome| lines.iter().filter(|line| (line.event, line.outcome) == (event, outcome)).count();
    assert_eq!((count(15, 0), count(14, 0)), (2, 3));
    let by_app = lines
        .iter()
        .filter(|line| line.event == 21 && line.outcome == 0 && from_base64(&line.who) == hex(&app.kid()));
    assert_eq!(by_app.count(), 1);
    device.restart();
    let asked = ask(&device, "keymgmt:list");
    assert_eq!(
        take(&device, &app.consent(&asked, "keymgmt:list", 0).1).0,
        200,
        "it is paired after a restart"
    );
}

#[test]
fn eight_apps_and_no_more() {
    let device = Device::new();
    let pair = device.session("system:config");
    for number in 1..=8 {
        assert_eq!(App::numbered(number).pair(&device, &pair), 200, "{number}");
    }
    assert_eq!(App::numbered(9).pair(&device, &pair), 406);
    let delete = device.session("keymgmt:del");
    assert_eq!(device.delete(&delete, &App::numbered(3).kid()), 200);
    assert_eq!(App::numbered(9).pair(&device, &pair), 200);
}

/// Whoever managed keys made an app of any, by its description, and had every scope.
#[test]
fn no_description_pairs_an_app_and_none_unpairs_it() {
    let device = Device::new();
    let scopes = ["auth:ext:pair", "keymgmt:gen", "keymgmt:imp", "keymgmt:upd", "keymgmt:list"];
    let opened = device.sessions(&scopes.map(str::to_owned));
    let [pair, make, import, update, list] = &opened[..] else { panic!("five") };
    let descr = |app: &App| to_base64(&[&b"EXTAID"[..], &app.pid].concat());
    let scope_of = |asked: &str| claims(asked)["scope"].clone();

    let forged = App::numbered(1);
    let key = json!({ "label": "forged", "type": "CURVE25519", "descr": descr(&forged),
        "pubkey": to_base64(&public(&forged.private)) });
    device.ok(import, "POST", "/api/keymgmt/import", &key);
    let written = device.make(make, &json!({ "label": "x", "type": "CURVE25519" }));
    let wrote = json!({ "kid": written, "label": "x", "descr": descr(&App::numbered(2)) });
    device.ok(update, "POST", "/api/keymgmt/update", &wrote);
    for number in 3..=10 {
        let descr = descr(&App::numbered(number));
        device.make(make, &json!({ "label": "x", "type": "CURVE25519", "descr": descr }));
    }
    assert_eq!(scope_of(&ask(&device, "system:config")), json!({}), "nobody can consent");

    // None of them is in the way of one that is paired, whose key says what it did before; renamed, it is paired still.
    let app = App::numbered(3);
    assert_eq!(app.pair(&device, pair), 200);
    let listed = device.ok(list, "GET", "/api/keymgmt/list/10", &Value::Null)["list"][0].clone();
    assert_eq!(from_base64(&text(&listed["descr"])), [&b"EXTAID"[..], &app.pid].concat());
    let asked = ask(&device, "keymgmt:list");
    assert_eq!(scope_of(&asked).as_object().map(serde_json::Map::len), Some(1));
    let bearer = text(&take(&device, &app.consent(&asked, "keymgmt:list", 0).1).1["token"]);
    device.ok(update, "POST", "/api/keymgmt/update", &json!({ "kid": app.kid(), "label": "renamed" }));
    device.ok(&bearer, "GET", "/api/keymgmt/list", &Value::Null);
    let asked = ask(&device, "keymgmt:list");
    assert_eq!(take(&device, &app.consent(&asked, "keymgmt:list", 0).1).0, 200);
}

/// Several that came at once had each counted before the others were kept.
#[test]
fn eight_apps_and_each_once_however_many_come_at_once() {
    let device = Device::new();
    let pair = device.session("system:config");
    let validated = |apps: Vec<App>| {
        let bodies: Vec<Value> = apps.iter().map(|app| app.validation(&device, &pair)).collect();
        let mut statuses = at_once(bodies.len(), |client| {
            device.status(&pair, "POST", "/api/auth/ext/validate", &bodies[client])
        });
        statuses.sort_unstable();
        statuses
    };
    let same = |number| App { private: [number; 32], pid: [1; 32] };
    assert_eq!(validated((1..=6).map(same).collect()), [[200].as_slice(), &[406; 5]].concat());
    assert_eq!(validated((11..=22).map(App::numbered).collect()), [[200; 7].as_slice(), &[406; 5]].concat());
}

#[test]
fn what_is_wrong_with_a_reply_or_a_consent_is_told_by_its_status_alone() {
    let device = Device::new();
    let pair = device.session("auth:ext:pair");
    let (app, epk) = (App::numbered(1), [9; 32]);
    for body in [json!({}), json!({ "epk": "x" }), json!({ "epk": to_base64(&[1; 31]) })] {
        assert_eq!(device.status(&pair, "POST", "/api/auth/ext/init", &body), 400, "{body}");
        assert_eq!(device.status(&pair, "POST", "/api/auth/ext/mac", &body), 400, "{body}");
        assert_eq!(device.status("", "POST", "/api/auth/ext/request", &body), 400, "{body}");
    }
    let begun = device.ok(&pair, "POST", "/api/auth/ext/init", &json!({ "epk": to_base64(&public(&epk)) }));
    let eid = from_base64(begun["eid"].as_str().expect("text"));
    let request = claims(begun["request"].as_str().expect("text"));
    let right = app.reply(&request, &eid, &epk);
    let validate = |pid: &str, reply: &str| {
        device.status(&pair, "POST", "/api/auth/ext/validate", &json!({ "pid": pid, "reply": reply }))
    };
    let pid = to_base64(&app.pid);
    assert_eq!((validate("", &right), validate(&to_base64(&[1; 31]), &right)), (400, 400));
    let mut forged = request.clone();
    forged["jti"] = to_base64(&[1; 32]).into();
    for reply in [
        "x",
        &right[..right.len() - 2],
        &app.reply(&forged, &eid, &epk),
        &app.reply(&request, &public(&[4; 32]), &epk),
    ] {
        assert_eq!(validate(&pid, reply), 401, "{reply}");
    }
    let labelled = |by: &App, label: &str| {
        let mut reply = claims(&right);
        reply["label"] = label.into();
        signed(HEADER, &reply.to_string(), &shared(&by.private, &eid))
    };
    assert_eq!(validate(&pid, &labelled(&app, "")), 400);
    assert_eq!(validate(&pid, &labelled(&App::numbered(2), "")), 401, "the signature before the label");
    assert_eq!(validate(&pid, &right), 200);

    let asked = ask(&device, "keymgmt:list");
    let (_, right) = app.consent(&asked, "keymgmt:list", 0);
    let stranger = App { private: [77; 32], pid: app.pid };
    let eid_again = from_base64(claims(&asked)["iss"].as_str().expect("text"));
    let sealed_for_nobody = {
        let mut reply = claims(&right);
        reply["scope"] = "Axxxx".into();
        signed(HEADER, &reply.to_string(), &shared(&app.private, &eid_again))
    };
    let by = |app: &App, change: &dyn Fn(&mut Value)| {
        let mut reply = claims(&right);
        reply["iss"] = to_base64(&public(&app.private)).into();
        change(&mut reply);
        signed(HEADER, &reply.to_string(), &shared(&app.private, &eid_again))
    };
    for (what, reply, status) in [
        ("no JWT", "x".to_owned(), 401),
        ("another key", by(&stranger, &|_| ()), 406),
        ("an unknown app", by(&app, &|reply| reply["pid"] = to_base64(&[3; 32]).into()), 406),
        ("another request", by(&app, &|reply| reply["jti"] = to_base64(&[3; 32]).into()), 401),
        ("another unit", by(&app, &|reply| reply["aud"] = to_base64(&[3; 32]).into()), 401),
        ("too late", by(&app, &|reply| reply["exp"] = 1.into()), 401),
        ("a broken tag", right[..right.len() - 2].to_owned(), 401),
        ("a scope that does not open", sealed_for_nobody, 406),
    ] {
        assert_eq!(take(&device, &reply).0, status, "{what}");
    }
    assert_eq!(take(&device, &right).0, 200);
    // An app may say for whom it is, as whoever asked said it.
    let asked = ask(&device, "keymgmt:list");
    let mut reply = claims(&app.consent(&asked, "keymgmt:list", 0).1);
    reply["aud"] = claims(&asked)["aud"].clone();
    assert_eq!(take(&device, &signed(HEADER, &reply.to_string(), &shared(&app.private, &eid))).0, 200);
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|place| u8::from_str_radix(&text[2 * place..][..2], 16).expect("hex")).collect()
}
