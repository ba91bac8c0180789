//! This file is about transcripts of every call: for whoever may, for a stranger, for nobody, for what is not there and for what
//! is misshapen, for the wrong role, the wrong scope, and over plain HTTP. `UPDATE_DOCS=1` writes them anew.

mod cases;

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use keyward_dialects::{Route, encedo};
use regex::{Captures, Regex};
use serde_json::{Map, Value, json};

use self::cases::{Asked, Case, Stage};
use super::device::{MASTER, USER, signed};
use crate::harness::Answer;

/// What differs from run to run.
const PATTERN: &str = r#"(?x)
    (?P<jwt>eyJ[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+)
  | (?P<time>202[0-9]-[0-9]{2}-[0-9]{2}T[0-9:.]+Z)
  | "?\b(?P<hex>[0-9a-f]{32})\b"?
  | "(?P<base64>[A-Za-z0-9+/_-]{20,}={0,2})"
  | (?P<seconds>\b1[0-9]{9}\b)
  | "(?:uptime)":\x20(?P<uptime>[0-9]+)
  | (?P<file>\b[6-9a-f][0-9a-f]{7}\b)
"#;

#[test]
fn every_call_is_answered_as_its_transcript_says() {
    let stage = Stage::new();
    let mut differing = Vec::new();
    for route in routes() {
        let (file, shown) = (file(route), Player::new(&stage, route).transcript());
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&file, &shown).expect("it can be written");
        }
        if std::fs::read_to_string(&file).unwrap_or_default() != shown {
            differing.push(format!("{}\nis now:\n{shown}", file.display()));
        }
    }
    assert!(differing.is_empty(), "{}\nUPDATE_DOCS=1 writes them anew.", differing.join("\n"));
}

#[test]
fn every_call_has_its_transcript() {
    let mut wanted: Vec<PathBuf> = routes().map(file).collect();
    let mut kept: Vec<PathBuf> = std::fs::read_dir(folder())
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    wanted.sort();
    kept.sort();
    assert_eq!(kept, wanted);
}

/// Those that end all sessions come last.
fn routes() -> impl Iterator<Item = &'static Route> {
    let routes = encedo::dialect().expect("the table holds").routes;
    let ends = |route: &&Route| route.path.ends_with("/reboot");
    routes.iter().filter(move |route| !ends(route)).chain(routes.iter().filter(ends))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/golden/encedo")
}

fn file(route: &Route) -> PathBuf {
    folder().join(format!("{}.txt", title(route)))
}

fn title(route: &Route) -> String {
    let path = route.path.replace(['{', '}'], "").replace('/', "_");
    format!("{}{path}", route.method.to_ascii_lowercase())
}

/// Plays one call for everybody.
struct Player<'a> {
    stage: &'a Stage,
    route: &'static Route,
    names: RefCell<HashMap<String, usize>>,
}

impl<'a> Player<'a> {
    fn new(stage: &'a Stage, route: &'static Route) -> Self {
        Self { stage, route, names: RefCell::default() }
    }

