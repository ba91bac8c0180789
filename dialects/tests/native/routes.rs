//! Routing, credentials, and the order of judgement that the tables allow.

use http::Method;
use keyward_core::error::Error;
use keyward_core::permit::Verb;
use keyward_dialects::{Credential, Form};

use crate::samples::{KEY, dialect, send};

fn presented(sent: &crate::samples::Sent) -> Option<String> {
    match (dialect().credential)(&sent.request()) {
        Credential::Anonymous | Credential::InBody => None,
        Credential::Secret(text) => Some(text.into_owned()),
    }
}

#[test]
fn a_credential_is_a_bearer_token() {
    assert_eq!(presented(&send("GET", "/v1/keys")), None);
    for (header, secret) in [("Bearer abc", "abc"), ("bearer  abc ", "abc"), ("Basic abc", ""), ("abc", "")] {
        let sent = send("GET", "/v1/keys").header("authorization", header);
        assert_eq!(presented(&sent).as_deref(), Some(secret), "{header}");
    }
}

#[test]
fn fixed_segments_win_over_variable_ones() {
    let dialect = dialect();
    let verb =
        |method: Method, path: &str| dialect.route(&method, path).ok().and_then(|(route, _)| route.verb);
    assert_eq!(verb(Method::POST, "/v1/keys/verify"), Some(Verb::Verify));
    assert_eq!(verb(Method::POST, "/v1/keys/import"), Some(Verb::Import));
    assert_eq!(verb(Method::DELETE, &format!("/v1/keys/{KEY}")), Some(Verb::Remove));
    assert_eq!(verb(Method::GET, "/v1/log/tile/0/x001/234"), Some(Verb::ReadLog));
    assert_eq!(verb(Method::HEAD, "/v1/keys"), Some(Verb::List));
}

#[test]
fn a_wrong_method_is_told_from_a_wrong_path() {
    let dialect = dialect();
    let error = |method: Method, path: &str| match dialect.route(&method, path) {
        Ok(_) => panic!("{method} {path}"),
        Err(error) => error,
    };
    assert_eq!(error(Method::PUT, "/v1/keys"), Error::WrongMethod { allowed: vec!["POST", "GET"] });
    assert_eq!(error(Method::GET, "/v1/keys/verify"), Error::WrongMethod { allowed: vec!["POST"] });
    for path in ["/", "/v1", "/v1/keys/", "/v1/keys//usage", "/v2/keys", "//v1/keys", "*", ""] {
        assert_eq!(error(Method::GET, path), Error::NoRoute, "{path}");
    }
}

/// `HEAD` of a `GET` that removes a key removed the key.
#[test]
fn head_asks_for_no_effect_in_any_language() {
    let mut all = keyward_dialects::vendors().unwrap();
    all.push(dialect());
    let changes = [
        "/api/account/login",
        "/api/account/logout",
        "/api/account/generate_api_key",
        "/api/account/remove_api_key",
        "/api/account/update_setting",
        "/api/job/new",
        "/api/job/add_media",
        "/api/job/del",
        "/api/job/delete",
        "/api/system/reboot",
        "/user/authenticate",
        "/v1/verifiers/stream",
    ];
    for dialect in &all {
        for route in dialect.routes.iter().filter(|route| route.method == "GET") {
            let is_taken = dialect.route(&Method::HEAD, route.path).is_ok();
            assert_eq!(is_taken, !changes.contains(&route.path), "{} {}", dialect.name, route.path);
        }
    }
    let ask =
        |path: &str| all.iter().map(|dialect| dialect.route(&Method::HEAD, path).err()).collect::<Vec<_>>();
    let refused = Error::WrongMethod { allowed: vec!["GET", "POST"] };
    assert!(ask("/api/account/remove_api_key").contains(&Some(refused)));
    assert!(ask("/v1/forward-auth").contains(&None), "a gateway asks by the method that it was asked by");
}

#[test]
fn every_route_needs_a_verb() {
    assert!(dialect().routes.iter().all(|route| route.verb.is_some()));
}

#[test]
fn the_head_says_how_a_body_flows() {
    let form = |sent: &crate::samples::Sent| {
        let dialect = dialect();
        let (route, _) = dialect.route(&sent.method, &sent.path).unwrap_or_else(|error| panic!("{error:?}"));
        (route.form)(&sent.request())
    };
    let import =
        |content_type: &str| form(&send("POST", "/v1/keys/import").header("content-type", content_type));
    assert!(matches!(import("application/json; charset=utf-8"), Ok(Form::Items(_))));
    assert!(matches!(import("application/x-ndjson"), Ok(Form::Lines(_))));
    assert!(matches!(import("text/csv"), Err(Error::UnsupportedType { .. })));
    assert!(matches!(form(&send("GET", "/v1/events")), Ok(Form::Document)));
    let follow = send("GET", "/v1/events").header("accept", "text/html, Text/Event-Stream;q=0.9");
    assert!(matches!(form(&follow), Ok(Form::Events(_))));
    assert!(matches!(form(&send("POST", "/v1/keys").json("{}")), Ok(Form::Document)));
}
