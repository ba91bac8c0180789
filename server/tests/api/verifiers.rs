//! Verifiers of others, as the SDK makes them: what they accept, what they are told, and who waits for whom.

mod doors;
mod gateway;
mod hot;
mod layer;
mod stream;
mod uncovered;
mod usage;
mod vendors;

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keyward_client::{Client, Needs, Removed, Verdict, Verifier, VerifierOptions, wire};
use serde_json::{Value, json};

use super::scene::{Held, Scene};
use crate::harness::{PROGRAM, eventually};

/// A runtime for verifiers; they stop with it.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

fn joining(scene: &Scene) -> Held {
    scene.held(json!({ "name": "verifier", "scopes": ["verifiers:join", "keys:verify"] }))
}

fn client(scene: &Scene, secret: &str) -> Client {
    Client::new(&scene.http, &wire::Secret::new(secret.to_owned())).expect("a client")
}

/// A verifier that has joined and may accept keys.
fn joined(runtime: &tokio::runtime::Runtime, scene: &Scene, by: &Held, options: VerifierOptions) -> Verifier {
    let _inside = runtime.enter();
    let verifier = Verifier::start(client(scene, &by.secret), options).expect("it starts");
    let ready =
        runtime.block_on(async { tokio::time::timeout(Duration::from_secs(30), verifier.ready()).await });
    assert!(ready.is_ok(), "it never joined: {:?}", verifier.trouble());
    verifier
}

/// What a verifier says of a secret: `valid`, a refusal, or that it cannot tell.
fn told(verifier: &Verifier, secret: &str) -> String {
    match verifier.verify(secret, &Needs::default()) {
        Verdict::Valid(_) => "valid".to_owned(),
        Verdict::Refused(why) => format!("{why:?}"),
        Verdict::Ask => "ask".to_owned(),
        Verdict::Unavailable => "unavailable".to_owned(),
    }
}

#[test]
fn a_verifier_accepts_what_is_live_and_nothing_that_was_removed() {
    let (scene, runtime) = (Scene::new(), runtime());
    let before = scene.held(json!({ "scopes": ["orders:read"] }));
    let verifier = joined(&runtime, &scene, &joining(&scene), VerifierOptions::named("gateway"));
    let after = scene.held(json!({ "scopes": ["orders:read", "orders:write"] }));

    let needs = Needs { scopes: &["orders:read"], ..Needs::default() };
    let key = verifier.verify(&before.secret, &needs).valid().expect("it is live");
    assert_eq!((key.id().to_string(), key.scopes()), (before.id.clone(), &["orders:read".to_owned()][..]));
    assert_eq!(key.account().to_string(), scene.own_account());
    assert_eq!(key.organization().to_string(), scene.own_organization());
    eventually("the new key arrives", || verifier.verify(&after.secret, &needs).valid());
    let writing = Needs { scopes: &["orders:write"], ..Needs::default() };
    assert!(matches!(
        verifier.verify(&before.secret, &writing),
        Verdict::Refused(wire::Refusal::InsufficientScope)
    ));
    assert_eq!(told(&verifier, "kw_live_nothing"), "Unknown");

    for key in [&before, &after] {
        scene.ok("DELETE", &format!("/v1/keys/{}", key.id), Value::Null);
        assert_eq!(told(&verifier, &key.secret), "Unknown", "from the answer on");
    }
}

#[test]
fn no_verifier_accepts_a_key_after_the_answer() {
    let (scene, runtime) = (Scene::new(), runtime());
    let joining = joining(&scene);
    let verifiers: Vec<Verifier> = (0..5)
        .map(|n| joined(&runtime, &scene, &joining, VerifierOptions::named(format!("gateway {n}"))))
        .collect();
    for _ in 0..100 {
        let key = scene.held(json!({}));
        eventually("all have it", || {
            verifiers.iter().all(|one| told(one, &key.secret) == "valid").then_some(())
        });
        scene.ok("DELETE", &format!("/v1/keys/{}", key.id), Value::Null);
        for verifier in &verifiers {
            assert_eq!(told(verifier, &key.secret), "Unknown");
        }
    }
}

