//! Jobs: what a key opens.

use keyward_core::command::{Answer, Command};
use keyward_core::error::Error;
use keyward_core::id::Id;
use serde_json::{Value, json};

use super::scene::{one, own, resource, talk};
use crate::samples::{Sent, send};

const ID: &str = "0198000000007000800000000000002a";
const DATES: [&str; 6] =
    ["CreationDate", "StartDate", "DueDate", "CompletedDate", "ReturnDate", "AuthorizationDate"];
const TIMES: [&str; 3] = ["CreationTime", "StartTime", "CompletedTime"];

fn job(version: u64) -> Result<Answer, Error> {
    let mut job = resource("jobs", json!({ "JobName": "one", "SourceLanguage": "de" }));
    job.version = version;
    one(job)
}

fn gone(version: u64) -> Result<Answer, Error> {
    let Answer::Resource(job) = job(version)? else { panic!("a job") };
    Ok(Answer::ResourceRemoved(job, false))
}

fn call(call: &str, query: &str) -> Sent {
    send("GET", &format!("/api/job/{call}?v=1&{query}"))
}

fn task_of(said: &(u16, Value)) -> String {
    let task = said.1["TaskId"].as_str().unwrap();
    assert!(task.len() == 32 && task.bytes().all(|byte| b"0123456789abcdef".contains(&byte)), "{task}");
    task.to_owned()
}

