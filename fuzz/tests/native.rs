//! This file is about the native API: whatever a request says, its route reads it or names what is wrong, and
//! never says again what was sent.

use std::sync::{Arc, LazyLock};

use bolero::{check, produce};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use keyward_client::wire::Problem;
use keyward_core::error::Error;
use keyward_core::time::Timestamp;
use keyward_dialects::encedo::Unit;
use keyward_dialects::{Credential, Dialect, Form, Parsed, Request, Step, native};

use crate::mutation::{SCRIPT, mutated, mutated_text};

static NATIVE: LazyLock<Dialect> = LazyLock::new(|| native::dialect().unwrap());

/// Not asked by this dialect.
static UNIT: LazyLock<Arc<Unit>> =
    LazyLock::new(|| Arc::new(Unit::new(Box::new(|| Timestamp::from_millis(0)), Box::new(|_| ()))));

/// Put where secrets stand, and found again in no answer.
const CANARY: &str = "kw_live_CanaryCanaryCanaryCanaryCanaryCanaryCanaryC";

/// Bodies that one of the routes takes.
const BODIES: [&str; 22] = [
    "",
    r#"{"name":"ci","scopes":["a"],"metadata":{"a":{"b":[1,null]}},"rate_limit":{"limit":5,"window_seconds":60}}"#,
    r#"{"name":"ci","kind":"secret","expires_at":"2030-01-01T00:00:00Z","tags":["x"],"ip_allow":["10.0.0.0/8"]}"#,
    r#"{"secret":"kw_live_CanaryCanaryCanaryCanaryCanaryCanaryCanaryC","scopes":["a","b"],"ip":"192.0.2.7","cost":1}"#,
    r#"{"name":"x","digest":{"algorithm":"hmac-sha256","value":"00","pepper":"kw_live_CanaryCanaryCanaryCanaryCanaryCanaryCanaryC"}}"#,
    r#"[{"name":"x","secret":"kw_live_CanaryCanaryCanaryCanaryCanaryCanaryCanaryC"},{"name":"y","secret":"0123456789abcdeg"}]"#,
    r#"{"filter":{"tag":"old","state":"suspended"},"dry_run":true}"#,
    r#"{"handle":"kw_live_0123456789","reason":"compromised","plan_hash":null}"#,
    r#"{"expires_at":null,"uses_left":3,"metadata":{"a":null},"protected":true}"#,
    r#"{"name":"builds","role":"member","parent_id":null,"organization_id":"org_00000000000000000000000002"}"#,
    r#"{"overlap_seconds":3600}"#,
    r#"{"remove_at":"2030-01-01T00:00:00Z"}"#,
    r#"{"name":"k","kind":"crypto","crypto":{"algorithm":"P-256","usages":["sign","derive"]}}"#,
    r#"[{"name":"k","kind":"crypto","crypto":{"algorithm":"Ed25519","usages":["verify"],"public_key":"AAEC"}}]"#,
    r#"{"peer":{"public_key":"AAEC"},"info":"AA==","key":{"name":"k","kind":"crypto","crypto":{"algorithm":"AES-256","usages":["wrap"]}}}"#,
    r#"{"message":"YWJj","scheme":"ECDSA-SHA-256","context":""}"#,
    r#"{"message":"YWJj","scheme":"ML-DSA","signature":"AAEC"}"#,
    r#"{"message":"YWJj","mac":"AAEC","peer":{"key_id":"key_00000000000000000000000002"},"hash":"SHA3-256"}"#,
    r#"{"mode":"GCM","plaintext":"YWJj","aad":"AA==","agreed":{"peer":{"public_key":"AAEC"},"bits":256}}"#,
    r#"{"mode":"CBC","ciphertext":"YWJj","iv":"AAEC"}"#,
    r#"{"key":"AAECAwQFBgcICQoLDA0ODw=="}"#,
    r#"{"peer":{"key_id":"key_00000000000000000000000002"},"hash":"SHA-256"}"#,
];

const QUERIES: [&str; 6] = [
    "",
    "limit=50&cursor=AAAAAAAAAAAAAAAAAAAAAQ&state=removed",
    "reason=compromised",
    "policy=transfer_to&transfer_to=acct_00000000000000000000000003",
    "after=17&limit=3",
    "organization_id=org_00000000000000000000000002",
];

