//! Who asks, and a talk between a request and the core.

use keyward_core::account::{Account, Organization, Role, Standing};
use keyward_core::command::{Answer, Command, SignIn};
use keyward_core::error::Error;
use keyward_core::id::Id;
use keyward_core::key::{Key, Material, Place, Proof, Scheme, SecretMaterial};
use keyward_core::live::Live;
use keyward_core::permit::Caller;
use keyward_core::scope::Scopes;
use keyward_core::seal::Pepper;
use keyward_core::secret::{Digest, Handle, Secret};
use keyward_core::time::Timestamp;
use keyward_dialects::{Dialect, Form, Response, Step, resolver};
use serde_json::Value;

use crate::samples::{self, Sent};

pub(super) const ACCESS_KEY: &str = "AbCdEfGhIjKlMnOpQrSt";
pub(super) const SECRET: &str = "AbCdEfGhIjKlMnOpQrSt.0123456789012345678901234567890123456789";

/// What became of a request.
pub(super) struct Talk {
    pub(super) commands: Vec<Command>,
    pub(super) sign_ins: Vec<SignIn>,
    pub(super) response: Response,
}

impl Talk {
    /// Status and body; `null` where there is none.
    pub(super) fn said(&self) -> (u16, Value) {
        let body = match self.response.body.as_slice() {
            [] => Value::Null,
            _ => samples::json(&self.response),
        };
        (self.response.status.as_u16(), body)
    }

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
    let (mut commands, mut sign_ins) = (Vec::new(), Vec::new());
    let mut answers = answers.into_iter();
    let mut next_answer = || answers.next().expect("one answer for each command");
    let dialect = dialect();
    assert!((dialect.claims)(&sent.request()), "{} {}", sent.method, sent.path);
    let mut go = || {
        let (route, params) = dialect.route(&sent.method, &sent.path)?;
        let caller = route.verb.map(|verb| caller.permit(verb).map(|_| caller)).transpose()?;
        let Form::Steps(begin) = (route.form)(&sent.request())? else { panic!("it has steps") };
        let mut step = begin(&sent.request(), &params, caller)?;
        loop {
            step = match step {
                Step::Say(response) => return Ok(response),
                Step::Do(command, next) => {
                    commands.push(*command);
                    next(next_answer())?
                }
                Step::SignIn(sign_in, next) => {
                    sign_ins.push(*sign_in);
                    next(next_answer())?
                }
            }
        }
    };
    let response = go().unwrap_or_else(|error| (dialect.fault)(&error, &sent.request(), "request-1"));
    assert!(answers.next().is_none(), "an answer was left over");
    Talk { commands, sign_ins, response }
}

/// Whoever presents a key of an account of this role, in an organization or the operator's.
pub(super) fn caller(role: Role, operator: bool) -> Caller {
    let live = Live::new(1, 1);
    let pepper = Pepper::new(&[7; 32]);
    let mut one = key();
    let digest = Digest::of(SECRET.as_bytes());
    one.head.place = Place::Digest(digest.place(&pepper));
    one.traits.ip_allow.clear();
    one.traits.scopes = scopes(&["admin"]);
    one.traits.material =
        Material::Secret(SecretMaterial { proof: Proof::Digest(Scheme::Sha256, digest), recoverable: None });
    live.directory.set_organization(&Organization { operator, ..samples::organization() });
    live.directory.set_account(&Account { role, ..user() });
    live.admit(&one).unwrap_or_else(|error| panic!("{error:?}"));
    live.authenticate(SECRET, None, Timestamp::from_millis(1000), &pepper)
        .unwrap_or_else(|error| panic!("{error:?}"))
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