#[test]
fn whatever_takes_a_right_away_is_in_force_everywhere_when_it_is_answered() {
    let (scene, runtime) = (Scene::new(), runtime());
    let tenant = scene.tenant("tenant");
    let verifier = joined(&runtime, &scene, &joining(&scene), VerifierOptions::named("gateway"));
    let owner = &tenant.owner.secret;
    let key = scene.held_as(owner, json!({ "scopes": ["a", "b"] }));
    let path = format!("/v1/keys/{}", key.id);
    let told_now = || told(&verifier, &key.secret);
    let becomes = |wanted: &str| eventually(wanted, || (told_now() == wanted).then_some(()));
    becomes("valid");

    scene.ok_as(owner, "POST", &format!("{path}/suspend"), Value::Null);
    assert_eq!(told_now(), "Suspended");
    scene.ok_as(owner, "POST", &format!("{path}/resume"), Value::Null);
    becomes("valid");

    scene.ok_as(owner, "PATCH", &path, json!({ "scopes": ["a"] }));
    let needs = Needs { scopes: &["b"], ..Needs::default() };
    assert!(matches!(
        verifier.verify(&key.secret, &needs),
        Verdict::Refused(wire::Refusal::InsufficientScope)
    ));
    scene.ok_as(owner, "PATCH", &path, json!({ "ip_allow": ["192.0.2.0/24"] }));
    assert_eq!(told_now(), "AddressNotAllowed");
    let address = Some("192.0.2.1".parse().expect("an address"));
    assert!(verifier.verify(&key.secret, &Needs { address, ..Needs::default() }).valid().is_some());
    scene.ok_as(owner, "PATCH", &path, json!({ "ip_allow": [], "not_before": "2100-01-01T00:00:00Z" }));
    assert_eq!(told_now(), "NotYetValid");
    scene.ok_as(owner, "PATCH", &path, json!({ "not_before": null, "uses_left": 5 }));
    assert_eq!(told_now(), "ask", "only the server counts");

    let other = scene.held_as(owner, json!({}));
    eventually("it arrives", || (told(&verifier, &other.secret) == "valid").then_some(()));
    scene.account(Some(&tenant.organization), "owner", "one that stays active");
    scene.ok("PATCH", &format!("/v1/accounts/{}", tenant.account), json!({ "suspended": true }));
    assert_eq!(told(&verifier, &other.secret), "Suspended");
    scene.ok("DELETE", &format!("/v1/organizations/{}", tenant.organization), Value::Null);
    assert_eq!(told(&verifier, &other.secret), "Removed");
}

#[test]
fn a_verifier_is_told_of_its_own_organization_only() {
    let (scene, runtime) = (Scene::new(), runtime());
    let (tenant, others) = (scene.tenant("tenant"), scene.tenant("others"));
    let joining = scene.held_as(&tenant.owner.secret, json!({ "scopes": ["verifiers:join"] }));
    let theirs = scene.held_as(&others.owner.secret, json!({}));
    let own = scene.held_as(&tenant.owner.secret, json!({}));
    let verifier = joined(&runtime, &scene, &joining, VerifierOptions::named("gateway"));
    let later = scene.held_as(&others.owner.secret, json!({}));
    assert_eq!(told(&verifier, &own.secret), "valid");
    // What the tenant does afterwards comes after what the others did before.
    let last = scene.held_as(&tenant.owner.secret, json!({}));
    eventually("it arrives", || (told(&verifier, &last.secret) == "valid").then_some(()));
    for secret in [&theirs.secret, &later.secret, &scene.owner] {
        assert_eq!(told(&verifier, secret), "Unknown");
    }
    // Nobody else's operators see it.
    let seen = |secret: &str| scene.ok_as(secret, "GET", "/v1/verifiers", Value::Null)["data"].clone();
    assert_eq!(seen(&others.owner.secret), json!([]));
    assert_eq!(seen(&tenant.owner.secret)[0]["name"], "gateway");
}

