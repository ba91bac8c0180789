//! Importing.

use keyward_client::wire;
use keyward_core::command::{Answer, Command, Done, Given, Import};
use keyward_core::error::Error;
use keyward_core::key::{Proof, Scheme};
use keyward_core::secret::Digest;
use keyward_core::verbs;
use keyward_dialects::{Form, Lines};
use serde_json::{Value, json};

use crate::samples::{KEY, Sent, dialect, key, send};

fn sent() -> Sent {
    send("POST", "/v1/keys/import").header("content-type", "application/x-ndjson")
}

fn lines() -> &'static Lines {
    let dialect = dialect();
    let sent = sent();
    let (route, _) = dialect.route(&sent.method, &sent.path).unwrap_or_else(|error| panic!("{error:?}"));
    match (route.form)(&sent.request()) {
        Ok(Form::Lines(lines)) => lines,
        _ => panic!(),
    }
}

fn line(item: &Value) -> Result<Import, Error> {
    let parsed = (lines().parse)(&sent().request(), 1, item.to_string().as_bytes())?;
    let Command::Import(import) = parsed.command else { panic!() };
    Ok(*import)
}

fn field(item: &Value) -> String {
    match line(item) {
        Err(Error::Invalid { field, .. }) => field,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("{item} was taken"),
    }
}

/// The digest that the table will hold.
fn digest(import: Import) -> (Scheme, Digest) {
    match verbs::import::material(import.given).proof {
        Proof::Digest(scheme, digest) => (scheme, digest),
        Proof::Slow(_) | Proof::Password(_) => panic!(),
    }
}

#[test]
fn a_text_and_its_digests_come_to_the_same() {
    let text = "what do ya want for nothing?";
    // FIPS 180-4 by another implementation (coreutils), RFC 4231 test case 2 for the HMAC.
    let sha256 = "b381e7fec653fc3ab9b178272366b8ac87fed8d31cb25ed1d0e1f3318644c89c";
    let hmac = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    for item in [
        json!({"name": "x", "digest": {"algorithm": "sha256", "value": sha256}}),
        json!({"name": "x", "digest": {"algorithm": "sha256", "value": sha256.to_uppercase()}}),
        json!({"name": "x", "digest": {"algorithm": "hmac-sha256", "value": hmac, "pepper": "SmVmZQ=="}}),
    ] {
        let (scheme, digest) = digest(line(&item).unwrap_or_else(|error| panic!("{error:?}")));
        assert!(scheme.digest(text) == digest, "{item}");
    }
}

#[test]
fn slow_hashes_are_kept_in_their_own_notation() {
    let hash = "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW";
    let item = json!({"name": "x", "handle": "acme_1", "digest": {"algorithm": "bcrypt", "value": hash}});
    let Ok(Import { given: Given::Slow(kept), handle: Some(handle), .. }) = line(&item) else { panic!() };
    assert_eq!((kept.as_str(), handle.as_str()), (hash, "acme_1"));
}

/// Whoever may import once chose how long this machine computes at every guess: cost 31 is a day and a half.
#[test]
fn what_would_take_too_long_is_refused() {
    let item = |algorithm: &str, value: &str| json!({"name": "x", "handle": "acme_1", "digest": {"algorithm": algorithm, "value": value}});
    let bcrypt = |cost: &str| {
        item("bcrypt", &format!("$2b${cost}$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"))
    };
    let argon2id = |costs: &str| {
        item(
            "argon2id",
            &format!("$argon2id$v=19${costs}$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94"),
        )
    };
    for taken in [bcrypt("14"), argon2id("m=65536,t=10,p=4")] {
        assert!(line(&taken).is_ok(), "{taken}");
    }
    for refused in [
        bcrypt("15"),
        bcrypt("31"),
        bcrypt("99"),
        bcrypt("-1"),
        argon2id("m=65537,t=1,p=1"),
        argon2id("m=4294967295,t=1,p=1"),
        argon2id("m=4294967296,t=1,p=1"),
        argon2id("m=8,m=4294967295,t=1,p=1"),
        argon2id("m=64,t=11,p=1"),
        argon2id("m=64,t=1,p=5"),
        item("bcrypt", "$2b$12$"),
        item("argon2id", "$argon2id$"),
        item("argon2id", "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ"),
    ] {
        assert_eq!(field(&refused), "digest.value", "{refused}");
    }
}

