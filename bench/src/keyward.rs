//! This file is about Keyward as its clients see it: the program started as `keyward demo`, and the calls of the
//! native API that the scenarios make.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::clock;
use crate::load::http::{self, Answer};
use crate::measure::Reading;
use crate::peers::Removes;
use crate::process::{self, Process};

/// How long the server may take to be ready; ten million keys are to take ten seconds.
const READY_WITHIN: Duration = Duration::from_secs(300);

/// Lines of one import: its body stays below the 1 MiB that any request may have.
const IMPORT_LINES: usize = 5_000;

/// Connections for work that is not measured.
const SETUP_CONNECTIONS: usize = 64;

/// How long setting up may take at a time.
const SETUP_WITHIN: Duration = Duration::from_secs(600);

/// A key that was issued.
pub(crate) struct Issued {
    /// Its id.
    pub(crate) id: String,
    /// What is presented.
    pub(crate) secret: String,
}

/// A running server with its owner's secret.
pub(crate) struct Keyward {
    /// Its guard.
    pub(crate) process: Process,
    /// Where it takes plain HTTP.
    pub(crate) http: SocketAddr,
    /// The owner's secret.
    pub(crate) secret: String,
    /// What it said when it was ready.
    ready: Value,
    agent: ureq::Agent,
    /// How many secrets were made up so far, so that none is used twice.
    made_up: u64,
    /// The keys that the next run removes.
    fresh: Vec<String>,
}

impl Keyward {
    /// Starts `keyward demo` on a data folder, on one core only if asked to, and waits until it is ready.
    pub(crate) fn start(program: &Path, data: &Path, core: Option<usize>, logs: &Path) -> Result<Self> {
        let mut command =
            core.map_or_else(|| process::command(program), |core| process::pinned(core, program));
        command.args(["demo", "--json", "--listen", "127.0.0.1:0", "--listen-tls", "127.0.0.1:0", "--data"]);
        command.arg(data);
        let (process, line) = Process::start_and_read_line("keyward", command, logs, READY_WITHIN)?;
        let ready: Value =
            serde_json::from_str(&line).with_context(|| format!("not one JSON line: {line}"))?;
        let url = text(&ready, "/http")?;
        let http = url.trim_start_matches("http://").trim_end_matches('/').parse();
        let http = http.with_context(|| format!("{url} is no address"))?;
        let secret = text(&ready, "/native/secret")?;
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        Ok(Self { process, http, secret, ready, agent, made_up: 0, fresh: Vec::new() })
    }

    /// Where a path is.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }

    /// Issues so many keys of Keyward's own format; their secrets.
    pub(crate) fn issue(&self, count: usize) -> Result<Vec<String>> {
        Ok(self.issue_keys(count)?.into_iter().map(|issued| issued.secret).collect())
    }