#[test]
fn without_its_server_a_verifier_stops_when_its_lease_ends() {
    let (scene, runtime) = (Scene::new(), runtime());
    let (key, joining) = (scene.held(json!({})), joining(&scene));
    let verifier = joined(&runtime, &scene, &joining, VerifierOptions::named("gateway"));
    assert_eq!(told(&verifier, &key.secret), "valid");
    scene.signal("STOP");
    eventually("the lease ends", || (told(&verifier, &key.secret) == "unavailable").then_some(()));
    scene.signal("CONT");
    eventually("it is back", || (told(&verifier, &key.secret) == "valid").then_some(()));
}

#[test]
fn a_removal_waits_for_a_dead_verifier_once() {
    let (scene, mortal, runtime) = (Scene::new(), runtime(), runtime());
    let joining = joining(&scene);
    let _dead = joined(&mortal, &scene, &joining, VerifierOptions::named("dead"));
    let alive = joined(&runtime, &scene, &joining, VerifierOptions::named("alive"));
    drop(mortal);
    let keys = [scene.held(json!({})), scene.held(json!({}))];
    for key in &keys {
        scene.ok("DELETE", &format!("/v1/keys/{}", key.id), Value::Null);
        assert_eq!(told(&alive, &key.secret), "Unknown");
    }
    // The first removal waited for its lease; the second one had nobody to wait for.
    let covered = |key: &Held| {
        let receipt = format!("/v1/receipts/{}", key.id.replace("key_", "rcpt_"));
        eventually("the enforcement is written down", || {
            let told =
                scene.with_headers("GET", &receipt, "Accept: application/json\r\n", Value::Null).json();
            told["verifiers"].as_array().filter(|all| !all.is_empty()).cloned()
        })
    };
    let outcome = |covered: &[Value], name: &str| {
        let one = covered.iter().find(|one| one["name"] == name).cloned();
        one.map(|one| (one["acknowledged_at"].is_string(), one["lease_ran_out_at"].is_string()))
    };
    let (first, second) = (covered(&keys[0]), covered(&keys[1]));
    assert_eq!(outcome(&first, "alive"), Some((true, false)));
    assert_eq!(outcome(&first, "dead"), Some((false, true)));
    assert_eq!(outcome(&second, "alive"), Some((true, false)));
    assert_eq!(outcome(&second, "dead"), None);
}

/// A client that had waited in vain asked again, and was told that the key was gone while a verifier still accepted it.
#[test]
fn a_repeated_removal_is_answered_no_earlier_than_the_first() {
    let scene = Scene::new();
    // All that it does stands still as long as nothing is awaited in it; only its lease runs.
    let still = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (joining, key) = (joining(&scene), scene.held(json!({})));
    let dead = joined(&still, &scene, &joining, VerifierOptions::named("dead"));
    assert_eq!(told(&dead, &key.secret), "valid");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                scene.ok("DELETE", &format!("/v1/keys/{}", key.id), Value::Null);
                assert_eq!(told(&dead, &key.secret), "unavailable");
            });
        }
    });
}

