//! This file is about the calls of cielo24's clients that are shown. Almost all may be a `GET` or a `POST`.

use keyward_dialects::{Route, cielo24};
use serde_json::{Value, json};

use super::call::{Call, Shown, bare, sent, shows};
use super::{Cast, Language, by_path};
use crate::api::scene::{Scene, text};

pub(super) const CIELO24: Language = Language {
    name: "cielo24",
    dialect: cielo24::dialect,
    title: by_path,
    scene: Scene::new,
    cast,
    sign,
    differs: r#"
        (?P<hex>\b[0-9a-f]{32}\b)
      | "(?P<instant>202[0-9]-[0-9]{2}-[0-9]{2}T[0-9:.]+)"
    "#,
    shown,
};

const KEY: &str = "0123456789abcdef0123456789abcdef";
const STRANGERS_KEY: &str = "fedcba9876543210fedcba9876543210";
const NOTHING: &str = "00000000000000000000000000000000";

/// Somebody with an account below theirs, and somebody of another organization. Both have signed in with a key.
fn cast(scene: &Scene) -> Cast {
    let [whoever_may, stranger] = [("captions", KEY), ("stranger", STRANGERS_KEY)].map(|(name, key)| {
        let organization = scene.tenant(name).organization;
        let account = scene.account(Some(&organization), "member", name);
        let item = json!([{ "name": "first", "secret": key, "account_id": account, "scopes": ["admin"] }]);
        assert_eq!(scene.call("POST", "/v1/keys/import", Some(item)).status, 200);
        let child = json!({
            "organization_id": organization, "parent_id": account, "role": "member", "name": format!("{name}.child"),
        });
        scene.ok("POST", "/v1/accounts", child);
        let login = format!("/api/account/login?v=1&username={name}&securekey={key}");
        text(&scene.request("GET", &login, "", b"").json()["ApiToken"])
    });
    Cast { whoever_may, stranger }
}

/// Whoever signs in has no token yet.
fn sign(call: Call, token: &str) -> Call {
    if call.path.starts_with("/api/account/login") { call } else { with(call, &format!("api_token={token}")) }
}

/// The same request with another parameter: of a `POST` in the body, else in the query.
fn with(call: Call, parameter: &str) -> Call {
    match call.body {
        Some(body) => Call { body: Some(format!("{body}&{parameter}")), ..call },
        None => Call { path: format!("{}&{parameter}", call.path), ..call },
    }
}

/// A request with these parameters.
fn call(route: &Route, parameters: &str) -> Call {
    with_version(route, if parameters.is_empty() { "v=1".to_owned() } else { format!("v=1&{parameters}") })
}

/// A request with these parameters, one of which says which version it is in.
fn with_version(route: &Route, parameters: String) -> Call {
    match route.method {
        "POST" => Call { body: Some(parameters), ..bare(route.method, route.path) },
        method => bare(method, format!("{}?{parameters}", route.path)),
    }
}

fn shown(route: &Route, scene: &Scene, cast: &Cast) -> Shown {
    let made = |path: &str, parameters: &str| made(scene, cast, path, parameters);
    if route.path.starts_with("/api/job/") { of_jobs(route, made) } else { of_accounts(route, scene, made) }
}

/// What the caller has, made before anything is shown.
fn made(scene: &Scene, cast: &Cast, path: &str, parameters: &str) -> Value {
    let path = format!("/api/{path}?v=1&api_token={}&{parameters}", cast.whoever_may);
    let answer = scene.request("GET", &path, "", b"");
    if answer.body.is_empty() { Value::Null } else { answer.json() }
}

