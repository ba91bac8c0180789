//! What gateways and libraries ask that embed nothing of ours.

use keyward_core::command::{Answer, Ask, Command, Named, Shown};
use keyward_core::error::Error;
use keyward_core::id::Id;
use keyward_core::scope::Scopes;
use keyward_core::time::Timestamp;
use keyward_core::verbs::verify::{Refusal, Verdict};
use keyward_dialects::{Credential, Form, Step};
use serde_json::json;

use crate::samples::{ACCOUNT, KEY, ORGANIZATION, Sent, dialect, json, removed, send};

fn form(path: &str, body: &str) -> Sent {
    let sent = send("POST", path).header("content-type", "application/x-www-form-urlencoded");
    Sent { body: body.as_bytes().to_vec(), ..sent }
}

fn asked(sent: &Sent) -> (String, Ask) {
    let Command::Verify(ask) = sent.command() else { panic!("it asks") };
    let Shown::Secret(text) = &ask.shown else { panic!("for a secret") };
    (text.as_str().to_owned(), *ask)
}

fn valid() -> Answer {
    super::verify::valid("a name", "{}", &["a", "b"], Some(Timestamp::from_millis(1_900_000_000_000)))
}

fn refused(refusal: Refusal) -> Answer {
    Answer::Verdict(Box::new(Verdict::Refused(refusal)))
}

fn presented(sent: &Sent) -> Option<String> {
    match (dialect().credential)(&sent.request()) {
        Credential::Anonymous | Credential::InBody => None,
        Credential::Secret(text) => Some(text.into_owned()),
    }
}

