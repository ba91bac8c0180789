//! This file is about callers: who presents this secret, and as whom they act.

use std::net::IpAddr;

use crate::account::Account;
use crate::error::Error;
use crate::keyward::{Environment, Keyward};
use crate::live::{Stands, Whose};
use crate::permit::Caller;
use crate::store::{RecordKind, Store};
use crate::time::Timestamp;
use crate::usage::Use;

impl<S: Store, E: Environment> Keyward<S, E> {
    /// Turns a presented secret into the caller that it proves.
    ///
    /// # Errors
    /// [`Error::BadCredential`] whatever is wrong with it; [`Error::Slow`] for one that is used too often.
    pub fn authenticate(&self, secret: &str, address: Option<IpAddr>) -> Result<Caller, Error> {
        self.authenticate_among(Whose::Anyone, secret, address)
    }

    /// The same where that is little work, whatever was imported by whom: not if it takes a search through the ways to take a
    /// digest that all organizations have. So much is for strangers who have not been wrong too often.
    ///
    /// # Errors
    /// As [`Keyward::authenticate`]; [`Error::BadCredential`] also where a search might find it.
    pub fn authenticate_at_hand(&self, secret: &str, address: Option<IpAddr>) -> Result<Caller, Error> {
        self.authenticate_among(Whose::AtHand, secret, address)
    }

    fn authenticate_among(
        &self,
        whose: Whose,
        secret: &str,
        address: Option<IpAddr>,
    ) -> Result<Caller, Error> {
        self.proved(address, |at| self.live.authenticate(secret, whose, address, at, &self.pepper))
    }

    /// The same for a caller whose request goes on: its key is in use, but not once more against its limit.
    ///
    /// # Errors
    /// As [`Keyward::authenticate`], but never [`Error::Slow`].
    pub fn recognize(&self, secret: &str, address: Option<IpAddr>) -> Result<Caller, Error> {
        self.proved(address, |at| self.live.recognize(secret, address, at, &self.pepper))
    }

    fn proved(
        &self,
        address: Option<IpAddr>,
        prove: impl FnOnce(Timestamp) -> Result<Caller, Error>,
    ) -> Result<Caller, Error> {
        if self.is_locked() {
            return Err(Error::Locked);
        }
        let at = self.environment.now();
        let caller = prove(at)?;
        self.notes.add(caller.key.id(), Use { at, address, accepted: true });
        Ok(caller)
    }

    /// The caller as another account of its organization, which has this number. All that it does is written down as
    /// done by its key as that account. What is wrong with the number is told only to who may do this.
    ///
    /// # Errors
    /// [`Error::Forbidden`] if the caller's key may not; [`Error::NotFound`] for an account that is not an active one
    /// of the same organization.
    pub async fn impersonate(&self, caller: Caller, number: Result<u32, Error>) -> Result<Caller, Error> {
        caller.may_impersonate()?;
        let holder = self.store.holder(self.pepper.number(RecordKind::Account, number?)).await?;
        let stored = self.store.fetch(holder.ok_or(Error::NotFound)?).await?.ok_or(Error::NotFound)?;
        let account = Account::from_record(&stored.record)?;
        let facts = self.live.directory.account(account.id, account.organization);
        let is_theirs = account.organization == caller.organization && facts.stands() == Stands::Active;
        if is_theirs { Ok(caller.acting_as(&facts)) } else { Err(Error::NotFound) }
    }
}
