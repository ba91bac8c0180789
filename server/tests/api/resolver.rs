//! The language of Resolver's clients, spoken with a real server.

mod page;

use keyward_core::id::AccountId;
use serde_json::{Value, json};

use super::scene::{Scene, text};
use crate::harness::Answer;

/// The scene with what Resolver's clients send in it.
struct Resolver {
    scene: Scene,
    /// An administrator's session.
    admin: String,
    /// A super administrator's session.
    chief: String,
}

/// An API key as it was shown when it was made.
struct Made {
    id: u64,
    key: String,
}

impl Resolver {
    fn new() -> Self {
        let scene = Scene::demo();
        let [admin, chief] = ["", "super_"]
            .map(|who| session(&scene, &told(&scene, who, "email"), &told(&scene, who, "password")));
        Self { scene, admin, chief }
    }

    fn org(&self) -> u64 {
        self.scene.ready["resolver"]["org_id"].as_u64().expect("a number")
    }

    /// The id of the organization in our own language.
    fn organization(&self) -> String {
        let all = self.scene.read("/v1/organizations?limit=100");
        let named = |one: &&Value| one["name"] == "resolver";
        text(&all["data"].as_array().expect("data").iter().find(named).expect("it is there")["id"])
    }

    /// A new user of this role in an organization: its number, and its id in our own language.
    fn user(&self, organization: &str, role: &str, email: &str) -> (u32, String) {
        let id = self.scene.account(Some(organization), role, email);
        (AccountId::parse(&id).expect("an id").id().number(), id)
    }

    /// A request with this session.
    fn with_session(&self, token: &str, method: &str, path: &str, body: &Value) -> Answer {
        self.with(&format!("Authorization: bearer {token}\r\n"), method, path, body)
    }

    /// A request with this key.
    fn with_key(&self, key: &str, method: &str, path: &str, body: &Value) -> Answer {
        self.with(&format!("x-api-key: {key}\r\n"), method, path, body)
    }

    fn with(&self, headers: &str, method: &str, path: &str, body: &Value) -> Answer {
        if body.is_null() {
            return self.scene.request(method, path, headers, b"");
        }
        let headers = format!("{headers}Content-Type: application/json\r\n");
        self.scene.request(method, path, &headers, body.to_string().as_bytes())
    }

    /// Makes a key for a user.
    fn make(&self, session: &str, user: u64, impersonates: bool) -> Made {
        let body = json!({ "orgUserId": user, "name": "nightly", "canImpersonate": impersonates });
        let made = self.with_session(session, "POST", "/user/apiKey", &body);
        assert_eq!(made.status, 201, "{}", made.body);
        let made = made.json();
        Made { id: made["id"].as_u64().expect("an integer"), key: text(&made["key"]) }
    }

    fn remove(&self, session: &str, id: &str) -> u16 {
        let answer = self.with_session(session, "DELETE", &format!("/user/apiKey/{id}"), &Value::Null);
        if answer.status == 204 {
            assert!(answer.body.is_empty());
        } else {
            judge(&answer);
        }
        answer.status
    }

    fn me(&self, key: &str) -> Answer {
        self.with_key(key, "GET", "/user/users/me", &Value::Null)
    }

    /// The number of the administrator.
    fn admins_number(&self) -> u64 {
        let me = self.with_session(&self.admin, "GET", "/user/users/me", &Value::Null);
        me.json()["id"].as_u64().expect("an integer")
    }
}

/// What the demo says of Resolver.
fn told(scene: &Scene, who: &str, what: &str) -> String {
    text(&scene.ready["resolver"][format!("{who}{what}")])
}

fn sign_in(scene: &Scene, body: &Value) -> Answer {
    let headers = "Content-Type: application/json\r\n";
    scene.request("POST", "/user/authenticate", headers, body.to_string().as_bytes())
}

fn session(scene: &Scene, email: &str, password: &str) -> String {
    let answer = sign_in(scene, &json!({ "email": email, "password": password, "client": "core-client" }));
    assert_eq!(answer.status, 200, "{}", answer.body);
    text(&answer.json()["token"])
}

/// An error, which has the one body of this language.
fn judge(answer: &Answer) -> u16 {
    assert_eq!(answer.header("content-type"), Some("application/json"), "{}", answer.body);
    let body = answer.json();
    assert_eq!(body["statusCode"], answer.status);
    assert!(body["error"].is_string() && body["message"].is_string(), "{body}");
    answer.status
}

