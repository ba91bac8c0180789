//! This file is about what is said of verifiers that may go on accepting what was taken away: with every kind of reduction, with
//! its repeats, and of nothing else.

use keyward_core::access::{Identification, NewAccess};
use keyward_core::account::Role;
use keyward_core::command::{
    AccountPatch, Answer, Command, Done, Draft, Ending, Given, Import, KeyPolicy, NewAccount,
    OrganizationPatch, Page, Patch, SessionPlan, SignIn,
};
use keyward_core::event::Reason;
use keyward_core::filter::Filter;
use keyward_core::id::{AccountId, KeyId, OrganizationId, RemovalId};
use keyward_core::keyward::Origin;
use keyward_core::removal::Selection;
use keyward_core::scope::Scopes;
use keyward_core::secret::{Format, Label, Secret};
use zeroize::Zeroizing;

use crate::house::{Core, House, done};
use crate::stale::{joined, run_of_gateway};
use crate::world::{SOLE, Shared, finish, start};

const NAMED: &[&str] = &["gateway"];
const NOBODY: &[&str] = &[];

struct Scene {
    house: House,
    core: Core<Shared>,
}

impl Scene {
    /// A house of so many keys, and a verifier that serves stale and is away.
    fn new(keys: usize) -> Self {
        let house = House::new(1, keys);
        let core = finish(start(house.store.clone(), &house.world)).unwrap();
        drop(joined(&core, &house, run_of_gateway(1, true)));
        Self { house, core }
    }

    /// The next run of that verifier knows no stale keys.
    fn catch_up(&self) {
        drop(joined(&self.core, &self.house, run_of_gateway(2, false)));
    }

    fn once(&self, command: Command, once: Option<u64>) -> Done {
        let done = finish(done(&self.core, &self.house.owner, command.verb(), command, once));
        done.unwrap_or_else(|error| panic!("{error:?}"))
    }

    fn run(&self, command: Command) -> Done {
        self.once(command, None)
    }

    fn key(&self, at: usize) -> KeyId {
        self.house.keys[at].id
    }

    fn account(&self, name: &str) -> AccountId {
        let new = NewAccount { organization: None, parent: None, name: name.to_owned(), role: Role::Member };
        let done = self.run(Command::CreateAccount(new));
        assert_eq!(done.uncovered, NOBODY, "making an account takes nothing away");
        let Answer::Account(account) = done.answer else { panic!("an account") };
        account.id
    }

    fn organization(&self) -> OrganizationId {
        let done = self.run(Command::CreateOrganization { name: "other".to_owned() });
        assert_eq!(done.uncovered, NOBODY, "making an organization takes nothing away");
        let Answer::Organization(organization) = done.answer else { panic!("an organization") };
        organization.id
    }

    fn password(&self, password: &str) -> Done {
        let (account, login) = (Some(self.house.account.id), Some("shop".to_owned()));
        self.run(Command::SetPassword { account, login, password: Zeroizing::new(password.to_owned()) })
    }

    fn removal(&self, id: RemovalId) -> (u64, Vec<String>) {
        let page = Page { after: None, limit: Page::LIMIT };
        let done = self.run(Command::FindRemoval { removal: id, page });
        let Answer::Removal(progress) = done.answer else { panic!("a removal") };
        (progress.removed, progress.uncovered)
    }
}

fn update(key: KeyId) -> Command {
    let patch = Box::new(Patch { name: Some("renamed".to_owned()), ..Patch::default() });
    Command::Update { key, patch, if_match: None }
}

fn rotate(key: KeyId, overlap_seconds: u64) -> Command {
    Command::Rotate { key, overlap_seconds, if_match: None }
}

fn suspend(key: KeyId) -> Command {
    Command::Suspend { key, remove_at: None, if_match: None }
}

/// A key that its account has once at a time.
fn sole(house: &House) -> Command {
    let Command::Issue(mut issue) = house.issue() else { panic!("an issue") };
    issue.draft.scopes = Scopes::parse([SOLE]).unwrap();
    Command::Issue(issue)
}

fn imported(house: &House) -> Command {
    let text = Secret::import("a-text-that-was-a-key-in-some-other-system-before").unwrap();
    Command::Import(Box::new(Import {
        account: Some(house.account.id),
        environment: Label::parse("live").unwrap(),
        protected: false,
        given: Given::Text(text),
        handle: None,
        draft: Draft { name: "till".to_owned(), scopes: Scopes::parse([SOLE]).unwrap(), ..Draft::default() },
    }))
}

