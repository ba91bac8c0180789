//! What the server knows of uses that only verifiers saw: keys that are in use there are in use.

use keyward_client::{Needs, Verdict, VerifierOptions};
use keyward_verifier::frame::{KeyUses, VerifierFrame};
use serde_json::{Value, json};

use super::super::scene::{Held, Scene};
use super::stream::{Stream, hello};
use super::{joined, joining, runtime, told};
use crate::harness::eventually;

fn usage(scene: &Scene, key: &Held) -> Value {
    scene.read(&format!("/v1/keys/{}/usage", key.id))
}

fn total(counts: &Value) -> u64 {
    counts.as_array().expect("a list").iter().filter_map(|one| one["count"].as_u64()).sum()
}

/// How often a key was accepted and refused.
fn counted(scene: &Scene, key: &Held) -> (u64, u64) {
    let usage = usage(scene, key);
    (total(&usage["accepted"]), total(&usage["refused"]))
}

/// The key's 128 bits.
fn bits(key: &Held) -> u128 {
    let digits = "0123456789abcdefghjkmnpqrstvwxyz";
    let text = key.id.strip_prefix("key_").expect("a key");
    text.chars().fold(0, |bits, digit| bits << 5 | digits.find(digit).expect("a digit") as u128)
}

/// A plan once named keys as unused that verifiers accepted all the time.
#[test]
fn a_key_that_is_used_at_a_verifier_only_is_not_unused() {
    let (scene, runtime) = (Scene::new(), runtime());
    let account = scene.account(None, "member", "used");
    let [used, unused] = [(); 2].map(|()| scene.held(json!({ "account_id": account, "scopes": ["a"] })));
    let since = scene.now().to_string();
    let verifier = joined(&runtime, &scene, &joining(&scene), VerifierOptions::named("gateway"));
    for _ in 0..3 {
        assert_eq!(told(&verifier, &used.secret), "valid");
    }
    let needs = Needs { scopes: &["b"], ..Needs::default() };
    assert!(matches!(verifier.verify(&used.secret, &needs), Verdict::Refused(_)));
    eventually("the server is told", || (counted(&scene, &used) == (3, 1)).then_some(()));
    assert_eq!(counted(&scene, &unused), (0, 0));
    let at = usage(&scene, &used)["last_used_at"].as_str().expect("a time").to_owned();
    assert!(since < at && at <= scene.now().to_string(), "{at}");

    let listed = scene.read(&format!("/v1/keys?account_id={account}&unused_since={since}"));
    assert_eq!(listed["data"].as_array().map(|keys| keys.len()), Some(1));
    assert_eq!(listed["data"][0]["id"], unused.id.as_str());
    let plan = scene.ok("POST", "/v1/removals", json!({ "dry_run": true, "account_id": account }));
    assert_eq!((&plan["total"], &plan["used_within"]["hour"]), (&json!(2), &json!(1)), "{plan}");
    let by = &plan["in_use"][0]["clients"];
    assert_eq!(
        (&by[0]["verifier"], &by[0]["address"], &by[1]),
        (&json!("gateway"), &Value::Null, &Value::Null)
    );
}

#[test]
fn who_leaves_tells_what_it_has_not_told() {
    let (scene, runtime) = (Scene::new(), runtime());
    let joining = joining(&scene);
    for options in [VerifierOptions::named("full"), VerifierOptions::named("hot").hot(10)] {
        let key = scene.held(json!({}));
        let verifier = joined(&runtime, &scene, &joining, options);
        let checked = runtime.block_on(verifier.check(&key.secret, &Needs::default()));
        assert!(checked.is_ok_and(|told| told.valid().is_some()));
        for _ in 0..5 {
            assert_eq!(told(&verifier, &key.secret), "valid");
        }
        runtime.block_on(verifier.leave());
        assert_eq!(counted(&scene, &key), (6, 0));
    }
}

#[test]
fn a_verifier_speaks_for_its_own_organization_only() {
    let (scene, runtime) = (Scene::new(), runtime());
    let (tenant, others) = (scene.tenant("tenant"), scene.tenant("others"));
    let by = scene.held_as(&tenant.owner.secret, json!({ "scopes": ["verifiers:join"] }));
    let own = scene.held_as(&tenant.owner.secret, json!({}));
    let theirs = scene.held_as(&others.owner.secret, json!({}));
    let ended = scene.held_as(&tenant.owner.secret, json!({}));
    scene.ok("DELETE", &format!("/v1/keys/{}", ended.id), Value::Null);
    let used = |key: u128, seconds_ago| KeyUses { key, accepted: u32::MAX, refused: 2, seconds_ago };
    runtime.block_on(async {
        let mut stream = Stream::open(&scene, &by).await;
        stream.join(hello("liar", 1)).await;
        let uses = vec![
            used(bits(&theirs), 0),
            used(1, 0),
            used(u128::MAX, u32::MAX),
            used(bits(&own), 3600),
            used(bits(&ended), u32::MAX),
        ];
        stream.frame(VerifierFrame::Uses(uses.clone())).await;
        stream.frame(VerifierFrame::Uses(uses)).await;
        stream.frame(VerifierFrame::Goodbye).await;
        assert!(stream.reason().await.is_some(), "it was heard to the end");
    });
    let most = u64::from(u32::MAX) * 2;
    assert_eq!(counted(&scene, &own), (most, 4));
    assert_eq!(counted(&scene, &ended), (most, 4), "who tries after a removal is known, too");
    assert_eq!(counted(&scene, &theirs), (0, 0));
    let at = usage(&scene, &own)["last_used_at"].as_str().expect("a time").to_owned();
    assert!(at < scene.now().to_string());
}
