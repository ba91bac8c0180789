//! This file is about what is decided by a key's mark: nothing that somebody writes in our own language, who may update keys there,
//! makes an app of a key, or lets a session fit one that it was not opened for.

use serde_json::{Value, json};

use super::apps::{App, ask, take};
use super::device::{Device, public, to_base64};
use crate::api::scene::text;

/// The secret of the key that the unit acts by, which may do everything with its keys in our own language.
fn secret(device: &Device) -> String {
    let secret = std::fs::read_to_string(device.scene.folder.join("encedo.key")).expect("the unit's key");
    secret.trim_end().to_owned()
}

/// Writes into what the unit keeps of the key with this label.
fn write(device: &Device, label: &str, members: &Value) {
    let secret = secret(device);
    let listed = device.scene.ok_as(&secret, "GET", "/v1/keys?kind=crypto", Value::Null);
    let keys = listed["data"].as_array().expect("a list");
    let key = keys.iter().find(|key| key["name"] == label).expect("it is there");
    let path = format!("/v1/keys/{}", text(&key["id"]));
    let patch = json!({ "metadata": { "encedo": members } });
    let changed = device.scene.ok_as(&secret, "PATCH", &path, patch);
    for (name, value) in members.as_object().expect("members") {
        assert_eq!(changed["metadata"]["encedo"][name], *value, "it is written");
    }
}

/// Whoever could update keys in our own language made an app of any key, and had every scope.
#[test]
fn nothing_written_in_our_own_language_pairs_an_app_or_unpairs_it() {
    let device = Device::new();
    let opened = device.sessions(&["auth:ext:pair", "keymgmt:imp"].map(str::to_owned));
    let [pair, import] = &opened[..] else { panic!("two") };
    let forged = json!({ "label": "forged", "type": "CURVE25519", "pubkey": to_base64(&public(&[1; 32])) });
    device.ok(import, "POST", "/api/keymgmt/import", &forged);
    write(&device, "forged", &json!({ "pid": vec![101; 32] }));
    let asked = ask(&device, "system:config");
    assert_eq!(App::asked_of(&asked), Vec::<String>::new(), "nobody can consent");

    let app = App::numbered(2);
    assert_eq!(app.pair(&device, pair), 200);
    write(&device, "a phone", &json!({ "pid": vec![101; 32] }));
    let asked = ask(&device, "keymgmt:list");
    assert_eq!(App::asked_of(&asked), [to_base64(&[102; 32])]);
    assert_eq!(take(&device, &app.consent(&asked, "keymgmt:list", 0).1).0, 200);
}

/// A session for a removed key fitted the next of its kid once that was said to be older.
#[test]
fn nothing_written_in_our_own_language_lets_a_session_fit_another_key() {
    let device = Device::new();
    let opened = device.sessions(&["keymgmt:imp", "keymgmt:del"].map(str::to_owned));
    let [import, delete] = &opened[..] else { panic!("two") };
    let key = json!({ "label": "x", "type": "CURVE25519", "pubkey": to_base64(&public(&[3; 32])) });
    let kid = text(&device.ok(import, "POST", "/api/keymgmt/import", &key)["kid"]);
    let path = format!("/api/keymgmt/get/{kid}");
    let session = device.session(&format!("keymgmt:use:{kid}"));
    assert_eq!(device.status(&session, "GET", &path, &Value::Null), 200);
    assert_eq!(device.delete(delete, &kid), 200);
    device.ok(import, "POST", "/api/keymgmt/import", &key);
    for older in [json!({ "born": 0 }), json!({ "start": 1 })] {
        write(&device, "x", &older);
        assert_eq!(device.status(&session, "GET", &path, &Value::Null), 403, "{older}");
    }
}
