//! This file is about bodies: a JSON object, whose members are named when they are not what they must be, and never quoted.
//! `null` is the same as nothing.

use http::header::CONTENT_TYPE;
use keyward_core::error::Error;
use keyward_core::id::Id;
use keyward_core::time::Timestamp;
use serde_json::{Map, Value};

use crate::dialect::Request;
use crate::{media, uuid};

/// The members of an object.
pub(super) struct Body(Map<String, Value>);

impl Body {
    /// Reads a body. None at all is an empty object.
    pub(super) fn read(request: &Request<'_>) -> Result<Self, Error> {
        if request.body.is_empty() {
            return Ok(Self(Map::new()));
        }
        if request.headers.contains_key(CONTENT_TYPE) && !media::is_of_type(request, &["application/json"]) {
            return Err(Error::UnsupportedType { wanted: "application/json" });
        }
        let object = serde_json::from_slice(request.body);
        object.map(Self).map_err(|_| Error::Malformed("the body must be a JSON object".to_owned()))
    }

    fn member(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn read_as<'a, T>(
        &'a self,
        name: &str,
        must: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        self.member(name).map(|value| read(value).ok_or_else(|| Error::invalid(name, must))).transpose()
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Error> {
        self.read_as(name, "a string", Value::as_str)
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, Error> {
        Ok(self.read_as(name, "true or false", Value::as_bool)?.unwrap_or_default())
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Error> {
        self.read_as(name, "a whole number", Value::as_u64)
    }

    /// A time. Clients send the last day of 9999 for never, and days before 1970 for always.
    pub(super) fn time(&self, name: &str) -> Result<Option<Timestamp>, Error> {
        self.read_as(name, "a time such as 2020-09-01T00:00:00Z", |value| {
            Timestamp::parse_nearest(value.as_str()?)
        })
    }

    pub(super) fn id<T: From<Id>>(&self, name: &str) -> Result<Option<T>, Error> {
        Ok(self.read_as(name, "a UUID", |value| uuid::parse(value.as_str()?))?.map(T::from))
    }

    pub(super) fn ids<T: From<Id>>(&self, name: &str) -> Result<Option<Vec<T>>, Error> {
        let id = |value: &Value| uuid::parse(value.as_str()?).map(T::from);
        self.read_as(name, "a list of UUIDs", |value| value.as_array()?.iter().map(id).collect())
    }

    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, Error> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        self.read_as(name, "a list of strings", |value| value.as_array()?.iter().map(text).collect())
    }

    pub(super) fn object(&self, name: &str) -> Result<Option<Self>, Error> {
        self.read_as(name, "an object", |value| value.as_object().cloned().map(Self))
    }
}
