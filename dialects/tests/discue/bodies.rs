//! What a body may be.

use keyward_core::error::Error;
use serde_json::json;

use super::talk::{answer, nobody};
use crate::samples::{Sent, send};

fn post(content_type: Option<&str>, body: &str) -> Sent {
    let mut sent = send("POST", "/v1/queues");
    sent.body = body.as_bytes().to_vec();
    match content_type {
        Some(content_type) => sent.header("content-type", content_type),
        None => sent,
    }
}

#[test]
fn a_body_is_json_whether_it_says_so_or_not() {
    for content_type in [None, Some("application/json"), Some("Application/JSON; charset=utf-8")] {
        // The core is reached.
        let sent = post(content_type, r#"{"name":"x"}"#);
        assert_eq!(answer(&sent, |_| Err(Error::NotFound)).0, 404, "{content_type:?}");
    }
    let refused = (415, json!({ "title": "Unsupported Media Type", "status": 415 }));
    for content_type in ["text/plain;charset=UTF-8", "application/x-www-form-urlencoded", ""] {
        assert_eq!(answer(&post(Some(content_type), r#"{"name":"x"}"#), nobody), refused, "{content_type}");
    }
    for body in ["{", "name=x", "\u{feff}{}", "{} {}"] {
        assert_eq!(answer(&post(Some("application/json"), body), nobody), refused, "{body}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(answer(&post(Some("application/json"), &deep), nobody), refused);
    // Nothing was sent, whatever it is said to be.
    assert_eq!(answer(&post(Some("text/plain"), ""), |_| Err(Error::NotFound)).0, 404);
}