#[test]
fn what_cannot_be_a_digest_is_named() {
    for (item, wanted) in [
        (json!({"name": "x"}), "secret"),
        (
            json!({"name": "x", "secret": "0123456789abcdef", "digest": {"algorithm": "sha256", "value": ""}}),
            "secret",
        ),
        (json!({"name": "x", "secret": "short"}), "secret"),
        (json!({"name": "x", "digest": {"algorithm": "md5", "value": ""}}), "digest.algorithm"),
        (json!({"name": "x", "digest": {"algorithm": "sha256", "value": "zz"}}), "digest.value"),
        (json!({"name": "x", "digest": {"algorithm": "sha512", "value": "00"}}), "digest.value"),
        (json!({"name": "x", "digest": {"algorithm": "bcrypt", "value": "$argon2id$"}}), "digest.value"),
        (json!({"name": "x", "digest": {"algorithm": "hmac-sha256", "value": "00"}}), "digest.pepper"),
        (
            json!({"name": "x", "digest": {"algorithm": "bcrypt", "value": "$2b$", "pepper": "AA=="}}),
            "digest.pepper",
        ),
        (json!({"name": "x", "secret": "0123456789abcdef", "recoverable": true}), "recoverable"),
    ] {
        assert_eq!(field(&item), wanted, "{item}");
    }
}

#[test]
fn an_array_is_its_items() {
    let split = |body: &str| {
        (lines().split)(body.as_bytes()).map(|items| {
            items.into_iter().map(|item| String::from_utf8(item.to_vec()).unwrap()).collect::<Vec<_>>()
        })
    };
    assert_eq!(split(r#" [ {"a":1} , [2] ] "#), Ok(vec![r#"{"a":1}"#.to_owned(), "[2]".to_owned()]));
    assert_eq!(split("[]"), Ok(Vec::new()));
    let many = |count: usize| format!("[{}]", vec!["0"; count].join(","));
    assert_eq!(split(&many(1000)).map(|items| items.len()), Ok(1000));
    assert_eq!(split(&many(1001)), Err(Error::TooLarge { limit: 1000 }));
    assert!(matches!(split("[{]"), Err(Error::Malformed(_))));
    assert!(matches!(split("{}"), Err(Error::Invalid { .. })));
}

#[test]
fn every_line_is_a_request_of_its_own() {
    let named = sent().header("idempotency-key", "batch");
    let item = br#"{"name":"x","secret":"0123456789abcdef"}"#;
    let parsed = (lines().parse)(&named.request(), 7, item).unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(parsed.idempotency_key.as_deref(), Some("batch/7"));
}

#[test]
fn every_line_is_answered_by_a_line() {
    let answer = |outcome: Result<Done, Error>| {
        let line = (lines().render)(3, &outcome, "request-1");
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        serde_json::from_slice::<wire::ImportedLine>(&line).unwrap()
    };
    let imported = answer(Ok(Answer::Key(Box::new(key())).into()));
    let id = wire::ImportOutcome::Id(KEY.to_owned());
    assert_eq!(imported, wire::ImportedLine { line: 3, outcome: id.clone(), uncovered: Vec::new() });
    // A key of which an account has one at a time ends the one before.
    let uncovered = vec!["gateway".to_owned()];
    let done = Done { answer: Answer::Key(Box::new(key())), uncovered: uncovered.clone() };
    assert_eq!(answer(Ok(done)), wire::ImportedLine { line: 3, outcome: id, uncovered });
    let wire::ImportOutcome::Problem(problem) = answer(Err(Error::Taken { what: "secret" })).outcome else {
        panic!()
    };
    assert_eq!((problem.code.as_str(), problem.field.as_deref()), ("taken", Some("secret")));
}
