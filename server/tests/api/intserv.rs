//! This file is about IntServ's clients: badges and codes that are made, open doors, are removed and stay removed, over
//! real HTTP.

mod tokens;

use serde_json::{Value, json};

use super::scene::{Scene, text};

const BADGE: &str = "EM:1234567890";

/// An organization with an Integration API Key, which is also what its doors ask with.
struct Integration<'a> {
    scene: &'a Scene,
    token: String,
}

impl<'a> Integration<'a> {
    /// The one that the demo sets up.
    fn of_demo(scene: &'a Scene) -> Self {
        Self { scene, token: text(&scene.ready["intserv"]["token"]) }
    }

    /// Another one, in an organization of its own.
    fn elsewhere(scene: &'a Scene, name: &str) -> Self {
        let tenant = scene.tenant(name);
        Self { scene, token: brought_along(scene, &tenant.account, name, &["admin", "intserv:integration"]) }
    }

    fn call(&self, path: &str, body: &Value) -> (u16, Value) {
        call(self.scene, &self.token, path, body)
    }

    fn ok(&self, path: &str, body: &Value) -> Value {
        let (status, said) = self.call(path, body);
        assert_eq!(status, 200, "{path}: {said}");
        said
    }

    /// Adds a badge; its id.
    fn badge(&self, identification: &str) -> String {
        text(&self.ok("accesskeys/add", &json!({ "key": key(identification) }))["id"])
    }

    fn remove(&self, body: &Value) -> (u16, Value) {
        self.call("accesskeys/remove", body)
    }

    /// What a door says: `"valid"`, or why not.
    fn door(&self, mut read: Value) -> String {
        read["door"] = json!("Front");
        read["verifier"] = json!("abc123-001");
        let said = self.scene.ok_as(&self.token, "POST", "/v1/keys/verify", json!({ "access": read }));
        if said["valid"] == true { "valid".to_owned() } else { text(&said["code"]) }
    }

    fn events(&self) -> Vec<Value> {
        let said = self.ok("events/list", &json!({}));
        assert_eq!(said["has_more"], false);
        said["events"].as_array().expect("events").clone()
    }

    /// The types of all events.
    fn types(&self) -> Vec<u64> {
        self.events().iter().map(|event| event["type"].as_u64().expect("a number")).collect()
    }
}

fn key(identification: &str) -> Value {
    json!({ "identification": identification, "type": "proximity" })
}

/// Status and body of a call; `null` where there is none.
fn call(scene: &Scene, token: &str, path: &str, body: &Value) -> (u16, Value) {
    let answer = scene.call_as(token, "POST", &format!("/v1/{path}"), Some(body.clone()));
    if answer.body.is_empty() {
        return (answer.status, Value::Null);
    }
    assert_eq!(answer.header("content-type"), Some("application/json"), "{}", answer.body);
    (answer.status, answer.json())
}

/// A token of 43 characters with these scopes, brought along by the owner.
fn brought_along(scene: &Scene, account: &str, name: &str, scopes: &[&str]) -> String {
    let token = format!("{name:-<43.43}");
    let item = json!({ "name": name, "secret": token, "account_id": account, "scopes": scopes });
    let imported = scene.call("POST", "/v1/keys/import", Some(json!([item])));
    assert!(imported.body.contains("key_"), "{}", imported.body);
    token
}

fn not_found() -> (u16, Value) {
    (404, json!({ "error": "not_found", "message": "no such key" }))
}

