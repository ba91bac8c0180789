//! This file is about [`Key`] as an extractor of axum: what a [`RequireKeyLayer`](crate::tower::RequireKeyLayer) has let pass.

use std::convert::Infallible;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};

use crate::verifier::Key;

/// There is no key: the route does not stand behind a [`RequireKeyLayer`](crate::tower::RequireKeyLayer). Answered by 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no key")]
pub struct NoKey;

impl IntoResponse for NoKey {
    fn into_response(self) -> Response {
        let challenge = HeaderValue::from_static(r#"Bearer realm="keyward""#);
        (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response()
    }
}

impl<S: Sync> FromRequestParts<S> for Key {
    type Rejection = NoKey;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NoKey> {
        parts.extensions.get::<Self>().cloned().ok_or(NoKey)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Key {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}
