//! This file is about what went wrong once, told as it happened.

use keyward_core::account::Role;
use keyward_core::command::{Answer, Command, Draft, Ending, Given, Import, NewAccount, Page, Patch};
use keyward_core::error::Error;
use keyward_core::event::Reason;
use keyward_core::filter::Filter;
use keyward_core::key::Scheme;
use keyward_core::permit::Verb;
use keyward_core::removal::Selection;
use keyward_core::scope::Scopes;
use keyward_core::secret::{Digest, Handle, Label};
use keyward_core::verbs::verify::{Refusal, Verdict};

use crate::house::{Core, House, Known, accepts, ask, known};
use crate::play;
use crate::world::{Shared, finish, slow_hash, start};

fn imported(house: &House, given: Given, handle: Option<&str>) -> Command {
    Command::Import(Box::new(Import {
        account: Some(house.account.id),
        environment: Label::parse("live").unwrap(),
        protected: false,
        given,
        handle: handle.map(|text| Handle::parse(text).unwrap()),
        draft: Draft { name: "brought along".to_owned(), ..Draft::default() },
    }))
}

fn verdict(core: &Core<Shared>, house: &House, text: &str) -> Verdict {
    let verified = finish(ask(core, &house.owner, Verb::Verify, play::ask(text, None, 1), None));
    let Ok(Answer::Verdict(verdict)) = verified else { panic!("a verdict for {text}") };
    *verdict
}

/// A key was imported as a slow hash with the handle `till`; whoever asked about the text `till-1` was told that
/// the *request* was wrong, because a text that short can be no secret.
#[test]
fn a_text_too_short_to_be_a_secret_is_unknown() {
    let house = House::new(1, 0);
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    let import = imported(&house, Given::Slow(slow_hash("till-0123456789abcdef")), Some("till"));
    assert!(finish(ask(&core, &house.owner, Verb::Import, import, None)).is_ok());
    assert!(matches!(verdict(&core, &house, "till-1"), Verdict::Refused(Refusal::Unknown)));
    assert!(matches!(verdict(&core, &house, "till-0123456789abcdef"), Verdict::Valid(_)));
}

/// Keys of another Keyward were imported by their digests. The import was answered with ids, and none of them
/// was ever found: a text of our format was looked for only where its own characters say.
#[test]
fn a_key_of_our_format_can_be_brought_along_as_a_digest() {
    let (house, elsewhere) = (House::new(1, 0), House::new(2, 2));
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    let texts: Vec<&str> = elsewhere.keys.iter().map(|key| key.text.as_str()).collect();
    let given = Given::Digest(Scheme::Sha256, Digest::of(texts[0].as_bytes()));
    assert!(finish(ask(&core, &house.owner, Verb::Import, imported(&house, given, None), None)).is_ok());
    let slow = imported(&house, Given::Slow(slow_hash(texts[1])), Some(&texts[1][..18]));
    assert!(finish(ask(&core, &house.owner, Verb::Import, slow, None)).is_ok());
    for text in texts {
        assert!(matches!(verdict(&core, &house, text), Verdict::Valid(_)), "{text}");
    }
}

/// A member removed all keys that it may remove, and the server stopped before that was done. When it started
/// again it took up the removal by its filter, which named no account: every key of the organization went.
#[test]
fn a_removal_that_is_taken_up_reaches_no_further_than_who_began_it() {
    let mut house = House::new(1, 1);
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    let of_another = house.keys[0].clone();
    let new = NewAccount { organization: None, parent: None, name: "member".to_owned(), role: Role::Member };
    let made = finish(ask(&core, &house.owner, Verb::CreateAccount, Command::CreateAccount(new), None));
    let Ok(Answer::Account(account)) = made else { panic!("an account") };
    house.account = account;
    let Command::Issue(mut issue) = house.issue() else { panic!("a command to issue") };
    issue.draft.scopes = Scopes::parse(["keys:remove"]).unwrap();
    let own = finish(ask(&core, &house.owner, Verb::Issue, Command::Issue(issue), None)).map(known);
    let own = own.unwrap_or_else(|error| panic!("{error:?}"));
    let member = core.authenticate(&own.text, None).unwrap();

    let selection = Box::new(Selection::Filter(Filter::default()));
    let start_removal = Command::StartRemoval { selection, reason: Reason::Retired, plan_hash: None };
    assert!(finish(ask(&core, &member, Verb::Remove, start_removal, None)).is_ok());
    drop(house.world.take_work());
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    house.world.work();
    assert!(!accepts(&core, &own), "the plan named it");
    assert!(accepts(&core, &of_another), "nobody asked for this one");
}