#[test]
fn a_badge_opens_a_door_is_removed_and_stays_removed() {
    let mut scene = Scene::demo();
    let id = {
        let ours = Integration::of_demo(&scene);
        let added = ours
            .ok("accesskeys/add", &json!({ "key": key("0x00499602D2"), "person": {"first_name": "Ann"} }));
        assert_eq!(added["key"], key("0001234567890"));
        let id = text(&added["id"]);
        assert_eq!(ours.door(key(BADGE)), "valid");
        let status = ours.ok("accesskeys/status", &json!({ "id": id }));
        assert_eq!((&status["id"], &status["status"]), (&json!(id), &json!("NotApplied")));

        assert_eq!(ours.remove(&json!({ "id": id })), (204, Value::Null));
        assert_eq!(ours.door(key(BADGE)), "unknown");
        assert_eq!(ours.remove(&json!({ "id": id })), not_found());
        assert_eq!(ours.remove(&json!({ "key": key(BADGE) })), not_found());
        id
    };
    scene.restart();
    let ours = Integration::of_demo(&scene);
    assert_eq!(ours.door(key(BADGE)), "unknown");
    assert_eq!(ours.remove(&json!({ "id": id })), not_found());
    assert_eq!(ours.call("accesskeys/status", &json!({ "id": id })), not_found());
    assert_eq!(ours.call("accesskeys/add", &json!({ "id": id, "access_levels": [] })), not_found());
    assert_eq!(ours.types(), [102, 201, 201]);
    let events = ours.events();
    assert_eq!((&events[0]["key_id"], &events[0]["key"]), (&json!(id), &json!(null)));
    assert_eq!(events[0]["person"]["first_name"], "Ann");
    assert_eq!((&events[0]["door_name"], &events[0]["system_id"]), (&json!("Front"), &json!("abc123-001")));
    assert_eq!((&events[0]["sequence_id"], &events[2]["sequence_id"]), (&json!(1), &json!(3)));

    let again = ours.badge(BADGE);
    assert_ne!(again, id, "a removed badge comes back as another key");
    assert_eq!(ours.door(key(BADGE)), "valid");
    assert_eq!(ours.remove(&json!({ "id": id })), not_found());
    assert_eq!(ours.door(key(BADGE)), "valid");
    assert_eq!(ours.remove(&json!({ "id": null, "key": key("0001234567890") })), (204, Value::Null));
    assert_eq!(ours.door(key(BADGE)), "unknown");
}

#[test]
fn a_badge_with_a_pin_and_a_code_open_in_their_own_way() {
    let scene = Scene::demo();
    let ours = Integration::of_demo(&scene);
    let badge = ours.ok("accesskeys/add", &json!({ "key": key("MC:7|MD:8"), "pin": "0042" }));
    assert_eq!(badge["key"]["identification"], "MC:0000000007|MD:00000000000000008");
    assert!(badge.get("pin").is_none());
    let with_pin = |pin: &str| json!({ "identification": "MC:7", "type": "proximity", "pin": pin });
    assert_eq!(ours.door(with_pin("0042")), "valid");
    assert_eq!(ours.door(with_pin("0043")), "wrong_pin");
    assert_eq!(ours.door(key("MD:8")), "wrong_pin");

    let code = ours
        .ok("accesskeys/add", &json!({ "key": {"type": "code"}, "valid_to_date": "2100-01-01T00:00:00Z" }));
    assert_eq!(code["valid_to_date"], "2100-01-01T00:00:00Z");
    assert_eq!(code["key"]["identification"].as_str().map(str::len), Some(8));
    assert_eq!(ours.door(code["key"].clone()), "valid");
    assert_eq!(ours.types(), [103, 200, 200, 101]);
    let events = ours.events();
    assert_eq!((&events[3]["key"], &events[3]["person"]), (&code["key"], &code["person"]));
    let denied = ours.ok("events/list", &json!({ "include_access_denied": true, "limit": 1 }));
    assert_eq!((denied["events"].as_array().map(Vec::len), &denied["has_more"]), (Some(1), &json!(true)));
    let rest = json!({ "include_access_denied": true, "continuation_key": denied["continuation_key"] });
    let rest = ours.ok("events/list", &rest);
    assert_eq!((rest["events"].as_array().map(Vec::len), &rest["has_more"]), (Some(1), &json!(false)));
}

#[test]
fn a_key_is_updated_by_id_or_by_what_a_door_reads() {
    let scene = Scene::demo();
    let ours = Integration::of_demo(&scene);
    let id = ours.badge(BADGE);
    let later = json!({ "key": key("0001234567890"), "valid_from_date": "2100-01-01T00:00:00Z", "person": {"last_name": "X"} });
    let updated = ours.ok("accesskeys/add", &later);
    assert_eq!((&updated["id"], &updated["valid_from_date"]), (&json!(id), &json!("2100-01-01T00:00:00Z")));
    assert_ne!(updated["person"]["last_name"], "X", "the person stays");
    assert_eq!(ours.door(key(BADGE)), "not_yet_valid");
    ours.ok("accesskeys/add", &json!({ "id": id, "pin": "1234" }));
    assert_eq!(ours.door(key(BADGE)), "wrong_pin");
    let unknown = json!({ "id": id, "access_levels": ["00000000-0000-0000-0000-000000000001"] });
    let (status, said) = ours.call("accesskeys/add", &unknown);
    assert_eq!((status, &said["error"]), (400, &json!("invalid_request")));
    assert_eq!(ours.types(), [207, 200]);
    assert!(ours.ok("accesslevels/list", &json!({}))["levels"].is_array());
}

