//! Access levels in our own words: made, granted, read at doors, removed, and what is shut by that.

use serde_json::{Value, json};

use super::scene::{Scene, ids, text};

const LEVELS: &str = "/v1/access-levels";

fn create(scene: &Scene, name: &str) -> String {
    text(&scene.ok("POST", LEVELS, json!({ "name": name, "verifier": "abc123-001" }))["id"])
}

/// Issues a badge that was granted these.
fn badge(scene: &Scene, number: &str, levels: &[&str]) -> String {
    let access = json!({ "type": "proximity", "identification": number, "levels": levels });
    let new = json!({ "name": "badge", "kind": "access", "access": access });
    text(&scene.ok("POST", "/v1/keys", new)["key"]["id"])
}

/// What a door of this level says to a badge: `"valid"`, or why not.
fn at_door(scene: &Scene, number: &str, level: &str) -> String {
    let access = json!({ "type": "proximity", "identification": number, "level": level, "door": "Front" });
    let said = scene.ok("POST", "/v1/keys/verify", json!({ "access": access }));
    if said["valid"] == true { "valid".to_owned() } else { text(&said["code"]) }
}

#[test]
fn a_level_is_made_granted_and_removed_and_opens_nothing_from_then_on() {
    let mut scene = Scene::new();
    let made = scene.call("POST", LEVELS, Some(json!({ "name": "Office", "verifier": "abc123-001" })));
    let office = text(&made.json()["id"]);
    let own = format!("{LEVELS}/{office}");
    assert_eq!(
        (made.status, made.header("etag"), made.header("location")),
        (201, Some("\"1\""), Some(own.as_str()))
    );
    assert_eq!(scene.read(&own), made.json());
    let cellar = create(&scene, "Cellar");
    let key = badge(&scene, "EM:1", &[&office, &cellar]);
    assert_eq!(
        (at_door(&scene, "EM:1", &office), at_door(&scene, "EM:1", &cellar)),
        ("valid".into(), "valid".into())
    );

    let removed = scene.call("DELETE", &own, None);
    let receipt = removed.header("keyward-receipt").map(str::to_owned);
    assert_eq!((removed.status, receipt.clone()), (204, Some(office.replace("res_", "rcpt_"))));
    for restarted in [false, true] {
        if restarted {
            scene.restart();
        }
        assert_eq!(at_door(&scene, "EM:1", &office), "level_not_granted");
        assert_eq!(at_door(&scene, "EM:1", &cellar), "valid");
        assert_eq!(scene.refused("GET", &own, Value::Null), (404, "not_found".to_owned()));
        assert_eq!(scene.refused("PATCH", &own, json!({ "name": "x" })).0, 404);
        assert_eq!(ids(&scene.read(LEVELS)), [cellar.as_str()]);
        let again = scene.call("DELETE", &own, None);
        assert_eq!(
            (again.status, again.header("keyward-receipt").map(str::to_owned)),
            (204, receipt.clone())
        );
    }
    let proof = scene.call("GET", &format!("/v1/receipts/{}", receipt.expect("one")), None);
    assert!(proof.status == 200 && proof.body.starts_with("c2sp.org/tlog-proof@v1\n"), "{}", proof.body);
    // The key goes on naming it, until it is told otherwise; to no key it can be granted.
    let path = format!("/v1/keys/{key}");
    assert_eq!(scene.read(&path)["access"]["levels"], json!([office, cellar]));
    let refused = scene.refused("PATCH", &path, json!({ "access": { "levels": [office] } }));
    assert_eq!(refused, (400, "invalid_field".to_owned()));
    scene.ok("PATCH", &path, json!({ "access": { "levels": [cellar] } }));
    // Its name is free, and what has it then is another level.
    let another = create(&scene, "Office");
    assert_eq!(at_door(&scene, "EM:1", &another), "level_not_granted");
}

#[test]
fn a_level_is_changed_at_the_version_that_is_meant() {
    let scene = Scene::new();
    let own = format!("{LEVELS}/{}", create(&scene, "Office"));
    let at_first = "If-Match: \"1\"\r\n";
    let renamed = scene.with_headers("PATCH", &own, at_first, json!({ "name": "Offices" }));
    assert_eq!((renamed.status, renamed.header("etag")), (200, Some("\"2\"")));
    let said = renamed.json();
    assert_eq!((&said["name"], &said["verifier"]), (&json!("Offices"), &json!("abc123-001")));
    for (method, body) in [("PATCH", json!({ "name": "x" })), ("DELETE", Value::Null)] {
        assert_eq!(scene.with_headers(method, &own, at_first, body).status, 412, "{method}");
    }
    let cleared = scene.ok("PATCH", &own, json!({ "verifier": null }));
    assert_eq!((&cleared["name"], &cleared["verifier"]), (&json!("Offices"), &Value::Null));
    create(&scene, "Office");
    assert_eq!(scene.refused("PATCH", &own, json!({ "name": "Office" })), (409, "taken".to_owned()));
    assert_eq!(scene.with_headers("DELETE", &own, "If-Match: \"3\"\r\n", Value::Null).status, 204);
}

#[test]
fn levels_come_once_and_in_pages() {
    let scene = Scene::new();
    let once =
        |name: &str| scene.with_headers("POST", LEVELS, "Idempotency-Key: one\r\n", json!({ "name": name }));
    let (first, again) = (once("A"), once("A"));
    assert_eq!((first.status, again.status, again.json()), (201, 201, first.json()));
    assert_eq!(once("B").status, 422, "another request under the same name");
    let all = [text(&first.json()["id"]), create(&scene, "B"), create(&scene, "C")];
    let page = scene.read(&format!("{LEVELS}?limit=2"));
    assert_eq!(ids(&page), all[..2]);
    let rest = scene.read(&format!("{LEVELS}?limit=2&cursor={}", text(&page["next_cursor"])));
    assert_eq!((ids(&rest).as_slice(), &rest["next_cursor"]), (&all[2..], &Value::Null));
}

