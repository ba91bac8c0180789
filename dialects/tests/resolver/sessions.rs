//! Signing in, and getting another fifteen minutes.

use keyward_core::account::Role;
use keyward_core::command::{Answer, Command};
use keyward_core::error::Error;
use keyward_core::key::Key;
use keyward_core::secret::{Alphabet, Format};
use keyward_core::time::Timestamp;
use serde_json::json;

use super::scene::{caller, key, secret, talk, talk_as};
use crate::samples::send;

fn opened() -> Result<Answer, Error> {
    let mut session: Key = key();
    session.traits.expires_at = Some(Timestamp::from_millis(1_800_000_000_999));
    Ok(Answer::Issued(Box::new(session), secret()))
}

#[test]
fn an_address_and_its_password_open_a_session() {
    let body =
        r#"{"email":"Ann@resolver.example","password":"pass word","selectedOrg":2,"client":"core-client"}"#;
    let talk = talk(&send("POST", "/user/authenticate").json(body), vec![opened()]);
    let said = json!({ "token": secret().expose(), "expiresAt": 1_800_000_000_u64 });
    assert_eq!(talk.said(), (200, said));
    let sign_in = &talk.sign_ins[0];
    assert_eq!((sign_in.login.as_str(), sign_in.proof.as_str()), ("Ann@resolver.example", "pass word"));
    assert_eq!(sign_in.organization, Some(2));
    let session = sign_in.session.as_ref().unwrap();
    assert_eq!((session.life_seconds, session.idle_seconds), (Some(900), None));
    let format = Format::Plain { alphabet: Alphabet::UrlSafe, public: 0, private: 43, hint: 0 };
    assert_eq!(session.format, format);
}

#[test]
fn an_organization_need_not_be_selected() {
    for selected in ["", r#","selectedOrg":null"#] {
        let body = format!(r#"{{"email":"a@b.example","password":"p"{selected}}}"#);
        let talk = talk(&send("POST", "/user/authenticate").json(&body), vec![opened()]);
        assert_eq!((talk.status(), talk.sign_ins[0].organization), (200, None));
    }
}

#[test]
fn what_is_wrong_is_401_and_nowhere_to_sign_in_to_is_404() {
    let sent = send("POST", "/user/authenticate").json(r#"{"email":"a@b.example","password":"p"}"#);
    for (error, status) in [
        (Error::BadCredential, 401),
        (Error::Forbidden, 404),
        (Error::Slow { retry_after_seconds: 7, limit: 1 }, 429),
    ] {
        assert_eq!(talk(&sent, vec![Err(error)]).status(), status);
    }
}

#[test]
fn what_is_not_given_is_400_before_anything_is_asked() {
    for body in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"email":"a@b.example"}"#,
        r#"{"password":"p"}"#,
        r#"{"email":"","password":"p"}"#,
        r#"{"email":"a@b.example","password":null}"#,
        r#"{"email":"a@b.example","password":"p","selectedOrg":"2"}"#,
        r#"{"email":"a@b.example","password":"p","selectedOrg":2.5}"#,
    ] {
        let talk = talk(&send("POST", "/user/authenticate").json(body), vec![]);
        assert_eq!(talk.status(), 400, "{body}");
        assert!(talk.sign_ins.is_empty(), "{body}");
    }
    let form = send("POST", "/user/authenticate").header("content-type", "text/plain");
    assert_eq!(talk(&form, vec![]).status(), 415);
}

#[test]
fn no_error_repeats_what_was_sent() {
    let body = r#"{"email":"CANARY","password":["CANARY"],"selectedOrg":"CANARY"}"#;
    let talk = talk(&send("POST", "/user/authenticate").json(body), vec![]);
    assert!(!talk.said().1.to_string().contains("CANARY"));
}

/// Auditors, who could sign in, were refused.
#[test]
fn a_session_of_every_role_gets_another_one() {
    for role in [Role::Owner, Role::Admin, Role::Member, Role::Auditor] {
        let talk = talk_as(&caller(role, false), &send("GET", "/user/authenticate"), vec![opened()]);
        let [Command::Renew(plan)] = talk.commands.as_slice() else { panic!("one command of {role:?}") };
        assert_eq!(plan.life_seconds, Some(900));
        assert_eq!(talk.said().1["token"], secret().expose());
        caller(role, false)
            .permit(talk.commands[0].verb())
            .unwrap_or_else(|error| panic!("{role:?}: {error:?}"));
    }
}
