//! This file is about the state of a unit that lasts: whose it is and how it is configured. It is one resource; the keys that are
//! the unit's own never leave, like all others, and are named here.

use keyward_core::command::{Answer, Command, Page};
use keyward_core::error::Error;
use keyward_core::id::{KeyId, ResourceId};
use keyward_core::resource::{NewResource, Resource, ResourcePatch};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::bearer::Who;
use super::encoding::encode;
use crate::dialect::{Step, unexpected};

/// The collection of units.
const COLLECTION: &str = "encedo_unit";

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
    /// Whose it is; nobody's before it was set up.
    pub(super) owner: Option<Owner>,
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
    resource: ResourceId,
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

    fn content(&self) -> Result<Map<String, Value>, Error> {
        match serde_json::to_value(self).map_err(Error::internal)? {
            Value::Object(content) => Ok(content),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(Error::internal("a unit is no object"))
            }
        }
    }
}

impl Owner {
    /// Whose public half this is.
    pub(super) fn who(&self, public: &[u8; 32]) -> Option<Who> {
        let known = [(&self.user_key, Who::User), (&self.master_key, Who::Master)];
        known.into_iter().find(|(key, _)| *key == public).map(|(_, who)| who)
    }
}

impl Loaded {
    fn of(resource: &Resource) -> Result<Self, Error> {
        let state = serde_json::from_value(Value::Object(resource.content.clone())).map_err(Error::internal)?;
        Ok(Self { state, resource: resource.id })
    }
}

/// Reads the unit; `None` before its first start.
pub(super) fn load(next: impl FnOnce(Option<Loaded>) -> Result<Step, Error> + Send + 'static) -> Step {
    let page = Page { after: None, limit: 1 };
    let list = Command::ListResources { collection: COLLECTION, account: None, parent: None, page };
    Step::then(list, |answer| {
        let Answer::Resources(found, _) = answer else { return Err(unexpected()) };
        next(found.first().map(Loaded::of).transpose()?)
    })
}

/// Keeps a new unit. There is one, whoever else tries at the same time.
pub(super) fn create(
    state: &State,
    next: impl FnOnce(Loaded) -> Result<Step, Error> + Send + 'static,
) -> Result<Step, Error> {
    let new = NewResource {
        collection: COLLECTION,
        name: Some("unit".to_owned()),
        content: state.content()?,
        ..NewResource::default()
    };
    Ok(kept(Command::CreateResource(Box::new(new)), next))
}

/// Keeps a unit that has changed.
pub(super) fn update(
    loaded: &Loaded,
    next: impl FnOnce(Loaded) -> Result<Step, Error> + Send + 'static,
) -> Result<Step, Error> {
    let patch = ResourcePatch { name: None, content: Some(loaded.state.content()?) };
    let resource = loaded.resource;
    Ok(kept(Command::UpdateResource { collection: COLLECTION, resource, patch: Box::new(patch) }, next))
}

fn kept(command: Command, next: impl FnOnce(Loaded) -> Result<Step, Error> + Send + 'static) -> Step {
    Step::then(command, |answer| {
        let Answer::Resource(resource) = answer else { return Err(unexpected()) };
        next(Loaded::of(&resource)?)
    })
}
