//! This file is about callers: whom a presented secret proves, and why it does not.

use std::net::IpAddr;

use super::Live;
use super::schemes::Whose;
use crate::error::Error;
use crate::id::KeyId;
use crate::key::RateLimit;
use crate::permit::Caller;
use crate::seal::Pepper;
use crate::secret::Presented;
use crate::time::Timestamp;
use crate::verbs::verify::{Entry, Refusal};

impl Live {
    /// Turns a presented secret into the caller that it proves. Whose it is, nobody knows yet: see [`Whose`] for what finding
    /// it costs.
    ///
    /// # Errors
    /// [`Error::BadCredential`] whatever is wrong with it; [`Error::Slow`] for one that is used too often.
    pub fn authenticate(
        &self,
        text: &str,
        whose: Whose,
        address: Option<IpAddr>,
        now: Timestamp,
        pepper: &Pepper,
    ) -> Result<Caller, Error> {
        let entry = self.known(text, whose, address, now, pepper)?;
        match (self.count(&entry, 1, now), entry.profile.rate_limit) {
            (Ok(()), _) => Ok(Caller::of(entry.key, entry.idles, now, entry.profile)),
            (Err(Refusal::RateLimited), Some(limit)) => Err(self.slow(entry.key, limit, now)),
            (Err(_), _) => Err(Error::BadCredential),
        }
    }

    /// The same for a caller whose request goes on: it was counted when it began.
    ///
    /// # Errors
    /// [`Error::BadCredential`], [`Error::OnHold`].
    pub fn recognize(
        &self,
        text: &str,
        address: Option<IpAddr>,
        now: Timestamp,
        pepper: &Pepper,
    ) -> Result<Caller, Error> {
        let entry = self.known(text, Whose::Anyone, address, now, pepper)?;
        Ok(Caller::of(entry.key, entry.idles, now, entry.profile))
    }

    fn known(
        &self,
        text: &str,
        whose: Whose,
        address: Option<IpAddr>,
        now: Timestamp,
        pepper: &Pepper,
    ) -> Result<Entry, Error> {
        let presented = Presented::read(text).ok_or(Error::BadCredential)?;
        let found = self.locate(&presented, whose, pepper, |_, _| Some(()));
        let (entry, ()) = found.ok_or(Error::BadCredential)?;
        entry.judge(address, now).map_err(|refusal| match entry.profile.account.organization.hold() {
            // Who holds a key that would work may know why its organization is stopped.
            Some(hold) if refusal == Refusal::Suspended && !entry.suspended => Error::OnHold(hold),
            Some(_) | None => Error::BadCredential,
        })?;
        Ok(entry)
    }

    /// Which limit a key has reached, and when it may be used again.
    pub(crate) fn slow(&self, key: KeyId, limit: RateLimit, now: Timestamp) -> Error {
        let retry_after_seconds = self.rates.wait_seconds(key, limit, now).max(1);
        Error::Slow { retry_after_seconds, limit: limit.limit }
    }
}
