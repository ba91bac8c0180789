//! The languages we speak: bytes in, bytes out, no I/O.
//!
//! A [`Dialect`] is three tables: its routes, how a request presents a credential, and what every error looks
//! like. The server asks them in the order of judgement: [`Dialect::route`], [`Dialect::credential`], the permit
//! for [`Route::verb`], and only then [`Route::parse`], so that a stranger learns nothing from what is said about
//! the shape of a request.

mod dialect;
pub mod native;
pub mod openapi;

pub use self::dialect::{
    Credential, Dialect, Events, Form, Lines, Params, Parse, Parsed, Render, Request, Response, Route, Split,
};
