//! This file is about web pages that talk to the unit from a browser: whose they may be, and what they may know of an answer.

use http::HeaderValue;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, HOST, ORIGIN};

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
    /// The unit's own are those of its name, of the address that it is asked under, and the one that it was configured with.
    pub(super) fn of(request: &Request<'_>) -> Self {
        let Some(origin) = request.headers.get(ORIGIN) else { return Self::None };
        let text = |value: &HeaderValue| value.to_str().map(str::to_owned).unwrap_or_default();
        let (page, host) = (text(origin), request.headers.get(HOST).map(text).unwrap_or_default());
        let is_named =
            |owner: &Owner| owner.origin == page || owner.origin == "*" || is_page_of(&page, &owner.hostname);
        if is_page_of(&page, &host) || request.unit.owner().as_ref().is_some_and(is_named) {
            Self::Own(origin.clone())
        } else {
            Self::Foreign
        }
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

fn is_page_of(origin: &str, host: &str) -> bool {
    let page = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    page.is_some_and(|page| !host.is_empty() && page.eq_ignore_ascii_case(host))
}
