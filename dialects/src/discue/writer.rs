//! This file is about answers that went well: JSON, always with status 200, and a link to what they are about.

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};
use keyward_core::id::Id;
use serde_json::{Value, json};

use super::{PREFIX, ids};
use crate::dialect::{Request, Response, Step};

/// What of a request decides how its answer is written.
#[derive(Clone, Copy)]
pub(super) struct Writer {
    /// Whether the JSON is indented.
    pretty: bool,
    /// What stands in front of every path.
    prefix: &'static str,
}

impl Writer {
    pub(super) fn of(request: &Request<'_>) -> Self {
        let mut query = form_urlencoded::parse(request.query.as_bytes());
        let pretty = query.any(|(name, value)| name == "pretty" && !matches!(&*value, "false" | "0"));
        let is_prefixed =
            request.path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        Self { pretty, prefix: if is_prefixed { PREFIX } else { "" } }
    }

    /// An answer, whatever it says.
    pub(super) fn response(self, status: StatusCode, body: &Value) -> Response {
        let body = if self.pretty { format!("{body:#}") } else { body.to_string() };
        let json = HeaderValue::from_static("application/json");
        Response { status, headers: HeaderMap::from_iter([(CONTENT_TYPE, json)]), body: body.into_bytes() }
    }

    pub(super) fn say(self, body: &Value) -> Step {
        Step::Say(self.response(StatusCode::OK, body))
    }

    /// Says one thing of a collection, or that it is gone.
    pub(super) fn one(self, collection: &str, id: impl Into<Id>, name: &str, thing: Option<Value>) -> Step {
        self.linked(&[collection, &ids::write(id)], thing.map(|thing| (name, thing)))
    }

    /// Says the things of a collection.
    pub(super) fn many(self, path: &[&str], name: &str, things: impl IntoIterator<Item = Value>) -> Step {
        self.linked(path, Some((name, things.into_iter().collect())))
    }

    fn linked(self, path: &[&str], thing: Option<(&str, Value)>) -> Step {
        let links = json!({ "self": { "href": self.href(path) } });
        self.say(&thing.into_iter().chain([("_links", links)]).collect())
    }

    fn href(self, path: &[&str]) -> String {
        format!("{}/{}", self.prefix, path.join("/"))
    }
}
