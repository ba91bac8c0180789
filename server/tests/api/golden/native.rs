//! This file is about the calls of the native API that are shown.

use keyward_dialects::{Route, native};
use serde_json::json;

use super::call::{Call, Shown, bare, sent, shows};
use super::{Cast, Language, crypto};
use crate::api::scene::{Held, Scene, text};
use crate::harness::eventually;

/// The id of nothing.
pub(super) const NOTHING: &str = "00000000000000000000000000";
const LATER: &str = "2099-01-01T00:00:00.000Z";

/// The native API: one transcript for every operation.
pub(super) const NATIVE: Language = Language {
    name: "native",
    dialect: native::dialect,
    title: |route| operation(route).to_owned(),
    scene: Scene::with_backups,
    cast: |scene| Cast {
        whoever_may: scene.owner.clone(),
        stranger: scene.tenant("a stranger").owner.secret,
    },
    sign: |call, secret| {
        // `Authorization` is a gateway's client's there.
        let is_gateways = call.path.starts_with("/v1/forward-auth");
        let name = if is_gateways { "Keyward-Credential:" } else { "Authorization: Bearer" };
        call.signed(format!("{name} {secret}"))
    },
    differs: DIFFERS,
    shown: |route, scene, _| shown(operation(route), scene),
};

/// What differs from run to run. A record's id and its receipt's have the same 128 bits, and get the same number; times of
/// the tests' own stay.
const DIFFERS: &str = r#"
    (?P<prefix>key|acct|org|res|rcpt|rmvl|epoch)_(?P<id>[0-7][0-9a-z]{25})
  | (?P<secret>[a-z][a-z0-9]*_[a-z][a-z0-9]*_[0-9A-Za-z]{43})
  | (?P<handle>[a-z][a-z0-9]*_[a-z][a-z0-9]*_[0-9A-Za-z]{10})\b
  | keyward-(?P<moment>[0-9T.]+Z)\.
  | (?P<time>202[0-9]-[0-9]{2}-[0-9]{2}T[0-9:.]+Z)
  | (?P<hash>\b[0-9a-f]{64}\b)
  | (?P<request>\b[0-9a-f]{32}\b)
  | "(?:iv|tag)":\x20"(?P<drawn>[A-Za-z0-9+/]+=*)"
  | (?:\\n)?(?P<base64>[A-Za-z0-9+/]{40,}={0,2})
  | "(?:iat|nbf|exp)":\x20(?P<seconds>[0-9]+)
  | "next_cursor":\x20"(?P<cursor>[A-Za-z0-9_-]{22})"
"#;

fn operation(route: &Route) -> &'static str {
    let told = native::OPERATIONS.iter().find(|told| told.method == route.method && told.path == route.path);
    told.unwrap_or_else(|| panic!("{} is not told", route.path)).id
}

fn shown(operation: &str, scene: &Scene) -> Shown {
    if let Some(shown) = crypto::shown(operation, scene) {
        return shown;
    }
    match operation {
        "issue_key" => crypto::issue(issue(scene)),
        "import_keys" => import(scene),
        "list_keys" => list(scene),
        "verify_key" => verify(scene),
        "remove_keys" => remove_many(scene),
        "find_removal" => find_removal(scene),
        "read_receipt" => receipt(scene),
        "reroot" => reroot(scene),
        "back_up" => {
            let path = "/v1/store/backup";
            scene.held(json!({}));
            shows(bare("POST", path), None, bare("POST", format!("{path}?slots=true")))
        }
        "read_checkpoint" | "read_tile" | "list_events" => log(operation),
        "introspect" | "revoke" | "forward_auth" | "forward_auth_path" => of_gateways(operation, scene),
        "list_verifiers" => {
            let path = "/v1/verifiers";
            shows(bare("GET", path), None, bare("GET", format!("{path}?limit=1")))
        }
        // A WebSocket does not end: what it says is in the tests of the verifiers, and here that it is one.
        "join_verifiers" => {
            let path = "/v1/verifiers/stream";
            shows(bare("GET", path), None, bare("GET", format!("{path}?name=a")))
        }
        "set_password" => accounts(operation, scene),
        other if other.ends_with("_account") || other.ends_with("_accounts") => accounts(other, scene),
        other if other.contains("_access_level") => access_levels(other, scene),
        other if other.contains("_organization") => organizations(other, scene),
        other => one_key(other, &scene.held(json!({ "name": "ci", "scopes": ["orders:read"] }))),
    }
}

