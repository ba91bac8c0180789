//! What keys open.

use keyward_core::account::Role;
use keyward_core::command::{Answer, Command};
use keyward_core::error::Error;
use keyward_core::id::Id;
use keyward_core::resource::Resource;
use keyward_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::scene::{caller, talk, talk_as};
use crate::samples::{Sent, send};
use crate::talk::Talk;

fn kept() -> Result<Answer, Error> {
    Ok(Answer::Resource(Box::new(Resource {
        id: Id::from_bits(9).into(),
        organization: Id::from_bits(2).into(),
        account: Id::from_bits(3).into(),
        collection: "imports".to_owned(),
        parent: None,
        name: None,
        content: Map::new(),
        created_at: Timestamp::from_millis(1000),
        updated_at: Timestamp::from_millis(1000),
        removed_at: None,
        salt: [5; 16],
        version: 1,
        names: Vec::new(),
    })))
}

/// What is kept: the collection, and what stands in it.
fn keeps(talk: &Talk) -> (&'static str, Value) {
    let [Command::CreateResource(new)] = talk.commands.as_slice() else { panic!("one command") };
    assert!(new.account.is_none() && new.name.is_none());
    (new.collection, Value::Object(new.content.clone()))
}

fn upload(path: &str, body: &[u8]) -> Sent {
    Sent { body: body.to_vec(), ..send("POST", path) }.header("content-type", "multipart/form-data")
}

#[test]
fn an_import_answers_how_many_records_came() {
    for (body, count) in [
        ("[]", 0),
        ("[1,2,3]", 3),
        (r#"{"objects":[{},{}],"relationships":[{}],"name":"x"}"#, 3),
        (r#"{"name":"x"}"#, 1),
        ("null", 1),
    ] {
        let talk = talk(&send("POST", "/creation/import/json").json(body), vec![kept()]);
        assert_eq!(talk.said(), (200, json!({ "count": count })), "{body}");
        assert_eq!(keeps(&talk), ("imports", json!({ "count": count })));
    }
}

#[test]
fn what_is_not_json_is_not_imported() {
    assert_eq!(talk(&send("POST", "/creation/import/json").json("{"), vec![]).status(), 400);
    assert_eq!(talk(&upload("/creation/import/json", b"{}"), vec![]).status(), 415);
}

#[test]
fn a_file_answers_how_many_bytes_came() {
    let talk = talk(&upload("/data/file/file", b"\x00\xffbytes"), vec![kept()]);
    assert_eq!(talk.said(), (200, json!({ "count": 7 })));
    assert_eq!(keeps(&talk), ("files", json!({ "count": 7 })));
}

#[test]
fn a_file_of_an_object_keeps_which() {
    let talk = talk(&upload("/data/object/12/file/34", b"bytes"), vec![kept()]);
    assert_eq!(talk.said(), (200, json!({ "count": 5 })));
    assert_eq!(keeps(&talk), ("files", json!({ "count": 5, "objectID": 12, "fileID": 34 })));
}

#[test]
fn an_object_is_named_by_an_integer() {
    for path in ["/data/object/x/file/34", "/data/object/12/file/x"] {
        assert_eq!(talk(&upload(path, b""), vec![]).status(), 400, "{path}");
    }
}

#[test]
fn members_may_and_auditors_may_not() {
    let sent = upload("/data/file/file", b"bytes");
    assert_eq!(talk_as(&caller(Role::Member, false), &sent, vec![kept()]).status(), 200);
    assert_eq!(talk_as(&caller(Role::Auditor, false), &sent, vec![]).status(), 403);
}
