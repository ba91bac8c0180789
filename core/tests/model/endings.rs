//! This file is about who may end what, and what ends with it, told as an audit found it.

use keyward_core::access::{Identification, NewAccess};
use keyward_core::account::{Account, Role};
use keyward_core::command::{AccountPatch, Answer, Command, Draft, Ending, KeyPolicy, NewAccount, Patch};
use keyward_core::crypto::{Algorithm, NewCrypto, Origin};
use keyward_core::error::Error;
use keyward_core::event::Reason;
use keyward_core::id::{AccountId, KeyId};
use keyward_core::keyward::Environment;
use keyward_core::permit::Caller;
use keyward_core::scope::Scopes;
use keyward_core::secret::Label;
use keyward_core::verbs::verify::{Refusal, Verdict};

use crate::house::{Core, House, Known, accepts, ask, known};
use crate::play;
use crate::sessions::{plan, set_password, sign_in};
use crate::world::{Shared, finish, start};

fn begin(keys: usize) -> (House, Core<Shared>) {
    let house = House::new(1, keys);
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    (house, core)
}

fn send(core: &Core<Shared>, caller: &Caller, command: Command) -> Result<Answer, Error> {
    finish(ask(core, caller, command.verb(), command, None))
}

/// A key of the house's account with these scopes.
fn caller(core: &Core<Shared>, house: &House, scopes: &[&str]) -> (Known, Caller) {
    let Command::Issue(mut issue) = house.issue() else { panic!("a command to issue") };
    issue.draft.scopes = Scopes::parse(scopes.iter().copied()).unwrap();
    let key = known(send(core, &house.owner, Command::Issue(issue)).unwrap());
    let caller = core.authenticate(&key.text, None).unwrap();
    (key, caller)
}

fn account(core: &Core<Shared>, house: &House, parent: Option<AccountId>, role: Role) -> Box<Account> {
    let name = format!("below {parent:?} {}", house.world.now().millis());
    house.world.advance(1);
    let new = NewAccount { organization: None, parent, name, role };
    let made = send(core, &house.owner, Command::CreateAccount(new));
    let Ok(Answer::Account(account)) = made else { panic!("an account: {:?}", made.err()) };
    account
}

fn key_of(core: &Core<Shared>, house: &House, account: AccountId) -> Known {
    let Command::Issue(mut issue) = house.issue() else { panic!("a command to issue") };
    issue.account = Some(account);
    known(send(core, &house.owner, Command::Issue(issue)).unwrap())
}

fn retire(house: &House, key: KeyId) -> Command {
    Command::Suspend { key, remove_at: Some(house.world.now().plus_seconds(1)), if_match: None }
}

fn rotate(key: KeyId, overlap_seconds: u64) -> Command {
    Command::Rotate { key, overlap_seconds, if_match: None }
}

fn protect(key: KeyId) -> Command {
    let patch = Box::new(Patch { protected: Some(true), ..Patch::default() });
    Command::Update { key, patch, if_match: None }
}

fn remove(account: AccountId, policy: KeyPolicy) -> Command {
    Command::RemoveAccount { account, policy, if_match: None }
}

fn patch(account: AccountId, role: Option<Role>, suspended: Option<bool>) -> Command {
    Command::UpdateAccount { account, patch: AccountPatch { name: None, role, suspended }, if_match: None }
}

/// Who could only change keys removed them for ever, by a suspension with an end; who could only issue, by a rotation.
#[test]
fn whatever_ends_a_key_takes_the_right_to_remove() {
    let (house, core) = begin(1);
    let other = house.keys[0].id;
    for (scopes, command) in [
        (&["keys:update"][..], retire(&house, other)),
        (&["keys:issue", "orders"], rotate(other, 0)),
        (&["keys:issue", "orders"], rotate(other, 60)),
    ] {
        let (own, caller) = caller(&core, &house, scopes);
        assert!(matches!(send(&core, &caller, command.clone()), Err(Error::Forbidden)), "{scopes:?}");
        // Whoever holds a key may end it.
        let command = match command {
            Command::Suspend { remove_at, if_match, .. } => {
                Command::Suspend { key: own.id, remove_at, if_match }
            }
            Command::Rotate { overlap_seconds, .. } => rotate(own.id, overlap_seconds),
            _ => panic!("one of these"),
        };
        assert!(send(&core, &caller, command).is_ok(), "{scopes:?}");
    }
    let (_, caller) = caller(&core, &house, &["keys:update", "keys:issue", "keys:remove", "orders"]);
    assert!(send(&core, &caller, rotate(other, 60)).is_ok());
    assert!(send(&core, &caller, retire(&house, other)).is_ok());
}

