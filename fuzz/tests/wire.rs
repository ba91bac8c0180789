//! This file is about the SDK: what a server says, or a body that somebody else wrote, reads as one thing only.

use bolero::{check, produce};
use keyward_client::wire;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::mutation::{SCRIPT, mutated};

const KEY: &str = r#"{"id":"key_00000000000000000000000001","kind":"secret","organization_id":"org_00000000000000000000000002","account_id":"acct_00000000000000000000000003","name":"ci","handle":"kw_live_0123456789","environment":"live","state":"active","scopes":["a"],"metadata":{"a":[1,{"b":null}]},"tags":["x"],"created_at":"2030-01-01T00:00:00.000Z","not_before":null,"expires_at":null,"remove_at":null,"ip_allow":["10.0.0.0/8"],"rate_limit":{"limit":5,"window_seconds":60},"uses_left":3,"protected":false,"recoverable":false,"supersedes":null,"version":1}"#;
const TOMBSTONE: &str = r#"{"id":"key_00000000000000000000000001","kind":"secret","organization_id":"org_00000000000000000000000002","account_id":"acct_00000000000000000000000003","handle":"kw_live_0123456789","environment":"live","state":"removed","created_at":"2030-01-01T00:00:00.000Z","removed_at":"2030-01-02T00:00:00.000Z","reason":"compromised","receipt_id":"rcpt_00000000000000000000000001","version":2}"#;
const PROBLEM: &str = r#"{"type":"about:blank","title":"Gone","status":410,"detail":"removed","code":"removed","field":null,"request_id":"r"}"#;
const VALID: &str = r#"{"valid":true,"key_id":"key_1","account_id":"acct_1","organization_id":"org_1","name":"ci","scopes":["a"],"metadata":{},"expires_at":null,"position":7}"#;
const REFUSED: &str = r#"{"valid":false,"code":"removed"}"#;
const UPDATE: &str =
    r#"{"expires_at":null,"uses_left":3,"metadata":{"a":null},"rate_limit":null,"protected":true}"#;
const ISSUE: &str =
    r#"{"name":"ci","scopes":["a"],"metadata":{"a":1},"rate_limit":{"limit":5,"window_seconds":60}}"#;
const IMPORT: &str =
    r#"{"name":"x","digest":{"algorithm":"argon2id","value":"$argon2id$x","pepper":null},"handle":"till"}"#;
const LINE: &str = r#"{"line":3,"id":"key_00000000000000000000000001"}"#;
const REMOVE: &str = r#"{"filter":{"tag":"old","state":"suspended"},"dry_run":true,"reason":"retired"}"#;
const ACCOUNT: &str = r#"{"id":"acct_1","organization_id":"org_1","parent_id":null,"name":"a","role":"member","state":"active","created_at":"2030-01-01T00:00:00.000Z","version":1}"#;

/// Whether a type takes the bytes; if so, what it writes is what it would read again.
fn settles<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> bool {
    let Ok(read) = serde_json::from_slice::<T>(bytes) else { return false };
    let written = serde_json::to_vec(&read).unwrap();
    let again: T = serde_json::from_slice(&written).unwrap();
    assert_eq!(
        String::from_utf8(serde_json::to_vec(&again).unwrap()).unwrap(),
        String::from_utf8(written).unwrap()
    );
    true
}

type Reads = fn(&[u8]) -> bool;

const TYPES: [(&str, Reads); 14] = [
    (KEY, settles::<wire::Key>),
    (KEY, settles::<wire::FoundKey>),
    (TOMBSTONE, settles::<wire::FoundKey>),
    (TOMBSTONE, settles::<wire::Tombstone>),
    (PROBLEM, settles::<wire::Problem>),
    (VALID, settles::<wire::Verdict>),
    (REFUSED, settles::<wire::Verdict>),
    (UPDATE, settles::<wire::UpdateKey>),
    (ISSUE, settles::<wire::IssueKey>),
    (IMPORT, settles::<wire::ImportKey>),
    (LINE, settles::<wire::ImportedLine>),
    (REMOVE, settles::<wire::RemoveKeys>),
    (ACCOUNT, settles::<wire::Account>),
    (r#"{"name":"a","role":"owner"}"#, settles::<wire::CreateAccount>),
];

#[test]
fn what_is_read_is_written_the_same() {
    let input = (0..TYPES.len(), produce::<Vec<u8>>().with().len(SCRIPT));
    check!().with_iterations(12_000).with_generator(input).for_each(|(which, script)| {
        let (valid, reads) = TYPES[*which];
        assert!(reads(valid.as_bytes()), "{valid}");
        let _ = reads(&mutated(valid.as_bytes(), script));
    });
}

/// A gateway lets in on this answer: a body is a yes only if it says so.
#[test]
fn only_a_yes_is_a_yes() {
    let input = (produce::<bool>(), produce::<Vec<u8>>().with().len(SCRIPT));
    check!().with_iterations(12_000).with_generator(input).for_each(|(yes, script)| {
        let bytes = mutated(if *yes { VALID } else { REFUSED }.as_bytes(), script);
        let Ok(verdict) = serde_json::from_slice::<wire::Verdict>(&bytes) else { return };
        let said: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let is_valid = matches!(verdict, wire::Verdict::Valid(_));
        assert_eq!(said["valid"], serde_json::Value::Bool(is_valid), "{said}");
    });
}
