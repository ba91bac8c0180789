//! This file is about metadata: a JSON object that a key's owner keeps with it, which means nothing to us.

use serde_json::{Map, Value};

use crate::error::Error;

/// A JSON object of at most 8 KiB, kept as compact text so that an answer can carry it without parsing it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata(Box<str>);

/// The text of an object without members.
const EMPTY: &str = "{}";

impl Default for Metadata {
    fn default() -> Self {
        Self(EMPTY.into())
    }
}

impl Metadata {
    /// The longest compact text, in bytes.
    pub const LIMIT: usize = 8 * 1024;

    /// Keeps an object.
    ///
    /// # Errors
    /// [`Error::Invalid`] above [`Self::LIMIT`].
    pub fn new(object: &Map<String, Value>) -> Result<Self, Error> {
        let text = serde_json::to_string(object).map_err(Error::internal)?;
        if text.len() > Self::LIMIT {
            return Err(Error::invalid("metadata", "at most 8 KiB as compact JSON"));
        }
        Ok(Self(text.into()))
    }

    /// Reads the text of an object.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is no object, or too long.
    pub fn parse(text: &str) -> Result<Self, Error> {
        // What most keys have.
        if text == EMPTY {
            return Ok(Self::default());
        }
        let object = serde_json::from_str(text).map_err(|_| Error::invalid("metadata", "a JSON object"))?;
        Self::new(&object)
    }

    /// What comes of merging a patch into it (RFC 7396): members are replaced, `null` takes one away.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the result is too long.
    pub fn merge(&self, patch: &Map<String, Value>) -> Result<Self, Error> {
        let mut object: Map<String, Value> = serde_json::from_str(&self.0).map_err(Error::internal)?;
        merge(&mut object, patch);
        Self::new(&object)
    }

    /// The compact text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn merge(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (member, value) in patch {
        match value {
            Value::Null => {
                target.remove(member);
            }
            Value::Object(inner) => {
                let mut nested = match target.remove(member) {
                    Some(Value::Object(nested)) => nested,
                    Some(_) | None => Map::new(),
                };
                merge(&mut nested, inner);
                target.insert(member.clone(), Value::Object(nested));
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                target.insert(member.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Metadata;

    #[test]
    fn merging_follows_rfc_7396() {
        // The example of RFC 7396, section 3.
        let before =
            r#"{"author":{"familyName":"Doe","givenName":"John"},"content":"x","tags":["a"],"title":"G"}"#;
        let patch =
            r#"{"author":{"familyName":null},"phoneNumber":"+01","tags":["example"],"title":"Hello!"}"#;
        let after = Metadata::parse(before).unwrap().merge(&serde_json::from_str(patch).unwrap()).unwrap();
        let want = r#"{"author":{"givenName":"John"},"content":"x","tags":["example"],"title":"Hello!","phoneNumber":"+01"}"#;
        let [got, want]: [serde_json::Value; 2] =
            [after.as_str(), want].map(|text| serde_json::from_str(text).unwrap());
        assert_eq!(got, want);
    }

    #[test]
    fn it_is_an_object_of_at_most_8_kib() {
        assert!(Metadata::parse("[]").is_err());
        let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(8 * 1024 - 8));
        assert!(Metadata::parse(&long).is_ok());
        assert!(Metadata::parse(&long.replace("{\"a", "{\"ab")).is_err());
    }
}
