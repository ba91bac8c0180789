//! This file is about sole keys: of a scope of which an account has one key at a time, the next key ends the one before,
//! whatever comes in between.

use std::future::Future as _;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use keyward_core::account::Role;
use keyward_core::command::{Answer, Command, Draft, Given, Import, NewAccount, Page, Patch};
use keyward_core::error::Error;
use keyward_core::event::Reason;
use keyward_core::filter::{Filter, StateFilter};
use keyward_core::id::{AccountId, KeyId};
use keyward_core::key::Found;
use keyward_core::scope::Scopes;
use keyward_core::secret::{Label, Secret};
use keyward_core::store::Store;

use crate::house::{Core, House, Known, accepts, ask, known};
use crate::world::{SOLE, Shared, finish, interleave, start};

const TEXT: &str = "a-text-that-was-a-key-in-some-other-system-before";

fn scene() -> (House, Core<Shared>) {
    let house = House::new(1, 0);
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    (house, core)
}

fn issue(house: &House, account: AccountId, scopes: &[&str], protected: bool) -> Command {
    let Command::Issue(mut issue) = house.issue() else { panic!("an issue") };
    issue.draft.scopes = Scopes::parse(scopes.iter().copied()).unwrap();
    (issue.account, issue.protected) = (Some(account), protected);
    Command::Issue(issue)
}

fn sole(house: &House) -> Command {
    issue(house, house.account.id, &["orders", SOLE], false)
}

fn run<S: Store>(core: &Core<S>, house: &House, command: Command) -> Result<Answer, Error> {
    finish(ask(core, &house.owner, command.verb(), command, None))
}

fn made<S: Store>(core: &Core<S>, house: &House, command: Command) -> Known {
    known(run(core, house, command).unwrap_or_else(|error| panic!("{error:?}")))
}

/// The account's keys in a state: which, and why those that were removed were.
fn keys<S: Store>(core: &Core<S>, house: &House, state: StateFilter) -> Vec<(KeyId, Option<Reason>)> {
    let filter = Filter { account: Some(house.account.id), state: Some(state), ..Filter::default() };
    let page = Page { after: None, limit: Page::LIMIT };
    match run(core, house, Command::List { filter: Box::new(filter), page }) {
        Ok(Answer::Keys(found, None)) => found
            .into_iter()
            .map(|found| match found {
                Found::Live(key) => (key.head.id, None),
                Found::Removed(tombstone) => (tombstone.id, Some(tombstone.reason)),
            })
            .collect(),
        other => panic!("a list: {:?}", other.err()),
    }
}

fn rotate(key: KeyId, overlap_seconds: u64) -> Command {
    Command::Rotate { key, overlap_seconds, if_match: None }
}

#[test]
fn however_the_next_one_is_made_it_ends_the_one_before() {
    let (house, core) = scene();
    let other = made(&core, &house, issue(&house, house.account.id, &["orders"], false));
    let first = made(&core, &house, sole(&house));
    let second = made(&core, &house, sole(&house));
    assert_eq!((accepts(&core, &first), accepts(&core, &second)), (false, true));
    let third = made(&core, &house, rotate(second.id, 0));
    assert_eq!((accepts(&core, &second), accepts(&core, &third)), (false, true));
    let import = Import {
        account: Some(house.account.id),
        environment: Label::parse("live").unwrap(),
        protected: false,
        given: Given::Text(Secret::import(TEXT).unwrap()),
        handle: None,
        draft: Draft {
            name: "brought along".to_owned(),
            scopes: Scopes::parse([SOLE]).unwrap(),
            ..Draft::default()
        },
    };
    let again = Command::Import(Box::new(import));
    assert!(run(&core, &house, again.clone()).is_ok());
    assert!(core.authenticate(TEXT, None).is_ok());
    // It is a key already: nothing ends for what is not made.
    assert!(matches!(run(&core, &house, again), Err(Error::Taken { .. })));
    assert!(core.authenticate(TEXT, None).is_ok());
    let ended = [first.id, second.id, third.id].map(|id| (id, Some(Reason::Superseded)));
    assert_eq!(keys(&core, &house, StateFilter::Removed), ended);
    assert!(accepts(&core, &other), "a key without that scope is none of them");
}

#[test]
fn an_account_has_its_own() {
    let (house, core) = scene();
    let new = NewAccount { organization: None, parent: None, name: "bar".to_owned(), role: Role::Member };
    let Ok(Answer::Account(bar)) = run(&core, &house, Command::CreateAccount(new)) else {
        panic!("an account")
    };
    let shops = made(&core, &house, sole(&house));
    let bars = made(&core, &house, issue(&house, bar.id, &[SOLE], false));
    assert!(accepts(&core, &shops) && accepts(&core, &bars));
}