#[test]
fn a_key_is_made_used_removed_and_stays_removed() {
    let mut resolver = Resolver::new();
    let me = resolver.with_session(&resolver.admin, "GET", "/user/users/me", &Value::Null).json();
    assert_eq!(me["email"], "admin@resolver.example");
    assert_eq!(me["currentOrg"], json!({ "id": resolver.org(), "name": "resolver" }));
    let user = me["id"].as_u64().expect("an integer");
    let membership = format!("/user/org/{}/user/{user}", resolver.org());
    let membership = resolver.with_session(&resolver.admin, "GET", &membership, &Value::Null).json();
    let made = resolver.make(&resolver.admin, membership["orgUserId"].as_u64().expect("an integer"), false);
    let (access_key, secret) = made.key.split_once('.').expect("two halves");
    assert_eq!((access_key.len(), secret.len()), (20, 40));
    // By user, by the number of a user where that of a key should be, and by key.
    for path in [format!("user/{user}"), user.to_string(), made.id.to_string()] {
        let listed =
            resolver.with_session(&resolver.admin, "GET", &format!("/user/apiKey/{path}"), &Value::Null);
        let listed = listed.json();
        assert_eq!(listed["data"].as_array().expect("data").len(), 1, "{path}: {listed}");
        assert_eq!(
            (&listed["data"][0]["id"], &listed["data"][0]["accessKey"]),
            (&json!(made.id), &json!(access_key))
        );
        assert!(!listed.to_string().contains(secret));
    }
    let uses = [
        ("GET", "/user/users/me", Value::Null),
        ("POST", "/creation/import/json", json!([{ "name": "a" }, { "name": "b" }])),
        ("POST", "/data/file/file", json!("bytes")),
        ("POST", "/data/object/1/file/2", json!("bytes")),
    ];
    let works = |resolver: &Resolver| {
        uses.iter()
            .map(|(method, path, body)| resolver.with_key(&made.key, method, path, body).status)
            .collect::<Vec<_>>()
    };
    assert_eq!(works(&resolver), [200; 4]);
    assert_eq!(resolver.scene.verdict(&made.key), "valid");
    let id = made.id.to_string();
    assert_eq!(resolver.remove(&resolver.admin, &id), 204);
    assert_eq!(works(&resolver), [401; 4]);
    assert_eq!(resolver.scene.verdict(&made.key), "removed");
    assert_eq!(resolver.remove(&resolver.admin, &id), 404);
    resolver.scene.restart();
    assert_eq!(works(&resolver), [401; 4]);
    assert_eq!(resolver.remove(&resolver.admin, &id), 404);
    let listed =
        resolver.with_session(&resolver.admin, "GET", &format!("/user/apiKey/user/{user}"), &Value::Null);
    assert_eq!(listed.json(), json!({ "data": [] }));
}

#[test]
fn whoever_signs_in_is_known_for_fifteen_minutes() {
    let resolver = Resolver::new();
    let scene = &resolver.scene;
    let now = scene.now().millis() / 1000;
    let renewed = resolver.with_session(&resolver.admin, "GET", "/user/authenticate", &Value::Null);
    let renewed = renewed.json();
    let expires_at = renewed["expiresAt"].as_u64().expect("seconds");
    assert!((now + 900..now + 960).contains(&expires_at), "{expires_at} at {now}");
    let headers = format!("Authorization: BeArEr {}\r\n", text(&renewed["token"]));
    assert_eq!(resolver.with(&headers, "GET", "/user/users/me", &Value::Null).status, 200);
}