#[test]
fn one_new_badge_added_by_several_at_once_is_one_key_of_one_person() {
    let scene = Scene::demo();
    let ours = Integration::of_demo(&scene);
    let body = json!({ "key": key(BADGE) });
    let added: Vec<(u16, Value)> = std::thread::scope(|threads| {
        let adding: Vec<_> = (0..4).map(|_| threads.spawn(|| ours.call("accesskeys/add", &body))).collect();
        adding.into_iter().map(|adding| adding.join().expect("an answer")).collect()
    });
    for (status, said) in &added {
        assert_eq!((*status, &said["id"], &said["person"]), (200, &added[0].1["id"], &added[0].1["person"]));
    }
}

#[test]
fn only_an_integration_api_key_touches_access_keys() {
    let scene = Scene::demo();
    let ours = Integration::of_demo(&scene);
    let account = text(&scene.ok_as(&ours.token, "GET", "/v1/accounts", Value::Null)["data"][0]["id"]);
    let id = ours.badge(BADGE);
    let app = brought_along(&scene, &account, "app", &["admin", "intserv:app"]);
    let other = brought_along(&scene, &account, "other", &["admin"]);
    let weak = brought_along(&scene, &account, "weak", &[]);
    let error = |token: &str, path: &str| {
        let (status, said) = call(&scene, token, path, &json!({ "id": id }));
        (status, said["error"].as_str().unwrap_or_default().to_owned())
    };
    let no = |status: u16, code: &str| (status, code.to_owned());
    for path in ["accesskeys/add", "accesskeys/remove", "accesskeys/status"] {
        assert_eq!(error("", path), no(401, "missing_token"));
        assert_eq!(error("nobody-has-this-token-of-43-characters-here", path), no(401, "invalid_token"));
        assert_eq!(error(&app, path), no(403, "forbidden"));
        assert_eq!(error(&other, path), no(401, "invalid_token"));
        assert_eq!(error(&scene.owner, path), no(401, "invalid_token"));
        assert_eq!(error(&weak, path), no(401, "invalid_token"));
    }
    for path in ["accesslevels/list", "events/list"] {
        assert_eq!(error(&app, path).0, 200);
        assert_eq!(error(&other, path).0, 401);
    }
    assert_eq!(ours.door(key(BADGE)), "valid");
    let token = text(&scene.verify(&app)["key_id"]);
    scene.ok("DELETE", &format!("/v1/keys/{token}"), Value::Null);
    assert_eq!(error(&app, "events/list"), no(401, "invalid_token"));
}

#[test]
fn another_organizations_badge_is_unknown() {
    let scene = Scene::demo();
    let (ours, theirs) = (Integration::of_demo(&scene), Integration::elsewhere(&scene, "other"));
    let id = ours.badge(BADGE);
    assert_eq!(theirs.remove(&json!({ "id": id })), not_found());
    assert_eq!(theirs.remove(&json!({ "key": key(BADGE) })), not_found());
    assert_eq!(theirs.call("accesskeys/status", &json!({ "id": id })), not_found());
    assert_eq!(theirs.call("accesskeys/add", &json!({ "id": id })), not_found());
    assert_eq!(theirs.door(key(BADGE)), "unknown");
    assert_ne!(theirs.badge(BADGE), id);
    assert_eq!(theirs.remove(&json!({ "key": key(BADGE) })), (204, Value::Null));
    assert_eq!(ours.door(key(BADGE)), "valid");
    assert_eq!((ours.types(), theirs.types()), (vec![102], vec![201]));
}

