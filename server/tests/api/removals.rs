//! This file is about removing many keys: planned, confirmed, carried out, and proved one by one.

use serde_json::{Value, json};

use super::scene::{Held, Scene, no, refusal, text};
use crate::harness::eventually;

/// The plan of a selection.
fn plan(scene: &Scene, selection: &Value) -> Value {
    let mut body = selection.clone();
    body["dry_run"] = json!(true);
    body["reason"] = json!("compromised");
    scene.ok("POST", "/v1/removals", body)
}

/// Removes what was planned; the path of the removal.
fn confirm(scene: &Scene, selection: &Value, plan: &Value) -> String {
    let mut body = selection.clone();
    body["plan_hash"] = plan["plan_hash"].clone();
    body["reason"] = json!("compromised");
    let answer = scene.call("POST", "/v1/removals", Some(body));
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert_eq!(answer.json()["removal"]["total"], plan["total"]);
    answer.header("location").expect("where to look").to_owned()
}

/// The removal, when it is done.
fn finished(scene: &Scene, path: &str) -> Value {
    eventually("the end of a removal", || {
        Some(scene.read(path)).filter(|read| !read["removal"]["finished_at"].is_null())
    })
}

fn keys_of(scene: &Scene, account: &str, count: usize, fields: Value) -> Vec<Held> {
    let mut fields = fields;
    fields["account_id"] = json!(account);
    (0..count).map(|_| scene.held(fields.clone())).collect()
}

/// Removing an account ends what is below it; removing its keys means its own.
#[test]
fn an_account_is_named_for_its_own_keys_alone() {
    let scene = Scene::new();
    let above = scene.account(None, "member", "above");
    let below = json!({ "name": "below", "role": "member", "parent_id": above });
    let below = text(&scene.ok("POST", "/v1/accounts", below)["id"]);
    let (own, others) = (keys_of(&scene, &above, 2, json!({})), keys_of(&scene, &below, 3, json!({})));
    let listed = scene.read(&format!("/v1/keys?account_id={above}"));
    for selection in [json!({ "filter": { "account_id": above } }), json!({ "account_id": above })] {
        assert_eq!(plan(&scene, &selection)["total"], 2, "as many as are listed: {listed}");
    }
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(2));
    let selection = json!({ "account_id": above });
    finished(&scene, &confirm(&scene, &selection, &plan(&scene, &selection)));
    assert!(own.iter().all(|key| scene.verdict(&key.secret) == "removed"));
    assert!(others.iter().all(|key| scene.verdict(&key.secret) == "valid"));
}

#[test]
fn one_key_is_removed_by_its_secret_or_its_handle() {
    let scene = Scene::new();
    let [by_secret, by_handle, other] = [(); 3].map(|()| scene.held(json!({})));
    let handle_of = |id: &str| text(&scene.read(&format!("/v1/keys/{id}"))["handle"]);
    let handle = handle_of(&by_handle.id);
    let elsewhere = json!([{ "name": "made elsewhere", "secret": "a-secret-of-another-system" }]);
    let imported = scene.call("POST", "/v1/keys/import", Some(elsewhere)).json();
    let foreign = Held { id: text(&imported["id"]), secret: "a-secret-of-another-system".to_owned() };
    assert_eq!(handle_of(&foreign.id), foreign.id, "it has no other");
    for (key, selection) in [
        (&by_secret, json!({ "secret": by_secret.secret })),
        (&by_handle, json!({ "handle": handle })),
        (&foreign, json!({ "handle": foreign.id })),
    ] {
        let planned = plan(&scene, &selection);
        assert_eq!((&planned["total"], &planned["protected"]), (&json!(1), &json!(0)));
        assert_eq!(scene.verdict(&key.secret), "valid", "a plan removes nothing");
        let done = finished(&scene, &confirm(&scene, &selection, &planned));
        assert_eq!(done["removal"]["removed"], 1);
        assert_eq!(
            (&done["receipts"]["data"][0]["id"], &done["receipts"]["data"][0]["reason"]),
            (&json!(key.id), &json!("compromised"))
        );
        assert_eq!(scene.verdict(&key.secret), "removed");
    }
    assert_eq!(scene.verdict(&other.secret), "valid");
    for nothing in
        [json!({ "secret": "no-such-key-was-ever-made" }), json!({ "handle": "kw_live_nobodys000" })]
    {
        assert_eq!(scene.refused("POST", "/v1/removals", nothing), no(404, "not_found"));
    }
}

