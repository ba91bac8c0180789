//! Access keys.

use keyward_core::access::Identification;
use keyward_core::command::{Answer, Command, Named};
use keyward_core::error::Error;
use keyward_core::id::Id;
use keyward_core::time::Timestamp;
use keyward_core::verifiers::{Arrival, ReachedBy};
use serde_json::{Value, json};

use super::scene::{KEY, LEVEL, NOW, PERSON, badge, caller, one, post, resource, talk, talk_as};
use crate::samples::{has, key, removed, tombstone};
use crate::talk::Talk;

fn em() -> Option<Identification> {
    Identification::badge("EM:1234567890")
}

fn ann() -> Result<Answer, Error> {
    one(resource(5, json!({"first_name": "Ann", "last_name": "Lee"})))
}

fn shown() -> Value {
    json!({
        "id": KEY, "key": {"identification": "0001234567890", "type": "proximity"},
        "valid_from_date": "2020-09-01T00:00:00Z", "valid_to_date": null, "access_levels": [LEVEL],
        "person": {"id": PERSON, "first_name": "Ann", "last_name": "Lee"},
    })
}

fn found() -> Result<Answer, Error> {
    Ok(Answer::Found(badge(em())))
}

fn add(body: &str, answers: Vec<Result<Answer, Error>>) -> Talk {
    talk(&post("/v1/accesskeys/add", body), answers)
}

fn remove(body: &str, answers: Vec<Result<Answer, Error>>) -> Talk {
    talk(&post("/v1/accesskeys/remove", body), answers)
}

