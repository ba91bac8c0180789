//! This file is about transcripts: what every call of every language looks like on the wire, for whoever may, for
//! a stranger, for nobody, for what is not there and for what is misshapen. `UPDATE_DOCS=1` writes them anew.

mod call;
mod cielo24;
mod crypto;
mod discue;
mod document;
mod intserv;
mod native;
mod resolver;
mod scrub;

use std::path::{Path, PathBuf};

use keyward_core::error::Error;
use keyward_dialects::{Dialect, Route};

use self::call::{Call, Shown};
use self::cielo24::CIELO24;
use self::discue::DISCUE;
use self::intserv::INTSERV;
use self::native::NATIVE;
use self::resolver::RESOLVER;
use self::scrub::Scrub;
use super::scene::Scene;
use crate::harness::Answer;

/// The header fields of an answer that are part of an API.
const HEADERS: [&str; 19] = [
    "accept",
    "allow",
    "cache-control",
    "content-security-policy",
    "content-type",
    "etag",
    "keyward-account-id",
    "keyward-expires-at",
    "keyward-key-id",
    "keyward-organization-id",
    "keyward-receipt",
    "keyward-scopes",
    "location",
    "preference-applied",
    "retry-after",
    "www-authenticate",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
];
const NOTHING_TO_MISS: &str = "\n(It names nothing that could be missing.)\n";

/// A language, as its transcripts show it.
struct Language {
    /// The folder of its transcripts.
    name: &'static str,
    dialect: fn() -> Result<Dialect, Error>,
    /// What the transcript of a route is called.
    title: fn(&Route) -> String,
    scene: fn() -> Scene,
    cast: fn(&Scene) -> Cast,
    /// Puts a credential where this language has it.
    sign: fn(Call, &str) -> Call,
    /// The pattern of what differs from run to run, see [`Scrub::of`].
    differs: &'static str,
    shown: fn(&Route, &Scene, &Cast) -> Shown,
}

/// Who asks, by their credentials.
struct Cast {
    whoever_may: String,
    /// Somebody as mighty, of another organization.
    stranger: String,
}

#[test]
fn native_calls() {
    compare(&NATIVE);
}

#[test]
fn cielo24_calls() {
    compare(&CIELO24);
}

#[test]
fn discue_calls() {
    compare(&DISCUE);
}

#[test]
fn intserv_calls() {
    compare(&INTSERV);
}

#[test]
fn resolver_calls() {
    compare(&RESOLVER);
}

/// A language without transcripts, a route without one, a transcript without a route, and one that leaves somebody out.
#[test]
fn every_route_has_its_transcripts() {
    let languages = [NATIVE, CIELO24, DISCUE, INTSERV, RESOLVER];
    let names: Vec<&str> = languages.iter().map(|language| language.name).collect();
    let vendors = keyward_dialects::vendors().expect("the tables hold");
    // Encedo HEM has its own, over TLS and for roles that no other language has: `encedo/golden.rs`.
    let others = vendors.iter().map(|dialect| dialect.name).filter(|name| *name != "encedo");
    let spoken: Vec<&str> = std::iter::once("native").chain(others).collect();
    assert_eq!(names, spoken);
    for language in languages {
        let mut wanted: Vec<PathBuf> = language.routes().iter().map(|route| language.file(route)).collect();
        let mut kept: Vec<PathBuf> = std::fs::read_dir(language.folder())
            .expect("the folder")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        wanted.sort();
        kept.sort();
        assert_eq!(kept, wanted);
        for file in kept {
            let text = std::fs::read_to_string(&file).expect("a transcript");
            for who in ["ok", "stranger", "anonymous", "missing", "malformed"] {
                assert!(text.contains(&format!("\n## {who}\n")), "{} has no {who}", file.display());
            }
        }
    }
}

