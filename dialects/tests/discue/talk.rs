//! A request and the commands that it becomes, with a test in the place of the core.

use keyward_core::account::{Organization, Role, Standing};
use keyward_core::command::{Answer, Command};
use keyward_core::error::Error;
use keyward_core::id::Id;
use keyward_core::key::{Key, Material, Place, Proof, Scheme};
use keyward_core::live::{Live, Whose};
use keyward_core::metadata::Metadata;
use keyward_core::permit::Caller;
use keyward_core::scope::Scopes;
use keyward_core::seal::{Pepper, SlotSecret};
use keyward_core::secret::{Digest, Format, Handle, Label, Secret};
use keyward_core::time::Timestamp;
use keyward_dialects::{Form, Response, Step, discue};
use serde_json::Value;

use crate::samples::{self, Sent};

/// The id of the sample key, and how this language writes it (worked out apart from the code).
pub(super) const KEY: Id = Id::from_bits(0x0198_0000_0000_7000_8000_0000_0000_0001);
pub(super) const WRITTEN: &str = "029Q-PGM1EqkmARzK5BAe";
/// The key of whoever asks.
pub(super) const OWN: Id = Id::from_bits(0x0198_0000_0000_7000_8000_0000_0000_0002);
/// The id of the organization of whoever asks, as this language writes it.
pub(super) const ORGANIZATION: &str = "029Q-PGM1EqkmARzK5BAg";
/// An id that no record can have, because no id of ours has a `_`.
pub(super) const UNKNOWN: &str = "V1StGXR8_Z5jdHi6B-myT";

/// When they ask.
pub(super) const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// The organization of whoever asks.
pub(super) fn organization() -> Organization {
    let id = Id::from_bits(0x0198_0000_0000_7000_8000_0000_0000_0003).into();
    Organization { id, ..samples::organization() }
}

/// A key made in this language, with this metadata.
pub(super) fn key(metadata: &str) -> Key {
    let mut key = samples::key();
    (key.head.id, key.head.organization) = (KEY.into(), organization().id);
    key.traits.name = "builds".to_owned();
    key.traits.metadata = Metadata::parse(metadata).unwrap_or_else(|error| panic!("{error:?}"));
    key.traits.scopes = Scopes::parse(["admin"]).unwrap_or_else(|error| panic!("{error:?}"));
    key.traits.updated_at = Timestamp::from_millis(1500);
    key
}

/// Who holds a key with these scopes, of an owner.
pub(super) fn caller(scopes: &[&str]) -> Caller {
    let live = Live::new(1, 16, SlotSecret::new([8; 32]).sealer().unwrap());
    live.directory.set_organization(&organization());
    let mut owner = samples::account();
    (owner.organization, owner.role, owner.standing) = (organization().id, Role::Owner, Standing::Active);
    live.directory.set_account(&owner);
    let label = |text| Label::parse(text).unwrap();
    let mut random = 0..;
    let mut fill = |bytes: &mut [u8]| bytes.iter_mut().zip(&mut random).for_each(|(to, from)| *to = from);
    let secret = Secret::generate(&Format::Keyward(label("kw")), &label("live"), &mut fill);
    let text = secret.expose();
    let mut key = key("{}");
    key.head.id = OWN.into();
    // Behind the handle come 27 random characters and 6 of the check.
    key.head.handle = Handle::parse(&text[..text.len() - 33]).unwrap();
    key.head.place = Place::Handle;
    key.traits.scopes = Scopes::parse(scopes.iter().copied()).unwrap_or_else(|error| panic!("{error:?}"));
    key.traits.rate_limit = None;
    key.traits.ip_allow = Vec::new();
    let Material::Secret(material) = &mut key.traits.material else { panic!() };
    material.proof = Proof::Digest(Scheme::Sha256, Digest::of(text.as_bytes()));
    live.admit(&key).unwrap_or_else(|error| panic!("{error:?}"));
    let pepper = Pepper::new(&[7; 32]);
    live.authenticate(text, Whose::Anyone, None, NOW, &pepper).unwrap_or_else(|error| panic!("{error:?}"))
}

/// What is answered to somebody who may do everything; `core` answers the commands.
pub(super) fn answer(sent: &Sent, core: impl FnMut(Command) -> Result<Answer, Error>) -> (u16, Value) {
    answer_to(&caller(&["admin"]), sent, core)
}

/// What is answered to this caller: status and body.
pub(super) fn answer_to(
    caller: &Caller,
    sent: &Sent,
    core: impl FnMut(Command) -> Result<Answer, Error>,
) -> (u16, Value) {
    let response = respond(caller, sent, core);
    (response.status.as_u16(), serde_json::from_slice(&response.body).unwrap())
}

/// A core of which nothing may be asked.
pub(super) fn nobody(_: Command) -> Result<Answer, Error> {
    panic!("a command")
}

pub(super) fn respond(
    caller: &Caller,
    sent: &Sent,
    core: impl FnMut(Command) -> Result<Answer, Error>,
) -> Response {
    let dialect = discue::dialect().unwrap_or_else(|error| panic!("{error:?}"));
    assert!((dialect.claims)(&sent.request()), "{} {}", sent.method, sent.path);
    let done = walk(caller, sent, core);
    done.unwrap_or_else(|error| (dialect.fault)(&error, &sent.request(), "request-1"))
}

fn walk(
    caller: &Caller,
    sent: &Sent,
    mut core: impl FnMut(Command) -> Result<Answer, Error>,
) -> Result<Response, Error> {
    let dialect = discue::dialect()?;
    let (route, params) = dialect.route(&sent.method, &sent.path)?;
    if let Some(verb) = route.verb {
        caller.permit(verb)?;
    }
    let Form::Steps(begin) = (route.form)(&sent.request())? else { panic!("no steps") };
    let mut step = begin(&sent.request(), &params, route.verb.map(|_| caller))?;
    loop {
        step = match step {
            Step::Say(response) | Step::SayAfter(_, response) => return Ok(response),
            Step::SignIn(..) => panic!("nobody signs in here"),
            Step::Do(command, next) => next(caller.permit(command.verb()).and_then(|_| core(*command)))?,
        };
    }
}
