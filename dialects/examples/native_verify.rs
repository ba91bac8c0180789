//! Measures what the native dialect adds to a verify: routing, credential, reading and writing, per call.
//! `cargo run --release -p keyward-dialects --example native_verify`
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement reads the clock, prints, and stops where its own input is wrong"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, HeaderValue, Method};
use keyward_core::command::{Answer, Done};
use keyward_core::id::Id;
use keyward_core::live::{Details, Directory, Profile};
use keyward_core::scope::Scopes;
use keyward_core::time::Timestamp;
use keyward_core::verbs::verify::{Refusal, Valid, Verdict};
use keyward_dialects::encedo::Unit;
use keyward_dialects::{Dialect, Request, native};

const ROUNDS: u32 = 1_000_000;
const BODY: &str = r#"{"secret":"kw_live_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG","scopes":["orders:read"],"ip":"192.0.2.7"}"#;

fn main() {
    let dialect = native::dialect().unwrap();
    let mut headers = HeaderMap::new();
    headers
        .insert("authorization", HeaderValue::from_static("Bearer kw_live_0123456789abcdefghijklmnopqrstu"));
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    let unit = Arc::new(Unit::new(Box::new(|| Timestamp::from_millis(0)), Box::new(|_| ())));
    let request = Request {
        method: &Method::POST,
        path: "/v1/keys/verify",
        prefix: "",
        query: "",
        headers: &headers,
        body: BODY.as_bytes(),
        tls: false,
        unit: &unit,
    };
    let scopes = Scopes::parse(["orders:read", "orders:write"]).unwrap();
    let account =
        Directory::default().account(Id::from_bits(2 << 100).into(), Id::from_bits(3 << 100).into());
    let valid = Valid {
        key: Id::from_bits(1 << 100).into(),
        profile: Arc::new(Profile {
            account,
            rights: scopes.rights(),
            scopes,
            ip_allow: Vec::new(),
            rate_limit: None,
            way: None,
        }),
        details: Details::new("continuous integration", r#"{"team":"blue","plan":{"tier":3}}"#),
        expires_at: Some(Timestamp::from_millis(1_900_000_000_123)),
        position: 123_456_789,
    };
    let valid = Done::from(Answer::Verdict(Box::new(Verdict::Valid(valid))));
    let refused = Done::from(Answer::Verdict(Box::new(Verdict::Refused(Refusal::Unknown))));
    measure("route", || drop(black_box(dialect.route(request.method, black_box(request.path)))));
    measure("credential", || drop(black_box((dialect.credential)(black_box(&request)))));
    measure("parse", || parse(&dialect, &request));
    let (route, _) = dialect.route(request.method, request.path).unwrap();
    measure("render, valid", || drop(black_box((route.render)(black_box(&valid), &request))));
    measure("render, refused", || drop(black_box((route.render)(black_box(&refused), &request))));
}

fn parse(dialect: &Dialect, request: &Request<'_>) {
    let (route, params) = dialect.route(request.method, request.path).unwrap();
    drop(black_box((route.parse)(black_box(request), &params)));
}

fn measure(what: &str, mut work: impl FnMut()) {
    for _ in 0..ROUNDS / 10 {
        work();
    }
    let start = Instant::now();
    for _ in 0..ROUNDS {
        work();
    }
    println!("{what:16} {:4} ns", start.elapsed().as_nanos() / u128::from(ROUNDS));
}
