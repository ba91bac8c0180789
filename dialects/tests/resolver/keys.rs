//! API keys: made, listed, found and removed by administrators.

use keyward_core::account::Role;
use keyward_core::command::{Answer, Command, Named};
use keyward_core::error::Error;
use keyward_core::id::Id;
use keyward_core::key::{Found, Key, Material, Place, Proof, Session};
use keyward_core::secret::{Alphabet, Format, Handle};
use keyward_core::store::RecordKind;
use serde_json::{Value, json};

use super::scene::{ACCESS_KEY, SECRET, caller, found_user, key, scopes, secret, talk, talk_as};
use crate::samples::{Sent, has, removed, send, tombstone};

fn create(body: &str) -> Sent {
    send("POST", "/user/apiKey").json(body)
}

fn record() -> Value {
    json!({
        "id": 77, "orgUserId": 3, "name": "nightly", "accessKey": ACCESS_KEY, "canImpersonate": false,
        "created": "2020-02-20T21:33:07.303Z",
    })
}

fn found(key: Key) -> Result<Answer, Error> {
    Ok(Answer::Found(Box::new(key)))
}

fn gone() -> Error {
    Error::Gone(Box::new(tombstone()))
}

/// Keys that are of other kinds, though they have numbers too.
fn others() -> [Key; 4] {
    let (mut session, mut password, mut native, mut long) = (key(), key(), key(), key());
    session.head.session = Some(Session { parent: Id::from_bits(5).into(), idle_seconds: None });
    let Material::Secret(material) = &mut password.traits.material else { panic!("a secret") };
    material.proof = Proof::Password("$argon2id$".to_owned());
    password.head.place = Place::Nowhere;
    native.head.handle = Handle::parse("kw_live_0123456789").unwrap();
    long.head.handle = Handle::parse("AbCdEfGhIjKlMnOpQrStU").unwrap();
    [session, password, native, long]
}

