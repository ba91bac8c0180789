//! Events: what was read at doors.

use keyward_core::access::Identification;
use keyward_core::command::{Answer, Command};
use keyward_core::error::Error;
use keyward_core::id::Id;
use keyward_core::resource::Resource;
use keyward_core::time::Timestamp;
use keyward_core::verbs::verify::Refusal;
use serde_json::{Value, json};

use super::scene::{KEY, NOW, PERSON, badge, one, post, resource, talk, talk_as};
use crate::samples::tombstone;
use crate::talk::Talk;

/// The number of an event's id: it begins with its time.
fn id(second: u64, number: u128) -> u128 {
    Id::new(Timestamp::from_millis(second * 1000), [0; 10]).bits() + number
}

#[expect(clippy::needless_pass_by_value, reason = "a call reads best with what it says written in it")]
fn event(number: u64, verdict: &str, more: Value) -> Resource {
    let mut content = json!({
        "number": number, "verdict": verdict, "type": "proximity", "pin": false, "door": "Front", "verifier": "abc123-001",
    });
    for (name, value) in more.as_object().unwrap() {
        content[name] = value.clone();
    }
    let at = NOW.seconds() - 1000 + number;
    Resource { created_at: Timestamp::from_millis(at * 1000), ..resource(id(at, number.into()), content) }
}

fn page(events: Vec<Resource>, more: bool) -> Result<Answer, Error> {
    let next = events.last().filter(|_| more).map(|event| event.id.id());
    Ok(Answer::Resources(events, next))
}

fn list(body: &Value, answers: Vec<Result<Answer, Error>>) -> Talk {
    talk(&post("/v1/events/list", &body.to_string()), answers)
}

fn numbers(talk: &Talk) -> Vec<u64> {
    let said = talk.good();
    let events = said["events"].as_array().unwrap();
    events.iter().map(|event| event["sequence_id"].as_u64().unwrap()).collect()
}

fn after(talk: &Talk, at: usize) -> u128 {
    let Command::ListResources { collection: "door_events", page, .. } = &talk.commands[at] else { panic!() };
    page.after.unwrap().bits()
}

#[test]
fn an_event_names_key_and_person_as_long_as_they_are_there() {
    let known = json!({"key": "key_00000000000000000000000001", "person": "res_00000000000000000000000005"});
    let events = || page(vec![event(1, "valid", known.clone()), event(2, "valid", known.clone())], false);
    let found = Ok(Answer::Found(badge(Identification::badge("EM:7"))));
    let ann = one(resource(5, json!({"first_name": "Ann", "last_name": "Lee"})));
    let talk = list(&json!({}), vec![events(), found, ann]);
    let said = talk.good();
    assert_eq!(
        said["events"][0],
        json!({
            "event_time": "2026-07-01T11:43:21Z", "sequence_id": 1, "category": "accessgranted", "type": 102,
            "system_id": "abc123-001", "door_name": "Front", "key_id": KEY,
            "key": {"identification": "0000000000007", "type": "proximity"},
            "person": {"id": PERSON, "first_name": "Ann", "last_name": "Lee"}, "subject": null,
        })
    );
    assert_eq!(
        (&said["least_sync_time"], &said["has_more"]),
        (&json!("2026-07-01T12:00:00Z"), &json!(false))
    );
    assert_eq!(talk.commands.len(), 3, "each is looked up once");

    let gone = vec![events(), Err(Error::Gone(Box::new(tombstone()))), Err(Error::NotFound)];
    let said = list(&json!({}), gone).good();
    assert_eq!((&said["events"][1]["key_id"], &said["events"][1]["key"]), (&json!(KEY), &json!(null)));
    assert_eq!(said["events"][1]["person"], json!(null));
    // An App API Key may read events and no keys.
    let sent = post("/v1/events/list", "{}");
    let said =
        talk_as("intserv:app", &sent, vec![events(), Err(Error::Forbidden), Err(Error::NotFound)]).good();
    assert_eq!(said["events"][0]["key"], json!(null));
    let broken = vec![events(), Err(Error::Unavailable { inside: String::new() })];
    assert_eq!(list(&json!({}), broken).said().0, 503);
}

#[test]
fn every_verdict_has_its_type() {
    let code = json!({"type": "code"});
    let pin = json!({"pin": true});
    let cases = [
        ("valid", json!({}), 102),
        ("valid", pin, 103),
        ("valid", code.clone(), 101),
        ("unknown", json!({}), 201),
        ("unknown", code, 201),
        ("expired", json!({}), 202),
        ("suspended", json!({}), 204),
        ("no_pin", json!({}), 205),
        ("level_not_granted", json!({}), 206),
        ("not_yet_valid", json!({}), 207),
        ("wrong_pin", json!({}), 200),
    ];
    for (verdict, more, number) in cases {
        let said = list(&json!({}), vec![page(vec![event(1, verdict, more)], false)]).good();
        let category = if verdict == "valid" { "accessgranted" } else { "accessdenied" };
        assert_eq!(
            (&said["events"][0]["type"], &said["events"][0]["category"]),
            (&json!(number), &json!(category))
        );
    }
    for refusal in Refusal::ALL {
        let said = list(&json!({}), vec![page(vec![event(1, refusal.word(), json!({}))], false)]).good();
        assert!((200..=207).contains(&said["events"][0]["type"].as_u64().unwrap()), "{refusal:?}");
    }
}

