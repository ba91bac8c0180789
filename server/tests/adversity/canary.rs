//! This file is about secrets in the wrong place: many secrets go through every path of a server that logs all
//! it can, and then everything that it has written, and its memory, is searched for them.

mod removed;
mod search;

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use self::search::Needles;
use super::client::Dice;
use super::program::on;
use super::tls;
use crate::harness::{Answer, Server, eventually, folder};

/// How many keys go each way.
const EACH: usize = 8;

/// Secrets and where they went.
#[derive(Default)]
struct Story {
    /// Everything secret that was ever issued, imported or presented.
    secrets: Vec<String>,
    /// Those of removed keys, and those that never were a key's.
    gone: Vec<String>,
    /// Every text that is none of the few that show a secret on purpose.
    texts: Vec<String>,
}

impl Story {
    /// Notes a secret that must show up nowhere.
    fn note(&mut self, secret: &str) -> String {
        self.secrets.push(secret.to_owned());
        secret.to_owned()
    }

    /// Notes an answer that must not show a secret.
    fn hear(&mut self, answer: Option<Answer>) -> Option<Answer> {
        let answer = answer?;
        self.texts.push(format!("{:?}\n{}", answer.headers, answer.body));
        Some(answer)
    }
}

/// The store is written by an engine, and a copy of the slots is as secret as the store.
#[test]
fn what_is_written_is_for_its_owner_alone() {
    let folder = folder();
    let server = Server::configured(folder.path(), |_| {});
    server.issue("kept");
    assert_eq!(server.stop().code(), Some(0));
    let [backup, slots] = ["copy.backup", "copy.slots"].map(|name| folder.path().join(name));
    let [to, with] = [&backup, &slots].map(|file| file.to_str().expect("text"));
    let done = on(folder.path(), &["store", "backup", "--to", to, "--slots", with]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let places = [folder.path().join("data"), folder.path().join("keys"), backup, slots];
    let open = Command::new("find").args(places).args(["-perm", "/077"]).output().expect("find runs");
    let open = String::from_utf8(open.stdout).expect("text");
    assert_eq!(open, "", "others may look into these");
}

#[test]
fn no_secret_shows_up_where_it_does_not_belong() {
    let mut dice = Dice::new("canary");
    let folder = folder();
    let server = tls::serve(folder.path(), |config| {
        config.insert("logging".to_owned(), toml::toml! { level = "trace" }.into());
        let limits = config["limits"].as_table_mut().expect("a table");
        limits.insert("guesses_per_minute".to_owned(), 1_000_000.into());
    });
    let mut story = Story::default();
    story.note(&server.owner);
    for round in 0..EACH {
        live_and_end(&server, &mut story, round);
        import(&server, &mut story, &mut dice);
        stray(&server, &mut story, &mut dice);
        misuse(&server, &mut story, &mut dice);
    }
    over_tls(&server, &mut story);
    let metrics = server.metrics();
    assert!(metrics.contains("keyward_answers_total"), "{metrics}");
    story.texts.push(metrics);

    let secrets = Needles::texts(&story.secrets);
    for text in &story.texts {
        secrets.search("an answer", text.as_bytes());
    }
    let digests: Vec<Vec<u8>> =
        story.gone.iter().map(|secret| digest(&SHA256, secret.as_bytes()).as_ref().to_vec()).collect();
    let all = Needles::texts(&story.secrets).and(Needles::new(digests));
    // What a core image of the live process would hold, after the clients are gone.
    alone(&server);
    search::search_memory(server.pid(), &all, &secrets);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.pid())).expect("it is there");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit");
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "{core}");
    let folder = server.folder.clone();
    assert_eq!(server.stop().code(), Some(0));

    let log = std::fs::read(folder.join("stderr.log")).expect("it is there");
    assert!(
        String::from_utf8_lossy(&log).contains(r#""level":"DEBUG""#),
        "the log is too quiet to prove anything"
    );
    std::fs::remove_file(folder.join("owner.secret")).expect("the test's own note");
    all.search_files(&folder);
}

