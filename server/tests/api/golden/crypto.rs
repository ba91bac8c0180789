//! This file is about the calls that are shown of keys that never leave.

use serde_json::{Value, json};

use super::call::{Call, Shown, sent, shows};
use super::native::NOTHING;
use crate::api::crypto::{TEXT, encrypted, issued};
use crate::api::scene::Scene;

pub(super) fn shown(operation: &str, scene: &Scene) -> Option<Shown> {
    Some(match operation {
        "derive_key" => derive(scene),
        "sign" => {
            let key = issued(scene, "P-256", &["sign", "verify"]);
            let body = json!({ "message": TEXT, "scheme": "ECDSA-SHA-256" });
            use_of(&key, "sign", &body, r#"{"message":"not base64!","scheme":"Ed25519"}"#)
                .more(
                    "of another algorithm",
                    at(&key, "sign", &json!({ "message": TEXT, "scheme": "Ed25519" })),
                )
                .more(
                    "after its removal",
                    removed(scene, at(&issued(scene, "P-256", &["sign"]), "sign", &body)),
                )
        }
        "check" => {
            let key = issued(scene, "HMAC-SHA-256", &["mac"]);
            let mac = scene.ok("POST", &format!("/v1/keys/{key}/mac"), json!({ "message": TEXT }));
            let body = json!({ "message": TEXT, "mac": mac["mac"] });
            use_of(&key, "verify", &body, &json!({ "message": TEXT }).to_string())
                .more("of another message", at(&key, "verify", &json!({ "message": "", "mac": mac["mac"] })))
        }
        "authenticate" => {
            let key = issued(scene, "HMAC-SHA3-256", &["mac"]);
            let misshapen = json!({ "message": TEXT, "hash": "SHA-256" }).to_string();
            use_of(&key, "mac", &json!({ "message": TEXT }), &misshapen)
        }
        "encrypt" => {
            let key = issued(scene, "AES-256", &["encrypt"]);
            let body = json!({ "mode": "GCM", "plaintext": TEXT });
            let misshapen = json!({ "mode": "CTR", "plaintext": TEXT }).to_string();
            let idle = at(&key, "wrap", &json!({ "key": TEXT }));
            use_of(&key, "encrypt", &body, &misshapen).more("of another usage", idle)
        }
        "decrypt" => {
            let key = issued(scene, "AES-256", &["encrypt", "decrypt"]);
            let mut body = encrypted(scene, &key);
            let good = body.clone();
            body["aad"] = json!("AAAA");
            use_of(&key, "decrypt", &good, r#"{"mode":"GCM"}"#).more("spoilt", at(&key, "decrypt", &body))
        }
        "wrap" => {
            let key = issued(scene, "AES-128", &["wrap"]);
            use_of(&key, "wrap", &json!({ "key": TEXT }), r#"{"key":7}"#)
        }
        "unwrap" => {
            let key = issued(scene, "AES-128", &["wrap", "unwrap"]);
            let wrapped = scene.ok("POST", &format!("/v1/keys/{key}/wrap"), json!({ "key": TEXT }));
            use_of(&key, "unwrap", &wrapped, &json!({ "wrapped": "AAAA" }).to_string())
                .more("spoilt", at(&key, "unwrap", &json!({ "wrapped": TEXT })))
        }
        "agree" => {
            let (key, peer) = (issued(scene, "X25519", &["agree"]), issued(scene, "X25519", &["agree"]));
            let body = json!({ "peer": { "key_id": peer } });
            let zeros = json!({ "peer": { "public_key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" } });
            use_of(&key, "agree", &body, r#"{"peer":{}}"#)
                .more("with a point of small order", at(&key, "agree", &zeros))
        }
        "encapsulate" => {
            let key = issued(scene, "ML-KEM-512", &["encapsulate"]);
            use_of(&key, "encapsulate", &json!({}), r#"{"message":"AAAA"}"#)
        }
        "decapsulate" => {
            let key = issued(scene, "ML-KEM-512", &["encapsulate", "decapsulate"]);
            let sealed = scene.ok("POST", &format!("/v1/keys/{key}/encapsulate"), json!({}));
            use_of(&key, "decapsulate", &json!({ "ciphertext": sealed["ciphertext"] }), "{}")
                .more("of another length", at(&key, "decapsulate", &json!({ "ciphertext": TEXT })))
        }
        _ => return None,
    })
}

fn derive(scene: &Scene) -> Shown {
    let key = issued(scene, "P-256", &["derive"]);
    let peer = issued(scene, "P-256", &["derive"]);
    let half = scene.read(&format!("/v1/keys/{peer}"));
    let body = |name: &str, algorithm: &str, usage: &str| {
        json!({
            "peer": { "public_key": half["crypto"]["public_key"] }, "info": "dG9rZW5z",
            "key": { "name": name, "kind": "crypto", "crypto": { "algorithm": algorithm, "usages": [usage] } },
        })
    };
    let misshapen = json!({ "peer": { "key_id": peer }, "key": { "name": "derived" } }).to_string();
    use_of(&key, "derive", &body("derived", "AES-256", "encrypt"), &misshapen)
        .more("longer than what is agreed on", at(&key, "derive", &body("long", "HMAC-SHA-512", "mac")))
}

/// A use of a key, of one that is not there, and one that is misshapen.
fn use_of(key: &str, verb: &str, body: &Value, misshapen: &str) -> Shown {
    let missing = at(&format!("key_{NOTHING}"), verb, body);
    shows(at(key, verb, body), missing, sent("POST", format!("/v1/keys/{key}/{verb}"), misshapen))
}

fn at(key: &str, verb: &str, body: &Value) -> Call {
    sent("POST", format!("/v1/keys/{key}/{verb}"), body)
}

/// The same call after its key was removed.
fn removed(scene: &Scene, call: Call) -> Call {
    let key = call.path.rsplit_once('/').map(|(key, _)| key.to_owned()).expect("a path");
    scene.ok("DELETE", &key, Value::Null);
    call
}

/// Issuing, as other kinds do not show it.
pub(super) fn issue(shown: Shown) -> Shown {
    let path = "/v1/keys";
    let crypto = |usage: &str| {
        let crypto = json!({ "algorithm": "Ed25519", "usages": [usage] });
        sent("POST", path, json!({ "name": "signer", "kind": "crypto", "crypto": crypto }))
    };
    shown.more("a key that never leaves", crypto("sign")).more("for what it cannot do", crypto("encrypt"))
}
