//! Parents and children, siblings and strangers.

use serde_json::{Value, json};

use super::super::scene::{Scene, text};
use super::{User, brought_along, call, error, login, post, remove};

/// A child of an account, and its password.
fn child<'a>(scene: &'a Scene, parent: &str, name: &str) -> User<'a> {
    let body = json!({ "parent_id": parent, "role": "member", "name": name });
    let account = text(&scene.ok("POST", "/v1/accounts", body)["id"]);
    User::of(scene, &account, name)
}

#[test]
fn a_parent_acts_for_its_child_and_nobody_else_does() {
    let scene = Scene::demo();
    let account = scene.account(None, "member", "parent");
    let parent = User::of(&scene, &account, "parent");
    let own = child(&scene, &account, "child");
    let sibling = User::new(&scene, None, "member", "sibling");
    let (token, key) = (parent.token(), own.key());
    let generated = call(&scene, "account/generate_api_key", &token, "account_id=child").1;
    assert_eq!(text(&generated["ApiKey"]), key);
    for (stranger, name) in [(&sibling, "child"), (&own, "parent"), (&own, "sibling"), (&own, "nobody")] {
        let asked =
            call(&scene, "account/generate_api_key", &stranger.token(), &format!("account_id={name}"));
        assert_eq!(error(asked), "ACCOUNT_DOES_NOT_EXIST", "{name}");
    }
    // What is not theirs is answered exactly like what is not there.
    let unknown = remove(&scene, &sibling.token(), "00000000000000000000000000000000");
    assert_eq!(remove(&scene, &sibling.token(), &key), unknown);
    assert_eq!(remove(&scene, &own.token(), &parent.key()), unknown);
    assert_eq!(error(unknown), "ITEM_NOT_FOUND");
    assert_eq!(own.with_key(&key).0, 200);
    assert_eq!(remove(&scene, &token, &key), (204, Value::Null));
    assert_eq!(error(own.with_key(&key)), "ACCOUNT_UNPRIVILEGED");
    let form = format!("v=1&api_token={token}&new_password=given&username=child");
    assert_eq!(post(&scene, "/api/account/update_password", &form).0, 204);
    assert_eq!(login(&scene, "username=child&password=given").0, 200);
}

/// An admin was shown an owner's key; owners and admins acted on whomever they liked, and an operator everywhere.
#[test]
fn a_role_is_no_parent() {
    let scene = Scene::demo();
    let tenant = scene.tenant("elsewhere");
    let theirs = User::new(&scene, Some(&tenant.organization), "member", "theirs");
    let owner = User::new(&scene, None, "owner", "the-owner");
    let admin = User::new(&scene, None, "admin", "the-admin");
    let sibling = User::new(&scene, None, "member", "sibling");
    let keys: Vec<String> = [&theirs, &owner, &admin, &sibling].map(User::key).into();
    let job = text(&call(&scene, "job/new", &sibling.token(), "").1["JobId"]);
    let named = |path: &str, token: &str, query: &str| error(call(&scene, path, token, query));
    for actor in [&owner, &admin] {
        let token = actor.token();
        let unknown = remove(&scene, &token, "00000000000000000000000000000000");
        let names = ["the-owner", "the-admin", "sibling", "theirs", "nobody"];
        for name in names.into_iter().filter(|name| *name != actor.name) {
            for path in ["account/generate_api_key", "account/get_settings"] {
                let said = named(path, &token, &format!("account_id={name}"));
                assert_eq!(said, "ACCOUNT_DOES_NOT_EXIST", "{path} {name}");
            }
            assert_eq!(named("job/list", &token, &format!("Username={name}")), "ACCOUNT_DOES_NOT_EXIST");
            for (path, form) in [
                ("update_password", format!("new_password=pw&username={name}")),
                ("create", format!("new_username=child&new_password=pw&parent_account={name}")),
            ] {
                let form = format!("v=1&api_token={token}&{form}");
                let said = error(post(&scene, &format!("/api/account/{path}"), &form));
                assert_eq!(said, "ACCOUNT_DOES_NOT_EXIST", "{path} {name}");
            }
        }
        for path in ["job/info", "job/del"] {
            assert_eq!(named(path, &token, &format!("job_id={job}")), "ITEM_NOT_FOUND");
        }
        let own = actor.key();
        for key in keys.iter().filter(|key| **key != own) {
            assert_eq!(remove(&scene, &token, key), unknown, "in the same words");
        }
    }
    for (user, key) in [&theirs, &owner, &admin, &sibling].into_iter().zip(&keys) {
        assert_eq!(user.with_key(key).0, 200, "{}", user.name);
    }
}

