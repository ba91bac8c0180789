//! This file is about the calls of IntServ's clients that are shown.

use keyward_dialects::{Route, intserv};
use serde_json::{Value, json};

use super::call::{Shown, sent, shows};
use super::{Cast, Language, by_path};
use crate::api::scene::{Scene, text};

pub(super) const INTSERV: Language = Language {
    name: "intserv",
    dialect: intserv::dialect,
    title: by_path,
    // It has an access level.
    scene: Scene::demo,
    cast,
    sign: |call, token| call.signed(format!("Authorization: Bearer {token}")),
    differs: r#"
        (?P<time>202[0-9]-[0-9]{2}-[0-9]{2}T[0-9:.]+Z)
      | (?P<uuid>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})
      | "(?:first|last)_name":\x20"(?P<letters>[a-z]{6})"
      | "identification":\x20"(?P<code>[0-9]{8})"
    "#,
    shown,
};

const NOTHING: &str = "00000000-0000-0000-0000-000000000000";

fn cast(scene: &Scene) -> Cast {
    let tenant = scene.tenant("a stranger");
    let fields = json!({ "account_id": tenant.account, "scopes": ["admin", "intserv:integration"] });
    Cast { whoever_may: text(&scene.ready["intserv"]["token"]), stranger: scene.held(fields).secret }
}

fn badge(identification: &str) -> Value {
    json!({ "identification": identification, "type": "proximity" })
}

fn shown(route: &Route, scene: &Scene, cast: &Cast) -> Shown {
    let path = route.path;
    let post = |body: Value| sent("POST", path, body);
    let add = |body: Value| {
        let added = scene.ok_as(&cast.whoever_may, "POST", "/v1/accesskeys/add", body);
        text(&added["id"])
    };
    match path {
        "/v1/accesskeys/add" => {
            let levels = scene.ok_as(&cast.whoever_may, "POST", "/v1/accesslevels/list", json!({}));
            let level = text(&levels["levels"][0]["id"]);
            let id = add(json!({ "key": badge("MC:7") }));
            let change = |id: &str| {
                post(json!({
                    "id": id, "pin": "1234", "valid_from_date": "2030-01-01T00:00:00Z",
                    "valid_to_date": "2031-01-01T00:00:00Z", "access_levels": [level],
                }))
            };
            let new = json!({
                "key": badge("0x00499602d2"), "valid_from_date": "2019-09-01T00:00:00Z",
                "person": { "first_name": "Ann", "last_name": "Lee" },
            });
            shows(change(&id), change(NOTHING), post(json!({ "id": id, "pin": "12" })))
                .more("a badge", post(new))
                .more("the badge again, which changes it", post(json!({ "key": badge("0001234567890") })))
                .more("a code that is made", post(json!({ "key": { "type": "code" } })))
                .more("without id or key", post(json!({ "pin": "1234" })))
                .more("a level that is not there", post(json!({ "id": id, "access_levels": [NOTHING] })))
        }
        "/v1/accesskeys/remove" => {
            let id = add(json!({ "key": badge("EM:1234567890") }));
            add(json!({ "key": badge("MC:7") }));
            let other = json!({ "id": null, "key": badge("0x00000007") });
            shows(post(json!({ "id": id })), post(json!({ "id": NOTHING })), post(json!({ "id": "7" })))
                .more("again", post(json!({ "id": id })))
                .more("by what a door reads", post(other.clone()))
                .more("by what a door reads, again", post(other))
                .more("neither id nor key", post(json!({})))
                .more("too wide a number", post(json!({ "key": badge("0xfffffffff") })))
                .more("not JSON", sent("POST", path, "{"))
        }
        "/v1/accesskeys/status" => {
            let id = add(json!({ "key": badge("EM:1234567890") }));
            shows(post(json!({ "id": id })), post(json!({ "id": NOTHING })), post(json!({})))
        }
        "/v1/accesslevels/list" => shows(post(json!({})), None, sent("POST", path, "[]")),
        "/v1/events/list" => {
            let id = add(json!({ "key": badge("EM:1234567890"), "person": { "first_name": "Ann" } }));
            let at_door = json!({
                "type": "proximity", "identification": "EM:1234567890", "door": "Front", "verifier": "abc123-001",
            });
            let read = || {
                scene.ok_as(&cast.whoever_may, "POST", "/v1/keys/verify", json!({ "access": at_door }));
            };
            read();
            scene.ok_as(&cast.whoever_may, "POST", "/v1/accesskeys/remove", json!({ "id": id }));
            read();
            shows(post(json!({})), None, post(json!({ "limit": 1001 })))
                .more("one, only denied", post(json!({ "include_access_denied": true, "limit": 1 })))
                .more("of another system", post(json!({ "systems": ["abc123-002"] })))
        }
        unknown => panic!("{unknown} is not shown"),
    }
}
