//! Accounts and organizations.

use keyward_core::account::Role;
use keyward_core::command::{Answer, Command, Done, KeyPolicy};
use serde_json::json;

use crate::samples::{ACCOUNT, ORGANIZATION, account, json, organization, send};

#[test]
fn an_account_is_created_with_a_role() {
    let body = format!(r#"{{"name":"builds","role":"auditor","organization_id":"{ORGANIZATION}"}}"#);
    let Command::CreateAccount(new) = send("POST", "/v1/accounts").json(&body).command() else { panic!() };
    assert_eq!((new.name.as_str(), new.role), ("builds", Role::Auditor));
    let (field, must) = send("POST", "/v1/accounts").json(r#"{"name":"x","role":"root"}"#).invalid();
    assert_eq!((field.as_str(), must.as_str()), ("role", "one of `owner`, `admin`, `member`, `auditor`"));
}

#[test]
fn removing_an_account_names_what_becomes_of_its_keys() {
    let remove = |query: &str| send("DELETE", &format!("/v1/accounts/{ACCOUNT}?{query}"));
    let policy = |query: &str| {
        let Command::RemoveAccount { policy, .. } = remove(query).command() else { panic!() };
        policy
    };
    assert_eq!(policy("policy=remove_keys"), KeyPolicy::Remove);
    assert_eq!(policy("policy=refuse"), KeyPolicy::Refuse);
    let heir = format!("policy=transfer_to&transfer_to={ACCOUNT}");
    assert!(matches!(policy(&heir), KeyPolicy::Transfer(id) if id.to_string() == ACCOUNT));
    assert_eq!(remove("").invalid(), ("policy".to_owned(), "given".to_owned()));
    assert_eq!(remove("policy=transfer_to").invalid().0, "transfer_to");
    assert_eq!(remove(&format!("policy=refuse&transfer_to={ACCOUNT}")).invalid().0, "transfer_to");
}

#[test]
fn an_account_is_new_to_whoever_posted_it() {
    let answer = Done::from(Answer::Account(Box::new(account())));
    let created = send("POST", "/v1/accounts").answered(&answer);
    assert_eq!((created.status.as_u16(), created.headers["etag"].to_str().unwrap()), (201, "\"4\""));
    assert_eq!(created.headers["location"], format!("/v1/accounts/{ACCOUNT}"));
    let read = send("GET", &format!("/v1/accounts/{ACCOUNT}")).answered(&answer);
    assert_eq!(read.status.as_u16(), 200);
    assert_eq!(
        json(&read),
        json!({
            "id": ACCOUNT, "organization_id": ORGANIZATION, "parent_id": null, "name": "builds", "role": "member",
            "state": "suspended", "created_at": "1970-01-01T00:00:01.000Z", "version": 4,
        })
    );
}

#[test]
fn an_organization_is_shown_and_listed() {
    let page = Done::from(Answer::Organizations(vec![organization()], None));
    let read = json(&send("GET", "/v1/organizations").answered(&page));
    assert_eq!(
        read["data"][0],
        json!({
            "id": ORGANIZATION, "name": "acme", "operator": false, "state": "active",
            "created_at": "1970-01-01T00:00:01.000Z", "version": 1,
        })
    );
    let sent = send("PATCH", &format!("/v1/organizations/{ORGANIZATION}")).json(r#"{"suspended":true}"#);
    let Command::UpdateOrganization { patch, .. } = sent.command() else { panic!() };
    assert_eq!((patch.suspended, patch.name), (Some(true), None));
}

#[test]
fn what_is_removed_leaves_nothing_to_say() {
    let gone = Done::from(Answer::AccountRemoved(account().id));
    let response = send("DELETE", &format!("/v1/accounts/{ACCOUNT}")).answered(&gone);
    assert_eq!((response.status.as_u16(), response.body.len()), (204, 0));
}