    /// Issues so many keys of Keyward's own format.
    pub(crate) fn issue_keys(&self, count: usize) -> Result<Vec<Issued>> {
        let requests: Vec<Vec<u8>> = (0..count)
            .map(|number| {
                let body = format!(r#"{{"kind":"secret","name":"bench-{number}"}}"#);
                http::request("POST", "/v1/keys", &self.secret, &body)
            })
            .collect();
        let issued = RefCell::new(Vec::with_capacity(count));
        http::run(self.http, SETUP_CONNECTIONS, &requests, SETUP_WITHIN, |_, answer| {
            expect_status(answer, 201)?;
            let told = serde_json::from_slice(answer.body)?;
            issued.borrow_mut().push(Issued { id: text(&told, "/key/id")?, secret: text(&told, "/secret")? });
            Ok(())
        })?;
        ensure!(issued.borrow().len() == count, "issuing {count} keys took too long");
        Ok(issued.into_inner())
    }

    /// Removes a key; how long the answer took.
    pub(crate) fn remove_key(&self, id: &str) -> Result<Duration> {
        let request = self.agent.delete(self.url(&format!("/v1/keys/{id}")));
        let began = clock::now();
        let answer = request.header("Authorization", format!("Bearer {}", self.secret)).call()?;
        let taken = began.elapsed();
        ensure!(answer.status() == 204, "DELETE {id}: {}", answer.status());
        Ok(taken)
    }

    /// One of the credentials that a demo hands out.
    pub(crate) fn ready(&self, pointer: &str) -> Result<String> {
        text(&self.ready, pointer)
    }

    /// What a call in any language answers that has to go well.
    pub(crate) fn ask(&self, method: &str, path: &str, credential: &str, body: &str) -> Result<Value> {
        let answered = RefCell::new(Value::Null);
        let request = [http::request_with(method, path, credential, body)];
        http::run(self.http, 1, &request, SETUP_WITHIN, |_, answer| {
            expect_status(answer, 200)?;
            answered.replace(serde_json::from_slice(answer.body)?);
            Ok(())
        })?;
        Ok(answered.into_inner())
    }

    /// Brings along so many keys, of an account or of the caller's own; their ids.
    pub(crate) fn import(&mut self, count: usize, account: Option<&str>) -> Result<Vec<String>> {
        let mut ids = Vec::with_capacity(count);
        while ids.len() < count {
            let mut lines = String::new();
            let of_account = account.map(|id| format!(r#","account_id":"{id}""#)).unwrap_or_default();
            for _ in 0..IMPORT_LINES.min(count - ids.len()) {
                let (number, secret) = (self.made_up, made_up_secret(self.made_up));
                self.made_up += 1;
                let name = format!(r#""name":"bench-{number}""#);
                writeln!(lines, r#"{{"kind":"secret",{name},"secret":"{secret}"{of_account}}}"#)?;
            }
            let answers = self.post("/v1/keys/import", "application/x-ndjson", &lines, 200)?;
            for line in answers.lines() {
                ids.push(text(&serde_json::from_str(line)?, "/id").with_context(|| line.to_owned())?);
            }
            ensure!(!answers.is_empty(), "an import without answers");
        }
        Ok(ids)
    }

    /// Whether a secret verifies.
    pub(crate) fn verifies(&self, secret: &str) -> Result<bool> {
        let body = json!({ "secret": secret }).to_string();
        let answer = self.post("/v1/keys/verify", "application/json", &body, 200)?;
        Ok(is_valid(answer.as_bytes()))
    }

    /// The request that verifies a secret.
    pub(crate) fn verify_request(&self, secret: &str) -> Vec<u8> {
        http::request("POST", "/v1/keys/verify", &self.secret, &format!(r#"{{"secret":"{secret}"}}"#))
    }

    /// Makes an account; its id.
    pub(crate) fn create_account(&self, name: &str) -> Result<String> {
        let body = json!({ "name": name, "role": "member" }).to_string();
        let answer = serde_json::from_str(&self.post("/v1/accounts", "application/json", &body, 201)?)?;
        text(&answer, "/id").or_else(|_| text(&answer, "/account/id"))
    }

    /// Asks what removing an account's keys would remove; the hash of that plan.
    pub(crate) fn plan_removal(&self, account: &str) -> Result<String> {
        let body = json!({ "account_id": account, "dry_run": true }).to_string();
        let answer = serde_json::from_str(&self.post("/v1/removals", "application/json", &body, 200)?)?;
        text(&answer, "/plan_hash").or_else(|_| text(&answer, "/plan/plan_hash"))
    }

    /// Starts removing an account's keys; the removal's id.
    pub(crate) fn start_removal(&self, account: &str, plan_hash: &str) -> Result<String> {
        let body = json!({ "account_id": account, "plan_hash": plan_hash }).to_string();
        let answer = serde_json::from_str(&self.post("/v1/removals", "application/json", &body, 202)?)?;
        text(&answer, "/id").or_else(|_| text(&answer, "/removal/id"))
    }

    /// Whether a removal is done.
    pub(crate) fn removal_is_done(&self, removal: &str) -> Result<bool> {
        let (status, body) = self.get(&format!("/v1/removals/{removal}"))?;
        ensure!(status == 200, "GET /v1/removals: {status} {body}");
        let removal: Value = serde_json::from_str(&body)?;
        Ok(removal.pointer("/removal/finished_at").is_some_and(Value::is_string))
    }

    /// Whether the server says that a key is removed (410).
    pub(crate) fn is_removed(&self, key: &str) -> Result<bool> {
        Ok(self.get(&format!("/v1/keys/{key}"))?.0 == 410)
    }

    fn get(&self, path: &str) -> Result<(u16, String)> {
        let request = self.agent.get(self.url(path));
        let mut answer = request.header("Authorization", format!("Bearer {}", self.secret)).call()?;
        let body = answer.body_mut().with_config().limit(u64::MAX).read_to_string()?;
        Ok((answer.status().as_u16(), body))
    }

    fn post(&self, path: &str, content_type: &str, body: &str, status: u16) -> Result<String> {
        let request = self.agent.post(self.url(path)).header("Content-Type", content_type);
        let mut answer = request.header("Authorization", format!("Bearer {}", self.secret)).send(body)?;
        let read = answer.body_mut().with_config().limit(u64::MAX).read_to_string()?;
        ensure!(answer.status() == status, "POST {path}: {} {read}", answer.status());
        Ok(read)
    }
}

impl Removes for Keyward {
    fn name(&self) -> &'static str {
        "Keyward"
    }

    fn prepare(&mut self, count: usize) -> Result<()> {
        self.fresh = self.import(count, None)?;
        Ok(())
    }

    fn remove(&mut self, clients: usize, limit: Duration) -> Result<Reading> {
        let delete = |id: &String| http::request("DELETE", &format!("/v1/keys/{id}"), &self.secret, "");
        let requests: Vec<Vec<u8>> = self.fresh.iter().map(delete).collect();
        http::run(self.http, clients, &requests, limit, |_, answer| expect_status(answer, 204))
    }
}

/// Fills a data folder with so many keys of our own format without a server (`keyward bench fill`); secrets of some
/// of them.
pub(crate) fn fill(program: &Path, data: &Path, keys: usize) -> Result<Vec<String>> {
    fill_with(program, data, keys, "keyward")
}

/// The same with a kind of keys that the command knows; what some of them are presented as.
pub(crate) fn fill_with(program: &Path, data: &Path, keys: usize, kind: &str) -> Result<Vec<String>> {
    let sample = sample_of(data);
    let mut command = Command::new(program);
    command.args(["bench", "fill", "--keys", &keys.to_string(), "--kind", kind, "--data"]).arg(data);
    process::output(command.arg("--sample").arg(&sample))?;
    let secrets: Vec<String> = std::fs::read_to_string(sample)?.lines().map(str::to_owned).collect();
    ensure!(!secrets.is_empty(), "keyward bench fill gave no sample");
    Ok(secrets)
}

/// Where [`fill`] leaves what some of a data folder's keys are presented as, one a line.
pub(crate) fn sample_of(data: &Path) -> PathBuf {
    data.with_extension("sample")
}

/// Whether a verify's answer accepts the key.
pub(crate) fn is_valid(answer: &[u8]) -> bool {
    memchr::memmem::find(answer, br#""valid":true"#).is_some()
}

/// An error that quotes the answer, unless it has this status.
pub(crate) fn expect_status(answer: &Answer<'_>, status: u16) -> Result<()> {
    let body = || String::from_utf8_lossy(answer.body).into_owned();
    ensure!(answer.status == status, "status {} instead of {status}: {}", answer.status, body());
    Ok(())
}

fn text(value: &Value, pointer: &str) -> Result<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.map(str::to_owned).with_context(|| format!("no {pointer} in {value}"))
}

/// A secret of 42 characters that no other number gives. It need not be hard to guess, only look like it; being
/// computed, it makes every run the same.
fn made_up_secret(number: u64) -> String {
    // SplitMix64 (Steele, Lea, Flood 2014): a bijection, so that different numbers give different words.
    let word = |seed: u64| {
        let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let first = word(number);
    format!("bench-{first:016x}{:016x}beef", word(first))
}
