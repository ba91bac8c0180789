//! Signing in and out.

use http::HeaderValue;
use keyward_core::command::{Answer, Command, Named};
use keyward_core::error::Error;
use keyward_core::secret::{Alphabet, Format};
use serde_json::json;

use super::scene::{SECRET, TOKEN, secret, talk};
use crate::samples::{KEY, Sent, key, removed, send};

fn opened() -> Vec<Result<Answer, Error>> {
    vec![Ok(Answer::Issued(Box::new(key()), secret(TOKEN)))]
}

/// Who signs in, and with what.
fn signed_in(sent: &Sent) -> (String, String) {
    let talk = talk(sent, opened());
    assert_eq!(talk.said(), (200, json!({ "ApiToken": TOKEN, "api_token": TOKEN })));
    let sign_in = &talk.sign_ins[0];
    (sign_in.login.clone(), sign_in.proof.to_string())
}

#[test]
fn a_password_or_a_key_comes_in_the_query_in_headers_or_as_json() {
    let login = "/api/account/login?v=1";
    let asked = |query: &str| signed_in(&send("GET", &format!("{login}&{query}")));
    let of = |login: &str, proof: &str| (login.to_owned(), proof.to_owned());
    assert_eq!(asked("username=Ann&password=p%20w"), of("Ann", "p w"));
    assert_eq!(asked(&format!("username=ann&securekey={}", SECRET.to_ascii_uppercase())), of("ann", SECRET));
    // A stale token is nobody's business here.
    assert_eq!(asked("api_token=0&username=ann&password=pw&securekey="), of("ann", "pw"));
    let headed = |name: &str, value: &str| {
        signed_in(&send("GET", login).header("x-auth-user", "ann").header(name, value))
    };
    assert_eq!(headed("x-auth-password", "pw"), of("ann", "pw"));
    assert_eq!(headed("x-auth-key", "pw"), of("ann", "pw"));
    assert_eq!(headed("x-auth-securekey", &SECRET.to_ascii_uppercase()), of("ann", SECRET));
    let json = |body: &str| signed_in(&send("POST", login).json(body));
    assert_eq!(json(r#"{"username":"ann","password":"pw","securekey":null}"#), of("ann", "pw"));
    assert_eq!(
        json(&format!(r#"{{"username":"ann","password":"","securekey":"{SECRET}"}}"#)),
        of("ann", SECRET)
    );
}

#[test]
fn a_key_that_comes_as_a_password_may_be_in_capitals_and_so_may_a_password() {
    let capitals = SECRET.to_ascii_uppercase();
    let by_query = send("GET", &format!("/api/account/login?v=1&username=ann&password={capitals}"));
    let by_header =
        send("GET", "/api/account/login?v=1").header("x-auth-user", "ann").header("x-auth-key", &capitals);
    for sent in [by_query, by_header] {
        assert_eq!(signed_in(&sent), ("ann".to_owned(), SECRET.to_owned()));
        let no = || Err(Error::BadCredential);
        let typed = talk(&sent, vec![no()].into_iter().chain(opened()).collect());
        let proofs: Vec<&str> = typed.sign_ins.iter().map(|sign_in| sign_in.proof.as_str()).collect();
        assert_eq!((typed.said().0, proofs), (200, vec![SECRET, capitals.as_str()]));
        assert_eq!(talk(&sent, vec![no(), no()]).refused(), "ACCOUNT_UNPRIVILEGED");
    }
}

#[test]
fn a_password_in_a_header_may_be_in_any_alphabet() {
    let mut sent = send("GET", "/api/account/login?v=1").header("x-auth-user", "ann");
    let value = HeaderValue::from_bytes("pä世".as_bytes()).unwrap();
    sent.headers.insert("x-auth-password", value);
    assert_eq!(signed_in(&sent), ("ann".to_owned(), "pä世".to_owned()));
}

#[test]
fn a_session_is_32_hex_digits_and_ends_after_an_idle_hour() {
    let talk = talk(&send("GET", "/api/account/login?v=1&username=ann&password=pw"), opened());
    let plan = talk.sign_ins[0].session.as_ref().unwrap();
    assert_eq!(plan.format, Format::Plain { alphabet: Alphabet::Hex, public: 0, private: 32, hint: 0 });
    assert_eq!((plan.life_seconds, plan.idle_seconds), (None, Some(3600)));
    assert!(talk.sign_ins[0].organization.is_none());
}

#[test]
fn a_wrong_credential_is_told_by_its_shape_alone() {
    let refused = |query: &str| {
        let sent = send("GET", &format!("/api/account/login?v=1&username=ann&{query}"));
        talk(&sent, vec![Err(Error::BadCredential)]).refused()
    };
    assert_eq!(refused("password=wrong"), "LOGIN_INVALID");
    assert_eq!(refused("securekey=wrong"), "LOGIN_INVALID");
    for field in ["password", "securekey"] {
        assert_eq!(refused(&format!("{field}={SECRET}")), "ACCOUNT_UNPRIVILEGED", "{field}");
    }
    assert_eq!(refused(&format!("securekey={}", SECRET.to_ascii_uppercase())), "ACCOUNT_UNPRIVILEGED");
}

#[test]
fn whoever_signs_in_says_who_and_with_what() {
    for query in ["username=ann", "password=pw", "username=&password=pw", "username=ann&password=&securekey="]
    {
        let sent = send("GET", &format!("/api/account/login?v=1&{query}"));
        assert_eq!(talk(&sent, vec![]).refused(), "MISSING_PARAMETER", "{query}");
    }
}

/// A stranger was told of a wrong version before it was judged who asked.
#[test]
fn who_signs_in_is_judged_before_the_version() {
    for (version, told) in [("", "MISSING_PARAMETER"), ("v=2&", "INVALID_OPTION")] {
        let sent = send("GET", &format!("/api/account/login?{version}username=ann&password=pw"));
        assert_eq!(talk(&sent, vec![Err(Error::BadCredential)]).refused(), "LOGIN_INVALID");
        let asked = talk(&sent, vec![Err(Error::BadCredential)]).sign_ins;
        let Err(wrong) = asked[0].session.clone() else { panic!("no session of another version") };
        assert_eq!(talk(&sent, vec![Err(wrong)]).refused(), told);
    }
}

#[test]
fn too_many_guesses_are_told_to_wait() {
    let sent = send("GET", "/api/account/login?v=1&username=ann&password=pw");
    let slow = talk(&sent, vec![Err(Error::Slow { retry_after_seconds: 7, limit: 1 })]);
    assert_eq!((slow.said().0, slow.response.headers["retry-after"].to_str().unwrap()), (429, "7"));
    assert_eq!(slow.said().1["ErrorType"], "UNHANDLED_ERROR");
}

#[test]
fn signing_out_ends_the_session_that_asks() {
    for method in ["GET", "POST"] {
        let talk = talk(&send(method, "/api/account/logout?&v=1"), vec![Ok(removed(false))]);
        assert_eq!(talk.said(), (204, serde_json::Value::Null));
        assert!(matches!(&talk.commands[..], [Command::Remove(Named::Id(key), _)] if key.to_string() == KEY));
    }
}
