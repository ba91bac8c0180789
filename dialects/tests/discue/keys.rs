//! Calls on API keys.

use keyward_core::command::{Answer, Command, Issue, Named};
use keyward_core::error::Error;
use keyward_core::event::Reason;
use keyward_core::id::{Id, ResourceId};
use keyward_core::key::{Found, Key, Material, Place, Session, State};
use keyward_core::scope::Scopes;
use keyward_core::secret::{Alphabet, Format, Secret};
use keyward_core::time::Timestamp;
use keyward_core::usage::Usage;
use serde_json::{Value, json};

use super::talk::{KEY, OWN, UNKNOWN, WRITTEN, answer, answer_to, caller, key, nobody};
use crate::samples::{Sent, removed, send, tombstone};

const SECRET: &str = "abcdefghijklmnopqrstuvwxyz0123456789-_ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const PATH: &str = "/v1/api_keys/029Q-PGM1EqkmARzK5BAe";
const BY_NAME: &str = r#"{"discue":{"form":"name","scopes":[]}}"#;

fn post(body: &Value) -> Sent {
    send("POST", "/v1/api_keys").json(&body.to_string())
}

fn put(body: &Value) -> Sent {
    send("PUT", PATH).json(&body.to_string())
}

fn scopes(texts: &[&str]) -> Scopes {
    Scopes::parse(texts.iter().copied()).unwrap_or_else(|error| panic!("{error:?}"))
}

/// A core that holds one key: what it is now, and the commands it was given.
struct Core {
    key: Key,
    issued: Option<Issue>,
    words: Vec<&'static str>,
}

impl Core {
    fn holding(metadata: &str) -> Self {
        let mut key = key(metadata);
        if let Material::Secret(secret) = &mut key.traits.material {
            "abc".clone_into(&mut secret.hint);
        }
        Self { key, issued: None, words: Vec::new() }
    }

    fn metadata(&self) -> Value {
        serde_json::from_str(self.key.traits.metadata.as_str()).unwrap()
    }

    fn execute(&mut self, command: Command) -> Result<Answer, Error> {
        self.words.push(command.verb().word());
        match command {
            Command::Issue(issue) => {
                self.key.traits.name.clone_from(&issue.draft.name);
                self.key.traits.scopes = issue.draft.scopes.clone();
                self.key.traits.metadata = issue.draft.metadata.clone();
                self.issued = Some(*issue);
                let secret = Secret::import(SECRET)?;
                return Ok(Answer::Issued(Box::new(self.key.clone()), secret));
            }
            Command::Find(key) | Command::FindInForce(key) if key.id() == KEY => {
                return Ok(Answer::Found(Box::new(self.key.clone())));
            }
            Command::Find(_) => return Err(Error::NotFound),
            Command::ReadUsage(_) => {
                let last_used_at = Some(Timestamp::from_millis(1900));
                return Ok(Answer::Usage(Box::new(Usage { last_used_at, ..Usage::default() })));
            }
            Command::Update { patch, if_match, .. } => {
                if if_match.is_some_and(|version| version != self.key.head.version) {
                    return Err(Error::Stale);
                }
                let traits = &mut self.key.traits;
                traits.name = patch.name.unwrap_or(traits.name.clone());
                traits.scopes = patch.scopes.unwrap_or(traits.scopes.clone());
                traits.metadata = traits.metadata.merge(&patch.metadata.unwrap_or_default())?;
                self.key.head.version += 1;
            }
            Command::Suspend { remove_at: None, .. } => self.key.head.state = State::Suspended,
            Command::Resume { .. } => self.key.head.state = State::Active,
            Command::Remove(Named::Id(key), ending) => {
                assert!(ending.end_sessions && ending.reason == Reason::Unspecified);
                let is_there = key.id() == KEY && (ending.is_ours)(&caller(&["admin"]), &self.key.head);
                return if is_there { Ok(removed(false)) } else { Err(Error::NotFound) };
            }
            _ => panic!("another command"),
        }
        Ok(Answer::Key(Box::new(self.key.clone())))
    }

    fn answer(&mut self, sent: &Sent) -> (u16, Value) {
        answer(sent, |command| self.execute(command))
    }
}