#[test]
fn a_key_is_made_for_a_user_and_shown_once() {
    let issued = Ok(Answer::Issued(Box::new(key()), secret()));
    let talk = talk(&create(r#"{"orgUserId":3,"name":"nightly","colour":1}"#), vec![found_user(), issued]);
    let mut said = record();
    said["key"] = SECRET.into();
    assert_eq!(talk.said(), (201, said));
    let [Command::FindNumbered { kind: RecordKind::Account, number: 3 }, Command::Issue(issue)] =
        &talk.commands[..]
    else {
        panic!("two commands")
    };
    assert_eq!(issue.account.unwrap().id().number(), 3);
    assert_eq!(
        issue.format,
        Format::Plain { alphabet: Alphabet::Alphanumeric, public: 20, private: 40, hint: 0 }
    );
    assert_eq!((issue.recoverable, issue.draft.expires_at), (false, None));
    assert_eq!((issue.draft.name.as_str(), &issue.draft.scopes), ("nightly", &scopes(&["admin"])));
}

#[test]
fn only_super_administrators_make_keys_that_impersonate() {
    let sent = create(r#"{"orgUserId":3,"name":"nightly","canImpersonate":true}"#);
    for (role, operator) in [(Role::Admin, false), (Role::Owner, false), (Role::Admin, true)] {
        assert_eq!(talk_as(&caller(role, operator), &sent, vec![]).status(), 403);
    }
    let mut made = key();
    made.traits.scopes = scopes(&["admin", "impersonate"]);
    let issued = Ok(Answer::Issued(Box::new(made), secret()));
    let talk = talk_as(&caller(Role::Owner, true), &sent, vec![found_user(), issued]);
    let Some(Command::Issue(issue)) = talk.commands.last() else { panic!("a key") };
    assert_eq!(issue.draft.scopes, scopes(&["admin", "impersonate"]));
    assert_eq!((talk.status(), &talk.said().1["canImpersonate"]), (201, &json!(true)));
}

#[test]
fn what_is_wrong_with_a_new_key_is_400_before_anything_is_asked() {
    for body in [
        "",
        "nonsense",
        "{}",
        r#"{"orgUserId":3}"#,
        r#"{"orgUserId":3,"name":""}"#,
        r#"{"orgUserId":3,"name":7}"#,
        r#"{"name":"nightly"}"#,
        r#"{"orgUserId":"3","name":"nightly"}"#,
        r#"{"orgUserId":3.5,"name":"nightly"}"#,
        r#"{"orgUserId":3,"name":"nightly","canImpersonate":"yes"}"#,
    ] {
        assert_eq!(talk(&create(body), vec![]).status(), 400, "{body}");
    }
    // Integers, but nobody's: numbers have 31 bits. The last two have more than 64.
    for nobodys in ["-3", "99999999999", "18446744073709551616", "-9223372036854775809"] {
        let sent = create(&format!(r#"{{"orgUserId":{nobodys},"name":"n"}}"#));
        assert_eq!(talk(&sent, vec![Err(Error::NotFound)]).status(), 404, "{nobodys}");
    }
}

#[test]
fn the_keys_of_a_user_are_listed_page_by_page() {
    let (mut second, mut third) = (key(), key());
    second.traits.name = "second".to_owned();
    third.traits.name = "third".to_owned();
    let first_page = Answer::Keys(vec![Found::Live(key()), Found::Live(second)], Some(Id::from_bits(80)));
    let last_page = Answer::Keys(vec![Found::Live(third)], None);
    let talk = talk(&send("GET", "/user/apiKey/user/3"), vec![found_user(), Ok(first_page), Ok(last_page)]);
    let (status, said) = talk.said();
    assert_eq!((status, &said["data"][0]), (200, &record()));
    let names: Vec<_> = said["data"].as_array().unwrap().iter().map(|key| &key["name"]).collect();
    assert_eq!(names, ["nightly", "second", "third"]);
    let [_, Command::List { filter, page }, Command::List { page: next, .. }] = &talk.commands[..] else {
        panic!("three commands")
    };
    assert_eq!(filter.account.unwrap().id().number(), 3);
    assert_eq!((page.after, next.after), (None, Some(Id::from_bits(80))));
}

#[test]
fn sessions_passwords_and_other_systems_keys_are_no_api_keys() {
    let all = others().into_iter().map(Found::Live).chain([Found::Removed(tombstone())]).collect();
    let listed = talk(&send("GET", "/user/apiKey/user/3"), vec![found_user(), Ok(Answer::Keys(all, None))]);
    assert_eq!(listed.said(), (200, json!({ "data": [] })));
    let asked = talk(&send("DELETE", "/user/apiKey/77"), vec![Err(Error::NotFound)]).commands;
    let removes = |key: &Key| has(&asked, &caller(Role::Admin, false), key);
    assert!(removes(&key()) && !others().iter().any(removes));
}

#[test]
fn a_number_is_a_keys_or_else_a_users_or_else_nothing() {
    let sent = send("GET", "/user/apiKey/77");
    assert_eq!(talk(&sent, vec![found(key())]).said(), (200, json!({ "data": [record()] })));
    let [session, ..] = others();
    for no_key in [Err(Error::NotFound), Err(gone()), found(session)] {
        let keys = Answer::Keys(vec![Found::Live(key())], None);
        let talk = talk(&sent, vec![no_key, found_user(), Ok(keys)]);
        assert_eq!(talk.said(), (200, json!({ "data": [record()] })));
    }
    assert_eq!(talk(&sent, vec![Err(gone()), Err(Error::NotFound)]).status(), 404);
    let broken = Error::Unavailable { inside: "INSIDE".to_owned() };
    assert_eq!(talk(&sent, vec![Err(broken)]).status(), 503);
}

#[test]
fn a_key_is_removed_with_its_sessions_and_then_unknown() {
    let sent = send("DELETE", "/user/apiKey/77");
    let talk_of = talk(&sent, vec![Ok(removed(false))]);
    assert_eq!(talk_of.said(), (204, Value::Null));
    assert!(!talk_of.response.headers.contains_key("content-type"));
    let [Command::Remove(Named::Number(77), ending)] = &talk_of.commands[..] else { panic!("a removal") };
    assert!(ending.end_sessions && ending.if_match.is_none());
    let again = talk(&sent, vec![Ok(removed(true))]);
    assert_eq!(again.said(), talk(&sent, vec![Err(Error::NotFound)]).said());
    assert_eq!(again.status(), 404);
}

#[test]
fn who_does_not_administer_is_refused_before_anything_is_judged() {
    for (method, path) in [
        ("POST", "/user/apiKey"),
        ("GET", "/user/apiKey/x"),
        ("GET", "/user/apiKey/user/x"),
        ("DELETE", "/user/apiKey/x"),
    ] {
        for (role, operator) in [(Role::Member, false), (Role::Auditor, false), (Role::Auditor, true)] {
            let talk = talk_as(&caller(role, operator), &send(method, path), vec![]);
            assert_eq!(talk.status(), 403, "{role:?} {method} {path}");
        }
    }
}

#[test]
fn whoever_holds_a_key_may_end_it() {
    for role in [Role::Member, Role::Auditor] {
        let caller = caller(role, false);
        let talk = talk_as(&caller, &send("DELETE", "/user/apiKey/77"), vec![Ok(removed(false))]);
        assert_eq!(talk.status(), 204, "{role:?}");
        let [command @ Command::Remove(Named::Id(own), _)] = &talk.commands[..] else { panic!("a removal") };
        assert_eq!(own.id(), key().head.id.id());
        assert!(caller.permit_for(command).is_ok(), "{role:?}");
        assert!(has(&talk.commands, &caller, &key()));
        for other in ["78", "x", "-77"] {
            let sent = send("DELETE", &format!("/user/apiKey/{other}"));
            assert_eq!(talk_as(&caller, &sent, vec![]).status(), 403, "{role:?} {other}");
        }
    }
}

#[test]
fn what_is_no_integer_is_400() {
    for id in ["x", "1.5", "0x10", "1e3", "%31x", "key_00000000000000000000000001"] {
        for method in ["GET", "DELETE"] {
            let talk = talk(&send(method, &format!("/user/apiKey/{id}")), vec![]);
            assert_eq!(talk.status(), 400, "{method} {id}");
        }
        assert_eq!(talk(&send("GET", &format!("/user/apiKey/user/{id}")), vec![]).status(), 400, "{id}");
    }
}