const HEADERS: [(&str, &str); 7] = [
    ("content-type", "application/json"),
    ("content-type", "application/merge-patch+json; charset=utf-8"),
    ("content-type", "application/x-ndjson"),
    ("if-match", "\"3\""),
    ("idempotency-key", "once"),
    ("accept", "text/event-stream, application/json;q=0.5"),
    ("last-event-id", "12"),
];

struct Sent {
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Sent {
    fn request(&self) -> Request<'_> {
        let Self { method, path, query, headers, body } = self;
        Request { method, path, prefix: "", query, headers, body, tls: true, unit: &UNIT }
    }
}

/// One request to one route, changed as the scripts say.
fn sent(route: usize, parts: &[Vec<u8>; 4], choice: u64) -> Sent {
    let pick = |shift: u32, of: usize| (choice >> shift) as usize % of;
    let route = &NATIVE.routes[route % NATIVE.routes.len()];
    let segment = match route.path {
        path if path.starts_with("/v1/keys") => "key_00000000000000000000000001",
        path if path.starts_with("/v1/accounts") => "acct_00000000000000000000000003",
        path if path.starts_with("/v1/organizations") => "org_00000000000000000000000002",
        path if path.starts_with("/v1/removals") => "rmvl_00000000000000000000000004",
        path if path.starts_with("/v1/receipts") => "rcpt_00000000000000000000000005",
        _ => "0/x001/234.p/17",
    };
    let segment = mutated_text(segment, &parts[0]);
    let mut headers = HeaderMap::new();
    for (place, (name, value)) in HEADERS.into_iter().enumerate() {
        if choice >> (32 + place) & 1 == 1 {
            let value = mutated(value.as_bytes(), if place == pick(24, 16) { &parts[3] } else { &[] });
            headers
                .extend(HeaderValue::from_bytes(&value).map(|value| (HeaderName::from_static(name), value)));
        }
    }
    Sent {
        method: route.method.parse().unwrap(),
        path: route.path.replace("{id}", &segment).replace("{*tile}", &segment),
        query: mutated_text(QUERIES[pick(0, QUERIES.len())], &parts[1]),
        headers,
        body: mutated(BODIES[pick(8, BODIES.len())].as_bytes(), &parts[2]),
    }
}

/// Everything that the routes make of it.
fn read(sent: &Sent) -> Vec<Result<Parsed, Error>> {
    let request = sent.request();
    let (route, params) = match NATIVE.route(&sent.method, &sent.path) {
        Ok(found) => found,
        Err(error) => return vec![Err(error)],
    };
    match (route.form)(&request) {
        Err(error) => vec![Err(error)],
        Ok(Form::Document | Form::Events(_)) => {
            let parsed = (route.parse)(&request, &params);
            if let Ok(parsed) = &parsed {
                assert_eq!(route.verb, Some(parsed.command.verb()), "{} {}", route.method, route.path);
            }
            vec![parsed]
        }
        Ok(Form::Items(lines)) => match (lines.split)(&sent.body) {
            Err(error) => vec![Err(error)],
            Ok(items) => items.into_iter().map(|item| (lines.parse)(&request, 1, item)).collect(),
        },
        Ok(Form::Verifier) => vec![(route.parse)(&request, &params)],
        Ok(Form::Lines(lines)) => vec![(lines.parse)(&request, 1, &sent.body)],
        Ok(Form::Steps(begin)) => match begin(&request, &params, None) {
            Err(error) => vec![Err(error)],
            Ok(Step::Do(command, _)) => vec![Ok((*command).into())],
            Ok(Step::SignIn(..) | Step::Say(_) | Step::SayAfter(..)) => Vec::new(),
        },
    }
}

/// The answer to an error is a problem of its own status, and repeats no secret.
fn is_told(error: &Error, sent: &Sent) {
    let response = (NATIVE.fault)(error, &sent.request(), "req-1");
    let problem: Problem = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(problem.status, response.status.as_u16());
    assert!(response.status.is_client_error(), "a request alone breaks nothing: {error:?}");
    assert_eq!(problem.request_id, "req-1");
    let text = String::from_utf8(response.body).unwrap();
    assert!(!text.contains(&CANARY[8..24]), "{text}");
    for value in response.headers.values() {
        assert!(!value.as_bytes().windows(16).any(|window| window == &CANARY.as_bytes()[8..24]));
    }
}

