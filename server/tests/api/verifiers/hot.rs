//! The mode *hot*: a bounded cache, filled by look-ups on the stream.

use keyward_client::{Needs, Verdict, Verifier, VerifierOptions};
use serde_json::{Value, json};

use super::super::scene::Scene;
use super::{joined, joining, runtime, told};
use crate::harness::eventually;

/// What a check says: the key's id, or why not.
fn checked(runtime: &tokio::runtime::Runtime, verifier: &Verifier, secret: &str) -> String {
    match runtime.block_on(verifier.check(secret, &Needs::default())).expect("the server answers") {
        Verdict::Valid(key) => key.id().to_string(),
        Verdict::Refused(why) => format!("{why:?}"),
        Verdict::Unavailable => "Unavailable".to_owned(),
        Verdict::Ask => panic!("it was asked"),
    }
}

#[test]
fn a_key_is_asked_for_once_and_then_kept_until_it_ends() {
    let (scene, runtime) = (Scene::new(), runtime());
    // Without the right to verify, whatever is told came over the stream.
    let joining = scene.held(json!({ "scopes": ["verifiers:join"] }));
    let verifier = joined(&runtime, &scene, &joining, VerifierOptions::named("hot").hot(100));
    let tenant = scene.tenant("tenant");
    scene.account(Some(&tenant.organization), "owner", "one that stays active");
    let key = scene.held_as(&tenant.owner.secret, json!({ "scopes": ["orders:read"] }));
    assert_eq!(told(&verifier, &key.secret), "ask", "nothing is kept that was not asked for");
    assert_eq!(checked(&runtime, &verifier, &key.secret), key.id);
    assert_eq!((told(&verifier, &key.secret), verifier.len()), ("valid".to_owned(), 1));

    // Whatever ends it or changes it is in force when it is answered.
    scene.ok("POST", &format!("/v1/keys/{}/suspend", key.id), Value::Null);
    assert_eq!(told(&verifier, &key.secret), "ask");
    assert_eq!(checked(&runtime, &verifier, &key.secret), "Suspended");
    scene.ok("POST", &format!("/v1/keys/{}/resume", key.id), Value::Null);
    let is_valid = || (checked(&runtime, &verifier, &key.secret) == key.id).then_some(());
    eventually("what gives a right comes a little later", is_valid);
    scene.ok("PATCH", &format!("/v1/accounts/{}", tenant.account), json!({ "suspended": true }));
    assert_eq!(told(&verifier, &key.secret), "Suspended", "as its account is");
    scene.ok("PATCH", &format!("/v1/accounts/{}", tenant.account), json!({ "suspended": false }));
    eventually("it is valid again", is_valid);
    scene.ok("DELETE", &format!("/v1/keys/{}", key.id), Value::Null);
    assert_eq!((told(&verifier, &key.secret), verifier.len()), ("ask".to_owned(), 0));
}

#[test]
fn a_bounded_cache_holds_no_more_than_it_may() {
    let (scene, runtime) = (Scene::new(), runtime());
    let verifier = joined(&runtime, &scene, &joining(&scene), VerifierOptions::named("hot").hot(3));
    let keys: Vec<_> = (0..8).map(|_| scene.held(json!({}))).collect();
    for key in &keys {
        assert_eq!(checked(&runtime, &verifier, &key.secret), key.id);
    }
    assert_eq!(verifier.len(), 3);
    assert_eq!(checked(&runtime, &verifier, "kw_live_nothing"), "Unknown");
    let counted = scene.held(json!({ "uses_left": 1 }));
    assert_eq!(checked(&runtime, &verifier, &counted.secret), counted.id);
    assert_eq!(checked(&runtime, &verifier, &counted.secret), "UsedUp");
}

#[test]
fn no_check_that_begins_after_a_removal_accepts_and_none_before_it_brings_the_key_back() {
    let (scene, runtime) = (Scene::new(), runtime());
    let verifier = joined(&runtime, &scene, &joining(&scene), VerifierOptions::named("hot").hot(100));
    for _ in 0..20 {
        let key = scene.held(json!({}));
        // Look-ups are on their way while the removal is: whichever comes first, nothing of the key stays.
        let asking: Vec<_> = (0..8)
            .map(|_| {
                let (verifier, secret) = (verifier.clone(), key.secret.clone());
                runtime.spawn(async move {
                    for _ in 0..5 {
                        let _ = verifier.check(&secret, &Needs::default()).await;
                    }
                })
            })
            .collect();
        scene.ok("DELETE", &format!("/v1/keys/{}", key.id), Value::Null);
        // Whoever has asked too often about unknown keys is told only that much.
        let told_last = checked(&runtime, &verifier, &key.secret);
        assert!(["Removed", "Unavailable"].contains(&told_last.as_str()), "{told_last}");
        for one in asking {
            runtime.block_on(one).expect("it ends");
        }
        assert_eq!(told(&verifier, &key.secret), "ask", "it was filled again");
    }
}
