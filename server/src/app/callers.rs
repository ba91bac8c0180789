//! This file is about who asks: whose key was presented, what a wrong one costs whoever presents it, and as whom a right one acts.

use std::borrow::Cow;

use keyward_core::error::Error;
use keyward_core::keyward::Keyward;
use keyward_core::permit::Caller;
use keyward_core::store::Store;
use keyward_dialects::{Credential, Dialect};
use tracing::warn;

use super::App;
use crate::environment::{self, World};
use crate::guess::Guess;
use crate::request::Head;

impl<S: Store> App<S> {
    /// Who asks: whose key it is, or as whom that is to act.
    pub(super) async fn asker<'a>(
        &self,
        dialect: &Dialect,
        keyward: &Keyward<S, World>,
        head: &Head,
        credential: Credential<'a>,
    ) -> Result<(Caller, Cow<'a, str>), Error> {
        let (caller, secret) = self.caller(keyward, head, credential).await?;
        let caller = caller.within(dialect.farthest);
        let number = dialect.acts_as.and_then(|acts_as| acts_as(&head.request(&[])));
        let Some(number) = number else { return Ok((caller, secret)) };
        let user = caller.account;
        let caller = keyward.impersonate(caller, number).await?;
        // A warning, because a log of warnings has to say who acted as whom, too.
        warn!(request = head.id_text(), "[{user}] impersonating [{}]", caller.account);
        Ok((caller, secret))
    }

    pub(super) async fn caller<'a>(
        &self,
        keyward: &Keyward<S, World>,
        head: &Head,
        credential: Credential<'a>,
    ) -> Result<(Caller, Cow<'a, str>), Error> {
        let secret = match credential {
            Credential::Anonymous | Credential::InBody => return Err(Error::Anonymous),
            Credential::Secret(secret) => secret,
        };
        let caller = match keyward.authenticate_at_hand(&secret, Some(head.peer)) {
            Err(Error::BadCredential) => Box::pin(self.searched(keyward, head, &secret)).await?,
            found => found?,
        };
        Ok((caller, secret))
    }

    /// Who presents a text that is nobody's at hand.
    async fn searched(
        &self,
        keyward: &Keyward<S, World>,
        head: &Head,
        secret: &str,
    ) -> Result<Caller, Error> {
        let guess = Guess::Secret(secret);
        // Only who is wrong is slowed: a secret has more bits than anybody can guess, and behind one address there may be
        // many, of whom one presents a key that was removed. Who was wrong too often is not searched for: that is as much work
        // as everybody's imports make it.
        self.guesses
            .take(head.peer, guess, environment::now())
            .inspect_err(|_| self.metrics.wrong_credentials.inc())?;
        let caller = keyward.authenticate(secret, Some(head.peer));
        if matches!(caller, Err(Error::BadCredential)) {
            self.metrics.wrong_credentials.inc();
            keyward.note_refused(secret, Some(head.peer)).await;
        } else {
            self.guesses.give_back(head.peer, guess, environment::now());
        }
        caller
    }
}
