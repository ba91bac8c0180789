//! This file is about who may do what: the core's table, printed to `docs/permissions.md`, and held against a
//! running server with one real call for every verb, role and subject. `UPDATE_DOCS=1` writes the page anew.

use std::fmt::Write as _;
use std::path::Path;

use keyward_core::account::Role;
use keyward_core::permit::{Reach, Verb};
use keyward_core::scope::Right;
use keyward_dialects::native;
use serde_json::{Value, json};

use super::scene::{Held, Scene, text};

/// The roles of an account, and the owner of the operator's organization.
const COLUMNS: [(&str, Role, bool); 5] = [
    ("owner", Role::Owner, false),
    ("admin", Role::Admin, false),
    ("member", Role::Member, false),
    ("auditor", Role::Auditor, false),
    ("operator", Role::Owner, true),
];

/// Whose something is, as the caller sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Own,
    Colleagues,
    Strangers,
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    /// It does not exist for the caller.
    Hidden,
    Forbidden,
}

/// What a call is tried on.
struct Subject {
    organization: String,
    account: String,
    key: Held,
}

impl Subject {
    /// A key of the account that never leaves, made by the operator, and its public half.
    fn crypto(&self, scene: &Scene) -> (String, Value) {
        let crypto = json!({ "algorithm": "P-256", "usages": ["sign", "derive"] });
        let new = json!({ "name": "signer", "kind": "crypto", "account_id": self.account, "crypto": crypto });
        let key = scene.ok("POST", "/v1/keys", new);
        (text(&key["key"]["id"]), key["key"]["crypto"]["public_key"].clone())
    }
}

/// How far a verb reaches in a column of the table.
fn reach(verb: Verb, role: Role, operator: bool) -> Option<Reach> {
    if verb.is_for_operators() && !operator {
        return None;
    }
    verb.reach(role).map(|reach| if operator { Reach::Everywhere } else { reach })
}

#[test]
fn the_page_is_the_table() {
    let mut page = String::from(
        "# Permissions\n\n\
        Written by a test (`server/tests/api/grid.rs`) from the table in `core/src/permit.rs`, and compared with it\n\
        on every run; the same test holds it against a running server, one real call for every cell.\n\n\
        A call is allowed if the key carries the *right* as one of its scopes (`admin` stands for all of them) **and**\n\
        the role of the key's account reaches far enough. What a caller's reach does not cover does not exist for\n\
        them: it is answered like something that was never there.\n\n\
        - *account*: what belongs to the caller's own account, or to a member's or auditor's below it; accounts\n\
        \x20 themselves are made and ended there below one's own only, and only members;\n\
        - *organization*: what belongs to the caller's organization;\n\
        - *everywhere*: the owners of the operator's organization, the first one of a store;\n\
        - –: refused, with 403.\n\n\
        Nobody gives what they do not have: the rights among the scopes of a key that is issued, rotated or changed\n\
        must be the caller's own. And nobody below an owner makes, changes or ends an owner, or an owner's keys.\n\n\
        A secret that is kept to be shown again is shown to whoever might *issue* that key, with those rights and for\n\
        that account; no call of the native API shows one. Whoever has a key or a session may end it, without any right.\n\n\
        Whatever will end a key for ever takes the right `keys:remove` as well: rotating it, and suspending it with\n\
        `remove_at`. Whoever holds a key may always end it: to rotate or retire its own, it needs no more than the right below.\n\n\
        | verb | right | owner | admin | member | auditor | operator |\n|---|---|---|---|---|---|---|\n",
    );
    for verb in Verb::ALL {
        write!(
            page,
            "| {} | `{}` |",
            verb.word(),
            verb.right().map_or("a scope of the collection", Right::word)
        )
        .expect("a string");
        for (_, role, operator) in COLUMNS {
            let cell = match reach(verb, role, operator) {
                None => "–",
                Some(Reach::Account) => "account",
                Some(Reach::Organization) => "organization",
                Some(Reach::Everywhere) => "everywhere",
            };
            write!(page, " {cell} |").expect("a string");
        }
        page.push('\n');
    }
    page += "\n## Calls of the native API\n\n| call | verb |\n|---|---|\n";
    for route in native::dialect().expect("the table holds").routes {
        let verb = route.verb.map_or("anybody", Verb::word);
        // The right of a verb stands above; the collection is the call's.
        let scope = route.scope().filter(|_| route.collection.is_some());
        let scope = scope.map_or(String::new(), |scope| format!(": `{scope}`"));
        writeln!(page, "| `{} {}` | {verb}{scope} |", route.method, route.path).expect("a string");
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/permissions.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &page).expect("it can be written");
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == page, "{} is not the table; UPDATE_DOCS=1 writes it anew:\n{page}", file.display());
}

