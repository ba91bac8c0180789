//! Who asks, and a talk between a request and the core.

use keyward_core::account::{Account, Organization, Role, Standing};
use keyward_core::command::Answer;
use keyward_core::error::Error;
use keyward_core::id::Id;
use keyward_core::key::Key;
use keyward_core::permit::{Caller, Verb};
use keyward_core::scope::Scopes;
use keyward_core::secret::{Handle, Secret};
use keyward_core::time::Timestamp;
use keyward_dialects::{Dialect, resolver};

use crate::samples::{self, Sent};
use crate::talk::{self, Talk};

pub(super) const ACCESS_KEY: &str = "AbCdEfGhIjKlMnOpQrSt";
pub(super) const SECRET: &str = "AbCdEfGhIjKlMnOpQrSt.0123456789012345678901234567890123456789";

impl Talk {
    pub(super) fn status(&self) -> u16 {
        self.response.status.as_u16()
    }
}

pub(super) fn dialect() -> Dialect {
    resolver::dialect().unwrap_or_else(|error| panic!("{error:?}"))
}

/// Sends a request of an administrator, and gives these answers to what is asked of the core.
pub(super) fn talk(sent: &Sent, answers: Vec<Result<Answer, Error>>) -> Talk {
    talk_as(&caller(Role::Admin, false), sent, answers)
}

pub(super) fn talk_as(caller: &Caller, sent: &Sent, answers: Vec<Result<Answer, Error>>) -> Talk {
    let admit = |verb: Option<Verb>| verb.map(|verb| caller.permit(verb).map(|_| caller)).transpose();
    Talk::hold(&dialect(), sent, admit, answers)
}

/// Whoever presents a key of an account of this role, in an organization or the operator's.
pub(super) fn caller(role: Role, operator: bool) -> Caller {
    let mut one = key();
    one.traits.scopes = scopes(&["admin"]);
    let organization = Organization { operator, ..samples::organization() };
    talk::caller(&organization, &Account { role, ..user() }, one, SECRET, Timestamp::from_millis(1000))
}

pub(super) fn scopes(texts: &[&str]) -> Scopes {
    Scopes::parse(texts.iter().copied()).unwrap_or_else(|error| panic!("{error:?}"))
}

/// User 3 of organization 2.
pub(super) fn user() -> Account {
    Account { name: "ann@resolver.example".to_owned(), standing: Standing::Active, ..samples::account() }
}

pub(super) fn found_user() -> Result<Answer, Error> {
    Ok(Answer::Account(Box::new(user())))
}

/// Key 77 of that user.
pub(super) fn key() -> Key {
    let mut one = samples::key();
    one.head.id = Id::from_bits(77).into();
    one.head.handle = Handle::parse(ACCESS_KEY).unwrap();
    one.head.created_at = Timestamp::parse("2020-02-20T21:33:07.303Z").unwrap();
    one.traits.name = "nightly".to_owned();
    one.traits.rate_limit = None;
    one.traits.expires_at = None;
    one
}

pub(super) fn secret() -> Secret {
    Secret::import(SECRET).unwrap_or_else(|error| panic!("{error:?}"))
}
