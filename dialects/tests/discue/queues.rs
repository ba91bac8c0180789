//! Queues and their messages.

use keyward_core::command::{Answer, Command};
use keyward_core::error::Error;
use keyward_core::id::Id;
use keyward_core::resource::Resource;
use keyward_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::talk::{KEY, WRITTEN, answer, answer_to, caller, nobody, organization};
use crate::samples::send;

const PATH: &str = "/v1/queues/029Q-PGM1EqkmARzK5BAe";

fn resource(collection: &str, content: Map<String, Value>) -> Resource {
    Resource {
        id: KEY.into(),
        organization: organization().id,
        account: Id::from_bits(3).into(),
        collection: collection.to_owned(),
        parent: None,
        name: Some("orders".to_owned()),
        content,
        created_at: Timestamp::from_millis(1000),
        updated_at: Timestamp::from_millis(1500),
        removed_at: None,
        salt: [5; 16],
        version: 1,
        names: Vec::new(),
    }
}

fn gone() -> Answer {
    Answer::ResourceRemoved(Box::new(resource("queues", Map::new())), false)
}

fn queue() -> Answer {
    Answer::Resource(Box::new(resource("queues", Map::new())))
}

fn shown() -> Value {
    json!({ "id": WRITTEN, "name": "orders", "alias": "orders", "created_at": 1000, "updated_at": 1500 })
}

