//! This file is about records at rest: what stands between our types and the bytes in a store.
//!
//! The types of the domain are never serialisable; each has a row here. Every body begins with a format
//! number, and every format that was ever released is still read.

pub mod account;
pub mod epoch;
pub mod key;
pub mod removal;
pub mod resource;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::id::Id;

/// The number in front of every body that this version writes.
const FORMAT: u8 = 1;

pub(crate) fn encode<T: Serialize>(row: &T) -> Result<Vec<u8>, Error> {
    postcard::to_allocvec(&(FORMAT, row)).map_err(Error::internal)
}

pub(crate) fn decode<'a, T: Deserialize<'a>>(id: Id, body: &'a [u8]) -> Result<T, Error> {
    let damaged = |why: &str| {
        Error::internal(format!("record {id:?} does not decode ({why}): run `keyward store check`"))
    };
    let read: Result<((u8, T), _), _> = postcard::take_from_bytes(body);
    match read {
        Ok(((FORMAT, row), [])) => Ok(row),
        Ok(((FORMAT, _), _)) => Err(damaged("something stands behind it")),
        Ok(((newer, _), _)) => {
            Err(Error::internal(format!("record {id:?} has format {newer}, this is an older Keyward")))
        }
        Err(error) => Err(damaged(&error.to_string())),
    }
}
