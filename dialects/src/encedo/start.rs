//! This file is about starting: the first start makes the unit who it is, and every start of one that is somebody's begins a file
//! of its log.

use std::sync::Arc;

use keyward_core::command::{Answer, Command, Draft};
use keyward_core::crypto::{Algorithm, NewCrypto, Origin};
use keyward_core::error::Error;
use keyward_core::key::Material;
use keyward_core::secret::Label;

use super::answers::{Flow, done};
use super::audit::Event;
use super::auth::{self, SetUp};
use super::logging;
use super::state::{self, Loaded, State};
use super::unit::Unit;
use crate::dialect::{Step, unexpected};

/// What a start takes, as whoever holds the key that the unit acts by.
#[must_use]
pub fn start(unit: &Arc<Unit>) -> Step {
    let unit = Arc::clone(unit);
    be_somebody(&Arc::clone(&unit), move |loaded| {
        unit.owner().clone_from(&loaded.owner);
        match loaded.owner {
            Some(_) => logging::begin(&unit, &loaded.clone(), Some(Event::Started), done),
            None => done(),
        }
    })
}

/// Sets the unit up, unless it is somebody's already.
#[must_use]
pub fn set_up(unit: &Arc<Unit>, plan: SetUp) -> Step {
    let unit = Arc::clone(unit);
    be_somebody(&Arc::clone(&unit), move |loaded| auth::by_plan(&unit, loaded, &plan))
}

/// Reads the unit, or makes it with its keys: the one that it pairs by, and the one that signs its log.
fn be_somebody(unit: &Arc<Unit>, next: impl FnOnce(Loaded) -> Flow + Send + 'static) -> Step {
    let unit = Arc::clone(unit);
    state::load(move |loaded| match loaded? {
        Some(loaded) => next(loaded),
        None => own_key("identity", Algorithm::X25519, move |identity, eid| {
            own_key("log", Algorithm::Ed25519, move |signer, signer_public| {
                let instance = unit.random();
                state::create(State { instance, identity, eid, signer, signer_public }, next)
            })
        }),
    })
}

fn own_key(
    name: &str,
    algorithm: Algorithm,
    next: impl FnOnce(String, [u8; 32]) -> Flow + Send + 'static,
) -> Flow {
    let environment = Label::parse("live").ok_or_else(|| Error::internal("a label of our own"))?;
    let new = NewCrypto {
        account: None,
        environment,
        // Without it, it would be another unit: nobody removes it by mistake.
        protected: true,
        algorithm,
        usages: algorithm.usages(),
        origin: Origin::Generate,
        naming: None,
        mark: None,
        draft: Draft { name: name.to_owned(), ..Draft::default() },
    };
    Ok(Step::then(Command::IssueCrypto(Box::new(new)), |answer| {
        let Answer::IssuedCrypto(key) = answer else { return Err(unexpected()) };
        let Material::Crypto(crypto) = &key.traits.material else { return Err(unexpected()) };
        let public = crypto.public.as_deref().and_then(|public| public.try_into().ok());
        next(key.head.id.to_string(), public.ok_or_else(unexpected)?)
    }))
}
