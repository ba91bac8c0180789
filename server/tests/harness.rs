//! This file is about a real server in a test: the program itself, on free ports, in a folder of its own, stopped
//! by its own process id.
#![expect(dead_code, reason = "each test binary uses a part of it")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_keyward");

/// How long a test waits for anything before it gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again until there is an answer, for what happens a little later than the call that began it.
#[expect(
    clippy::disallowed_methods,
    reason = "a poll needs a deadline and a pause; nothing is asserted of the time"
)]
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let began = std::time::Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "never came: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A folder that goes away with the test.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("keyward-test-").tempdir().expect("a temporary folder")
}

/// A running server: `keyward demo --json --data FOLDER`, or `keyward serve` in a folder that `keyward init` made.
pub(crate) struct Server {
    child: Child,
    /// Carries standard error to the log file, where the log is needed to know that the server is ready.
    scribe: Option<JoinHandle<()>>,
    /// `http://127.0.0.1:PORT`
    pub(crate) http: String,
    /// `https://127.0.0.1:PORT`
    pub(crate) https: String,
    /// `http://127.0.0.1:PORT` for whoever watches over it; empty for a demo, which has none.
    watched: String,
    /// The folder of the demo: `data`, `keys`, `anchor`.
    pub(crate) folder: PathBuf,
    /// The first owner's secret.
    pub(crate) owner: String,
    /// What a demo says when it is ready; `null` for other servers.
    pub(crate) ready: Value,
    log: PathBuf,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// A header field, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Server {
    /// Starts a server on a folder: a new store the first time, the same one after that.
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_with(folder, |_| {})
    }

    /// Starts a server whose command is changed first (environment, limits).
    pub(crate) fn start_with(folder: &Path, change: impl FnOnce(&mut Command)) -> Self {
        let log = folder.join("stderr.log");
        let mut command = Command::new(PROGRAM);
        command
            .args(["demo", "--json", "--listen", "127.0.0.1:0", "--listen-tls", "127.0.0.1:0", "--data"])
            .arg(folder)
            .stdout(Stdio::piped())
            .stderr(std::fs::File::options().create(true).append(true).open(&log).expect("a log file"));
        change(&mut command);
        let mut child = command.spawn().expect("the program starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|error| {
            let _ = child.wait();
            panic!("no ready line ({error}): {line}{}", std::fs::read_to_string(&log).unwrap_or_default())
        });
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        Self {
            child,
            scribe: None,
            http: text(&ready["http"]),
            https: text(&ready["https"]),
            watched: String::new(),
            folder: folder.to_owned(),
            owner: text(&ready["native"]["secret"]),
            ready,
            log,
        }
    }

    /// Serves a folder with `keyward serve`; `keyward init` makes it the first time. `change` edits its
    /// configuration, which stays as it was left.
    pub(crate) fn configured(folder: &Path, change: impl FnOnce(&mut toml::Table)) -> Self {
        Self::configured_with(folder, change, |_| {})
    }

    /// The same with a command that is changed first (environment).
    pub(crate) fn configured_with(
        folder: &Path,
        change: impl FnOnce(&mut toml::Table),
        prepare: impl FnOnce(&mut Command),
    ) -> Self {
        let owner = initialized(folder);
        let file = folder.join("keyward.toml");
        let mut config: toml::Table =
            toml::from_str(&std::fs::read_to_string(&file).expect("it is there")).expect("TOML");
        config["listen"].as_table_mut().expect("a table").insert("metrics".to_owned(), "127.0.0.1:0".into());
        change(&mut config);
        std::fs::write(&file, toml::to_string(&config).expect("TOML")).expect("it can be written");
        let mut command = Command::new(PROGRAM);
        command.args(["serve", "--config"]).arg(&file).stdout(Stdio::null()).stderr(Stdio::piped());
        prepare(&mut command);
        let mut child = command.spawn().expect("the program starts");
        let log = folder.join("stderr.log");
        let (ready, is_ready) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let mut file = std::fs::File::options().create(true).append(true).open(&log).expect("a log file");
        let scribe = std::thread::spawn(move || {
            for line in stderr.split(b'\n').map_while(Result::ok) {
                file.write_all(&[&line, &b"\n"[..]].concat()).expect("the log file takes it");
                if let Some(addresses) = listening(&line) {
                    let _ = ready.send(addresses);
                }
            }
        });
        let [http, https, watched] = is_ready.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            let _ = child.kill();
            panic!("not ready: {}", std::fs::read_to_string(&log).unwrap_or_default())
        });
        Self {
            child,
            scribe: Some(scribe),
            http,
            https,
            watched,
            folder: folder.to_owned(),
            owner,
            ready: Value::Null,
            log,
        }
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything that the server wrote to standard error.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Stops it in good order and waits for that.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    /// Waits until it has ended by itself, and its log is complete.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let ended = self.child.wait().expect("it ends");
        self.scribe.take().map(JoinHandle::join);
        ended
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a process").is_some()
    }

    /// Sends a signal, unless it has ended by itself.
    pub(crate) fn signal_if_running(&mut self, name: &str) {
        if !self.has_ended() {
            self.signal(name);
        }
    }

    /// Ends it at once.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.wait();
    }

    /// Sends a signal, by name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.pid().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// A request with the owner's secret and, where one is given, a JSON body.
    pub(crate) fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.call_as(&self.owner, method, path, body)
    }

    /// A request with this secret; none if it is empty.
    pub(crate) fn call_as(&self, secret: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut headers = String::new();
        if !secret.is_empty() {
            headers += &format!("Authorization: Bearer {secret}\r\n");
        }
        if body.is_some() {
            headers += "Content-Type: application/json\r\n";
        }
        self.request(method, path, &headers, body.map(|b| b.to_string()).unwrap_or_default().as_bytes())
    }

    /// A request with these header lines (each ending in CRLF) and this body; to `localhost` unless they name a host.
    pub(crate) fn request(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let host =
            if headers.lines().any(|line| line.starts_with("Host: ")) { "" } else { "Host: localhost\r\n" };
        let mut bytes = format!(
            "{method} {path} HTTP/1.1\r\n{host}Connection: close\r\n{headers}Content-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        bytes.extend_from_slice(body);
        self.raw(&bytes)
            .unwrap_or_else(|| panic!("{method} {path}: the connection was closed without an answer"))
    }

    /// The metrics: where they need no credential, if the server listens there.
    pub(crate) fn metrics(&self) -> String {
        let page =
            if self.watched.is_empty() { self.call("GET", "/metrics", None) } else { self.watch("/metrics") };
        assert_eq!(page.status, 200, "{}", page.body);
        page.body
    }

    /// A page for whoever watches over the server.
    pub(crate) fn watch(&self, path: &str) -> Answer {
        let mut stream = connect(&self.watched);
        let asked = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(asked.as_bytes()).expect("it takes it");
        let mut read = Vec::new();
        stream.read_to_end(&mut read).expect("an answer");
        parse(&read).expect("an answer")
    }

    /// Sends bytes as they are on a connection of their own, and reads until the server closes it.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Option<Answer> {
        parse(&self.raw_bytes(bytes))
    }

    /// Like [`Server::raw`], with the answer as it came.
    pub(crate) fn raw_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        // A server that has answered may close before all was read.
        let _ = stream.write_all(bytes);
        let mut read = Vec::new();
        let _ = stream.read_to_end(&mut read);
        read
    }

    /// A bare connection.
    pub(crate) fn connect(&self) -> TcpStream {
        connect(&self.http)
    }

    /// Issues a key; its id and its secret.
    pub(crate) fn issue(&self, name: &str) -> (String, String) {
        let issued = self.call("POST", "/v1/keys", Some(json!({ "kind": "secret", "name": name })));
        assert_eq!(issued.status, 201, "{}", issued.body);
        let issued = issued.json();
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        (text(&issued["key"]["id"]), text(&issued["secret"]))
    }

    /// What verifying a secret answers.
    pub(crate) fn verify(&self, secret: &str) -> Value {
        self.call("POST", "/v1/keys/verify", Some(json!({ "secret": secret }))).json()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes a store in a folder with `keyward init`, if there is none; the first owner's secret.
pub(crate) fn initialized(folder: &Path) -> String {
    let kept = folder.join("owner.secret");
    if let Ok(secret) = std::fs::read_to_string(&kept) {
        return secret;
    }
    let mut init = Command::new(PROGRAM);
    init.args(["init", "--json", "--listen", "127.0.0.1:0", "--folder"]).arg(folder);
    let made = init.output().expect("the program starts");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let made: Value = serde_json::from_slice(&made.stdout).expect("one line of JSON");
    made["secret"].as_str().expect("text").to_owned()
}

fn connect(url: &str) -> TcpStream {
    let stream = TcpStream::connect(url.trim_start_matches("http://")).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    stream
}

/// The addresses in the line of the log that says that the server listens: for HTTP, for TLS, for whoever watches over it;
/// empty where it does not.
fn listening(line: &[u8]) -> Option<[String; 3]> {
    let line: Value = serde_json::from_slice(line).ok()?;
    let at = |name: &str, scheme: &str| {
        line[name].as_str().map_or_else(String::new, |address| format!("{scheme}://{address}"))
    };
    let says = line["message"].as_str()?;
    let listens = says == "ready" || says.starts_with("listening");
    listens.then(|| [at("http", "http"), at("https", "https"), at("metrics", "http")])
}

/// Reads an answer; `None` if there is none.
pub(crate) fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let body = &bytes[end + 4..];
    let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let body = if chunked { unchunk(body) } else { body.to_vec() };
    Some(Answer { status, headers, body: String::from_utf8_lossy(&body).into_owned() })
}

fn unchunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|window| window == b"\r\n") {
        let size =
            std::str::from_utf8(&bytes[..end]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        let Some(size) = size.filter(|size| *size > 0) else { break };
        body.extend_from_slice(&bytes[end + 2..end + 2 + size]);
        bytes = &bytes[end + 2 + size + 2..];
    }
    body
}