#[test]
fn no_removal_waits_for_a_verifier_that_left() {
    let (scene, runtime) = (Scene::new(), runtime());
    let joining = joining(&scene);
    let key = scene.held(json!({}));
    let leaves = joined(&runtime, &scene, &joining, VerifierOptions::named("leaves"));
    let dropped = joined(&runtime, &scene, &joining, VerifierOptions::named("dropped").serve_stale());
    let listed = || {
        let verifiers = scene.read("/v1/verifiers")["data"].as_array().expect("a list").clone();
        verifiers.iter().map(|one| one["name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed().len(), 2);
    let clone = leaves.clone();
    runtime.block_on(leaves.leave());
    for verifier in [&leaves, &clone] {
        assert_eq!(told(verifier, &key.secret), "unavailable");
    }
    drop(dropped);
    eventually("the server has heard of both", || listed().is_empty().then_some(()));
    // The one that served stale would have made it 202.
    assert_eq!(scene.call("DELETE", &format!("/v1/keys/{}", key.id), None).status, 204);
}

#[test]
fn a_receipt_proves_when_every_verifier_had_it() {
    let (scene, runtime) = (Scene::new(), runtime());
    let verifier = joined(&runtime, &scene, &joining(&scene), VerifierOptions::named("gateway"));
    let key = scene.held(json!({}));
    scene.ok("DELETE", &format!("/v1/keys/{}", key.id), Value::Null);
    assert!(verifier.is_available());
    let receipt = format!("/v1/receipts/{}", key.id.replace("key_", "rcpt_"));
    let proof = eventually("the enforcement is written down", || {
        let proof = scene.call("GET", &receipt, None).body;
        (proof.matches("c2sp.org/tlog-proof@v1").count() == 2).then_some(proof)
    });
    let file = scene.file("receipt");
    std::fs::write(&file, proof).expect("it can be written");
    let checked = super::receipts::checked(&scene, &file);
    assert!(checked.contains("key.removed") && checked.contains("log.enforced"), "{checked}");
    assert!(checked.contains("acknowledged=1 ran_out=0 uncovered=0"), "{checked}");
    // The event of the log is about the log, and about no key that has the number of that event.
    assert_eq!(checked.matches(" is key_").count(), 1, "{checked}");
    assert!(
        checked.contains(&format!(" is {}", key.id)) && checked.contains(" is the log's own"),
        "{checked}"
    );
}

#[test]
fn who_goes_on_without_a_lease_is_named_in_the_answer() {
    let (scene, mortal) = (Scene::new(), runtime());
    let options = VerifierOptions::named("stubborn").serve_stale();
    let verifier = joined(&mortal, &scene, &joining(&scene), options);
    let key = scene.held(json!({}));
    eventually("it arrives", || (told(&verifier, &key.secret) == "valid").then_some(()));
    let other = scene.held(json!({}));
    // While it hears, it is a verifier like any other.
    let heard = scene.call("DELETE", &format!("/v1/keys/{}", other.id), None);
    assert_eq!(heard.status, 204);
    drop(mortal);
    let removed = scene.call("DELETE", &format!("/v1/keys/{}", key.id), None);
    assert_eq!((removed.status, &removed.json()["uncovered"]), (202, &json!(["stubborn"])));
    // Asked again, the answer is the same.
    assert_eq!(scene.call("DELETE", &format!("/v1/keys/{}", key.id), None).status, 202);
}

#[test]
fn what_is_cut_off_is_told_before_the_removal_is_answered() {
    let (scene, runtime) = (Scene::new(), runtime());
    let cut = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&cut);
    let options = VerifierOptions::named("gateway")
        .on_remove(move |removed| seen.lock().expect("it is whole").push(removed));
    let _verifier = joined(&runtime, &scene, &joining(&scene), options);
    let key = scene.held(json!({}));
    scene.ok("DELETE", &format!("/v1/keys/{}", key.id), Value::Null);
    let cut: Vec<String> = cut
        .lock()
        .expect("it is whole")
        .iter()
        .map(|removed| match removed {
            Removed::Key(id) => id.to_string(),
            Removed::Owner(owner) => owner.to_string(),
        })
        .collect();
    assert_eq!(cut, [key.id]);
}

#[test]
fn a_verifier_without_the_right_never_joins() {
    let (scene, runtime) = (Scene::new(), runtime());
    let may_not = scene.held(json!({ "scopes": ["keys:verify"] }));
    let _inside = runtime.enter();
    let verifier =
        Verifier::start(client(&scene, &may_not.secret), VerifierOptions::named("x")).expect("it starts");
    let trouble = eventually("it is told why", || verifier.trouble());
    assert!(trouble.contains("forbidden"), "{trouble}");
    assert_eq!(told(&verifier, &scene.owner), "unavailable");
}

/// It was refused and went on to the end of its lease, for which the removal waited; or for ever where it serves stale, and then
/// the answer named it.
#[test]
fn a_verifier_whose_key_or_organization_ends_stops_before_that_is_answered() {
    let runtime = runtime();
    for is_organization in [false, true] {
        let scene = Scene::new();
        let tenant = scene.tenant("tenant");
        let key = scene.held_as(&tenant.owner.secret, json!({}));
        let joining = scene.held_as(&tenant.owner.secret, json!({ "scopes": ["verifiers:join"] }));
        let options = VerifierOptions::named("gateway").serve_stale();
        let verifier = joined(&runtime, &scene, &joining, options);
        eventually("it arrives", || (told(&verifier, &key.secret) == "valid").then_some(()));
        let ended = match is_organization {
            true => format!("/v1/organizations/{}", tenant.organization),
            false => format!("/v1/keys/{}", joining.id),
        };
        assert_eq!(scene.call("DELETE", &ended, None).status, 204, "nobody is left out: {ended}");
        assert_eq!(told(&verifier, &key.secret), "unavailable");
        assert_eq!(scene.read("/v1/verifiers")["data"], json!([]), "nobody waits for it any more");
    }
}

#[test]
fn a_verifier_whose_key_is_stopped_comes_back_with_it() {
    let (scene, runtime) = (Scene::new(), runtime());
    let (joining, key) = (joining(&scene), scene.held(json!({})));
    let verifier = joined(&runtime, &scene, &joining, VerifierOptions::named("gateway"));
    let run = || scene.read("/v1/verifiers")["data"][0]["incarnation"].clone();
    let before = run();
    scene.ok("POST", &format!("/v1/keys/{}/suspend", joining.id), Value::Null);
    assert_eq!(told(&verifier, &key.secret), "unavailable");
    scene.ok("POST", &format!("/v1/keys/{}/resume", joining.id), Value::Null);
    eventually("it is back", || (told(&verifier, &key.secret) == "valid").then_some(()));
    assert_ne!(run(), before, "as another run");
    scene.ok("DELETE", &format!("/v1/keys/{}", key.id), Value::Null);
    assert_eq!(told(&verifier, &key.secret), "Unknown");
}

#[test]
fn what_only_the_server_can_tell_it_is_asked() {
    let (scene, runtime) = (Scene::new(), runtime());
    let joining = joining(&scene);
    let verifier = joined(&runtime, &scene, &joining, VerifierOptions::named("gateway"));
    let online = {
        let _inside = runtime.enter();
        Verifier::start(client(&scene, &joining.secret), VerifierOptions::named("online").online())
            .expect("it starts")
    };
    let twice = scene.held(json!({ "uses_left": 2 }));
    let check = |verifier: &Verifier, secret: &str| match runtime
        .block_on(verifier.check(secret, &Needs::default()))
        .expect("the server answers")
    {
        Verdict::Valid(key) => key.id().to_string(),
        Verdict::Refused(why) => format!("{why:?}"),
        Verdict::Ask | Verdict::Unavailable => panic!("it was asked"),
    };
    assert_eq!(check(&verifier, &twice.secret), twice.id);
    assert_eq!(check(&online, &twice.secret), twice.id);
    assert_eq!(check(&verifier, &twice.secret), "UsedUp");
    // Made a moment ago: whether it has arrived or not, it is accepted.
    let new = scene.held(json!({}));
    assert_eq!(check(&verifier, &new.secret), new.id);
    scene.ok("DELETE", &format!("/v1/keys/{}", new.id), Value::Null);
    assert_eq!(check(&verifier, &new.secret), "Removed");
    assert_eq!(check(&online, &new.secret), "Removed");
}

#[test]
fn a_restarted_server_waits_for_leases_that_it_does_not_know() {
    let (mut scene, runtime) = (Scene::new(), runtime());
    let (joining, key) = (joining(&scene), scene.held(json!({})));
    let verifier = joined(&runtime, &scene, &joining, VerifierOptions::named("gateway"));
    // It comes back elsewhere, so this verifier never hears of it again.
    scene.restart();
    scene.ok("DELETE", &format!("/v1/keys/{}", key.id), Value::Null);
    assert_eq!(told(&verifier, &key.secret), "unavailable");
}

#[test]
fn who_accepts_keys_is_told_on_the_command_line() {
    let (scene, runtime) = (Scene::new(), runtime());
    let _verifier = joined(&runtime, &scene, &joining(&scene), VerifierOptions::named("gateway"));
    let list = Command::new(PROGRAM)
        .args(["verifier", "list", "--url", &scene.http, "--secret-file"])
        .arg(scene.file("owner.secret"))
        .output()
        .expect("it runs");
    let printed: Value = serde_json::from_slice(&list.stdout).expect("JSON");
    let one = &printed["data"][0];
    assert_eq!(
        (&one["name"], &one["mode"], &one["standing"]),
        (&json!("gateway"), &json!("full"), &json!("present"))
    );
}
