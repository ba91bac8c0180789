//! Calls: what is sent, what is repeated, and what comes back as an error.

use keyward_client::wire::{IssueKey, ListKeys, Reason, State, UpdateKey, Verdict, Verify};
use keyward_client::{Client, Error};
use serde_json::json;
use tokio::net::TcpListener;

use crate::server::{SECRET, Server, problem, secret};

async fn client(server: &Server) -> Client {
    Client::new(&server.start().await, &secret()).unwrap()
}

fn key() -> serde_json::Value {
    json!({
        "id": "key_1", "kind": "secret", "organization_id": "org_1", "account_id": "acct_1", "name": "ci",
        "handle": "kw_live_0", "environment": "live", "state": "active", "scopes": [], "metadata": {}, "tags": [],
        "created_at": "2026-01-01T00:00:00.000Z", "not_before": null, "expires_at": null, "remove_at": null,
        "ip_allow": [], "rate_limit": null, "uses_left": null, "protected": false, "recoverable": false,
        "supersedes": null, "version": 1,
    })
}

#[tokio::test]
async fn a_post_is_repeated_under_one_name_until_it_is_done() {
    let issued = json!({"key": key(), "secret": "kw_live_new"}).to_string();
    let busy = || (503, "retry-after: 0", problem(503, "unavailable"));
    let server = Server::new(vec![busy(), busy(), (201, "", issued)]);
    let issued =
        client(&server).await.issue_key(&IssueKey { name: "ci".into(), ..IssueKey::default() }).await;
    assert_eq!(issued.unwrap().secret.unwrap().expose(), "kw_live_new");
    let asked = server.asked();
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[0].line, "POST /v1/keys");
    assert_eq!(asked[0].header("authorization"), format!("Bearer {SECRET}"));
    assert_eq!(asked[0].header("content-type"), "application/json");
    assert_eq!(asked[0].header("idempotency-key").len(), 32);
    assert!(asked.iter().all(|a| a.header("idempotency-key") == asked[0].header("idempotency-key")));
    assert!(asked.iter().all(|a| a.body == asked[0].body));
}

#[tokio::test]
async fn two_posts_have_two_names() {
    let server = Server::new(vec![(200, "", key().to_string())]);
    let client = client(&server).await;
    client.resume_key("key_1", None).await.unwrap();
    client.resume_key("key_1", None).await.unwrap();
    let asked = server.asked();
    assert_ne!(asked[0].header("idempotency-key"), asked[1].header("idempotency-key"));
}

#[tokio::test]
async fn what_may_count_twice_is_made_once() {
    let server = Server::new(vec![(503, "retry-after: 0", problem(503, "unavailable"))]);
    let client = client(&server).await;
    let question = Verify { secret: Some("x".into()), scopes: vec!["a".into()], ..Verify::default() };
    assert_eq!(client.verify(&question).await.unwrap_err().code(), Some("unavailable"));
    let patched = client.update_key("key_1", &UpdateKey::default(), Some(3)).await;
    assert_eq!(patched.unwrap_err().code(), Some("unavailable"));
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[1].header("if-match"), "\"3\"");
}

#[tokio::test]
async fn repeats_come_to_an_end() {
    let server = Server::new(vec![(503, "retry-after: 0", problem(503, "locked"))]);
    let error = client(&server).await.find_key("key_1").await.unwrap_err();
    assert_eq!((error.code(), server.asked().len()), (Some("locked"), 4));
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = Server::new(vec![(200, "", key().to_string())]);
    let serving = server.clone();
    tokio::spawn(async move {
        drop(listener.accept().await.unwrap());
        let (stream, _) = listener.accept().await.unwrap();
        serving.serve(stream).await;
    });
    let found = Client::new(&address, &secret()).unwrap().find_key("key_1").await;
    assert_eq!(found.unwrap().name, "ci");
}

#[tokio::test]
async fn a_query_and_a_path_stay_what_they_are() {
    let server = Server::new(vec![(200, "", json!({"data": [], "next_cursor": null}).to_string())]);
    let client = client(&server).await;
    let which = ListKeys { state: Some(State::Removed), tag: Some("a&b=c".into()), ..ListKeys::default() };
    client.list_keys(&which).await.unwrap();
    let removed = client.remove_key("../accounts?", Some(Reason::OwnerLeft), None).await;
    assert!(matches!(removed, Err(Error::Unexpected(_))));
    let asked = server.asked();
    assert_eq!(asked[0].line, "GET /v1/keys?state=removed&tag=a%26b%3Dc");
    assert_eq!(asked[1].line, "DELETE /v1/keys/%2E%2E%2Faccounts%3F?reason=owner_left");
    assert_eq!(asked[1].header("prefer"), "return=representation");
}

#[tokio::test]
async fn who_may_go_on_is_told_with_what_has_become() {
    let mut stale = key();
    stale["uncovered"] = json!(["gateway"]);
    // More digits than a float has: what a key's owner keeps comes back as it was.
    stale["metadata"] = json!({ "order": 12_345_678_901_234_567_890_u64 });
    let uncovered = json!({ "uncovered": ["gateway"] }).to_string();
    let server = Server::new(vec![
        (202, "", stale.to_string()),
        (200, "", key().to_string()),
        (202, "keyward-receipt: rcpt_1", uncovered),
        (204, "keyward-receipt: rcpt_1", String::new()),
    ]);
    let client = client(&server).await;
    let patch = UpdateKey::default();
    let changed = client.update_key("key_1", &patch, None).await.unwrap();
    assert_eq!((changed.name.as_str(), &*changed.uncovered), ("ci", &["gateway".to_owned()][..]));
    assert_eq!(changed.metadata.0["order"], 12_345_678_901_234_567_890_u64);
    assert_eq!(serde_json::to_value(&changed).unwrap(), stale);
    let changed = client.update_key("key_1", &patch, None).await.unwrap();
    assert!(changed.uncovered.is_empty());
    for wanted in [&["gateway"][..], &[]] {
        let removed = client.remove_organization("org_1", None).await.unwrap();
        assert_eq!(removed.as_str(), "rcpt_1");
        assert_eq!(removed.uncovered, wanted);
    }
}

#[tokio::test]
async fn an_error_carries_the_problem_or_says_that_there_is_none() {
    let server = Server::new(vec![
        (412, "", problem(412, "stale")),
        (502, "", "<html>".into()),
        (200, "", "{".into()),
    ]);
    let client = client(&server).await;
    let Err(Error::Problem(problem)) = client.find_key("key_1").await else { panic!() };
    assert_eq!((problem.status, problem.code.as_str()), (412, "stale"));
    assert!(matches!(client.find_key("key_1").await, Err(Error::Unexpected(what)) if what.contains("502")));
    assert!(
        matches!(client.find_key("key_1").await, Err(Error::Unexpected(what)) if what.contains("line 1"))
    );
}

#[tokio::test]
async fn a_verdict_is_no_error() {
    let server = Server::new(vec![(200, "", json!({"valid": false, "code": "removed"}).to_string())]);
    let question = Verify { secret: Some("x".into()), ..Verify::default() };
    assert!(matches!(client(&server).await.verify(&question).await, Ok(Verdict::Refused(_))));
    assert_eq!(server.asked()[0].header("idempotency-key"), "");
}

#[test]
fn an_address_is_http_or_https() {
    for wrong in ["", "keys.example.com", "ftp://keys.example.com", "https://keys.example.com/?a", "/v1"] {
        assert!(matches!(Client::new(wrong, &secret()), Err(Error::Setup(_))), "{wrong}");
    }
}