/// A protected key was retired, or a retired one protected: the timer removed it.
#[test]
fn nothing_ends_a_protected_key_by_itself() {
    let (house, core) = begin(4);
    let ids: Vec<KeyId> = house.keys.iter().map(|key| key.id).collect();
    send(&core, &house.owner, protect(ids[0])).unwrap();
    assert!(matches!(send(&core, &house.owner, retire(&house, ids[0])), Err(Error::Protected)));
    assert!(matches!(send(&core, &house.owner, rotate(ids[0], 60)), Err(Error::Protected)));
    send(&core, &house.owner, retire(&house, ids[1])).unwrap();
    send(&core, &house.owner, rotate(ids[2], 60)).unwrap();
    for id in &ids[1..3] {
        let Ok(Answer::Key(key)) = send(&core, &house.owner, protect(*id)) else { panic!("a key") };
        assert_eq!(key.head.remove_at, None);
    }
    send(&core, &house.owner, retire(&house, ids[3])).unwrap();
    house.world.advance(120_000);
    assert!(matches!(send(&core, &house.owner, protect(ids[3])), Err(Error::WrongState { .. })), "too late");
    assert_eq!(finish(core.remove_due()).unwrap(), 1);
    assert!(accepts(&core, &house.keys[0]) && accepts(&core, &house.keys[2]));
    let resume = Command::Resume { key: ids[1], if_match: None };
    assert!(send(&core, &house.owner, resume).is_ok() && accepts(&core, &house.keys[1]));
}

/// An account was removed or suspended, and the accounts below it and their keys went on.
#[test]
fn what_stops_an_account_stops_all_below_it() {
    let (house, core) = begin(1);
    let top = house.account.id;
    let middle = account(&core, &house, Some(top), Role::Member);
    let low = account(&core, &house, Some(middle.id), Role::Auditor);
    let keys = [house.keys[0].clone(), key_of(&core, &house, middle.id), key_of(&core, &house, low.id)];
    let works = |core: &Core<Shared>| keys.each_ref().map(|key| accepts(core, key));

    send(&core, &house.owner, patch(middle.id, None, Some(true))).unwrap();
    assert_eq!(works(&core), [true, false, false]);
    send(&core, &house.owner, patch(top, None, Some(true))).unwrap();
    send(&core, &house.owner, patch(middle.id, None, Some(false))).unwrap();
    assert_eq!(works(&core), [false; 3]);
    let again = finish(start(house.store.clone(), &house.world)).unwrap();
    assert_eq!(works(&again), [false; 3], "after a restart, too");
    send(&core, &house.owner, patch(top, None, Some(false))).unwrap();
    assert_eq!(works(&core), [true; 3]);

    assert!(matches!(
        send(&core, &house.owner, remove(top, KeyPolicy::Refuse)),
        Err(Error::WrongState { .. })
    ));
    send(&core, &house.owner, remove(top, KeyPolicy::Remove)).unwrap();
    assert_eq!(works(&core), [false; 3], "when it is answered");
    assert!(matches!(send(&core, &house.owner, Command::FindAccount(low.id)), Err(Error::NotFound)));
    drop(house.world.take_work());
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    assert_eq!(works(&core), [false; 3], "after a crash");
    house.world.work();
    for key in &keys {
        assert!(matches!(send(&core, &house.owner, Command::Find(key.id)), Err(Error::Gone(_))), "no orphan");
    }
    let new = NewAccount { organization: None, parent: None, name: low.name.clone(), role: Role::Member };
    assert!(send(&core, &house.owner, Command::CreateAccount(new)).is_ok(), "its name is free");
}

/// Keys that are handed over take the accounts below along, and no account comes to be below itself.
#[test]
fn accounts_below_go_with_the_keys() {
    let (house, core) = begin(1);
    let top = house.account.id;
    let child = account(&core, &house, Some(top), Role::Member);
    let heir = account(&core, &house, None, Role::Member);
    let of_child = key_of(&core, &house, child.id);
    let below = send(&core, &house.owner, remove(top, KeyPolicy::Transfer(child.id)));
    assert!(matches!(below, Err(Error::Invalid { field, .. }) if field == "transfer_to"));
    send(&core, &house.owner, remove(top, KeyPolicy::Transfer(heir.id))).unwrap();
    house.world.work();
    assert!(accepts(&core, &of_child) && accepts(&core, &house.keys[0]));
    send(&core, &house.owner, patch(heir.id, None, Some(true))).unwrap();
    assert!(!accepts(&core, &of_child), "it is below the heir");
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    assert!(!accepts(&core, &of_child), "after a restart, too");
}

