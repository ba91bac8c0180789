//! Door controllers are verifiers: where a badge has arrived is what they have acknowledged.

use keyward_client::VerifierOptions;
use serde_json::{Value, json};

use super::super::scene::{Scene, text};
use super::{joined, runtime};
use crate::harness::eventually;

/// What IntServ's client is answered.
fn call(scene: &Scene, path: &str, body: Value) -> Value {
    let token = text(&scene.ready["intserv"]["token"]);
    scene.ok_as(&token, "POST", &format!("/v1/{path}"), body)
}

fn badge(scene: &Scene, number: &str, levels: &[Value]) -> Value {
    let key = json!({ "identification": number, "type": "proximity" });
    call(scene, "accesskeys/add", json!({ "key": key, "access_levels": levels }))["id"].clone()
}

fn status(scene: &Scene, id: &Value) -> Value {
    call(scene, "accesskeys/status", json!({ "id": id }))
}

#[test]
fn a_badge_has_arrived_where_it_was_acknowledged() {
    let (scene, runtime) = (Scene::demo(), runtime());
    let levels = call(&scene, "accesslevels/list", json!({}))["levels"].clone();
    let level = [levels[0]["id"].clone()];
    assert!(level[0].is_string(), "the demo has a level: {levels}");
    let (first, without) = (badge(&scene, "EM:1", &level), badge(&scene, "EM:2", &[]));
    assert_eq!(status(&scene, &first)["status"], "NotApplied", "there is no controller");

    let token = text(&scene.ready["intserv"]["token"]);
    let joining = scene.held_as(&token, json!({ "scopes": ["verifiers:join"] }));
    let _controller = joined(&runtime, &scene, &joining, VerifierOptions::named("abc123-001"));
    let arrived = eventually("it is applied", || {
        let status = status(&scene, &first);
        (status["status"] == "Applied").then_some(status)
    });
    let [system] = arrived["systems_where_applied"].as_array().expect("systems").as_slice() else {
        panic!("{arrived}")
    };
    assert_eq!((&system["system_id"], system["applied_at"].is_string()), (&json!("abc123-001"), true));
    // A badge that opens nothing is applied nowhere.
    assert_eq!(status(&scene, &without)["status"], "NotApplied");

    drop(runtime);
    eventually("the controller is gone", || {
        let all = scene.read("/v1/verifiers");
        all["data"].as_array()?.iter().any(|one| one["standing"] == "gone").then_some(())
    });
    let failed = status(&scene, &badge(&scene, "EM:3", &level));
    assert_eq!(failed["status"], "Failed", "{failed}");
    assert_eq!(
        failed["systems_where_failed"],
        json!([{ "system_id": "abc123-001", "error_type": "unreachable" }])
    );
}
