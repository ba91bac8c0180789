//! Verifying.

use std::sync::Arc;

use keyward_client::wire;
use keyward_core::command::{Answer, Command, Shown};
use keyward_core::id::Id;
use keyward_core::live::{Details, Directory, Profile};
use keyward_core::scope::Scopes;
use keyward_core::time::Timestamp;
use keyward_core::verbs::verify::{Refusal, Valid, Verdict};
use proptest::prelude::{any, prop, proptest};
use serde_json::json;

use crate::samples::{ACCOUNT, KEY, ORGANIZATION, Sent, json, send};

fn ask(body: &str) -> Sent {
    send("POST", "/v1/keys/verify").json(body)
}

/// A valid key of an account and an organization that are always the same.
pub(super) fn valid(name: &str, metadata: &str, scopes: &[&str], expires_at: Option<Timestamp>) -> Answer {
    let scopes = Scopes::parse(scopes.iter().copied()).unwrap_or_else(|error| panic!("{error:?}"));
    let account = Directory::default().account(Id::from_bits(3).into(), Id::from_bits(2).into());
    let profile = Profile {
        account,
        rights: scopes.rights(),
        scopes,
        ip_allow: Vec::new(),
        rate_limit: None,
        way: None,
    };
    Answer::Verdict(Box::new(Verdict::Valid(Valid {
        key: Id::from_bits(1).into(),
        profile: Arc::new(profile),
        details: Details::new(name, metadata),
        expires_at,
        position: 42,
    })))
}

#[test]
fn a_question_is_read_where_it_stands() {
    let body = r#"{"secret":"kw_\u006cive","scopes":["b","a"],"ip":"2001:db8::1","cost":3}"#;
    let Command::Verify(ask) = ask(body).command() else { panic!() };
    assert!(matches!(&ask.shown, Shown::Secret(text) if text.as_str() == "kw_live"));
    assert!(ask.scopes == Scopes::parse(["a", "b"]).unwrap_or_else(|error| panic!("{error:?}")));
    assert_eq!((ask.address, ask.cost), (Some("2001:db8::1".parse().unwrap()), 3));
}

#[test]
fn an_address_of_ipv4_is_one_however_it_is_written() {
    let Command::Verify(ask) = ask(r#"{"secret":"x","ip":"::ffff:192.0.2.7"}"#).command() else { panic!() };
    assert_eq!(ask.address, Some("192.0.2.7".parse().unwrap()));
}

#[test]
fn a_question_costs_one_if_nothing_is_said() {
    let Command::Verify(ask) = ask(r#"{"secret":""}"#).command() else { panic!() };
    assert_eq!((ask.cost, ask.address), (1, None));
}

#[test]
fn a_wrong_question_is_refused_by_field() {
    for (body, field) in [
        (r"{}", "secret"),
        (r#"{"secret":"x","secret":"y"}"#, "secret"),
        (r#"{"secret":"x","ip":"localhost"}"#, "ip"),
        (r#"{"secret":"x","cost":-1}"#, "cost"),
        (r#"{"secret":"x","scopes":["A"]}"#, "scopes"),
        (r#"{"secret":"x","pin":"1"}"#, "pin"),
    ] {
        assert_eq!(ask(body).invalid().0, field, "{body}");
    }
    assert_eq!(send("POST", "/v1/keys/verify?x=1").json(r#"{"secret":"x"}"#).invalid().0, "x");
}

#[test]
fn a_valid_key_is_told_with_what_it_may() {
    let answer =
        valid("ci", r#"{"team":"blue"}"#, &["a", "b"], Some(Timestamp::from_millis(1_900_000_000_000)));
    assert_eq!(
        json(&ask("").answered(&answer.into())),
        json!({
            "valid": true, "key_id": KEY, "account_id": ACCOUNT, "organization_id": ORGANIZATION, "name": "ci",
            "scopes": ["a", "b"], "metadata": {"team": "blue"}, "expires_at": "2030-03-17T17:46:40.000Z", "position": 42,
        })
    );
}

#[test]
fn a_refused_key_is_told_why_and_no_more() {
    let refused =
        |refusal| json(&ask("").answered(&Answer::Verdict(Box::new(Verdict::Refused(refusal))).into()));
    // The words of the wire and those of the core are the same list.
    for refusal in Refusal::ALL {
        assert_eq!(refused(refusal), json!({"valid": false, "code": refusal.word()}));
        let read: wire::Verdict = serde_json::from_value(refused(refusal)).unwrap();
        let wire::Verdict::Refused(read) = read else { panic!() };
        assert_eq!(serde_json::to_value(read.code).unwrap(), refusal.word());
    }
}

proptest! {
    // What is written by hand is what the wire type says, whatever people call their keys.
    #[test]
    fn what_is_written_by_hand_is_the_wire_type(
        name in any::<String>(),
        scopes in prop::collection::vec("[a-z0-9:._*/-]{1,64}", 0..5),
        metadata in prop::collection::hash_map(any::<String>(), any::<String>(), 0..4),
        expires in any::<Option<u64>>(),
    ) {
        let metadata = serde_json::to_value(metadata).unwrap();
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
        let answer = valid(&name, &metadata.to_string(), &scopes, expires.map(Timestamp::from_millis));
        let response = ask("").answered(&answer.into());
        let read: wire::Verdict = serde_json::from_slice(&response.body).unwrap();
        let wire::Verdict::Valid(read) = read else { panic!() };
        assert_eq!(&read.name, &name);
        assert_eq!(serde_json::Value::Object(read.metadata.0), metadata);
        assert_eq!(read.expires_at.is_some(), expires.is_some());
        assert_eq!(read.position, 42);
    }
}
