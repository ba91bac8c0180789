//! This file is about media types: what a request says its body is, and what it takes for an answer.

use http::HeaderName;
use http::header::{ACCEPT, CONTENT_TYPE};

use crate::dialect::Request;

/// True if the body's content type is one of these.
pub(crate) fn is_of_type(request: &Request<'_>, types: &[&str]) -> bool {
    let given = request.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    // By bytes: to look for a character takes as long as reading the body's JSON.
    let given = given.unwrap_or_default().as_bytes();
    let given = given.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    types.iter().any(|wanted| given.eq_ignore_ascii_case(wanted.as_bytes()))
}

/// True if the caller names this media type as one that it takes.
pub(crate) fn accepts(request: &Request<'_>, media_type: &str) -> bool {
    names(request, &ACCEPT, media_type)
}

/// True if the caller takes JSON: of what it names, what fits most closely says so, unless with `q=0` (RFC 9110, section
/// 12.5.1). Who names nothing takes everything.
pub(crate) fn takes_json(request: &Request<'_>) -> bool {
    let ranges: Vec<&str> = items(request, &ACCEPT).filter(|item| !item.is_empty()).collect();
    let closest = ["application/json", "application/*", "*/*"]
        .into_iter()
        .find_map(|wanted| ranges.iter().find(|range| name_of(range).eq_ignore_ascii_case(wanted)));
    closest.map_or(ranges.is_empty(), |range| !is_refused(range))
}

/// True for a range of weight zero.
fn is_refused(range: &str) -> bool {
    let mut parameters = range.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let weight = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    weight.is_some_and(|(_, weight)| weight.trim().parse() == Ok(0.0))
}

/// True if a header field that is a list has this item, whatever its parameters.
pub(crate) fn names(request: &Request<'_>, header: &HeaderName, wanted: &str) -> bool {
    items(request, header).any(|item| name_of(item).eq_ignore_ascii_case(wanted))
}

/// The items of a header field that is a list.
fn items<'a>(request: &Request<'a>, header: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = request.headers.get_all(header).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// An item without its parameters.
fn name_of(item: &str) -> &str {
    item.split(';').next().unwrap_or_default().trim()
}
