//! Access levels.

use keyward_core::command::{Answer, Command};
use keyward_core::id::Id;
use keyward_core::resource::Resource;
use serde_json::json;

use super::scene::{LEVEL, post, resource, talk, talk_as};
use crate::samples::send;

const PATH: &str = "/v1/accesslevels/list";

#[test]
fn all_levels_are_listed_however_many_pages_they_are() {
    let named = |bits, name: &str, system: &str| Resource {
        name: Some(name.to_owned()),
        ..resource(bits, json!({"verifier": system}))
    };
    let first = Ok(Answer::Resources(vec![named(4, "Office", "abc123-001")], Some(Id::from_bits(4))));
    let second = Ok(Answer::Resources(vec![named(6, "Cellar", "abc123-002")], None));
    let talk = talk(&post(PATH, "{}"), vec![first, second]);
    assert_eq!(
        talk.good(),
        json!({"levels": [
            {"id": LEVEL, "name": "Office", "system_id": "abc123-001"},
            {"id": "00000000-0000-0000-0000-000000000006", "name": "Cellar", "system_id": "abc123-002"},
        ]})
    );
    let Command::ListResources { collection, page, .. } = &talk.commands[1] else { panic!() };
    assert_eq!((*collection, page.after), ("access_levels", Some(Id::from_bits(4))));
}

#[test]
fn nothing_is_a_body_too_and_any_sort_of_token_will_do() {
    for scope in ["intserv:app", "intserv:integration"] {
        let none = || vec![Ok(Answer::Resources(Vec::new(), None))];
        assert_eq!(talk_as(scope, &send("POST", PATH), none()).good(), json!({"levels": []}));
        assert_eq!(talk_as(scope, &post(PATH, r#"{"unknown":[1]}"#), none()).good(), json!({"levels": []}));
    }
    assert_eq!(talk_as("admin", &post(PATH, "{}"), vec![]).said().0, 401);
}
