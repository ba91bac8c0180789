//! This file is about signing in: what opens a session, and what ends it.

use std::sync::{Arc, Mutex};

use keyward_core::account::Role;
use keyward_core::command::{
    AccountPatch, Answer, Command, Ending, KeyPolicy, NewAccount, Patch, SessionPlan, SignIn,
};
use keyward_core::error::Error;
use keyward_core::event::Reason;
use keyward_core::id::{AccountId, KeyId};
use keyward_core::key::Head;
use keyward_core::keyward::{Environment as _, Origin};
use keyward_core::permit::{Caller, Reach, Verb};
use keyward_core::scope::Scopes;
use keyward_core::secret::{Alphabet, Format};
use zeroize::Zeroizing;

use crate::house::{Core, House, Known, accepts, ask, known};
use crate::world::{Shared, Work, World, finish, interleave, start};

const HOUR: u64 = 3600 * 1000;

/// What ends a key, or takes something away from it.
type End = fn(&World, KeyId) -> Command;

pub(crate) fn plan(idle_seconds: Option<u32>, life_seconds: Option<u64>) -> SessionPlan {
    let format = Format::Plain { alphabet: Alphabet::Hex, public: 0, private: 32, hint: 0 };
    SessionPlan { format, life_seconds, idle_seconds }
}

pub(crate) fn sign_in(
    core: &Core<Shared>,
    login: &str,
    proof: &str,
    session: SessionPlan,
) -> Result<Known, Error> {
    let proof = Zeroizing::new(proof.to_owned());
    let sign_in = SignIn { login: login.to_owned(), proof, organization: None, session: Ok(session) };
    finish(core.sign_in(sign_in, &Origin::default())).map(known)
}

pub(crate) fn set_password(
    core: &Core<Shared>,
    house: &House,
    account: AccountId,
    login: &str,
    text: &str,
) -> KeyId {
    let password = Zeroizing::new(text.to_owned());
    let command = Command::SetPassword { account: Some(account), login: Some(login.to_owned()), password };
    match finish(ask(core, &house.owner, Verb::Issue, command, None)) {
        Ok(Answer::Key(key)) => key.head.id,
        other => panic!("no password: {:?}", other.err()),
    }
}

fn remove(core: &Core<Shared>, house: &House, key: KeyId, end_sessions: bool) {
    let reason = Reason::Unspecified;
    let command = Command::Remove(key.into(), Ending { reason, end_sessions, ..Ending::default() });
    assert!(finish(ask(core, &house.owner, Verb::Remove, command, None)).is_ok());
}

fn scene(keys: usize) -> (House, Core<Shared>) {
    let house = House::new(1, keys);
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    (house, core)
}

#[test]
fn a_password_signs_in_and_is_no_key() {
    let (house, core) = scene(0);
    let password = set_password(&core, &house, house.account.id, "Shop@example.com", "open sesame");
    let is_ours = |_: &Caller, key: &Head| key.is_api_key();
    let remove = Command::Remove(password.into(), Ending { is_ours, ..Ending::default() });
    let removed = finish(ask(&core, &house.owner, Verb::Remove, remove, None));
    assert_eq!(removed.err(), Some(Error::NotFound), "it is none of a language that has API keys only");
    let session = sign_in(&core, "shop@EXAMPLE.com", "open sesame", plan(None, Some(900))).unwrap();
    assert_eq!(session.text.len(), 32);
    assert_eq!(core.authenticate(&session.text, None).unwrap().account, house.account.id);
    assert!(
        core.authenticate("open sesame", None).is_err(),
        "a password is presented to nobody but the login"
    );
    for (login, proof) in [("shop@example.com", "open sesam"), ("nobody", "open sesame"), ("", "")] {
        assert_eq!(
            sign_in(&core, login, proof, plan(None, None)).err(),
            Some(Error::BadCredential),
            "{login}"
        );
    }
}

#[test]
fn another_password_takes_the_place_of_the_first_and_a_login_is_one_accounts() {
    let (house, core) = scene(0);
    let first = set_password(&core, &house, house.account.id, "shop", "first");
    assert_eq!(set_password(&core, &house, house.account.id, "SHOP", "second"), first);
    assert!(sign_in(&core, "shop", "first", plan(None, None)).is_err());
    assert!(sign_in(&core, "shop", "second", plan(None, None)).is_ok());
    let password = Zeroizing::new("third".to_owned());
    let theirs = Command::SetPassword { account: None, login: Some("shop".to_owned()), password };
    let taken = finish(ask(&core, &house.owner, Verb::Issue, theirs, None));
    assert!(matches!(taken, Err(Error::Taken { .. })));
}

