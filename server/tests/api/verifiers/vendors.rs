//! What clients of other systems are told of what a verifier may not know of: a removal, and whatever else takes a right away.

use keyward_client::{Verifier, VerifierOptions};
use serde_json::{Value, json};

use super::super::scene::{Scene, text};
use super::{joined, joining, runtime, told};
use crate::harness::Answer;

/// A removal was answered as one while a verifier was known to accept the key.
#[test]
fn no_vendors_client_is_told_removed_while_a_verifier_may_accept_the_key() {
    let (scene, runtime) = (Scene::demo(), runtime());
    // All that it does stands still as long as nothing is awaited in it, and its verifier accepts what it knows.
    let still = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (cielo24, discue) = (cielo24(&scene), discue(&scene));
    let joining = joining(&scene);
    let name = "stubborn";
    let verifier = joined(&still, &scene, &joining, VerifierOptions::named(name).serve_stale());
    for _ in 0..2 {
        for doomed in [&cielo24, &discue] {
            assert_eq!(doomed.removal(&scene).status, 503, "asked again, too");
            assert_eq!(scene.verdict(&doomed.key), "removed", "here it is gone");
            assert_eq!(told(&verifier, &doomed.key), "valid", "and there it is not");
        }
    }
    // The next run of it knows no stale keys: now it is gone everywhere.
    let _heir: Verifier = joined(&runtime, &scene, &joining, VerifierOptions::named(name));
    let gone = cielo24.removal(&scene);
    assert_eq!((gone.status, &gone.json()["ErrorType"]), (400, &json!("ITEM_NOT_FOUND")));
    assert_eq!(discue.removal(&scene).status, 404);
}

/// A key that was disabled, or may do less, was answered as such while a verifier was known to accept it as before; and whoever
/// asked again was told so even where the first answer was not there yet, because nothing was left to change.
#[test]
fn no_vendors_client_is_told_that_a_right_ended_while_a_verifier_may_accept_it() {
    let (scene, runtime) = (Scene::demo(), runtime());
    let still = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (stopped, limited) = (discue(&scene), discue(&scene));
    let (user, joining) = (User::signed_in(&scene), joining(&scene));
    let name = "stubborn";
    let verifier = joined(&still, &scene, &joining, VerifierOptions::named(name).serve_stale());
    let stop = || stopped.change(&scene, &json!({ "status": "disabled" }));
    let limit = || limited.change(&scene, &json!({ "scopes": [{ "resource": "queues", "access": "read" }] }));
    for _ in 0..2 {
        assert_eq!((stop().status, limit().status), (503, 503), "asked again, too");
        assert_eq!(scene.verdict(&stopped.key), "suspended", "here it is stopped");
        assert_eq!(told(&verifier, &stopped.key), "valid", "and there it is not");
    }
    // Another password ends the sessions of the one before.
    assert_eq!(user.change_password(&scene), 503);
    let _heir: Verifier = joined(&runtime, &scene, &joining, VerifierOptions::named(name));
    assert_eq!((stop().status, limit().status), (200, 200));
    assert_eq!(user.change_password(&scene), 204);
}

/// Somebody who has signed in twice with one password.
struct User {
    token: String,
}

impl User {
    fn signed_in(scene: &Scene) -> Self {
        let login = "/api/account/login?v=1&username=api_test&password=api_test";
        let token = || text(&scene.request("GET", login, "", b"").json()["ApiToken"]);
        drop(token());
        Self { token: token() }
    }

    fn change_password(&self, scene: &Scene) -> u16 {
        let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
        let form = format!("v=1&api_token={}&new_password=other", self.token);
        scene.request("POST", "/api/account/update_password", headers, form.as_bytes()).status
    }
}

/// A key, and how its language removes it.
struct Doomed {
    key: String,
    method: &'static str,
    path: String,
    headers: String,
}

impl Doomed {
    fn removal(&self, scene: &Scene) -> Answer {
        scene.request(self.method, &self.path, &self.headers, b"")
    }

    fn change(&self, scene: &Scene, body: &Value) -> Answer {
        let typed = format!("{}Content-Type: application/json\r\n", self.headers);
        scene.request("PUT", &self.path, &typed, body.to_string().as_bytes())
    }
}

fn cielo24(scene: &Scene) -> Doomed {
    let get = |target: &str| scene.request("GET", target, "", b"").json();
    let token = text(&get("/api/account/login?v=1&username=api_test&password=api_test")["ApiToken"]);
    let key = text(&get(&format!("/api/account/generate_api_key?v=1&api_token={token}"))["ApiKey"]);
    let path = format!("/api/account/remove_api_key?v=1&api_token={token}&api_securekey={key}");
    Doomed { key, method: "GET", path, headers: String::new() }
}

fn discue(scene: &Scene) -> Doomed {
    let headers = format!("X-API-KEY: {}\r\n", text(&scene.ready["discue"]["api_key"]));
    let typed = format!("{headers}Content-Type: application/json\r\n");
    let made: Value = scene
        .request("POST", "/v1/api_keys", &typed, json!({ "name": "doomed" }).to_string().as_bytes())
        .json();
    let shown = if made["api_key"].is_string() { &made["api_key"] } else { &made["api_key"]["key"] };
    let path = text(&made["_links"]["self"]["href"]);
    Doomed { key: text(shown), method: "DELETE", path, headers }
}
