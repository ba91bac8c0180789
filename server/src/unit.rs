//! This file is about being a unit of Encedo HEM: the key that it acts by, its start, and whose it is.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use keyward_core::error::Error;
use keyward_core::keyward::{Keyward, Origin};
use keyward_core::permit::Caller;
use keyward_core::store::Store;
use keyward_dialects::{Response, Step, encedo};
use tracing::warn;
use zeroize::Zeroizing;

use crate::app::App;
use crate::cli::inside;
use crate::config::Encedo;
use crate::environment::{self, World};
use crate::request::Head;

/// Starts the unit that is configured, if there is one. A locked server is none; and one whose key was removed or stopped
/// is none to its clients, as it was when that happened, while everybody else is served.
pub(crate) async fn start<S: Store>(app: &Arc<App<S>>, config: Option<&Encedo>) -> anyhow::Result<()> {
    let (Some(keyward), Some(Encedo { key_file })) = (app.keyward(), config) else { return Ok(()) };
    let secret = read(key_file)?;
    match keyward.authenticate(&secret, None) {
        Ok(caller) => run(app, keyward, &caller, encedo::start(app.unit())).await?,
        Err(_) => warn!(file = %key_file.display(), "the key of the unit of Encedo HEM is not accepted"),
    }
    app.unit().act_by(secret);
    Ok(())
}

/// Makes the unit whose key this is somebody's, unless it is already.
pub(crate) async fn set_up<S: Store>(
    app: &App<S>,
    keyward: &Arc<Keyward<S, World>>,
    caller: &Caller,
    plan: encedo::SetUp,
) -> anyhow::Result<()> {
    run(app, keyward, caller, encedo::set_up(app.unit(), plan)).await
}

/// Answers a call to the unit. Whoever asks has presented nothing of the server's: that the unit cannot act is no guess of
/// theirs, and they are told what comes before it first.
pub(crate) async fn answer<S: Store>(
    app: &App<S>,
    head: &Head,
    secret: Option<&str>,
    step: Step,
) -> Result<Response, Error> {
    let origin = Origin { request: head.id, address: Some(head.peer), ..Origin::default() };
    match act(app, head, secret) {
        Ok((keyward, caller)) => app.run(keyward, Some(&caller), &origin, step).await,
        Err(why) => without(&why, step).await,
    }
}

/// The core, and who acts in it.
type Acting<'a, S> = (&'a Arc<Keyward<S, World>>, Caller);

/// As whom the unit acts.
fn act<'a, S: Store>(app: &'a App<S>, head: &Head, secret: Option<&str>) -> Result<Acting<'a, S>, Error> {
    let keyward = app.keyward().ok_or(Error::Locked)?;
    let caller = keyward.authenticate(secret.ok_or(Error::Anonymous)?, Some(head.peer));
    let caller = caller.map_err(|error| if error == Error::BadCredential { Error::Anonymous } else { error });
    Ok((keyward, caller?))
}

/// Goes on to the end of a call of which no command can be done.
async fn without(why: &Error, mut step: Step) -> Result<Response, Error> {
    loop {
        step = match step {
            Step::Say(response) => return Ok(response),
            Step::SayAfter(wait, response) => {
                environment::pause(wait).await;
                return Ok(response);
            }
            Step::SignIn(_, next) | Step::Do(_, next) => next(Err(why.clone()))?,
        };
    }
}

async fn run<S: Store>(
    app: &App<S>,
    keyward: &Arc<Keyward<S, World>>,
    caller: &Caller,
    step: Step,
) -> anyhow::Result<()> {
    app.run(keyward, Some(caller), &Origin::default(), step).await.map(|_| ()).map_err(inside)
}

fn read(file: &Path) -> anyhow::Result<Zeroizing<String>> {
    let text = std::fs::read_to_string(file).map(Zeroizing::new);
    let text = text.with_context(|| format!("{}", file.display()))?;
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}
