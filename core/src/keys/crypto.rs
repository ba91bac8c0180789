//! This file is about what is done to keys that never leave in their own way: they are made of an algorithm, found by what
//! a dialect named them, and used.

use crate::command::Answer;
use crate::crypto::{Exercise, KeyRef, NewCrypto};
use crate::error::Error;
use crate::keyward::{Environment, Keyward, Origin};
use crate::permit::Permit;
use crate::store::Store;

impl<S: Store, E: Environment> Keyward<S, E> {
    pub(crate) async fn issue_crypto(
        &self,
        _permit: &Permit,
        _new: NewCrypto,
        _origin: &Origin,
    ) -> Result<Answer, Error> {
        Err(Error::internal("not there yet"))
    }

    pub(crate) async fn find_crypto(&self, _permit: &Permit, _lookup: &[u8]) -> Result<Answer, Error> {
        Err(Error::internal("not there yet"))
    }

    pub(crate) async fn exercise(
        &self,
        _permit: &Permit,
        _key: &KeyRef,
        _exercise: Exercise,
        _origin: &Origin,
    ) -> Result<Answer, Error> {
        Err(Error::internal("not there yet"))
    }
}
