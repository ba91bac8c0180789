//! This file is about web pages that talk to the unit from a browser: whose they may be, and what they may know of an answer.

use std::net::IpAddr;

use http::HeaderValue;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ORIGIN};

use super::state::Owner;
use crate::dialect::{Request, Response};

/// The page that sends a request, if one does.
pub(super) enum Page {
    None,
    /// One of the unit's own.
    Own(HeaderValue),
    Foreign,
}

impl Page {
    /// The unit's own are those of its name and the one that it was configured with. What `Host` says is no sign of either: a
    /// page may have its own name resolve to the unit's address.
    pub(super) fn of(request: &Request<'_>) -> Self {
        let Some(origin) = request.headers.get(ORIGIN) else { return Self::None };
        let is_own = origin.to_str().is_ok_and(|page| is_own(page, request.unit.owner().as_ref()));
        if is_own { Self::Own(origin.clone()) } else { Self::Foreign }
    }

    pub(super) const fn is_foreign(&self) -> bool {
        matches!(self, Self::Foreign)
    }

    /// An answer to its request. A browser shows it to the page only if it says so.
    pub(super) fn told(&self, mut response: Response) -> Response {
        if let Self::Own(origin) = self {
            response.headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
        response
    }
}

/// Whether a page is one of this owner's unit. A unit that is nobody's has no name yet: its pages are on its own machine.
fn is_own(page: &str, owner: Option<&Owner>) -> bool {
    let host = page.strip_prefix("https://").or_else(|| page.strip_prefix("http://"));
    let host = host.map(without_port).filter(|host| !host.is_empty());
    match owner {
        None => host.is_some_and(is_loopback),
        Some(Owner { origin, hostname, .. }) => {
            let hostname = without_port(hostname);
            let is_of = |host: &str| {
                host.eq_ignore_ascii_case(hostname) || (is_loopback(host) && is_loopback(hostname))
            };
            origin == page || origin == "*" || host.is_some_and(is_of)
        }
    }
}

/// Whether a host is the machine itself, by any of its names.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// A host without its port. An IPv6 address stands in brackets.
pub(super) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::is_own;
    use crate::encedo::example::owner;
    use crate::encedo::state::Owner;

    #[test]
    fn a_page_is_the_units_by_name_or_configuration() {
        let of = |hostname: &str, origin: &str| Owner {
            hostname: hostname.to_owned(),
            origin: origin.to_owned(),
            ..owner()
        };
        let named = of("unit.example", "https://app.example");
        for page in [
            "https://unit.example",
            "https://UNIT.example:8443",
            "http://unit.example",
            "https://app.example",
        ] {
            assert!(is_own(page, Some(&named)), "{page}");
            assert!(!is_own(page, None), "{page}");
        }
        for page in [
            "https://evil.example",
            "https://unit.example.evil.example",
            "https://app.example:8443",
            "http://app.example",
            "http://localhost",
            "https://127.0.0.1:8443",
            "unit.example",
            "null",
            "https://",
            "",
        ] {
            assert!(!is_own(page, Some(&named)), "{page}");
            assert!(is_own(page, Some(&of("unit.example", "*"))), "{page}");
        }
        let demo = of("127.0.0.1", "https://127.0.0.1");
        for page in ["https://localhost:8443", "https://127.0.0.1:8443", "http://[::1]", "http://LOCALHOST"] {
            assert!(is_own(page, Some(&demo)) && is_own(page, None), "{page}");
        }
        for page in
            ["https://localhost.evil.example", "https://127.0.0.1.evil.example", "https://evil.example"]
        {
            assert!(!is_own(page, Some(&demo)) && !is_own(page, None), "{page}");
        }
        assert!(!is_own("https://", Some(&of("", ""))), "a unit without a name has no page");
    }
}
