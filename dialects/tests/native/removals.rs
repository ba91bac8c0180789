//! Removing many keys.

use keyward_core::command::{Answer, Command, Done, Named, Page};
use keyward_core::event::Reason;
use keyward_core::filter::Filter;
use keyward_core::id::Id;
use keyward_core::removal::{InUse, Plan, Progress, Removal, Selection, UsedWithin};
use keyward_core::time::Timestamp;
use keyward_core::usage::{Client, Who};
use serde_json::json;

use crate::samples::{ACCOUNT, KEY, Sent, json, send, tombstone};

const REMOVAL: &str = "rmvl_00000000000000000000000009";

fn remove(body: &str) -> Sent {
    send("POST", "/v1/removals").json(body)
}

#[test]
fn keys_are_named_in_one_way() {
    let selection = |body: &str| {
        let Command::StartRemoval { selection, .. } = remove(body).command() else { panic!() };
        *selection
    };
    assert!(
        matches!(selection(r#"{"secret":"s"}"#), Selection::One(Named::Secret(text)) if text.as_str() == "s")
    );
    assert!(matches!(selection(r#"{"handle":"kw_live_1"}"#), Selection::One(Named::Handle(_))));
    assert!(matches!(selection(&format!(r#"{{"account_id":"{ACCOUNT}"}}"#)), Selection::Account(_)));
    let Selection::Filter(filter) = selection(r#"{"filter":{"tag":"old","state":"suspended"}}"#) else {
        panic!()
    };
    assert_eq!(filter.tag.as_deref(), Some("old"));
    for wrong in [r"{}", r#"{"secret":"s","handle":"kw_live_1"}"#] {
        assert_eq!(remove(wrong).invalid().0, "", "{wrong}");
    }
    assert_eq!(remove(r#"{"filter":{"tags":"old"}}"#).invalid().0, "filter.tags");
}

#[test]
fn a_dry_run_is_a_plan_and_its_hash_confirms() {
    assert!(matches!(
        remove(r#"{"handle":"kw_live_1","dry_run":true}"#).command(),
        Command::PlanRemoval { .. }
    ));
    let body = format!(r#"{{"handle":"kw_live_1","reason":"retired","plan_hash":"{}"}}"#, "0a".repeat(32));
    let Command::StartRemoval { reason, plan_hash, .. } = remove(&body).command() else { panic!() };
    assert_eq!((reason, plan_hash), (Reason::Retired, Some([10; 32])));
    assert_eq!(remove(r#"{"handle":"kw_live_1","plan_hash":"0a"}"#).invalid().0, "plan_hash");
}

#[test]
fn a_plan_says_who_uses_what() {
    let whose = [Who::Address("192.0.2.7".parse().unwrap()), Who::Verifier("gateway-1".into())];
    let clients = whose.map(|who| Client { who, last_seen_at: Timestamp::from_millis(2000) });
    let plan = Plan {
        total: 3,
        protected: 1,
        in_use: vec![InUse {
            key: Id::from_bits(1).into(),
            last_used_at: Timestamp::from_millis(2000),
            clients: clients.to_vec(),
        }],
        used_within: UsedWithin { hour: 1, day: 1, week: 2 },
        hash: [255; 32],
    };
    let at = "1970-01-01T00:00:02.000Z";
    assert_eq!(
        json(&remove("").answered(&Answer::Plan(Box::new(plan)).into())),
        json!({
            "total": 3, "protected": 1, "used_within": {"hour": 1, "day": 1, "week": 2}, "plan_hash": "ff".repeat(32),
            "in_use": [{"key_id": KEY, "last_used_at": at, "clients": [
                {"address": "192.0.2.7", "verifier": null, "last_seen_at": at},
                {"address": null, "verifier": "gateway-1", "last_seen_at": at},
            ]}],
        })
    );
}

#[test]
fn a_removal_is_begun_then_read_page_by_page() {
    let answer = Done::from(Answer::Removal(Box::new(Progress {
        removal: Removal {
            id: Id::from_bits(9).into(),
            organization: Id::from_bits(2).into(),
            actor: Id::from_bits(1).into(),
            filter: Filter::default(),
            spares_owners: false,
            reason: Reason::Retired,
            total: 2,
            created_at: Timestamp::from_millis(1000),
            finished_at: None,
            removed: 0,
            position: 5,
            salt: [0; 16],
            version: 1,
        },
        removed: 1,
        receipts: vec![tombstone()],
        next: Some(Id::from_bits(1)),
        uncovered: vec!["gateway".to_owned()],
    })));
    let begun = remove("").answered(&answer);
    assert_eq!(begun.status.as_u16(), 202);
    assert_eq!(begun.headers["location"], format!("/v1/removals/{REMOVAL}"));
    let read = send("GET", &format!("/v1/removals/{REMOVAL}")).answered(&answer);
    assert_eq!((read.status.as_u16(), &read.body), (200, &begun.body));
    let body = json(&read);
    assert_eq!((&body["removal"]["removed"], &body["removal"]["finished_at"]), (&json!(1), &json!(null)));
    assert_eq!(body["uncovered"], json!(["gateway"]));
    assert_eq!(body["receipts"]["data"][0]["receipt_id"], "rcpt_00000000000000000000000001");
    let cursor = body["receipts"]["next_cursor"].as_str().unwrap();
    let sent = send("GET", &format!("/v1/removals/{REMOVAL}?limit=2&cursor={cursor}"));
    let Command::FindRemoval { page, .. } = sent.command() else { panic!() };
    assert_eq!(page, Page { after: Some(Id::from_bits(1)), limit: 2 });
}