#[test]
fn the_server_holds_the_table_for_every_role() {
    let scene = Scene::with_backups();
    let tenant = scene.tenant("tenant").organization;
    let stranger = scene.tenant("stranger").organization;
    let mut wrong = Vec::new();
    for (name, role, operator) in COLUMNS {
        let home = if operator { scene.own_organization() } else { tenant.clone() };
        let word = if operator { "owner" } else { name };
        let account = scene.account(Some(&home), word, &format!("{name} of the grid"));
        let caller = scene.held(json!({ "account_id": account, "scopes": ["admin"] })).secret;
        for (verb, whose) in Verb::ALL
            .into_iter()
            .flat_map(|verb| [Whose::Own, Whose::Colleagues, Whose::Strangers].map(|whose| (verb, whose)))
            // Queues are made and listed in the organization of the caller's key, and verifiers join it.
            .filter(|(verb, whose)| *whose == Whose::Own || verb.right().is_some() && !is_of_verifiers(*verb))
        {
            let organization = if whose == Whose::Strangers { &stranger } else { &home };
            let organization = organization_for(&scene, verb, organization);
            // Who ends itself is asked nothing more: there, somebody else stands for it.
            let itself =
                whose == Whose::Own && !matches!(verb, Verb::RemoveAccount | Verb::RemoveOrganization);
            let subject = match (itself, whose) {
                (true, _) => subject(&scene, &organization, Some(&account)),
                (false, Whose::Own) if organization == home => below(&scene, &organization, &account),
                (false, _) => subject(&scene, &organization, None),
            };
            let expected = match (reach(verb, role, operator), whose) {
                (None, _) => Outcome::Forbidden,
                (Some(Reach::Everywhere), _) | (Some(_), Whose::Own) => Outcome::Done,
                (Some(Reach::Organization), Whose::Colleagues) => Outcome::Done,
                (Some(Reach::Account), Whose::Colleagues) | (Some(_), Whose::Strangers) => Outcome::Hidden,
            };
            let found = attempt(&scene, &caller, verb, &subject);
            if found != expected {
                wrong.push(format!("{name} {} {whose:?}: {found:?}, not {expected:?}", verb.word()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_server_holds_the_table_for_every_right() {
    let scene = Scene::with_backups();
    let (home, account) = (scene.own_organization(), scene.own_account());
    let mut wrong = Vec::new();
    for scope in Right::ALL.into_iter().map(Right::word).chain(["queues:read", "queues:write", "no-right"]) {
        let caller = scene.held(json!({ "scopes": [scope] })).secret;
        for verb in Verb::ALL {
            let organization = organization_for(&scene, verb, &home);
            let itself = !matches!(verb, Verb::RemoveAccount | Verb::RemoveOrganization);
            let own = itself.then_some(account.as_str());
            let expected = if opens(scope, verb) { Outcome::Done } else { Outcome::Forbidden };
            let found = attempt(&scene, &caller, verb, &subject(&scene, &organization, own));
            if found != expected {
                wrong.push(format!("{scope} {}: {found:?}, not {expected:?}", verb.word()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn is_of_verifiers(verb: Verb) -> bool {
    matches!(verb, Verb::JoinVerifiers | Verb::ReadVerifiers)
}

/// Whether a key with this scope alone may do a verb; those without a right of their own are tried on queues.
fn opens(scope: &str, verb: Verb) -> bool {
    if verb == Verb::Rotate {
        // It ends another key than the caller's: one right is not enough.
        return scope == Right::Admin.word();
    }
    let is_named = match verb.right() {
        Some(right) => scope == right.word(),
        None => scope == "queues:write" || scope == "queues:read" && verb == Verb::ReadResources,
    };
    is_named || scope == Right::Admin.word()
}

/// This organization; one of its own for the verb that ends it.
fn organization_for(scene: &Scene, verb: Verb, organization: &str) -> String {
    match verb == Verb::RemoveOrganization {
        true => text(&scene.ok("POST", "/v1/organizations", json!({ "name": unique(scene) }))["id"]),
        false => organization.to_owned(),
    }
}

/// A new key in an organization, of this account or a new one.
fn subject(scene: &Scene, organization: &str, account: Option<&str>) -> Subject {
    let new = || scene.account(Some(organization), "member", &unique(scene));
    let account = account.map_or_else(new, str::to_owned);
    let key = scene.held(json!({ "account_id": account }));
    Subject { organization: organization.to_owned(), account, key }
}

/// A new key of a new account below this one.
fn below(scene: &Scene, organization: &str, parent: &str) -> Subject {
    let body = json!({
        "organization_id": organization, "parent_id": parent, "role": "member", "name": unique(scene),
    });
    let account = text(&scene.ok("POST", "/v1/accounts", body)["id"]);
    subject(scene, organization, Some(&account))
}

/// A name that nobody has: what is next in the log.
fn unique(scene: &Scene) -> String {
    format!("number {}", log_size(scene))
}

fn log_size(scene: &Scene) -> u64 {
    let checkpoint = scene.call("GET", "/v1/log/checkpoint", None).body;
    checkpoint.lines().nth(1).and_then(|line| line.parse().ok()).expect("a size")
}

fn derive(scene: &Scene, on: &Subject) -> (&'static str, String, Value) {
    let (id, half) = on.crypto(scene);
    let crypto = json!({ "algorithm": "AES-128", "usages": ["encrypt"] });
    let new = json!({ "name": "derived", "kind": "crypto", "account_id": on.account, "crypto": crypto });
    ("POST", format!("/v1/keys/{id}/derive"), json!({ "peer": { "public_key": half }, "key": new }))
}

fn exercise(scene: &Scene, on: &Subject) -> (&'static str, String, Value) {
    let (id, _) = on.crypto(scene);
    let body = json!({ "message": "YWJj", "scheme": "ECDSA-SHA-256" });
    ("POST", format!("/v1/keys/{id}/sign"), body)
}

/// Does one verb, once, as this caller.
fn attempt(scene: &Scene, caller: &str, verb: Verb, on: &Subject) -> Outcome {
    let key = format!("/v1/keys/{}", on.key.id);
    let account = format!("/v1/accounts/{}", on.account);
    let organization = format!("/v1/organizations/{}", on.organization);
    let name = json!({ "name": unique(scene) });
    let (method, path, body) = match verb {
        Verb::Issue => ("POST", "/v1/keys".to_owned(), json!({ "name": "new", "account_id": on.account })),
        Verb::Import => {
            let secret = format!("imported-for-{}", on.key.id);
            let item = json!([{ "name": "old", "secret": secret, "account_id": on.account }]);
            ("POST", "/v1/keys/import".to_owned(), item)
        }
        Verb::Find => ("GET", key, Value::Null),
        Verb::List => ("GET", format!("/v1/keys?account_id={}", on.account), Value::Null),
        Verb::Update => ("PATCH", key, json!({ "name": "changed" })),
        Verb::Suspend => ("POST", key + "/suspend", Value::Null),
        Verb::Resume => ("POST", key + "/resume", Value::Null),
        Verb::Rotate => ("POST", key + "/rotate", Value::Null),
        Verb::Verify => ("POST", "/v1/keys/verify".to_owned(), json!({ "secret": on.key.secret })),
        Verb::Derive => derive(scene, on),
        Verb::Exercise => exercise(scene, on),
        Verb::Remove => ("DELETE", key, Value::Null),
        Verb::ReadAccounts => ("GET", account, Value::Null),
        Verb::CreateAccount => {
            let body = json!({
                "name": name["name"], "role": "member", "organization_id": on.organization, "parent_id": on.account,
            });
            ("POST", "/v1/accounts".to_owned(), body)
        }
        Verb::UpdateAccount => ("PATCH", account, name),
        Verb::RemoveAccount => ("DELETE", account + "?policy=remove_keys", Value::Null),
        Verb::ReadOrganizations => ("GET", organization, Value::Null),
        Verb::CreateOrganization => ("POST", "/v1/organizations".to_owned(), name),
        Verb::UpdateOrganization => ("PATCH", organization, name),
        Verb::RemoveOrganization => ("DELETE", organization, Value::Null),
        Verb::Reroot => ("POST", "/v1/store/reroot".to_owned(), Value::Null),
        Verb::BackUp => ("POST", "/v1/store/backup".to_owned(), Value::Null),
        Verb::ReadLog => {
            ("GET", format!("/v1/events?after={}", log_size(scene).saturating_sub(20)), Value::Null)
        }
        Verb::ReadResources => ("GET", "/v1/queues".to_owned(), Value::Null),
        Verb::ReadVerifiers => ("GET", "/v1/verifiers".to_owned(), Value::Null),
        Verb::JoinVerifiers => ("GET", "/v1/verifiers/stream".to_owned(), Value::Null),
        Verb::WriteResources => ("POST", "/v1/queues".to_owned(), name),
    };
    let answer = match verb.right() {
        Some(_) => scene.call_as(caller, method, &path, (!body.is_null()).then_some(body)),
        // No call of ours asks for it: one of discue's does.
        None => {
            let headers = format!("X-API-KEY: {caller}\r\nContent-Type: application/json\r\n");
            scene.request(method, &path, &headers, body.to_string().as_bytes())
        }
    };
    let found = match (verb, answer.status) {
        (_, 403) => return Outcome::Forbidden,
        (Verb::Verify, 200) => answer.json()["valid"] == true,
        (Verb::List, 200) => answer.json()["data"].as_array().is_some_and(|data| !data.is_empty()),
        (Verb::ReadLog, 200) => answer.body.contains(&on.key.id),
        // Whoever may join is told that this is no WebSocket.
        (Verb::JoinVerifiers, 400) => answer.json()["field"] == "Upgrade",
        (Verb::Import, 200) => answer.body.contains("\"id\""),
        (_, status) => (200..300).contains(&status),
    };
    let hidden = matches!(answer.status, 200 | 404)
        || answer.status == 400 && answer.json()["detail"] == "account_id must be an account that exists";
    assert!(found || hidden, "{method} {path}: {} {}", answer.status, answer.body);
    if found { Outcome::Done } else { Outcome::Hidden }
}