#[test]
fn a_job_is_made_with_its_name_and_language() {
    let heard = talk(&call("new", "job_name=one&language=pt-BR&external_id=7"), vec![job(1)]);
    let said = heard.said();
    assert_eq!((said.0, said.1["JobId"].as_str()), (200, Some(ID)));
    task_of(&said);
    let [Command::CreateResource(new)] = &heard.commands[..] else { panic!("a resource") };
    assert_eq!((new.collection, new.account), ("jobs", Some(own().id)));
    assert_eq!(
        Value::Object(new.content.clone()),
        json!({ "JobName": "one", "SourceLanguage": "pt-BR", "ExternalID": "7" })
    );
    let json = send("POST", "/api/job/new?v=1").json(r#"{"job_name":"two"}"#);
    let heard = talk(&json, vec![job(1)]);
    let [Command::CreateResource(new)] = &heard.commands[..] else { panic!("a resource") };
    assert_eq!(
        (new.content["JobName"].as_str(), new.content["SourceLanguage"].as_str()),
        (Some("two"), Some("en"))
    );
    for wrong in ["e%20n", "-", "abcdefghi", "en--de"] {
        let heard = talk(&call("new", &format!("language={wrong}")), vec![]);
        assert_eq!(heard.refused(), "INVALID_OPTION", "{wrong}");
    }
}

#[test]
fn a_parent_makes_a_job_for_its_child() {
    let child = keyward_core::account::Account { id: Id::from_bits(33).into(), ..own() };
    let heard = talk(&call("new", "username=child"), vec![Ok(Answer::Account(Box::new(child))), job(1)]);
    let [_, Command::CreateResource(new)] = &heard.commands[..] else { panic!("a resource") };
    assert_eq!(new.account, Some(Id::from_bits(33).into()));
}

#[test]
fn every_step_of_a_job_is_another_task() {
    let made = task_of(&talk(&call("new", ""), vec![job(1)]).said());
    let query = format!("job_id={ID}&media_url=https%3A%2F%2Fexample.com%2Fa.mp4");
    let added = talk(&call("add_media", &query), vec![job(1), job(2)]);
    let [_, Command::UpdateResource { patch, if_match, .. }] = &added.commands[..] else {
        panic!("a change")
    };
    assert_eq!(patch.content.as_ref().unwrap()["MediaUrl"], "https://example.com/a.mp4");
    let content = patch.content.as_ref().unwrap();
    assert_eq!((content["JobName"].as_str(), *if_match), (Some("one"), Some(1)));
    let added = task_of(&added.said());
    for word in ["del", "delete"] {
        let ended = talk(&call(word, &format!("job_id={}", ID.to_ascii_uppercase())), vec![gone(3)]);
        let removes = |command: &Command| matches!(command, Command::RemoveResource { resource, .. } if resource.id().bits() == 0x0198_0000_0000_7000_8000_0000_0000_002a);
        assert!(ended.commands.iter().all(removes));
        let ended = task_of(&ended.said());
        assert!(made != added && added != ended && made != ended);
    }
}

#[test]
fn a_job_has_one_medium_with_an_address() {
    let add = |media_url: &str, answers| {
        talk(&call("add_media", &format!("job_id={ID}&media_url={media_url}")), answers).refused()
    };
    for wrong in ["a.mp4", "/a.mp4", "https://", "http:a", "a%20b://c"] {
        assert_eq!(add(wrong, vec![]), "INVALID_URL", "{wrong}");
    }
    for wrong in ["https://exa%20mple.com/a", "https://%20/a", "https://e.com/a%0Ab", "h%C3%A4://e.com/a"] {
        assert_eq!(add(wrong, vec![]), "INVALID_URL", "{wrong}");
    }
    // Clients send what they have, and a form's encoding is gone by now.
    for decoded in [
        "https://e.com/my%20film.mp4",
        "https://e.com/%E6%98%A0%E7%94%BB?a=%C3%A4+b",
        "https://m%C3%BCnchen.de:8443/a",
    ] {
        let added =
            talk(&call("add_media", &format!("job_id={ID}&media_url={decoded}")), vec![job(1), job(2)]);
        assert_eq!(added.said().0, 200, "{decoded}");
    }
    assert_eq!(add("", vec![]), "MISSING_PARAMETER");
    // Another one was added meanwhile.
    let full = || one(resource("jobs", json!({ "MediaUrl": "https://example.com/a" })));
    assert_eq!(add("https://example.com/b", vec![job(1), Err(Error::Stale), full()]), "INVALID_QUERY");
    assert_eq!(add("https://example.com/b", vec![full()]), "INVALID_QUERY");
}

#[test]
fn a_job_is_shown_with_every_date_that_clients_read() {
    let (status, shown) = talk(&call("info", &format!("job_id={ID}")), vec![job(1)]).said();
    assert_eq!(status, 200);
    assert_eq!((shown["JobId"].as_str(), shown["JobName"].as_str()), (Some(ID), Some("one")));
    assert_eq!(shown["SourceLanguage"], "de");
    assert_eq!(shown["Tasks"], json!([]));
    assert_eq!(shown["CreationDate"], "2014-08-27T14:00:06.472");
    for date in &DATES[1..] {
        assert_eq!(shown[date], "", "{date}");
    }
}

#[test]
fn the_newest_job_is_listed_first() {
    let older = resource("jobs", json!({ "JobName": "older" }));
    let newer = resource("jobs", json!({ "JobName": "newer" }));
    let account = Ok(Answer::Account(Box::new(own())));
    let heard = talk(&call("list", ""), vec![account, Ok(Answer::Resources(vec![older, newer], None))]);
    let (status, list) = heard.said();
    assert_eq!((status, list["Username"].as_str()), (200, Some("api_test")));
    let jobs = list["ActiveJobs"].as_array().unwrap();
    assert_eq!((jobs[0]["JobName"].as_str(), jobs[1]["JobName"].as_str()), (Some("newer"), Some("older")));
    for date in DATES.iter().chain(&TIMES) {
        assert!(jobs[0][date].is_string(), "{date}");
    }
    assert_eq!(jobs[0]["CreationTime"], jobs[0]["CreationDate"]);
    assert_eq!(jobs[0]["Username"], "api_test");
    let [_, Command::ListResources { collection: "jobs", account, .. }] = &heard.commands[..] else {
        panic!("a list")
    };
    assert_eq!(*account, Some(own().id));
}

#[test]
fn a_job_that_is_not_there_is_told_from_what_is_no_id() {
    for word in ["info", "del", "delete"] {
        assert_eq!(talk(&call(word, ""), vec![]).refused(), "MISSING_PARAMETER");
        assert_eq!(talk(&call(word, "job_id=res_1"), vec![]).refused(), "INVALID_OPTION");
        let unknown = talk(&call(word, &format!("job_id={ID}")), vec![Err(Error::NotFound)]);
        assert_eq!(unknown.refused(), "ITEM_NOT_FOUND");
    }
}
