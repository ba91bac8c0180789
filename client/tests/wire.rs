//! Wire types: what they refuse, and that what one side writes the other reads.

use keyward_client::Client;
use keyward_client::wire::{
    Access, AccessType, AtDoor, Digest, FoundKey, ImportKey, IssueKey, Issued, Key, Metadata, RemoveKeys,
    Secret, Text, UpdateKey, Verdict, Verify,
};
use serde_json::json;

#[test]
fn metadata_has_every_member_once_at_every_depth() {
    let good = r#"{"a":{"b":[{"c":1.5},{"c":-1}]},"d":null,"e":18446744073709551615,"f":"\u00e4"}"#;
    let read: Metadata = serde_json::from_str(good).unwrap();
    let other: serde_json::Value = serde_json::from_str(good).unwrap();
    assert_eq!(serde_json::Value::Object(read.0), other);
    for twice in [r#"{"a":1,"a":1}"#, r#"{"a":{"b":1,"b":2}}"#, r#"{"a":[{"b":1,"\u0062":2}]}"#] {
        assert!(serde_json::from_str::<Metadata>(twice).is_err(), "{twice}");
    }
}

#[test]
fn nesting_ends_somewhere() {
    let deep = |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    assert!(serde_json::from_str::<Metadata>(&deep(100)).is_ok());
    assert!(serde_json::from_str::<Metadata>(&deep(100_000)).is_err());
}

#[test]
fn a_patch_says_only_what_it_changes() {
    let patch = UpdateKey { expires_at: Some(None), name: Some("x".into()), ..UpdateKey::default() };
    let text = serde_json::to_value(&patch).unwrap();
    assert_eq!(text, json!({"name": "x", "expires_at": null}));
    let read = serde_json::from_value::<UpdateKey>(text.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), text);
    assert!(serde_json::from_value::<UpdateKey>(json!({"name": null})).is_err());
}

#[test]
fn a_new_key_is_read_as_it_was_written() {
    let key = IssueKey { name: "x".into(), uses_left: Some(3), ..IssueKey::default() };
    let text = serde_json::to_value(&key).unwrap();
    let read = serde_json::from_value::<IssueKey>(text.clone()).unwrap();
    assert_eq!((read.name.as_str(), read.uses_left), ("x", Some(3)));
    assert_eq!(serde_json::to_value(&read).unwrap(), text);
}

#[test]
fn text_is_borrowed_unless_it_holds_escapes() {
    let body = r#"{"secret":"abc","scopes":["a","\u0062"]}"#;
    let question: Verify<'_> = serde_json::from_str(body).unwrap();
    let borrowed = |text: &Text<'_>| matches!(text.0, std::borrow::Cow::Borrowed(_));
    assert!(
        question.secret.as_ref().is_some_and(borrowed)
            && borrowed(&question.scopes[0])
            && !borrowed(&question.scopes[1])
    );
    assert_eq!(&*question.scopes[1], "b");
}

#[test]
fn a_verdict_is_told_by_its_first_word() {
    let valid = json!({
        "valid": true, "key_id": "k", "account_id": "a", "organization_id": "o", "name": "n", "scopes": [],
        "metadata": {}, "expires_at": null, "position": 1,
    });
    let read: Verdict = serde_json::from_value(valid.clone()).unwrap();
    assert!(matches!(&read, Verdict::Valid(_)));
    assert_eq!(serde_json::to_value(read).unwrap(), valid);
    // Neither half of a lie is taken.
    let mut lie = valid;
    lie["valid"] = json!(false);
    assert!(serde_json::from_value::<Verdict>(lie).is_err());
    assert!(serde_json::from_value::<Verdict>(json!({"valid": true, "code": "removed"})).is_err());
}

#[test]
fn a_removed_key_is_told_from_a_living_one() {
    let removed = json!({
        "id": "key_1", "kind": "secret", "organization_id": "o", "account_id": "a", "handle": "h", "environment": "live",
        "state": "removed", "created_at": "", "removed_at": "", "reason": "retired", "receipt_id": "r", "version": 2,
    });
    assert!(matches!(serde_json::from_value(removed), Ok(FoundKey::Removed(_))));
}

#[test]
fn a_key_that_is_printed_does_not_tell_what_opens_the_door() {
    let access = Access {
        access_type: AccessType::Code,
        identification: Some("00421234".to_owned()),
        has_pin: false,
        levels: Vec::new(),
        person: None,
    };
    assert!(!format!("{access:?}").contains("0042"));
}

#[test]
#[expect(clippy::assertions_on_constants, reason = "the constants are what the types decide")]
fn what_holds_a_secret_cannot_be_printed() {
    // Picks the inherent constant where `Debug` is there, the trait's where it is not.
    trait Silent {
        const PRINTS: bool = false;
    }
    impl<T> Silent for T {}
    struct Probe<T>(std::marker::PhantomData<T>);
    impl<T: std::fmt::Debug> Probe<T> {
        const PRINTS: bool = true;
    }
    assert!(!<Probe<Secret>>::PRINTS && !<Probe<Issued>>::PRINTS && !<Probe<ImportKey>>::PRINTS);
    assert!(!<Probe<Digest>>::PRINTS && !<Probe<RemoveKeys>>::PRINTS && !<Probe<Verify<'static>>>::PRINTS);
    assert!(!<Probe<IssueKey>>::PRINTS && !<Probe<UpdateKey>>::PRINTS && !<Probe<AtDoor>>::PRINTS);
    assert!(!<Probe<Client>>::PRINTS && <Probe<Key>>::PRINTS);
}