#[test]
fn creating_in_the_form_of_the_documentation_answers_the_key_alone() {
    let mut core = Core::holding("{}");
    let (status, body) = core.answer(&post(&json!({ "name": "builds" })));
    assert_eq!(status, 200);
    assert_eq!(body, json!({ "api_key": SECRET, "_links": { "self": { "href": PATH } } }));
    let issue = core.issued.take().unwrap();
    assert_eq!(issue.format, Format::Plain { alphabet: Alphabet::UrlSafe, public: 0, private: 64, hint: 3 });
    assert_eq!((issue.draft.name.as_str(), &issue.draft.scopes), ("builds", &scopes(&["admin"])));
    assert!(!issue.recoverable && !issue.protected && issue.account.is_none());
    assert_eq!(core.metadata(), json!({ "discue": { "form": "name", "scopes": [] } }));
    assert_eq!(core.words, ["issue"]);
}

#[test]
fn creating_in_the_form_of_the_provider_answers_the_whole_record() {
    let mut core = Core::holding("{}");
    let given = json!({ "queues": { "access": "write", "targets": [WRITTEN, "nobodys"] } });
    let (status, body) =
        core.answer(&post(&json!({ "alias": "ci.builds", "status": "disabled", "scopes": given })));
    assert_eq!(status, 200);
    let shown = json!({
        "id": WRITTEN, "name": "ci.builds", "alias": "ci.builds", "created_at": 1000, "updated_at": 1500,
        "last_used_at": null, "key": SECRET, "status": "disabled", "scopes": given,
    });
    assert_eq!(body, json!({ "api_key": shown, "_links": { "self": { "href": PATH } } }));
    // The target that is no id of ours is kept, and opens nothing.
    let opened = format!("queues:write/{}", ResourceId::from(KEY));
    assert_eq!(core.key.traits.scopes, scopes(&[opened.as_str()]));
    assert_eq!(core.words, ["issue", "suspend"]);
}

