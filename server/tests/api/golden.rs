//! This file is about transcripts: what every call of the native API looks like on the wire, for whoever may, for
//! a stranger, for nobody, for what is not there and for what is misshapen. `UPDATE_DOCS=1` writes them anew.

mod calls;
mod scrub;

use std::path::{Path, PathBuf};

use keyward_dialects::native;

use self::calls::{Call, Shown};
use self::scrub::Scrub;
use super::scene::{Scene, Tenant};
use crate::harness::Answer;

/// The header fields of an answer that are part of the API.
const HEADERS: [&str; 10] = [
    "accept",
    "allow",
    "cache-control",
    "content-type",
    "etag",
    "keyward-receipt",
    "location",
    "preference-applied",
    "retry-after",
    "www-authenticate",
];
const NOTHING_TO_MISS: &str = "\n(It names nothing that could be missing.)\n";

#[test]
fn keys() {
    compare(&["issue_key", "import_keys", "list_keys", "find_key", "update_key", "remove_key"]);
}

#[test]
fn states_and_use() {
    compare(&["suspend_key", "resume_key", "rotate_key", "read_usage", "verify_key"]);
}

#[test]
fn removals_and_log() {
    compare(&["remove_keys", "find_removal", "read_receipt", "read_checkpoint", "read_tile", "list_events"]);
}

#[test]
fn accounts() {
    compare(&[
        "create_account",
        "list_accounts",
        "find_account",
        "update_account",
        "remove_account",
        "set_password",
    ]);
}

#[test]
fn organizations() {
    compare(&[
        "create_organization",
        "list_organizations",
        "find_organization",
        "update_organization",
        "remove_organization",
    ]);
}

/// A route without a transcript, a transcript without a route, and a transcript that leaves somebody out.
#[test]
fn every_route_has_its_transcripts() {
    let named = |method: &str, path: &str| {
        native::OPERATIONS.iter().find(|told| told.method == method && told.path == path)
    };
    let mut wanted: Vec<String> = native::dialect()
        .expect("the table holds")
        .routes
        .iter()
        .map(|route| named(route.method, route.path).unwrap_or_else(|| panic!("{} is not told", route.path)))
        .map(|told| format!("{}.txt", told.id))
        .collect();
    let files = std::fs::read_dir(folder()).expect("the folder").map(|entry| entry.expect("an entry").path());
    let mut kept: Vec<String> = files
        .filter(|file| file.extension().is_some_and(|is| is == "txt"))
        .map(|file| file.file_name().expect("a name").to_string_lossy().into_owned())
        .collect();
    wanted.sort();
    kept.sort();
    assert_eq!(kept, wanted);
    for file in kept {
        let text = std::fs::read_to_string(folder().join(&file)).expect("a transcript");
        for who in ["ok", "stranger", "anonymous", "missing", "malformed"] {
            assert!(text.contains(&format!("\n## {who}\n")), "{file} has no {who}");
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/golden")
}

fn compare(operations: &[&str]) {
    let mut differing = Vec::new();
    for operation in operations {
        let shown = transcript(operation);
        let file = folder().join(format!("{operation}.txt"));
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&file, &shown).expect("it can be written");
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        if kept != shown {
            differing.push(format!("{}\nis now:\n{shown}", file.display()));
        }
    }
    assert!(differing.is_empty(), "{}\nUPDATE_DOCS=1 writes them anew.", differing.join("\n"));
}

fn transcript(operation: &str) -> String {
    let scene = Scene::new();
    let stranger = scene.tenant("a stranger");
    let Shown { ok, missing, malformed, more } = calls::shown(operation, &scene);
    // Whoever may comes last of the five: afterwards it may be gone.
    let anonymous = play(&scene, "", &ok);
    let by_stranger = play(&scene, &stranger.owner.secret, &ok);
    let misshapen = play(&scene, &scene.owner, &malformed);
    let absent = missing.as_ref().map(|call| play(&scene, &scene.owner, call));
    // The log is everybody's; all else belongs to somebody.
    if operation != "read_tile" {
        a_stranger_learns_nothing(&scene, &stranger, &ok, missing.as_ref());
    }
    let done = play(&scene, &scene.owner, &ok);
    let mut sections = vec![
        ("ok", done),
        ("stranger", by_stranger),
        ("anonymous", anonymous),
        ("missing", absent.unwrap_or_else(|| NOTHING_TO_MISS.to_owned())),
        ("malformed", misshapen),
    ];
    sections.extend(more.iter().map(|(title, call)| (*title, play(&scene, &scene.owner, call))));
    let sections: String = sections.iter().map(|(title, text)| format!("\n## {title}\n{text}")).collect();
    Scrub::default().scrub(&format!("# {operation}\n{sections}"))
}

/// Another organization's thing is answered exactly like one that is not there.
fn a_stranger_learns_nothing(scene: &Scene, stranger: &Tenant, theirs: &Call, missing: Option<&Call>) {
    let Some(missing) = missing else { return };
    let [theirs, missing] = [theirs, missing].map(|call| {
        let answer = send(scene, &stranger.owner.secret, call);
        Scrub::default().scrub(&shown_answer(&answer))
    });
    assert_eq!(theirs, missing);
}

fn play(scene: &Scene, secret: &str, call: &Call) -> String {
    let answer = send(scene, secret, call);
    let mut text = format!("\n> {} {}\n", call.method, call.path);
    for header in &call.headers {
        text += &format!("> {header}\n");
    }
    if let Some(body) = &call.body {
        let json = call.headers.iter().any(|header| header == "Content-Type: application/json");
        text += &if json { indent(body) } else { body.trim_end().to_owned() };
        text.push('\n');
    }
    text + &shown_answer(&answer)
}

fn send(scene: &Scene, secret: &str, call: &Call) -> Answer {
    let credential =
        if secret.is_empty() { String::new() } else { format!("Authorization: Bearer {secret}\r\n") };
    let headers: String = call.headers.iter().map(|header| format!("{header}\r\n")).collect();
    let body = call.body.as_deref().unwrap_or_default();
    scene.request(call.method, &call.path, &(credential + &headers), body.as_bytes())
}

fn shown_answer(answer: &Answer) -> String {
    let mut text = format!("\n< {}\n", answer.status);
    for name in HEADERS {
        for (_, value) in answer.headers.iter().filter(|(known, _)| known == name) {
            text += &format!("< {name}: {value}\n");
        }
    }
    let of_type = |wanted: &str| answer.header("content-type").is_some_and(|is| is.starts_with(wanted));
    if of_type("application/octet-stream") {
        return text + "(bytes of a tile)\n";
    }
    let json = of_type("application/json") || of_type("application/problem+json");
    match (answer.body.is_empty(), json) {
        (true, _) => text,
        (false, true) => text + &indent(&answer.body) + "\n",
        (false, false) => text + answer.body.trim_end_matches('\n') + "\n",
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
