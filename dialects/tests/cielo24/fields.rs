//! Where parameters and credentials are looked for.

use keyward_core::error::Error;
use keyward_dialects::{Credential, Form};
use proptest::prelude::{any, prop, proptest};

use super::scene::{TOKEN, caller, dialect, one, resource, talk, talk_as};
use crate::samples::{Sent, send};

fn posted(target: &str, body: &str) -> Sent {
    Sent { body: body.as_bytes().to_vec(), ..send("POST", target) }
}

fn presented(sent: &Sent) -> Option<String> {
    match (dialect().credential)(&sent.request()) {
        Credential::Secret(text) => Some(text.into_owned()),
        Credential::Anonymous | Credential::InBody => None,
    }
}

fn info(sent: &Sent) -> String {
    let talk = talk(sent, vec![one(resource("jobs", serde_json::json!({})))]);
    talk.said().1["JobId"].as_str().unwrap().to_owned()
}

#[test]
fn a_token_is_taken_from_the_query_or_the_body_of_a_post() {
    let upper = TOKEN.to_ascii_uppercase();
    let path = "/api/account/verify_key";
    assert_eq!(presented(&send("GET", &format!("{path}?&v=1&api_token={upper}"))).as_deref(), Some(TOKEN));
    assert_eq!(presented(&posted(path, &format!("v=1&api_token={TOKEN}"))).as_deref(), Some(TOKEN));
    assert_eq!(presented(&posted(path, &format!(r#" {{"api_token":"{TOKEN}"}}"#))).as_deref(), Some(TOKEN));
    let both = posted(&format!("{path}?api_token={TOKEN}"), "api_token=ffffffffffffffffffffffffffffffff");
    assert_eq!(presented(&both).as_deref(), Some(TOKEN));
    let emptied = posted(&format!("{path}?api_token="), &format!("api_token={TOKEN}"));
    assert_eq!(presented(&emptied).as_deref(), Some(TOKEN));
}

#[test]
fn a_body_is_asked_for_only_where_there_can_be_one() {
    let credential = |sent: Sent| {
        let dialect = dialect();
        let found = (dialect.credential)(&sent.request());
        matches!(found, Credential::InBody).then_some(()).ok_or(matches!(found, Credential::Anonymous))
    };
    assert_eq!(credential(send("POST", "/api/account/verify_key")), Ok(()));
    assert_eq!(credential(posted("/api/account/verify_key", "{\"api_token\":")), Ok(()), "not JSON: nothing");
    assert_eq!(credential(send("GET", "/api/account/verify_key")), Err(true));
}

#[test]
fn what_is_no_token_opens_nothing() {
    for wrong in ["kw_live_0123456789", "0123456789abcdef", &format!("{TOKEN}0"), "g".repeat(32).as_str()] {
        let sent = send("GET", &format!("/api/account/verify_key?api_token={wrong}"));
        assert_eq!(presented(&sent).as_deref(), Some(""), "{wrong}");
    }
}

#[test]
fn a_key_is_no_token() {
    let sent = send("GET", "/api/account/verify_key?v=1");
    assert_eq!(talk_as(&caller(false), &sent, vec![]).refused(), "BAD_API_TOKEN");
    for route in dialect().routes.iter().filter(|route| route.verb.is_some()) {
        let sent = send(route.method, &format!("{}?v=1", route.path));
        assert_eq!(talk_as(&caller(false), &sent, vec![]).refused(), "BAD_API_TOKEN", "{}", route.path);
    }
}

#[test]
fn every_call_names_the_version() {
    // Signing in names it too, and is judged before.
    for route in dialect().routes.iter().filter(|route| route.verb.is_some()) {
        let refused =
            |query: &str| talk(&send(route.method, &format!("{}{query}", route.path)), vec![]).refused();
        assert_eq!(refused(""), "MISSING_PARAMETER", "{}", route.path);
        assert_eq!(refused("?v="), "MISSING_PARAMETER", "{}", route.path);
        assert_eq!(refused("?v=2"), "INVALID_OPTION", "{}", route.path);
    }
}

#[test]
fn parameters_come_in_every_way_that_clients_send_them() {
    let id = "0198000000007000800000000000002a";
    let with = |content_type: &str, body: &str| {
        let sent = posted("/api/job/info?v=1", body);
        if content_type.is_empty() { sent } else { sent.header("content-type", content_type) }
    };
    for (content_type, body) in [
        ("application/x-www-form-urlencoded", format!("job_id={id}")),
        ("password", format!("job_id={id}")),
        ("", format!("&job_id={id}&")),
        ("application/x-www-form-urlencoded", format!("job_id={id}\r\n")),
        ("", format!("job_id=&job_id={}", id.to_ascii_uppercase())),
        ("application/json", format!(r#"{{"job_id":"{id}","other":[1]}}"#)),
        ("text/plain", format!(r#"{{"v":2,"job_id":"{id}"}}"#)),
    ] {
        assert_eq!(info(&with(content_type, &body)), id, "{content_type} {body}");
    }
    // A number is what its digits say.
    assert_eq!(info(&posted("/api/job/info", &format!(r#"{{"v":1,"job_id":"{id}"}}"#))), id);
    assert_eq!(info(&posted(&format!("/api/job/info?v=1&job_id={id}"), "job_id=0")), id, "the query wins");
    assert_eq!(talk(&with("", "{\"job_id\":"), vec![]).refused(), "INVALID_QUERY");
    assert_eq!(talk(&with("", r#"{"job_id":["x"]}"#), vec![]).refused(), "MISSING_PARAMETER");
    let body_of_get = Sent { body: format!("job_id={id}").into_bytes(), ..send("GET", "/api/job/info?v=1") };
    assert_eq!(talk(&body_of_get, vec![]).refused(), "MISSING_PARAMETER");
}

#[test]
fn its_paths_are_its_own() {
    let claims = |path: &str| (dialect().claims)(&send("GET", path).request());
    for path in ["/api/account", "/api/account/", "/api/account/nothing", "/api/job/new", "/api/job"] {
        assert!(claims(path), "{path}");
    }
    for path in ["/api", "/api/accounts", "/api/jobs/1", "/v1/keys", "/", "//api/account"] {
        assert!(!claims(path), "{path}");
    }
}

#[test]
fn a_wrong_method_is_told_from_a_wrong_path() {
    let error = |method: &str, path: &str| {
        let sent = send(method, path);
        match dialect().route(&sent.method, &sent.path) {
            Ok(_) => panic!("{method} {path}"),
            Err(error) => error,
        }
    };
    assert_eq!(error("GET", "/api/account/update_password"), Error::WrongMethod { allowed: vec!["POST"] });
    assert_eq!(error("DELETE", "/api/job/del"), Error::WrongMethod { allowed: vec!["GET", "POST"] });
    assert_eq!(error("GET", "/api/job/perform_transcription"), Error::NoRoute);
}

proptest! {
    // Nothing of what a stranger or a caller may send is a defect of ours, or comes back.
    #[test]
    fn whatever_is_sent_is_taken_or_refused(
        query in "[ -~]{0,80}",
        body in prop::collection::vec(any::<u8>(), 0..80),
        marked in any::<bool>(),
    ) {
        let dialect = dialect();
        let caller = caller(true);
        let body = if marked { [b"v=1&api_securekey=MARK&job_id=MARK&", &body[..]].concat() } else { body };
        for route in dialect.routes {
            let sent = Sent { query: query.clone(), body: body.clone(), ..send(route.method, route.path) };
            let _ = (dialect.credential)(&sent.request());
            let (route, params) = dialect.route(&sent.method, &sent.path).unwrap_or_else(|error| panic!("{error:?}"));
            let Ok(Form::Steps(begin)) = (route.form)(&sent.request()) else { panic!("it has steps") };
            if let Err(error) = begin(&sent.request(), &params, Some(&caller)) {
                let fault = (dialect.fault)(&error, &sent.request(), "request-1");
                assert!(fault.status.is_client_error(), "{error:?}");
                assert!(!String::from_utf8_lossy(&fault.body).contains("MARK"));
            }
        }
    }
}
