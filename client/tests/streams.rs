//! Answers that come line by line.

use keyward_client::Client;
use keyward_client::wire::{ImportKey, ImportOutcome, Secret};
use serde_json::json;

use crate::server::{Server, problem, secret};

#[tokio::test]
async fn an_import_sends_lines_and_reads_lines() {
    let refused: serde_json::Value = serde_json::from_str(&problem(409, "taken")).unwrap();
    let answer = format!("{}\n{}", json!({"line": 1, "id": "key_1"}), json!({"line": 2, "problem": refused}));
    let server = Server::new(vec![(200, "", answer)]);
    let client = Client::new(&server.start().await, &secret()).unwrap();
    let keys = ["first-secret-0000", "second-secret-000"].map(|text| ImportKey {
        name: "x".into(),
        secret: Some(Secret::new(text.into())),
        ..ImportKey::default()
    });
    let mut lines = client.import_keys(keys).await.unwrap();
    let first = lines.next().await.unwrap().unwrap();
    assert_eq!((first.line, first.outcome), (1, ImportOutcome::Id("key_1".into())));
    let second = lines.next().await.unwrap().unwrap();
    assert!(matches!(second.outcome, ImportOutcome::Problem(problem) if problem.code == "taken"));
    assert_eq!(lines.next().await.unwrap(), None);
    let asked = server.asked();
    assert_eq!(asked[0].header("content-type"), "application/x-ndjson");
    let sent: Vec<serde_json::Value> =
        asked[0].body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((sent.len(), &sent[1]["secret"]), (2, &json!("second-secret-000")));
}

#[tokio::test]
async fn an_import_that_does_not_begin_is_an_error() {
    let server = Server::new(vec![(403, "", problem(403, "forbidden"))]);
    let client = Client::new(&server.start().await, &secret()).unwrap();
    let error = client.import_keys([ImportKey::default()]).await.err().unwrap();
    assert_eq!(error.code(), Some("forbidden"));
}

#[tokio::test]
async fn events_are_followed() {
    let event = |position: u64| {
        json!({
            "position": position, "type": "key.removed", "at": "2026-01-01T00:00:00.000Z", "subject_id": "key_1",
            "version": 2, "reason": "retired", "organization_id": "org_1", "actor_key_id": null,
            "request_id": null, "leaf": "keyward/1",
        })
    };
    let block = |position| format!("id: {position}\nevent: key.removed\ndata: {}\n\n", event(position));
    let server = Server::new(vec![(200, "", format!(": hello\n\n{}{}", block(8), block(9)))]);
    let client = Client::new(&server.start().await, &secret()).unwrap();
    let mut events = client.follow_events(Some(7)).await.unwrap();
    assert_eq!(events.next().await.unwrap().unwrap().position, 8);
    assert_eq!(events.next().await.unwrap().unwrap().position, 9);
    assert_eq!(events.next().await.unwrap(), None);
    let asked = server.asked();
    assert_eq!(
        (asked[0].line.as_str(), asked[0].header("accept")),
        ("GET /v1/events?after=7", "text/event-stream")
    );
}