#[test]
fn whatever_takes_a_right_away_names_who_may_go_on() {
    let scene = Scene::new(6);
    let (heir, leaves, organization) = (scene.account("heir"), scene.account("leaves"), scene.organization());
    let of_account = |patch| Command::UpdateAccount { account: leaves, patch, if_match: None };
    let of_organization = |patch| Command::UpdateOrganization { organization, patch, if_match: None };
    let suspended = AccountPatch { suspended: Some(true), ..AccountPatch::default() };
    let stopped = OrganizationPatch { suspended: Some(true), ..OrganizationPatch::default() };
    assert_eq!(scene.run(sole(&scene.house)).uncovered, NOBODY, "there was none before");
    let reductions = [
        update(scene.key(0)),
        suspend(scene.key(0)),
        rotate(scene.key(1), 0),
        rotate(scene.key(2), 60),
        Command::Remove(scene.key(3).into(), Ending::default()),
        sole(&scene.house),
        imported(&scene.house),
        of_account(AccountPatch { name: Some("left".to_owned()), ..AccountPatch::default() }),
        of_account(suspended),
        Command::RemoveAccount { account: leaves, policy: KeyPolicy::Refuse, if_match: None },
        Command::RemoveAccount {
            account: scene.house.account.id,
            policy: KeyPolicy::Transfer(heir),
            if_match: None,
        },
        Command::RemoveAccount { account: heir, policy: KeyPolicy::Remove, if_match: None },
        of_organization(stopped),
        Command::RemoveOrganization { organization, if_match: None },
    ];
    for command in reductions {
        let verb = command.verb().word();
        assert_eq!(scene.run(command).uncovered, NAMED, "{verb}");
    }
}

#[test]
fn what_takes_nothing_away_names_nobody() {
    let scene = Scene::new(2);
    assert_eq!(scene.run(suspend(scene.key(0))).uncovered, NAMED);
    // Who reads it is told what it is, and no more; who asks for what is so already is told what whoever made it so was.
    assert_eq!(scene.run(Command::Find(scene.key(0))).uncovered, NOBODY);
    assert_eq!(scene.run(Command::FindInForce(scene.key(0))).uncovered, NAMED);
    for command in [
        Command::Resume { key: scene.key(0), if_match: None },
        Command::FindInForce(scene.key(0)),
        scene.house.issue(),
    ] {
        let verb = command.verb().word();
        assert_eq!(scene.run(command).uncovered, NOBODY, "{verb}");
    }
    // Of a creation that is asked for twice, too, although its repeat waits until the first is in force.
    for _ in 0..2 {
        assert_eq!(scene.once(scene.house.issue(), Some(1)).uncovered, NOBODY);
    }
}

#[test]
fn a_repeat_says_who_may_go_on_now() {
    let scene = Scene::new(4);
    let remove = Command::Remove(scene.key(3).into(), Ending::default());
    let account = scene.account("leaves");
    let end = Command::RemoveAccount { account, policy: KeyPolicy::Refuse, if_match: None };
    let commands = [suspend(scene.key(0)), rotate(scene.key(1), 0), rotate(scene.key(2), 60), remove, end];
    let each = |wanted: &[&str]| {
        for (once, command) in (1..).zip(&commands) {
            let verb = command.verb().word();
            assert_eq!(scene.once(command.clone(), Some(once)).uncovered, wanted, "{verb}");
        }
    };
    each(NAMED);
    each(NAMED);
    scene.catch_up();
    each(NOBODY);
}

#[test]
fn a_removal_of_many_keys_says_who_may_go_on_with_them() {
    let scene = Scene::new(3);
    let filter = Filter { account: Some(scene.house.account.id), ..Filter::default() };
    let (selection, reason) = (Box::new(Selection::Filter(filter)), Reason::Unspecified);
    let plan = scene.run(Command::PlanRemoval { selection: selection.clone(), reason });
    let Answer::Plan(plan) = plan.answer else { panic!("a plan") };
    let start = Command::StartRemoval { selection, reason, plan_hash: Some(plan.hash) };
    let Answer::Removal(begun) = scene.run(start).answer else { panic!("a removal") };
    let id = begun.removal.id;
    assert_eq!(scene.removal(id), (0, Vec::new()), "nothing is taken away yet");
    scene.house.world.work();
    assert_eq!(scene.removal(id), (3, vec!["gateway".to_owned()]));
    scene.catch_up();
    assert_eq!(scene.removal(id), (3, Vec::new()));
}

/// Otherwise every change of a badge would be reported as not in force as long as some gateway is away.
#[test]
fn nobody_is_named_for_what_no_verifier_knows() {
    let scene = Scene::new(1);
    let badge = NewAccess {
        account: None,
        environment: Label::parse("live").unwrap(),
        protected: false,
        identification: Some(Identification::code("00421234").unwrap()),
        pin: None,
        levels: Vec::new(),
        person: None,
        draft: Draft { name: "badge".to_owned(), ..Draft::default() },
    };
    let Answer::IssuedAccess(badge) = scene.run(Command::IssueAccess(Box::new(badge))).answer else {
        panic!("a door credential")
    };
    let id = badge.head.id;
    for command in [update(id), suspend(id), Command::Remove(id.into(), Ending::default())] {
        assert_eq!(scene.run(command).uncovered, NOBODY);
    }
    // A password opens sessions, and those a verifier knows.
    assert_eq!(scene.password("first").uncovered, NOBODY);
    assert_eq!(scene.password("second").uncovered, NOBODY);
    let session = SessionPlan {
        format: Format::Keyward(Label::parse("kw").unwrap()),
        life_seconds: None,
        idle_seconds: Some(60),
    };
    let proof = Zeroizing::new("second".to_owned());
    let sign_in = SignIn { login: "shop".to_owned(), proof, organization: None, session: Ok(session) };
    assert!(finish(scene.core.sign_in(sign_in, &Origin::default())).is_ok());
    assert_eq!(scene.password("third").uncovered, NAMED);
}