fn of_accounts(route: &Route, scene: &Scene, made: impl Fn(&str, &str) -> Value) -> Shown {
    let call = |parameters: &str| call(route, parameters);
    let without_version = with_version(route, "setting=a".to_owned());
    match route.path.trim_start_matches("/api/") {
        "account/login" => login(route, scene),
        "account/logout" => shows(call(""), None, without_version).more("again", call("")),
        "account/update_password" => {
            let change = |name: &str| call(&format!("new_password=open+sesame&username={name}"));
            shows(change("captions.child"), change("nobody"), call("username=captions.child"))
        }
        "account/generate_api_key" => {
            let of = |name: &str| call(&format!("account_id={name}"));
            shows(of("captions.child"), of("nobody"), call("force_new=maybe"))
                .more("again, the same", of("captions.child"))
                .more("another one", call("account_id=captions.child&force_new=True"))
                .more("one's own", call(""))
        }
        "account/remove_api_key" => {
            let key = text(&made("account/generate_api_key", "")["ApiKey"]);
            let end = |key: &str| call(&format!("api_securekey={key}"));
            shows(end(&key), end(NOTHING), end("nonsense"))
                .more("again", end(&key))
                .more("without a key", call(""))
                .more("in another version", with_version(route, format!("v=2&api_securekey={key}")))
                .more("signing in with it", bare("GET", login_path(&format!("captions&securekey={key}"))))
        }
        "account/verify_key" => shows(call(""), None, without_version),
        "account/get_settings" => {
            let setting = "setting=default_job_notes&value=a&account_id=captions.child";
            assert_eq!(made("account/update_setting", setting), Value::Null);
            let of = |name: &str| call(&format!("account_id={name}"));
            shows(of("captions.child"), of("nobody"), without_version)
        }
        "account/update_setting" => {
            let of = |name: &str| call(&format!("setting=default_job_notes&value=a&account_id={name}"));
            shows(of("captions.child"), of("nobody"), call("setting=default_job_notes"))
        }
        "account/create" => {
            let below = |parent: &str| {
                call(&format!(
                    "new_username=new.child&new_password=open+sesame&sub_account=true&parent_account={parent}"
                ))
            };
            shows(below("captions"), below("nobody"), call("new_username=new.child"))
                .more("again", below("captions"))
        }
        unknown => panic!("{unknown} is not shown"),
    }
}

fn of_jobs(route: &Route, made: impl Fn(&str, &str) -> Value) -> Shown {
    let call = |parameters: &str| call(route, parameters);
    match route.path.trim_start_matches("/api/") {
        "job/new" => {
            let of = |name: &str| call(&format!("job_name=one&language=en&username={name}"));
            shows(of("captions.child"), of("nobody"), call("language=not+a+language"))
        }
        "job/add_media" => {
            let job = text(&made("job/new", "job_name=one")["JobId"]);
            let media =
                |job: &str| call(&format!("job_id={job}&media_url=https%3A%2F%2Fexample.com%2Fa.mp4"));
            shows(media(&job), media(NOTHING), media("one"))
                .more("another medium", media(&job))
                .more("no address", call(&format!("job_id={job}&media_url=a.mp4")))
        }
        "job/list" => {
            made("job/new", "job_name=one&username=captions.child");
            let of = |name: &str| call(&format!("Username={name}"));
            shows(of("captions.child"), of("nobody"), with_version(route, "Username=captions".to_owned()))
        }
        "job/info" => of_job(&made("job/new", "job_name=one"), call),
        "job/del" | "job/delete" => {
            let job = made("job/new", "job_name=one");
            let again = call(&format!("job_id={}", text(&job["JobId"])));
            of_job(&job, call).more("again", again)
        }
        unknown => panic!("{unknown} is not shown"),
    }
}

fn of_job(job: &Value, call: impl Fn(&str) -> Call) -> Shown {
    let of = |job: &str| call(&format!("job_id={job}"));
    shows(of(&text(&job["JobId"])), of(NOTHING), of("one"))
}

fn login_path(parameters: &str) -> String {
    format!("/api/account/login?v=1&username={parameters}")
}

fn login(route: &Route, scene: &Scene) -> Shown {
    let account = scene.account(None, "member", "a.person");
    let body = json!({ "password": "open sesame" });
    scene.ok("PUT", &format!("/v1/accounts/{account}/password"), body);
    let with_key = |name: &str, key: &str| call(route, &format!("username={name}&securekey={key}"));
    let with_password = |password: &str| call(route, &format!("username=a.person&password={password}"));
    let path = "/api/account/login?v=1";
    let by_header = bare(route.method, path).with("x-auth-user: a.person").with("x-auth-key: open sesame");
    let shown = shows(with_key("captions", KEY), with_key("nobody", KEY), call(route, "username=captions"))
        .more("with a password", with_password("open+sesame"))
        .more("with a wrong password", with_password("closed+sesame"))
        .more("with a wrong key", with_key("captions", STRANGERS_KEY))
        .more("in header fields", by_header)
        .for_everybody();
    match route.method {
        "POST" => {
            let body = json!({ "username": "a.person", "password": "open sesame", "securekey": "" });
            shown.more("as JSON", sent("POST", path, body))
        }
        _ => shown,
    }
}
