//! This file is about single fields: text becomes a type of the core, or the field is named.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ipnet::IpNet;
use keyward_client::wire;
use keyward_core::command::Page;
use keyward_core::error::Error;
use keyward_core::id::Id;
use keyward_core::key::RateLimit;
use keyward_core::metadata::Metadata;
use keyward_core::scope::Scopes;
use keyward_core::secret::{Handle, Label};
use keyward_core::time::Timestamp;

use crate::dialect::Params;

/// An id; `parse` is its type's.
pub(super) fn id<T>(field: &str, text: &str, parse: fn(&str) -> Option<T>) -> Result<T, Error> {
    parse(text)
        .ok_or_else(|| Error::invalid(field, "an id of its kind, as printed: a prefix and 26 characters"))
}

/// An id that may be absent.
pub(super) fn maybe_id<T>(
    field: &str,
    text: Option<&str>,
    parse: fn(&str) -> Option<T>,
) -> Result<Option<T>, Error> {
    text.map(|text| id(field, text, parse)).transpose()
}

/// The id in the path. What is no id at all is a mistake to be told, not something that is not there: who asks
/// for a removal must not take the one for the other.
pub(super) fn path_id<T>(params: &Params<'_, '_>, parse: fn(&str) -> Option<T>) -> Result<T, Error> {
    id("id", &params.text("id")?, parse)
}

/// An instant.
pub(super) fn instant(field: &str, text: &str) -> Result<Timestamp, Error> {
    // The last days of 9999 are what some write for never.
    let never = || Timestamp::parse_nearest(text).filter(|nearest| *nearest == Timestamp::LAST);
    let must = "an instant as in RFC 3339, not before 1970";
    Timestamp::parse(text).or_else(never).ok_or_else(|| Error::invalid(field, must))
}

/// An instant that may be absent.
pub(super) fn maybe_instant(field: &str, text: Option<&str>) -> Result<Option<Timestamp>, Error> {
    text.map(|text| instant(field, text)).transpose()
}

/// A prefix or an environment, or what it is if it is not given.
pub(super) fn label(field: &str, text: Option<&str>, default: &str) -> Result<Label, Error> {
    Label::parse(text.unwrap_or(default))
        .ok_or_else(|| Error::invalid(field, "1 to 8 lower-case letters and digits, a letter first"))
}

/// A handle.
pub(super) fn handle(text: &str) -> Result<Handle, Error> {
    Handle::parse(text)
        .ok_or_else(|| Error::invalid("handle", "4 to 64 printable ASCII characters without spaces"))
}

/// Networks.
pub(super) fn networks(texts: &[String]) -> Result<Vec<IpNet>, Error> {
    let network = |text: &String| -> Option<IpNet> {
        text.parse().ok().or_else(|| text.parse().ok().map(|address: IpAddr| address.into()))
    };
    let networks: Option<Vec<IpNet>> = texts.iter().map(|text| network(text).map(canonical)).collect();
    networks.ok_or_else(|| Error::invalid("ip_allow", "networks such as 192.0.2.0/24 or 2001:db8::/32"))
}

/// The network of IPv4 that a network of IPv6 is, where it is one (RFC 4291, section 2.5.5.2): addresses are compared in
/// that form.
fn canonical(network: IpNet) -> IpNet {
    let length = network.prefix_len().checked_sub(96);
    let address = Some(network.addr().to_canonical()).filter(IpAddr::is_ipv4);
    length.zip(address).and_then(|(length, address)| IpNet::new(address, length).ok()).unwrap_or(network)
}

/// Scopes.
pub(super) fn scopes(texts: &[String]) -> Result<Scopes, Error> {
    Scopes::parse(texts.iter().map(String::as_str))
}

/// Metadata.
pub(super) fn metadata(given: &wire::Metadata) -> Result<Metadata, Error> {
    Metadata::new(&given.0)
}

/// A rate limit; whether its numbers are possible is for the core to say.
pub(super) const fn rate_limit(given: wire::RateLimit) -> RateLimit {
    RateLimit { limit: given.limit, window_seconds: given.window_seconds }
}

/// How many items a page has.
pub(super) fn limit(given: Option<u32>) -> Result<usize, Error> {
    let limit = given.map_or(Page::DEFAULT, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let fits = (1..=Page::LIMIT).contains(&limit);
    fits.then_some(limit).ok_or_else(|| Error::invalid("limit", "1 to 500"))
}

/// A page.
pub(super) fn page(limit_given: Option<u32>, cursor: Option<&str>) -> Result<Page, Error> {
    let after = cursor.map(|text| {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        Some(Id::from_bits(u128::from_be_bytes(bytes.try_into().ok()?)))
    });
    let after =
        after.map(|id| id.ok_or_else(|| Error::invalid("cursor", "the next_cursor of a page before")));
    Ok(Page { after: after.transpose()?, limit: limit(limit_given)? })
}

/// What gets the page after the one that ends with this id.
pub(super) fn cursor(last: Id) -> String {
    URL_SAFE_NO_PAD.encode(last.bytes())
}
