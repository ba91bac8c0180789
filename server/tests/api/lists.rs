//! This file is about lists: every filter, and pages that together hold each thing once.

use serde_json::{Value, json};

use super::scene::{Scene, ids, no, text};
use crate::harness::eventually;

/// All pages of a list, each of at most this many.
fn pages(scene: &Scene, path: &str, limit: usize) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = scene.read(&format!("{path}limit={limit}{cursor}"));
        pages.push(ids(&page));
        let Some(next) = page["next_cursor"].as_str() else { return pages };
        cursor = format!("&cursor={next}");
        assert!(pages.len() < 100, "it never ends");
    }
}

#[test]
fn pages_hold_every_key_once_in_the_order_of_creation() {
    let scene = Scene::new();
    let account = scene.account(None, "member", "many");
    let made: Vec<String> = (0..23).map(|_| scene.held(json!({ "account_id": account })).id).collect();
    for limit in [1, 5, 23, 50, 500] {
        let pages = pages(&scene, &format!("/v1/keys?account_id={account}&"), limit);
        assert!(pages.iter().all(|page| page.len() <= limit));
        let mut all = pages.concat();
        assert_eq!(all, made, "{limit}");
        all.dedup();
        assert_eq!(all.len(), 23);
    }
    // Without a limit: 50 to a page.
    assert_eq!(ids(&scene.read("/v1/keys")).len(), 24);
    for wrong in ["limit=0", "limit=501", "limit=-1", "cursor=x", "colour=red", "limit=1&limit=2"] {
        assert_eq!(
            scene.refused("GET", &format!("/v1/keys?{wrong}"), Value::Null),
            no(400, "invalid_field"),
            "{wrong}"
        );
    }
}

#[test]
fn a_removal_between_two_pages_hides_nothing_else() {
    let scene = Scene::new();
    let account = scene.account(None, "member", "many");
    let made: Vec<String> = (0..6).map(|_| scene.held(json!({ "account_id": account })).id).collect();
    let path = format!("/v1/keys?account_id={account}&limit=3");
    let first = scene.read(&path);
    // The very key that the cursor was made of.
    scene.ok("DELETE", &format!("/v1/keys/{}", made[2]), Value::Null);
    let second = scene.read(&format!("{path}&cursor={}", text(&first["next_cursor"])));
    assert_eq!(ids(&second), made[3..]);
}

#[test]
fn every_filter_finds_what_it_names_and_nothing_else() {
    let scene = Scene::new();
    let account = scene.account(None, "member", "filtered");
    let base = json!({ "account_id": account });
    let with = |fields: Value| {
        let mut body = base.clone();
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        scene.held(body)
    };
    let plain = with(json!({}));
    let tagged = with(json!({ "tags": ["red", "blue"] }));
    let test = with(json!({ "environment": "test" }));
    let ending = with(json!({ "expires_at": "2098-01-01T00:00:00Z" }));
    let stopped = with(json!({}));
    let gone = with(json!({}));
    scene.ok("POST", &format!("/v1/keys/{}/suspend", stopped.id), Value::Null);
    scene.ok("DELETE", &format!("/v1/keys/{}", gone.id), Value::Null);
    let living = [&plain, &tagged, &test, &ending, &stopped].map(|key| key.id.clone());
    let found = |filter: &str| ids(&scene.read(&format!("/v1/keys?account_id={account}&{filter}")));
    let one = |key: &super::scene::Held| vec![key.id.clone()];

    assert_eq!(found("kind=secret"), living);
    assert_eq!(found("tag=red"), one(&tagged));
    assert_eq!(found("tag=green"), Vec::<String>::new());
    assert_eq!(found("environment=test"), one(&test));
    assert_eq!(found("expires_before=2098-06-01T00:00:00Z"), one(&ending));
    assert_eq!(found("expires_before=2097-06-01T00:00:00Z"), Vec::<String>::new());
    assert_eq!(found("state=suspended"), one(&stopped));
    assert_eq!(found("state=removed"), one(&gone));
    assert_eq!(found("state=active"), [&plain, &tagged, &test, &ending].map(|key| key.id.clone()));
    assert_eq!(found("state=active&tag=blue&environment=live"), one(&tagged));
    let read = scene.read(&format!("/v1/keys/{}", test.id));
    assert_eq!(found(&format!("handle={}", text(&read["handle"]))), one(&test));
    let at = text(&read["created_at"]);
    let (after, before) = (found(&format!("created_after={at}")), found(&format!("created_before={at}")));
    assert!(
        after.contains(&test.id) && !before.contains(&test.id),
        "an instant belongs to what begins with it"
    );
    assert_eq!([before, after].concat(), living);
}

#[test]
fn unused_keys_are_found_by_what_was_noted_of_their_use() {
    let scene = Scene::new();
    let account = scene.account(None, "member", "used");
    let [used, unused] = [(); 2].map(|()| scene.held(json!({ "account_id": account })));
    let since = scene.now().to_string();
    assert_eq!(scene.verdict(&used.secret), "valid");
    let path = format!("/v1/keys?account_id={account}&unused_since={since}");
    eventually("the note of a use", || (ids(&scene.read(&path)) == [unused.id.clone()]).then_some(()));
}

#[test]
fn other_lists_come_in_pages_too() {
    let scene = Scene::new();
    let accounts: Vec<String> = (0..7).map(|n| scene.account(None, "member", &format!("a{n}"))).collect();
    let listed = pages(&scene, "/v1/accounts?", 3).concat();
    assert_eq!(listed[1..], accounts);
    let organizations: Vec<String> = (0..4).map(|n| scene.tenant(&format!("o{n}")).organization).collect();
    let listed = pages(&scene, "/v1/organizations?", 2).concat();
    assert_eq!(listed[1..], organizations);
}
