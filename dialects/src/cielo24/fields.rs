//! This file is about parameters: they come in the query or, of a POST, in the body as well. What stands in both is
//! taken from the query, and what is empty is taken as not given.

use std::borrow::Cow;

use http::Method;
use keyward_core::error::Error;
use keyward_core::id::{Id, ResourceId};
use serde_json::{Map, Value};

use crate::dialect::Request;

/// What [`Error::Invalid`] says of a field that is needed and not there.
pub(super) const GIVEN: &str = "given";

/// The names under which clients send a key.
const KEY: [&str; 3] = ["api_securekey", "secure_key", "securekey"];

/// A name and a value.
type Field<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The parameters of a request.
#[derive(Default)]
pub(super) struct Fields<'a>(Vec<Field<'a>>);

impl<'a> Fields<'a> {
    /// Reads them, and judges the version that every call names.
    pub(super) fn read(request: &Request<'a>) -> Result<Self, Error> {
        let fields = Self::of(request)?;
        fields.judge_version()?;
        Ok(fields)
    }

    /// Judges the version that every call names.
    pub(super) fn judge_version(&self) -> Result<(), Error> {
        match self.needed("v")? {
            "1" => Ok(()),
            _ => Err(Error::invalid("v", "1")),
        }
    }

    /// Reads them.
    pub(super) fn of(request: &Request<'a>) -> Result<Self, Error> {
        let mut fields: Vec<_> = form_urlencoded::parse(request.query.as_bytes()).collect();
        if *request.method == Method::POST {
            // Clients send forms under any content type, and under none.
            if request.body.trim_ascii_start().starts_with(b"{") {
                fields.extend(members(request.body)?);
            } else {
                fields.extend(form_urlencoded::parse(without_line_end(request.body)));
            }
        }
        Ok(Self(fields))
    }

    /// A parameter, empty or not.
    pub(super) fn given(&self, name: &'static str) -> Result<&str, Error> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| &**value).ok_or_else(|| missing(name))
    }

    /// A parameter that may be left out.
    pub(super) fn maybe(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, value)| known == name && !value.is_empty());
        found.map(|(_, value)| &**value)
    }

    /// A parameter that must be there.
    pub(super) fn needed(&self, name: &'static str) -> Result<&str, Error> {
        self.maybe(name).ok_or_else(|| missing(name))
    }

    /// A parameter that is true or false, in any letter case; not given: false.
    pub(super) fn flag(&self, name: &'static str) -> Result<bool, Error> {
        match self.maybe(name).map(str::to_ascii_lowercase).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Error::invalid(name, "true or false")),
        }
    }

    /// A key, as it was sent.
    pub(super) fn key(&self) -> Option<&str> {
        KEY.into_iter().find_map(|name| self.maybe(name))
    }

    /// The job that is meant.
    pub(super) fn job(&self) -> Result<ResourceId, Error> {
        let bits = hex(self.needed("job_id")?).and_then(|digits| u128::from_str_radix(&digits, 16).ok());
        let bits = bits.ok_or_else(|| Error::invalid("job_id", "32 hex digits"))?;
        Ok(Id::from_bits(bits).into())
    }
}

/// Says that a parameter is not there.
pub(super) fn missing(name: &str) -> Error {
    Error::invalid(name, GIVEN)
}

/// The shape of every token, key and id here: 32 hex digits; in lower case, whatever they were sent in.
pub(super) fn hex(text: &str) -> Option<String> {
    let fits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    fits.then(|| text.to_ascii_lowercase())
}

/// A body without the end of line that some clients send behind it. One that a value holds is percent-encoded.
fn without_line_end(body: &[u8]) -> &[u8] {
    let body = body.strip_suffix(b"\n").unwrap_or(body);
    body.strip_suffix(b"\r").unwrap_or(body)
}

/// The members of a JSON object whose values are as simple as those of a form.
fn members<'a>(body: &[u8]) -> Result<Vec<Field<'a>>, Error> {
    let object: Map<String, Value> =
        serde_json::from_slice(body).map_err(|_| Error::Malformed("not JSON".to_owned()))?;
    let simple = |(name, value)| {
        let text = match value {
            Value::String(text) => text,
            Value::Bool(flag) => flag.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        Some((Cow::Owned(name), Cow::Owned(text)))
    };
    Ok(object.into_iter().filter_map(simple).collect())
}
