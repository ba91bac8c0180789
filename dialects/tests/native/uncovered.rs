//! Answers to what takes a right away while a verifier may go on as if nothing had been taken.

use keyward_core::command::{Answer, Done};
use keyward_core::error::Error;
use keyward_core::permit::Verb;
use keyward_core::secret::Secret;
use keyward_dialects::{Response, native, openapi, settled};
use serde_json::{Value, json};

use crate::samples::{KEY, account, dialect, json, key, organization, removed, send, tombstone};

/// What a call of this verb may take away from keys is told with its answer; `None` where it takes nothing.
fn reduction(verb: Verb) -> Option<Answer> {
    let secret = || Secret::import("kw_live_0123456789").unwrap_or_else(|error| panic!("{error:?}"));
    match verb {
        // Of some scopes an account has one key at a time: the new one ends the one before.
        Verb::Issue | Verb::Rotate => Some(Answer::Issued(Box::new(key()), secret())),
        Verb::Update | Verb::Suspend => Some(Answer::Key(Box::new(key()))),
        Verb::Remove => Some(removed(false)),
        Verb::UpdateAccount => Some(Answer::Account(Box::new(account()))),
        Verb::RemoveAccount => Some(Answer::AccountRemoved(account().id)),
        Verb::UpdateOrganization => Some(Answer::Organization(Box::new(organization()))),
        Verb::RemoveOrganization => Some(Answer::OrganizationRemoved(organization().id)),
        // Each line says it for itself.
        Verb::Import
        | Verb::Derive
        | Verb::Find
        | Verb::List
        | Verb::Resume
        | Verb::Verify
        | Verb::Exercise
        | Verb::ReadAccounts
        | Verb::CreateAccount
        | Verb::ReadOrganizations
        | Verb::CreateOrganization
        | Verb::Reroot
        | Verb::BackUp
        | Verb::ReadLog
        | Verb::ReadResources
        | Verb::WriteResources
        | Verb::JoinVerifiers
        | Verb::ReadVerifiers => None,
    }
}

/// A schema, wherever it stands.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(path) => document.pointer(path.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

#[test]
fn every_call_that_may_take_something_away_says_202_and_who_and_is_documented_so() {
    let (dialect, uncovered) = (dialect(), vec!["gateway".to_owned()]);
    let document = openapi::document(&dialect, &native::OPERATIONS, native::PROBLEM, "1.2.3");
    let mut told = 0;
    for route in dialect.routes {
        // Where it is asked as a standard has it, see below; a removal of many keys goes on after its answer.
        let (is_standard, is_many) = (route.path == "/v1/revoke", route.path == "/v1/removals");
        let answer = match route.path {
            // It takes what making a key takes, and shows none.
            "/v1/accounts/{id}/password" => reduction(Verb::Update),
            _ => route.verb.and_then(reduction).filter(|_| !is_standard && !is_many),
        };
        let path = &document["paths"][route.path.replace("{*", "{")];
        let accepted = &path[route.method.to_ascii_lowercase()]["responses"]["202"];
        let Some(answer) = answer else {
            assert_eq!(accepted.is_object(), is_many, "{} {}", route.method, route.path);
            continue;
        };
        let done = Done { answer, uncovered: uncovered.clone() };
        let said = (route.render)(&done, &send(route.method, route.path).request());
        assert_eq!(said.status.as_u16(), 202, "{} {}", route.method, route.path);
        assert_eq!(json(&said)["uncovered"], json!(["gateway"]), "{} {}", route.method, route.path);
        let schema = resolved(&document, &accepted["content"]["application/json"]["schema"]);
        let declares = schema["properties"]["uncovered"].is_object();
        assert!(declares, "{} {}: {schema}", route.method, route.path);
        let declared = schema["properties"].as_object().unwrap();
        let body = json(&said);
        let undeclared = body.as_object().unwrap().keys().find(|member| !declared.contains_key(*member));
        assert_eq!(undeclared, None, "{} {}", route.method, route.path);
        told += 1;
    }
    assert_eq!(told, 10);
}

#[test]
fn nothing_else_of_an_answer_changes() {
    let both = |method: &str, path: &str, answer: fn() -> Answer| {
        let sent = send(method, path);
        let plain = sent.answered(&answer().into());
        let done = Done { answer: answer(), uncovered: vec!["gateway".to_owned()] };
        (plain, sent.answered(&done))
    };
    let patch = format!("/v1/keys/{KEY}");
    let (plain, told) = both("PATCH", &patch, || Answer::Key(Box::new(key())));
    assert_eq!(plain.headers, told.headers);
    let mut body = json(&told);
    assert_eq!(body.as_object_mut().unwrap().remove("uncovered"), Some(json!(["gateway"])));
    assert_eq!(body, json(&plain));

    let (plain, told) = both("DELETE", "/v1/accounts/x", || Answer::AccountRemoved(account().id));
    assert_eq!((plain.status.as_u16(), plain.body.len()), (204, 0));
    assert_eq!(plain.headers["keyward-receipt"], told.headers["keyward-receipt"]);
    assert_eq!(json(&told), json!({ "uncovered": ["gateway"] }));
}

#[test]
fn who_has_no_words_for_it_is_told_not_now_and_never_that_it_is_over() {
    let ok = || Response { status: http::StatusCode::OK, headers: http::HeaderMap::new(), body: Vec::new() };
    let said = |said: Result<Response, Error>, uncovered: &[&str]| {
        let uncovered: Vec<String> = uncovered.iter().map(|name| (*name).to_owned()).collect();
        settled(said, &uncovered).map(|response| response.status.as_u16())
    };
    let gone = || Error::Gone(Box::new(tombstone()));
    for over in [Ok(ok()), Err(Error::NotFound), Err(gone())] {
        let told = said(over, &["gateway"]);
        assert!(
            matches!(&told, Err(Error::Unavailable { inside }) if inside.contains("gateway")),
            "{told:?}"
        );
    }
    // What was wrong is not mended by asking again.
    for wrong in [Error::Forbidden, Error::Stale, Error::Taken { what: "name" }] {
        assert_eq!(said(Err(wrong.clone()), &["gateway"]), Err(wrong));
    }
    assert_eq!(said(Ok(ok()), &[]), Ok(200));
    assert_eq!(said(Err(Error::NotFound), &[]), Err(Error::NotFound));
}