    fn transcript(&self) -> String {
        let case = self.stage.case(self.route);
        let Case { scope, ok, .. } = &case;
        let as_whoever_may = || "\n(As for whoever may.)\n".to_owned();
        let played = |bearer: &str, asked: &Asked| {
            self.play(
                &self.stage.device(case.on).ask(bearer, self.route.method, &asked.path, &asked.body),
                asked,
            )
        };
        let session = |passphrase: &str, scope: &str| match scope {
            "" => String::new(),
            scope => self.stage.session(passphrase, scope),
        };
        let bearer = session(USER, scope);
        let missing = case.missing.as_ref().map(|(scope, asked)| played(&session(USER, scope), asked));
        let malformed = case.malformed.as_ref().map(|asked| played(&bearer, asked));
        let is_anybodys = scope.is_empty();
        let anonymous = if is_anybodys { as_whoever_may() } else { played("", ok) };
        let masters = if is_anybodys || case.master_may {
            as_whoever_may()
        } else {
            played(&session(MASTER, scope), ok)
        };
        let others = if is_anybodys { as_whoever_may() } else { played(&session(USER, "nothing"), ok) };
        let plain = if case.once {
            as_whoever_may()
        } else {
            self.play(&self.stage.plain(case.on, &bearer, self.route.method, ok), ok)
        };
        let stranger = played(&strangers(), ok);
        // Whoever may comes last: afterwards it may be gone.
        let done = played(&bearer, ok);
        if self.route.path.ends_with("/reboot") {
            self.stage.forget_sessions();
        }
        let sections = [
            ("ok", done),
            ("stranger", stranger),
            ("anonymous", anonymous),
            (
                "missing",
                missing.unwrap_or_else(|| "\n(It names nothing that could be missing.)\n".to_owned()),
            ),
            (
                "malformed",
                malformed.unwrap_or_else(|| "\n(It takes nothing that could be misshapen.)\n".to_owned()),
            ),
            ("the master's session", masters),
            ("a session for something else", others),
            ("over plain HTTP", plain),
        ];
        let sections: String = sections.iter().map(|(title, text)| format!("\n## {title}\n{text}")).collect();
        format!("# {}\n{sections}", title(self.route))
    }

    fn play(&self, answer: &Answer, asked: &Asked) -> String {
        let mut text = format!("\n> {} {}\n", self.route.method, asked.path);
        if !asked.body.is_null() {
            text += &format!("> {}\n", asked.body);
        }
        text += &format!("\n< {}\n", answer.status);
        for name in ["allow", "content-type"] {
            text += &answer.header(name).map_or_else(String::new, |value| format!("< {name}: {value}\n"));
        }
        text += &match answer.body.as_str() {
            "" => format!("< content-length: {}\n", answer.header("content-length").expect("a length")),
            body => match serde_json::from_str::<Map<String, Value>>(body) {
                Ok(body) => format!("{:#}\n", json!(body)),
                Err(_) => body.lines().map(without_secrets).collect(),
            },
        };
        self.scrub(&text)
    }

    fn scrub(&self, text: &str) -> String {
        let pattern = Regex::new(PATTERN).expect("a pattern");
        pattern
            .replace_all(&text.replace(env!("CARGO_PKG_VERSION"), "<version>"), |found: &Captures<'_>| {
                if found.name("base64").is_some() {
                    return "\"<base64>\"".to_owned();
                }
                let kinds = ["jwt", "time", "seconds", "file"];
                if let Some(kind) = kinds.into_iter().find(|kind| found.name(kind).is_some()) {
                    return format!("<{kind}>");
                }
                match found.name("hex") {
                    Some(hex) if hex.as_str().bytes().all(|digit| digit == b'0') => found[0].to_owned(),
                    Some(hex) => {
                        let mut names = self.names.borrow_mut();
                        let next = names.len() + 1;
                        let name = format!("<hex {}>", names.entry(hex.as_str().to_owned()).or_insert(next));
                        found[0].replace(hex.as_str(), &name)
                    }
                    None => "\"uptime\": <seconds>".to_owned(),
                }
            })
            .into_owned()
    }
}

/// A line of the audit log: its number, what happened, how it ended, and whoever has a name of one letter.
fn without_secrets(line: &str) -> String {
    match line.split('|').collect::<Vec<_>>()[..] {
        [number, _, event, outcome, who, ..] if who.len() <= 1 => {
            format!("{number}|<time>|{event}|{outcome}|{who}|...\n")
        }
        [number, _, event, outcome, ..] => format!("{number}|<time>|{event}|{outcome}|...\n"),
        _ => format!("{line}\n"),
    }
}

/// A bearer of another unit: right in all but its key.
fn strangers() -> String {
    let claims = json!({ "scope": "keymgmt:del", "sub": "U", "iat": 0, "exp": 4_000_000_000_u64, "jti": "AAAAAAAAAAAAAAAAAAAAAA==" });
    signed(r#"{"alg":"HS256","typ":"JWT"}"#, &claims.to_string(), &[1; 32])
}