/// A key may do less than its account: then so may who signs in with it.
#[test]
fn a_key_is_shown_to_nobody_who_could_not_make_it() {
    let scene = Scene::demo();
    let account = scene.account(None, "member", "captions");
    let user = User::of(&scene, &account, "captions");
    let key = user.key();
    let less = "00000000000000000000000000000abc";
    let scopes = ["keys:read", "keys:issue", "accounts:read"];
    let item = json!({ "name": "x", "secret": less, "account_id": account, "scopes": scopes });
    assert_eq!(scene.call("POST", "/v1/keys/import", Some(json!([item]))).status, 200);
    let token = text(&user.with_key(less).1["api_token"]);
    for query in ["", "force_new=true", "account_id=captions"] {
        let asked = call(&scene, "account/generate_api_key", &token, query);
        assert!(!asked.1.to_string().contains(&key));
        assert_eq!(error(asked), "ACCOUNT_UNPRIVILEGED", "{query}");
    }
}

/// A session could not end itself if its key's scopes lacked the right to remove keys.
#[test]
fn whoever_has_a_session_may_end_it() {
    let scene = Scene::demo();
    let sessions = [("member", "jobs:read", "abc"), ("auditor", "admin", "abd")].map(|(role, scope, end)| {
        let account = scene.account(None, role, role);
        let key = format!("{end:0>32}");
        let item = json!({ "name": "x", "secret": key, "account_id": account, "scopes": [scope] });
        assert_eq!(scene.call("POST", "/v1/keys/import", Some(json!([item]))).status, 200);
        text(&login(&scene, &format!("username={role}&securekey={key}")).1["api_token"])
    });
    for token in sessions {
        assert_eq!(call(&scene, "account/logout", &token, ""), (204, Value::Null));
        assert_eq!(error(call(&scene, "job/list", &token, "")), "BAD_API_TOKEN");
    }
}

/// A user name was used up for ever.
#[test]
fn a_user_name_is_free_again_when_its_account_is_gone() {
    let scene = Scene::demo();
    let token = User::new(&scene, None, "member", "parent").token();
    let form = format!("v=1&api_token={token}&new_username=child&new_password=");
    for password in ["first", "second"] {
        let created = post(&scene, "/api/account/create", &format!("{form}{password}"));
        assert_eq!(created, (204, Value::Null), "{password}");
        let opened = login(&scene, &format!("username=child&password={password}"));
        assert_eq!(opened.0, 200, "{}", opened.1);
        let accounts = scene.read("/v1/accounts?limit=100")["data"].as_array().cloned().unwrap_or_default();
        let child = accounts.iter().find(|one| one["name"] == "child").expect("it is listed");
        scene.ok("DELETE", &format!("/v1/accounts/{}?policy=remove_keys", text(&child["id"])), Value::Null);
        assert_eq!(error(login(&scene, &format!("username=child&password={password}"))), "LOGIN_INVALID");
    }
}

#[test]
fn another_organizations_key_is_no_key() {
    let scene = Scene::demo();
    let tenant = scene.tenant("elsewhere");
    let theirs = User::new(&scene, Some(&tenant.organization), "member", "theirs");
    let ours = User::new(&scene, None, "admin", "ours");
    let (key, token) = (theirs.key(), ours.token());
    let unknown = remove(&scene, &token, "00000000000000000000000000000000");
    assert_eq!(remove(&scene, &token, &key), unknown);
    assert_eq!(theirs.with_key(&key).0, 200);
    assert_eq!(remove(&scene, &theirs.token(), &key).0, 204);
    assert_eq!(remove(&scene, &token, &key), unknown, "removed, and still nobody's business");
    // A key signs in its own account only.
    let own = ours.key();
    assert_eq!(error(theirs.with_key(&own)), "ACCOUNT_UNPRIVILEGED");
}

