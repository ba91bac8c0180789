//! This file is about the header fields of the native API, for its `OpenAPI` document: those of requests, which say how a call
//! is to be done, and those of answers.

use crate::openapi::Header;

pub(super) const IF_MATCH: Header = Header {
    name: "If-Match",
    description: "The `ETag` of the version that is meant; 412 if it is another one.",
};
pub(super) const ONCE: Header = Header {
    name: "Idempotency-Key",
    description: "A name for this request: a repeat within 24 hours gets the first answer. 410 if the key in that answer was \
        removed since.",
};
pub(super) const PREFER: Header =
    Header { name: "Prefer", description: "`return=representation`: 200 and the receipt instead of 204." };
pub(super) const LAST_EVENT: Header =
    Header { name: "Last-Event-ID", description: "Where a stream that broke is taken up again." };

pub(super) const FORWARDED: [Header; 4] = [
    Header { name: "Keyward-Credential", description: "The gateway's own secret." },
    Header {
        name: "Keyward-Scope",
        description: "The scopes that the key must have, with spaces between them.",
    },
    Header {
        name: "Keyward-Header",
        description: "The header field that holds the key; by default `Authorization`, then `X-API-Key`.",
    },
    Header {
        name: "X-Real-IP",
        description: "Where the key comes from; if it is not there, the last address of `X-Forwarded-For`.",
    },
];

pub(super) const VERSION: Header =
    Header { name: "ETag", description: "The version of what is in the body, for `If-Match`." };
pub(super) const WHERE: Header = Header { name: "Location", description: "Where to read it again." };
pub(super) const RECEIPT: Header =
    Header { name: "Keyward-Receipt", description: "The id of the receipt, for `GET /v1/receipts/{id}`." };
pub(super) const PREFERENCE_APPLIED: Header =
    Header { name: "Preference-Applied", description: "`return=representation`, where it was preferred." };

/// What a gateway is told of its client's key.
pub(super) const OF_KEYS: [Header; 5] = [
    Header { name: "Keyward-Key-Id", description: "The key." },
    Header { name: "Keyward-Account-Id", description: "The account that it acts as." },
    Header { name: "Keyward-Organization-Id", description: "The organization of the account." },
    Header { name: "Keyward-Scopes", description: "Its scopes, with spaces between them." },
    Header { name: "Keyward-Expires-At", description: "From when on it is refused, if it ends by itself." },
];

/// What stands beside a problem.
pub(super) const OF_FAULTS: [Header; 4] = [
    Header { name: "WWW-Authenticate", description: "With 401: how to sign in." },
    Header {
        name: "Retry-After",
        description: "With 429, and 503 where waiting helps: the seconds to wait.",
    },
    Header { name: "Allow", description: "With 405: the methods that this path takes." },
    Header { name: "Accept", description: "With 415: the content type that is taken." },
];