fn issue(scene: &Scene) -> Shown {
    let path = "/v1/keys";
    let full = json!({
        "name": "ci", "kind": "secret", "account_id": scene.own_account(), "scopes": ["orders:read"],
        "metadata": { "team": "blue" }, "tags": ["ci"], "not_before": "2031-01-01T00:00:00+01:00",
        "expires_at": LATER, "prefix": "acme", "environment": "test", "ip_allow": ["10.0.0.0/8"],
        "rate_limit": { "limit": 10, "window_seconds": 60 }, "uses_left": 5, "protected": true,
    });
    let missing = json!({ "name": "ci", "account_id": format!("acct_{NOTHING}") });
    shows(
        sent("POST", path, full),
        sent("POST", path, missing),
        sent("POST", path, r#"{"name":"ci","nam":"a"}"#),
    )
    .more("given twice", sent("POST", path, r#"{"name":"ci","name":"cd"}"#))
    .more("not JSON", sent("POST", path, r#"{"name":"#))
    .more("of another type", bare("POST", path).with("Content-Type: text/plain"))
}

fn import(scene: &Scene) -> Shown {
    let path = "/v1/keys/import";
    let own = scene.own_account();
    let item =
        |secret: &str, account: &str| json!({ "name": "old", "secret": secret, "account_id": account });
    let two =
        |account: &str| json!([item("imported-secret-0001", account), { "name": "old", "secret": "short" }]);
    let missing = two(&format!("acct_{NOTHING}"));
    let digest = json!({
        "name": "old", "account_id": own,
        "digest": { "algorithm": "sha256", "value": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    });
    let lines = Call {
        body: Some(format!("{digest}\n{{\n{digest}\n")),
        ..bare("POST", path).with("Content-Type: application/x-ndjson")
    };
    shows(sent("POST", path, two(&own)), sent("POST", path, missing), sent("POST", path, r#"{"name":"old"}"#))
        .more("lines, the second broken, the third a duplicate", lines)
        .more("of another type", bare("POST", path).with("Content-Type: text/csv"))
}

fn list(scene: &Scene) -> Shown {
    scene.held(json!({ "name": "one", "tags": ["shown"] }));
    scene.held(json!({ "name": "two", "tags": ["shown"] }));
    let path = format!("/v1/keys?account_id={}&tag=shown&limit=1", scene.own_account());
    let missing = bare("GET", format!("/v1/keys?account_id=acct_{NOTHING}&tag=shown&limit=1"));
    shows(bare("GET", path), missing, bare("GET", "/v1/keys?limit=501"))
}

fn verify(scene: &Scene) -> Shown {
    let path = "/v1/keys/verify";
    let fields = json!({ "name": "ci", "scopes": ["orders:read"], "metadata": { "team": "blue" } });
    let key = scene.held(fields);
    let ask = |secret: &str, scope: &str| json!({ "secret": secret, "scopes": [scope], "ip": "192.0.2.1" });
    let missing = sent("POST", path, ask("no-such-key-was-ever-made", "orders:read"));
    let malformed = sent("POST", path, r#"{"secret":7}"#);
    shows(sent("POST", path, ask(&key.secret, "orders:read")), missing, malformed)
        .more("another scope", sent("POST", path, ask(&key.secret, "orders:write")))
}

fn one_key(operation: &str, key: &Held) -> Shown {
    let own = format!("/v1/keys/{}", key.id);
    let nothing = format!("/v1/keys/key_{NOTHING}");
    let verb = |path: &str, verb: &str| format!("{path}/{verb}");
    match operation {
        "find_key" => shows(bare("GET", own), bare("GET", nothing), bare("GET", "/v1/keys/key_1")),
        "update_key" => {
            let patch = json!({ "name": "cd", "metadata": { "team": "red" }, "tags": ["a"] });
            let misshapen = sent("PATCH", &own, r#"{"scopes":"all"}"#);
            let stale = sent("PATCH", &own, &patch).with("If-Match: \"1\"");
            shows(sent("PATCH", &own, &patch), sent("PATCH", &nothing, &patch), misshapen)
                .more("stale", stale)
        }
        "remove_key" => {
            let path = format!("{own}?reason=compromised");
            let misshapen = bare("DELETE", format!("{own}?reason=because"));
            let whole = bare("DELETE", &path).with("Prefer: return=representation");
            shows(bare("DELETE", &path), bare("DELETE", nothing), misshapen)
                .more("again", bare("DELETE", &path))
                .more("again, with the receipt", whole)
                .more("read", bare("GET", &own))
                .more("changed", sent("PATCH", &own, json!({ "name": "cd" })))
        }
        "suspend_key" => {
            let body = json!({ "remove_at": LATER });
            let (own, nothing) = (verb(&own, "suspend"), verb(&nothing, "suspend"));
            let misshapen = sent("POST", &own, r#"{"remove_at":"soon"}"#);
            shows(sent("POST", &own, &body), sent("POST", nothing, body), misshapen)
        }
        "resume_key" => {
            let (own, nothing) = (verb(&own, "resume"), verb(&nothing, "resume"));
            let misshapen = bare("POST", format!("{own}?now=true"));
            shows(bare("POST", own), bare("POST", nothing), misshapen)
        }
        "rotate_key" => {
            let body = json!({ "overlap_seconds": 3600 });
            let (own, nothing) = (verb(&own, "rotate"), verb(&nothing, "rotate"));
            let misshapen = sent("POST", &own, r#"{"overlap_seconds":-1}"#);
            shows(sent("POST", &own, &body), sent("POST", nothing, body), misshapen)
        }
        "read_usage" => {
            let (own, nothing) = (verb(&own, "usage"), verb(&nothing, "usage"));
            let misshapen = bare("GET", format!("{own}?days=1"));
            shows(bare("GET", own), bare("GET", nothing), misshapen)
        }
        unknown => panic!("{unknown} is not shown"),
    }
}

fn of_gateways(operation: &str, scene: &Scene) -> Shown {
    let key = scene.held(json!({ "name": "ci", "scopes": ["orders:read"] }));
    let nothing = "kw_live_nothing";
    let form = |path: &str, body: &str| Call {
        body: Some(body.to_owned()),
        ..bare("POST", path).with("Content-Type: application/x-www-form-urlencoded")
    };
    let token = |secret: &str| form(&format!("/v1/{operation}"), &format!("token={secret}"));
    let forward = |secret: &str, scope: &str| {
        let path = if operation == "forward_auth" { "" } else { "/orders/7" };
        bare("GET", format!("/v1/forward-auth{path}"))
            .with(&format!("Authorization: Bearer {secret}"))
            .with(&format!("Keyward-Scope: {scope}"))
    };
    match operation {
        "introspect" | "revoke" => {
            shows(token(&key.secret), token(nothing), form(&format!("/v1/{operation}"), "tokens=1"))
                .more("again", token(&key.secret))
        }
        _ => {
            let two = forward(&key.secret, "orders:read").with("Authorization: Bearer another");
            shows(forward(&key.secret, "orders:read"), forward(nothing, "orders:read"), two)
                .more("without the scope", forward(&key.secret, "orders:write"))
        }
    }
}

fn remove_many(scene: &Scene) -> Shown {
    let path = "/v1/removals";
    let key = scene.held(json!({ "name": "ci" }));
    let handle = text(&scene.read(&format!("/v1/keys/{}", key.id))["handle"]);
    let one = |handle: &str| json!({ "handle": handle, "reason": "compromised" });
    // Of an account that the first call has nothing to do with: that one goes on in the background.
    let account = scene.account(None, "member", "many");
    (0..2).for_each(|_| drop(scene.held(json!({ "account_id": account }))));
    let many = json!({ "account_id": account });
    let plan = json!({ "account_id": account, "dry_run": true });
    let misshapen = sent("POST", path, json!({ "reason": "compromised" }));
    let other = json!({ "account_id": account, "plan_hash": "00".repeat(32) });
    shows(sent("POST", path, one(&handle)), sent("POST", path, one("kw_live_none")), misshapen)
        .more("a plan", sent("POST", path, plan))
        .more("many without a plan", sent("POST", path, many))
        .more("many with another plan", sent("POST", path, other))
}

fn find_removal(scene: &Scene) -> Shown {
    let key = scene.held(json!({ "name": "ci" }));
    let removal = text(&scene.ok("POST", "/v1/removals", json!({ "secret": key.secret }))["removal"]["id"]);
    let path = format!("/v1/removals/{removal}");
    eventually("the end of a removal", || {
        (!scene.read(&path)["removal"]["finished_at"].is_null()).then_some(())
    });
    let missing = bare("GET", format!("/v1/removals/rmvl_{NOTHING}"));
    let malformed = bare("GET", format!("{path}?limit=0"));
    shows(bare("GET", path), missing, malformed)
}

fn receipt(scene: &Scene) -> Shown {
    let key = scene.held(json!({ "name": "ci" }));
    let living = format!("/v1/receipts/{}", scene.held(json!({})).id.replace("key_", "rcpt_"));
    scene.ok("DELETE", &format!("/v1/keys/{}", key.id), json!(null));
    let path = format!("/v1/receipts/{}", key.id.replace("key_", "rcpt_"));
    let missing = bare("GET", format!("/v1/receipts/rcpt_{NOTHING}"));
    shows(bare("GET", &path), missing, bare("GET", format!("/v1/receipts/{}", key.id)))
        .more("as JSON", bare("GET", path).with("Accept: application/json"))
        .more("of a living key", bare("GET", living))
}

fn reroot(scene: &Scene) -> Shown {
    let path = "/v1/store/reroot";
    scene.held(json!({}));
    shows(bare("POST", path), None, bare("POST", format!("{path}?epoch=2"))).more("again", bare("POST", path))
}

fn log(operation: &str) -> Shown {
    match operation {
        "read_checkpoint" => {
            let path = "/v1/log/checkpoint";
            shows(bare("GET", path), None, bare("GET", format!("{path}?size=1")))
        }
        "read_tile" => {
            let path = "/v1/log/tile/";
            let entries = bare("GET", format!("{path}entries/000.p/3"));
            shows(entries, bare("GET", format!("{path}0/000")), bare("GET", format!("{path}0/1")))
                .more("hashes", bare("GET", format!("{path}0/000.p/2")))
                // The log is everybody's.
                .for_everybody()
        }
        _ => {
            let path = "/v1/events";
            shows(
                bare("GET", format!("{path}?after=0&limit=2")),
                None,
                bare("GET", format!("{path}?after=x")),
            )
            .more("past the end", bare("GET", format!("{path}?after=1000")))
        }
    }
}

fn accounts(operation: &str, scene: &Scene) -> Shown {
    let path = "/v1/accounts";
    let organization = scene.own_organization();
    let account = format!("{path}/{}", scene.account(None, "member", "robot"));
    let nothing = format!("{path}/acct_{NOTHING}");
    match operation {
        "create_account" => {
            let new = |organization: &str| json!({ "name": "build", "role": "member", "organization_id": organization });
            let missing = sent("POST", path, new(&format!("org_{NOTHING}")));
            let taken = sent("POST", path, new(&organization));
            shows(
                sent("POST", path, new(&organization)),
                missing,
                sent("POST", path, r#"{"name":"build","role":"king"}"#),
            )
            .more("again", taken)
        }
        "list_accounts" => {
            let of = |organization: &str| bare("GET", format!("{path}?organization_id={organization}"));
            shows(of(&organization), of(&format!("org_{NOTHING}")), bare("GET", format!("{path}?cursor=x")))
        }
        "find_account" => {
            shows(bare("GET", account), bare("GET", nothing), bare("GET", format!("{path}/acct_1")))
        }
        "set_password" => {
            let [own, nothing] = [&account, &nothing].map(|path| format!("{path}/password"));
            let body = json!({ "password": "open sesame" });
            shows(sent("PUT", &own, &body), sent("PUT", nothing, body), sent("PUT", own, r#"{"password":7}"#))
        }
        "update_account" => {
            let patch = json!({ "role": "auditor", "suspended": true });
            let misshapen = sent("PATCH", &account, r#"{"suspended":null}"#);
            shows(sent("PATCH", account, &patch), sent("PATCH", nothing, patch), misshapen)
        }
        _ => {
            let [own, nothing] = [&account, &nothing].map(|path| format!("{path}?policy=remove_keys"));
            shows(bare("DELETE", &own), bare("DELETE", nothing), bare("DELETE", account))
                .more("again", bare("DELETE", own))
        }
    }
}

fn access_levels(operation: &str, scene: &Scene) -> Shown {
    let path = "/v1/access-levels";
    let made = scene.ok("POST", path, json!({ "name": "Office", "verifier": "abc123-001" }));
    let (own, nothing) = (format!("{path}/{}", text(&made["id"])), format!("{path}/res_{NOTHING}"));
    match operation {
        "create_access_level" => {
            let new =
                |account: &str| json!({ "name": "Cellar", "verifier": "abc123-001", "account_id": account });
            let own = scene.own_account();
            let missing = sent("POST", path, new(&format!("acct_{NOTHING}")));
            shows(sent("POST", path, new(&own)), missing, sent("POST", path, r#"{"name":""}"#))
                .more("again", sent("POST", path, new(&own)))
        }
        "list_access_levels" => {
            let of = |account: &str| bare("GET", format!("{path}?account_id={account}"));
            let missing = of(&format!("acct_{NOTHING}"));
            shows(of(&scene.own_account()), missing, bare("GET", format!("{path}?limit=none")))
        }
        "find_access_level" => {
            shows(bare("GET", own), bare("GET", nothing), bare("GET", format!("{path}/office")))
        }
        "update_access_level" => {
            let body = json!({ "name": "Offices", "verifier": null });
            let misshapen = sent("PATCH", &own, r#"{"verifier":7}"#);
            shows(sent("PATCH", &own, &body), sent("PATCH", nothing, &body), misshapen)
                .more("stale", sent("PATCH", own, body).with("If-Match: \"1\""))
        }
        _ => {
            let misshapen = bare("DELETE", format!("{own}?reason=retired"));
            shows(bare("DELETE", &own), bare("DELETE", nothing), misshapen)
                .more("again", bare("DELETE", &own))
                .more("read", bare("GET", own))
        }
    }
}

fn organizations(operation: &str, scene: &Scene) -> Shown {
    let path = "/v1/organizations";
    let operator = scene.own_organization();
    let other = scene.tenant("acme").organization;
    let own = format!("{path}/{other}");
    let nothing = format!("{path}/org_{NOTHING}");
    match operation {
        "create_organization" => {
            let body = json!({ "name": "initech" });
            shows(sent("POST", path, &body), None, sent("POST", path, r#"{"name":""}"#))
                .more("again", sent("POST", path, body))
        }
        "list_organizations" => shows(bare("GET", path), None, bare("GET", format!("{path}?limit=none"))),
        "find_organization" => {
            shows(bare("GET", own), bare("GET", nothing), bare("GET", format!("{path}/acme")))
        }
        "update_organization" => {
            let body = json!({ "suspended": true });
            let misshapen = sent("PATCH", &own, r#"{"operator":true}"#);
            shows(sent("PATCH", own, &body), sent("PATCH", nothing, &body), misshapen)
                .more("the operator's", sent("PATCH", format!("{path}/{operator}"), body))
        }
        _ => {
            let misshapen = bare("DELETE", format!("{own}?policy=refuse"));
            shows(bare("DELETE", &own), bare("DELETE", nothing), misshapen)
                .more("again", bare("DELETE", own))
                .more("the operator's", bare("DELETE", format!("{path}/{operator}")))
        }
    }
}