/// Issue, repeat, verify, use, change, rotate, remove, verify and use again.
fn live_and_end(server: &Server, story: &mut Story, round: usize) {
    let ask = json!({ "kind": "secret", "name": "canary", "recoverable": round.is_multiple_of(2), "scopes": ["keys:verify"] });
    let once = format!(
        "Authorization: Bearer {}\r\nContent-Type: application/json\r\nIdempotency-Key: canary-{round}\r\n",
        server.owner
    );
    let issued = server.request("POST", "/v1/keys", &once, ask.to_string().as_bytes());
    let repeated = server.request("POST", "/v1/keys", &once, ask.to_string().as_bytes());
    assert_eq!(issued.json()["secret"], repeated.json()["secret"], "{}", repeated.body);
    let (id, secret) = (text(&issued.json()["key"]["id"]), story.note(&text(&issued.json()["secret"])));
    let key = format!("/v1/keys/{id}");
    let mut say = |as_who: &str, method: &str, path: &str, body: Option<Value>| {
        let answer = server.call_as(as_who, method, path, body);
        story.hear(Some(answer)).expect("an answer").status
    };
    assert_eq!(say(&server.owner, "POST", "/v1/keys/verify", Some(json!({ "secret": secret }))), 200);
    assert_eq!(say(&secret, "POST", "/v1/keys/verify", Some(json!({ "secret": secret }))), 200);
    assert_eq!(say(&secret, "DELETE", &key, None), 403);
    assert_eq!(say(&server.owner, "PATCH", &key, Some(json!({ "name": "renamed" }))), 200);
    assert_eq!(say(&server.owner, "GET", &key, None), 200);
    assert_eq!(say(&server.owner, "POST", &format!("{key}/suspend"), Some(json!({}))), 200);
    assert_eq!(say(&server.owner, "POST", &format!("{key}/resume"), Some(json!({}))), 200);
    let rotated = server.call("POST", &format!("{key}/rotate"), Some(json!({ "overlap_seconds": 60 })));
    let successor = story.note(&text(&rotated.json()["secret"]));
    let mut say = |as_who: &str, method: &str, path: &str, body: Option<Value>| {
        let answer = server.call_as(as_who, method, path, body);
        story.hear(Some(answer)).expect("an answer").status
    };
    assert_eq!(say(&server.owner, "DELETE", &key, None), 204);
    assert_eq!(say(&secret, "GET", "/v1/keys", None), 401);
    assert_eq!(say(&server.owner, "POST", "/v1/keys/verify", Some(json!({ "secret": secret }))), 200);
    assert_eq!(say(&server.owner, "GET", &key, None), 410);
    if round.is_multiple_of(2) {
        assert_eq!(say(&server.owner, "POST", "/v1/removals", Some(json!({ "secret": successor }))), 202);
        story.gone.push(successor);
    }
    story.gone.push(secret);
}

/// Secrets and digests that were made elsewhere, as an array and as lines.
fn import(server: &Server, story: &mut Story, dice: &mut Dice) {
    for kind in ["application/json", "application/x-ndjson"] {
        let [kept, ended, hashed] = [(); 3].map(|()| story.note(&drawn(dice)));
        let digested = hex(digest(&SHA256, hashed.as_bytes()).as_ref());
        let lines = [
            json!({ "kind": "secret", "name": "kept", "secret": kept }),
            json!({ "kind": "secret", "name": "ended", "secret": ended }),
            json!({ "kind": "secret", "name": "hashed", "digest": { "algorithm": "sha256", "value": digested } }),
            json!({ "kind": "secret", "name": "twice", "secret": kept }),
            json!({ "kind": "secret", "name": ["odd"], "secret": story.note(&drawn(dice)) }),
        ];
        let body = match kind {
            "application/json" => json!(lines).to_string(),
            _ => lines.iter().map(|line| line.to_string() + "\n").collect(),
        };
        let headers = format!("Authorization: Bearer {}\r\nContent-Type: {kind}\r\n", server.owner);
        let imported = server.request("POST", "/v1/keys/import", &headers, body.as_bytes());
        let answers: Vec<Value> =
            imported.body.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(answers.len(), lines.len(), "{}", imported.body);
        story.hear(Some(imported));
        for secret in [&kept, &ended, &hashed] {
            assert_eq!(server.verify(secret)["valid"], true);
        }
        for (ended, line) in [(ended, 1), (hashed, 2)] {
            let id = text(&answers[line]["id"]);
            let removed = server.call("DELETE", &format!("/v1/keys/{id}"), None);
            assert_eq!(removed.status, 204, "{}", removed.body);
            story.gone.push(ended);
        }
    }
}

