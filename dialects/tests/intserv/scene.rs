//! Somebody with a token, and a talk between a request and the core.

use keyward_core::access::{Access, Identification, Opens};
use keyward_core::account::{Account, Standing};
use keyward_core::command::Answer;
use keyward_core::error::Error;
use keyward_core::id::Id;
use keyward_core::key::{Key, Kind, Material, Place};
use keyward_core::permit::Caller;
use keyward_core::resource::Resource;
use keyward_core::scope::Scopes;
use keyward_core::time::Timestamp;
use keyward_dialects::{Dialect, intserv};
use serde_json::Value;

use crate::samples::{Sent, account, key, organization, send};
use crate::talk::{self, Talk};

/// `key_…` with 1, `res_…` with 4 and 5, as UUIDs.
pub(super) const KEY: &str = "00000000-0000-0000-0000-000000000001";
pub(super) const LEVEL: &str = "00000000-0000-0000-0000-000000000004";
pub(super) const PERSON: &str = "00000000-0000-0000-0000-000000000005";

/// 2026-07-01T12:00:00.789Z: when a request comes.
pub(super) const NOW: Timestamp = Timestamp::from_millis(1_782_907_200_789);

const TOKEN: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";

pub(super) fn dialect() -> Dialect {
    intserv::dialect().unwrap_or_else(|error| panic!("{error:?}"))
}

impl Talk {
    /// The body of an answer that is good.
    pub(super) fn good(&self) -> Value {
        let (status, body) = self.said();
        assert_eq!(status, 200, "{body}");
        body
    }

    /// The code and the message of a 400.
    pub(super) fn wrong(&self) -> (String, String) {
        let (status, body) = self.said();
        assert_eq!(status, 400, "{body}");
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        (text("error"), text("message"))
    }
}

pub(super) fn post(path: &str, body: &str) -> Sent {
    send("POST", path).json(body)
}

/// Sends a request with an Integration API Key, and gives these answers to what is asked of the core.
pub(super) fn talk(sent: &Sent, answers: Vec<Result<Answer, Error>>) -> Talk {
    talk_as("intserv:integration admin", sent, answers)
}

/// The same with a token of these scopes.
pub(super) fn talk_as(scopes: &str, sent: &Sent, answers: Vec<Result<Answer, Error>>) -> Talk {
    let caller = caller(scopes);
    let talk = Talk::hold(&dialect(), sent, |_| Ok(Some(&caller)), answers);
    assert!(talk.sign_ins.is_empty(), "nobody signs in");
    talk
}

pub(super) fn caller(scopes: &str) -> Caller {
    let mut one = key();
    one.traits.scopes = Scopes::parse(scopes.split(' ')).unwrap_or_else(|error| panic!("{error:?}"));
    let account = Account { standing: Standing::Active, ..account() };
    talk::caller(&organization(), &account, one, TOKEN, NOW)
}

/// A door credential that begins at 2020-09-01 and never ends.
pub(super) fn badge(identification: Option<Identification>) -> Box<Key> {
    let mut badge = key();
    badge.head.kind = Kind::Access;
    badge.head.place = Place::Parts;
    badge.traits.not_before = Timestamp::parse("2020-09-01T00:00:00Z");
    badge.traits.expires_at = None;
    badge.traits.material = Material::Access(Access {
        identification: identification.unwrap(),
        opens: Opens {
            pin: None,
            levels: vec![Id::from_bits(4).into()],
            person: Some(Id::from_bits(5).into()),
        },
    });
    Box::new(badge)
}

/// A resource with this number.
pub(super) fn resource(bits: u128, content: Value) -> Resource {
    let Value::Object(content) = content else { panic!("an object") };
    Resource {
        id: Id::from_bits(bits).into(),
        organization: Id::from_bits(2).into(),
        account: Id::from_bits(3).into(),
        collection: "things".to_owned(),
        parent: None,
        name: None,
        content,
        created_at: NOW,
        updated_at: NOW,
        removed_at: None,
        salt: [5; 16],
        version: 1,
        names: Vec::new(),
    }
}

pub(super) fn one(resource: Resource) -> Result<Answer, Error> {
    Ok(Answer::Resource(Box::new(resource)))
}
