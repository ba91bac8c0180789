//! Problems.

use std::collections::BTreeSet;

use keyward_client::wire;
use keyward_core::error::Error;

use crate::samples::{KEY, dialect, errors, name, send};

#[test]
fn every_error_is_a_problem_with_a_code() {
    let all = errors();
    let names: BTreeSet<_> = all.iter().map(name).collect();
    assert_eq!((names.len(), all.len()), (28, 28), "the list of samples lacks an error, or has one twice");
    let mut codes = BTreeSet::new();
    for error in all {
        let response = (dialect().fault)(&error, &send("GET", "/v1/keys").request(), "request-1");
        assert_eq!(response.headers["content-type"], "application/problem+json");
        let problem: wire::Problem = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(problem.status, response.status.as_u16());
        assert_eq!(
            (problem.request_id.as_str(), problem.problem_type.as_str()),
            ("request-1", "about:blank")
        );
        assert!(!problem.title.is_empty() && !problem.detail.is_empty());
        assert!(codes.insert(problem.code.clone()), "{} is the code of two errors", problem.code);
        // What is for the log only stays there.
        assert!(!String::from_utf8_lossy(&response.body).contains("INSIDE"));
    }
}

#[test]
fn a_removed_key_leaves_its_facts() {
    let gone = errors().into_iter().find(|error| matches!(error, Error::Gone(_))).unwrap();
    let response = (dialect().fault)(&gone, &send("GET", "/v1/keys").request(), "r");
    let problem: wire::Problem = serde_json::from_slice(&response.body).unwrap();
    assert_eq!((problem.status, problem.tombstone.unwrap().id.as_str()), (410, KEY));
}

#[test]
fn a_field_is_named_where_there_is_one() {
    let field = |error: &Error| {
        let response = (dialect().fault)(error, &send("POST", "/v1/keys").request(), "r");
        serde_json::from_slice::<wire::Problem>(&response.body).unwrap().field
    };
    assert_eq!(field(&Error::invalid("name", "given")).as_deref(), Some("name"));
    assert_eq!(field(&Error::invalid("", "one selection")), None);
    assert_eq!(field(&Error::Taken { what: "handle" }).as_deref(), Some("handle"));
}
