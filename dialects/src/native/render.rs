//! This file is about answers: one exhaustive match from what came of a command to what goes out.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, LOCATION};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use keyward_client::wire;
use keyward_core::command::{Answer, Done, Removed};
use keyward_core::id::{Id, ReceiptId};
use keyward_core::key::Key;
use serde::Serialize;

use super::{access_levels, crypto, fields, headers, show, verifiers, verify};
use crate::dialect::{Request, Response};
use crate::media;

/// The answer on the wire.
pub(super) fn answer(done: &Done, request: &Request<'_>) -> Response {
    let uncovered = &done.uncovered;
    match &done.answer {
        Answer::Issued(key, secret) => {
            issued(key, Some(wire::Secret::new(secret.expose().to_owned())), uncovered)
        }
        Answer::IssuedAccess(key) | Answer::IssuedCrypto(key) => issued(key, None, uncovered),
        Answer::Key(key) | Answer::Found(key) => {
            changed(show::key(key), uncovered).with_version(key.head.version)
        }
        Answer::Exercised(exercised) => crypto::render(exercised),
        Answer::Keys(keys, next) => list(keys.iter().map(show::found).collect(), *next),
        Answer::Verdict(verdict) => verify::render(verdict),
        Answer::Removed(removed) => render_removed(removed, uncovered, request),
        Answer::Plan(plan) => json(StatusCode::OK, &show::plan(plan)),
        Answer::Removal(progress) => {
            let id = progress.removal.id;
            let begun = *request.method == Method::POST;
            let status = if begun { StatusCode::ACCEPTED } else { StatusCode::OK };
            let response = json(status, &show::progress(progress));
            if begun { response.with(LOCATION, &format!("/v1/removals/{id}")) } else { response }
        }
        Answer::Usage(usage) => json(StatusCode::OK, &show::usage(usage)),
        Answer::Rerooted(epoch) => json(StatusCode::OK, &show::epoch(epoch)),
        Answer::BackedUp(backup) => json(StatusCode::OK, &show::backup(backup)),
        Answer::Receipt(id, receipt, covered) if media::accepts(request, "application/json") => {
            json(StatusCode::OK, &show::receipt(*id, receipt, covered))
        }
        Answer::Receipt(_, receipt, _) => text(receipt.to_string()),
        Answer::Verifiers(all, position) => json(StatusCode::OK, &verifiers::show(all, *position)),
        Answer::Account(account) => {
            created(request, "accounts", &account.id, show::account(account), uncovered)
                .with_version(account.version)
        }
        Answer::Accounts(accounts, next) => list(accounts.iter().map(show::account).collect(), *next),
        Answer::AccountRemoved(id) => receipted(id.id(), uncovered),
        Answer::OrganizationRemoved(id) => receipted(id.id(), uncovered),
        Answer::Organization(one) => {
            created(request, "organizations", &one.id, show::organization(one), uncovered)
                .with_version(one.version)
        }
        Answer::Organizations(all, next) => list(all.iter().map(show::organization).collect(), *next),
        Answer::Events(page) => {
            // `after` is the last position looked at.
            let last = page.next.checked_sub(1).filter(|_| !page.is_last);
            let data = page.found.iter().map(show::event).collect();
            json(StatusCode::OK, &wire::List { data, next_cursor: last.map(|last| last.to_string()) })
        }
        // The only resources that this language has calls for.
        Answer::Resource(level) => {
            created(request, "access-levels", &level.id, access_levels::show(level), uncovered)
                .with_version(level.version)
        }
        Answer::Resources(levels, next) => list(levels.iter().map(access_levels::show).collect(), *next),
        Answer::ResourceRemoved(level, _) => receipted(level.id.id(), uncovered),
        // No route of this language asks for one.
        Answer::KeyName(_)
        | Answer::Reach(_)
        | Answer::Count(_)
        | Answer::HasKey(_)
        | Answer::Revealed(_) => empty(StatusCode::NO_CONTENT),
        Answer::Checkpoint(note) => text(note.clone()).with(CACHE_CONTROL, "no-cache"),
        Answer::Tile(bytes) => Response { body: bytes.clone(), ..empty(StatusCode::OK) }
            .with(CONTENT_TYPE, "application/octet-stream")
            // A tile of a log never changes.
            .with(CACHE_CONTROL, "private, max-age=31536000, immutable"),
    }
}

