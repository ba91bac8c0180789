//! Who is asking, and who belongs where.

use keyward_core::account::{Account, Role, Standing};
use keyward_core::command::{Answer, Command};
use keyward_core::error::Error;
use keyward_core::store::RecordKind;
use serde_json::json;

use super::scene::{caller, found_user, talk, talk_as, user};
use crate::samples::{organization, send};

#[test]
fn whoever_asks_learns_who_and_where_they_are() {
    let own = Ok(Answer::Organization(Box::new(organization())));
    let talk = talk_as(&caller(Role::Member, false), &send("GET", "/user/users/me"), vec![found_user(), own]);
    let said = json!({ "id": 3, "email": "ann@resolver.example", "currentOrg": { "id": 2, "name": "acme" } });
    assert_eq!(talk.said(), (200, said));
    let [Command::FindAccount(account), Command::FindOrganization(organization)] = &talk.commands[..] else {
        panic!("two commands")
    };
    assert_eq!((account.id().number(), organization.id().number()), (3, 2));
}

#[test]
fn a_membership_tells_the_number_that_keys_are_made_for() {
    let talk = talk(&send("GET", "/user/org/2/user/3"), vec![found_user()]);
    let said = json!({
        "orgUserId": 3, "orgId": 2, "userId": 3, "email": "ann@resolver.example",
        "isActive": true, "isAdmin": false,
    });
    assert_eq!(talk.said(), (200, said));
    let [Command::FindNumbered { kind: RecordKind::Account, number: 3 }] = talk.commands[..] else {
        panic!("one command")
    };
}

#[test]
fn administrators_and_the_stopped_are_told_apart() {
    for (role, is_admin) in
        [(Role::Owner, true), (Role::Admin, true), (Role::Member, false), (Role::Auditor, false)]
    {
        let stopped = Account { role, standing: Standing::Suspended, ..user() };
        let answer = Ok(Answer::Account(Box::new(stopped)));
        let said = talk(&send("GET", "/user/org/2/user/3"), vec![answer]).said().1;
        assert_eq!((&said["isAdmin"], &said["isActive"]), (&json!(is_admin), &json!(false)));
    }
}

#[test]
fn who_is_elsewhere_is_as_unknown_as_nobody() {
    let elsewhere = talk(&send("GET", "/user/org/9/user/3"), vec![found_user()]);
    let nobody = talk(&send("GET", "/user/org/2/user/4"), vec![Err(Error::NotFound)]);
    assert_eq!(elsewhere.said(), nobody.said());
    assert_eq!(nobody.status(), 404);
}

/// Whether there is such a user or not: that is for administrators.
#[test]
fn members_are_told_that_others_are_not_for_them_to_ask() {
    let member = |path: &str, found| talk_as(&caller(Role::Member, false), &send("GET", path), vec![found]);
    assert_eq!(member("/user/org/2/user/3", found_user()).status(), 200);
    assert_eq!(member("/user/org/2/user/4", Err(Error::NotFound)).status(), 403);
    assert_eq!(member("/user/org/9/user/4", Err(Error::NotFound)).status(), 404);
    for role in [Role::Admin, Role::Auditor] {
        let sent = send("GET", "/user/org/2/user/4");
        assert_eq!(
            talk_as(&caller(role, false), &sent, vec![Err(Error::NotFound)]).status(),
            404,
            "{role:?}"
        );
    }
}

#[test]
fn what_is_no_integer_is_400() {
    for path in ["/user/org/x/user/3", "/user/org/2/user/x", "/user/org/2/user/3.5", "/user/org/%20/user/3"] {
        assert_eq!(talk(&send("GET", path), vec![]).status(), 400, "{path}");
    }
}
