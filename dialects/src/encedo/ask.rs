//! This file is about a request as far as it can be read without knowing what it asks for.

use std::sync::Arc;

use http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST};
use http::{HeaderMap, Method, StatusCode};
use keyward_core::error::Error;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::bearer::Bearer;
use super::encoding::{decode, decode_exactly};
use super::kid::Kid;
use super::page::Page;
use super::unit::Unit;
use crate::dialect::{Params, Request};

/// The longest body, in bytes.
const BODY: usize = 7300;

/// The limit of what has another length for each type of key: what fits into a body, and not the key, has failed.
pub(super) const ANY: usize = BODY;

/// A request.
pub(super) struct Ask {
    pub(super) unit: Arc<Unit>,
    pub(super) tls: bool,
    pub(super) host: String,
    pub(super) page: Page,
    presented: Presented,
    has_length: bool,
    /// The variable segments of the path.
    segments: Segments,
    body: Zeroizing<Vec<u8>>,
}

/// The variable segments of a path, decoded; empty where there is none.
#[derive(Default)]
pub(super) struct Segments {
    pub(super) kid: String,
    pub(super) offset: Option<String>,
    pub(super) count: Option<String>,
    pub(super) file: String,
}

/// What stands in `Authorization`.
pub(super) enum Presented {
    Nothing,
    /// A bearer, or what is to pass for one.
    Text(Zeroizing<String>),
}

impl Presented {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        match (values.next(), values.next()) {
            (None, _) => Self::Nothing,
            (Some(value), None) => {
                let text = value.to_str().ok().and_then(|text| {
                    let (scheme, bearer) = text.split_once(' ')?;
                    scheme.eq_ignore_ascii_case("bearer").then(|| bearer.trim_matches(' ').to_owned())
                });
                Self::Text(Zeroizing::new(text.unwrap_or_default()))
            }
            // Two readers could take different ones for the credential.
            (Some(_), Some(_)) => Self::Text(Zeroizing::default()),
        }
    }

    /// The session that is presented, if one is.
    pub(super) fn session(&self, unit: &Unit) -> Result<Option<Bearer>, Error> {
        match self {
            Self::Nothing => Ok(None),
            Self::Text(text) => {
                let bearer = Bearer::read(text, &unit.session_key(), unit.now().seconds());
                bearer.map(Some).ok_or(Error::BadCredential)
            }
        }
    }
}

impl Ask {
    pub(super) fn of(request: &Request<'_>, params: &Params<'_, '_>) -> Self {
        let header =
            |name| request.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let segment = |name| params.text(name).ok().map(std::borrow::Cow::into_owned);
        Self {
            unit: Arc::clone(request.unit),
            tls: request.tls,
            host: header(HOST).unwrap_or_default(),
            page: Page::of(request),
            presented: Presented::of(request.headers),
            has_length: *request.method != Method::POST || request.headers.contains_key(CONTENT_LENGTH),
            segments: Segments {
                kid: segment("kid").unwrap_or_default(),
                offset: segment("offset"),
                count: segment("count"),
                file: segment("file").unwrap_or_default(),
            },
            body: Zeroizing::new(request.body.to_vec()),
        }
    }

    /// What is wrong with it before anything else is looked at.
    pub(super) fn refused_by_transport(&self) -> Option<StatusCode> {
        if !self.has_length {
            return Some(StatusCode::LENGTH_REQUIRED);
        }
        if self.body.len() > BODY {
            return Some(StatusCode::PAYLOAD_TOO_LARGE);
        }
        self.page.is_foreign().then_some(StatusCode::PRECONDITION_FAILED)
    }

    /// The session that is presented, if one is.
    pub(super) fn session(&self) -> Result<Option<Bearer>, Error> {
        self.presented.session(&self.unit)
    }

    pub(super) const fn segments(&self) -> &Segments {
        &self.segments
    }

    /// The kid that it is about, wherever it stands.
    pub(super) fn kid(&self) -> Option<Kid> {
        if !self.segments.kid.is_empty() {
            return Kid::parse(&self.segments.kid);
        }
        self.fields().ok()?.kid("kid").ok()
    }

    /// The members of the body.
    pub(super) fn fields(&self) -> Result<Fields, Error> {
        let fields = serde_json::from_slice(&self.body);
        fields.map(Fields).map_err(|_| Error::Malformed("the body must be a JSON object".to_owned()))
    }
}

/// The members of a body. `null` is the same as nothing.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    fn member(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Their names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The members of a claim.
    pub(super) const fn of(members: Map<String, Value>) -> Self {
        Self(members)
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Error> {
        let text = |value: &Value| value.as_str().map(|_| ());
        self.member(name)
            .map(|value| text(value).ok_or_else(|| Error::invalid(name, "a string")))
            .transpose()?;
        Ok(self.member(name).and_then(Value::as_str))
    }

    pub(super) fn needed_text(&self, name: &str) -> Result<&str, Error> {
        self.text(name)?.ok_or_else(|| Error::invalid(name, "given"))
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Error> {
        let read = |value: &Value| value.as_bool().ok_or_else(|| Error::invalid(name, "true or false"));
        self.member(name).map(read).transpose()
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Error> {
        let read = |value: &Value| value.as_u64().ok_or_else(|| Error::invalid(name, "a whole number"));
        self.member(name).map(read).transpose()
    }

    /// Base64 of at most so many bytes.
    pub(super) fn bytes(&self, name: &str, most: usize) -> Result<Option<Vec<u8>>, Error> {
        let read = |text: &str| {
            let bytes = decode(text).filter(|bytes| bytes.len() <= most);
            bytes.ok_or_else(|| Error::invalid(name, "base64 of not so many bytes"))
        };
        self.text(name)?.map(read).transpose()
    }

    /// Base64 of at least one byte and at most so many.
    pub(super) fn needed_bytes(&self, name: &str, most: usize) -> Result<Vec<u8>, Error> {
        let bytes = self.bytes(name, most)?.filter(|bytes| !bytes.is_empty());
        bytes.ok_or_else(|| Error::invalid(name, "given"))
    }

    /// Base64 of exactly so many bytes.
    pub(super) fn exactly<const N: usize>(&self, name: &str) -> Result<Option<[u8; N]>, Error> {
        let read = |text| decode_exactly(text).ok_or_else(|| Error::invalid(name, "base64 of so many bytes"));
        self.text(name)?.map(read).transpose()
    }

    /// Base64 of exactly so many bytes.
    pub(super) fn needed_exactly<const N: usize>(&self, name: &str) -> Result<[u8; N], Error> {
        self.exactly(name)?.ok_or_else(|| Error::invalid(name, "given"))
    }

    pub(super) fn kid(&self, name: &str) -> Result<Kid, Error> {
        Kid::parse(self.needed_text(name)?).ok_or_else(|| Error::invalid(name, "32 hexadecimal digits"))
    }
}
