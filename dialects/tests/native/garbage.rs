//! Garbage: whatever comes, no route panics, and no problem says again what was sent.

use keyward_core::error::Error;
use keyward_core::secret::Secret;
use keyward_dialects::{Form, Request, native, openapi};
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};

use crate::samples::{ACCOUNT, KEY, Sent, dialect, send};

/// A secret that is put wherever something can be put.
const CANARY: &str = "kw_live_canary_canary";

/// Bodies that some route takes.
const BODIES: [&str; 9] = [
    r#"{"name":"ci","scopes":["a"],"metadata":{"a":{"b":[1,null]}},"rate_limit":{"limit":5,"window_seconds":60}}"#,
    r#"{"secret":"kw_live_0123456789abcdef","scopes":["a","b"],"ip":"192.0.2.7","cost":1}"#,
    r#"{"name":"x","digest":{"algorithm":"sha256","value":"00","pepper":null}}"#,
    r#"[{"name":"x","secret":"0123456789abcdef"},{"name":"y","secret":"0123456789abcdeg"}]"#,
    r#"{"filter":{"tag":"old","state":"suspended"},"dry_run":true}"#,
    r#"{"expires_at":null,"uses_left":3,"ip_allow":["10.0.0.0/8"]}"#,
    r#"{"name":"builds","role":"member","parent_id":null}"#,
    r#"{"overlap_seconds":3600}"#,
    r#"{"remove_at":"2030-01-01T00:00:00Z"}"#,
];

/// Sends it to every route, in every way that a route can be asked; answers the errors.
fn everywhere(body: &[u8], query: &str, segment: &str) -> Vec<(Sent, Error)> {
    let dialect = dialect();
    let mut errors = Vec::new();
    for route in dialect.routes {
        let path =
            route.path.replace("{id}", segment).replace("{*tile}", segment).replace("{*path}", segment);
        let form = ["/v1/introspect", "/v1/revoke"].contains(&route.path);
        let content = if form { "application/x-www-form-urlencoded" } else { "application/json" };
        let method = if route.method == "ANY" { "GET" } else { route.method };
        let mut sent = send(method, &path).header("content-type", content);
        sent.query = query.to_owned();
        sent.body = body.to_vec();
        let Ok((route, params)) = dialect.route(&sent.method, &sent.path) else { continue };
        let outcomes: Vec<Result<(), Error>> = match (route.form)(&sent.request()) {
            Ok(Form::Items(lines) | Form::Lines(lines)) => {
                let split = (lines.split)(&sent.body).map(drop);
                let whole = (lines.parse)(&sent.request(), 1, &sent.body).map(drop);
                vec![split, whole]
            }
            Ok(Form::Document | Form::Events(_) | Form::Verifier) => {
                vec![(route.parse)(&sent.request(), &params).map(drop)]
            }
            Ok(Form::Steps(begin)) => vec![begin(&sent.request(), &params, None).map(drop)],
            Err(error) => vec![Err(error)],
        };
        let failed = outcomes.into_iter().filter_map(Result::err).collect::<Vec<_>>();
        for error in failed {
            let copy = send(method, &path);
            errors.push((copy, error));
        }
    }
    errors
}

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let base = prop::sample::select(BODIES.to_vec());
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..6);
    (base, changes).prop_map(|(base, changes)| {
        let mut bytes = base.as_bytes().to_vec();
        for (at, byte, how) in changes {
            let at = at.index(bytes.len().max(1));
            match how {
                0 if at < bytes.len() => bytes[at] = byte,
                1 if at < bytes.len() => drop(bytes.remove(at)),
                2 => bytes.insert(at.min(bytes.len()), byte),
                _ => bytes.truncate(at),
            }
        }
        bytes
    })
}

fn segments() -> impl Strategy<Value = String> {
    prop_oneof![Just(KEY.to_owned()), Just(ACCOUNT.to_owned()), "[!-.0-~]{0,40}", "(%[0-9A-F]{2}){1,5}"]
}

proptest! {
    #[test]
    fn nothing_panics_on_bytes(
        body in prop::collection::vec(any::<u8>(), 0..300),
        query in "[ -~]{0,60}",
        segment in segments(),
    ) {
        everywhere(&body, &query, &segment);
    }

    #[test]
    fn nothing_panics_on_what_is_nearly_right(body in mutated(), segment in segments()) {
        everywhere(&body, "", &segment);
    }

    #[test]
    fn no_header_panics(value in prop::collection::vec(32_u8..=255, 0..80), which in 0..7_usize) {
        let names =
            ["authorization", "if-match", "idempotency-key", "accept", "prefer", "content-type", "last-event-id"];
        let dialect = dialect();
        for route in dialect.routes {
            let path = route.path.replace("{id}", KEY).replace("{*tile}", "0/000");
            let mut sent = send(route.method, &path);
            let Ok(value) = http::HeaderValue::from_bytes(&value) else { continue };
            sent.headers.insert(names[which], value);
            (dialect.credential)(&sent.request());
            let Ok((route, params)) = dialect.route(&sent.method, &sent.path) else { panic!("{path}") };
            let _ = (route.form)(&sent.request());
            let _ = (route.parse)(&sent.request(), &params);
        }
    }
}

