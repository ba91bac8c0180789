//! What is wrong with a request is told in cielo24's form, and nothing that was sent is repeated or kept.

use serde_json::Value;

use super::super::scene::Scene;
use super::{User, call, error, get, login, post, read, remove};

#[test]
fn who_asks_is_judged_before_what_is_asked() {
    let scene = Scene::demo();
    for path in [
        "account/logout",
        "account/generate_api_key",
        "account/remove_api_key",
        "account/verify_key",
        "account/get_settings",
        "account/update_setting",
        "job/new",
        "job/add_media",
        "job/list",
        "job/info",
        "job/del",
        "job/delete",
    ] {
        assert_eq!(error(get(&scene, &format!("/api/{path}"))), "MISSING_PARAMETER", "{path}");
        assert_eq!(
            error(post(&scene, &format!("/api/{path}"), "v=1&api_token=")),
            "MISSING_PARAMETER",
            "{path}"
        );
        assert_eq!(error(get(&scene, &format!("/api/{path}?api_token=nonsense"))), "BAD_API_TOKEN", "{path}");
    }
    for token in ["0123456789abcdef0123456789abcdef", "%FF", scene.owner.as_str()] {
        assert_eq!(error(get(&scene, &format!("/api/job/list?api_token={token}"))), "BAD_API_TOKEN");
        assert_eq!(error(post(&scene, "/api/job/list", &format!("api_token={token}"))), "BAD_API_TOKEN");
    }
    assert_eq!(error(post(&scene, "/api/account/create", "v=1")), "MISSING_PARAMETER");
    assert_eq!(error(post(&scene, "/api/account/update_password", "v=1&api_token=x")), "BAD_API_TOKEN");
}

#[test]
fn whoever_guesses_on_is_told_to_wait() {
    let scene = Scene::demo();
    let guess = |number: u32| {
        let answer = scene.request("GET", &format!("/api/job/list?v=1&api_token={number:032x}"), "", b"");
        (answer.status != 400).then_some(answer)
    };
    let waited = (0..10_000).find_map(guess).expect("there is an end to guessing");
    assert!(waited.header("retry-after").is_some());
    let (status, body) = read(&waited);
    assert_eq!((status, body["ErrorType"].as_str()), (429, Some("UNHANDLED_ERROR")));
}

#[test]
fn a_removal_says_what_is_wrong_with_it() {
    let scene = Scene::demo();
    let user = User::new(&scene, None, "member", "captions");
    let (token, key) = (user.token(), user.key());
    let asked = |query: &str| error(get(&scene, &format!("/api/account/remove_api_key?{query}")));
    assert_eq!(asked(&format!("api_token={token}&api_securekey={key}")), "MISSING_PARAMETER");
    assert_eq!(asked(&format!("v=2&api_token={token}&api_securekey={key}")), "INVALID_OPTION");
    assert_eq!(asked(&format!("v=1&api_token={token}")), "MISSING_PARAMETER");
    assert_eq!(asked(&format!("v=1&api_token={token}&api_securekey={}", &key[1..])), "INVALID_OPTION");
    assert_eq!(asked(&format!("v=1&api_token={token}&api_securekey=%FF%00")), "INVALID_OPTION");
    // A key is no token, and a token is no key.
    assert_eq!(asked(&format!("v=1&api_token={key}&api_securekey={key}")), "BAD_API_TOKEN");
    assert_eq!(error(remove(&scene, &token, &token)), "ITEM_NOT_FOUND");
    assert_eq!(call(&scene, "account/verify_key", &token, "").0, 200);
    assert_eq!(remove(&scene, &token, &key), (204, Value::Null));
}

#[test]
fn a_wrong_login_is_told_by_its_shape() {
    let scene = Scene::demo();
    let user = User::new(&scene, None, "member", "captions");
    let hex = "0123456789abcdef0123456789abcdef";
    for name in [user.name.as_str(), "nobody"] {
        let refused =
            |field: &str, proof: &str| error(login(&scene, &format!("username={name}&{field}={proof}")));
        assert_eq!(refused("password", "wrong"), "LOGIN_INVALID");
        assert_eq!(refused("securekey", "wrong"), "LOGIN_INVALID");
        assert_eq!(refused("password", hex), "ACCOUNT_UNPRIVILEGED");
        assert_eq!(refused("securekey", hex), "ACCOUNT_UNPRIVILEGED");
    }
    assert_eq!(error(login(&scene, "username=captions")), "MISSING_PARAMETER");
    let headers = "X-Auth-User: captions\r\nX-Auth-Key: captions password\r\n";
    assert_eq!(read(&scene.request("GET", "/api/account/login?v=1", headers, b"")).0, 200);
    let body = br#"{"username":"captions","password":"captions password","securekey":null}"#;
    let headers = "Content-Type: application/json\r\n";
    assert_eq!(read(&scene.request("POST", "/api/account/login?v=1&api_token=stale", headers, body)).0, 200);
    assert_eq!(error(post(&scene, "/api/account/login?v=1", "{\"username\":")), "INVALID_QUERY");
}

#[test]
fn the_transport_speaks_the_same_language() {
    let scene = Scene::demo();
    let typed = |said: (u16, Value)| (said.0, said.1["ErrorType"].as_str().map(str::to_owned));
    let of = |status: u16, error_type: &str| (status, Some(error_type.to_owned()));
    assert_eq!(typed(get(&scene, "/api/job/perform_transcription")), of(404, "NOT_IMPLEMENTED"));
    assert_eq!(typed(get(&scene, "/api/account")), of(404, "NOT_IMPLEMENTED"));
    let wrong = scene.request("DELETE", "/api/account/remove_api_key", "", b"");
    assert_eq!(wrong.header("allow"), Some("GET, POST"));
    assert_eq!(typed(read(&wrong)), of(405, "INVALID_QUERY"));
    assert_eq!(typed(get(&scene, "/api/account/create?v=1")), of(405, "INVALID_QUERY"));
    let long = vec![b'x'; 2 << 20];
    assert_eq!(
        typed(read(&scene.request("POST", "/api/account/login?v=1", "", &long))),
        of(413, "INVALID_QUERY")
    );
}

#[test]
fn no_secret_of_a_query_is_kept_or_repeated() {
    let scene = Scene::demo();
    let user = User::new(&scene, None, "member", "captions");
    let (token, key) = (user.token(), user.key());
    let removed = [remove(&scene, &token, &key), remove(&scene, &token, &key), user.with_key(&key)];
    let metrics = scene.metrics();
    let kept = format!("{}{metrics}{removed:?}", scene.log());
    for secret in [token.as_str(), key.as_str(), "captions password", "captions%20password"] {
        assert!(!kept.contains(secret), "{secret} is in {kept}");
    }
}