#[test]
fn who_signs_in_wrongly_learns_why() {
    let resolver = Resolver::new();
    let scene = &resolver.scene;
    let (email, password) = (told(scene, "", "email"), told(scene, "", "password"));
    let answer = |email: &str, password: &str, org: &Value| {
        sign_in(scene, &json!({ "email": email, "password": password, "selectedOrg": org })).status
    };
    let org = json!(resolver.org());
    assert_eq!(answer(&email.to_uppercase(), &password, &org), 200);
    assert_eq!(answer(&email, "wrong", &org), 401);
    assert_eq!(answer("nobody@resolver.example", &password, &org), 401);
    assert_eq!(answer(&email, &password, &json!(resolver.org() + 1)), 404);
    assert_eq!(answer(&email, "wrong", &json!(resolver.org() + 1)), 401);
    assert_eq!(answer(&email, &password, &json!("x")), 400);
    // The number is the same in both languages.
    let users = resolver.with_session(&resolver.admin, "GET", "/user/users/me", &Value::Null).json();
    let accounts = scene.read(&format!("/v1/accounts?organization_id={}", resolver.organization()));
    let account = text(&accounts["data"][0]["id"]);
    assert_eq!(
        u64::from(AccountId::parse(&account).expect("an id").id().number()),
        users["id"].as_u64().expect("an integer")
    );
    scene.ok("PATCH", &format!("/v1/accounts/{account}"), json!({ "suspended": true }));
    assert_eq!(answer(&email, &password, &org), 404);
    assert_eq!(answer(&email, "wrong", &org), 401);
}

#[test]
fn nobody_is_403_and_a_bad_credential_401() {
    let resolver = Resolver::new();
    for (method, path) in [
        ("GET", "/user/authenticate"),
        ("POST", "/user/apiKey"),
        ("GET", "/user/apiKey/x"),
        ("DELETE", "/user/apiKey/x"),
        ("GET", "/user/users/me"),
        ("POST", "/creation/import/json"),
    ] {
        assert_eq!(judge(&resolver.with("", method, path, &Value::Null)), 403, "{method} {path}");
        let wrong = resolver.with_key("AbCdEfGhIjKlMnOpQrSt.x", method, path, &Value::Null);
        assert_eq!(judge(&wrong), 401, "{method} {path}");
        assert_eq!(judge(&resolver.with_session("x", method, path, &Value::Null)), 401, "{method} {path}");
    }
}

#[test]
fn members_use_keys_and_do_not_manage_them() {
    let resolver = Resolver::new();
    let (member, _) = resolver.user(&resolver.organization(), "member", "member@resolver.example");
    let [made, another] = [(); 2].map(|()| resolver.make(&resolver.admin, u64::from(member), false));
    let me = resolver.me(&made.key).json();
    assert_eq!((&me["id"], &me["currentOrg"]["name"]), (&json!(member), &json!("resolver")));
    let file = resolver.with_key(&made.key, "POST", "/data/file/file", &json!("x"));
    assert_eq!((file.status, file.json()), (200, json!({ "count": 3 })));
    let body = json!({ "orgUserId": member, "name": "another" });
    for (method, path, body) in [
        ("POST", "/user/apiKey".to_owned(), &body),
        ("GET", format!("/user/apiKey/user/{member}"), &Value::Null),
        ("GET", format!("/user/apiKey/{}", made.id), &Value::Null),
        ("DELETE", format!("/user/apiKey/{}", another.id), &Value::Null),
        ("DELETE", "/user/apiKey/x".to_owned(), &Value::Null),
    ] {
        assert_eq!(judge(&resolver.with_key(&made.key, method, &path, body)), 403, "{method} {path}");
    }
    for (org, user, status) in [
        (resolver.org(), resolver.admins_number(), 403),
        (resolver.org(), 2_147_483_647, 403),
        (resolver.org() + 1, resolver.admins_number(), 404),
    ] {
        let others = format!("/user/org/{org}/user/{user}");
        assert_eq!(judge(&resolver.with_key(&made.key, "GET", &others, &Value::Null)), status, "{others}");
    }
    let (auditor, _) = resolver.user(&resolver.organization(), "auditor", "auditor@resolver.example");
    let audits = resolver.make(&resolver.admin, u64::from(auditor), false);
    for path in [format!("user/{member}"), format!("user/{auditor}"), made.id.to_string(), "x".to_owned()] {
        let path = format!("/user/apiKey/{path}");
        assert_eq!(judge(&resolver.with_key(&audits.key, "GET", &path, &Value::Null)), 403, "{path}");
    }
}

