//! This file is about the interactive page, on which the vendor's documentation lets people call everything: a document of
//! the calls, and Swagger UI to show it. All of it comes from the program itself.

use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, StatusCode};
use keyward_core::error::Error;
use keyward_core::permit::Caller;
use swagger_ui_redist::{SwaggerUi, SwaggerUiStaticFile};

use crate::dialect::{Params, Request, Response, Step};

/// The calls, in `OpenAPI` 3.1.
const DOCUMENT: &str = include_str!("openapi.json");
const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("page.js");

/// Nothing is loaded from elsewhere, whatever stands in the page. Swagger UI styles its elements one by one, and draws
/// with data.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Leads to the page: what it links to stands beside it.
pub(super) fn enter(_: &Request<'_>, _: &Params<'_, '_>, _: Option<&Caller>) -> Result<Step, Error> {
    let to_page =
        Response { status: StatusCode::PERMANENT_REDIRECT, headers: HeaderMap::new(), body: Vec::new() };
    Ok(Step::Say(to_page.with(LOCATION, "/user/docs/")))
}

pub(super) fn show(_: &Request<'_>, _: &Params<'_, '_>, _: Option<&Caller>) -> Result<Step, Error> {
    Ok(file("text/html; charset=utf-8", PAGE.as_bytes()))
}

/// What the page links to.
pub(super) fn asset(_: &Request<'_>, params: &Params<'_, '_>, _: Option<&Caller>) -> Result<Step, Error> {
    match params.text("file")?.as_ref() {
        "openapi.json" => Ok(file("application/json", DOCUMENT.as_bytes())),
        "page.js" => Ok(file("text/javascript", SCRIPT.as_bytes())),
        "swagger-ui-bundle.js" => Ok(file("text/javascript", bytes_of(SwaggerUiStaticFile::Js)?)),
        "swagger-ui.css" => Ok(file("text/css", bytes_of(SwaggerUiStaticFile::Css)?)),
        _ => Err(Error::NoRoute),
    }
}

fn bytes_of(wanted: SwaggerUiStaticFile) -> Result<&'static [u8], Error> {
    let found = SwaggerUi::static_files().iter().find(|(file, _)| *file == wanted);
    found.map(|(_, bytes)| *bytes).ok_or_else(|| Error::internal("an asset that is not carried"))
}

fn file(content_type: &str, bytes: &[u8]) -> Step {
    let response = Response { status: StatusCode::OK, headers: HeaderMap::new(), body: bytes.to_vec() };
    Step::Say(response.with(CONTENT_TYPE, content_type).with(CONTENT_SECURITY_POLICY, POLICY))
}
