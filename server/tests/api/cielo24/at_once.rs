//! What several clients do to one thing at the same moment, and what is too large to keep.

use super::super::scene::{Scene, text};
use super::{User, call, post};

/// Status and type of error of a call that several make at once, in order.
fn at_once(
    scene: &Scene,
    path: &str,
    token: &str,
    query: impl Fn(usize) -> String + Sync,
) -> Vec<(u16, String)> {
    let query = &query;
    let mut said: Vec<(u16, String)> = std::thread::scope(|threads| {
        let calls: Vec<_> =
            (0..6).map(|number| threads.spawn(move || call(scene, path, token, &query(number)))).collect();
        let answers = calls.into_iter().map(|call| call.join().expect("an answer"));
        answers
            .map(|(status, body)| (status, body["ErrorType"].as_str().unwrap_or_default().to_owned()))
            .collect()
    });
    said.sort();
    said
}

/// One that was done, and five that were told this.
fn one_and_then(error: &str) -> Vec<(u16, String)> {
    let refused = || (400, error.to_owned());
    vec![(200, String::new()), refused(), refused(), refused(), refused(), refused()]
}

#[test]
fn of_several_at_once_each_is_answered_as_if_they_came_one_by_one() {
    let scene = Scene::demo();
    let user = User::new(&scene, None, "member", "captions");
    let token = user.token();
    assert_eq!(call(&scene, "account/update_setting", &token, "setting=notes&value=0").0, 204);
    for _ in 0..4 {
        let set = at_once(&scene, "account/update_setting", &token, |n| format!("setting=notes&value={n}"));
        assert!(set.iter().all(|said| *said == (204, String::new())), "{set:?}");
        let job = text(&call(&scene, "job/new", &token, "").1["JobId"]);
        let medium = |n| format!("job_id={job}&media_url=https://example.com/{n}");
        assert_eq!(at_once(&scene, "job/add_media", &token, medium), one_and_then("INVALID_QUERY"));
        let ended = at_once(&scene, "job/del", &token, |_| format!("job_id={job}"));
        assert_eq!(ended, one_and_then("ITEM_NOT_FOUND"));
    }
}

/// One of two who made the same setting was told to send it again.
#[test]
fn a_setting_that_several_make_at_once_is_made_by_each() {
    let scene = Scene::demo();
    let token = User::new(&scene, None, "member", "captions").token();
    for round in 0..4 {
        let set = |n| format!("setting=notes{round}&value={n}");
        let made = at_once(&scene, "account/update_setting", &token, set);
        assert!(made.iter().all(|said| *said == (204, String::new())), "{made:?}");
    }
    let (_, settings) = call(&scene, "account/get_settings", &token, "");
    assert_eq!(settings.as_object().map(serde_json::Map::len), Some(4), "{settings}");
}

#[test]
fn what_is_too_large_to_keep_is_told_so() {
    let scene = Scene::demo();
    let user = User::new(&scene, None, "member", "captions");
    let token = user.token();
    let large = "x".repeat(70_000);
    for (path, field) in [("job/new", "job_name"), ("account/update_setting", "setting=notes&value")] {
        let (status, said) =
            post(&scene, &format!("/api/{path}"), &format!("v=1&api_token={token}&{field}={large}"));
        assert_eq!((status, said["ErrorType"].as_str()), (413, Some("INVALID_QUERY")), "{path}: {said}");
    }
}
