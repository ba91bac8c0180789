//! This file is about the scene of a test: a server of its own, and who is there.
#![expect(
    clippy::needless_pass_by_value,
    reason = "a call reads best with its body written where it is sent"
)]

use std::path::Path;
use std::process::Command;

use keyward_core::time::Timestamp;
use serde_json::{Value, json};

use crate::harness::{Answer, PROGRAM, Server, folder};

/// A server that goes away with the test.
pub(super) struct Scene {
    server: Option<Server>,
    start: fn(&Path) -> Server,
    folder: tempfile::TempDir,
}

/// A key: its id and its secret.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) id: String,
    pub(super) secret: String,
}

/// Another organization, with one owner and the owner's key.
pub(super) struct Tenant {
    pub(super) organization: String,
    pub(super) account: String,
    pub(super) owner: Held,
}

impl std::ops::Deref for Scene {
    type Target = Server;

    fn deref(&self) -> &Server {
        self.server.as_ref().expect("it runs")
    }
}

impl Scene {
    /// A store with nobody but its first owner.
    pub(super) fn new() -> Self {
        Self::on(|folder| Server::configured(folder, |_| {}))
    }

    /// The same, where each language has a host of its own: `discue.example`.
    pub(super) fn with_hosts() -> Self {
        Self::on(|folder| {
            Server::configured(folder, |config| {
                let languages = ["cielo24", "discue", "encedo", "intserv", "resolver", "native"];
                let hosts = languages.map(|language| (format!("{language}.example"), language.into()));
                config.insert("hosts".to_owned(), toml::Table::from_iter(hosts).into());
            })
        })
    }

    /// One that has folders for backups.
    pub(super) fn with_backups() -> Self {
        Self::on(|folder| {
            let folders = [("folder", "backups"), ("slots", "slot-copies")].map(|(what, name)| {
                let path = folder.join(name);
                std::fs::create_dir_all(&path).expect("it is made");
                (what.to_owned(), path.to_str().expect("text").into())
            });
            Server::configured(folder, |config| {
                config.insert("backups".to_owned(), toml::Table::from_iter(folders).into());
            })
        })
    }

    /// One that has discue's calls below a path of their own, too.
    pub(super) fn with_prefix() -> Self {
        Self::on(|folder| {
            Server::configured(folder, |config| {
                let prefix = toml::Table::from_iter([("prefix".to_owned(), "/queue/api".into())]);
                config.insert("discue".to_owned(), prefix.into());
                let host = toml::Table::from_iter([("resolver.example".to_owned(), "resolver".into())]);
                config.insert("hosts".to_owned(), host.into());
            })
        })
    }

    /// A demo: with all that it sets up for the clients of other systems.
    pub(super) fn demo() -> Self {
        Self::on(Server::start)
    }

    /// Another beginning.
    pub(super) fn on(start: fn(&Path) -> Server) -> Self {
        let folder = folder();
        Self { server: Some(start(folder.path())), start, folder }
    }

    /// Stops the server in good order and starts it again from the same folder.
    pub(super) fn restart(&mut self) {
        if let Some(server) = self.server.take() {
            assert_eq!(server.stop().code(), Some(0));
        }
        self.server = Some((self.start)(self.folder.path()));
    }

    /// Stops the server, copies what it stores, and starts it again.
    pub(super) fn copy_data(&mut self) -> tempfile::TempDir {
        if let Some(server) = self.server.take() {
            server.stop();
        }
        let copy = folder();
        copied(&self.folder.path().join("data"), &copy.path().join("data"));
        self.server = Some((self.start)(self.folder.path()));
        copy
    }

    /// Stops the server, puts an older copy in the place of what it stores and forgets its anchor, and starts it again.
    pub(super) fn restore_data(&mut self, copy: &tempfile::TempDir) {
        if let Some(server) = self.server.take() {
            server.stop();
        }
        let data = self.folder.path().join("data");
        std::fs::remove_dir_all(&data).expect("it is there");
        copied(&copy.path().join("data"), &data);
        let _ = std::fs::remove_dir_all(self.folder.path().join("anchor"));
        let _ = std::fs::remove_file(self.folder.path().join("anchor"));
        self.server = Some((self.start)(self.folder.path()));
    }

