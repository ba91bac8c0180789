//! This file is about answers that went well: JSON, always with status 200, and a link to what they are about.

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};
use keyward_core::id::Id;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::json;

use super::{PREFIX, ids};
use crate::dialect::{Request, Response, Step};

/// What of a request decides how its answer is written.
#[derive(Clone)]
pub(super) struct Writer {
    /// Whether the JSON is indented.
    pretty: bool,
    /// What stands in front of every path.
    prefix: String,
}

impl Writer {
    pub(super) fn of(request: &Request<'_>) -> Self {
        let mut query = form_urlencoded::parse(request.query.as_bytes());
        let is_no = |value: &str| ["false", "no", "off", "0"].iter().any(|no| value.eq_ignore_ascii_case(no));
        let pretty = query.any(|(name, value)| name == "pretty" && !is_no(&value));
        let is_prefixed =
            request.path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let prefix = format!("{}{}", request.prefix, if is_prefixed { PREFIX } else { "" });
        Self { pretty, prefix }
    }

    /// An answer, whatever it says.
    pub(super) fn response(&self, status: StatusCode, body: &impl Serialize) -> Response {
        let body = if self.pretty { serde_json::to_vec_pretty(body) } else { serde_json::to_vec(body) };
        let json = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, json)]);
        Response { status, headers, body: body.unwrap_or_default() }
    }

    pub(super) fn say(&self, body: &impl Serialize) -> Step {
        Step::Say(self.response(StatusCode::OK, body))
    }

    /// Says one thing of a collection.
    pub(super) fn one(
        &self,
        collection: &str,
        id: impl Into<Id>,
        name: &str,
        thing: &impl Serialize,
    ) -> Step {
        self.say(&Linked { href: self.href(&[collection, &ids::write(id)]), thing: Some((name, thing)) })
    }

    /// Says that one thing of a collection is gone.
    pub(super) fn gone(&self, collection: &str, id: impl Into<Id>) -> Step {
        self.say(&Linked::<()> { href: self.href(&[collection, &ids::write(id)]), thing: None })
    }

    /// Says the things of a collection.
    pub(super) fn many(&self, path: &[&str], name: &str, things: &[impl Serialize]) -> Step {
        self.say(&Linked { href: self.href(path), thing: Some((name, things)) })
    }

    fn href(&self, path: &[&str]) -> String {
        format!("{}/{}", self.prefix, path.join("/"))
    }
}

/// A link, and under its name what it leads to.
struct Linked<'a, T: ?Sized> {
    href: String,
    thing: Option<(&'a str, &'a T)>,
}

impl<T: Serialize + ?Sized> Serialize for Linked<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("_links", &json!({ "self": { "href": self.href } }))?;
        if let Some((name, thing)) = self.thing {
            members.serialize_entry(name, thing)?;
        }
        members.end()
    }
}