/// A login stayed with the tombstone of its password: its account got no other, and nobody else got it.
#[test]
fn a_login_is_free_when_its_holder_is_gone() {
    let (house, core) = scene(0);
    let opens = |password: &str| sign_in(&core, "shop", password, plan(None, None)).map(|_| ());
    let first = set_password(&core, &house, house.account.id, "shop", "first");
    remove(&core, &house, first, true);
    assert_eq!(opens("first"), Err(Error::BadCredential));
    assert_ne!(set_password(&core, &house, house.account.id, "shop", "second"), first);
    assert_eq!((opens("first"), opens("second")), (Err(Error::BadCredential), Ok(())));

    // What ends the keys of an account that is gone is never run here.
    let (account, policy) = (house.account.id, KeyPolicy::Remove);
    let end = Command::RemoveAccount { account, policy, if_match: None };
    assert!(finish(ask(&core, &house.owner, Verb::RemoveAccount, end, None)).is_ok());
    assert_eq!(opens("second"), Err(Error::BadCredential), "like a login that nobody has");
    set_password(&core, &house, house.owner.account, "shop", "third");
    assert_eq!((opens("second"), opens("third")), (Err(Error::BadCredential), Ok(())));
    let again = finish(start(house.store.clone(), &house.world)).unwrap();
    let session = sign_in(&again, "shop", "third", plan(None, None)).unwrap();
    assert_eq!(again.authenticate(&session.text, None).unwrap().account, house.owner.account);
}

#[test]
fn another_password_ends_the_sessions_of_the_first_but_the_one_that_changes_it() {
    let (house, core) = scene(1);
    set_password(&core, &house, house.account.id, "shop", "first");
    let open = || sign_in(&core, "shop", "first", plan(Some(3600), None)).unwrap();
    let (own, other, third) = (open(), open(), open());
    let by_key = sign_in(&core, "shop", &house.keys[0].text, plan(None, None)).unwrap();
    let caller = core.authenticate(&own.text, None).unwrap();
    let password = Zeroizing::new("second".to_owned());
    let change = Command::SetPassword { account: None, login: None, password };
    assert!(finish(ask(&core, &caller, Verb::Issue, change, None)).is_ok());
    assert!(accepts(&core, &own), "it goes on");
    assert!(!accepts(&core, &other) && !accepts(&core, &third));
    assert!(accepts(&core, &by_key), "no password opened it");
    let again = finish(start(house.store.clone(), &house.world)).unwrap();
    assert!(accepts(&again, &own) && !accepts(&again, &other));
    // Somebody above, who signed in by something else, ends all of them.
    set_password(&core, &house, house.account.id, "shop", "third");
    assert!(!accepts(&core, &own));
}

/// Whoever signed in, or renewed a session, just when the password was changed went on.
#[test]
fn no_session_of_an_old_password_comes_after_its_change() {
    for seed in 0..300 {
        let house = House::new(seed, 0);
        let core = finish(start(house.store.clone().yielding(), &house.world)).unwrap();
        set_password(&core, &house, house.account.id, "shop", "first");
        let session = sign_in(&core, "shop", "first", plan(None, None)).unwrap();
        let caller = core.authenticate(&session.text, None).unwrap();
        let opened: Arc<Mutex<Vec<Known>>> = Arc::default();
        let (signs_in, renews, changes) = (Arc::clone(&core), Arc::clone(&core), Arc::clone(&core));
        let (signed_in, renewed) = (Arc::clone(&opened), Arc::clone(&opened));
        let (owner, account) = (house.owner.clone(), Some(house.account.id));
        let running: Vec<Work> = vec![
            Box::pin(async move {
                let proof = Zeroizing::new("first".to_owned());
                let session = Ok(plan(None, None));
                let sign_in = SignIn { login: "shop".to_owned(), proof, organization: None, session };
                let done = signs_in.sign_in(sign_in, &Origin::default()).await;
                signed_in.lock().unwrap().extend(done.ok().map(known));
            }),
            Box::pin(async move {
                let renew = Command::Renew(plan(None, None));
                let done = ask(&renews, &caller, renew.verb(), renew, None).await;
                renewed.lock().unwrap().extend(done.ok().map(known));
            }),
            Box::pin(async move {
                let (login, password) = (Some("shop".to_owned()), Zeroizing::new("second".to_owned()));
                let change = Command::SetPassword { account, login, password };
                ask(&changes, &owner, Verb::Issue, change, None).await.unwrap();
            }),
        ];
        interleave(&house.world, running);
        for session in opened.lock().unwrap().iter().chain([&session]) {
            assert!(!accepts(&core, session), "seed {seed}");
        }
    }
}

