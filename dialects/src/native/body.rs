//! This file is about reading bodies and queries: what is not of the right shape is named by its place and by
//! what belongs there, never by what stood there, because that could be a secret in the wrong place.

use keyward_core::error::Error;
use serde::Deserialize;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

use crate::dialect::Request;
use crate::media::is_of_type;

/// Longest member name that is repeated in a problem: as long as the longest of ours, and shorter than the
/// shortest secret, which may stand where a name should.
const NAME: usize = 15;

/// Reads a body that must be JSON, of a call without a query.
pub(super) fn json<'a, T: Deserialize<'a>>(request: &Request<'a>) -> Result<T, Error> {
    no_query(request)?;
    if !is_of_type(request, &["application/json"]) {
        return Err(Error::UnsupportedType { wanted: "application/json" });
    }
    object(request.body)
}

/// Reads a body that may be left out.
pub(super) fn json_or_default<'a, T: Deserialize<'a> + Default>(request: &Request<'a>) -> Result<T, Error> {
    if request.body.is_empty() { no_query(request).map(|()| T::default()) } else { json(request) }
}

/// Reads a body that is a merge patch (RFC 7396).
pub(super) fn patch<'a, T: Deserialize<'a>>(request: &Request<'a>) -> Result<T, Error> {
    no_query(request)?;
    if !is_of_type(request, &["application/merge-patch+json", "application/json"]) {
        return Err(Error::UnsupportedType { wanted: "application/merge-patch+json" });
    }
    object(request.body)
}

/// Reads a JSON object. An array is refused here, because serde would take it for the members in their order.
pub(super) fn object<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Error> {
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(Error::invalid("", "an object"));
    }
    document(bytes)
}

/// Reads JSON.
pub(super) fn document<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| explain::<T>(bytes, &error))
}

/// What nothing can be said in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Refuses a body where there is none to read: whoever says something in it means something by that.
pub(super) fn no_body(request: &Request<'_>) -> Result<(), Error> {
    if request.body.is_empty() { Ok(()) } else { object(request.body).map(|Nothing {}| ()) }
}

/// Reads a query.
pub(super) fn query<'a, T: Deserialize<'a>>(request: &Request<'a>) -> Result<T, Error> {
    let pairs = form_urlencoded::parse(request.query.as_bytes());
    let reader = serde_urlencoded::Deserializer::new(pairs);
    serde_path_to_error::deserialize(reader)
        .map_err(|error| misshapen(error.path(), &error.inner().to_string()))
}

/// Refuses a query where there is none to read.
pub(super) fn no_query(request: &Request<'_>) -> Result<(), Error> {
    if request.query.is_empty() { Ok(()) } else { query(request).map(|Nothing {}| ()) }
}

fn explain<'a, T: Deserialize<'a>>(bytes: &'a [u8], error: &serde_json::Error) -> Error {
    match error.classify() {
        // These messages are fixed texts and a place.
        Category::Syntax | Category::Eof | Category::Io => Error::Malformed(format!("not JSON: {error}")),
        Category::Data => {
            // Slower, with the path: only who sent something wrong waits for it.
            let mut reader = serde_json::Deserializer::from_slice(bytes);
            match serde_path_to_error::deserialize::<_, T>(&mut reader) {
                Err(error) => misshapen(error.path(), &error.inner().to_string()),
                Ok(_) => Error::Malformed("not JSON".to_owned()),
            }
        }
    }
}

/// The error for a value of the wrong shape. `message` is serde's: it quotes the value, so only its kind and
/// what stands after its last `expected` are used.
fn misshapen(path: &Path, message: &str) -> Error {
    let place = place(path);
    let quoted = |kind: &str| message.strip_prefix(kind).and_then(|rest| rest.split('`').next());
    let member = |name: &str| match (place.as_str(), is_plain(name)) {
        ("", true) => name.to_owned(),
        (_, true) if place.rsplit('.').next() == Some(name) => place.clone(),
        (_, true) => format!("{place}.{name}"),
        (_, false) => place.clone(),
    };
    if let Some(name) = quoted("missing field `") {
        Error::invalid(&member(name), "given")
    } else if let Some(name) = quoted("duplicate field `") {
        Error::invalid(&member(name), "given once")
    } else if let Some(name) = quoted("unknown field `") {
        Error::invalid(&member(name), "left out: nothing of this name is known here")
    } else {
        let expected = message.rsplit_once(", expected ").map(|(_, expected)| expected);
        let expected = expected.map(|text| text.rsplit_once(" at line ").map_or(text, |(text, _)| text));
        Error::invalid(&place, expected.map_or_else(|| unsaid(message), in_words))
    }
}

/// What serde says was expected, without the names of our types.
fn in_words(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative, and not too large",
        "i8" | "i16" | "i32" | "i64" => "a whole number, and not too large",
        text if text.starts_with("struct ") => "an object",
        text => text,
    }
}

/// The same where it does not say. In a query numbers are texts, and their reader speaks of digits.
fn unsaid(message: &str) -> &'static str {
    let is_number = ["digit", "number too", "empty string"].iter().any(|word| message.contains(word));
    if is_number { in_words("u64") } else { "as `/openapi.json` describes it" }
}

/// The path, as far as it is made of names that could be ours.
fn place(path: &Path) -> String {
    let mut place = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => place.push_str(&format!("[{index}]")),
            Segment::Map { key } | Segment::Enum { variant: key } if is_plain(key) => {
                if !place.is_empty() {
                    place.push('.');
                }
                place.push_str(key);
            }
            Segment::Map { .. } | Segment::Enum { .. } | Segment::Unknown => break,
        }
    }
    place
}

fn is_plain(name: &str) -> bool {
    (1..=NAME).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}
