//! Calls on keys.

use keyward_core::command::{Answer, Command, Done, Ending, Named, Page};
use keyward_core::error::Error;
use keyward_core::event::Reason;
use keyward_core::filter::StateFilter;
use keyward_core::id::Id;
use keyward_core::key::Found;
use keyward_core::secret::{Alphabet, Format, Label, Secret};
use keyward_core::time::Timestamp;
use serde_json::json;

use crate::samples::{ACCOUNT, KEY, ORGANIZATION, Sent, json, key, removed, send, tombstone};

fn issue(body: &str) -> Sent {
    send("POST", "/v1/keys").json(body)
}

#[test]
fn issue_takes_every_field() {
    let body = json!({
        "name": "ci", "kind": "secret", "account_id": ACCOUNT, "scopes": ["b", "a"], "metadata": {"a": [1, {"b": null}]},
        "tags": ["t"], "not_before": "2026-01-01T00:00:00Z", "expires_at": "2027-01-01T01:00:00+01:00",
        "prefix": "acme", "environment": "test", "ip_allow": ["10.0.0.0/8", "2001:db8::1", "::ffff:192.0.2.0/120", "::ffff:192.0.2.7"],
        "rate_limit": {"limit": 5, "window_seconds": 60}, "uses_left": 9, "protected": true, "recoverable": true,
    });
    let Command::Issue(issue) = issue(&body.to_string()).command() else { panic!() };
    assert_eq!(issue.account.map(|id| id.to_string()).as_deref(), Some(ACCOUNT));
    assert_eq!(issue.format, Format::Keyward(Label::parse("acme").unwrap()));
    assert_eq!(issue.environment.as_str(), "test");
    assert!(issue.protected && issue.recoverable);
    assert_eq!(issue.draft.metadata.as_str(), r#"{"a":[1,{"b":null}]}"#);
    assert_eq!(issue.draft.expires_at.unwrap().to_string(), "2027-01-01T00:00:00.000Z");
    assert_eq!(
        issue.draft.ip_allow.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["10.0.0.0/8", "2001:db8::1/128", "192.0.2.0/24", "192.0.2.7/32"]
    );
    assert_eq!((issue.draft.uses, issue.draft.rate_limit.unwrap().limit), (Some(9), 5));
}

#[test]
fn issue_takes_the_form_of_another_systems_secrets() {
    let with = |format: &str| issue(&format!(r#"{{"name":"x","format":{format}}}"#));
    let Command::Issue(asked) = with(r#"{"alphabet":"url_safe","private":43}"#).command() else { panic!() };
    let url_safe = Format::Plain { alphabet: Alphabet::UrlSafe, public: 0, private: 43, hint: 0 };
    assert_eq!((asked.format, asked.numbered), (url_safe, true));
    let dotted = r#"{"alphabet":"alphanumeric","public":8,"private":256}"#;
    let Command::Issue(asked) = with(dotted).command() else { panic!() };
    let Format::Plain { alphabet: Alphabet::Alphanumeric, public: 8, private: 256, hint: 0 } = asked.format
    else {
        panic!()
    };
    for (format, field) in [
        (r#"{"alphabet":"hex","private":31}"#, "format.private"),
        (r#"{"alphabet":"hex","private":257}"#, "format.private"),
        (r#"{"alphabet":"hex","private":32,"public":7}"#, "format.public"),
        (r#"{"alphabet":"hex","private":32,"public":65}"#, "format.public"),
        (r#"{"alphabet":"base64","private":32}"#, "format.alphabet"),
        (r#"{"alphabet":"hex"}"#, "format.private"),
        (r#"{"alphabet":"hex","private":32,"hint":4}"#, "format.hint"),
    ] {
        assert_eq!(with(format).invalid().0, field, "{format}");
    }
    let both = r#"{"name":"x","prefix":"kw","format":{"alphabet":"hex","private":32}}"#;
    assert_eq!(issue(both).invalid().0, "prefix");
}

#[test]
fn issue_needs_a_name_only() {
    let Command::Issue(issue) = issue(r#"{"name":"ci","expires_at":null}"#).command() else { panic!() };
    assert_eq!(issue.format, Format::Keyward(Label::parse("kw").unwrap()));
    assert_eq!(issue.environment.as_str(), "live");
    assert!(issue.account.is_none() && issue.draft.expires_at.is_none());
}

#[test]
fn a_wrong_field_is_named_with_what_it_must_be() {
    let cases = [
        (r"{}", "name", "given"),
        ("[]", "", "an object"),
        (" [\"x\"]", "", "an object"),
        ("7", "", "an object"),
        (r#"{"name":1}"#, "name", "a string"),
        (r#"{"name":"x","kind":"magic"}"#, "kind", "one of `secret`, `access`, `crypto`"),
        (r#"{"name":"x","kind":"crypto"}"#, "crypto", "given"),
        (
            r#"{"name":"x","crypto":{"algorithm":"P-256","usages":[]}}"#,
            "crypto",
            "absent: it is for the kind `crypto`",
        ),
        (r#"{"name":"x","kind":"access"}"#, "access", "given"),
        (r#"{"name":"x","nmae":1}"#, "nmae", "left out: nothing of this name is known here"),
        (r#"{"name":"x","name":"y"}"#, "name", "given once"),
        (r#"{"name":"x","metadata":{"a":1,"a":2}}"#, "metadata", "every member once"),
        (r#"{"name":"x","metadata":{"a":{"b":1,"b":2}}}"#, "metadata.a", "every member once"),
        (r#"{"name":"x","metadata":[]}"#, "metadata", "an object"),
        // As a double it is 18446744073709551616, and nobody would be told.
        (
            r#"{"name":"x","metadata":{"a":18446744073709551617}}"#,
            "metadata.a",
            "below 2^64 in size, or a string",
        ),
        (
            r#"{"name":"x","rate_limit":{"limit":-1,"window_seconds":1}}"#,
            "rate_limit.limit",
            "a whole number that is not negative, and not too large",
        ),
        (r#"{"name":"x","rate_limit":{"limit":1}}"#, "rate_limit.window_seconds", "given"),
        (r#"{"name":"x","scopes":["a",7]}"#, "scopes[1]", "a string"),
        (
            r#"{"name":"x","account_id":"3"}"#,
            "account_id",
            "an id of its kind, as printed: a prefix and 26 characters",
        ),
        (r#"{"name":"x","expires_at":"soon"}"#, "expires_at", "an instant as in RFC 3339, not before 1970"),
        (r#"{"name":"x","prefix":"A"}"#, "prefix", "1 to 8 lower-case letters and digits, a letter first"),
    ];
    for (body, field, must) in cases {
        assert_eq!(issue(body).invalid(), (field.to_owned(), must.to_owned()), "{body}");
    }
}

#[test]
fn what_is_no_json_is_told_by_its_place() {
    let deep = format!(r#"{{"name":"x","metadata":{{"a":{}1{}}}}}"#, "[".repeat(200), "]".repeat(200));
    for body in ["", "{", "{\"name\":\"x\"} x", "nope", deep.as_str()] {
        assert!(
            matches!(issue(body).error(), Error::Malformed(why) if why.contains(" at line 1 ")),
            "{body}"
        );
    }
    let mut latin = issue("");
    latin.body = b"{\"name\":\"\xe4\"}".to_vec();
    assert!(matches!(latin.error(), Error::Malformed(_)));
}

#[test]
fn a_body_is_json_and_says_so() {
    let mut sent = send("POST", "/v1/keys");
    sent.body = br#"{"name":"x"}"#.to_vec();
    assert_eq!(sent.error(), Error::UnsupportedType { wanted: "application/json" });
    let sent = sent.header("content-type", "Application/JSON; charset=utf-8");
    assert!(sent.parsed().is_ok());
}

#[test]
fn an_idempotency_key_goes_with_every_post_but_a_question() {
    let named =
        |sent: Sent| sent.header("idempotency-key", "once").parsed().unwrap_or_else(|e| panic!("{e:?}"));
    assert_eq!(named(issue(r#"{"name":"x"}"#)).idempotency_key.as_deref(), Some("once"));
    for verb in ["suspend", "resume", "rotate"] {
        let sent = send("POST", &format!("/v1/keys/{KEY}/{verb}"));
        assert_eq!(named(sent).idempotency_key.as_deref(), Some("once"), "{verb}");
    }
    // A kept verdict would call a removed key valid.
    let question = send("POST", "/v1/keys/verify").json(r#"{"secret":"x"}"#);
    assert_eq!(named(question).idempotency_key, None);
    let long = issue(r#"{"name":"x"}"#).header("idempotency-key", &"x".repeat(256));
    assert_eq!(long.invalid().0, "Idempotency-Key");
}

#[test]
fn a_body_where_there_is_none_to_read_is_refused() {
    for (method, path) in [("DELETE", format!("/v1/keys/{KEY}")), ("POST", format!("/v1/keys/{KEY}/resume"))]
    {
        assert!(send(method, &path).parsed().is_ok() && send(method, &path).json("{}").parsed().is_ok());
        assert_eq!(send(method, &path).json(r#"{"reason":"compromised"}"#).invalid().0, "reason");
    }
}

#[test]
fn the_end_of_9999_is_never() {
    let ends = |at: &str| issue(&format!(r#"{{"name":"x","expires_at":"{at}"}}"#));
    let Command::Issue(never) = ends("9999-12-31T23:59:59Z").command() else { panic!() };
    assert!(never.draft.expires_at == Some(Timestamp::LAST));
    for wrong in ["1969-12-31T23:59:59Z", "9999-12-31", "10000-01-01T00:00:00Z"] {
        assert_eq!(ends(wrong).invalid().0, "expires_at", "{wrong}");
    }
}

/// A proxy that kept the first of two would have let through what we were not asked.
#[test]
fn a_field_that_says_one_thing_comes_once() {
    let sent = || send("DELETE", &format!("/v1/keys/{KEY}")).header("if-match", "\"7\"");
    assert!(sent().parsed().is_ok());
    for second in ["\"7\"", "\"8\"", "*"] {
        assert_eq!(sent().header("if-match", second).invalid().0, "If-Match");
    }
    let sent = || issue(r#"{"name":"x"}"#).header("idempotency-key", "a");
    assert!(sent().parsed().is_ok());
    for second in ["a", "b"] {
        assert_eq!(sent().header("idempotency-key", second).invalid().0, "Idempotency-Key");
    }
}

#[test]
fn if_match_asks_for_a_version() {
    let version = |header: &str| {
        let sent = send("DELETE", &format!("/v1/keys/{KEY}")).header("if-match", header);
        match sent.parsed().map(|parsed| parsed.command) {
            Ok(Command::Remove(_, ending)) => Ok(ending.if_match),
            Ok(_) => panic!(),
            Err(error) => Err(error),
        }
    };
    assert_eq!(version("\"7\""), Ok(Some(7)));
    assert_eq!(version("*"), Ok(None));
    // No record has version 0: these never match.
    assert_eq!(version("W/\"7\""), Ok(Some(0)));
    for other in ["abc", "+7", "07", "7 ", "18446744073709551616"] {
        assert_eq!(version(&format!("\"{other}\"")), Ok(Some(0)), "{other}");
    }
    for wrong in ["7", "\"7", "\"1\", \"2\"", ""] {
        assert!(
            matches!(version(wrong), Err(Error::Invalid { field, .. }) if field == "If-Match"),
            "{wrong}"
        );
    }
}

#[test]
fn remove_says_why_in_the_query() {
    let Command::Remove(Named::Id(key), Ending { reason, .. }) =
        send("DELETE", &format!("/v1/keys/{KEY}?reason=compromised")).command()
    else {
        panic!()
    };
    assert_eq!((key.to_string().as_str(), reason), (KEY, Reason::Compromised));
    let (field, must) = send("DELETE", &format!("/v1/keys/{KEY}?reason=bored")).invalid();
    assert_eq!(field, "reason");
    assert!(must.starts_with("one of `unspecified`, `retired`"), "{must}");
    assert_eq!(send("DELETE", &format!("/v1/keys/{KEY}?force=1")).invalid().0, "force");
    // A mistyped id must not look like one that is gone.
    assert_eq!(send("DELETE", "/v1/keys/key_1").invalid().0, "id");
    assert_eq!(send("DELETE", "/v1/keys/%FF").invalid(), ("id".to_owned(), "UTF-8".to_owned()));
}

#[test]
fn an_encoded_path_means_the_same() {
    let Command::Find(key) = send("GET", &format!("/v1/keys/{}", KEY.replace('_', "%5f"))).command() else {
        panic!()
    };
    assert_eq!(key.to_string(), KEY);
}

#[test]
fn a_patch_tells_leaving_from_clearing() {
    let patch = |body: &str| send("PATCH", &format!("/v1/keys/{KEY}")).json(body);
    let sent = patch(r#"{"expires_at":null,"tags":[],"metadata":{"a":null}}"#);
    let Command::Update { patch: given, .. } = sent.command() else { panic!() };
    assert_eq!(given.expires_at, Some(None));
    assert_eq!((given.not_before, given.uses, given.tags), (None, None, Some(Vec::new())));
    assert!(given.metadata.unwrap()["a"].is_null());
    assert_eq!(patch(r#"{"name":null}"#).invalid(), ("name".to_owned(), "a string".to_owned()));
    assert!(patch("{}").header("content-type", "application/merge-patch+json").parsed().is_ok());
}

#[test]
fn a_body_may_be_left_out_where_it_says_nothing() {
    let Command::Suspend { remove_at: None, .. } = send("POST", &format!("/v1/keys/{KEY}/suspend")).command()
    else {
        panic!()
    };
    let sent = send("POST", &format!("/v1/keys/{KEY}/rotate")).json(r#"{"overlap_seconds":3600}"#);
    let Command::Rotate { overlap_seconds: 3600, .. } = sent.command() else { panic!() };
}

#[test]
fn a_list_is_a_filter_and_a_page() {
    let target = format!("/v1/keys?state=removed&account_id={ACCOUNT}&tag=a%20b&handle=kw_live_x&limit=7");
    let Command::List { filter, page } = send("GET", &target).command() else { panic!() };
    assert_eq!((filter.state, filter.tag.as_deref()), (Some(StateFilter::Removed), Some("a b")));
    assert_eq!(filter.handle.unwrap().as_str(), "kw_live_x");
    assert_eq!(page, Page { after: None, limit: 7 });
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=x", "limit"),
        ("limit=1&limit=2", "limit"),
        ("cursor=!", "cursor"),
        ("cursor=AAAA", "cursor"),
        ("state=gone", "state"),
        ("created_after=now", "created_after"),
        ("unknown=1", "unknown"),
    ] {
        assert_eq!(send("GET", &format!("/v1/keys?{query}")).invalid().0, field, "{query}");
    }
}

#[test]
fn a_cursor_leads_to_where_its_page_ended() {
    let last = Id::from_bits(0x0198_0000_0000_7000_8000_0000_0000_002a);
    let keys = Done::from(Answer::Keys(vec![Found::Live(key()), Found::Removed(tombstone())], Some(last)));
    let page = json(&send("GET", "/v1/keys").answered(&keys));
    assert_eq!(page["data"][0]["state"], "active");
    assert_eq!(
        page["data"][1],
        json!({
            "id": KEY, "kind": "secret", "organization_id": ORGANIZATION, "account_id": ACCOUNT,
            "handle": "kw_live_0123456789", "environment": "live", "state": "removed",
            "created_at": "1970-01-01T00:00:01.000Z", "removed_at": "1970-01-01T00:00:02.000Z",
            "reason": "compromised", "receipt_id": "rcpt_00000000000000000000000001", "version": 8,
        })
    );
    let cursor = page["next_cursor"].as_str().unwrap();
    let Command::List { page, .. } = send("GET", &format!("/v1/keys?cursor={cursor}")).command() else {
        panic!()
    };
    assert_eq!(page, Page { after: Some(last), limit: 50 });
    let end = json(&send("GET", "/v1/keys").answered(&Answer::Keys(Vec::new(), None).into()));
    assert_eq!(end, json!({"data": [], "next_cursor": null}));
}

#[test]
fn a_key_is_shown_without_its_secret() {
    let response = send("GET", &format!("/v1/keys/{KEY}")).answered(&Answer::Found(Box::new(key())).into());
    assert_eq!((response.status.as_u16(), response.headers["etag"].to_str().unwrap()), (200, "\"7\""));
    assert_eq!(
        json(&response),
        json!({
            "id": KEY, "kind": "secret", "organization_id": ORGANIZATION, "account_id": ACCOUNT, "name": "ci \"quoted\"",
            "handle": "kw_live_0123456789", "environment": "live", "state": "active", "scopes": ["orders:read"],
            "metadata": {"team": "blue"}, "tags": ["a"], "created_at": "1970-01-01T00:00:01.000Z", "not_before": null,
            "expires_at": "2030-03-17T17:46:40.000Z", "remove_at": null, "ip_allow": ["10.0.0.0/8"],
            "rate_limit": {"limit": 5, "window_seconds": 60}, "uses_left": null, "protected": false,
            "recoverable": false, "supersedes": null, "version": 7,
        })
    );
}

#[test]
fn a_new_key_is_shown_with_its_secret_and_kept_by_no_cache() {
    let secret = Secret::import("kw_live_0123456789abcdef").unwrap_or_else(|error| panic!("{error:?}"));
    let response = send("POST", "/v1/keys").answered(&Answer::Issued(Box::new(key()), secret).into());
    assert_eq!(response.status.as_u16(), 201);
    assert_eq!(response.headers["location"], format!("/v1/keys/{KEY}"));
    assert_eq!(response.headers["cache-control"], "no-store");
    assert_eq!(json(&response)["secret"], "kw_live_0123456789abcdef");
}

#[test]
fn a_removal_answers_nothing_but_its_receipts_name_unless_more_is_preferred() {
    let sent = send("DELETE", &format!("/v1/keys/{KEY}"));
    let bare = sent.answered(&removed(false).into());
    assert_eq!((bare.status.as_u16(), bare.body.len()), (204, 0));
    assert_eq!(bare.headers["keyward-receipt"], "rcpt_00000000000000000000000001");
    let full = sent.header("prefer", "respond-async, return=representation").answered(&removed(false).into());
    assert_eq!((full.status.as_u16(), json(&full)["key"]["reason"].as_str()), (200, Some("compromised")));
    assert_eq!(full.headers["preference-applied"], "return=representation");
    assert_eq!(full.headers["keyward-receipt"], bare.headers["keyward-receipt"]);
}
