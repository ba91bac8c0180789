//! This file is about the configuration: its page, and what is refused.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::Config;

const HEAD: &str = "# Configuration

Written by a test (`server/src/config/tests.rs`) from the declarations in `server/src/config.rs`, and compared with
them on every run.

One TOML file, `keyward.toml`, which `keyward init` makes and `keyward config check` judges. A setting that is not
known is refused, and so is a file without a setting that is needed. Relative paths are relative to the file's folder.
Secrets are named by file, never by value.
";

#[test]
fn the_page_is_what_is_declared() {
    let schema = schemars::schema_for!(Config);
    let schema = schema.as_value();
    let page = HEAD.to_owned() + &table("", schema, schema);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == page,
        "{} is not what is declared; UPDATE_DOCS=1 writes it anew:\n{page}",
        file.display()
    );
}

/// The settings of a table, and below them those of the tables in it.
fn table(name: &str, object: &Value, schema: &Value) -> String {
    let required: Vec<&str> =
        object["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let (mut rows, mut below) = (String::new(), String::new());
    for (setting, declared) in object["properties"].as_object().unwrap() {
        let about = resolved(declared, schema);
        if about.contains_key("properties") {
            let path = if name.is_empty() { setting.clone() } else { format!("{name}.{setting}") };
            let said = text(declared.get("description").or(about.get("description")));
            below += &format!("\n## `[{path}]`\n\n{said}\n");
            below += &table(&path, &Value::Object(about), schema);
            continue;
        }
        let default = match declared.get("default") {
            _ if required.contains(&setting.as_str()) => "needed".to_owned(),
            None | Some(Value::Null) => "none".to_owned(),
            Some(value) => format!("`{}`", value.to_string().trim_matches('"')),
        };
        let said = text(declared.get("description"));
        assert!(!said.is_empty(), "{name}.{setting} says nothing");
        rows += &format!("| `{setting}` | {} | {default} | {said} |\n", kind(&about));
    }
    format!("\n| setting | type | default | |\n|---|---|---|---|\n{rows}{below}")
}

/// A declaration, or what it refers to; the one thing that it is where it may be absent.
fn resolved(declared: &Value, schema: &Value) -> Map<String, Value> {
    let present = |of: &&Value| of["type"] != "null";
    let declared = declared["anyOf"].as_array().and_then(|any| any.iter().find(present)).unwrap_or(declared);
    let reference = declared["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    reference.and_then(|pointer| schema.pointer(pointer)).unwrap_or(declared).as_object().unwrap().clone()
}

fn kind(about: &Map<String, Value>) -> String {
    let words = |list: &Value, of: &str| {
        let all = list.as_array().into_iter().flatten();
        let words: Vec<String> =
            all.filter_map(|one| one[of].as_str()).map(|word| format!("`{word}`")).collect();
        words.join(", ")
    };
    if let Some(choices) = about.get("oneOf") {
        return words(choices, "const");
    }
    let kind = &about["type"];
    let kind = match kind.as_array() {
        Some(kinds) => text(kinds.iter().find(|kind| *kind != "null")),
        None => text(Some(kind)),
    };
    match kind.as_str() {
        "integer" => "whole number".to_owned(),
        "string" => "text".to_owned(),
        "object" => "table of texts".to_owned(),
        other => other.to_owned(),
    }
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().replace('\n', " ")
}

/// Reads a configuration file in a folder of its own.
fn read(text: &str) -> (PathBuf, Result<Config, String>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keyward.toml");
    std::fs::write(&file, text).unwrap();
    (folder.path().to_owned(), Config::read(&file).map_err(|error| format!("{error:#}")))
}

/// Why a configuration file is refused.
fn refused(text: &str) -> String {
    match read(text) {
        (_, Ok(_)) => panic!("not refused: {text}"),
        (folder, Err(why)) => {
            assert!(
                why.contains(&*folder.join("keyward.toml").to_string_lossy()),
                "it names the file: {why}"
            );
            why
        }
    }
}

const LEAST: &str = "data = \"data\"\nkeys = \"keys\"\nlisten.http = \"127.0.0.1:0\"\n";

#[test]
fn relative_paths_are_relative_to_the_file() {
    let (folder, config) = read(&format!(
        "{LEAST}anchor = \"../elsewhere/anchor\"\nlisten.https = \"[::1]:0\"\n\
        tls = {{ certificate = \"cert.pem\", private_key = \"/etc/key.pem\" }}\n\
        backups = {{ folder = \"backups\", slots = \"/srv/slots\" }}\n"
    ));
    let config = config.unwrap();
    let tls = config.tls.unwrap();
    assert_eq!((config.data, config.keys), (folder.join("data"), folder.join("keys")));
    assert_eq!(config.anchor, Some(folder.join("../elsewhere/anchor")));
    assert_eq!((tls.certificate, tls.private_key), (folder.join("cert.pem"), PathBuf::from("/etc/key.pem")));
    let kept = config.backups.unwrap();
    assert_eq!((kept.folder, kept.slots), (folder.join("backups"), Some(PathBuf::from("/srv/slots"))));
}

#[test]
fn what_is_not_said_has_its_default() {
    let config = read(LEAST).1.unwrap();
    assert_eq!((config.limits.body_bytes, config.limits.guesses_per_minute), (1 << 20, 60));
    assert!(config.anchor.is_none() && config.tls.is_none() && config.listen.https.is_none());
    let one = read(&format!("{LEAST}limits.body_bytes = 5000\n")).1.unwrap();
    assert_eq!((one.limits.body_bytes, one.limits.connections), (5000, config.limits.connections));
}

#[test]
fn what_is_not_known_is_refused_by_its_name() {
    for (line, name) in [
        ("secret = \"kw_live_x\"", "secret"),
        ("listen.htpp = \"127.0.0.1:1\"", "htpp"),
        ("limits.bodybytes = 1", "bodybytes"),
        ("logging.file = \"x\"", "file"),
        ("tls = { certificate = \"a\", private_key = \"b\", ca = \"c\" }", "ca"),
        ("logging.level = \"loud\"", "loud"),
        ("limits.body_bytes = -1", "body_bytes"),
        ("limits.body_bytes = \"1 MiB\"", "body_bytes"),
    ] {
        let why = refused(&format!("{LEAST}{line}\n"));
        assert!(why.contains(name), "{line}: {why}");
    }
    for needed in ["data", "keys"] {
        let without: String =
            LEAST.lines().filter(|line| !line.starts_with(needed)).map(|line| format!("{line}\n")).collect();
        assert!(refused(&without).contains(needed));
    }
}

#[test]
fn what_could_not_be_served_is_refused() {
    assert!(refused("data = \"data\"\nkeys = \"keys\"\n").contains("listen"));
    assert!(refused(&format!("{LEAST}listen.https = \"127.0.0.1:0\"\n")).contains("tls"));
    for zero in
        ["body_bytes", "head_bytes", "connections", "head_seconds", "body_seconds", "handshake_seconds"]
    {
        assert!(refused(&format!("{LEAST}limits.{zero} = 0\n")).contains("limits"), "{zero}");
    }
    assert!(refused(&format!("{LEAST}limits.head_bytes = 8191\n")).contains("8192"));
    assert!(read(&format!("{LEAST}limits.head_bytes = 8192\n")).1.is_ok());
    // A semaphore panics at more than a usize holds of them, and at the start.
    for many in ["4294967296", "9223372036854775807"] {
        assert!(refused(&format!("{LEAST}limits.connections = {many}\n")).contains("connections"), "{many}");
    }
}

#[test]
fn a_host_speaks_a_language_that_there_is() {
    let hosts = |lines: &str| format!("{LEAST}[hosts]\n{lines}\n");
    let why = refused(&hosts("\"keys.example\" = \"disque\""));
    for word in ["keys.example", "disque", "cielo24", "discue", "encedo", "intserv", "resolver", "native"] {
        assert!(why.contains(word), "{word}: {why}");
        let is_language = !matches!(word, "keys.example" | "disque");
        assert_eq!(read(&hosts(&format!("\"keys.example\" = \"{word}\""))).1.is_ok(), is_language, "{word}");
    }
    for host in ["keys.example:8080", "keys.example.", "Keys.example", "", "http://keys.example", "a b"] {
        let why = refused(&hosts(&format!("\"{host}\" = \"native\"")));
        assert!(why.contains("without a port"), "{host}: {why}");
    }
}

#[test]
fn a_prefix_is_one_where_nobody_has_calls() {
    let prefix = |prefix: &str| format!("{LEAST}discue.prefix = \"{prefix}\"\n");
    for fits in ["/mq", "/queue/v2", "/v1/queue-service", "/api/discue", "/~x/a.b"] {
        assert!(read(&prefix(fits)).1.is_ok(), "{fits}");
    }
    for misshapen in
        ["", "/", "mq", "/mq/", "//mq", "/mq/../x", "/m q", "/mq?x", "/m%71", "https://mq.example"]
    {
        let why = refused(&prefix(misshapen));
        assert!(why.contains("discue.prefix") && why.contains("must be"), "{misshapen}: {why}");
    }
    for (taken, whose) in [
        ("/v1", "discue"),
        ("/v1/queues", "discue"),
        ("/v1/keys", "native"),
        ("/v1/forward-auth/mq", "native"),
        ("/v1/accesskeys", "intserv"),
        ("/api", "cielo24"),
        ("/user", "resolver"),
    ] {
        let why = refused(&prefix(taken));
        assert!(why.contains(taken) && why.contains(&format!("where {whose} has calls")), "{taken}: {why}");
    }
}

#[test]
fn an_anchor_inside_the_data_is_refused_however_it_is_written() {
    for inside in ["data/anchor", "./data/anchor", "data/x/anchor", "data"] {
        assert!(refused(&format!("{LEAST}anchor = \"{inside}\"\n")).contains("anchor"), "{inside}");
    }
    for outside in ["anchor", "data-anchor", "../anchor"] {
        assert!(read(&format!("{LEAST}anchor = \"{outside}\"\n")).1.is_ok(), "{outside}");
    }
}

#[test]
fn backups_inside_the_data_are_refused() {
    for inside in ["folder = \"data/backups\"", "folder = \"backups\", slots = \"./data/slots\""] {
        assert!(refused(&format!("{LEAST}backups = {{ {inside} }}\n")).contains("backups"), "{inside}");
    }
}

#[test]
fn a_file_that_is_not_there_names_the_command_that_makes_it() {
    let why = Config::read(Path::new("/nowhere/keyward.toml")).unwrap_err().to_string();
    assert!(why.contains("keyward init"), "{why}");
}
