//! This file is about a small house to try things in: an owner, an account below, and some keys.

use std::sync::Arc;

use keyward_core::account::{Account, Role};
use keyward_core::command::{Answer, Command, Done, Draft, Issue, NewAccount};
use keyward_core::error::Error;
use keyward_core::id::KeyId;
use keyward_core::keyward::{Idempotency, Keyward, Origin};
use keyward_core::permit::{Caller, Verb};
use keyward_core::scope::Scopes;
use keyward_core::secret::{Format, Label, Secret};
use keyward_core::store::Store;

use crate::world::{Shared, World, finish, start};

/// A key and its secret.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) id: KeyId,
    pub(crate) text: String,
}

pub(crate) struct House {
    pub(crate) store: Shared,
    pub(crate) world: World,
    pub(crate) owner: Caller,
    pub(crate) account: Box<Account>,
    pub(crate) keys: Vec<Known>,
}

pub(crate) type Core<S> = Arc<Keyward<S, World>>;

impl House {
    /// A house whose account has this many keys.
    pub(crate) fn new(seed: u64, keys: usize) -> Self {
        let (store, world) = (Shared::new(), World::new(seed));
        let core = finish(start(store.clone(), &world)).unwrap();
        let (_, secret) = finish(core.found("acme", "ann")).unwrap();
        let owner = core.authenticate(secret.expose(), None).unwrap();
        let new =
            NewAccount { organization: None, parent: None, name: "shop".to_owned(), role: Role::Member };
        let made = finish(ask(&core, &owner, Verb::CreateAccount, Command::CreateAccount(new), None));
        let Ok(Answer::Account(account)) = made else { panic!("an account") };
        let mut house = Self { store, world, owner: owner.clone(), account, keys: Vec::new() };
        for _ in 0..keys {
            let issued = finish(ask(&core, &owner, Verb::Issue, house.issue(), None));
            house.keys.push(known(issued.unwrap_or_else(|error| panic!("{error:?}"))));
        }
        house
    }

    /// The owner of another organization.
    pub(crate) fn other_owner<S: Store>(&self, core: &Core<S>) -> Caller {
        let run = |command: Command| {
            let done = finish(ask(core, &self.owner, command.verb(), command, None));
            done.unwrap_or_else(|error| panic!("{error:?}"))
        };
        let create = Command::CreateOrganization { name: "other".to_owned() };
        let Answer::Organization(other) = run(create) else { panic!("an organization") };
        let (organization, name) = (Some(other.id), "bob".to_owned());
        let account = NewAccount { organization, parent: None, name, role: Role::Owner };
        let Answer::Account(bob) = run(Command::CreateAccount(account)) else { panic!("an account") };
        let Command::Issue(mut issue) = self.issue() else { panic!("an issue") };
        issue.account = Some(bob.id);
        issue.draft.scopes = Scopes::parse(["admin"]).unwrap();
        core.authenticate(&known(run(Command::Issue(issue))).text, None).unwrap()
    }

    /// A key to make in the account.
    pub(crate) fn issue(&self) -> Command {
        Command::Issue(Box::new(Issue {
            account: Some(self.account.id),
            format: Format::Keyward(Label::parse("kw").unwrap()),
            environment: Label::parse("live").unwrap(),
            protected: false,
            recoverable: false,
            numbered: false,
            draft: Draft {
                name: "till".to_owned(),
                scopes: Scopes::parse(["orders"]).unwrap(),
                ..Draft::default()
            },
        }))
    }
}

/// The key of an answer that shows one.
pub(crate) fn known(answer: Answer) -> Known {
    let Answer::Issued(key, secret) = answer else { panic!("a key and its secret") };
    Known { id: key.head.id, text: Secret::expose(&secret).to_owned() }
}

/// Asks; with an idempotency key, as often as it is asked, it is done once.
pub(crate) async fn ask<S: Store>(
    core: &Core<S>,
    caller: &Caller,
    verb: Verb,
    command: Command,
    once: Option<u64>,
) -> Result<Answer, Error> {
    done(core, caller, verb, command, once).await.map(|done| done.answer)
}

/// The same; and who is left out.
pub(crate) async fn done<S: Store>(
    core: &Core<S>,
    caller: &Caller,
    verb: Verb,
    command: Command,
    once: Option<u64>,
) -> Result<Done, Error> {
    let once = once.map(|number| Idempotency { key: number.to_string(), request: [1; 32] });
    let origin = Origin { idempotency: once, ..Origin::default() };
    core.execute(&caller.permit(verb)?, command, &origin).await
}

/// Whether a key is accepted right now. Asks the table alone, as every verify does.
pub(crate) fn accepts<S: Store>(core: &Core<S>, key: &Known) -> bool {
    core.authenticate(&key.text, None).is_ok()
}
