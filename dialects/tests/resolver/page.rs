//! The interactive page, and the document that it shows, against the table of routes.

use std::collections::BTreeSet;

use keyward_core::error::Error;
use serde_json::{Value, json};

use super::scene::{dialect, talk};
use crate::samples::send;

fn get(path: &str) -> (u16, String, String) {
    let response = talk(&send("GET", path), vec![]).response;
    let content_type = response.headers["content-type"].to_str().unwrap().to_owned();
    (response.status.as_u16(), content_type, String::from_utf8(response.body).unwrap())
}

fn document() -> Value {
    serde_json::from_str(&get("/user/docs/openapi.json").2).unwrap()
}

#[test]
fn the_page_and_all_that_it_links_to_come_from_here() {
    let (status, content_type, page) = get("/user/docs/");
    assert_eq!((status, content_type.as_str()), (200, "text/html; charset=utf-8"));
    let links: Vec<&str> = ["href=\"", "src=\""]
        .iter()
        .flat_map(|before| page.split(before).skip(1))
        .map(|rest| rest.split('"').next().unwrap())
        .filter(|link| *link != "data:,")
        .collect();
    assert_eq!(links, ["swagger-ui.css", "swagger-ui-bundle.js", "page.js"]);
    for link in links {
        let (status, content_type, body) = get(&format!("/user/docs/{link}"));
        let expected = if link.ends_with("css") { "text/css" } else { "text/javascript" };
        assert_eq!((status, content_type.as_str()), (200, expected), "{link}");
        assert!(!body.is_empty(), "{link}");
    }
    let (_, _, script) = get("/user/docs/page.js");
    assert!(!format!("{page}{script}").contains("//www") && !script.contains("http"));
    assert!(script.contains("url: \"openapi.json\""));
}

#[test]
fn the_browser_is_told_to_load_nothing_from_elsewhere() {
    for path in ["/user/docs/", "/user/docs/page.js"] {
        let response = talk(&send("GET", path), vec![]).response;
        let policy = response.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'self';") && !policy.contains("script-src"), "{policy}");
    }
}

#[test]
fn whoever_leaves_the_slash_out_is_led_to_the_page() {
    let response = talk(&send("GET", "/user/docs"), vec![]).response;
    assert_eq!(
        (response.status.as_u16(), &response.headers["location"]),
        (308, &"/user/docs/".parse().unwrap())
    );
    assert_eq!(talk(&send("GET", "/user/docs/nothing"), vec![]).status(), 404);
}

#[test]
fn the_document_has_every_call_and_no_other() {
    let document = document();
    let mut told = BTreeSet::new();
    for (path, calls) in document["paths"].as_object().unwrap() {
        for (method, call) in calls.as_object().unwrap() {
            told.insert((method.to_uppercase(), path.clone()));
            let given = call["parameters"].as_array().cloned().unwrap_or_default();
            let given: Vec<_> = given.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
            let wanted: Vec<_> =
                path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
            assert_eq!(given, wanted, "{method} {path}");
            assert_eq!(call["responses"]["default"]["$ref"], "#/components/responses/Refusal");
        }
    }
    let dialect = dialect();
    let calls = dialect.routes.iter().filter(|route| !route.path.starts_with("/user/docs"));
    let calls: BTreeSet<_> = calls.map(|route| (route.method.to_owned(), route.path.to_owned())).collect();
    assert_eq!(told, calls);
}

#[test]
fn only_signing_in_needs_no_credential() {
    let document = document();
    for route in dialect().routes.iter().filter(|route| !route.path.starts_with("/user/docs")) {
        let call = &document["paths"][route.path][route.method.to_lowercase()];
        assert_eq!(call["security"] == json!([]), route.verb.is_none(), "{} {}", route.method, route.path);
    }
}

/// Made of the schema, it selected organization 0: whoever filled in the rest was told that there is no such thing.
#[test]
fn signing_in_is_shown_with_what_it_takes() {
    let document = document();
    let body = &document["paths"]["/user/authenticate"]["post"]["requestBody"]["content"]["application/json"];
    let shown: BTreeSet<&str> = body["example"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(shown, BTreeSet::from(["client", "email", "password"]));
    let needed = document["components"]["schemas"]["Credentials"]["required"].as_array().unwrap();
    assert!(needed.iter().all(|member| shown.contains(member.as_str().unwrap())));
    // As it stands it is a request that is judged, not one that is no request.
    let sent = send("POST", "/user/authenticate").json(&body["example"].to_string());
    assert_eq!(talk(&sent, vec![Err(Error::BadCredential)]).status(), 401);
    // Nobody renews while acting as somebody else.
    let renew = &document["paths"]["/user/authenticate"]["get"]["security"];
    assert!(renew.as_array().unwrap().iter().all(|way| way.get("impersonation").is_none()), "{renew}");
}

#[test]
fn the_vendors_words_for_removing_a_key_stand_in_it() {
    let document = document();
    let remove = &document["paths"]["/user/apiKey/{id}"]["delete"];
    assert_eq!(
        (&remove["tags"][0], &remove["responses"]["204"]["description"]),
        (&"apiKey".into(), &"Delete success".into())
    );
    assert_eq!(remove["parameters"][0]["schema"]["type"], "integer");
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let text = document.to_string();
    let references: BTreeSet<&str> =
        text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(references.len() > 5);
    for reference in &references {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(references.contains(format!("/components/schemas/{name}").as_str()), "{name} is not used");
    }
}
