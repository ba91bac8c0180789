//! This file is about bodies: which of the vendor's two forms one has, and what stands in it.

use http::header::CONTENT_TYPE;
use keyward_core::error::Error;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::grants::Grants;
use crate::dialect::Request;
use crate::media;

/// The two forms in which clients speak of keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Notation {
    /// That of the documentation: a `name`, and scopes as an array.
    #[default]
    Name,
    /// That of the infrastructure provider: an `alias`, and scopes as an object.
    Alias,
}

/// A body, member by member as they are asked for; all others are ignored.
pub(super) struct Given(Map<String, Value>);

impl Given {
    /// Reads a body; an empty one says nothing.
    pub(super) fn read(request: &Request<'_>) -> Result<Self, Error> {
        if request.body.is_empty() {
            return Ok(Self(Map::new()));
        }
        let not_json = Error::UnsupportedType { wanted: "application/json" };
        if request.headers.contains_key(CONTENT_TYPE) && !media::is_of_type(request, &["application/json"]) {
            return Err(not_json);
        }
        match serde_json::from_slice(request.body).map_err(|_| not_json)? {
            Value::Object(members) => Ok(Self(members)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(Error::invalid("", "an object"))
            }
        }
    }

    /// A member that is a text.
    pub(super) fn text(&self, member: &str) -> Result<Option<String>, Error> {
        match self.0.get(member) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                Err(Error::invalid(member, "a string"))
            }
        }
    }

    /// What something is to be called: its `alias`, or else its `name`.
    pub(super) fn name(&self) -> Result<Option<String>, Error> {
        let (name, alias) = (self.text("name")?, self.text("alias")?);
        if alias.as_ref().is_some_and(|alias| !is_alias(alias)) {
            return Err(Error::invalid("alias", "4 to 64 of A-Z a-z 0-9 . - _"));
        }
        Ok(alias.or(name))
    }

    /// What something of this name is to be called instead. Who sends back what was read changes nothing: of the two ways in
    /// which it shows the one name, only what differs counts.
    pub(super) fn other_name(&self, current: &str) -> Result<Option<String>, Error> {
        let alias = self.text("alias")?.filter(|alias| *alias != alias_of(current));
        Ok(alias.or(self.text("name")?.filter(|name| name != current)))
    }

    /// Whether a key is to be stopped.
    pub(super) fn is_disabled(&self) -> Result<Option<bool>, Error> {
        match self.text("status")?.as_deref() {
            None => Ok(None),
            Some("enabled") => Ok(Some(false)),
            Some("disabled") => Ok(Some(true)),
            Some(_) => Err(Error::invalid("status", "enabled or disabled")),
        }
    }

    /// What a key is to open.
    pub(super) fn grants(&self) -> Result<Option<Grants>, Error> {
        let scopes = self.0.get("scopes").filter(|scopes| !scopes.is_null());
        scopes.map(Grants::read).transpose()
    }

    /// The form, which a key keeps: told by what it is called by, or else by how the scopes are written.
    pub(super) fn notation(&self) -> Notation {
        let has = |member| self.0.get(member).is_some_and(|value| !value.is_null());
        let scopes_are_object = self.0.get("scopes").is_some_and(Value::is_object);
        if has("alias") || !has("name") && scopes_are_object { Notation::Alias } else { Notation::Name }
    }
}

/// The lengths of an alias, in characters.
const ALIAS: std::ops::RangeInclusive<usize> = 4..=64;

fn is_alias(text: &str) -> bool {
    ALIAS.contains(&text.len()) && text.chars().all(is_of_alias)
}

const fn is_of_alias(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_')
}

/// What something of this name is shown as to clients that know aliases only: the name itself where it can be one.
pub(super) fn alias_of(name: &str) -> String {
    let fitting = name.chars().map(|character| if is_of_alias(character) { character } else { '-' });
    let padding = std::iter::repeat_n('-', ALIAS.start().saturating_sub(name.chars().count()));
    fitting.chain(padding).take(*ALIAS.end()).collect()
}

#[cfg(test)]
mod tests {
    use super::{alias_of, is_alias};

    #[test]
    fn every_name_has_an_alias_and_an_alias_is_its_own() {
        let cases = [
            ("ci-1.prod_x", "ci-1.prod_x"),
            ("API key", "API-key"),
            ("ci", "ci--"),
            ("Müller & Söhne", "M-ller---S-hne"),
            ("a\"b\\c\u{1F511}", "a-b-c-"),
        ];
        for (name, alias) in cases {
            assert_eq!(alias_of(name), alias);
        }
        for name in ["x", "ü", &"n".repeat(200), &"é".repeat(100)] {
            assert!(is_alias(&alias_of(name)), "{name}");
        }
    }
}