fn issued(key: &Key, secret: Option<wire::Secret>, uncovered: &[String]) -> Response {
    let issued = wire::Issued { key: show::new_key(key), secret, uncovered: uncovered.to_vec() };
    let response = json(status_of(StatusCode::CREATED, uncovered), &issued);
    let response =
        response.with(CACHE_CONTROL, "no-store").with(LOCATION, &format!("/v1/keys/{}", key.head.id));
    response.with_version(key.head.version)
}

/// A JSON answer.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    // Nothing that is shown has map keys or numbers that JSON cannot write.
    json_text(status, serde_json::to_vec(body).unwrap_or_default())
}

/// An answer that is the text of JSON already.
pub(super) fn json_text(status: StatusCode, body: Vec<u8>) -> Response {
    // Room for more than the few of an answer: the connection takes the map for the fields of its next request.
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Response { status, headers, body }
}

fn text(body: String) -> Response {
    Response { body: body.into_bytes(), ..empty(StatusCode::OK) }
        .with(CONTENT_TYPE, "text/plain; charset=utf-8")
}

pub(super) fn empty(status: StatusCode) -> Response {
    Response { status, headers: HeaderMap::new(), body: Vec::new() }
}

fn list<T: Serialize>(data: Vec<T>, next: Option<Id>) -> Response {
    json(StatusCode::OK, &wire::List { data, next_cursor: next.map(fields::cursor) })
}

/// The status of an answer; 202 where a verifier may go on as if nothing had been taken away: that is for its operator to know.
const fn status_of(all_well: StatusCode, uncovered: &[String]) -> StatusCode {
    if uncovered.is_empty() { all_well } else { StatusCode::ACCEPTED }
}

/// What something has become.
fn changed(now: impl Serialize, uncovered: &[String]) -> Response {
    json(status_of(StatusCode::OK, uncovered), &wire::Changed { now, uncovered: uncovered.to_vec() })
}

/// Something that is new if it was asked for by `POST`.
fn created<T: Serialize>(
    request: &Request<'_>,
    list: &str,
    id: &impl ToString,
    body: T,
    uncovered: &[String],
) -> Response {
    if *request.method == Method::POST {
        json(StatusCode::CREATED, &body).with(LOCATION, &format!("/v1/{list}/{}", id.to_string()))
    } else {
        changed(body, uncovered)
    }
}

fn render_removed(removed: &Removed, uncovered: &[String], request: &Request<'_>) -> Response {
    let id = ReceiptId::from(removed.tombstone.id.id());
    let response = if !uncovered.is_empty() {
        json(StatusCode::ACCEPTED, &show::removed(removed, uncovered))
    } else if headers::prefers_representation(request) {
        json(StatusCode::OK, &show::removed(removed, uncovered))
            .with(PREFERENCE_APPLIED, "return=representation")
    } else {
        empty(StatusCode::NO_CONTENT)
    };
    response.with(KEYWARD_RECEIPT, &id.to_string())
}

/// Something is removed, and its receipt has its id.
fn receipted(id: Id, uncovered: &[String]) -> Response {
    let response = match uncovered {
        [] => empty(StatusCode::NO_CONTENT),
        names => json(StatusCode::ACCEPTED, &wire::Uncovered { uncovered: names.to_vec() }),
    };
    response.with(KEYWARD_RECEIPT, &ReceiptId::from(id).to_string())
}

const KEYWARD_RECEIPT: HeaderName = HeaderName::from_static("keyward-receipt");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

impl Response {
    /// The answer with one more header field; what no field can hold is left out.
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    fn with_version(self, version: u64) -> Self {
        self.with(ETAG, &format!("\"{version}\""))
    }
}