/// A key's secret in every place of a request where none belongs.
fn stray(server: &Server, story: &mut Story, dice: &mut Dice) {
    for _ in 0..2 {
        let secret = story.note(&drawn(dice));
        let shapes = [
            ("GET", format!("/v1/keys?secret={secret}"), String::new()),
            ("GET", format!("/v1/keys?{secret}=1"), String::new()),
            ("GET", format!("/v1/keys?handle={secret}&limit={secret}"), String::new()),
            ("GET", format!("/v1/keys/{secret}"), String::new()),
            ("GET", format!("/{secret}"), String::new()),
            ("DELETE", format!("/v1/keys/{secret}"), String::new()),
            ("DELETE", format!("/v1/keys/{secret}?reason={secret}"), String::new()),
            ("GET", format!("/v1/receipts/{secret}"), String::new()),
            ("GET", format!("/v1/log/tile/{secret}"), String::new()),
            ("POST", format!("/v1/keys/verify?secret={secret}"), json!({ "secret": secret }).to_string()),
            ("POST", "/v1/keys/verify".to_owned(), json!({ "secret": secret, "ip": secret }).to_string()),
            (
                "POST",
                "/v1/keys/verify".to_owned(),
                json!({ "secret": secret, "scopes": [secret] }).to_string(),
            ),
            ("POST", "/v1/keys/verify".to_owned(), json!({ "secret": [secret] }).to_string()),
            ("POST", "/v1/keys/verify".to_owned(), json!({ (&secret): 1 }).to_string()),
            ("POST", "/v1/keys/verify".to_owned(), format!(r#"{{"secret":"{secret}","secret":"{secret}"}}"#)),
            ("POST", "/v1/keys/verify".to_owned(), format!(r#"{{"secret":"{secret}\"#)),
            ("POST", "/v1/keys/verify".to_owned(), format!(r#"{{"secret":"{secret}"#)),
            ("POST", "/v1/keys".to_owned(), json!({ "kind": secret }).to_string()),
            ("POST", "/v1/keys".to_owned(), json!({ "kind": "secret", "scopes": secret }).to_string()),
            ("POST", "/v1/keys".to_owned(), json!({ "kind": "secret", "prefix": secret }).to_string()),
            ("POST", "/v1/keys".to_owned(), json!({ "kind": "secret", "ip_allow": [secret] }).to_string()),
            ("POST", "/v1/keys".to_owned(), json!({ "kind": "secret", "expires_at": secret }).to_string()),
            ("POST", "/v1/keys".to_owned(), json!({ "kind": "secret", "account_id": secret }).to_string()),
            ("POST", "/v1/keys".to_owned(), json!({ "kind": "secret", "secret": secret }).to_string()),
            ("POST", "/v1/removals".to_owned(), json!({ "secret": secret, "handle": secret }).to_string()),
            ("POST", "/v1/removals".to_owned(), json!({ "secret": secret, "plan_hash": secret }).to_string()),
        ];
        let json = format!("Authorization: Bearer {}\r\nContent-Type: application/json\r\n", server.owner);
        for (method, path, body) in shapes {
            let answer = server.request(method, &path, &json, body.as_bytes());
            assert!(answer.status < 500, "{method} {path}: {}", answer.body);
            story.hear(Some(answer));
        }
        for field in ["If-Match", "Idempotency-Key", "Prefer", "User-Agent", "X-API-Key", "Cookie", "Accept"]
        {
            let headers = format!("{json}{field}: {secret}\r\n");
            let body = json!({ "secret": secret }).to_string();
            story.hear(Some(server.request("POST", "/v1/keys/verify", &headers, body.as_bytes())));
        }
    }
}

/// Secrets in requests that are no requests, or too long, or cut short, or of another type, or from nobody.
fn misuse(server: &Server, story: &mut Story, dice: &mut Dice) {
    let secret = story.note(&drawn(dice));
    let bearer = format!("Authorization: Bearer {}\r\n", server.owner);
    let wrong = format!("Authorization: Bearer {secret}\r\n");
    for (headers, path) in [
        (format!("{bearer}Content-Type: text/plain\r\n"), "/v1/keys/verify"),
        (format!("{bearer}Content-Type: {secret}\r\n"), "/v1/keys"),
        (format!("{wrong}Content-Type: application/json\r\n"), "/v1/keys/verify"),
        (format!("Authorization: {secret}\r\nContent-Type: application/json\r\n"), "/v1/keys/verify"),
        (format!("Authorization: Basic {secret}\r\n"), "/v1/keys/verify"),
    ] {
        let answer =
            server.request("POST", path, &headers, json!({ "secret": secret }).to_string().as_bytes());
        assert!(matches!(answer.status, 401 | 415), "{}", answer.body);
        story.hear(Some(answer));
    }
    let length = "Content-Length: 4000000\r\nContent-Type: application/json\r\n";
    let long = format!(r#"{{"secret":"{secret}","filler":"{}"#, "x".repeat(1 << 20));
    let cut = [
        format!("POST /v1/keys/verify HTTP/1.1\r\nHost: x\r\n{bearer}{length}\r\n{long}"),
        format!(
            "POST /v1/keys/{secret}/rotate HTTP/1.1\r\nHost: x\r\n{bearer}Content-Length: 100\r\n\r\n{secret}"
        ),
        format!("{secret}\r\n\r\n"),
        format!("GET /{secret} {secret}\r\n\r\n"),
        format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{secret}\r\n\r\n"),
        format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX: {secret}"),
        format!(
            "POST /v1/keys HTTP/1.1\r\nHost: x\r\n{bearer}Transfer-Encoding: chunked\r\n\r\n{secret}\r\n"
        ),
    ];
    for bytes in cut {
        let mut stream = server.connect();
        let _ = stream.write_all(bytes.as_bytes());
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        story.texts.push(String::from_utf8_lossy(&answer).into_owned());
    }
}

/// Issue, verify and remove over TLS.
fn over_tls(server: &Server, story: &mut Story) {
    let ask = |method: &str, path: &str, body: &Value| {
        let mut curl = Command::new("curl");
        curl.args(["-sk", "--config", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut curl = curl.spawn().expect("curl is installed");
        let lines = format!(
            "url = \"{}{path}\"\nrequest = {method}\nheader = \"Authorization: Bearer {}\"\nheader = \"Content-Type: application/json\"\ndata = {}\n",
            server.https,
            server.owner,
            Value::String(body.to_string())
        );
        curl.stdin.take().expect("piped").write_all(lines.as_bytes()).expect("it reads");
        String::from_utf8(curl.wait_with_output().expect("it ends").stdout).expect("text")
    };
    for _ in 0..EACH {
        let issued: Value =
            serde_json::from_str(&ask("POST", "/v1/keys", &json!({ "kind": "secret", "name": "tls" })))
                .expect("JSON");
        let secret = story.note(&text(&issued["secret"]));
        let verdict = ask("POST", "/v1/keys/verify", &json!({ "secret": secret }));
        assert!(verdict.contains(r#""valid":true"#), "{verdict}");
        story.texts.push(verdict);
        assert_eq!(
            server.call("DELETE", &format!("/v1/keys/{}", text(&issued["key"]["id"])), None).status,
            204
        );
        story.gone.push(secret);
    }
}

/// Waits until the server has noticed the end of every connection but the one that asks.
fn alone(server: &Server) {
    eventually("one connection", || {
        let metrics = server.metrics();
        metrics
            .lines()
            .any(|line| line == "keyward_connections 1" || line == "keyward_connections 0")
            .then_some(())
    });
}

/// A secret of another system.
fn drawn(dice: &mut Dice) -> String {
    let digits = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let random: String = (0..40).map(|_| char::from(digits[dice.below(digits.len())])).collect();
    format!("elsewhere.{random}")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