    /// Stops the server, takes what it has for all that there is, and starts it again: its owner has a new secret.
    pub(super) fn accept_loss(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop();
        }
        let recover = Command::new(PROGRAM)
            .args(["recover", "--accept-loss", "--config"])
            .arg(self.file("keyward.toml"))
            .output()
            .expect("it runs");
        let told = String::from_utf8(recover.stdout).expect("text");
        assert!(recover.status.success() && told.contains("keys were ended"), "{told}");
        let secret = told.split_whitespace().last().expect("a secret");
        std::fs::write(self.file("owner.secret"), secret).expect("it can be written");
        self.server = Some((self.start)(self.folder.path()));
    }

    /// What a call answers that must go well.
    pub(super) fn ok(&self, method: &str, path: &str, body: Value) -> Value {
        self.ok_as(&self.owner, method, path, body)
    }

    /// What a call with this secret answers that must go well; `null` for an answer without a body.
    pub(super) fn ok_as(&self, secret: &str, method: &str, path: &str, body: Value) -> Value {
        let body = (!body.is_null()).then_some(body);
        let answer = self.call_as(secret, method, path, body);
        assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    /// What a `GET` answers that must go well.
    pub(super) fn read(&self, path: &str) -> Value {
        self.ok("GET", path, Value::Null)
    }

    /// Status and code of a call that must not go well.
    pub(super) fn refused(&self, method: &str, path: &str, body: Value) -> (u16, String) {
        self.refused_as(&self.owner, method, path, body)
    }

    /// Status and code of a call with this secret that must not go well.
    pub(super) fn refused_as(&self, secret: &str, method: &str, path: &str, body: Value) -> (u16, String) {
        refusal(&self.call_as(secret, method, path, (!body.is_null()).then_some(body)))
    }

    /// A request with further header lines, each ending in CRLF, by the owner.
    pub(super) fn with_headers(&self, method: &str, path: &str, headers: &str, body: Value) -> Answer {
        let mut lines = format!("Authorization: Bearer {}\r\n{headers}", self.owner);
        if body.is_null() {
            return self.request(method, path, &lines, b"");
        }
        if !headers.to_ascii_lowercase().contains("content-type:") {
            lines += "Content-Type: application/json\r\n";
        }
        self.request(method, path, &lines, body.to_string().as_bytes())
    }

    /// Issues a key with these fields besides its name.
    pub(super) fn held(&self, fields: Value) -> Held {
        self.held_as(&self.owner, fields)
    }

    /// Issues a key as the holder of this secret.
    pub(super) fn held_as(&self, secret: &str, fields: Value) -> Held {
        let mut body = json!({ "name": "a key" });
        for (name, value) in fields.as_object().expect("fields") {
            body[name] = value.clone();
        }
        let issued = self.ok_as(secret, "POST", "/v1/keys", body);
        Held { id: text(&issued["key"]["id"]), secret: text(&issued["secret"]) }
    }

    /// The operator's organization.
    pub(super) fn own_organization(&self) -> String {
        text(&self.read("/v1/organizations")["data"][0]["id"])
    }

    /// The first owner's account.
    pub(super) fn own_account(&self) -> String {
        text(&self.read("/v1/accounts")["data"][0]["id"])
    }

    /// Makes another organization.
    pub(super) fn tenant(&self, name: &str) -> Tenant {
        let organization = text(&self.ok("POST", "/v1/organizations", json!({ "name": name }))["id"]);
        let account = self.account(Some(&organization), "owner", "first");
        let owner = self.held(json!({ "account_id": account, "scopes": ["admin"] }));
        Tenant { organization, account, owner }
    }

    /// Makes an account of this role, in an organization or the operator's.
    pub(super) fn account(&self, organization: Option<&str>, role: &str, name: &str) -> String {
        let body = json!({ "organization_id": organization, "role": role, "name": name });
        text(&self.ok("POST", "/v1/accounts", body)["id"])
    }

    /// The server's time, near enough: when a new key was created.
    pub(super) fn now(&self) -> Timestamp {
        let issued = self.ok("POST", "/v1/keys", json!({ "name": "what time is it" }));
        Timestamp::parse(&text(&issued["key"]["created_at"])).expect("a time")
    }

    /// `"valid"`, or the code of the refusal.
    pub(super) fn verdict(&self, secret: &str) -> String {
        verdict(&self.verify(secret))
    }

    /// What the question answers, with these fields besides the secret: `"valid"`, or the code of the refusal.
    pub(super) fn asked(&self, secret: &str, fields: Value) -> String {
        let mut body = json!({ "secret": secret });
        for (name, value) in fields.as_object().expect("fields") {
            body[name] = value.clone();
        }
        verdict(&self.ok("POST", "/v1/keys/verify", body))
    }

    /// The public key of the log.
    pub(super) fn log_key(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("keys/log.pub"))
            .expect("log.pub")
            .trim_end()
            .to_owned()
    }

    /// A file in the scene's folder.
    pub(super) fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }
}

/// Status and code of an answer that is a problem.
pub(super) fn refusal(answer: &Answer) -> (u16, String) {
    assert!(answer.status >= 400, "{} {}", answer.status, answer.body);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    (answer.status, text(&answer.json()["code"]))
}

/// The text of a JSON string.
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// The ids in a list, in order.
pub(super) fn ids(list: &Value) -> Vec<String> {
    list["data"].as_array().expect("data").iter().map(|item| text(&item["id"])).collect()
}

fn verdict(answer: &Value) -> String {
    if answer["valid"] == true { "valid".to_owned() } else { text(&answer["code"]) }
}

/// Status and code, as a test writes them.
pub(super) fn no(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

fn copied(from: &Path, to: &Path) {
    let status = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(status.expect("cp runs").success());
}