#[test]
fn jobs_and_settings_are_the_accounts_own_and_its_parents() {
    let scene = Scene::demo();
    let account = scene.account(None, "member", "parent");
    let parent = User::of(&scene, &account, "parent").token();
    let own = child(&scene, &account, "child").token();
    let sibling = User::new(&scene, None, "member", "sibling").token();
    let made = call(&scene, "job/new", &parent, "username=child&job_name=for%20it").1;
    let job = format!("job_id={}", text(&made["JobId"]));
    let listed = |token: &str, query: &str| {
        let list = call(&scene, "job/list", token, query).1;
        (text(&list["Username"]), list["ActiveJobs"].as_array().map_or(0, Vec::len))
    };
    assert_eq!(listed(&own, ""), ("child".to_owned(), 1));
    assert_eq!(listed(&parent, ""), ("parent".to_owned(), 0));
    assert_eq!(listed(&parent, "Username=child"), ("child".to_owned(), 1));
    assert_eq!(
        (call(&scene, "job/info", &own, &job).0, call(&scene, "job/info", &parent, &job).0),
        (200, 200)
    );
    assert_eq!(error(call(&scene, "job/info", &sibling, &job)), "ITEM_NOT_FOUND");
    assert_eq!(error(call(&scene, "job/del", &sibling, &job)), "ITEM_NOT_FOUND");

    let set = |token: &str, query: &str| call(&scene, "account/update_setting", token, query);
    assert_eq!(set(&parent, "setting=default_job_notes&value=a&account_id=child"), (204, Value::Null));
    assert_eq!(set(&own, "setting=default_job_notes&value=b").0, 204);
    assert_eq!(set(&own, "setting=other&value=true").0, 204);
    let settings = json!({ "default_job_notes": "b", "other": "true" });
    assert_eq!(call(&scene, "account/get_settings", &own, ""), (200, settings.clone()));
    assert_eq!(call(&scene, "account/get_settings", &parent, "account_id=child"), (200, settings));
    assert_eq!(call(&scene, "account/get_settings", &parent, ""), (200, json!({})));
    assert_eq!(error(set(&sibling, "setting=x&value=y&account_id=child")), "ACCOUNT_DOES_NOT_EXIST");
}

#[test]
fn an_account_is_created_below_another() {
    let scene = Scene::demo();
    let token = User::new(&scene, None, "member", "parent").token();
    let create = |form: &str| post(&scene, "/api/account/create", &format!("v=1&api_token={token}&{form}"));
    let form = "new_username=child&new_password=pw&sub_account=true&first_name=A&last_name=B&email=a%40b";
    assert_eq!(create(form), (204, Value::Null));
    assert_eq!(login(&scene, "username=child&password=pw").0, 200);
    assert_eq!(create("new_username=grandchild&new_password=pw&parent_account=child").0, 204);
    let own = text(&login(&scene, "username=child&password=pw").1["api_token"]);
    assert_eq!(call(&scene, "account/generate_api_key", &own, "account_id=grandchild").0, 200);
    assert_eq!(error(create(form)), "ACCOUNT_EXISTS");
    // A login of another organization is taken too, and nothing is left of the attempt.
    let tenant = scene.tenant("elsewhere");
    User::new(&scene, Some(&tenant.organization), "member", "theirs");
    assert_eq!(error(create("new_username=theirs&new_password=pw")), "ACCOUNT_EXISTS");
    assert!(!scene.read("/v1/accounts?limit=100").to_string().contains("theirs"));
}

#[test]
fn whoever_may_not_is_told_so() {
    let scene = Scene::demo();
    // Somebody who reads everything and changes nothing.
    let account = scene.account(None, "auditor", "auditor");
    let key = brought_along(&scene, &account, "auditor");
    let token = text(&login(&scene, &format!("username=auditor&securekey={key}")).1["api_token"]);
    assert_eq!(error(call(&scene, "account/generate_api_key", &token, "")), "ACCOUNT_UNPRIVILEGED");
    // Of a key that is there, and before anything is said of the shape of what is asked for.
    assert_eq!(error(remove(&scene, &token, &key)), "ACCOUNT_UNPRIVILEGED");
    assert_eq!(error(remove(&scene, &token, "nonsense")), "ACCOUNT_UNPRIVILEGED");
    assert_eq!(login(&scene, &format!("username=auditor&securekey={key}")).0, 200, "it is still there");
    // Another's, one that never was and a token are as unknown to them as to anybody.
    let others = User::new(&scene, None, "member", "another").key();
    for gone in [&*others, "00000000000000000000000000000def", &token] {
        assert_eq!(error(remove(&scene, &token, gone)), "ITEM_NOT_FOUND", "{gone}");
    }
    let id = text(&scene.verify(&key)["key_id"]);
    scene.ok("DELETE", &format!("/v1/keys/{id}?end_sessions=false"), Value::Null);
    assert_eq!(error(remove(&scene, &token, &key)), "ITEM_NOT_FOUND", "a key that is gone");
    // A session may do no more than the key that opened it.
    let account = scene.account(None, "member", "reader");
    let key = "00000000000000000000000000000abc";
    let item = json!({ "name": "x", "secret": key, "account_id": account, "scopes": ["jobs:read"] });
    assert_eq!(scene.call("POST", "/v1/keys/import", Some(json!([item]))).status, 200);
    let token = text(&login(&scene, &format!("username=reader&securekey={key}")).1["api_token"]);
    assert_eq!(error(call(&scene, "account/generate_api_key", &token, "")), "ACCOUNT_UNPRIVILEGED");
    assert_eq!(error(call(&scene, "job/new", &token, "")), "ACCOUNT_UNPRIVILEGED");
}
