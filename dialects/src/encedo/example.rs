//! This file is about a unit in tests, and what the core would tell it.

use std::sync::Arc;

use keyward_core::command::{Answer, Command};
use keyward_core::id::{Id, KeyId};
use keyward_core::resource::{NewResource, Resource};
use keyward_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::answers::Flow;
use super::state::Owner;
use super::unit::Unit;
use crate::dialect::{Next, Step};

/// A unit, at 20 seconds past 1970.
pub(super) fn unit() -> Arc<Unit> {
    Arc::new(Unit::new(Box::new(|| Timestamp::from_millis(20_000)), Box::new(|bytes| bytes.fill(7))))
}

/// Whose it is.
pub(super) fn owner() -> Owner {
    let [_, owner] = &kept()[..] else { panic!("it is somebody's") };
    serde_json::from_value(Value::Object(owner.content.clone())).unwrap()
}

/// What lasts of it.
pub(super) fn kept() -> Vec<Resource> {
    let key = |bits| KeyId::from(Id::from_bits(bits)).to_string();
    let state = json!({
        "instance": vec![1; 16],
        "identity": key(1),
        "eid": vec![2; 32],
        "signer": key(2),
        "signer_public": vec![3; 32],
    });
    let owner = json!({
        "user_key": vec![4; 32],
        "master_key": vec![5; 32],
        "user": "ann",
        "email": "",
        "hostname": "unit.example",
        "origin": "https://unit.example",
        "trusted_ts": false,
        "trusted_backend": false,
        "allow_keysearch": false,
        "iat": 1,
        "uts": 1,
    });
    let named = |name: &str, content: Value, bits| {
        let content: Map<String, Value> = serde_json::from_value(content).unwrap();
        made(NewResource { name: Some(name.to_owned()), content, ..NewResource::default() }, bits)
    };
    vec![named("unit", state, 10), named("owner", owner, 11)]
}

/// A resource as it was made, with an id of these bits.
pub(super) fn made(new: NewResource, bits: u128) -> Resource {
    Resource {
        id: Id::from_bits(bits).into(),
        organization: Id::from_bits(2).into(),
        account: Id::from_bits(3).into(),
        collection: new.collection.to_owned(),
        parent: new.parent,
        name: new.name,
        content: new.content,
        created_at: Timestamp::from_millis(0),
        updated_at: Timestamp::from_millis(0),
        removed_at: None,
        salt: [0; 16],
        version: 1,
        names: Vec::new(),
    }
}

/// The command that comes next, and what comes after it.
pub(super) fn asked(flow: Flow) -> (Command, Next) {
    let Ok(Step::Do(command, next)) = flow else { panic!("it asks for nothing") };
    (*command, next)
}

/// Answers a reading of what lasts.
pub(super) fn read(flow: Flow, kept: &[Resource]) -> Flow {
    let (command, next) = asked(flow);
    assert!(matches!(command, Command::ListResources { .. }));
    next(Ok(Answer::Resources(kept.to_vec(), None)))
}