#[test]
fn every_key_of_an_account_is_removed_with_its_receipt() {
    let mut scene = Scene::new();
    let account = scene.account(None, "member", "leaving");
    let mut keys = keys_of(&scene, &account, 60, json!({}));
    let kept = keys_of(&scene, &account, 2, json!({ "protected": true }));
    let others = scene.held(json!({}));
    assert_eq!(scene.asked(&keys[0].secret, json!({ "ip": "192.0.2.7" })), "valid");
    let selection = json!({ "account_id": account });
    let planned = eventually("the note of a use", || {
        Some(plan(&scene, &selection)).filter(|plan| plan["in_use"] != json!([]))
    });
    assert_eq!((&planned["total"], &planned["protected"]), (&json!(60), &json!(2)));
    assert_eq!(planned["used_within"], json!({ "hour": 1, "day": 1, "week": 1 }));
    assert_eq!(planned["in_use"][0]["key_id"], keys[0].id);
    assert_eq!(planned["in_use"][0]["clients"][0]["address"], "192.0.2.7");

    let path = confirm(&scene, &selection, &planned);
    assert_eq!(finished(&scene, &path)["removal"]["removed"], 60);
    scene.restart();
    for key in &keys {
        assert_eq!(scene.verdict(&key.secret), "removed");
    }
    for key in kept.iter().chain([&others]) {
        assert_eq!(scene.verdict(&key.secret), "valid");
    }
    let mut proved = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = scene.read(&format!("{path}?limit=25{cursor}"))["receipts"].clone();
        for tombstone in page["data"].as_array().expect("data") {
            proved.push(text(&tombstone["id"]));
            let receipt = format!("/v1/receipts/{}", text(&tombstone["receipt_id"]));
            assert_eq!(scene.call("GET", &receipt, None).status, 200);
        }
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    proved.sort();
    keys.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(proved, keys.iter().map(|key| key.id.clone()).collect::<Vec<_>>());
}

#[test]
fn a_filter_says_which_keys_go() {
    let scene = Scene::new();
    let account = scene.account(None, "member", "mixed");
    let red = keys_of(&scene, &account, 3, json!({ "tags": ["red"], "environment": "test" }));
    let live = keys_of(&scene, &account, 2, json!({ "tags": ["red"] }));
    let selection = json!({ "filter": { "tag": "red", "environment": "test" } });
    let planned = plan(&scene, &selection);
    assert_eq!(planned["total"], 3);
    finished(&scene, &confirm(&scene, &selection, &planned));
    assert!(red.iter().all(|key| scene.verdict(&key.secret) == "removed"));
    assert!(live.iter().all(|key| scene.verdict(&key.secret) == "valid"));
    // Nothing is left that fits: nothing is what is done.
    let planned = plan(&scene, &selection);
    assert_eq!(planned["total"], 0);
    assert_eq!(finished(&scene, &confirm(&scene, &selection, &planned))["removal"]["removed"], 0);
}

