//! This file is about cielo24's clients: keys that are made, used, removed and stay removed, over real HTTP.

mod at_once;
mod bad_input;
mod real_client;
mod trees;

use serde_json::{Value, json};

use super::scene::{Scene, text};

/// Somebody who can sign in.
struct User<'a> {
    scene: &'a Scene,
    name: String,
    password: String,
}

impl<'a> User<'a> {
    /// An account of this name and role, and its password, in an organization or the operator's.
    fn new(scene: &'a Scene, organization: Option<&str>, role: &str, name: &str) -> Self {
        let account = scene.account(organization, role, name);
        Self::of(scene, &account, name)
    }

    /// Gives an account its password: a key of it is brought along, signs in, and sets one.
    fn of(scene: &'a Scene, account: &str, name: &str) -> Self {
        let key = brought_along(scene, account, name);
        let token = text(&login(scene, &format!("username={name}&securekey={key}")).1["api_token"]);
        let password = format!("{name}%20password");
        let form = format!("v=1&api_token={token}&new_password={password}");
        assert_eq!(post(scene, "/api/account/update_password", &form), (204, Value::Null));
        let id = scene.verify(&key)["key_id"].as_str().expect("an id").to_owned();
        scene.ok("DELETE", &format!("/v1/keys/{id}"), Value::Null);
        Self { scene, name: name.to_owned(), password }
    }

    /// A session's token.
    fn token(&self) -> String {
        let said = login(self.scene, &format!("username={}&password={}", self.name, self.password));
        assert_eq!(said.0, 200, "{}", said.1);
        text(&said.1["ApiToken"])
    }

    /// What signing in with a key says.
    fn with_key(&self, key: &str) -> (u16, Value) {
        login(self.scene, &format!("username={}&securekey={key}", self.name))
    }

    fn key(&self) -> String {
        text(&call(self.scene, "account/generate_api_key", &self.token(), "").1["ApiKey"])
    }
}

/// A key of 32 hex digits that the account did not have before, brought along by the owner.
fn brought_along(scene: &Scene, account: &str, name: &str) -> String {
    let seed: String = name.bytes().chain(account.bytes().rev()).map(|byte| format!("{byte:02x}")).collect();
    let key = format!("{seed:0<32.32}");
    let item = json!({ "name": "first", "secret": key, "account_id": account, "scopes": ["admin"] });
    let imported = scene.call("POST", "/v1/keys/import", Some(json!([item])));
    assert!(imported.body.contains("key_"), "{}", imported.body);
    key
}

/// Status and body of a `GET`.
fn get(scene: &Scene, target: &str) -> (u16, Value) {
    read(&scene.request("GET", target, "", b""))
}

/// Status and body of a form that is sent as the real client sends it: without a content type.
fn post(scene: &Scene, path: &str, form: &str) -> (u16, Value) {
    read(&scene.request("POST", path, "", form.as_bytes()))
}

fn read(answer: &crate::harness::Answer) -> (u16, Value) {
    if answer.body.is_empty() {
        return (answer.status, Value::Null);
    }
    assert_eq!(answer.header("content-type"), Some("application/json"), "{}", answer.body);
    (answer.status, answer.json())
}

fn login(scene: &Scene, query: &str) -> (u16, Value) {
    get(scene, &format!("/api/account/login?v=1&{query}"))
}

/// Status and body of a call in a session.
fn call(scene: &Scene, path: &str, token: &str, query: &str) -> (u16, Value) {
    get(scene, &format!("/api/{path}?&v=1&api_token={token}&{query}"))
}

fn remove(scene: &Scene, token: &str, key: &str) -> (u16, Value) {
    call(scene, "account/remove_api_key", token, &format!("api_securekey={key}"))
}

/// The type of an error, which must be the caller's.
#[expect(clippy::needless_pass_by_value, reason = "a call reads best where its answer is judged")]
fn error(said: (u16, Value)) -> String {
    assert_eq!(said.0, 400, "{}", said.1);
    assert!(!text(&said.1["ErrorComment"]).is_empty());
    text(&said.1["ErrorType"])
}

#[test]
fn a_key_works_until_it_is_removed_and_never_again() {
    let mut scene = Scene::demo();
    let account = scene.account(None, "member", "captions");
    let (key, session_of_key, token) = {
        let user = User::of(&scene, &account, "captions");
        let token = user.token();
        let key = user.key();
        assert!(key.len() == 32 && key.bytes().all(|byte| b"0123456789abcdef".contains(&byte)), "{key}");
        assert_eq!(user.key(), key, "the same key again");
        let (status, opened) = user.with_key(&key.to_ascii_uppercase());
        assert_eq!(status, 200, "{opened}");
        let session_of_key = text(&opened["api_token"]);
        let (status, job) = call(&scene, "job/new", &session_of_key, "job_name=one");
        assert_eq!((status, text(&job["JobId"]).len(), text(&job["TaskId"]).len()), (200, 32, 32));

        assert_eq!(remove(&scene, &token, &key), (204, Value::Null));
        assert_eq!(error(user.with_key(&key)), "ACCOUNT_UNPRIVILEGED");
        assert_eq!(
            error(login(&scene, &format!("username=captions&password={key}"))),
            "ACCOUNT_UNPRIVILEGED"
        );
        assert_eq!(scene.verdict(&key), "removed");
        assert_eq!(error(remove(&scene, &token, &key)), "ITEM_NOT_FOUND");
        // It was opened with the key, and goes on for its hour.
        assert_eq!(
            call(&scene, "account/verify_key", &session_of_key, ""),
            (200, json!({ "name": "captions" }))
        );
        (key, session_of_key, token)
    };
    scene.restart();
    let user =
        User { scene: &scene, name: "captions".to_owned(), password: "captions%20password".to_owned() };
    assert_eq!(error(user.with_key(&key)), "ACCOUNT_UNPRIVILEGED");
    assert_eq!(scene.verdict(&key), "removed");
    for session in [&token, &session_of_key] {
        assert_eq!(error(remove(&scene, session, &key)), "ITEM_NOT_FOUND");
    }
    let (_, jobs) = call(&scene, "job/list", &token, "");
    assert_eq!(jobs["ActiveJobs"][0]["JobName"], "one");
    let new = user.key();
    assert!(new != key, "a removed key does not come back");
    assert_eq!(user.with_key(&new).0, 200);
}

