//! Calls on API clients.

use keyward_core::command::{Answer, Command};
use keyward_core::error::Error;
use serde_json::json;

use super::talk::{ORGANIZATION, UNKNOWN, answer, caller, nobody, organization, respond};
use crate::samples::send;

#[test]
fn the_client_is_the_callers_organization() {
    let path = format!("/v1/api_clients/{ORGANIZATION}");
    let shown = json!({ "id": ORGANIZATION, "name": "acme", "alias": "acme", "created_at": 1000 });
    let one = json!({ "api_client": shown, "_links": { "self": { "href": path } } });
    for (sent, word) in [
        (send("GET", &path), "read_organizations"),
        (send("PUT", &path).json(r#"{"name":"other"}"#), "update_organization"),
        (send("POST", "/v1/api_clients").json(r#"{"alias":"other"}"#), "update_organization"),
        (send("POST", "/v1/api_clients"), "read_organizations"),
        // What was read, sent back.
        (send("PUT", &path).json(&shown.to_string()), "read_organizations"),
    ] {
        let mut last = "";
        let answered = answer(&sent, |command| {
            last = command.verb().word();
            match command {
                Command::FindOrganization(id) => assert_eq!(id, organization().id),
                Command::UpdateOrganization { organization: id, patch, if_match } => {
                    assert_eq!(
                        (id, patch.name.as_deref(), patch.suspended, if_match),
                        (organization().id, Some("other"), None, Some(organization().version))
                    );
                }
                _ => panic!(),
            }
            Ok(Answer::Organization(Box::new(organization())))
        });
        assert_eq!((answered, last), ((200, one.clone()), word));
    }
    let (status, list) =
        answer(&send("GET", "/v1/api_clients"), |_| Ok(Answer::Organization(Box::new(organization()))));
    assert_eq!((status, &list["api_clients"]), (200, &json!([shown])));
}

#[test]
fn no_other_client_is_known() {
    for (method, body) in [("GET", ""), ("PUT", r#"{"name":"x"}"#)] {
        for (id, status) in [(UNKNOWN, 404), ("7", 400)] {
            let sent = send(method, &format!("/v1/api_clients/{id}")).json(body);
            assert_eq!(respond(&caller(&["admin"]), &sent, nobody).status.as_u16(), status, "{method} {id}");
        }
    }
}

#[test]
fn a_name_that_is_in_use_is_a_field_error_and_a_lost_race_a_conflict() {
    let put = send("PUT", &format!("/v1/api_clients/{ORGANIZATION}")).json(r#"{"alias":"other"}"#);
    for (error, status) in [(Error::Taken { what: "name" }, 422), (Error::Stale, 409)] {
        let answered = answer(&put, |command| match command {
            Command::FindOrganization(_) => Ok(Answer::Organization(Box::new(organization()))),
            _ => Err(error.clone()),
        });
        assert_eq!(answered.0, status);
    }
}