#[test]
fn another_organizations_key_is_as_unknown_as_none() {
    let resolver = Resolver::new();
    let other = resolver.scene.tenant("other");
    let (user, _) = resolver.user(&other.organization, "admin", "admin@other.example");
    let made = resolver.make(&resolver.chief, u64::from(user), false);
    for id in
        [made.id.to_string(), "2147483647".to_owned(), "-1".to_owned(), "99999999999999999999".to_owned()]
    {
        assert_eq!(resolver.remove(&resolver.admin, &id), 404, "{id}");
        let found =
            resolver.with_session(&resolver.admin, "GET", &format!("/user/apiKey/{id}"), &Value::Null);
        assert_eq!(judge(&found), 404, "{id}");
    }
    for path in [
        format!("/user/apiKey/user/{user}"),
        format!("/user/apiKey/{user}"),
        format!("/user/org/{}/user/{user}", resolver.org()),
    ] {
        let found = resolver.with_session(&resolver.admin, "GET", &path, &Value::Null);
        assert_eq!(judge(&found), 404, "{path}");
    }
    let body = json!({ "orgUserId": user, "name": "theirs" });
    assert_eq!(judge(&resolver.with_session(&resolver.admin, "POST", "/user/apiKey", &body)), 404);
    for wrong in ["x", "1.5", "key_1", "%00"] {
        assert_eq!(resolver.remove(&resolver.admin, wrong), 400, "{wrong}");
    }
    assert_eq!(resolver.me(&made.key).status, 200);
    assert_eq!(resolver.remove(&resolver.chief, &made.id.to_string()), 204);
    assert_eq!(judge(&resolver.me(&made.key)), 401);
}

#[test]
fn a_key_may_remove_itself_whoever_it_belongs_to() {
    let resolver = Resolver::new();
    let organization = resolver.organization();
    let users = ["admin", "member", "auditor"].map(|role| {
        let (user, _) = resolver.user(&organization, role, &format!("{role}@another.example"));
        user
    });
    for user in users {
        let made = resolver.make(&resolver.admin, u64::from(user), false);
        let path = format!("/user/apiKey/{}", made.id);
        assert_eq!(resolver.with_key(&made.key, "DELETE", &path, &Value::Null).status, 204);
        assert_eq!(judge(&resolver.with_key(&made.key, "DELETE", &path, &Value::Null)), 401);
        assert_eq!(resolver.remove(&resolver.admin, &made.id.to_string()), 404);
    }
}

#[test]
fn sessions_of_every_role_are_renewed() {
    let resolver = Resolver::new();
    let organization = resolver.organization();
    for role in ["owner", "admin", "member", "auditor"] {
        let email = format!("{role}@another.example");
        let (_, account) = resolver.user(&organization, role, &email);
        let path = format!("/v1/accounts/{account}/password");
        resolver.scene.ok("PUT", &path, json!({ "password": "correct horse battery staple" }));
        let session = session(&resolver.scene, &email, "correct horse battery staple");
        let renewed = resolver.with_session(&session, "GET", "/user/authenticate", &Value::Null);
        assert_eq!(renewed.status, 200, "{role}: {}", renewed.body);
        let token = text(&renewed.json()["token"]);
        assert_eq!(
            resolver.with_session(&token, "GET", "/user/users/me", &Value::Null).status,
            200,
            "{role}"
        );
    }
}

#[test]
fn only_owners_act_for_owners() {
    let resolver = Resolver::new();
    let (owner, _) = resolver.user(&resolver.organization(), "owner", "owner@resolver.example");
    let body = json!({ "orgUserId": owner, "name": "theirs" });
    assert_eq!(judge(&resolver.with_session(&resolver.admin, "POST", "/user/apiKey", &body)), 403);
    let made = resolver.make(&resolver.chief, u64::from(owner), false);
    assert_eq!(resolver.remove(&resolver.admin, &made.id.to_string()), 403);
    assert_eq!(resolver.me(&made.key).status, 200);
}