/// Its keys go a little later than the account: in between, the right password had an answer of its own.
#[test]
fn the_password_of_a_removed_account_is_like_any_wrong_one() {
    let (house, core) = scene(0);
    set_password(&core, &house, house.account.id, "shop", "open sesame");
    let (account, policy) = (house.account.id, KeyPolicy::Remove);
    let remove = Command::RemoveAccount { account, policy, if_match: None };
    assert!(finish(ask(&core, &house.owner, Verb::RemoveAccount, remove, None)).is_ok());
    for _ in 0..2 {
        for proof in ["open sesame", "open sesam"] {
            let refused = sign_in(&core, "shop", proof, plan(None, None)).err();
            assert_eq!(refused, Some(Error::BadCredential), "{proof}");
        }
        // And the same once its keys have followed.
        house.world.work();
    }
}

/// A suspended account is told from a wrong password: the vendors' clients are.
#[test]
fn a_suspended_account_is_told_so_by_its_password_only() {
    let (house, core) = scene(0);
    set_password(&core, &house, house.account.id, "shop", "open sesame");
    let patch = AccountPatch { suspended: Some(true), ..AccountPatch::default() };
    let suspend = Command::UpdateAccount { account: house.account.id, patch, if_match: None };
    assert!(finish(ask(&core, &house.owner, Verb::UpdateAccount, suspend, None)).is_ok());
    let refused = |proof| sign_in(&core, "shop", proof, plan(None, None)).err();
    assert_eq!((refused("open sesame"), refused("x")), (Some(Error::Forbidden), Some(Error::BadCredential)));
}

#[test]
fn what_is_wrong_with_a_request_is_told_to_who_may_sign_in() {
    let (house, core) = scene(0);
    set_password(&core, &house, house.account.id, "shop", "open sesame");
    let told = |proof: &str| {
        let (login, proof) = ("shop".to_owned(), Zeroizing::new(proof.to_owned()));
        let session = Err(Error::invalid("v", "1"));
        finish(core.sign_in(SignIn { login, proof, organization: None, session }, &Origin::default())).err()
    };
    assert_eq!(told("wrong"), Some(Error::BadCredential));
    assert_eq!(told("open sesame"), Some(Error::invalid("v", "1")));
}

#[test]
fn a_key_signs_in_under_its_accounts_name_only() {
    let (house, core) = scene(1);
    let key = &house.keys[0];
    let session = sign_in(&core, "SHOP", &key.text, plan(None, None)).unwrap();
    assert!(accepts(&core, &session));
    assert!(sign_in(&core, "ann", &key.text, plan(None, None)).is_err(), "another account's name");
    assert!(sign_in(&core, "shop", &session.text, plan(None, None)).is_err(), "a session opens no session");
}

#[test]
fn a_session_ends_with_its_key_or_outlives_it_as_asked() {
    let (house, core) = scene(2);
    let open = |at: usize| sign_in(&core, "shop", &house.keys[at].text, plan(None, None)).unwrap();
    let (doomed, kept) = (open(0), open(1));
    remove(&core, &house, house.keys[0].id, true);
    remove(&core, &house, house.keys[1].id, false);
    assert!(!accepts(&core, &doomed));
    assert!(accepts(&core, &kept));
    let again = finish(start(house.store.clone(), &house.world)).unwrap();
    assert!(!accepts(&again, &doomed));
    assert!(accepts(&again, &kept));
    assert!(sign_in(&core, "shop", &house.keys[1].text, plan(None, None)).is_err(), "the key is gone");
}

#[test]
fn whatever_ends_a_key_ends_its_sessions() {
    let retire = |world: &World, key| {
        let remove_at = Some(world.now().plus_seconds(60));
        Command::Suspend { key, remove_at, if_match: None }
    };
    let wind_down = |_: &World, key| Command::Rotate { key, overlap_seconds: 60, if_match: None };
    let rotate = |_: &World, key| Command::Rotate { key, overlap_seconds: 0, if_match: None };
    let suspend = |_: &World, key| Command::Suspend { key, remove_at: None, if_match: None };
    let reduce = |_: &World, key| {
        let patch = Box::new(Patch { scopes: Some(Scopes::default()), ..Patch::default() });
        Command::Update { key, patch, if_match: None }
    };
    let ends: [(&str, End); 5] = [
        ("retired", retire),
        ("wound down", wind_down),
        ("rotated", rotate),
        ("suspended", suspend),
        ("reduced", reduce),
    ];
    for (what, end) in ends {
        let (house, core) = scene(1);
        let session = sign_in(&core, "shop", &house.keys[0].text, plan(Some(3600), None)).unwrap();
        let command = end(&house.world, house.keys[0].id);
        finish(ask(&core, &house.owner, command.verb(), command, None)).unwrap();
        house.world.advance(61 * 1000);
        finish(core.remove_due()).unwrap();
        assert!(!accepts(&core, &session), "{what}");
        let again = finish(start(house.store.clone(), &house.world)).unwrap();
        assert!(!accepts(&again, &session), "{what}, after a restart");
    }
}

