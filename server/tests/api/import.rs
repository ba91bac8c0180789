//! This file is about import: secrets and digests that were made elsewhere, one line for each item.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::scene::{Scene, no, text};
use crate::harness::Server;

/// Texts with a digest that another program took of them: Python's `hashlib`, `hmac` and `crypt` (libxcrypt), and
/// the tests of the reference implementation of Argon2 (`src/test.c`, `$argon2id$`).
const SHA256: (&str, &str) =
    ("brought-along-sha256", "f882d5954f3cabc9005f65f196dc66f369db06595e73c46794e1b81432ac270d");
const SHA512: (&str, &str) = (
    "brought-along-sha512",
    "f37a299202e1cfc08bd3cf300d938f15d18cd7bd12bfb2dfa3c60b8bfd6b82cfc4db872f96c4a7cc7aeee3a2fc482588ff8401292686438a13a64f8169cecff8",
);
const HMAC: (&str, &str) =
    ("brought-along-hmac", "058fb4ed9c8add0925ac4277732d6ed45a2910140ee98a5849c4268835436d93");
/// `their pepper`
const PEPPER: &str = "dGhlaXIgcGVwcGVy";
const BCRYPT: (&str, &str) =
    ("brought-along-bcrypt", "$2b$05$abcdefghijklmnopqrstuu/vrDMvYU864YFtMr5f55lg2VHemYy6u");
const ARGON2ID: (&str, &str) = (
    "differentpassword",
    "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94",
);

fn digest(algorithm: &str, value: &str) -> Value {
    json!({ "name": algorithm, "digest": { "algorithm": algorithm, "value": value } })
}

fn slow(algorithm: &str, value: &str, handle: &str) -> Value {
    let mut item = digest(algorithm, value);
    item["handle"] = json!(handle);
    item
}

fn peppered(value: &str, pepper: &str) -> Value {
    let mut item = digest("hmac-sha256", value);
    item["digest"]["pepper"] = json!(pepper);
    item
}

/// The lines of an import of these items.
fn import(scene: &Scene, items: &[Value]) -> Vec<Value> {
    let answer = scene.call("POST", "/v1/keys/import", Some(json!(items)));
    assert_eq!(answer.status, 200, "{}", answer.body);
    lines(&answer.body)
}