/// The provider's client reads a list there, whatever was written.
#[test]
fn targets_are_a_list_in_the_form_of_the_provider_and_as_given_in_the_other() {
    let by_provider =
        json!({ "alias": "builds", "scopes": { "queues": { "access": "read", "targets": "*" } } });
    let (_, body) = Core::holding("{}").answer(&post(&by_provider));
    let written = json!({ "queues": { "access": "read", "targets": ["*"] } });
    assert_eq!(body["api_key"]["scopes"], written);
    let given = json!([{ "resource": "queues", "access": "read", "targets": "*" }]);
    for (form, shown) in [("alias", &written), ("name", &given)] {
        let mut core = Core::holding(&format!(r#"{{"discue":{{"form":"{form}"}}}}"#));
        assert_eq!(core.answer(&put(&json!({ "scopes": given }))).1["api_key"]["scopes"], *shown, "{form}");
        assert_eq!(core.answer(&send("GET", PATH)).1["api_key"]["scopes"], *shown, "{form}");
    }
}

#[test]
fn a_key_of_the_providers_form_that_is_not_named_has_a_name_that_it_could_be_given() {
    let mut core = Core::holding("{}");
    let (status, body) = core.answer(&post(&json!({ "scopes": {} })));
    assert_eq!((status, &body["api_key"]["alias"]), (200, &json!("api-key")));
    assert_eq!(core.answer(&put(&json!({ "alias": body["api_key"]["alias"] }))).0, 200);
}

#[test]
fn nothing_need_be_given() {
    let bare = send("POST", "/v1/api_keys");
    for sent in [bare, post(&json!({})), post(&json!({ "name": null, "scopes": null, "unknown": 1 }))] {
        let mut core = Core::holding("{}");
        let (status, body) = core.answer(&sent);
        assert_eq!((status, &body["api_key"]), (200, &json!(SECRET)));
        assert_eq!(core.key.traits.name, "API key");
        assert_eq!(core.key.traits.scopes, scopes(&["admin"]));
    }
}

#[test]
fn scopes_open_what_they_name() {
    let many = json!([
        { "resource": "queues", "access": "read", "targets": ["*"] },
        { "resource": "queues", "access": "write", "targets": [WRITTEN] },
        { "resource": "messages", "access": "write", "targets": "*" },
        { "resource": "topics", "access": "read" },
        { "resource": "events", "access": "read" },
        { "resource": "schemas", "access": "write", "targets": [] },
        { "resource": "stats", "access": "read", "targets": ["nobodys"] },
    ]);
    let mut core = Core::holding("{}");
    assert_eq!(core.answer(&post(&json!({ "name": "x", "scopes": many }))).0, 200);
    let part = format!("queues:write/{}", ResourceId::from(KEY));
    assert_eq!(
        core.key.traits.scopes,
        scopes(&["queues:read", part.as_str(), "messages:write", "topics:read", "log:read"])
    );
    let mut kept = many;
    (kept[3]["targets"], kept[4]["targets"]) = (json!(["*"]), json!(["*"]));
    assert_eq!(core.metadata()["discue"]["scopes"], kept);
}

#[test]
fn what_cannot_be_is_a_field_error() {
    let scope = |resource: &str| json!([{ "resource": resource, "access": "read" }]);
    let twice =
        json!([{ "resource": "queues", "access": "read" }, { "resource": "queues", "access": "write" }]);
    for body in [
        json!([]),
        json!("x"),
        json!({ "name": 7 }),
        json!({ "alias": "abc" }),
        json!({ "alias": "with space" }),
        json!({ "alias": "x".repeat(65) }),
        json!({ "status": "removed" }),
        json!({ "status": true }),
        json!({ "scopes": "queues" }),
        json!({ "scopes": [7] }),
        json!({ "scopes": [{ "resource": "queues" }] }),
        json!({ "scopes": [{ "resource": "queues", "access": "own" }] }),
        json!({ "scopes": [{ "resource": "queues", "access": "read", "targets": 7 }] }),
        json!({ "scopes": { "queues": "read" } }),
        json!({ "scopes": { "queues": ["read", ["*"]] } }),
        json!({ "scopes": [["queues", "read", ["*"]]] }),
        json!({ "scopes": scope("api_keys") }),
        json!({ "scopes": scope("api_clients") }),
        json!({ "scopes": scope("subscriptions") }),
        json!({ "scopes": scope("keys") }),
        json!({ "alias": "twice", "scopes": twice }),
    ] {
        for sent in [post(&body), put(&body)] {
            let refused = json!({ "title": "Unprocessable Entity", "status": 422 });
            let mut core = Core::holding(r#"{"discue":{"form":"alias"}}"#);
            assert_eq!(core.answer(&sent), (422, refused), "{} {body}", sent.method);
            assert!(core.words.iter().all(|word| *word == "find"), "{body}");
        }
    }
}

#[test]
fn a_key_is_read_with_its_first_characters_and_its_last_use() {
    let mut core = Core::holding(BY_NAME);
    let shown = json!({
        "id": WRITTEN, "name": "builds", "alias": "builds", "created_at": 1000, "updated_at": 1500,
        "last_used_at": 1900, "key": "abc", "status": "enabled", "scopes": [],
    });
    let one = json!({ "api_key": shown, "_links": { "self": { "href": PATH } } });
    assert_eq!(core.answer(&send("GET", PATH)), (200, one.clone()));
    assert_eq!(core.answer(&send("GET", &PATH.replace("/v1", ""))).1["_links"]["self"]["href"], PATH[3..]);
    core = Core::holding(r#"{"discue":{"form":"alias","scopes":[]}}"#);
    assert_eq!(core.answer(&send("GET", PATH)).1["api_key"]["scopes"], json!({}));
    // What was kept is lost.
    for metadata in ["{}", r#"{"discue":7}"#] {
        let body = Core::holding(metadata).answer(&send("GET", PATH)).1;
        assert_eq!((&body["api_key"]["key"], &body["api_key"]["scopes"]), (&json!("abc"), &json!([])));
    }
}

#[test]
fn pretty_is_indented() {
    let dialect = keyward_dialects::discue::dialect().unwrap_or_else(|error| panic!("{error:?}"));
    let yes = ["pretty", "pretty=true", "pretty=1", "pretty=yes"].map(|query| (query, 4));
    let no = ["false", "False", "FALSE", "no", "No", "off", "OFF", "0"].map(|no| (format!("pretty={no}"), 1));
    let no = no.iter().map(|(query, lines)| (query.as_str(), *lines));
    for (query, lines) in yes.into_iter().chain(no).chain([("x=1", 1)]) {
        let sent = send("GET", &format!("{PATH}?{query}"));
        let body = (dialect.fault)(&Error::NotFound, &sent.request(), "").body;
        assert_eq!(String::from_utf8(body).unwrap().lines().count(), lines, "{query}");
    }
}

#[test]
fn a_list_goes_on_to_its_end_and_leaves_out_what_is_no_key_of_the_organization() {
    let mut pages = vec![(Vec::new(), None), (vec![Found::Live(key(BY_NAME))], Some(Id::from_bits(9)))];
    let mut others = [key("{}"), key("{}")];
    others[0].head.organization = Id::from_bits(77).into();
    others[1].head.session = Some(Session { parent: KEY.into(), idle_seconds: None });
    pages[0].0.extend(others.map(Found::Live));
    pages[0].0.push(Found::Live(key(BY_NAME)));
    let (status, body) = answer(&send("GET", "/v1/api_keys"), |command| match command {
        Command::List { filter, page } => {
            assert_eq!((*filter, page.limit), (keyward_core::filter::Filter::default(), 500));
            assert_eq!(page.after, (pages.len() == 1).then_some(Id::from_bits(9)));
            let (keys, next) = pages.pop().unwrap();
            Ok(Answer::Keys(keys, next))
        }
        Command::ReadUsage(_) => Ok(Answer::Usage(Box::default())),
        _ => panic!(),
    });
    assert_eq!((status, body["api_keys"].as_array().unwrap().len()), (200, 2));
    assert_eq!(body["api_keys"][0]["last_used_at"], Value::Null);
    assert_eq!(body["_links"], json!({ "self": { "href": "/v1/api_keys" } }));
}

#[test]
fn a_change_merges_and_replaces_scopes_whole() {
    let mut core = Core::holding(r#"{"team":"blue","discue":{"form":"name","scopes":[]}}"#);
    let given = json!([{ "resource": "queues", "access": "read", "targets": "*" }]);
    let (status, body) = core.answer(&put(&json!({ "scopes": given })));
    assert_eq!((status, &body["api_key"]["id"], &body["api_key"]["scopes"]), (200, &json!(WRITTEN), &given));
    assert_eq!(
        (core.key.traits.name.as_str(), &core.key.traits.scopes),
        ("builds", &scopes(&["queues:read"]))
    );
    assert_eq!(core.metadata(), json!({ "team": "blue", "discue": { "form": "name", "scopes": given } }));
    let (_, body) = core.answer(&put(&json!({ "name": "other" })));
    assert_eq!((&body["api_key"]["name"], &body["api_key"]["scopes"]), (&json!("other"), &given));
    // The key keeps its form, whatever the change is written in.
    let (_, body) =
        core.answer(&put(&json!({ "alias": "other", "scopes": { "topics": { "access": "write" } } })));
    assert_eq!(
        body["api_key"]["scopes"],
        json!([{ "resource": "topics", "access": "write", "targets": ["*"] }])
    );
}

/// Sent back as it was read, it made of a key that may read queues one that may do everything.
#[test]
fn what_a_key_may_is_shown_whoever_said_it_and_sent_back_changes_nothing() {
    let part = format!("queues:write/{}", ResourceId::from(KEY));
    let grant = |resource: &str, access: &str, target: &str| json!({ "resource": resource, "access": access, "targets": [target] });
    let nothing = json!({ "resource": "queues", "access": "read", "targets": [] });
    for (given, shown) in [
        (vec!["queues:read"], json!([grant("queues", "read", "*")])),
        (
            vec!["log:read", "queues:read", part.as_str(), "orders:read"],
            json!([
                grant("events", "read", "*"),
                grant("queues", "read", "*"),
                grant("queues", "write", WRITTEN)
            ]),
        ),
        (
            vec!["keys:read", "keys:remove"],
            json!([grant("api_keys", "read", "*"), grant("api_keys", "write", "*")]),
        ),
        (vec!["accounts:write"], json!([grant("api_clients", "write", "*")])),
        (vec![], json!([nothing])),
        (vec!["orders:read", "events:read", "queues:own", "queues:read/7"], json!([nothing])),
        (vec!["admin", "queues:read"], json!([])),
    ] {
        // Made elsewhere, and made here and limited elsewhere since.
        for metadata in ["{}", BY_NAME] {
            let mut core = Core::holding(metadata);
            core.key.traits.name = "builds & more".to_owned();
            core.key.traits.scopes = scopes(&given);
            let read = core.answer(&send("GET", PATH)).1["api_key"].clone();
            assert_eq!(read["scopes"], shown, "{given:?}");
            core.words.clear();
            assert_eq!(core.answer(&put(&read)).1["api_key"], read);
            assert_eq!(core.words, ["find", "find", "find"], "{given:?}");
            if shown != json!([]) {
                let widened = core.answer(&put(&json!({ "scopes": [] })));
                assert_eq!((widened.0, &core.key.traits.scopes), (422, &scopes(&given)), "{given:?}");
            }
            let narrowed = json!([grant("topics", "read", "*")]);
            assert_eq!(core.answer(&put(&json!({ "scopes": narrowed }))).1["api_key"]["scopes"], narrowed);
            assert_eq!(core.key.traits.scopes, scopes(&["topics:read"]));
            // That was said here, so here it may be taken back.
            assert_eq!(core.answer(&put(&json!({ "scopes": [] }))).0, 200);
            assert_eq!(core.key.traits.scopes, scopes(&["admin"]));
        }
    }
    let mut core = Core::holding(r#"{"discue":{"form":"alias","scopes":[]}}"#);
    core.key.traits.scopes = scopes(&["queues:read"]);
    let shown = json!({ "queues": { "access": "read", "targets": ["*"] } });
    assert_eq!(core.answer(&send("GET", PATH)).1["api_key"]["scopes"], shown);
}

#[test]
fn a_status_is_a_state() {
    let mut core = Core::holding(BY_NAME);
    for (status, words) in [
        ("disabled", vec!["find", "suspend", "find"]),
        // What is so already may not be in force yet: that is waited for.
        ("disabled", vec!["find", "find", "find"]),
        ("enabled", vec!["find", "resume", "find"]),
        ("enabled", vec!["find", "find", "find"]),
    ] {
        core.words.clear();
        let (_, body) = core.answer(&put(&json!({ "status": status })));
        assert_eq!((&body["api_key"]["status"], &core.words), (&json!(status), &words));
    }
}

#[test]
fn an_update_that_lost_a_race_is_a_conflict() {
    let mut core = Core::holding(BY_NAME);
    let (status, body) = answer(&put(&json!({ "name": "mine", "status": "disabled" })), |command| {
        if matches!(command, Command::Update { .. }) {
            core.key.head.version += 1;
        }
        core.execute(command)
    });
    assert_eq!((status, body), (409, json!({ "title": "Conflict", "status": 409 })));
    assert_eq!(core.words, ["find", "update"]);
}

#[test]
fn a_removal_answers_a_link_and_a_body_is_ignored() {
    for sent in [send("DELETE", PATH), send("DELETE", PATH).json("{nonsense")] {
        let mut core = Core::holding(BY_NAME);
        assert_eq!(core.answer(&sent), (200, json!({ "_links": { "self": { "href": PATH } } })));
        assert_eq!(core.words, ["remove"]);
    }
}

#[test]
fn what_is_gone_or_another_organizations_or_was_never_there_is_unknown() {
    let unknown = (404, json!({ "title": "Not Found", "status": 404 }));
    let strangers = || {
        let mut core = Core::holding(BY_NAME);
        core.key.head.organization = Id::from_bits(77).into();
        core
    };
    let password = || {
        let mut core = Core::holding(BY_NAME);
        core.key.head.place = Place::Nowhere;
        core
    };
    for (method, body) in [("GET", ""), ("PUT", "{}"), ("DELETE", "")] {
        let sent = send(method, PATH).json(body);
        assert_eq!(answer(&sent, |_| Err(Error::Gone(Box::new(tombstone())))), unknown, "{method}");
        assert_eq!(answer(&sent, |_| Err(Error::NotFound)), unknown, "{method}");
        assert_eq!(strangers().answer(&sent), unknown, "{method}");
        assert_eq!(password().answer(&sent), unknown, "{method}");
        let never = send(method, &format!("/v1/api_keys/{UNKNOWN}")).json(body);
        assert_eq!(Core::holding(BY_NAME).answer(&never), unknown, "{method}");
        let malformed = send(method, "/v1/api_keys/7").json(body);
        assert_eq!(answer(&malformed, nobody), (400, json!({ "title": "Bad Request", "status": 400 })));
    }
}

#[test]
fn what_was_removed_before_is_unknown() {
    assert_eq!(answer(&send("DELETE", PATH), |_| Ok(removed(true))).0, 404);
}

#[test]
fn a_scoped_key_manages_no_keys() {
    let scoped = caller(&["queues:write"]);
    let other = format!("/v1/api_keys/{UNKNOWN}");
    for (method, path) in [
        ("GET", "/v1/api_keys"),
        ("POST", "/v1/api_keys"),
        ("GET", PATH),
        ("PUT", PATH),
        ("DELETE", other.as_str()),
        // A stranger to a call learns nothing of what is wrong with it.
        ("DELETE", "/v1/api_keys/7"),
        ("POST", "/v1/api_clients"),
        ("GET", "/v1/events"),
    ] {
        let sent = send(method, path).header("x-api-key", "x");
        let refused = json!({ "title": "Forbidden", "status": 403 });
        assert_eq!(answer_to(&scoped, &sent, nobody), (403, refused), "{method} {path}");
    }
}

#[test]
fn a_key_that_ends_itself_is_asked_nothing_more() {
    let path = "/v1/api_keys/029Q-PGM1EqkmARzK5BAf";
    let mut done = Vec::new();
    let (status, _) = answer(&send("DELETE", path), |command| {
        let Command::Remove(Named::Id(key), _) = command else { panic!() };
        done.push(key.id());
        Ok(removed(false))
    });
    assert_eq!((status, done), (200, vec![OWN]));
}
