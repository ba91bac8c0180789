//! Somebody who has signed in, and a talk between a request and the core.

use keyward_core::account::Account;
use keyward_core::command::Answer;
use keyward_core::error::Error;
use keyward_core::id::Id;
use keyward_core::key::{Key, Material, Place, Session};
use keyward_core::permit::Caller;
use keyward_core::resource::Resource;
use keyward_core::scope::Scopes;
use keyward_core::secret::Secret;
use keyward_core::time::Timestamp;
use keyward_dialects::{Dialect, cielo24};
use serde_json::{Map, Value};

use crate::samples::{Sent, account, key, organization};
use crate::talk::{self, Talk};

pub(super) const TOKEN: &str = "0123456789abcdef0123456789abcdef";
pub(super) const SECRET: &str = "fedcba9876543210fedcba9876543210";

impl Talk {
    /// The type of the error, which must be one that is the caller's.
    pub(super) fn refused(&self) -> String {
        let (status, body) = self.said();
        assert_eq!(status, 400, "{body}");
        assert!(!body["ErrorComment"].as_str().unwrap().is_empty());
        body["ErrorType"].as_str().unwrap().to_owned()
    }
}

pub(super) fn dialect() -> Dialect {
    cielo24::dialect().unwrap_or_else(|error| panic!("{error:?}"))
}

/// Sends a request of somebody who has signed in, and gives these answers to what is asked of the core.
pub(super) fn talk(sent: &Sent, answers: Vec<Result<Answer, Error>>) -> Talk {
    talk_as(&caller(true), sent, answers)
}

pub(super) fn talk_as(caller: &Caller, sent: &Sent, answers: Vec<Result<Answer, Error>>) -> Talk {
    Talk::hold(&dialect(), sent, |verb| Ok(verb.map(|_| caller)), answers)
}

/// Whoever presents a session, or a key that is none.
pub(super) fn caller(in_session: bool) -> Caller {
    let mut one = key();
    one.head.session =
        in_session.then(|| Session { parent: Id::from_bits(9).into(), idle_seconds: Some(3600) });
    one.traits.scopes = Scopes::parse(["admin"]).unwrap_or_else(|error| panic!("{error:?}"));
    talk::caller(&organization(), &own(), one, TOKEN, Timestamp::from_millis(1000))
}

/// The caller's account.
pub(super) fn own() -> Account {
    Account { name: "api_test".to_owned(), standing: keyward_core::account::Standing::Active, ..account() }
}

pub(super) fn secret(text: &str) -> Secret {
    Secret::import(text).unwrap_or_else(|error| panic!("{error:?}"))
}

/// A key whose text can be shown again.
pub(super) fn recoverable(text: &str) -> Key {
    let mut one = key();
    one.traits.expires_at = None;
    let Material::Secret(material) = &mut one.traits.material else { panic!("a secret") };
    material.recoverable = Some(secret(text).into());
    one.head.place = Place::Digest(7);
    one
}

/// A resource of the caller's account.
pub(super) fn resource(collection: &str, content: Value) -> Resource {
    let Value::Object(content) = content else { panic!("an object") };
    Resource {
        id: Id::from_bits(0x0198_0000_0000_7000_8000_0000_0000_002a).into(),
        organization: Id::from_bits(2).into(),
        account: Id::from_bits(3).into(),
        collection: collection.to_owned(),
        parent: None,
        name: None,
        content: Map::from_iter(content),
        created_at: Timestamp::from_millis(1_409_148_006_472),
        updated_at: Timestamp::from_millis(1_409_148_006_472),
        removed_at: None,
        salt: [5; 16],
        version: 1,
        names: Vec::new(),
    }
}

pub(super) fn one(resource: Resource) -> Result<Answer, Error> {
    Ok(Answer::Resource(Box::new(resource)))
}
