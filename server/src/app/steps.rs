//! This file is about calls that answer in steps: one command after the other, until there is something to say.

use std::sync::Arc;

use keyward_core::command::{Answer, SignIn};
use keyward_core::error::Error;
use keyward_core::keyward::{Keyward, Origin};
use keyward_core::permit::Caller;
use keyward_core::store::Store;
use keyward_dialects::{Begin, Form, Params, Request, Response, Route, Step, settled};

use super::{App, whole};
use crate::environment::{self, World};
use crate::guess::Guess;
use crate::http::Body;
use crate::request::Head;

impl<S: Store> App<S> {
    /// Does what a call that answers in steps asks for.
    pub(super) async fn steps(
        &self,
        keyward: &Arc<Keyward<S, World>>,
        head: &Head,
        begin: Begin,
        params: &Params<'_, '_>,
        caller: Option<&Caller>,
        body: &[u8],
    ) -> Result<hyper::Response<Body>, Error> {
        let origin = Origin { request: head.id, address: Some(head.peer), ..Origin::default() };
        let step = begin(&head.request(body), params, caller)?;
        self.run(keyward, caller, &origin, step).await.map(whole)
    }

    /// Does one command after the other, each permitted for itself, until there is an answer.
    pub(crate) async fn run(
        &self,
        keyward: &Arc<Keyward<S, World>>,
        caller: Option<&Caller>,
        origin: &Origin,
        step: Step,
    ) -> Result<Response, Error> {
        let mut uncovered = Vec::new();
        let said = self.take(keyward, caller, origin, step, &mut uncovered).await;
        settled(said, &uncovered)
    }

    /// Does them; and who goes on accepting what they take away.
    async fn take(
        &self,
        keyward: &Arc<Keyward<S, World>>,
        caller: Option<&Caller>,
        origin: &Origin,
        mut step: Step,
        uncovered: &mut Vec<String>,
    ) -> Result<Response, Error> {
        loop {
            step = match step {
                Step::Say(response) => return Ok(response),
                Step::SayAfter(wait, response) => {
                    environment::pause(wait).await;
                    return Ok(response);
                }
                // What rarely happens is boxed: each request is moved as large as the largest is.
                Step::SignIn(sign_in, next) => next(Box::pin(self.sign_in(keyward, *sign_in, origin)).await)?,
                Step::Do(command, next) => {
                    let verb = command.verb();
                    let permit =
                        caller.ok_or(Error::Anonymous).and_then(|caller| caller.permit_for(&command));
                    let done = self.timed(verb, async { keyward.execute(&permit?, *command, origin).await });
                    next(done.await.map(|mut done| {
                        uncovered.append(&mut done.uncovered);
                        done.answer
                    }))?
                }
            };
        }
    }

    async fn sign_in(
        &self,
        keyward: &Keyward<S, World>,
        sign_in: SignIn,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        let login = sign_in.login.clone();
        let address = origin.address.ok_or(Error::Anonymous)?;
        // Counted before it is judged, or many at once would be judged before the first is counted.
        self.guesses.take(address, Guess::Login(&login), environment::now())?;
        let done = keyward.sign_in(sign_in, origin).await;
        if matches!(done, Err(Error::BadCredential)) {
            self.metrics.wrong_credentials.inc();
        } else {
            self.guesses.give_back(address, Guess::Login(&login), environment::now());
        }
        done
    }
}

/// How a route goes step by step, where no other form would do.
pub(super) fn steps_of(route: &Route, asked: &Request<'_>) -> Result<Begin, Error> {
    match (route.form)(asked)? {
        Form::Steps(begin) => Ok(begin),
        Form::Document | Form::Items(_) | Form::Lines(_) | Form::Events(_) | Form::Verifier => {
            Err(Error::internal("a route that needs steps has none"))
        }
    }
}