#[test]
fn a_token_is_the_one_of_the_form() {
    let sent = form("/v1/introspect", "token_type_hint=access_token&token=kw%5Flive&x=y");
    assert_eq!(asked(&sent).0, "kw_live");
    for body in ["", "token_type_hint=x", "token=a&token=b"] {
        assert_eq!(form("/v1/introspect", body).invalid().0, "token", "{body}");
    }
    let json = send("POST", "/v1/introspect").json(r#"{"token":"x"}"#);
    assert!(matches!(json.error(), Error::UnsupportedType { .. }));
}

#[test]
fn an_active_token_is_told_and_of_another_nothing_is() {
    let sent = form("/v1/introspect", "token=x");
    assert_eq!(
        json(&sent.answered(&valid().into())),
        json!({
            "active": true, "scope": "a b", "token_type": "Bearer", "exp": 1_900_000_000, "sub": ACCOUNT,
            "jti": KEY, "organization_id": ORGANIZATION,
        })
    );
    for refusal in Refusal::ALL {
        assert_eq!(json(&sent.answered(&refused(refusal).into())), json!({ "active": false }));
    }
}

#[test]
fn whatever_was_revoked_the_answer_is_the_same() {
    let revoke = |done: Result<Answer, Error>| {
        let (dialect, sent) = (dialect(), form("/v1/revoke", "token=x"));
        let (route, params) = dialect.route(&sent.method, &sent.path)?;
        let Form::Steps(begin) = (route.form)(&sent.request())? else { panic!("it has steps") };
        let Step::Do(command, next) = begin(&sent.request(), &params, None)? else { panic!("it does") };
        assert!(matches!(&*command, Command::Remove(Named::Secret(text), _) if text.as_str() == "x"));
        match next(done)? {
            Step::Say(response) | Step::SayAfter(_, response) => {
                Ok((response.status.as_u16(), response.body.len()))
            }
            Step::Do(..) | Step::SignIn(..) => panic!("it is done"),
        }
    };
    assert_eq!(revoke(Err(Error::NotFound)), Ok((200, 0)));
    assert_eq!(revoke(Ok(Answer::AccountRemoved(Id::from_bits(1).into()))), Ok((200, 0)));
    assert_eq!(revoke(Err(Error::Protected)), Err(Error::Protected));
    assert_eq!(revoke(Ok(removed(false))), Ok((200, 0)));
}

#[test]
fn a_gateway_says_who_it_is_in_a_field_of_its_own() {
    let sent = send("GET", "/v1/forward-auth").header("authorization", "Bearer client");
    assert_eq!(presented(&sent), None);
    assert_eq!(presented(&sent.header("keyward-credential", "gateway")), Some("gateway".to_owned()));
    let twice = send("GET", "/v1/forward-auth/x").header("keyward-credential", "a");
    assert_eq!(presented(&twice.header("keyward-credential", "b")), Some(String::new()));
    // The other calls do not know that field.
    let other = send("GET", "/v1/forward-authority").header("keyward-credential", "gateway");
    assert_eq!(presented(&other), None);
}

#[test]
fn a_clients_key_stands_where_the_gateway_says() {
    let ask = || send("GET", "/v1/forward-auth");
    assert_eq!(asked(&ask().header("authorization", "bearer kw_a")).0, "kw_a");
    assert_eq!(asked(&ask().header("x-api-key", "kw_b")).0, "kw_b");
    let both = ask().header("authorization", "Bearer kw_a").header("x-api-key", "kw_b");
    assert_eq!(asked(&both).0, "kw_a");
    assert_eq!(asked(&ask().header("keyward-header", "X-Token").header("x-token", "kw_c")).0, "kw_c");
    // One that does not stand there is not looked for elsewhere.
    let elsewhere = ask().header("keyward-header", "x-token").header("x-api-key", "kw_b");
    assert!(matches!(elsewhere.error(), Error::Anonymous));
    assert!(matches!(ask().error(), Error::Anonymous));
    assert_eq!(ask().header("keyward-header", "no name").invalid().0, "keyward-header");
}

#[test]
fn a_gateway_asks_by_any_method_and_path_for_scopes_and_an_address() {
    for (method, path) in
        [("GET", ""), ("POST", "/orders/7"), ("DELETE", "/of/"), ("OPTIONS", "/a"), ("PROPFIND", "/b")]
    {
        let target = format!("/v1/forward-auth{path}?unread=1");
        let sent = send(method, &target).header("x-api-key", "k").header("keyward-scope", "a  b");
        let sent = sent.header("x-forwarded-for", "192.0.2.1, 2001:db8::1");
        let (_, ask) = asked(&sent);
        assert!(ask.scopes == Scopes::parse(["a", "b"]).unwrap_or_else(|error| panic!("{error:?}")));
        assert_eq!(ask.address, Some("2001:db8::1".parse().unwrap()), "the last is what the gateway saw");
        let real = sent.header("x-real-ip", "192.0.2.7");
        assert_eq!(asked(&real).1.address, Some("192.0.2.7".parse().unwrap()));
        let mapped = send(method, &target).header("x-api-key", "k").header("x-real-ip", "::ffff:192.0.2.7");
        assert_eq!(asked(&mapped).1.address, Some("192.0.2.7".parse().unwrap()));
    }
    let twice = send("GET", "/v1/forward-auth").header("x-api-key", "k").header("x-real-ip", "192.0.2.7");
    assert_eq!(twice.header("x-real-ip", "192.0.2.8").invalid().0, "x-real-ip", "one may be its client's");
    let wrong = send("GET", "/v1/forward-auth").header("x-api-key", "k").header("keyward-scope", "A");
    assert_eq!(wrong.invalid().0, "scopes");
}

#[test]
fn whether_a_request_may_pass_is_said_without_a_body() {
    let sent = send("GET", "/v1/forward-auth").header("x-api-key", "k");
    let passed = sent.answered(&valid().into());
    assert_eq!((passed.status.as_u16(), passed.body.len()), (200, 0));
    for (name, value) in [
        ("keyward-key-id", KEY),
        ("keyward-account-id", ACCOUNT),
        ("keyward-organization-id", ORGANIZATION),
        ("keyward-scopes", "a b"),
        ("keyward-expires-at", "2030-03-17T17:46:40.000Z"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(passed.headers[name], value);
    }
    for refusal in Refusal::ALL {
        let stopped = sent.answered(&refused(refusal).into());
        let status = match refusal {
            Refusal::RateLimited => 429,
            Refusal::InsufficientScope
            | Refusal::AddressNotAllowed
            | Refusal::UsedUp
            | Refusal::WrongPin
            | Refusal::NoPin
            | Refusal::LevelNotGranted => 403,
            Refusal::Malformed
            | Refusal::Unknown
            | Refusal::Removed
            | Refusal::Suspended
            | Refusal::Expired
            | Refusal::NotYetValid => 401,
        };
        assert_eq!((stopped.status.as_u16(), stopped.body.len()), (status, 0), "{refusal:?}");
    }
}
