//! Settings: each a resource.

use keyward_core::command::{Answer, Command};
use keyward_core::error::Error;
use keyward_core::id::Id;
use serde_json::{Value, json};

use super::scene::{one, own, resource, talk};
use crate::samples::{ACCOUNT, send};

#[test]
fn settings_are_one_object() {
    let first = resource("settings", json!({ "a": "1" }));
    let second = resource("settings", json!({ "b": "" }));
    let next = Some(Id::from_bits(7));
    let pages = vec![Ok(Answer::Resources(vec![first], next)), Ok(Answer::Resources(vec![second], None))];
    let talk = talk(&send("GET", "/api/account/get_settings?v=1"), pages);
    assert_eq!(talk.said(), (200, json!({ "a": "1", "b": "" })));
    let [Command::ListResources { account, .. }, Command::ListResources { page, .. }] = &talk.commands[..]
    else {
        panic!("two pages")
    };
    assert_eq!((*account, page.after), (Some(own().id), next));
}

#[test]
fn a_setting_is_made_once_and_then_changed() {
    let sent = send("GET", "/api/account/update_setting?v=1&setting=notes&value=my%20notes");
    let none = || Ok(Answer::Resources(vec![], None));
    let heard = talk(&sent, vec![none(), one(resource("settings", json!({})))]);
    assert_eq!(heard.said(), (204, Value::Null));
    let [_, Command::CreateResource(new)] = &heard.commands[..] else { panic!("a new one") };
    assert_eq!((new.account, new.name.clone()), (Some(own().id), Some(format!("{ACCOUNT} notes"))));
    assert_eq!(Value::Object(new.content.clone()), json!({ "notes": "my notes" }));
    let there = resource("settings", json!({ "notes": "old" }));
    let id = there.id;
    let heard = talk(&sent, vec![Ok(Answer::Resources(vec![there.clone()], None)), one(there)]);
    let [_, Command::UpdateResource { resource: changed, patch, .. }] = &heard.commands[..] else {
        panic!("a change")
    };
    assert_eq!((*changed, patch.content.as_ref().unwrap()["notes"].as_str()), (id, Some("my notes")));
    // Two made it at once: the second one changes what the first one made, if it can be seen.
    let taken = || Err(Error::Taken { what: "name" });
    let there = resource("settings", json!({ "notes": "theirs" }));
    let listed = Ok(Answer::Resources(vec![there.clone()], None));
    let raced = talk(&sent, vec![none(), taken(), listed, one(there)]);
    assert_eq!(raced.said(), (204, Value::Null));
    assert!(matches!(&raced.commands[..], [_, _, _, Command::UpdateResource { .. }]));
    let unseen = talk(&sent, vec![none(), taken(), none(), taken()]);
    assert_eq!(unseen.refused(), "INVALID_QUERY");
}

#[test]
fn a_setting_has_a_name_and_a_value_that_may_be_empty() {
    let refused = |query: &str| {
        talk(&send("GET", &format!("/api/account/update_setting?v=1&{query}")), vec![]).refused()
    };
    assert_eq!(refused("value=x"), "MISSING_PARAMETER");
    assert_eq!(refused("setting=x"), "MISSING_PARAMETER");
    assert_eq!(refused("setting=a%0Ab&value=x"), "INVALID_OPTION");
    assert_eq!(refused(&format!("setting={}&value=x", "x".repeat(101))), "INVALID_OPTION");
    let sent = send("POST", "/api/account/update_setting?v=1&setting=x&value=");
    let answers = vec![Ok(Answer::Resources(vec![], None)), one(resource("settings", json!({})))];
    assert_eq!(talk(&sent, answers).said().0, 204);
}