#[test]
fn whatever_is_wrong_is_said_in_this_languages_form() {
    let scene = Scene::demo();
    let ours = Integration::of_demo(&scene);
    let said = |method: &str, path: &str, headers: &str, body: &[u8]| {
        let lines = format!("Authorization: Bearer {}\r\n{headers}", ours.token);
        let answer = scene.request(method, path, &lines, body);
        assert_eq!(answer.header("content-type"), Some("application/json"), "{}", answer.body);
        (answer.status, text(&answer.json()["error"]))
    };
    let no = |status: u16, code: &str| (status, code.to_owned());
    let (remove, json) = ("/v1/accesskeys/remove", "Content-Type: application/json\r\n");
    assert_eq!(said("GET", remove, "", b""), no(405, "method_not_allowed"));
    assert_eq!(said("POST", "/v1/accesskeys/list", json, b"{}"), no(404, "unknown_call"));
    assert_eq!(
        said("POST", remove, "Content-Type: text/plain\r\n", b"{}"),
        no(415, "unsupported_media_type")
    );
    assert_eq!(said("POST", remove, json, &vec![b' '; 1024 * 1024 + 1]), no(413, "too_large"));
    assert_eq!(said("POST", remove, json, b"{"), no(400, "invalid_json"));
    for body in [
        &br#"{"id":"1"}"#[..],
        br#"{"id":7}"#,
        b"{}",
        br#"{"key":{"type":"proximity","identification":"1"}}"#,
    ] {
        assert_eq!(said("POST", remove, json, body), no(400, "invalid_request"));
    }
}

#[test]
fn a_door_credential_is_the_same_key_in_our_own_words() {
    let scene = Scene::demo();
    let ours = Integration::of_demo(&scene);
    let access = json!({ "type": "proximity", "identification": BADGE });
    let body = json!({ "name": "badge", "kind": "access", "access": access });
    let issued = scene.ok_as(&ours.token, "POST", "/v1/keys", body.clone());
    assert_eq!((&issued["key"]["kind"], &issued["secret"]), (&json!("access"), &json!(null)));
    assert_eq!(issued["key"]["access"]["identification"], "0001234567890");
    assert_eq!(scene.refused_as(&ours.token, "POST", "/v1/keys", body), (409, "taken".to_owned()));
    let path = format!("/v1/keys/{}", text(&issued["key"]["id"]));
    scene.ok_as(&ours.token, "PATCH", &path, json!({ "access": {"pin": "1234"} }));
    assert_eq!(ours.door(access.clone()), "wrong_pin");
    scene.ok_as(&ours.token, "PATCH", &path, json!({ "access": {"pin": null} }));
    assert_eq!(ours.door(access.clone()), "valid");
    let listed = scene.ok_as(&ours.token, "GET", "/v1/keys?kind=access", Value::Null);
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(scene.refused_as(&ours.token, "POST", &format!("{path}/rotate"), Value::Null).0, 409);

    scene.ok_as(&ours.token, "POST", &format!("{path}/suspend"), Value::Null);
    assert_eq!(ours.door(access.clone()), "suspended");
    scene.ok_as(&ours.token, "POST", &format!("{path}/resume"), Value::Null);
    assert_eq!(ours.remove(&json!({ "key": key(BADGE) })), (204, Value::Null));
    assert_eq!(scene.refused_as(&ours.token, "GET", &path, Value::Null).0, 410);
    assert_eq!(ours.door(access), "unknown");
    // An API key is none of that language's.
    let (secret, _) = scene.issue("no badge");
    assert_eq!(scene.refused_as(&ours.token, "GET", &format!("/v1/keys/{secret}"), Value::Null).0, 404);
}

/// A badge and a code are short enough to be searched for, and so they are.
#[test]
fn nothing_that_opens_a_door_lies_on_the_disk() {
    let mut scene = Scene::demo();
    {
        let ours = Integration::of_demo(&scene);
        ours.ok("accesskeys/add", &json!({ "key": key("MD:71234598761234598"), "pin": "7392" }));
        ours.ok("accesskeys/add", &json!({ "key": {"identification": "739281740652", "type": "code"} }));
        assert_eq!(ours.door(json!({ "identification": "739281740652", "type": "code" })), "valid");
        assert_eq!(ours.door(key("MD:71234598761234599")), "unknown");
    }
    scene.restart();
    let mut folders = vec![scene.file("data")];
    let mut searched = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).expect("a file");
            searched += bytes.len();
            for text in ["71234598761234598", "71234598761234599", "739281740652"] {
                let lies = bytes.windows(text.len()).any(|window| window == text.as_bytes());
                assert!(!lies, "{text} lies in {}", path.display());
            }
        }
    }
    assert!(searched > 1000, "there was something to search");
    assert!(!scene.log().contains("739281740652"));
}
