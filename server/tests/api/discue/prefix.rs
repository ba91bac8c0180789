//! A deployment that has the calls below a path of its own.

use serde_json::{Value, json};

use super::super::scene::Scene;
use crate::harness::Answer;

const HERE: &str = "/queue/api";

fn call(scene: &Scene, method: &str, path: &str, body: &[u8]) -> Answer {
    let headers = format!("X-API-KEY: {}\r\nContent-Type: application/json\r\n", scene.owner);
    scene.request(method, path, &headers, body)
}

fn link(said: &Value) -> String {
    said["_links"]["self"]["href"].as_str().expect("a link").to_owned()
}

#[test]
fn a_key_is_made_and_removed_where_its_links_say() {
    let scene = Scene::with_prefix();
    for prefix in [format!("{HERE}/v1"), HERE.to_owned(), "/v1".to_owned(), String::new()] {
        let made = call(&scene, "POST", &format!("{prefix}/api_keys"), b"{}");
        assert_eq!(made.status, 200, "{prefix}: {}", made.body);
        let href = link(&made.json());
        assert!(href.starts_with(&format!("{prefix}/api_keys/")), "{prefix}: {href}");
        let listed = call(&scene, "GET", &format!("{prefix}/api_keys?pretty"), b"").json();
        assert_eq!(link(&listed), format!("{prefix}/api_keys"));
        let removed = call(&scene, "DELETE", &href, b"");
        assert_eq!((removed.status, link(&removed.json())), (200, href.clone()));
        assert_eq!(call(&scene, "DELETE", &href, b"").status, 404);
    }
}

#[test]
fn all_that_is_below_it_is_in_this_language() {
    let scene = Scene::with_prefix();
    for path in ["", "/", "/v1"] {
        let answer = scene.request("GET", &format!("{HERE}{path}"), "", b"");
        assert_eq!((answer.status, answer.json()), (200, json!({ "status": "ok" })), "{path}");
    }
    // Where our own language and other systems' have calls, and with it the events, whoever asks for them.
    for path in ["/v1/keys", "/nothing", "/user/users/me", "/metrics", "/v1/events", "/events"] {
        let stranger = scene.request("GET", &format!("{HERE}{path}"), "", b"");
        assert_eq!(stranger.json(), json!({ "title": "Unauthorized", "status": 401 }), "{path}");
    }
    assert_eq!(call(&scene, "GET", &format!("{HERE}/v1/keys"), b"").json()["title"], "Not Found");
    assert_eq!(call(&scene, "GET", &format!("{HERE}/topics"), b"").status, 501);
    assert_eq!(call(&scene, "GET", &format!("{HERE}/v1/events"), b"").status, 200);
    let malformed =
        scene.request("GET", &format!("{HERE}/v1/api_keys"), "Host: a.example\r\nHost: b.example\r\n", b"");
    assert_eq!(malformed.json(), json!({ "title": "Bad Request", "status": 400 }), "two hosts");
}

#[test]
fn what_only_begins_like_it_is_not_below_it() {
    let scene = Scene::with_prefix();
    for path in ["/queue/apis", "/queue", "/v1/queue/api/api_keys"] {
        assert_eq!(call(&scene, "GET", path, b"").json()["code"], "no_route", "{path}");
    }
    // A host is another system's as a whole.
    let headers = format!("Host: resolver.example\r\nX-API-KEY: {}\r\n", scene.owner);
    let elsewhere = scene.request("GET", &format!("{HERE}/api_keys"), &headers, b"");
    assert_eq!(elsewhere.json()["statusCode"], 404, "{}", elsewhere.body);
}