#[test]
fn what_would_make_two_is_refused_and_changes_nothing() {
    let (house, core) = scene();
    let kept = made(&core, &house, issue(&house, house.account.id, &[SOLE], true));
    assert_eq!(run(&core, &house, sole(&house)).err(), Some(Error::Protected));
    let other = made(&core, &house, issue(&house, house.account.id, &["orders"], false));
    let scopes = Some(Scopes::parse(["orders", SOLE]).unwrap());
    let patch = Box::new(Patch { scopes: scopes.clone(), ..Patch::default() });
    let grown = run(&core, &house, Command::Update { key: other.id, patch, if_match: None });
    assert!(matches!(grown, Err(Error::Invalid { .. })));
    let patch = Box::new(Patch { scopes, protected: Some(false), ..Patch::default() });
    assert!(run(&core, &house, Command::Update { key: kept.id, patch, if_match: None }).is_ok());
    assert!(matches!(run(&core, &house, rotate(kept.id, 60)), Err(Error::Invalid { .. })));
    let Command::Issue(mut wrong) = sole(&house) else { panic!("an issue") };
    wrong.draft.name = String::new();
    assert!(matches!(run(&core, &house, Command::Issue(wrong)), Err(Error::Invalid { .. })));
    assert!(accepts(&core, &kept));
}

#[test]
fn of_those_made_at_once_one_stays() {
    for seed in 0..64 {
        let house = House::new(seed, 0);
        let core = finish(start(house.store.clone().yielding(), &house.world)).unwrap();
        let first = made(&core, &house, sole(&house));
        let given: Arc<Mutex<Vec<Known>>> = Arc::default();
        let commands = [sole(&house), rotate(first.id, 0), sole(&house)];
        let running = commands.into_iter().map(|command| {
            let (core, owner, given) = (Arc::clone(&core), house.owner.clone(), Arc::clone(&given));
            let work = async move {
                let answer = ask(&core, &owner, command.verb(), command, None).await;
                // The one that was to be rotated may have gone before.
                given.lock().unwrap().extend(answer.ok().map(known));
            };
            Box::pin(work) as crate::world::Work
        });
        interleave(&house.world, running.collect());
        let given = given.lock().unwrap();
        assert!(given.len() >= 2 && !accepts(&core, &first));
        assert_eq!(given.iter().filter(|key| accepts(&core, key)).count(), 1, "seed {seed}");
        assert_eq!(keys(&core, &house, StateFilter::Active).len(), 1);
    }
}

/// Asks, and goes away after so many turns; whether the answer came before.
fn cut_off(core: &Core<Shared>, house: &House, command: &Command, turns: usize) -> bool {
    let mut asking = Box::pin(ask(core, &house.owner, command.verb(), command.clone(), Some(7)));
    let mut context = Context::from_waker(Waker::noop());
    (0..turns).any(|_| asking.as_mut().poll(&mut context).is_ready())
}

/// What comes after a call that was cut off.
type After = fn(&House, &Core<Shared>) -> Core<Shared>;

#[test]
fn wherever_it_is_cut_off_either_the_old_or_the_new_one_works() {
    let restart: After = |house, _| finish(start(house.store.clone(), &house.world)).unwrap();
    let round: After = |_, core| {
        finish(core.remove_due()).unwrap();
        Arc::clone(core)
    };
    let again: After = |house, core| {
        let issue = sole(house);
        assert!(finish(ask(core, &house.owner, issue.verb(), issue, Some(7))).is_ok());
        Arc::clone(core)
    };
    for after in [restart, round, again] {
        for rotates in [false, true] {
            let mut turns = 0;
            loop {
                let house = House::new(turns as u64, 0);
                let core = finish(start(house.store.clone().yielding(), &house.world)).unwrap();
                let old = made(&core, &house, sole(&house));
                let command = if rotates { rotate(old.id, 0) } else { sole(&house) };
                let is_done = cut_off(&core, &house, &command, turns);
                // Another request under the name of one that was a rotation is another request.
                if rotates && std::ptr::fn_addr_eq(after, again) {
                    break;
                }
                let core = after(&house, &core);
                let live = keys(&core, &house, StateFilter::Active);
                assert_eq!(live.len(), 1, "after {turns} turns: {live:?}");
                assert_eq!(accepts(&core, &old), live[0].0 == old.id, "after {turns} turns");
                assert_eq!(keys(&core, &house, StateFilter::Removed).len(), usize::from(live[0].0 != old.id));
                if is_done {
                    break;
                }
                turns += 1;
            }
        }
    }
}

#[test]
fn a_world_without_such_scopes_has_as_many_as_it_likes() {
    let house = House::new(1, 0);
    let world = house.world.without_sole_scopes();
    let core = finish(start(house.store.clone(), &world)).unwrap();
    let both = [made(&core, &house, sole(&house)), made(&core, &house, sole(&house))];
    assert!(both.iter().all(|key| accepts(&core, key)));
    // A store from before the rule opens as it is, and the next key ends them all.
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    assert!(both.iter().all(|key| accepts(&core, key)));
    let next = made(&core, &house, sole(&house));
    assert!(both.iter().all(|key| !accepts(&core, key)) && accepts(&core, &next));
}