#[test]
fn a_scope_opens_them_all_or_one() {
    let scene = Scene::new();
    let (one, two) = (create(&scene, "One"), create(&scene, "Two"));
    let key = |scopes: &[&str]| scene.held(json!({ "scopes": scopes })).secret;
    let part = format!("access_levels:write/{one}");
    let (reader, of_one, other) =
        (key(&["access_levels:read"]), key(&[&part]), key(&["keys:read", "queues:write"]));
    let status = |secret: &str, method: &str, path: &str, body: Value| {
        scene.call_as(secret, method, path, (!body.is_null()).then_some(body)).status
    };
    let path = |id: &str| format!("{LEVELS}/{id}");
    let name = || json!({ "name": "Three" });
    assert_eq!(status(&reader, "GET", LEVELS, Value::Null), 200);
    assert_eq!(status(&reader, "GET", &path(&two), Value::Null), 200);
    for (method, at) in [("POST", LEVELS.to_owned()), ("PATCH", path(&one)), ("DELETE", path(&one))] {
        let body = if method == "DELETE" { Value::Null } else { name() };
        assert_eq!(status(&reader, method, &at, body), 403, "{method}");
    }
    assert_eq!(status(&of_one, "PATCH", &path(&one), name()), 200);
    for (method, at) in [("GET", LEVELS.to_owned()), ("GET", path(&two)), ("DELETE", path(&two))] {
        assert_eq!(status(&of_one, method, &at, Value::Null), 403, "{method} {at}");
    }
    // Who opens none is told so before anything of what is asked for.
    for (method, at) in [("GET", format!("{LEVELS}?limit=0")), ("DELETE", path("one"))] {
        assert_eq!(status(&other, method, &at, Value::Null), 403, "{method} {at}");
    }
    assert_eq!(status(&other, "POST", LEVELS, json!({ "nam": 1 })), 403);
    assert_eq!(status(&of_one, "DELETE", &path(&one), Value::Null), 204);
}

#[test]
fn another_organizations_level_does_not_exist() {
    let scene = Scene::new();
    let tenant = scene.tenant("acme");
    let ours = format!("{LEVELS}/{}", create(&scene, "Office"));
    for (method, body) in [("GET", Value::Null), ("PATCH", json!({ "name": "x" })), ("DELETE", Value::Null)] {
        let refused = scene.refused_as(&tenant.owner.secret, method, &ours, body);
        assert_eq!(refused, (404, "not_found".to_owned()), "{method}");
    }
    assert_eq!(ids(&scene.ok_as(&tenant.owner.secret, "GET", LEVELS, Value::Null)), Vec::<String>::new());
    // The name is theirs to give as well.
    scene.ok_as(&tenant.owner.secret, "POST", LEVELS, json!({ "name": "Office" }));
    // The operator reaches them, by whose they are.
    let theirs = scene.read(&format!("{LEVELS}?account_id={}", tenant.account));
    assert_eq!(theirs["data"][0]["organization_id"], tenant.organization);
    // A queue is no level.
    let headers = format!("X-API-KEY: {}\r\nContent-Type: application/json\r\n", scene.owner);
    scene.request("POST", "/v1/queues", &headers, br#"{"name":"mail"}"#);
    assert_eq!(ids(&scene.read(LEVELS)).len(), 1);
}

/// A level that our own language made is IntServ's too, and one that it removed is gone there.
#[test]
fn intservs_clients_see_the_same_levels() {
    let scene = Scene::demo();
    let token = text(&scene.ready["intserv"]["token"]);
    let list = || {
        let said = scene.ok_as(&token, "POST", "/v1/accesslevels/list", json!({}));
        said["levels"].as_array().expect("levels").clone()
    };
    let before = list().len();
    let new = json!({ "name": "Roof", "verifier": "roof-1" });
    let level = scene.ok_as(&token, "POST", LEVELS, new);
    let shown = list();
    assert_eq!(
        (shown.len(), &shown[before]["name"], &shown[before]["system_id"]),
        (before + 1, &json!("Roof"), &json!("roof-1"))
    );
    let key = json!({ "identification": "EM:5", "type": "proximity" });
    let add = json!({ "key": key, "access_levels": [shown[before]["id"]] });
    scene.ok_as(&token, "POST", "/v1/accesskeys/add", add.clone());
    let read = || {
        let access =
            json!({ "type": "proximity", "identification": "EM:5", "level": level["id"], "door": "Hatch" });
        scene.ok_as(&token, "POST", "/v1/keys/verify", json!({ "access": access }))["valid"].clone()
    };
    assert_eq!(read(), json!(true));
    scene.ok_as(&token, "DELETE", &format!("{LEVELS}/{}", text(&level["id"])), Value::Null);
    assert_eq!(read(), json!(false));
    assert_eq!(list().len(), before);
    let events = scene.ok_as(&token, "POST", "/v1/events/list", json!({}));
    let types: Vec<&Value> =
        events["events"].as_array().expect("events").iter().map(|event| &event["type"]).collect();
    assert_eq!(types, [&json!(102), &json!(206)]);
    assert_eq!(
        scene.call_as(&token, "POST", "/v1/accesskeys/add", Some(add)).status,
        400,
        "it is unknown now"
    );
}