#[test]
fn every_route() {
    let script = || produce::<Vec<u8>>().with().len(SCRIPT);
    let input = (produce::<u8>(), (script(), script(), script(), script()), produce::<u64>());
    check!().with_iterations(20_000).with_generator(input).for_each(|(route, (a, b, c, d), choice)| {
        // Mostly one part is changed, so that the others are still taken.
        let only = (choice >> 48) % 6;
        let part = |place: u64, script: &Vec<u8>| {
            if only == place || only == 5 { script.clone() } else { Vec::new() }
        };
        let parts = [part(0, a), part(1, b), part(2, c), part(3, d)];
        let sent = sent(usize::from(*route), &parts, *choice);
        for outcome in read(&sent) {
            match outcome {
                Err(error) => is_told(&error, &sent),
                Ok(parsed) => {
                    let named = sent.headers.get("idempotency-key").and_then(|value| value.to_str().ok());
                    // An import has one name for each of its lines.
                    let of_line = named.map(|name| format!("{name}/1"));
                    let key = parsed.idempotency_key;
                    assert!(key.is_none() || key.as_deref() == named || key == of_line, "{key:?}");
                }
            }
        }
    });
}

/// A member that stands twice could be read one way by a gateway and another way here.
#[test]
fn a_member_that_stands_twice_is_refused() {
    let bodies: Vec<&str> = BODIES.into_iter().filter(|body| body.starts_with('{')).collect();
    let input = (produce::<u8>(), produce::<u8>(), 0..bodies.len());
    check!().with_iterations(3000).with_generator(input).for_each(|(route, member, body)| {
        let members: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(bodies[*body]).unwrap();
        let (name, value) = members.iter().nth(usize::from(*member) % members.len()).unwrap();
        let twice = bodies[*body].strip_suffix('}').unwrap().to_owned() + &format!(r#","{name}":{value}}}"#);
        let mut sent = sent(usize::from(*route), &[const { Vec::new() }; 4], 0);
        sent.headers.insert("content-type", HeaderValue::from_static("application/json"));
        sent.body = twice.into_bytes();
        let takes_none = sent.method == Method::GET
            || sent.method == Method::DELETE
            || ["/resume", "/reroot", "/backup"].iter().any(|end| sent.path.ends_with(end));
        assert!(
            takes_none || read(&sent).into_iter().all(|one| one.is_err()),
            "{} {}",
            sent.method,
            sent.path
        );
    });
}

#[test]
fn routes_and_credentials() {
    let input = (produce::<u8>(), produce::<Vec<u8>>().with().len(SCRIPT));
    check!().with_iterations(8000).with_generator(input).for_each(|(route, script)| {
        let known = &NATIVE.routes[usize::from(*route) % NATIVE.routes.len()];
        let path = mutated_text(known.path, script);
        match NATIVE.route(&known.method.parse().unwrap(), &path) {
            Ok((found, _)) => {
                let tail = found.path.contains("{*");
                let segments = |path: &str| path.split('/').count();
                assert!(tail || segments(found.path) == segments(&path), "{path} is {}", found.path);
                assert_eq!(found.method, known.method);
            }
            Err(error) => assert!(matches!(error, Error::NoRoute | Error::WrongMethod { .. })),
        }
        let value = mutated(format!("Bearer {CANARY}").as_bytes(), script);
        let Ok(header) = HeaderValue::from_bytes(&value) else { return };
        let mut sent = sent(0, &[const { Vec::new() }; 4], 0);
        assert!(matches!((NATIVE.credential)(&sent.request()), Credential::Anonymous));
        sent.headers.insert("authorization", header);
        let Credential::Secret(secret) = (NATIVE.credential)(&sent.request()) else { panic!("a credential") };
        // Nothing is a credential that is not what stands behind the scheme.
        let text = String::from_utf8_lossy(&value);
        let behind = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        assert!(secret.is_empty() || behind.is_some_and(|(_, rest)| rest.trim_matches(' ') == secret));
        assert!(value != format!("Bearer {CANARY}").as_bytes() || secret == CANARY);
    });
}