/// The owner of one organization removed "the keys of this account", and named the account of another one. The
/// plan was empty, as it should be; but the server stopped, and when it started again it took up the removal by
/// the account that it named.
#[test]
fn a_removal_cannot_name_an_account_of_another_organization() {
    let house = House::new(1, 1);
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    let send = |caller, verb, command| finish(ask(&core, caller, verb, command, None));
    let other = Command::CreateOrganization { name: "other".to_owned() };
    let Ok(Answer::Organization(other)) = send(&house.owner, Verb::CreateOrganization, other) else {
        panic!("an organization")
    };
    let (organization, role) = (Some(other.id), Role::Owner);
    let new = NewAccount { organization, parent: None, name: "eve".to_owned(), role };
    let Ok(Answer::Account(eve)) = send(&house.owner, Verb::CreateAccount, Command::CreateAccount(new))
    else {
        panic!("an account")
    };
    let Command::Issue(mut issue) = house.issue() else { panic!("a command to issue") };
    (issue.account, issue.draft.scopes) = (Some(eve.id), Scopes::parse(["admin"]).unwrap());
    let Ok(key) = send(&house.owner, Verb::Issue, Command::Issue(issue)).map(known) else { panic!("a key") };
    let eve = core.authenticate(&key.text, None).unwrap();

    let filter = Filter { account: Some(house.account.id), ..Filter::default() };
    let selection = Box::new(Selection::Filter(filter));
    let started = Command::StartRemoval { selection, reason: Reason::Retired, plan_hash: None };
    assert!(matches!(send(&eve, Verb::Remove, started), Err(Error::NotFound)));
    drop(house.world.take_work());
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    house.world.work();
    assert!(accepts(&core, &house.keys[0]));
}

/// Many keys are removed in groups. One that was changed since the plan was confirmed is still removed, one that was protected
/// stays, one that somebody else removed is no error, and none of them keeps its group.
#[test]
fn in_a_removal_of_groups_each_key_is_judged_alone() {
    let house = House::new(1, 300);
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    let send = |verb, command| {
        finish(ask(&core, &house.owner, verb, command, None)).unwrap_or_else(|error| panic!("{error:?}"))
    };
    let selection = || Box::new(Selection::Account(house.account.id));
    let reason = Reason::Retired;
    let Answer::Plan(plan) = send(Verb::Remove, Command::PlanRemoval { selection: selection(), reason })
    else {
        panic!("a plan")
    };
    assert_eq!(plan.total, 300);
    let started = Command::StartRemoval { selection: selection(), reason, plan_hash: Some(plan.hash) };
    let Answer::Removal(began) = send(Verb::Remove, started) else { panic!("a removal") };
    let update = |key: &Known, patch: Patch| {
        let command = Command::Update { key: key.id, patch: Box::new(patch), if_match: None };
        send(Verb::Update, command);
    };
    let [changed, protected, removed] = [7, 140, 299].map(|place: usize| &house.keys[place]);
    update(changed, Patch { name: Some("another".to_owned()), ..Patch::default() });
    update(protected, Patch { protected: Some(true), ..Patch::default() });
    send(Verb::Remove, Command::Remove(removed.id.into(), Ending::default()));
    house.world.work();
    for key in &house.keys {
        assert_eq!(accepts(&core, key), key.id == protected.id, "{}", key.id);
    }
    let page = Page { after: None, limit: 1000 };
    let found = send(Verb::Find, Command::FindRemoval { removal: began.removal.id, page });
    let Answer::Removal(progress) = found else { panic!("a removal") };
    assert!(progress.removal.finished_at.is_some());
    assert_eq!(progress.removed, 299, "the one that was removed before counts, as before");
    assert_eq!(progress.receipts.len(), 298, "the receipt of the other is by whoever removed it");
}

