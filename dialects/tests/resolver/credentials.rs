//! Whose requests these are, and who asks.

use keyward_core::error::Error;
use keyward_dialects::Credential;

use super::scene::dialect;
use crate::samples::{Sent, send};

fn presented(sent: &Sent) -> Option<String> {
    match (dialect().credential)(&sent.request()) {
        Credential::Secret(text) => Some(text.into_owned()),
        Credential::Anonymous | Credential::InBody => None,
    }
}

fn me() -> Sent {
    send("GET", "/user/users/me")
}

#[test]
fn a_path_says_whose_language_it_is() {
    let claims = |path| (dialect().claims)(&send("GET", path).request());
    for path in ["/user", "/user/apiKey/7", "/user/nothing", "/data/x", "/creation/import/json"] {
        assert!(claims(path), "{path}");
    }
    for path in ["/", "/users", "/v1/keys", "/database", "/api/account/login", "/v1/user"] {
        assert!(!claims(path), "{path}");
    }
}

#[test]
fn a_key_or_a_session_says_who_asks() {
    assert_eq!(presented(&me()), None);
    assert_eq!(presented(&me().header("x-api-key", "a.b")).as_deref(), Some("a.b"));
    for scheme in ["bearer", "Bearer", "BEARER"] {
        let sent = me().header("authorization", &format!("{scheme} token"));
        assert_eq!(presented(&sent).as_deref(), Some("token"), "{scheme}");
    }
}

#[test]
fn a_key_goes_before_a_session_and_two_keys_are_none() {
    let both = me().header("authorization", "bearer token").header("x-api-key", "key");
    assert_eq!(presented(&both).as_deref(), Some("key"));
    let two = me().header("x-api-key", "one").header("x-api-key", "two");
    assert_eq!(presented(&two).as_deref(), Some(""));
    assert_eq!(presented(&me().header("authorization", "Basic YTpi")).as_deref(), Some(""));
}

#[test]
fn a_key_may_be_told_to_act_as_somebody() {
    let acts_as = |sent: &Sent| dialect().acts_as.unwrap()(&sent.request());
    let told = |user: &str| me().header("impersonate-user-id", user);
    assert_eq!(acts_as(&me()), None);
    assert_eq!(acts_as(&told("42")), Some(Ok(42)));
    for wrong in ["", "ann", "4.2", "+42", "42 "] {
        let Some(Err(Error::Invalid { field, .. })) = acts_as(&told(wrong)) else { panic!("{wrong:?}") };
        assert_eq!(field, "impersonate-user-id");
    }
    assert!(matches!(acts_as(&told("1").header("impersonate-user-id", "2")), Some(Err(_))));
    // Integers, but nobody's: numbers have 31 bits.
    for nobodys in ["-42", "99999999999999999999"] {
        assert_eq!(acts_as(&told(nobodys)), Some(Ok(u32::MAX)), "{nobodys}");
    }
}
