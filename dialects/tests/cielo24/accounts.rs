//! Names, children, passwords.

use keyward_core::account::Role;
use keyward_core::command::{Answer, Command};
use keyward_core::error::Error;
use keyward_core::id::Id;
use serde_json::{Value, json};

use super::scene::{own, talk};
use crate::samples::{Sent, key, send};

fn account(id: u128, name: &str) -> Result<Answer, Error> {
    let account =
        keyward_core::account::Account { id: Id::from_bits(id).into(), name: name.to_owned(), ..own() };
    Ok(Answer::Account(Box::new(account)))
}

fn form(path: &str, body: &str) -> Sent {
    Sent { body: body.as_bytes().to_vec(), ..send("POST", path) }
}

fn changed() -> Result<Answer, Error> {
    Ok(Answer::Key(Box::new(key())))
}

#[test]
fn a_session_knows_whose_it_is() {
    let talk = talk(&send("GET", "/api/account/verify_key?v=1"), vec![account(3, "api_test")]);
    assert_eq!(talk.said(), (200, json!({ "name": "api_test" })));
    assert!(matches!(&talk.commands[..], [Command::FindAccount(id)] if *id == own().id));
}

#[test]
fn a_password_is_set_under_the_accounts_name() {
    let path = "/api/account/update_password";
    let heard = talk(&form(path, "v=1&new_password=p%26w"), vec![changed()]);
    assert_eq!(heard.said(), (204, Value::Null));
    let [Command::SetPassword { account: of, login: None, password }] = &heard.commands[..] else {
        panic!("a password")
    };
    assert_eq!((*of, password.as_str()), (Some(own().id), "p&w"));
    let heard =
        talk(&form(path, "v=1&new_password=pw&username=child"), vec![account(33, "child"), changed()]);
    let [.., Command::SetPassword { account: of, login: None, .. }] = &heard.commands[..] else {
        panic!("a password")
    };
    assert_eq!(*of, Some(Id::from_bits(33).into()));
    assert_eq!(talk(&form(path, "v=1"), vec![]).refused(), "MISSING_PARAMETER");
    let long = format!("v=1&new_password={}", "x".repeat(513));
    assert_eq!(talk(&form(path, &long), vec![]).refused(), "INVALID_OPTION");
}

#[test]
fn a_child_is_created_with_its_password() {
    let body = "v=1&new_username=child&new_password=pw&sub_account=true&first_name=A&last_name=B&email=a%40b";
    let heard = talk(&form("/api/account/create", body), vec![account(33, "child"), changed()]);
    assert_eq!(heard.said(), (204, Value::Null));
    let [Command::CreateAccount(new), Command::SetPassword { account: of, login: None, .. }] =
        &heard.commands[..]
    else {
        panic!("an account and its password")
    };
    assert_eq!((new.parent, new.name.as_str(), new.role), (Some(own().id), "child", Role::Member));
    assert_eq!(*of, Some(Id::from_bits(33).into()));
    let body = "v=1&new_username=child&new_password=pw&parent_account=other";
    let heard =
        talk(&form("/api/account/create", body), vec![account(44, "other"), account(33, "child"), changed()]);
    let [_, Command::CreateAccount(new), _] = &heard.commands[..] else { panic!("an account") };
    assert_eq!(new.parent, Some(Id::from_bits(44).into()));
}

#[test]
fn an_account_that_nobody_could_sign_in_to_is_taken_back() {
    let sent = form("/api/account/create", "v=1&new_username=child&new_password=pw");
    let taken = talk(&sent, vec![Err(Error::Taken { what: "name" })]);
    assert_eq!((taken.refused().as_str(), taken.commands.len()), ("ACCOUNT_EXISTS", 1));
    let gone = Ok(Answer::AccountRemoved(Id::from_bits(33).into()));
    let answers = vec![account(33, "child"), Err(Error::Taken { what: "login" }), gone];
    let taken = talk(&sent, answers);
    assert_eq!(taken.refused(), "ACCOUNT_EXISTS");
    assert!(
        matches!(&taken.commands[2], Command::RemoveAccount { account, .. } if account.id() == Id::from_bits(33))
    );
}

#[test]
fn a_name_must_be_one_to_sign_in_with() {
    for (body, refused) in [
        ("v=1&new_password=pw", "MISSING_PARAMETER"),
        ("v=1&new_username=child", "MISSING_PARAMETER"),
        ("v=1&new_username=abc&new_password=pw", "INVALID_OPTION"),
        ("v=1&new_username=a+child&new_password=pw", "INVALID_OPTION"),
    ] {
        assert_eq!(talk(&form("/api/account/create", body), vec![]).refused(), refused, "{body}");
    }
}
