//! This file is about media types: what a request says its body is, and what it takes for an answer.

use http::HeaderName;
use http::header::{ACCEPT, CONTENT_TYPE};

use crate::dialect::Request;

/// True if the body's content type is one of these.
pub(crate) fn is_of_type(request: &Request<'_>, types: &[&str]) -> bool {
    let given = request.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let given = given.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    types.iter().any(|wanted| given.eq_ignore_ascii_case(wanted))
}

/// True if the caller names this media type as one that it takes.
pub(crate) fn accepts(request: &Request<'_>, media_type: &str) -> bool {
    names(request, &ACCEPT, media_type)
}

/// True if a header field that is a list has this item, whatever its parameters.
pub(crate) fn names(request: &Request<'_>, header: &HeaderName, wanted: &str) -> bool {
    let values = request.headers.get_all(header).iter().filter_map(|value| value.to_str().ok());
    let items = values.flat_map(|value| value.split(',')).filter_map(|item| item.split(';').next());
    items.map(str::trim).any(|item| item.eq_ignore_ascii_case(wanted))
}