fn lines(body: &str) -> Vec<Value> {
    body.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// The id of the only item.
fn import_one(scene: &Scene, item: Value) -> String {
    text(&import(scene, &[item])[0]["id"])
}

/// Status and code of the problem with the only item.
fn refused(scene: &Scene, item: Value) -> (u16, String) {
    let line = import(scene, &[item]).remove(0);
    let status = line["problem"]["status"].as_u64().unwrap_or_else(|| panic!("no problem: {line}"));
    (u16::try_from(status).expect("a status"), text(&line["problem"]["code"]))
}

#[test]
fn a_text_is_brought_along_with_everything_it_may_do() {
    let mut scene = Scene::new();
    let item = json!({
        "name": "old", "secret": "imported-secret-0001", "scopes": ["orders:read"], "metadata": { "a": 1 },
        "tags": ["t"], "environment": "test", "expires_at": "2099-01-01T00:00:00.000Z", "uses_left": 9,
    });
    let id = import_one(&scene, item.clone());
    let key = scene.read(&format!("/v1/keys/{id}"));
    for field in ["name", "scopes", "metadata", "tags", "environment", "expires_at", "uses_left"] {
        assert_eq!(key[field], item[field], "{field}");
    }
    assert!(!key.to_string().contains("imported-secret"), "no part of the secret is shown: {key}");
    for restarted in [false, true] {
        if restarted {
            scene.restart();
        }
        assert_eq!(scene.verify("imported-secret-0001")["key_id"], id.as_str());
        assert_eq!(scene.verdict("imported-secret-0002"), "unknown");
    }
}

#[test]
fn the_id_of_a_key_is_no_handle_to_bring_along() {
    let scene = Scene::new();
    let other = scene.held(json!({}));
    assert_eq!(refused(&scene, slow("bcrypt", BCRYPT.1, &other.id)), (400, "invalid_field".to_owned()));
}

#[test]
fn every_digest_meets_its_text() {
    let mut scene = Scene::new();
    let items = [
        (SHA256.0, digest("sha256", SHA256.1)),
        (SHA512.0, digest("sha512", SHA512.1)),
        (HMAC.0, peppered(HMAC.1, PEPPER)),
    ];
    let made: Vec<(&str, String)> =
        items.into_iter().map(|(secret, item)| (secret, import_one(&scene, item))).collect();
    for restarted in [false, true] {
        if restarted {
            scene.restart();
        }
        for (secret, id) in &made {
            assert_eq!(scene.verify(secret)["key_id"], id.as_str(), "{secret}");
            assert_eq!(scene.verdict(&format!("{secret}x")), "unknown");
        }
    }
    for (secret, id) in &made {
        scene.ok("DELETE", &format!("/v1/keys/{id}"), Value::Null);
        assert_eq!(scene.verdict(secret), "removed", "{secret}");
    }
}

/// A tenant that brought sixteen peppers along kept all others from bringing any.
#[test]
fn an_organization_has_eight_ways_to_take_a_digest() {
    let scene = Scene::new();
    let tenant = scene.tenant("other");
    // Digests of nobody's text: whose they are is not asked.
    let other = |n: u8| peppered(&format!("{n:064x}"), &format!("{n}A=="));
    let made: Vec<String> = (1..=8).map(|n| import_one(&scene, other(n))).collect();
    let full = import(&scene, &[other(9)]).remove(0);
    assert_eq!((&full["problem"]["status"], &full["problem"]["code"]), (&json!(409), &json!("wrong_state")));
    assert!(full.to_string().contains("eight ways"), "{full}");
    let theirs = json!([peppered(HMAC.1, PEPPER)]);
    let answer = scene.call_as(&tenant.owner.secret, "POST", "/v1/keys/import", Some(theirs));
    assert!(lines(&answer.body)[0]["id"].is_string(), "{}", answer.body);
    scene.ok("DELETE", &format!("/v1/keys/{}", made[3]), Value::Null);
    import_one(&scene, other(9));
}

/// Whose a text is that somebody signs in with is found by a search, which is only for those who are not wrong too often; what
/// was found once is at hand.
#[test]
fn an_imported_text_signs_in_and_strangers_do_not_search_without_end() {
    let mut scene = Scene::on(|folder| {
        Server::configured(folder, |config| {
            let limits = toml::Table::from_iter([("guesses_per_minute".to_owned(), 3.into())]);
            config.insert("limits".to_owned(), limits.into());
        })
    });
    let mut item = peppered(HMAC.1, PEPPER);
    item["scopes"] = json!(["keys:read"]);
    import_one(&scene, item);
    let ask = |scene: &Scene, secret: &str| scene.call_as(secret, "GET", "/v1/keys", None).status;
    let guess = |scene: &Scene| [(); 4].map(|()| ask(scene, "brought-along-wrong"));
    assert_eq!([(); 9].map(|()| ask(&scene, HMAC.0)), [200; 9]);
    assert_eq!(guess(&scene), [401, 401, 401, 429], "what was right is no guess");
    assert_eq!(ask(&scene, HMAC.0), 200);
    scene.restart();
    assert_eq!(guess(&scene), [401, 401, 401, 429]);
    assert_eq!(ask(&scene, HMAC.0), 429, "it tells nothing of whether the text is right");
    assert_eq!(ask(&scene, &scene.owner), 200);
}

#[test]
fn a_slow_hash_is_upgraded_when_it_is_first_used() {
    let mut scene = Scene::new();
    for (algorithm, (secret, hash)) in [("bcrypt", BCRYPT), ("argon2id", ARGON2ID)] {
        let id = import_one(&scene, slow(algorithm, hash, &secret[..8]));
        let path = format!("/v1/keys/{id}");
        let wrong = format!("{}-and-no-more", &secret[..8]);
        assert_eq!(scene.verdict(&wrong), "unknown", "{algorithm}");
        assert_eq!(scene.read(&path)["version"], 1, "a wrong text changes nothing");
        assert_eq!(scene.verify(secret)["key_id"], id.as_str(), "{algorithm}");
        assert_eq!(scene.read(&path)["version"], 2, "it has a digest now");
        assert_eq!(scene.verify(secret)["key_id"], id.as_str());
        assert_eq!(scene.read(&path)["version"], 2, "and needs no other");
        scene.restart();
        assert_eq!(scene.verify(secret)["key_id"], id.as_str());
        scene.ok("DELETE", &path, Value::Null);
        assert_eq!(scene.verdict(secret), "removed", "{algorithm}");
    }
}

#[test]
fn a_slow_hash_that_was_removed_before_its_first_use_opens_nothing() {
    let scene = Scene::new();
    let (secret, hash) = BCRYPT;
    let id = import_one(&scene, slow("bcrypt", hash, &secret[..8]));
    scene.ok("DELETE", &format!("/v1/keys/{id}"), Value::Null);
    assert_ne!(scene.verdict(secret), "valid");
}

/// Once a handle of eight characters is known, every shorter or longer text that begins with it is looked at.
#[test]
fn a_short_text_that_begins_like_a_slow_key_is_unknown() {
    let scene = Scene::new();
    let (secret, hash) = BCRYPT;
    import_one(&scene, slow("bcrypt", hash, &secret[..8]));
    assert_eq!(scene.verdict(&secret[..8]), "unknown");
    assert_eq!(scene.verdict(&secret[..12]), "unknown");
}

#[test]
fn what_cannot_be_imported_is_refused() {
    let scene = Scene::new();
    let both = json!({ "name": "x", "secret": "imported-secret-0001", "digest": { "algorithm": "sha256", "value": "00" } });
    let cases = [
        json!({ "name": "x" }),
        both,
        json!({ "name": "x", "secret": "short" }),
        json!({ "name": "x", "secret": "with spaces in the middle" }),
        json!({ "name": "x", "secret": "y".repeat(513) }),
        json!({ "name": "", "secret": "imported-secret-0001" }),
        json!({ "name": "x", "secret": "imported-secret-0001", "nam": "y" }),
        digest("sha256", "00"),
        digest("sha512", SHA256.1),
        digest("md5", "d41d8cd98f00b204e9800998ecf8427e"),
        digest("hmac-sha256", HMAC.1),
        peppered(HMAC.1, "not base64!"),
        {
            let mut item = digest("sha256", SHA256.1);
            item["digest"]["pepper"] = json!(PEPPER);
            item
        },
        digest("bcrypt", BCRYPT.1),
        slow("bcrypt", ARGON2ID.1, "differen"),
        slow("argon2id", BCRYPT.1, "brought-"),
        slow("bcrypt", "$2b$05$", "a b"),
    ];
    for item in cases {
        assert_eq!(refused(&scene, item.clone()), no(400, "invalid_field"), "{item}");
    }
}

#[test]
fn one_secret_is_never_two_keys_nor_a_key_again() {
    let mut scene = Scene::new();
    let plain = json!({ "name": "x", "secret": SHA256.0 });
    let id = import_one(&scene, plain.clone());
    let own = scene.held(json!({}));
    let own_again = json!({ "name": "x", "secret": own.secret });
    for step in ["alive", "removed", "restarted"] {
        assert_eq!(refused(&scene, plain.clone()), no(409, "taken"), "{step}");
        assert_eq!(refused(&scene, digest("sha256", SHA256.1)), no(409, "taken"), "{step}");
        assert_eq!(refused(&scene, own_again.clone()), no(409, "taken"), "{step}");
        match step {
            "alive" => [&id, &own.id].into_iter().for_each(|id| {
                scene.ok("DELETE", &format!("/v1/keys/{id}"), Value::Null);
            }),
            "removed" => scene.restart(),
            _ => {}
        }
    }
    assert_eq!(scene.verdict(SHA256.0), "removed");
}

/// The digest of a removed key cannot be recognised in the text of another import by its bytes: it takes the hash
/// that it was made with.
#[test]
fn a_removed_secret_does_not_come_back_under_another_digest() {
    let scene = Scene::new();
    for (secret, item) in [(SHA512.0, digest("sha512", SHA512.1)), (HMAC.0, peppered(HMAC.1, PEPPER))] {
        let id = import_one(&scene, item);
        scene.ok("DELETE", &format!("/v1/keys/{id}"), Value::Null);
        let again = import(&scene, &[json!({ "name": "again", "secret": secret })]);
        assert_ne!(scene.verdict(secret), "valid", "{again:?}");
    }
}

#[test]
fn a_stream_of_thousands_with_bad_lines_between_imports_all_the_good_ones() {
    let scene = Scene::new();
    let mut body = String::new();
    for n in 1..=3000 {
        match n % 10 {
            3 => body += "{\"name\":\n",
            6 => writeln!(body, r#"{{"name":"dup","secret":"streamed-secret-{:06}"}}"#, n - 1)
                .expect("a string"),
            9 => body += "{\"name\":\"x\",\"secret\":\"short\"}\n",
            _ => writeln!(body, r#"{{"name":"n{n}","secret":"streamed-secret-{n:06}"}}"#).expect("a string"),
        }
    }
    // An empty line is no item, and the last line needs no end.
    let body = format!("\n{}", body.trim_end());
    let headers = format!("Authorization: Bearer {}\r\nContent-Type: application/x-ndjson\r\n", scene.owner);
    let answer = scene.request("POST", "/v1/keys/import", &headers, body.as_bytes());
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/x-ndjson")));
    let answered = lines(&answer.body);
    assert_eq!(answered.len(), 3000);
    for (place, line) in (1..).zip(&answered) {
        assert_eq!(line["line"], place);
        let code = line["problem"]["code"].as_str();
        match place % 10 {
            3 => assert_eq!(code, Some("malformed_body"), "{line}"),
            // Lines are done side by side: of two with one secret, one is it.
            5 | 6 => {}
            9 => assert_eq!(code, Some("invalid_field"), "{line}"),
            _ => assert!(line["id"].is_string(), "{line}"),
        }
    }
    for pair in answered.chunks_exact(10) {
        let made = [&pair[4], &pair[5]].map(|line| line["id"].is_string());
        assert_eq!(made.iter().filter(|made| **made).count(), 1, "{made:?}");
    }
    for n in [1, 2500, 2998] {
        let key = scene.verify(&format!("streamed-secret-{n:06}"));
        assert_eq!(key["key_id"], answered[n - 1]["id"], "{key}");
    }
}

#[test]
fn a_line_that_is_too_long_is_answered_and_the_next_ones_are_done() {
    let scene = Scene::new();
    let item = |n: usize| format!(r#"{{"name":"n{n}","secret":"streamed-secret-{n:06}"}}"#);
    let blank = " ".repeat(1024 * 1024);
    let body = [item(1), format!("{}{blank}", item(2)), item(3), blank + " ", item(5)].join("\n");
    let headers = format!("Authorization: Bearer {}\r\nContent-Type: application/x-ndjson\r\n", scene.owner);
    let answer = scene.request("POST", "/v1/keys/import", &headers, body.as_bytes());
    let answered = lines(&answer.body);
    let statuses: Vec<&Value> = answered.iter().map(|line| &line["problem"]["status"]).collect();
    assert_eq!(statuses, [&Value::Null, &json!(413), &Value::Null, &json!(413), &Value::Null]);
    for n in [1, 3, 5] {
        assert_eq!(scene.verify(&format!("streamed-secret-{n:06}"))["key_id"], answered[n - 1]["id"]);
    }
    assert_eq!(scene.verdict("streamed-secret-000002"), "unknown");
}

#[test]
fn an_array_has_at_most_a_thousand_items() {
    let scene = Scene::new();
    let items: Vec<Value> =
        (0..1001).map(|n| json!({ "name": "x", "secret": format!("item-number-{n:06}") })).collect();
    assert_eq!(scene.refused("POST", "/v1/keys/import", json!(items)), no(413, "too_large"));
    assert_eq!(scene.verdict("item-number-000000"), "unknown", "nothing of it was done");
    assert_eq!(import(&scene, &items[..1000]).len(), 1000);
    assert!(import(&scene, &[]).is_empty());
}

#[test]
fn a_repeated_import_gets_every_line_again() {
    let scene = Scene::new();
    let items =
        json!([{ "name": "x", "secret": "imported-secret-0001" }, { "name": "y", "secret": "short" }]);
    let once = "Idempotency-Key: import-1\r\n";
    let first = lines(&scene.with_headers("POST", "/v1/keys/import", once, items.clone()).body);
    let again = lines(&scene.with_headers("POST", "/v1/keys/import", once, items).body);
    assert!(first[0]["id"].is_string());
    assert_eq!(first[0], again[0]);
    assert_eq!(again[1]["problem"]["code"], "invalid_field");
}