/// A member removed all keys of an account below its own, and the server stopped before that was done. When it started again
/// it took the removal up as one of the member's own keys: those went, the others stayed, and it was called finished.
#[test]
fn a_removal_that_is_taken_up_is_the_one_that_was_confirmed() {
    let mut house = House::new(1, 0);
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    let send = |caller, verb, command| {
        finish(ask(&core, caller, verb, command, None)).unwrap_or_else(|error| panic!("{error:?}"))
    };
    let Command::Issue(mut issue) = house.issue() else { panic!("a command to issue") };
    issue.draft.scopes = Scopes::parse(["keys:remove"]).unwrap();
    let own = known(send(&house.owner, Verb::Issue, Command::Issue(issue)));
    let (parent, name) = (Some(house.account.id), "below".to_owned());
    let below = NewAccount { organization: None, parent, name, role: Role::Member };
    let Answer::Account(below) = send(&house.owner, Verb::CreateAccount, Command::CreateAccount(below))
    else {
        panic!("an account")
    };
    house.account = below;
    let [planned, changed] = [(); 2].map(|()| known(send(&house.owner, Verb::Issue, house.issue())));

    let member = core.authenticate(&own.text, None).unwrap();
    let selection = Selection::Account(house.account.id);
    let Answer::Plan(plan) = send(
        &member,
        Verb::Remove,
        Command::PlanRemoval { selection: Box::new(selection.clone()), reason: Reason::Retired },
    ) else {
        panic!("a plan")
    };
    let (selection, plan_hash) = (Box::new(selection), Some(plan.hash));
    let started = Command::StartRemoval { selection, reason: Reason::Retired, plan_hash };
    let Answer::Removal(began) = send(&member, Verb::Remove, started) else { panic!("a removal") };
    let late = known(send(&house.owner, Verb::Issue, house.issue()));
    let patch = Box::new(Patch { name: Some("another".to_owned()), ..Patch::default() });
    send(&house.owner, Verb::Update, Command::Update { key: changed.id, patch, if_match: None });

    drop(house.world.take_work());
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    house.world.work();
    assert!(!accepts(&core, &planned), "the plan named it");
    assert!(accepts(&core, &own), "nobody asked for this one");
    assert!(accepts(&core, &late) && accepts(&core, &changed), "nobody has confirmed these as they are now");
    let page = Page { after: None, limit: 10 };
    let find = Command::FindRemoval { removal: began.removal.id, page };
    let found = finish(ask(&core, &house.owner, Verb::Remove, find, None));
    let Ok(Answer::Removal(progress)) = found else { panic!("its progress: {:?}", found.err()) };
    assert_eq!((progress.removal.total, progress.removed, progress.receipts.len()), (2, 1, 1));
    assert!(progress.removal.finished_at.is_some());
}

/// A key was removed, and whoever knew its SHA-256 imported that: the old text worked again.
#[test]
fn a_secret_of_ours_does_not_come_back_by_any_digest() {
    let house = House::new(1, 2);
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    let send = |verb, command| finish(ask(&core, &house.owner, verb, command, None));
    let [live, removed] = [0, 1].map(|at| house.keys[at].clone());
    send(Verb::Remove, Command::Remove(removed.id.into(), Ending::default())).unwrap();
    let digest = |text: &str, scheme: Scheme| Given::Digest(scheme.clone(), scheme.digest(text));
    for key in [&live, &removed] {
        let taken = send(Verb::Import, imported(&house, digest(&key.text, Scheme::Sha256), None));
        assert!(matches!(taken, Err(Error::Taken { what: "secret" })), "a second key of the same secret");
        let pepper = Scheme::HmacSha256(b"pepper".to_vec().into());
        for scheme in [Scheme::Sha512, pepper] {
            // Nobody can tell whose it is; so it opens nothing that looks like one of ours.
            send(Verb::Import, imported(&house, digest(&key.text, scheme), None)).unwrap();
        }
        send(Verb::Import, imported(&house, Given::Slow(slow_hash(&key.text)), Some(&key.text[..9])))
            .unwrap();
    }
    assert!(matches!(verdict(&core, &house, &removed.text), Verdict::Refused(Refusal::Removed)));
    let Verdict::Valid(valid) = verdict(&core, &house, &live.text) else { panic!("it lives") };
    assert_eq!(valid.key, live.id);
    send(Verb::Remove, Command::Remove(live.id.into(), Ending::default())).unwrap();
    assert!(matches!(verdict(&core, &house, &live.text), Verdict::Refused(Refusal::Removed)));
}

/// A text with the handle of a removed key is recognised by a verify of its organization; a handle is public, and whoever shows
/// it to sign in may be anybody.
#[test]
fn only_the_secret_of_a_removed_key_is_an_attempt_to_act_by_it() {
    let house = House::new(1, 1);
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    let key = &house.keys[0];
    let remove = Command::Remove(key.id.into(), Ending::default());
    assert!(finish(ask(&core, &house.owner, Verb::Remove, remove, None)).is_ok());
    let refused = || match finish(ask(&core, &house.owner, Verb::Find, Command::ReadUsage(key.id), None)) {
        Ok(Answer::Usage(usage)) => usage.refused.into_values().sum::<u64>(),
        other => panic!("{:?}", other.err()),
    };
    finish(core.note_refused(&key.text, None));
    assert_eq!(refused(), 1);
    let mut mistyped = key.text.clone();
    mistyped.truncate(mistyped.len() - 6);
    finish(core.note_refused(&format!("{mistyped}000000"), None));
    let with_handle = format!("{}0000000000", &mistyped[..mistyped.len() - 10]);
    let forged = format!("{with_handle}{}", check(&with_handle));
    finish(core.note_refused(&forged, None));
    assert_eq!(refused(), 1);
    assert!(matches!(verdict(&core, &house, &forged), Verdict::Refused(Refusal::Removed)));
    assert_eq!(refused(), 2);
}

/// The CRC-32 of a text, in six digits of base 62.
fn check(text: &str) -> String {
    let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let hash = crc32fast::hash(text.as_bytes());
    (0..6).rev().map(|place| char::from(digits[(hash / 62_u32.pow(place) % 62) as usize])).collect()
}