#[test]
fn a_queue_is_made_read_changed_and_ended() {
    let one = json!({ "queue": shown(), "_links": { "self": { "href": PATH } } });
    for (method, path, body, words) in [
        ("POST", "/v1/queues", r#"{"name":"orders"}"#, vec!["create"]),
        ("GET", PATH, "", vec!["find"]),
        ("PUT", PATH, r#"{"alias":"others"}"#, vec!["find", "update"]),
        // What was read, sent back.
        ("PUT", PATH, &shown().to_string(), vec!["find"]),
    ] {
        let mut done = Vec::new();
        let answered = answer(&send(method, path).json(body), |command| {
            done.push(match command {
                Command::CreateResource(new) => {
                    assert_eq!(
                        (new.collection, new.parent, new.name.as_deref()),
                        ("queues", None, Some("orders"))
                    );
                    "create"
                }
                Command::FindResource { collection: "queues", resource } if resource.id() == KEY => "find",
                Command::UpdateResource { collection: "queues", patch, if_match, .. } => {
                    assert_eq!((patch.name.as_deref(), if_match), (Some("others"), Some(1)));
                    "update"
                }
                _ => panic!(),
            });
            Ok(queue())
        });
        assert_eq!((answered, done), ((200, one.clone()), words), "{method}");
    }
    let mut is_removed = false;
    let answered = answer(&send("DELETE", PATH), |command| {
        is_removed = matches!(command, Command::RemoveResource { collection: "queues", resource, .. } if resource.id() == KEY);
        Ok(if is_removed { gone() } else { queue() })
    });
    assert_eq!((answered, is_removed), ((200, json!({ "_links": { "self": { "href": PATH } } })), true));
}

#[test]
fn a_list_goes_on_to_its_end() {
    let mut pages = vec![None, Some(Id::from_bits(9))];
    let (status, body) = answer(&send("GET", "/v1/queues"), |command| {
        let Command::ListResources { collection: "queues", parent: None, page, .. } = command else {
            panic!()
        };
        assert_eq!(page.after, (pages.len() == 1).then_some(Id::from_bits(9)));
        Ok(Answer::Resources(vec![resource("queues", Map::new())], pages.pop().unwrap()))
    });
    assert_eq!(
        (status, body),
        (200, json!({ "queues": [shown(), shown()], "_links": { "self": { "href": "/v1/queues" } } }))
    );
}

#[test]
fn a_message_belongs_to_a_queue() {
    let path = format!("{PATH}/messages");
    let content = json!({ "name": null, "data": "hello" });
    let message = resource("messages", content.as_object().unwrap().clone());
    let shown = json!({ "id": WRITTEN, "name": null, "data": "hello", "created_at": 1000 });
    let sent = send("POST", &path).json(r#"{"data":"hello"}"#);
    let (status, body) = answer(&sent, |command| match command {
        Command::FindResource { collection: "queues", .. } => Ok(queue()),
        Command::CreateResource(new) => {
            assert_eq!((new.collection, new.parent.unwrap().id(), new.name), ("messages", KEY, None));
            assert_eq!(Value::Object(new.content), content);
            Ok(Answer::Resource(Box::new(message.clone())))
        }
        _ => panic!(),
    });
    assert_eq!((status, &body["message"]), (200, &shown));
    let (status, body) = answer(&send("GET", &path), |command| match command {
        Command::FindResource { collection: "queues", .. } => Ok(queue()),
        Command::ListResources { collection: "messages", parent, .. } => {
            assert_eq!(parent.unwrap().id(), KEY);
            Ok(Answer::Resources(vec![message.clone()], None))
        }
        _ => panic!(),
    });
    assert_eq!((status, body), (200, json!({ "messages": [shown], "_links": { "self": { "href": path } } })));
}

#[test]
fn a_message_has_data() {
    let path = format!("{PATH}/messages");
    for body in
        [json!({}), json!({ "data": null }), json!({ "data": 7 }), json!({ "data": "x".repeat(32_769) })]
    {
        assert_eq!(answer(&send("POST", &path).json(&body.to_string()), nobody).0, 422, "{body}");
    }
}

#[test]
fn whether_a_key_opens_it_is_judged_first() {
    let id = keyward_core::id::ResourceId::from(KEY);
    let (all, one) =
        (caller(&["queues:read"]), [format!("queues:write/{id}"), format!("messages:read/{id}")]);
    let one = caller(&[one[0].as_str(), one[1].as_str()]);
    let other = PATH.replace("Ae", "Ad");
    let messages = format!("{PATH}/messages");
    for (caller, method, path, status) in [
        (&all, "GET", "/v1/queues", 404),
        (&all, "GET", PATH, 404),
        (&all, "PUT", PATH, 403),
        (&all, "GET", "/v1/queues/7", 400),
        (&all, "GET", messages.as_str(), 403),
        (&one, "GET", "/v1/queues", 403),
        (&one, "POST", "/v1/queues", 403),
        (&one, "PUT", PATH, 404),
        (&one, "GET", PATH, 404),
        (&one, "GET", other.as_str(), 403),
        // Neither of what is wrong with the id, nor with the body.
        (&one, "GET", "/v1/queues/7", 403),
        (&one, "PUT", other.as_str(), 403),
        (&one, "GET", messages.as_str(), 404),
        (&one, "POST", messages.as_str(), 403),
    ] {
        let body = if status == 403 { "{nonsense" } else { "{}" };
        let answered = answer_to(caller, &send(method, path).json(body), |_| Err(Error::NotFound));
        assert_eq!(answered.0, status, "{method} {path}");
    }
}

#[test]
fn messages_can_be_opened_without_their_queue() {
    let reader = caller(&["messages:read"]);
    let (status, _) =
        answer_to(&reader, &send("GET", &format!("{PATH}/messages")), |command| match command {
            Command::FindResource { .. } => Err(Error::Forbidden),
            Command::ListResources { .. } => Ok(Answer::Resources(Vec::new(), None)),
            _ => panic!(),
        });
    assert_eq!(status, 200);
}

#[test]
fn an_update_that_lost_a_race_is_a_conflict() {
    let answered = answer(&send("PUT", PATH).json(r#"{"name":"others"}"#), |command| match command {
        Command::UpdateResource { .. } => Err(Error::Stale),
        _ => Ok(queue()),
    });
    assert_eq!(answered, (409, json!({ "title": "Conflict", "status": 409 })));
}

#[test]
fn another_organizations_queue_is_unknown() {
    for (method, path, body) in [
        ("GET", PATH, ""),
        ("PUT", PATH, "{}"),
        ("DELETE", PATH, ""),
        ("POST", &format!("{PATH}/messages"), r#"{"data":"x"}"#),
    ] {
        let answered = answer(&send(method, path).json(body), |command| {
            assert!(matches!(command, Command::FindResource { .. }));
            let mut queue = resource("queues", Map::new());
            queue.organization = Id::from_bits(77).into();
            Ok(Answer::Resource(Box::new(queue)))
        });
        assert_eq!(answered, (404, json!({ "title": "Not Found", "status": 404 })), "{method} {path}");
    }
}

#[test]
fn a_name_that_is_in_use_is_a_field_error() {
    let sent = send("POST", "/v1/queues").json(r#"{"name":"orders"}"#);
    assert_eq!(answer(&sent, |_| Err(Error::Taken { what: "name" })).0, 422);
}
