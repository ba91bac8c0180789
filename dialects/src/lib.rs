//! The languages we speak: bytes in, bytes out, no I/O.
//!
//! A [`Dialect`] is three tables: its routes, how a request presents a credential, and what every error looks
//! like. The server asks them in the order of judgement: [`Dialect::route`], [`Dialect::credential`], the permit
//! for [`Route::verb`], and only then [`Route::parse`], so that a stranger learns nothing from what is said about
//! the shape of a request.

pub mod cielo24;
mod credentials;
mod dialect;
pub mod discue;
pub mod encedo;
pub mod intserv;
mod media;
pub mod native;
pub mod openapi;
pub mod resolver;
pub mod slow_hash;
mod uuid;

use keyward_core::error::Error;

pub use self::dialect::{
    ActsAs, Begin, ByItself, Choose, Credential, Dialect, Events, Form, Lines, Next, Params, Parse, Parsed,
    Render, Request, Response, Route, Split, Step, settled,
};

/// The scopes of which an account has one key at a time, see [`keyward_core::keyward::Environment::sole_scopes`].
pub const SOLE_SCOPES: [&str; 1] = [intserv::INTEGRATION];

/// The languages of other systems.
///
/// # Errors
/// [`Error::Internal`] if a table of routes contradicts itself, which a test would have shown.
pub fn vendors() -> Result<Vec<Dialect>, Error> {
    let all = [cielo24::dialect, discue::dialect, encedo::dialect, intserv::dialect, resolver::dialect];
    all.into_iter().map(|dialect| dialect()).collect()
}