#[test]
fn a_session_lives_no_longer_than_its_key_however_often_it_is_renewed() {
    let (house, core) = scene(1);
    let key = house.keys[0].id;
    let (expires_at, scopes) = (Some(house.world.now().plus_seconds(100)), Scopes::parse(["admin"]).unwrap());
    let patch = Patch { expires_at: Some(expires_at), scopes: Some(scopes), ..Patch::default() };
    let expire = Command::Update { key, patch: Box::new(patch), if_match: None };
    finish(ask(&core, &house.owner, Verb::Update, expire, None)).unwrap();
    let session = sign_in(&core, "shop", &house.keys[0].text, plan(None, Some(900))).unwrap();
    let renew = |session: &Known| {
        let caller = core.authenticate(&session.text, None)?;
        let renew = Command::Renew(plan(None, Some(900)));
        finish(ask(&core, &caller, renew.verb(), renew, None)).map(known)
    };
    house.world.advance(99 * 1000);
    let renewed = renew(&session).unwrap();
    assert!(accepts(&core, &renewed));
    house.world.advance(1000);
    assert!(!accepts(&core, &session) && !accepts(&core, &renewed));
    assert!(renew(&renewed).is_err());
}

#[test]
fn a_session_lives_as_long_as_it_is_used() {
    let (house, core) = scene(1);
    let session = sign_in(&core, "shop", &house.keys[0].text, plan(Some(3600), None)).unwrap();
    for _ in 0..3 {
        house.world.advance(HOUR - 1000);
        assert!(accepts(&core, &session));
    }
    // What is known of its use comes with a restart.
    finish(core.keep_notes(usize::MAX)).unwrap();
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    house.world.advance(HOUR - 1000);
    assert!(accepts(&core, &session));
    house.world.advance(HOUR);
    assert!(!accepts(&core, &session));
    assert_eq!(finish(core.remove_due()), Ok(1), "what nobody uses is removed for good");
    assert!(!accepts(&core, &session));
}

#[test]
fn a_session_with_a_set_life_ends_however_much_it_is_used() {
    let (house, core) = scene(1);
    let session = sign_in(&core, "shop", &house.keys[0].text, plan(None, Some(900))).unwrap();
    house.world.advance(899 * 1000);
    assert!(accepts(&core, &session));
    house.world.advance(1000);
    assert!(!accepts(&core, &session));
}

#[test]
fn an_account_acts_for_those_below_it_and_for_nobody_else() {
    let (house, core) = scene(1);
    let make = |name: &str, parent, role| {
        let new = NewAccount { organization: None, parent, name: name.to_owned(), role };
        match finish(ask(&core, &house.owner, Verb::CreateAccount, Command::CreateAccount(new), None)) {
            Ok(Answer::Account(account)) => account.id,
            other => panic!("no account: {:?}", other.err()),
        }
    };
    let child = make("child", Some(house.account.id), Role::Member);
    let grandchild = make("grandchild", Some(child), Role::Member);
    let risen = make("risen", Some(house.account.id), Role::Admin);
    let stranger = make("stranger", None, Role::Member);
    set_password(&core, &house, house.account.id, "shop", "open sesame");
    let session = sign_in(&core, "shop", "open sesame", plan(None, None)).unwrap();
    let shop = core.authenticate(&session.text, None).unwrap();
    let find = |id| finish(ask(&core, &shop, Verb::ReadAccounts, Command::FindAccount(id), None));
    assert!(find(child).is_ok() && find(grandchild).is_ok());
    assert_eq!(find(stranger).err(), Some(Error::NotFound));
    assert_eq!(find(risen).err(), Some(Error::NotFound), "acting for who may do more would be a way up");

    // A language that knows parents and children only keeps everybody to that, whatever their role.
    let below = make("below", Some(house.owner.account), Role::Admin);
    let elsewhere = house.other_owner(&core).account;
    let find_within = |reach, id| {
        let owner = house.owner.clone().within(reach);
        finish(ask(&core, &owner, Verb::ReadAccounts, Command::FindAccount(id), None)).map(|_| ())
    };
    for (id, widely, narrowly) in [
        (house.owner.account, Ok(()), Ok(())),
        (below, Ok(()), Ok(())),
        (stranger, Ok(()), Err(Error::NotFound)),
        (elsewhere, Ok(()), Err(Error::NotFound)),
    ] {
        assert_eq!(find_within(Reach::Everywhere, id), widely);
        assert_eq!(find_within(Reach::Account, id), narrowly);
    }
    assert_eq!(find_within(Reach::Organization, elsewhere), Err(Error::NotFound));
}