#[test]
fn a_plan_that_no_longer_fits_is_not_carried_out() {
    let scene = Scene::new();
    let account = scene.account(None, "member", "busy");
    let mut keys = keys_of(&scene, &account, 3, json!({}));
    let selection = json!({ "account_id": account });
    assert_eq!(scene.refused("POST", "/v1/removals", selection.clone()), no(400, "invalid_field"));
    let planned = plan(&scene, &selection);
    let mut body = selection.clone();
    body["plan_hash"] = planned["plan_hash"].clone();
    body["reason"] = json!("retired");
    assert_eq!(
        scene.refused("POST", "/v1/removals", body.clone()),
        no(409, "plan_changed"),
        "for another reason"
    );
    body["reason"] = json!("compromised");
    keys.extend(keys_of(&scene, &account, 1, json!({})));
    assert_eq!(scene.refused("POST", "/v1/removals", body.clone()), no(409, "plan_changed"), "one more");
    scene.ok("DELETE", &format!("/v1/keys/{}", keys.remove(0).id), Value::Null);
    assert_eq!(
        scene.refused("POST", "/v1/removals", body.clone()),
        no(409, "plan_changed"),
        "as many, but others"
    );
    assert!(keys.iter().all(|key| scene.verdict(&key.secret) == "valid"));
    body["plan_hash"] = json!("00");
    assert_eq!(scene.refused("POST", "/v1/removals", body), no(400, "invalid_field"));
    let planned = plan(&scene, &selection);
    finished(&scene, &confirm(&scene, &selection, &planned));
    assert!(keys.iter().all(|key| scene.verdict(&key.secret) == "removed"));
}

#[test]
fn one_selection_and_no_more() {
    let scene = Scene::new();
    let key = scene.held(json!({}));
    let account = scene.own_account();
    for body in [
        json!({}),
        json!({ "secret": key.secret, "account_id": account }),
        json!({ "filter": {}, "handle": "kw_live_x" }),
        json!({ "filter": { "colour": "red" } }),
        json!({ "access": { "type": "badge", "identification": "1" } }),
    ] {
        assert_eq!(scene.refused("POST", "/v1/removals", body.clone()), no(400, "invalid_field"), "{body}");
    }
    assert_eq!(scene.verdict(&key.secret), "valid");
}

#[test]
fn a_member_removes_its_own_keys_only() {
    let scene = Scene::new();
    let member = scene.account(None, "member", "member");
    let caller = scene.held(json!({ "account_id": member, "scopes": ["keys:remove", "keys:read"] }));
    let mine = keys_of(&scene, &member, 2, json!({ "tags": ["red"] }));
    let theirs = scene.held(json!({ "tags": ["red"] }));
    let selection = json!({ "filter": { "tag": "red" } });
    let mut body = selection.clone();
    body["dry_run"] = json!(true);
    let planned = scene.ok_as(&caller.secret, "POST", "/v1/removals", body);
    assert_eq!(planned["total"], 2);
    let mut body = selection;
    body["plan_hash"] = planned["plan_hash"].clone();
    let begun = scene.ok_as(&caller.secret, "POST", "/v1/removals", body);
    finished(&scene, &format!("/v1/removals/{}", text(&begun["removal"]["id"])));
    assert!(mine.iter().all(|key| scene.verdict(&key.secret) == "removed"));
    assert_eq!(scene.verdict(&theirs.secret), "valid");
    for other in [json!({ "secret": theirs.secret }), json!({ "account_id": scene.own_account() })] {
        let answer = scene.call_as(&caller.secret, "POST", "/v1/removals", Some(other));
        assert_eq!(refusal(&answer), no(404, "not_found"));
    }
}

/// What a member may not know of does not exist for it: neither a colleague's removal nor what it removed.
#[test]
fn a_member_does_not_read_the_removals_of_others() {
    let scene = Scene::new();
    let member = scene.account(None, "member", "member");
    let member = scene.held(json!({ "account_id": member, "scopes": ["keys:read"] }));
    let key = scene.held(json!({}));
    let removal = text(&scene.ok("POST", "/v1/removals", json!({ "secret": key.secret }))["removal"]["id"]);
    finished(&scene, &format!("/v1/removals/{removal}"));
    let read = scene.call_as(&member.secret, "GET", &format!("/v1/keys/{}", key.id), None);
    assert_eq!(refusal(&read), no(404, "not_found"));
    let read = scene.call_as(&member.secret, "GET", &format!("/v1/removals/{removal}"), None);
    assert_eq!(refusal(&read), no(404, "not_found"), "{}", read.body);
}