#[test]
fn a_key_is_found_then_removed_and_nothing_is_said() {
    let by_id = format!(r#"{{"id":"{}"}}"#, KEY.to_uppercase());
    let talk = remove(&by_id, vec![Ok(removed(false))]);
    assert_eq!(talk.said(), (204, Value::Null));
    let [Command::Remove(Named::Id(id), ending)] = &talk.commands[..] else { panic!() };
    assert_eq!((id.id(), ending.if_match), (Id::from_bits(1), None));

    for body in [
        r#"{"key":{"identification":"0x00499602D2","type":"proximity"}}"#,
        r#"{"id":null,"key":{"identification":"EM:1234567890","type":"proximity"},"unknown":1}"#,
    ] {
        let talk = remove(body, vec![Ok(removed(false))]);
        assert_eq!(talk.said(), (204, Value::Null), "{body}");
        let [Command::Remove(Named::Access(read), _)] = &talk.commands[..] else { panic!() };
        assert!(Some(read) == em().as_ref());
    }
}

#[test]
fn the_key_is_read_only_where_there_is_no_id() {
    let body = format!(r#"{{"id":"{KEY}","key":"nonsense"}}"#);
    assert_eq!(remove(&body, vec![Ok(removed(false))]).said().0, 204);
}

#[test]
fn what_is_not_there_or_no_longer_or_no_door_credential_is_not_found() {
    let by_id = format!(r#"{{"id":"{KEY}"}}"#);
    let gone = || Err(Error::Gone(Box::new(tombstone())));
    let said = |talk: Talk| {
        assert_eq!(talk.said(), (404, json!({"error": "not_found", "message": "no such key"})));
        assert_eq!(talk.commands.len(), 1);
    };
    for path in ["remove", "add", "status"] {
        let sent = post(&format!("/v1/accesskeys/{path}"), &by_id);
        said(talk(&sent, vec![Err(Error::NotFound)]));
        said(talk(&sent, vec![gone()]));
        // An API key has an id too; it is none of this language's.
        match path {
            "remove" => {
                let asked = talk(&sent, vec![Ok(removed(true))]);
                let caller = caller("intserv:integration");
                assert!(
                    has(&asked.commands, &caller, &badge(em())) && !has(&asked.commands, &caller, &key())
                );
                said(asked);
            }
            _ => said(talk(&sent, vec![Ok(Answer::Found(Box::new(key())))])),
        }
    }
}

#[test]
fn a_call_on_access_keys_wants_an_integration_api_key() {
    for path in ["remove", "add", "status"] {
        // Before the shape is looked at: a stranger learns nothing of it.
        let said =
            talk_as("intserv:app", &post(&format!("/v1/accesskeys/{path}"), "nonsense"), vec![]).said();
        assert_eq!((said.0, &said.1["error"]), (403, &json!("forbidden")), "{path}");
        let said = talk_as("admin", &post(&format!("/v1/accesskeys/{path}"), "nonsense"), vec![]).said();
        assert_eq!(
            (said.0, &said.1["error"]),
            (401, &json!("invalid_token")),
            "{path}: no token of this language"
        );
    }
    for (path, others) in [("add", "keys:read"), ("remove", "keys:read"), ("status", "keys:issue")] {
        let sent = post(&format!("/v1/accesskeys/{path}"), "nonsense");
        assert_eq!(talk_as(&format!("intserv:integration {others}"), &sent, vec![]).said().0, 403, "{path}");
    }
}

#[test]
fn a_new_key_is_issued_for_a_new_person() {
    let body = json!({
        "key": {"identification": "0001234567890", "type": "proximity"}, "pin": "1234",
        "valid_from_date": "2020-09-01T00:00:00Z", "valid_to_date": "2030-09-01T00:00:00Z", "access_levels": [LEVEL, LEVEL],
        "person": {"first_name": "Ann", "last_name": "Lee"},
    });
    let issued = Ok(Answer::IssuedAccess(badge(em())));
    let talk = add(&body.to_string(), vec![Err(Error::NotFound), ann(), issued, ann()]);
    assert_eq!(talk.good(), shown());
    let [
        Command::FindAccess(_),
        Command::CreateResource(person),
        Command::IssueAccess(new),
        Command::FindResource { .. },
    ] = &talk.commands[..]
    else {
        panic!()
    };
    assert_eq!(person.collection, "persons");
    assert_eq!(Value::from(person.content.clone()), json!({"first_name": "Ann", "last_name": "Lee"}));
    assert!(new.identification == em() && new.pin.is_some());
    assert_eq!(
        (&new.levels[..], new.person),
        (&[Id::from_bits(4).into()][..], Some(Id::from_bits(5).into()))
    );
    assert_eq!(new.draft.expires_at.map(|at| at.to_string()).as_deref(), Some("2030-09-01T00:00:00.000Z"));
}

#[test]
fn what_is_left_out_of_a_new_key_is_given_to_it() {
    let issued = || Ok(Answer::IssuedAccess(badge(Identification::code("00421234"))));
    let nobody = || one(resource(5, json!({})));
    for body in [
        r#"{"key":{"type":"code"}}"#,
        r#"{"id":null,"key":{"type":"code","identification":null},"person":{}}"#,
    ] {
        let talk = add(body, vec![nobody(), issued(), nobody()]);
        let said = talk.good();
        assert_eq!(said["key"], json!({"identification": "00421234", "type": "code"}));
        let name = |member: &str| said["person"][member].as_str().unwrap().to_owned();
        let (first, last) = (name("first_name"), name("last_name"));
        assert!((1..=32).contains(&first.len()) && (1..=32).contains(&last.len()) && first != last, "{said}");
        let [Command::CreateResource(_), Command::IssueAccess(new), _] = &talk.commands[..] else { panic!() };
        assert!(new.identification.is_none() && new.pin.is_none() && new.levels.is_empty());
        // In whole seconds and not after now, so that it works at once.
        assert_eq!(new.draft.not_before.map(|at| at.millis()), Some(NOW.seconds() * 1000));
        assert_eq!(new.draft.expires_at, None);
    }
}

#[test]
fn a_person_that_is_known_is_referred_to() {
    let body = format!(r#"{{"key":{{"type":"code"}},"person":{{"id":"{PERSON}","first_name":7}}}}"#);
    let talk = add(&body, vec![Ok(Answer::IssuedAccess(badge(em()))), ann()]);
    assert_eq!(talk.good()["person"]["first_name"], "Ann");
    let Command::IssueAccess(new) = &talk.commands[0] else { panic!() };
    assert_eq!(new.person, Some(Id::from_bits(5).into()));
}

#[test]
fn a_known_key_is_updated_by_id_or_identification() {
    let by_id =
        format!(r#"{{"id":"{KEY}","access_levels":[],"pin":"0000","person":{{"first_name":"Bob"}}}}"#);
    // The person stays, so nobody looks at what is said of it.
    let by_badge = |person: &str| {
        let key = r#""key":{"identification":"EM:1234567890","type":"proximity"}"#;
        format!(r#"{{{key},"access_levels":[],"pin":"0000","person":{person}}}"#)
    };
    let strange = [by_badge("null"), by_badge("7"), by_badge(r#"{"id":"x","first_name":7}"#)];
    for body in strange.iter().chain([&by_id]) {
        let talk = add(body, vec![found(), Ok(Answer::Key(badge(em()))), ann()]);
        assert_eq!(talk.good(), shown(), "{body}");
        let [_, Command::Update { key, patch, if_match: None }, Command::FindResource { .. }] =
            &talk.commands[..]
        else {
            panic!()
        };
        assert_eq!(key.id(), Id::from_bits(1));
        let access = patch.access.as_ref().unwrap();
        assert_eq!(access.levels, Some(Vec::new()));
        assert!(matches!(access.pin, Some(Some(_))) && access.person.is_none(), "the person stays");
        // The window is stated whole: from now on, without an end.
        assert_eq!(patch.not_before.flatten().map(|at| at.seconds()), Some(NOW.seconds()));
        assert_eq!(patch.expires_at, Some(None));
    }
    let bare = add(&format!(r#"{{"id":"{KEY}"}}"#), vec![found(), Ok(Answer::Key(badge(em()))), ann()]);
    let Command::Update { patch, .. } = &bare.commands[1] else { panic!() };
    let access = patch.access.as_ref().unwrap();
    assert!(access.pin.is_none() && access.levels.is_none(), "what is not said stays");
}

#[test]
fn an_identification_that_is_taken_is_a_conflict() {
    let body = r#"{"key":{"identification":"EM:1|MC:2","type":"proximity"}}"#;
    let missing = || Err(Error::NotFound);
    let answers = vec![missing(), ann(), taken(), ann(), missing()];
    let talk = add(body, answers);
    let said = talk.said();
    assert_eq!((said.0, &said.1["error"]), (409, &json!("identification_taken")));
    assert_eq!(talk.commands.len(), 5, "its parts are those of two keys: neither is updated");
}

fn taken() -> Result<Answer, Error> {
    Err(Error::Taken { what: "identification" })
}

#[test]
fn a_key_that_somebody_else_adds_meanwhile_is_updated() {
    let body = r#"{"key":{"identification":"EM:1234567890","type":"proximity"},"pin":"0000"}"#;
    let updated = || Ok(Answer::Key(badge(em())));
    let talk = add(body, vec![Err(Error::NotFound), ann(), taken(), ann(), found(), updated(), ann()]);
    assert_eq!(talk.good(), shown());
    let [_, Command::CreateResource(_), Command::IssueAccess(_), removed, found, updated, _] =
        &talk.commands[..]
    else {
        panic!()
    };
    assert!(matches!(removed, Command::RemoveResource { collection: "persons", .. }));
    assert!(matches!((found, updated), (Command::FindAccess(_), Command::Update { .. })));
}

#[test]
fn a_call_that_fails_leaves_nobody_behind() {
    let issue = |person: &str, answers| {
        let talk = add(&format!(r#"{{"key":{{"type":"code"}},"person":{person}}}"#), answers);
        (talk.said().0, talk.commands.len(), talk)
    };
    let refused = || Err(Error::invalid("expires_at", "in the future"));
    let (status, steps, talk) = issue("{}", vec![ann(), refused(), ann()]);
    assert_eq!((status, steps), (400, 3));
    let Command::RemoveResource { collection: "persons", resource, .. } = talk.commands[2] else { panic!() };
    assert_eq!(resource.id(), Id::from_bits(5));
    // Whoever was there before stays, and so does whoever may carry a key by now.
    let (status, steps, _) = issue(&format!(r#"{{"id":"{PERSON}"}}"#), vec![refused()]);
    assert_eq!((status, steps), (400, 1));
    let unknown = Err(Error::Unavailable { inside: String::new() });
    let (status, steps, _) = issue("{}", vec![ann(), unknown]);
    assert_eq!((status, steps), (503, 2));
}

#[test]
fn always_and_never_are_times_too() {
    let body = json!({
        "key": {"type": "code"}, "valid_from_date": "1900-01-01T00:00:00Z", "valid_to_date": "9999-12-31T23:59:59Z",
    });
    let talk = add(&body.to_string(), vec![ann(), Ok(Answer::IssuedAccess(badge(em()))), ann()]);
    assert_eq!(talk.said().0, 200);
    let Command::IssueAccess(new) = &talk.commands[1] else { panic!() };
    assert_eq!(new.draft.not_before, Some(Timestamp::from_millis(0)));
    assert_eq!(new.draft.expires_at, Some(Timestamp::LAST));
}

#[test]
fn a_wrong_member_is_named_and_never_quoted() {
    for (body, member) in [
        (r"{}", "id or key"),
        (r#"{"id":null,"key":null}"#, "id or key"),
        (r#"{"id":"1"}"#, "id"),
        (r#"{"id":5}"#, "id"),
        (r#"{"id":""}"#, "id"),
        (r#"{"key":"EM:1"}"#, "key"),
        (r#"{"key":{}}"#, "key.type"),
        (r#"{"key":{"identification":"0001234567890"}}"#, "key.type"),
        (r#"{"key":{"identification":"0001234567890","type":"Proximity"}}"#, "key.type"),
        (r#"{"key":{"identification":"98765","type":"proximity"}}"#, "key.identification"),
        (r#"{"key":{"identification":"9876543210987","type":"proximity"}}"#, "key.identification"),
        (r#"{"key":{"identification":"EM:1099511627776","type":"proximity"}}"#, "key.identification"),
        (r#"{"key":{"identification":"987","type":"code"}}"#, "key.identification"),
        (r#"{"key":{"identification":"","type":"code"}}"#, "key.identification"),
    ] {
        for path in ["add", "remove"] {
            let (code, message) = talk(&post(&format!("/v1/accesskeys/{path}"), body), vec![]).wrong();
            assert_eq!(code, "invalid_request", "{body}");
            assert!(message.starts_with(&format!("{member} must be ")), "{body}: {message}");
            assert!(!message.contains("987"), "{message}");
        }
    }
    for (body, member) in [
        (r#"{"key":{"type":"code"},"pin":"123"}"#, "pin"),
        (r#"{"key":{"type":"code"},"pin":"12345"}"#, "pin"),
        (r#"{"key":{"type":"code"},"pin":1234}"#, "pin"),
        (r#"{"key":{"type":"code"},"valid_from_date":"2020-09-01"}"#, "valid_from_date"),
        (r#"{"key":{"type":"code"},"valid_to_date":5}"#, "valid_to_date"),
        (r#"{"key":{"type":"code"},"valid_to_date":"2020-09-01T00:00:00Z"}"#, "valid_to_date"),
        (r#"{"key":{"type":"code"},"access_levels":"x"}"#, "access_levels"),
        (r#"{"key":{"type":"code"},"access_levels":["x"]}"#, "access_levels"),
        (r#"{"key":{"type":"code"},"person":"Ann"}"#, "person"),
        (r#"{"key":{"type":"code"},"person":{"id":"x"}}"#, "id"),
        (
            r#"{"key":{"type":"code"},"person":{"first_name":"012345678901234567890123456789012"}}"#,
            "first_name",
        ),
        (r#"{"key":{"type":"code"},"person":{"last_name":"\u0007"}}"#, "last_name"),
        (r#"{"key":{"type":"proximity"}}"#, "key.identification"),
    ] {
        assert!(add(body, vec![]).wrong().1.starts_with(&format!("{member} must be ")), "{body}");
    }
    assert!(
        remove(r#"{"key":{"type":"code"}}"#, vec![]).wrong().1.starts_with("key.identification must be ")
    );
    assert!(talk(&post("/v1/accesskeys/status", "{}"), vec![]).wrong().1.starts_with("id must be "));
}

#[test]
fn what_the_core_refuses_is_said_in_this_languages_words() {
    let refused = |field: &str| {
        let answers = vec![ann(), Err(Error::invalid(field, "in the future")), ann()];
        add(r#"{"key":{"type":"code"}}"#, answers).wrong().1
    };
    assert_eq!(refused("expires_at"), "valid_to_date must be in the future");
    assert!(refused("access.levels").starts_with("access_levels "));
    assert!(refused("access.person").starts_with("person "));
}

#[test]
fn a_key_that_no_controller_has_is_not_applied() {
    let nowhere = Ok(Answer::Reach(Vec::new()));
    let talk = talk(&post("/v1/accesskeys/status", &format!(r#"{{"id":"{KEY}"}}"#)), vec![found(), nowhere]);
    assert_eq!(
        talk.good(),
        json!({
            "id": KEY, "status": "NotApplied", "systems_where_applied": [], "systems_where_pending": [],
            "systems_where_failed": [],
        })
    );
}

#[test]
fn where_a_key_has_arrived_is_what_controllers_have_acknowledged() {
    let reached = |arrivals: &[Arrival]| {
        let named = |(number, arrival): (usize, &Arrival)| ReachedBy {
            name: format!("system {number}"),
            arrival: *arrival,
        };
        Ok(Answer::Reach(arrivals.iter().enumerate().map(named).collect()))
    };
    let status = |arrivals: &[Arrival]| {
        let asked = post("/v1/accesskeys/status", &format!(r#"{{"id":"{KEY}"}}"#));
        talk(&asked, vec![found(), reached(arrivals)]).good()
    };
    let at = Arrival::Acknowledged(Timestamp::from_millis(1_600_000_000_000));
    for (arrivals, wanted) in [
        (&[][..], "NotApplied"),
        (&[at, at], "Applied"),
        (&[Arrival::Pending], "Pending"),
        (&[Arrival::Pending, Arrival::Lost], "Pending"),
        (&[Arrival::Lost], "Failed"),
        (&[at, Arrival::Pending], "PartiallyApplied"),
        (&[at, Arrival::Lost], "PartiallyApplied"),
    ] {
        assert_eq!(status(arrivals)["status"], wanted, "{arrivals:?}");
    }
    let all = status(&[at, Arrival::Pending, Arrival::Lost]);
    assert_eq!(
        all["systems_where_applied"],
        json!([{ "system_id": "system 0", "applied_at": "2020-09-13T12:26:40Z" }])
    );
    assert_eq!(all["systems_where_pending"], json!([{ "system_id": "system 1" }]));
    assert_eq!(
        all["systems_where_failed"],
        json!([{ "system_id": "system 2", "error_type": "unreachable" }])
    );
}
