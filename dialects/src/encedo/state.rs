//! This file is about the state of a unit that lasts: who it is, a resource that its first start makes, and whose it is, a second
//! one that setting it up makes. Names are unique, so of two who set it up at once only one does. The unit's own keys never
//! leave, like all others, and are named here.

use std::sync::Arc;

use keyward_core::command::{Answer, Command, Page};
use keyward_core::error::Error;
use keyward_core::id::{KeyId, ResourceId};
use keyward_core::resource::{NewResource, ResourcePatch};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::answers::Flow;
use super::bearer::Who;
use super::encoding::encode;
use super::unit::Unit;
use crate::dialect::{Step, unexpected};

/// The collection of units.
const COLLECTION: &str = "encedo_unit";
/// The name of the resource that says who it is.
const UNIT: &str = "unit";
/// The name of the resource that says whose it is.
const OWNER: &str = "owner";

/// The unit as it rests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// 16 random bytes.
    pub(super) instance: [u8; 16],
    /// The key by which it pairs, as text; CURVE25519.
    pub(super) identity: String,
    /// Its public half, the `eid`.
    pub(super) eid: [u8; 32],
    /// The key that signs its log, as text; ED25519.
    pub(super) signer: String,
    /// Its public half.
    pub(super) signer_public: [u8; 32],
}

/// Whose a unit is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owner {
    /// The public half of what the user's passphrase gives.
    pub(super) user_key: [u8; 32],
    /// The public half of what the passphrase for emergencies gives.
    pub(super) master_key: [u8; 32],
    pub(super) user: String,
    pub(super) email: String,
    pub(super) hostname: String,
    /// The web page that may talk to it.
    pub(super) origin: String,
    pub(super) trusted_ts: bool,
    pub(super) trusted_backend: bool,
    /// Whether anybody may look for keys by the beginning of their description.
    pub(super) allow_keysearch: bool,
    /// When it was set up, in seconds.
    pub(super) iat: u64,
    /// When it was last configured, in seconds; grows with every change.
    pub(super) uts: u64,
}

/// A unit as it was read.
#[derive(Clone)]
pub(super) struct Loaded {
    pub(super) state: State,
    /// Nobody's before it was set up.
    pub(super) owner: Option<Owner>,
    owned: Option<ResourceId>,
}

impl State {
    /// `eid`, as it goes out.
    pub(super) fn eid_text(&self) -> String {
        encode(&self.eid)
    }

    /// The key by which it pairs.
    pub(super) fn identity(&self) -> Result<KeyId, Error> {
        KeyId::parse(&self.identity).ok_or_else(|| Error::internal("the unit's identity is no key"))
    }

    /// The key that signs its log.
    pub(super) fn signer(&self) -> Result<KeyId, Error> {
        KeyId::parse(&self.signer).ok_or_else(|| Error::internal("the unit's signer is no key"))
    }
}

impl Owner {
    /// Whose public half this is.
    pub(super) fn who(&self, public: &[u8; 32]) -> Option<Who> {
        let known = [(&self.user_key, Who::User), (&self.master_key, Who::Master)];
        known.into_iter().find(|(key, _)| *key == public).map(|(_, who)| who)
    }
}

/// Reads the unit, or cannot; `None` before its first start.
pub(super) fn load(next: impl FnOnce(Result<Option<Loaded>, Error>) -> Flow + Send + 'static) -> Step {
    let page = Page { after: None, limit: 2 };
    let list = Command::ListResources { collection: COLLECTION, account: None, parent: None, page };
    Step::attempt(list, |answer| next(answer.and_then(loaded)))
}

fn loaded(answer: Answer) -> Result<Option<Loaded>, Error> {
    let Answer::Resources(found, _) = answer else { return Err(unexpected()) };
    let named = |name: &str| found.iter().find(|one| one.name.as_deref() == Some(name));
    let Some(unit) = named(UNIT) else { return Ok(None) };
    let owner = named(OWNER);
    Ok(Some(Loaded {
        state: read(&unit.content)?,
        owner: owner.map(|owner| read(&owner.content)).transpose()?,
        owned: owner.map(|owner| owner.id),
    }))
}

/// Keeps a new unit. There is one, whoever else tries at the same time.
pub(super) fn create(state: State, next: impl FnOnce(Loaded) -> Flow + Send + 'static) -> Flow {
    let create = create_named(UNIT, write(&state)?);
    Ok(Step::then(create, |_| next(Loaded { state, owner: None, owned: None })))
}

/// Makes it somebody's, unless it is already.
pub(super) fn own(
    unit: &Arc<Unit>,
    loaded: Loaded,
    owner: Owner,
    next: impl FnOnce(Loaded) -> Flow + Send + 'static,
) -> Flow {
    let unit = Arc::clone(unit);
    let create = create_named(OWNER, write(&owner)?);
    Ok(Step::then(create, move |answer| {
        let Answer::Resource(resource) = answer else { return Err(unexpected()) };
        *unit.owner() = Some(owner.clone());
        next(Loaded { owner: Some(owner), owned: Some(resource.id), ..loaded })
    }))
}

/// Keeps what has changed about whose it is.
pub(super) fn configure(
    unit: &Arc<Unit>,
    loaded: &Loaded,
    owner: Owner,
    next: impl FnOnce() -> Flow + Send + 'static,
) -> Flow {
    let resource = loaded.owned.ok_or(Error::Anonymous)?;
    let patch = Box::new(ResourcePatch { name: None, content: Some(write(&owner)?) });
    let unit = Arc::clone(unit);
    let update = Command::UpdateResource { collection: COLLECTION, resource, patch, if_match: None };
    Ok(Step::then(update, move |_| {
        *unit.owner() = Some(owner);
        next()
    }))
}

fn create_named(name: &str, content: Map<String, Value>) -> Command {
    let name = Some(name.to_owned());
    let new = NewResource { collection: COLLECTION, name, content, ..NewResource::default() };
    Command::CreateResource(Box::new(new))
}

fn read<T: DeserializeOwned>(content: &Map<String, Value>) -> Result<T, Error> {
    serde_json::from_value(Value::Object(content.clone())).map_err(Error::internal)
}

fn write<T: Serialize>(value: &T) -> Result<Map<String, Value>, Error> {
    serde_json::to_value(value).and_then(serde_json::from_value).map_err(Error::internal)
}