impl Language {
    fn routes(&self) -> &'static [Route] {
        (self.dialect)().expect("the table holds").routes
    }

    fn folder(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/golden").join(self.name)
    }

    fn file(&self, route: &Route) -> PathBuf {
        self.folder().join(format!("{}.txt", (self.title)(route)))
    }

    /// The request of somebody with this credential, or of nobody.
    fn signed(&self, call: &Call, secret: Option<&str>) -> Call {
        secret.map_or_else(|| call.clone(), |secret| (self.sign)(call.clone(), secret))
    }

    fn transcript(&self, route: &Route) -> String {
        let scene = (self.scene)();
        let cast = (self.cast)(&scene);
        let shown = (self.shown)(route, &scene, &cast);
        let [may, stranger] = [&cast.whoever_may, &cast.stranger].map(|secret| Some(secret.as_str()));
        let played = |call: &Call, secret| play(&scene, &self.signed(call, secret));
        // Whoever may comes last of the five: afterwards it may be gone.
        let anonymous = played(&shown.ok, None);
        let by_stranger = played(&shown.ok, stranger);
        let misshapen = played(&shown.malformed, may);
        let absent = shown.missing.as_ref().map(|call| played(call, may));
        if let Some(missing) = shown.missing.as_ref().filter(|_| !shown.is_everybodys) {
            // Another organization's thing is answered exactly like one that is not there.
            let [theirs, missing] = [&shown.ok, missing].map(|call| {
                let answer = send(&scene, &self.signed(call, stranger));
                Scrub::of(self.differs).scrub(&shown_answer(&answer))
            });
            assert_eq!(theirs, missing, "{}", (self.title)(route));
        }
        let mut sections = vec![
            ("ok", played(&shown.ok, may)),
            ("stranger", by_stranger),
            ("anonymous", anonymous),
            ("missing", absent.unwrap_or_else(|| NOTHING_TO_MISS.to_owned())),
            ("malformed", misshapen),
        ];
        sections.extend(shown.more.iter().map(|(title, call)| (*title, played(call, may))));
        let sections: String = sections.iter().map(|(title, text)| format!("\n## {title}\n{text}")).collect();
        Scrub::of(self.differs).scrub(&format!("# {}\n{sections}", (self.title)(route)))
    }
}

fn compare(language: &Language) {
    let mut differing = Vec::new();
    for route in language.routes() {
        let shown = language.transcript(route);
        let file = language.file(route);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::create_dir_all(language.folder()).expect("a folder");
            std::fs::write(&file, &shown).expect("it can be written");
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        if kept != shown {
            differing.push(format!("{}\nis now:\n{shown}", file.display()));
        }
    }
    assert!(differing.is_empty(), "{}\nUPDATE_DOCS=1 writes them anew.", differing.join("\n"));
}

/// What another system's transcript of a route is called: its method and its path.
fn by_path(route: &Route) -> String {
    let path = route.path.replace(['{', '}'], "").replace('/', "_");
    format!("{}{path}", route.method.to_ascii_lowercase())
}

fn play(scene: &Scene, call: &Call) -> String {
    let mut text = format!("\n> {} {}\n", call.method, call.path);
    for header in &call.headers {
        text += &format!("> {header}\n");
    }
    if let Some(body) = &call.body {
        let json = call.headers.iter().any(|header| header == "Content-Type: application/json");
        text += if json { indent(body) } else { body.clone() }.trim_end();
        text.push('\n');
    }
    text + &shown_answer(&send(scene, call))
}

fn send(scene: &Scene, call: &Call) -> Answer {
    let lines = call.credential.iter().chain(&call.headers);
    let headers: String = lines.map(|line| format!("{line}\r\n")).collect();
    scene.request(call.method, &call.path, &headers, call.body.as_deref().unwrap_or_default().as_bytes())
}

fn shown_answer(answer: &Answer) -> String {
    let mut text = format!("\n< {}\n", answer.status);
    for name in HEADERS {
        for (_, value) in answer.headers.iter().filter(|(known, _)| known == name) {
            text += &format!("< {name}: {value}\n");
        }
    }
    if answer.body.is_empty() {
        return text;
    }
    let content_type = answer.header("content-type").and_then(|is| is.split(';').next());
    text + &match content_type {
        Some("application/json" | "application/problem+json") if !answer.body.contains('\n') => {
            indent(&answer.body) + "\n"
        }
        Some("application/octet-stream") => "(bytes of a tile)\n".to_owned(),
        Some("text/html" | "text/javascript") => "(a file)\n".to_owned(),
        _ => answer.body.trim_end_matches('\n').to_owned() + "\n",
    }
}

/// Compact JSON with a line for each member, in the order of the wire.
fn indent(json: &str) -> String {
    let (mut text, mut depth, mut quoted, mut escaped) = (String::new(), 0_usize, false, false);
    let mut characters = json.chars().peekable();
    while let Some(character) = characters.next() {
        let closes = matches!(characters.peek(), Some('}' | ']'));
        if quoted {
            quoted = escaped || character != '"';
            escaped = !escaped && character == '\\';
            text.push(character);
            continue;
        }
        match character {
            '{' | '[' if !closes => depth += 1,
            '}' | ']' if !text.ends_with(['{', '[']) => {
                depth = depth.saturating_sub(1);
                text += &format!("\n{}", "  ".repeat(depth));
            }
            '"' => quoted = true,
            _ => {}
        }
        text.push(character);
        match character {
            '{' | '[' if !closes => text += &format!("\n{}", "  ".repeat(depth)),
            ',' => text += &format!("\n{}", "  ".repeat(depth)),
            ':' => text.push(' '),
            _ => {}
        }
    }
    text
}
