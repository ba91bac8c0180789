//! The events of the last day.

use keyward_core::command::{Answer, Command, Events};
use keyward_core::error::Error;
use keyward_core::event::{Details, Event, Happened, Reason, Subject};
use keyward_core::id::Id;
use keyward_core::store::Logged;
use keyward_core::time::Timestamp;
use keyward_log::Opening;
use serde_json::{Value, json};

use super::talk::{
    KEY, NOW, ORGANIZATION, UNKNOWN, WRITTEN, answer, answer_to, caller, nobody, organization,
};
use crate::samples::{Sent, send};

fn logged(position: u64, request: u128, subject: Subject, happened: Happened) -> Logged {
    let event = Event {
        at: Timestamp::from_millis(1000 + position),
        subject,
        happened,
        version: 1,
        opening: Opening { salt: [5; 16], id: KEY.bytes() },
        details: Details { organization: organization().id, actor: None, acting_as: None, request },
    };
    Logged { position, event }
}

/// A log of which the last day begins at 10.
fn log() -> Vec<Logged> {
    let removed = Happened::Removed(Reason::Unspecified);
    let mut log = vec![
        logged(10, 1, Subject::Key, Happened::Created),
        logged(11, 1, Subject::Key, Happened::Updated),
        logged(12, 2, Subject::Account, Happened::Created),
        logged(13, 3, Subject::Key, Happened::Suspended),
        logged(14, 4, Subject::Key, Happened::Created),
        // The server's own doing is of no request.
        logged(15, 0, Subject::Key, Happened::Resumed),
        logged(16, 0, Subject::Key, removed),
    ];
    log[4].event.details.organization = Id::from_bits(77).into();
    log
}

fn events() -> Sent {
    send("GET", "/v1/events").header("x-api-key", "x")
}

/// The core, with pages of two events.
#[expect(clippy::needless_pass_by_value, reason = "it is called as the core is")]
fn core(command: Command) -> Result<Answer, Error> {
    match command {
        Command::ListEventsSince { since, limit: 1 } => {
            assert_eq!(since, Timestamp::from_millis(NOW.millis() - 24 * 3600 * 1000));
            Ok(Answer::Events(Events { found: vec![log().remove(0)], next: 11, is_last: false }))
        }
        Command::ListEvents { from, .. } => {
            let found: Vec<Logged> =
                log().into_iter().filter(|logged| logged.position >= from).take(2).collect();
            let next = found.last().map_or(from, |last| last.position + 1);
            let is_last = log().last().is_none_or(|last| last.position < next);
            Ok(Answer::Events(Events { found, next, is_last }))
        }
        Command::FindKeyName(id) if id.id() == KEY => Ok(Answer::KeyName("builds".to_owned())),
        _ => panic!(),
    }
}

/// Type and time of each event.
fn told(sent: &Sent) -> Vec<(String, u64)> {
    let (status, body) = answer(sent, core);
    assert_eq!(status, 200, "{body}");
    let events = body["events"].as_array().unwrap();
    events
        .iter()
        .map(|it| (it["type"].as_str().unwrap().to_owned(), it["stored_at"].as_u64().unwrap()))
        .collect()
}

fn ask(query: &str) -> Sent {
    Sent { query: query.to_owned(), ..events() }
}

const ADDED: &str = "api_key_added";
const UPDATED: &str = "api_key_updated";
const REMOVED: &str = "api_key_removed";

fn list(events: &[(&str, u64)]) -> Vec<(String, u64)> {
    events.iter().map(|(word, at)| ((*word).to_owned(), *at)).collect()
}

#[test]
fn events_of_keys_are_told_one_for_a_call() {
    assert_eq!(told(&events()), list(&[(ADDED, 1010), (UPDATED, 1013), (UPDATED, 1015), (REMOVED, 1016)]));
    let (_, body) = answer(&events(), core);
    let first = json!({
        "id": "00000000000000000000A", "type": ADDED, "stored_at": 1010,
        "client": { "id": ORGANIZATION }, "api_key": { "id": WRITTEN, "name": "builds" },
    });
    assert_eq!(body["events"][0], first);
}

#[test]
fn a_part_can_be_asked_for() {
    assert_eq!(told(&ask("limit=2")), list(&[(ADDED, 1010), (UPDATED, 1013)]));
    assert_eq!(told(&ask("events=api_key_removed")), list(&[(REMOVED, 1016)]));
    assert_eq!(
        told(&ask("events=api_key_removed,api_key_added&x=1")),
        list(&[(ADDED, 1010), (REMOVED, 1016)])
    );
    assert_eq!(told(&ask("events=")), told(&events()));
    assert_eq!(told(&ask("startAfter=1013")), list(&[(UPDATED, 1015), (REMOVED, 1016)]));
    // Behind the event of a creation, what belongs to that creation is not told again.
    assert_eq!(told(&ask("startAfterId=00000000000000000000A"))[0], (UPDATED.to_owned(), 1013));
    assert_eq!(told(&ask("startAfter=1&startAfterId=00000000000000000000G&pretty")), list(&[]));
}

#[test]
fn what_cannot_be_asked_for_is_refused() {
    for (query, status) in [
        ("limit=0", 422),
        ("limit=1001", 422),
        ("limit=x", 422),
        ("startAfter=now", 422),
        ("startAfterId=7", 400),
        ("startAfterId=00000000000000000000.", 400),
    ] {
        assert_eq!(answer(&ask(query), nobody).0, status, "{query}");
    }
}

/// A client that gave time and id of the last event it had seen lost all others of that millisecond.
#[test]
fn every_event_of_one_millisecond_is_told_once() {
    let all = at_once(&ask(""));
    assert_eq!(all.len(), 4);
    for limit in 1..=3 {
        let (mut told, mut query) = (Vec::new(), format!("limit={limit}"));
        loop {
            let page = at_once(&ask(&query));
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            query = format!("limit={limit}&startAfter=1000&startAfterId={last}");
            told.extend(page);
        }
        assert_eq!(told, all, "limit={limit}");
    }
}

/// The ids of events that are all of the same millisecond.
fn at_once(sent: &Sent) -> Vec<String> {
    let (status, body) = answer(sent, |command| match core(command)? {
        Answer::Events(mut page) => {
            page.found.iter_mut().for_each(|logged| logged.event.at = Timestamp::from_millis(1000));
            Ok(Answer::Events(page))
        }
        answer => Ok(answer),
    });
    assert_eq!(status, 200, "{body}");
    body["events"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn nothing_stands_after_an_event_that_cannot_be() {
    // With `_`, above `2^122`, and above `2^64`.
    for id in [UNKNOWN, "---------------------", WRITTEN] {
        assert_eq!(told(&ask(&format!("startAfterId={id}"))), list(&[]), "{id}");
    }
}

#[test]
fn who_may_read_events_learns_names_and_what_is_gone_has_none() {
    let reader = caller(&["log:read"]);
    let first = |core: fn(Command) -> Result<Answer, Error>| {
        let (status, body) = answer_to(&reader, &ask("limit=1"), core);
        (status, body["events"][0]["api_key"].clone())
    };
    assert_eq!(first(core), (200, json!({ "id": WRITTEN, "name": "builds" })));
    let gone = first(|command| match command {
        Command::FindKeyName(_) => Err(Error::NotFound),
        command => core(command),
    });
    assert_eq!(gone, (200, json!({ "id": WRITTEN, "name": Value::Null })));
}