#[test]
fn only_what_is_asked_for_is_told() {
    let events = || {
        let other = json!({"verifier": "abc123-002"});
        page(
            vec![event(1, "valid", json!({})), event(2, "unknown", json!({})), event(3, "valid", other)],
            false,
        )
    };
    for (body, wanted) in [
        (json!({}), vec![1, 2, 3]),
        (json!({"include_access_granted": false, "include_access_denied": false}), vec![1, 2, 3]),
        (json!({"include_access_granted": true, "include_access_denied": true}), vec![1, 2, 3]),
        (json!({"include_access_granted": true}), vec![1, 3]),
        (json!({"include_access_denied": true}), vec![2]),
        (json!({"systems": ["abc123-002", "other"]}), vec![3]),
        (json!({"systems": []}), vec![1, 2, 3]),
        (json!({"systems": ["abc123-001"], "include_access_granted": true, "unknown": 1}), vec![1]),
        (json!({"to_date": "2026-07-01T11:43:22Z"}), vec![1, 2]),
        (json!({"from_date": "2026-07-01T11:43:22Z"}), vec![2, 3]),
    ] {
        assert_eq!(numbers(&list(&body, vec![events()])), wanted, "{body}");
    }
}

#[test]
fn it_begins_a_week_back_or_where_it_is_told() {
    let none = || vec![page(Vec::new(), false)];
    assert_eq!(after(&list(&json!({}), none()), 0), { id(NOW.seconds() - 7 * 86_400, 0) - 1 });
    let from = list(&json!({"from_date": "2026-07-01T11:00:00Z"}), none());
    assert_eq!(after(&from, 0), id(NOW.seconds() - 3600, 0) - 1);
}

#[test]
fn a_second_that_is_shown_is_the_whole_of_it() {
    let late = |number: u64| {
        let on_time = event(number, "valid", json!({}));
        Resource { created_at: Timestamp::from_millis(on_time.created_at.millis() + 789), ..on_time }
    };
    let events = || vec![page(vec![late(1), late(2), late(3)], false)];
    let second = "2026-07-01T11:43:22Z";
    assert_eq!(list(&json!({}), events()).good()["events"][1]["event_time"], second);
    assert_eq!(numbers(&list(&json!({"from_date": second, "to_date": second}), events())), [2]);
    let within = json!({"from_date": "2026-07-01T11:43:22.999Z", "to_date": "2026-07-01T11:43:22.001Z"});
    let asked = list(&within, events());
    assert_eq!((numbers(&asked), after(&asked, 0)), (vec![2], id(NOW.seconds() - 998, 0) - 1));
}

#[test]
fn an_answer_that_is_full_says_where_to_go_on() {
    let events =
        |from: u64, to: u64| (from..to).map(|number| event(number, "valid", json!({}))).collect::<Vec<_>>();
    let full = list(&json!({"limit": 2}), vec![page(events(1, 4), false)]);
    assert_eq!(numbers(&full), [1, 2]);
    assert_eq!(full.good()["has_more"], true);
    let key = full.good()["continuation_key"].clone();
    let rest = list(&json!({"limit": 2, "continuation_key": key}), vec![page(events(3, 4), false)]);
    assert_eq!((numbers(&rest), &rest.good()["has_more"]), (vec![3], &json!(false)));
    assert_eq!(after(&rest, 0), event(2, "valid", json!({})).id.id().bits());

    // A page of the core is smaller than an answer.
    let pages = |last| vec![page(events(1, 501), true), page(events(501, 1001), true), page(last, false)];
    let all = list(&json!({}), pages(events(1001, 1002)));
    assert_eq!((numbers(&all).len(), &all.good()["has_more"]), (1000, &json!(true)));
    assert_eq!(after(&all, 1), event(500, "valid", json!({})).id.id().bits());
    assert_eq!(list(&json!({}), pages(Vec::new())).good()["has_more"], false);

    // There is more only if it is wanted, too.
    let two_of = || page([events(1, 3), vec![event(3, "unknown", json!({}))]].concat(), false);
    let granted = list(&json!({"limit": 2, "include_access_granted": true}), vec![two_of()]);
    assert_eq!((numbers(&granted), &granted.good()["has_more"]), (vec![1, 2], &json!(false)));
    let until = list(&json!({"limit": 2, "to_date": "2026-07-01T11:43:22Z"}), vec![two_of()]);
    assert_eq!((numbers(&until), &until.good()["has_more"]), (vec![1, 2], &json!(false)));

    // Whoever asks for what is rare gets an answer in bounded time.
    let pages = (0..20).map(|_| page(events(1, 501), true)).collect();
    let rare = list(&json!({"include_access_denied": true}), pages);
    assert_eq!((numbers(&rare).len(), &rare.good()["has_more"]), (0, &json!(true)));
}

#[test]
fn a_wrong_member_is_named() {
    for (body, member) in [
        (json!({"from_date": "yesterday"}), "from_date"),
        (json!({"to_date": 1}), "to_date"),
        (json!({"systems": "abc"}), "systems"),
        (json!({"systems": [1]}), "systems"),
        (json!({"include_access_granted": "yes"}), "include_access_granted"),
        (json!({"limit": 0}), "limit"),
        (json!({"limit": 1001}), "limit"),
        (json!({"limit": -1}), "limit"),
        (json!({"limit": 1.5}), "limit"),
        (json!({"continuation_key": "x"}), "continuation_key"),
    ] {
        let (code, message) = list(&body, vec![]).wrong();
        assert_eq!(code, "invalid_request");
        assert!(message.starts_with(&format!("{member} must be ")), "{body}: {message}");
    }
}
