//! This file is about the calls of Resolver's clients that are shown.

use keyward_dialects::{Route, resolver};
use serde_json::{Value, json};

use super::call::{Call, Shown, bare, sent, shows};
use super::{Cast, Language, by_path};
use crate::api::scene::{Scene, text};

pub(super) const RESOLVER: Language = Language {
    name: "resolver",
    dialect: resolver::dialect,
    title: by_path,
    scene: Scene::new,
    cast,
    sign,
    differs: r#"
        (?P<time>202[0-9]-[0-9]{2}-[0-9]{2}T[0-9:.]+Z)
      | (?P<key>\b[0-9A-Za-z]{20}\.[0-9A-Za-z]{40}\b)
      | "accessKey":\x20"(?P<access_key>[0-9A-Za-z]{20})"
      | "token":\x20"(?P<token>[0-9A-Za-z_-]{43})"
      | "expiresAt":\x20(?P<seconds>[0-9]{10})
      | (?:(?:[iI]d|Org)":\x20|/)(?P<number>[0-9]{4,10})\b
    "#,
    shown,
};

const ADMIN: &str = "admin@resolver.example";
const PASSWORD: &str = "open sesame";
/// The number of nobody.
const NOBODY: &str = "7";

/// An administrator, and one of another organization.
fn cast(scene: &Scene) -> Cast {
    let [whoever_may, stranger] =
        [("resolver", ADMIN), ("a stranger", "admin@stranger.example")].map(|(organization, email)| {
            let organization = scene.tenant(organization).organization;
            let account = scene.account(Some(&organization), "admin", email);
            let body = json!({ "password": PASSWORD });
            scene.ok("PUT", &format!("/v1/accounts/{account}/password"), body);
            session(scene, email)
        });
    Cast { whoever_may, stranger }
}

fn session(scene: &Scene, email: &str) -> String {
    let body = json!({ "email": email, "password": PASSWORD });
    text(&scene.ok_as("", "POST", "/user/authenticate", body)["token"])
}

fn sign(call: Call, session: &str) -> Call {
    call.signed(format!("Authorization: bearer {session}"))
}

fn shown(route: &Route, scene: &Scene, cast: &Cast) -> Shown {
    let method = route.method;
    let admin = &cast.whoever_may;
    let me = scene.ok_as(admin, "GET", "/user/users/me", Value::Null);
    let (user, org) = (&me["id"], &me["currentOrg"]["id"]);
    let make = || {
        let new = json!({ "orgUserId": user, "name": "nightly" });
        scene.ok_as(admin, "POST", "/user/apiKey", new)["id"].to_string()
    };
    match (method, route.path) {
        ("POST", "/user/authenticate") => {
            let enter = |password: &str, org: &Value| {
                let body = json!({ "email": ADMIN, "password": password, "selectedOrg": org, "client": "core-client" });
                sent(method, "/user/authenticate", body)
            };
            let misshapen = sent(method, "/user/authenticate", json!({ "email": ADMIN }));
            shows(enter(PASSWORD, org), enter(PASSWORD, &json!(7)), misshapen)
                .more("with a wrong password", enter("closed sesame", org))
                .for_everybody()
        }
        ("GET", "/user/authenticate") => {
            let two = bare(method, "/user/authenticate").with("impersonate-user-id: ann");
            shows(bare(method, "/user/authenticate"), None, two)
        }
        ("POST", "/user/apiKey") => {
            let new = |user: &Value, fields: Value| {
                let mut body = json!({ "orgUserId": user, "name": "nightly" });
                body.as_object_mut().expect("an object").extend(fields.as_object().expect("fields").clone());
                sent(method, "/user/apiKey", body)
            };
            shows(new(user, json!({})), new(&json!(7), json!({})), new(&json!("ann"), json!({})))
                .more("without a name", new(user, json!({ "name": null })))
                .more("that impersonates", new(user, json!({ "canImpersonate": true })))
        }
        ("GET", "/user/apiKey/user/{userId}") => {
            make();
            by_number(method, "/user/apiKey/user", &user.to_string())
        }
        ("GET", "/user/apiKey/{id}") => by_number(method, "/user/apiKey", &make())
            .more("by the id of a user", bare(method, format!("/user/apiKey/{user}"))),
        ("DELETE", "/user/apiKey/{id}") => {
            let id = make();
            let path = format!("/user/apiKey/{id}");
            by_number(method, "/user/apiKey", &id)
                .more("again", bare(method, &path))
                .more("read", bare("GET", path))
        }
        ("GET", "/user/org/{orgId}/user/{userId}") => {
            by_number(method, &format!("/user/org/{org}/user"), &user.to_string())
        }
        _ => of_uses(route),
    }
}

/// Calls that need nothing to be there: what keys open, and the page.
fn of_uses(route: &Route) -> Shown {
    let method = route.method;
    match (method, route.path) {
        ("GET", "/user/users/me") => {
            shows(bare(method, route.path), None, bare(method, route.path).with("impersonate-user-id: ann"))
        }
        ("POST", "/creation/import/json") => {
            let records = json!({ "records": [{ "name": "a" }, { "name": "b" }] });
            shows(sent(method, route.path, records), None, sent(method, route.path, "{"))
        }
        ("POST", "/data/file/file") => {
            let file = Call { body: Some("twelve bytes".to_owned()), ..bare(method, route.path) };
            let misshapen = file.clone().with("impersonate-user-id: ann");
            shows(file, None, misshapen)
        }
        ("POST", "/data/object/{objectID}/file/{fileID}") => {
            let file = |path: &str| Call { body: Some("twelve bytes".to_owned()), ..bare(method, path) };
            shows(file("/data/object/1/file/2"), None, file("/data/object/one/file/2"))
        }
        ("GET", "/user/docs" | "/user/docs/") => {
            let misshapen = bare(method, "/user/docs/a/b");
            shows(bare(method, route.path), None, misshapen).for_everybody()
        }
        ("GET", "/user/docs/{file}") => {
            let file = |name: &str| bare(method, format!("/user/docs/{name}"));
            shows(file("page.js"), file("page.css"), file("%ff")).for_everybody()
        }
        unknown => panic!("{unknown:?} is not shown"),
    }
}

/// A call whose path ends with a number.
fn by_number(method: &'static str, path: &str, number: &str) -> Shown {
    let call = |number: &str| bare(method, format!("{path}/{number}"));
    shows(call(number), call(NOBODY), call("ann"))
}
