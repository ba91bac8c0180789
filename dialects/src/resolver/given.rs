//! This file is about what a request says: the members of its body, and numbers wherever they stand.

use http::header::CONTENT_TYPE;
use keyward_core::error::Error;
use serde_json::{Map, Value};

use crate::dialect::{Params, Request};
use crate::media;

/// The number for every integer that nothing can have: numbers have 31 bits.
const NOBODYS: u32 = u32::MAX;

/// From here on an integer in JSON may come as a float, and a float has no fraction.
const BEYOND_INTEGERS: f64 = 9_223_372_036_854_775_808.0;

/// Reads the number of something.
pub(super) fn number(field: &str, text: &str) -> Result<u32, Error> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_integer = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_integer { Ok(text.parse().unwrap_or(NOBODYS)) } else { Err(Error::invalid(field, "an integer")) }
}

/// The number in a segment of the path.
pub(super) fn in_path(params: &Params<'_, '_>, name: &str) -> Result<u32, Error> {
    number(name, &params.text(name)?)
}

/// Reads a body that must be JSON.
pub(super) fn json(request: &Request<'_>) -> Result<Value, Error> {
    if request.headers.contains_key(CONTENT_TYPE) && !media::is_of_type(request, &["application/json"]) {
        return Err(Error::UnsupportedType { wanted: "application/json" });
    }
    serde_json::from_slice(request.body).map_err(|_| Error::Malformed("The body is not JSON".to_owned()))
}

/// A body, member by member as they are asked for; all others are ignored.
pub(super) struct Given(Map<String, Value>);

impl Given {
    pub(super) fn read(request: &Request<'_>) -> Result<Self, Error> {
        match json(request)? {
            Value::Object(members) => Ok(Self(members)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(Error::Malformed("The body is not a JSON object".to_owned()))
            }
        }
    }

    /// A text that must be there.
    pub(super) fn text(&self, member: &str) -> Result<&str, Error> {
        let text = self.member(member).and_then(Value::as_str).filter(|text| !text.is_empty());
        text.ok_or_else(|| Error::invalid(member, "a text of at least one character"))
    }

    /// The number of something.
    pub(super) fn number(&self, member: &str) -> Result<Option<u32>, Error> {
        let whole = |value: &Value| match value {
            Value::Number(given) if given.as_f64().is_some_and(|given| given.abs() >= BEYOND_INTEGERS) => {
                Ok(NOBODYS)
            }
            Value::Number(given) => number(member, &given.to_string()),
            Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                Err(Error::invalid(member, "an integer"))
            }
        };
        self.member(member).map(whole).transpose()
    }

    /// Whether something is to be so; not given: it is not.
    pub(super) fn flag(&self, member: &str) -> Result<bool, Error> {
        let flag = |value: &Value| value.as_bool().ok_or_else(|| Error::invalid(member, "true or false"));
        self.member(member).map_or(Ok(false), flag)
    }

    fn member(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }
}
