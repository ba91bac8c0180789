//! This file is about secrets that are shown again: to whoever might issue such a key for that account, and to nobody else.

use keyward_core::account::Role;
use keyward_core::command::{Answer, Command, Ending, NewAccount};
use keyward_core::error::Error;
use keyward_core::id::{AccountId, KeyId};
use keyward_core::permit::{Caller, Verb};
use keyward_core::scope::Scopes;

use crate::house::{Core, House, Known, ask, known};
use crate::world::{Shared, finish, start};

/// A key of an account with these scopes, made by the owner.
fn issue(core: &Core<Shared>, house: &House, account: AccountId, scopes: &[&str], kept: bool) -> Known {
    let Command::Issue(mut issue) = house.issue() else { panic!("an issue") };
    (issue.account, issue.recoverable) = (Some(account), kept);
    issue.draft.scopes = Scopes::parse(scopes.iter().copied()).unwrap();
    known(finish(ask(core, &house.owner, Verb::Issue, Command::Issue(issue), None)).ok().unwrap())
}

fn account(core: &Core<Shared>, house: &House, name: &str, role: Role) -> AccountId {
    let new = NewAccount { organization: None, parent: None, name: name.to_owned(), role };
    match finish(ask(core, &house.owner, Verb::CreateAccount, Command::CreateAccount(new), None)) {
        Ok(Answer::Account(account)) => account.id,
        other => panic!("no account: {:?}", other.err()),
    }
}

/// The secret, as it is shown to a caller.
fn reveal(core: &Core<Shared>, caller: &Caller, key: KeyId) -> Result<String, Error> {
    let command = Command::Reveal(key);
    match finish(ask(core, caller, command.verb(), command, None))? {
        Answer::Revealed(secret) => Ok(secret.expose().to_owned()),
        _ => panic!("a secret"),
    }
}

/// An admin was shown the key of an owner, and was one from then on.
#[test]
fn a_secret_is_shown_to_whoever_might_issue_its_key() {
    let house = House::new(1, 0);
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    let caller = |account, scopes: &[&str]| {
        core.authenticate(&issue(&core, &house, account, scopes, false).text, None).unwrap()
    };
    let (admin, auditor) =
        (account(&core, &house, "admin", Role::Admin), account(&core, &house, "auditor", Role::Auditor));
    let shop = house.account.id;
    let owners = issue(&core, &house, house.owner.account, &["admin"], true);
    let all = issue(&core, &house, shop, &["admin"], true);
    let orders = issue(&core, &house, shop, &["orders", "keys:read"], true);

    let by = |caller: &Caller, key: &Known| {
        reveal(&core, caller, key.id).inspect(|text| assert_eq!(*text, key.text)).err()
    };
    let forbidden = Some(Error::Forbidden);
    let of_admin = caller(admin, &["admin"]);
    assert_eq!([by(&house.owner, &owners), by(&house.owner, &all), by(&of_admin, &all)], [None, None, None]);
    assert_eq!(by(&of_admin, &owners), forbidden, "nobody below an owner touches an owner's keys");
    for scopes in [&["keys:issue"][..], &["keys:read", "keys:issue"]] {
        assert_eq!(by(&caller(shop, scopes), &all), forbidden, "nobody gets what they do not have");
        assert_eq!(by(&caller(house.owner.account, scopes), &owners), forbidden, "owners neither");
    }
    assert_eq!(by(&caller(shop, &["keys:read", "keys:issue"]), &orders), None);
    assert_eq!(by(&caller(shop, &["keys:issue"]), &orders), forbidden);
    assert_eq!(
        by(&caller(shop, &["keys:read"]), &orders),
        forbidden,
        "reading keys is no right to their secrets"
    );
    assert_eq!(by(&caller(auditor, &["admin"]), &all), forbidden);
    assert_eq!(by(&caller(shop, &["admin"]), &owners), Some(Error::NotFound));
    let stranger = house.other_owner(&core);
    assert_eq!(by(&stranger, &all), Some(Error::NotFound));
}

#[test]
fn only_what_was_kept_is_shown_and_only_while_its_key_is_there() {
    let house = House::new(1, 1);
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    assert!(matches!(reveal(&core, &house.owner, house.keys[0].id), Err(Error::WrongState { .. })));
    let kept = issue(&core, &house, house.account.id, &["orders"], true);
    let again = finish(start(house.store.clone(), &house.world)).unwrap();
    assert_eq!(reveal(&again, &house.owner, kept.id), Ok(kept.text));
    let remove = Command::Remove(kept.id.into(), Ending::default());
    assert!(finish(ask(&again, &house.owner, Verb::Remove, remove, None)).is_ok());
    assert!(matches!(reveal(&again, &house.owner, kept.id), Err(Error::Gone(_))));
}