/// The canary as text, as a member's name, as a value of every type of member, and beside JSON.
fn canaries() -> Vec<String> {
    let mut bodies = vec![
        format!("\"{CANARY}\""),
        format!("{{\"{CANARY}\":1}}"),
        format!("{CANARY}"),
        format!("{{\"name\":\"x\",\"metadata\":{{\"{CANARY}\":1,\"{CANARY}\":2}}}}"),
        format!("{{\"name\":\"x\",\"metadata\":{{\"{CANARY}\":{{\"a\":1,\"a\":2}}}}}}"),
        format!("{{\"secret\":\"{CANARY}\",\"secret\":\"{CANARY}\"}}"),
        format!("{{\"secret\":\"{CANARY}"),
        format!("{{\"name\":\"x, expected {CANARY}\",\"kind\":\"x`, expected {CANARY}\"}}"),
    ];
    for member in [
        "name",
        "kind",
        "account_id",
        "scopes",
        "metadata",
        "tags",
        "expires_at",
        "prefix",
        "format",
        "ip_allow",
        "rate_limit",
        "uses_left",
        "protected",
        "secret",
        "digest",
        "handle",
        "ip",
        "cost",
        "filter",
        "reason",
        "plan_hash",
        "role",
        "overlap_seconds",
        "remove_at",
        "suspended",
        "organization_id",
        "message",
        "scheme",
        "plaintext",
        "ciphertext",
        "peer",
        "agreed",
        "crypto",
    ] {
        bodies.push(format!("{{\"{member}\":\"{CANARY}\"}}"));
        bodies.push(format!("{{\"{member}\":[\"{CANARY}\"]}}"));
        bodies.push(format!("{{\"{member}\":{{\"{CANARY}\":\"{CANARY}\"}}}}"));
        bodies.push(format!("{{\"name\":\"x\",\"secret\":\"0123456789abcdef\",\"{member}\":\"{CANARY}\"}}"));
    }
    bodies
}

#[test]
fn our_own_names_are_shorter_than_any_secret() {
    let document = openapi::document(&dialect(), &native::OPERATIONS, native::PROBLEM, "0");
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let closed = schemas.values().filter(|schema| schema["additionalProperties"] == false);
    let names: Vec<&String> =
        closed.filter_map(|schema| schema["properties"].as_object()).flat_map(|known| known.keys()).collect();
    let longest = names.iter().max_by_key(|name| name.len()).unwrap();
    assert!(names.len() > 50 && longest.len() == 15, "{longest}");
    let text = |length: usize| Secret::import(&"x".repeat(length));
    assert!(text(15).is_err() && text(16).is_ok());
}

#[test]
fn no_problem_repeats_what_was_sent() {
    let dialect = dialect();
    let mut looked_at = 0;
    let queries =
        ["", "limit=CANARY", "cursor=CANARY", "CANARY=1", "reason=CANARY", "policy=CANARY", "after=CANARY"];
    for body in canaries() {
        for query in queries {
            for (sent, error) in everywhere(body.as_bytes(), &query.replace("CANARY", CANARY), CANARY) {
                let sent = sent.header("authorization", &format!("Bearer {CANARY}"));
                let response = (dialect.fault)(&error, &sent.request(), "request-1");
                let text = format!("{:?} {}", response.headers, String::from_utf8_lossy(&response.body));
                // A part of it would be too much as well.
                assert!(!text.contains("canary"), "{error:?}");
                looked_at += 1;
            }
        }
    }
    assert!(looked_at > 1000, "only {looked_at} problems were looked at");
}

#[test]
#[expect(clippy::assertions_on_constants, reason = "the constants are what the types decide")]
fn a_request_has_no_way_to_be_printed() {
    // Picks the inherent constant where `Debug` is there, the trait's where it is not.
    trait Silent {
        const PRINTS: bool = false;
    }
    impl<T> Silent for T {}
    struct Probe<T>(std::marker::PhantomData<T>);
    impl<T: std::fmt::Debug> Probe<T> {
        const PRINTS: bool = true;
    }
    assert!(!<Probe<Request<'static>>>::PRINTS && !<Probe<keyward_dialects::Credential<'static>>>::PRINTS);
    assert!(<Probe<String>>::PRINTS);
}