/// Whoever knew the password of somebody whose account was handed over signed in as the heir, and a session of theirs went on
/// as the heir's.
#[test]
fn what_signs_a_person_in_is_not_handed_over() {
    let (house, core) = begin(1);
    let heir = account(&core, &house, None, Role::Member);
    let own = house.keys[0].clone();
    let (environment, account) = (Label::parse("live").unwrap(), Some(house.account.id));
    let draft = Draft { name: "handed over".to_owned(), ..Draft::default() };
    let badge = Command::IssueAccess(Box::new(NewAccess {
        account,
        environment: environment.clone(),
        protected: false,
        identification: Identification::badge("MC:1234567890"),
        pin: None,
        levels: Vec::new(),
        person: None,
        draft: draft.clone(),
    }));
    let crypto = Command::IssueCrypto(Box::new(NewCrypto {
        account,
        environment,
        protected: false,
        algorithm: Algorithm::Ed25519,
        usages: Algorithm::Ed25519.usages(),
        origin: Origin::Generate,
        naming: None,
        mark: None,
        draft,
    }));
    let mut lasting = vec![own.id];
    for command in [crypto, badge] {
        match send(&core, &house.owner, command) {
            Ok(Answer::IssuedAccess(key) | Answer::IssuedCrypto(key)) => lasting.push(key.head.id),
            other => panic!("a key: {:?}", other.err()),
        }
    }
    let password = set_password(&core, &house, house.account.id, "shop", "open sesame");
    let opens = |core: &Core<Shared>, proof: &str| sign_in(core, "shop", proof, plan(None, None));
    let sessions = ["open sesame", &own.text].map(|proof| opens(&core, proof).unwrap());
    send(&core, &house.owner, remove(house.account.id, KeyPolicy::Transfer(heir.id))).unwrap();

    // What ends the keys that an account has left has not begun, and begins again after a crash.
    drop(house.world.take_work());
    let again = finish(start(house.store.clone(), &house.world)).unwrap();
    for (core, when) in [(&core, "when it is answered"), (&again, "after a crash")] {
        assert_eq!(opens(core, "open sesame").err(), Some(Error::BadCredential), "{when}");
        assert!(sessions.iter().all(|session| !accepts(core, session)), "{when}");
        assert_eq!(core.authenticate(&own.text, None).unwrap().account, heir.id, "{when}");
    }
    house.world.work();
    for id in [password, sessions[0].id, sessions[1].id] {
        match send(&again, &house.owner, Command::Find(id)) {
            Err(Error::Gone(tombstone)) => assert_eq!(tombstone.reason, Reason::OwnerLeft),
            other => panic!("it is removed: {:?}", other.err()),
        }
    }
    for id in lasting {
        let Ok(Answer::Found(key)) = send(&again, &house.owner, Command::Find(id)) else {
            panic!("{id} lives")
        };
        assert_eq!(key.head.account, heir.id);
    }
    assert!(opens(&again, "open sesame").is_err(), "and its login is free");
    set_password(&again, &house, heir.id, "shop", "another");
}

/// Somebody who is no owner stopped an account with an owner below it: the owner's keys stopped with it.
#[test]
fn nobody_below_an_owner_stops_an_owner_from_above() {
    let (mut house, core) = begin(0);
    account(&core, &house, Some(house.account.id), Role::Owner);
    let top = house.account.id;
    house.account = account(&core, &house, None, Role::Admin);
    let (_, admin) = caller(&core, &house, &["admin"]);
    for command in [patch(top, None, Some(true)), remove(top, KeyPolicy::Remove)] {
        assert!(matches!(send(&core, &admin, command.clone()), Err(Error::Forbidden)));
        assert!(send(&core, &house.owner, command).is_ok());
    }
}

/// The last owner of the first organization was removed, and nobody could ever make another one.
#[test]
fn an_organization_keeps_an_active_owner_and_a_machine_its_way_in() {
    let (house, core) = begin(0);
    let ann = house.owner.account;
    let last =
        [remove(ann, KeyPolicy::Remove), patch(ann, Some(Role::Admin), None), patch(ann, None, Some(true))];
    for command in &last {
        assert!(matches!(send(&core, &house.owner, command.clone()), Err(Error::WrongState { .. })));
    }
    // One that is itself below her is no help.
    account(&core, &house, Some(ann), Role::Owner);
    assert!(matches!(send(&core, &house.owner, last[0].clone()), Err(Error::WrongState { .. })));
    // Her key may be compromised: it can be removed, though it is the last.
    assert!(core.live().has_operator());
    send(&core, &house.owner, Command::Remove(house.owner.key.into(), Ending::default())).unwrap();
    assert!(!core.live().has_operator());
    let secret = finish(core.new_owner()).unwrap();
    let owner = core.authenticate(secret.expose(), None).unwrap();
    assert!(owner.is_operator() && owner.account == ann && core.live().has_operator());
    account(&core, &House { owner: owner.clone(), ..house }, None, Role::Owner);
    assert!(send(&core, &owner, last[0].clone()).is_ok(), "there is another one");
}

/// A use that costs nothing was valid when nothing was left.
#[test]
fn a_look_is_told_what_a_use_would_be_told() {
    let (house, core) = begin(0);
    let Command::Issue(mut issue) = house.issue() else { panic!("a command to issue") };
    issue.draft.uses = Some(1);
    let key = known(send(&core, &house.owner, Command::Issue(issue)).unwrap());
    let look = |cost| {
        let Ok(Answer::Verdict(verdict)) = send(&core, &house.owner, play::ask(&key.text, None, cost)) else {
            panic!("a verdict")
        };
        *verdict
    };
    assert!(matches!(look(0), Verdict::Valid(_)) && matches!(look(1), Verdict::Valid(_)));
    assert!(matches!(look(0), Verdict::Refused(Refusal::UsedUp)));
}
