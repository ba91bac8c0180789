//! The interactive page, as people use it: in a browser, step by step as the vendor's documentation says.

use serde_json::{Value, json};

use super::super::browser::Browser;
use super::super::scene::Scene;
use super::{Resolver, judge, told};

/// Opens an operation of the page and makes it ready to be tried out.
fn try_out(browser: &Browser, service: &str, operation: &str) -> String {
    let block = format!("#operations-{service}-{operation}");
    browser.click(&format!("{block} .opblock-summary-control"));
    browser.click(&format!("{block} .try-out__btn"));
    block
}

/// Executes it; the status and the body that the page shows.
fn execute(browser: &Browser, block: &str) -> (String, String) {
    browser.click(&format!("{block} .execute"));
    let live = format!("{block} .live-responses-table tbody");
    let status = browser.read(&format!("{live} .response-col_status"));
    (status, browser.read(&format!("{live} .response-col_description")))
}

#[test]
fn a_key_is_removed_by_the_documented_steps() {
    let resolver = Resolver::new();
    let user = resolver.admins_number();
    let made = resolver.make(&resolver.admin, user, false);
    assert_eq!(resolver.me(&made.key).status, 200);
    let browser = Browser::open(&format!("{}/user/docs/", resolver.scene.http));

    // Sign in on the page: the session goes along with every call after that.
    browser.click("#operations-tag-authenticate");
    let sign_in = try_out(&browser, "authenticate", "authenticate");
    let (email, password) = (told(&resolver.scene, "", "email"), told(&resolver.scene, "", "password"));
    let credentials = json!({ "email": email, "password": password, "client": "core-client" });
    browser.fill(&format!("{sign_in} textarea"), &credentials.to_string());
    assert_eq!(execute(&browser, &sign_in).0, "200");

    // Open the apiKey service, GET, Try it out, the user's id, Execute, and copy the id of the key.
    browser.click("#operations-tag-apiKey");
    let find = try_out(&browser, "apiKey", "findApiKeys");
    browser.fill(&format!("{find} input"), &user.to_string());
    let (status, shown) = execute(&browser, &find);
    assert_eq!(status, "200");
    let id = shown.split_once("\"id\": ").and_then(|(_, rest)| rest.split(',').next()).expect("an id").trim();
    assert_eq!(id, made.id.to_string());

    // DELETE, Try it out, the id, Execute.
    let remove = try_out(&browser, "apiKey", "deleteApiKey");
    browser.fill(&format!("{remove} input"), id);
    assert_eq!(execute(&browser, &remove).0, "204");
    assert_eq!(judge(&resolver.me(&made.key)), 401);
    let path = format!("/user/apiKey/{user}");
    let left = resolver.with_session(&resolver.admin, "GET", &path, &Value::Null).json();
    assert_eq!(left, json!({ "data": [] }));
}

#[test]
fn the_page_is_for_anybody_and_comes_whole() {
    let scene = Scene::demo();
    for (path, content_type, has) in [
        ("/user/docs/", "text/html; charset=utf-8", "swagger-ui-bundle.js"),
        ("/user/docs/swagger-ui-bundle.js", "text/javascript", "SwaggerUIBundle"),
        ("/user/docs/swagger-ui.css", "text/css", ".swagger-ui"),
        ("/user/docs/openapi.json", "application/json", "/user/apiKey/{id}"),
    ] {
        let answer = scene.request("GET", path, "", b"");
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(content_type)), "{path}");
        assert!(answer.body.contains(has), "{path}");
    }
    assert_eq!(scene.request("GET", "/user/docs", "", b"").header("location"), Some("/user/docs/"));
    assert_eq!(judge(&scene.request("GET", "/user/docs/nothing", "", b"")), 404);
}
