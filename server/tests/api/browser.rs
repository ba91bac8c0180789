//! This file is about a browser without a screen, driven as the W3C's `WebDriver` says: one that people use opens a page,
//! clicks, types and reads.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::scene::text;
use crate::harness::{Answer, PATIENCE, eventually, folder, parse};

/// Chromium asks nobody for anything, and finds nothing of a run before.
const ARGUMENTS: [&str; 8] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];
/// What the protocol calls the id of an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser that goes away with the test.
pub(super) struct Browser {
    driver: Child,
    /// `127.0.0.1:PORT`
    address: String,
    /// `/session/ID`
    session: String,
    profile: tempfile::TempDir,
}

impl Browser {
    /// Opens a page.
    pub(super) fn open(url: &str) -> Self {
        let profile = folder();
        let mut driver = Command::new("chromedriver");
        driver.arg("--port=0").env("HOME", profile.path()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut driver =
            driver.spawn().expect("Debian's packages chromium and chromium-driver are installed");
        let said = BufReader::new(driver.stdout.take().expect("piped")).lines();
        let port = said.map_while(Result::ok).find_map(|line| {
            line.split_once("successfully on port ").map(|(_, port)| port.trim_end_matches('.').to_owned())
        });
        let mut browser = Self {
            driver,
            address: format!("127.0.0.1:{}", port.expect("it says where it listens")),
            session: String::new(),
            profile,
        };
        let folder = format!("--user-data-dir={}", browser.profile.path().display());
        let arguments: Vec<&str> = ARGUMENTS.into_iter().chain([folder.as_str()]).collect();
        let wanted = json!({ "browserName": "chrome", "goog:chromeOptions": { "args": arguments } });
        let made = browser.ask("POST", "/session", &json!({ "capabilities": { "alwaysMatch": wanted } }));
        browser.session = format!("/session/{}", text(&made.expect("a browser")["sessionId"]));
        browser.tell("/url", &json!({ "url": url })).expect("a page");
        browser
    }

    /// Clicks on what a selector finds, as soon as it can be clicked on.
    pub(super) fn click(&self, selector: &str) {
        eventually(selector, || self.tell(&format!("{}/click", self.find(selector)?), &json!({})));
    }

    /// Types into a field in the place of what stands there.
    pub(super) fn fill(&self, selector: &str, text: &str) {
        eventually(selector, || {
            let field = self.find(selector)?;
            self.tell(&format!("{field}/clear"), &json!({}))?;
            self.tell(&format!("{field}/value"), &json!({ "text": text }))
        });
    }

    /// What can be read there, as soon as there is something.
    pub(super) fn read(&self, selector: &str) -> String {
        eventually(selector, || {
            let found =
                self.ask("GET", &format!("{}{}/text", self.session, self.find(selector)?), &Value::Null);
            found?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
        })
    }

    /// `/element/ID` of the first that a selector finds.
    fn find(&self, selector: &str) -> Option<String> {
        let found = self.tell("/element", &json!({ "using": "css selector", "value": selector }))?;
        Some(format!("/element/{}", found[ELEMENT].as_str()?))
    }

    fn tell(&self, path: &str, body: &Value) -> Option<Value> {
        self.ask("POST", &format!("{}{path}", self.session), body)
    }

    /// What a command brings about; `None` if it could not be done.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Option<Value> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = self.exchange(&request).expect("an answer");
        (answer.status == 200).then(|| answer.json()["value"].clone())
    }

    /// Sends a request and reads what comes back, as far as its head says: the driver does not close connections.
    fn exchange(&self, request: &str) -> Option<Answer> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.write_all(request.as_bytes()).ok()?;
        let mut read = Vec::new();
        let mut lines = BufReader::new(stream);
        while !read.ends_with(b"\r\n\r\n") {
            if lines.read_until(b'\n', &mut read).ok()? == 0 {
                return None;
            }
        }
        let length: usize = parse(&read)?.header("content-length")?.parse().ok()?;
        let head = read.len();
        read.resize(head + length, 0);
        lines.read_exact(read.get_mut(head..)?).ok()?;
        parse(&read)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser that it started, and is ended itself.
        self.exchange(&format!("DELETE {} HTTP/1.1\r\nHost: localhost\r\n\r\n", self.session));
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