#[test]
fn a_key_that_may_acts_as_another_user_and_that_is_written_down() {
    let resolver = Resolver::new();
    let organization = resolver.organization();
    let (member, account) = resolver.user(&organization, "member", "member@resolver.example");
    let made = resolver.make(&resolver.chief, resolver.admins_number(), true);
    let acting = |user: &str, method: &str, path: &str, body: &Value| {
        let headers = format!("x-api-key: {}\r\nimpersonate-user-id: {user}\r\n", made.key);
        resolver.with(&headers, method, path, body)
    };
    let me = acting(&member.to_string(), "GET", "/user/users/me", &Value::Null).json();
    assert_eq!((&me["id"], &me["email"]), (&json!(member), &json!("member@resolver.example")));
    // With the rights of that user, not with its own.
    let path = format!("/user/apiKey/{}", made.id);
    assert_eq!(judge(&acting(&member.to_string(), "DELETE", &path, &Value::Null)), 403);
    assert_eq!(judge(&acting(&member.to_string(), "GET", "/user/authenticate", &Value::Null)), 403);
    assert_eq!(acting(&member.to_string(), "POST", "/creation/import/json", &json!([])).status, 200);
    let log = resolver.scene.log();
    let is_told =
        |line: &str| line.contains("WARN") && line.contains(&format!("] impersonating [{account}]"));
    assert!(log.lines().any(is_told), "{log}");
    let events = resolver.scene.read("/v1/events?limit=500");
    let last = events["data"].as_array().expect("data").last().expect("an event").clone();
    assert_eq!((&last["type"], &last["acting_account_id"]), (&json!("resource.created"), &json!(account)));
    assert!(last["actor_key_id"].is_string());
    // Its own calls are its own.
    assert_eq!(resolver.with_key(&made.key, "POST", "/creation/import/json", &json!([])).status, 200);
    let events = resolver.scene.read("/v1/events?limit=500");
    let last = events["data"].as_array().expect("data").last().expect("an event").clone();
    assert!(last.get("acting_account_id").is_none(), "{last}");
}

#[test]
fn nobody_acts_as_who_is_not_there() {
    let resolver = Resolver::new();
    let organization = resolver.organization();
    let (member, account) = resolver.user(&organization, "member", "member@resolver.example");
    let other = resolver.scene.tenant("other");
    let (stranger, _) = resolver.user(&other.organization, "member", "member@other.example");
    let made = resolver.make(&resolver.chief, resolver.admins_number(), true);
    let acting = |key: &str, user: &str| {
        let headers = format!("x-api-key: {key}\r\nimpersonate-user-id: {user}\r\n");
        resolver.with(&headers, "GET", "/user/users/me", &Value::Null)
    };
    assert_eq!(judge(&acting(&made.key, &stranger.to_string())), 404);
    assert_eq!(judge(&acting(&made.key, "2147483647")), 404);
    assert_eq!(judge(&acting(&made.key, "ann")), 400);
    assert_eq!(acting(&made.key, &member.to_string()).status, 200);
    resolver.scene.ok("PATCH", &format!("/v1/accounts/{account}"), json!({ "suspended": true }));
    assert_eq!(judge(&acting(&made.key, &member.to_string())), 404);
    let plain = resolver.make(&resolver.admin, resolver.admins_number(), false);
    for user in [member.to_string(), "ann".to_owned()] {
        assert_eq!(judge(&acting(&plain.key, &user)), 403, "{user}");
    }
    assert_eq!(judge(&acting("AbCdEfGhIjKlMnOpQrSt.x", "ann")), 401);
}

#[test]
fn only_super_administrators_let_keys_impersonate_in_any_language() {
    let resolver = Resolver::new();
    let user = resolver.admins_number();
    let body = json!({ "orgUserId": user, "name": "nightly", "canImpersonate": true });
    assert_eq!(judge(&resolver.with_session(&resolver.admin, "POST", "/user/apiKey", &body)), 403);
    let plain = resolver.make(&resolver.admin, user, false);
    let native = json!({ "name": "a key", "scopes": ["impersonate"] });
    assert_eq!(resolver.scene.call_as(&plain.key, "POST", "/v1/keys", Some(native.clone())).status, 403);
    assert_eq!(resolver.scene.call("POST", "/v1/keys", Some(native)).status, 201);
}

#[test]
fn every_answer_on_these_paths_is_in_this_language() {
    let resolver = Resolver::new();
    let session = |method: &str, path: &str, headers: &str, body: &[u8]| {
        let headers = format!("Authorization: bearer {}\r\n{headers}", resolver.admin);
        judge(&resolver.scene.request(method, path, &headers, body))
    };
    assert_eq!(session("GET", "/user/nothing", "", b""), 404);
    assert_eq!(session("GET", "/data", "", b""), 404);
    assert_eq!(session("PATCH", "/user/apiKey/7", "", b""), 405);
    assert_eq!(session("POST", "/user/apiKey", "Content-Type: text/plain\r\n", b"{}"), 415);
    assert_eq!(session("POST", "/user/apiKey", "Content-Type: application/json\r\n", b"{"), 400);
    assert_eq!(session("POST", "/data/file/file", "", &vec![0; 2 << 20]), 413);
}
