//! A talk between a request and a core that a test stands in for: a call that answers in steps, from its first to its last.

use keyward_core::account::{Account, Organization};
use keyward_core::command::{Answer, Command, SignIn};
use keyward_core::error::Error;
use keyward_core::key::{Key, Material, Place, Proof, Scheme, SecretMaterial};
use keyward_core::live::{Live, Whose};
use keyward_core::permit::{Caller, Verb};
use keyward_core::seal::{Pepper, SlotSecret};
use keyward_core::secret::Digest;
use keyward_core::time::Timestamp;
use keyward_dialects::{Dialect, Form, Response, Step};
use serde_json::Value;

use crate::samples::{self, Sent};

/// What was asked of the core, and what was said in the end.
pub(crate) struct Talk {
    pub(crate) commands: Vec<Command>,
    pub(crate) sign_ins: Vec<SignIn>,
    pub(crate) response: Response,
}

impl Talk {
    /// Sends a request, and gives these answers to what is asked of the core. `admit` says who asks a call of this verb.
    pub(crate) fn hold<'a>(
        dialect: &Dialect,
        sent: &Sent,
        admit: impl FnOnce(Option<Verb>) -> Result<Option<&'a Caller>, Error>,
        answers: Vec<Result<Answer, Error>>,
    ) -> Self {
        let (mut commands, mut sign_ins) = (Vec::new(), Vec::new());
        let mut answers = answers.into_iter();
        let mut next_answer = || answers.next().expect("one answer for each command");
        assert!((dialect.claims)(&sent.request()), "{} {}", sent.method, sent.path);
        let go = || {
            let (route, params) = dialect.route(&sent.method, &sent.path)?;
            let caller = admit(route.verb)?;
            let Form::Steps(begin) = (route.form)(&sent.request())? else { panic!("it has steps") };
            let mut step = begin(&sent.request(), &params, caller)?;
            loop {
                step = match step {
                    Step::Say(response) | Step::SayAfter(_, response) => return Ok(response),
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
        Self { commands, sign_ins, response }
    }

    /// Status and body; `null` where there is none.
    pub(crate) fn said(&self) -> (u16, Value) {
        let body = match self.response.body.as_slice() {
            [] => Value::Null,
            _ => samples::json(&self.response),
        };
        (self.response.status.as_u16(), body)
    }
}

/// Whoever presents this text at this time as the secret of a key of this account.
pub(crate) fn caller(
    organization: &Organization,
    account: &Account,
    mut key: Key,
    text: &str,
    at: Timestamp,
) -> Caller {
    let (live, pepper) = (Live::new(1, 1, SlotSecret::new([8; 32]).sealer().unwrap()), Pepper::new(&[7; 32]));
    let digest = Digest::of(text.as_bytes());
    key.head.place = Place::Digest(digest.place(&pepper));
    key.traits.ip_allow.clear();
    key.traits.material = Material::Secret(SecretMaterial {
        proof: Proof::Digest(Scheme::Sha256, digest),
        hint: String::new(),
        recoverable: None,
    });
    live.directory.set_organization(organization);
    live.directory.set_account(account);
    live.admit(&key).unwrap_or_else(|error| panic!("{error:?}"));
    live.authenticate(text, Whose::Anyone, None, at, &pepper).unwrap_or_else(|error| panic!("{error:?}"))
}