#[test]
fn the_demo_hands_out_somebody_to_sign_in_as() {
    let scene = Scene::demo();
    let (status, said) = login(&scene, "username=api_test&password=api_test");
    assert_eq!(status, 200, "{said}");
    assert_eq!(said["ApiToken"], said["api_token"]);
    let name = call(&scene, "account/verify_key", &text(&said["api_token"]), "");
    assert_eq!(name, (200, json!({ "name": "api_test" })));
}

#[test]
fn a_removal_of_ours_ends_the_key_here_and_its_sessions() {
    let scene = Scene::demo();
    let user = User::new(&scene, None, "member", "captions");
    let key = user.key();
    let token = text(&user.with_key(&key).1["api_token"]);
    let id = text(&scene.verify(&key)["key_id"]);
    scene.ok("DELETE", &format!("/v1/keys/{id}"), Value::Null);
    assert_eq!(error(user.with_key(&key)), "ACCOUNT_UNPRIVILEGED");
    assert_eq!(error(call(&scene, "account/verify_key", &token, "")), "BAD_API_TOKEN");
    assert_eq!(error(remove(&scene, &user.token(), &key)), "ITEM_NOT_FOUND");
}

#[test]
fn forcing_a_key_leaves_the_others() {
    let scene = Scene::demo();
    let user = User::new(&scene, None, "member", "captions");
    let first = user.key();
    let forced = call(&scene, "account/generate_api_key", &user.token(), "force_new=True").1;
    let second = text(&forced["ApiKey"]);
    assert!(first != second);
    assert_eq!(user.key(), first, "the oldest is shown");
    assert_eq!(remove(&scene, &user.token(), &first).0, 204);
    assert_eq!(
        (error(user.with_key(&first)).as_str(), user.with_key(&second).0),
        ("ACCOUNT_UNPRIVILEGED", 200)
    );
    assert_eq!(user.key(), second);
}

#[test]
fn a_password_is_changed_and_a_session_ended() {
    let scene = Scene::demo();
    let user = User::new(&scene, None, "member", "captions");
    let (token, another) = (user.token(), user.token());
    assert_eq!(login(&scene, &format!("username=CAPTIONS&password={}", user.password)).0, 200);
    // As the real client sends it: everything in the body, and no content type.
    let form = format!("v=1&api_token={token}&new_password=other");
    assert_eq!(post(&scene, "/api/account/update_password", &form), (204, Value::Null));
    let old = login(&scene, &format!("username=captions&password={}", user.password));
    assert_eq!(error(old), "LOGIN_INVALID");
    assert_eq!(login(&scene, "username=captions&password=other").0, 200);
    assert_eq!(error(call(&scene, "account/verify_key", &another, "")), "BAD_API_TOKEN");
    assert_eq!(call(&scene, "account/verify_key", &token, "").0, 200);
    let logout = format!("/api/account/logout?v=1&api_token={token}");
    assert_eq!(post(&scene, &logout, ""), (204, Value::Null));
    assert_eq!(error(call(&scene, "account/verify_key", &token, "")), "BAD_API_TOKEN");
    assert_eq!(error(get(&scene, &logout)), "BAD_API_TOKEN");
}

#[test]
fn a_job_lives_as_long_as_it_is_wanted() {
    let scene = Scene::demo();
    let user = User::new(&scene, None, "member", "captions");
    let token = user.token();
    let body = json!({ "job_name": "two", "language": "de", "external_id": "7" }).to_string();
    let headers = "Content-Type: application/json\r\n";
    let made =
        scene.request("POST", &format!("/api/job/new?v=1&api_token={token}"), headers, body.as_bytes());
    let job = text(&read(&made).1["JobId"]);
    let media = format!("job_id={job}&media_url=https%3A%2F%2Fexample.com%2Fa.mp4");
    assert_eq!(text(&call(&scene, "job/add_media", &token, &media).1["TaskId"]).len(), 32);
    let info = call(&scene, "job/info", &token, &format!("job_id={}", job.to_ascii_uppercase())).1;
    assert_eq!((text(&info["JobName"]), text(&info["SourceLanguage"])), ("two".to_owned(), "de".to_owned()));
    assert_eq!(call(&scene, "job/list", &token, "").1["ActiveJobs"].as_array().map(Vec::len), Some(1));
    assert_eq!(text(&call(&scene, "job/del", &token, &format!("job_id={job}")).1["TaskId"]).len(), 32);
    assert_eq!(error(call(&scene, "job/delete", &token, &format!("job_id={job}"))), "ITEM_NOT_FOUND");
    assert_eq!(error(call(&scene, "job/info", &token, &format!("job_id={job}"))), "ITEM_NOT_FOUND");
    assert_eq!(call(&scene, "job/list", &token, "").1, json!({ "Username": "captions", "ActiveJobs": [] }));
}
