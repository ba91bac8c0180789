//! This file is about stores that fail: whatever an error says, what is accepted is what the store says, and
//! trying again comes to an end.

use keyward_core::account::Standing;
use keyward_core::command::{Answer, Command, Ending, KeyPolicy, Named, Patch};
use keyward_core::error::Error;
use keyward_core::event::Reason;
use keyward_core::key::Found;
use keyward_core::permit::Verb;
use keyward_core::record;
use keyward_core::removal::Selection;
use keyward_core::store::Store;
use keyward_store::{Faulty, Plan};
use proptest::prelude::*;

use crate::house::{Core, House, Known, accepts, ask, known};
use crate::world::{Shared, finish, start};

/// More tries than any plan of failures withstands.
const TRIES: usize = 200;

#[derive(Clone, Debug)]
enum Attempt {
    Issue,
    Update(usize),
    Suspend(usize),
    Resume(usize),
    /// With an idempotency key, so that trying again makes no second successor.
    Rotate(usize, u64),
    Remove(usize),
    RemoveMany(usize),
    RemoveAccount,
    Reroot,
    Work,
    Restart,
}

fn attempts() -> impl Strategy<Value = Vec<Attempt>> {
    let key = 0..6_usize;
    let attempt = prop_oneof![
        2 => Just(Attempt::Issue),
        1 => key.clone().prop_map(Attempt::Update),
        1 => key.clone().prop_map(Attempt::Suspend),
        1 => key.clone().prop_map(Attempt::Resume),
        3 => (key.clone(), prop_oneof![Just(0), Just(5)]).prop_map(|(key, overlap)| Attempt::Rotate(key, overlap)),
        2 => key.clone().prop_map(Attempt::Remove),
        1 => key.prop_map(Attempt::RemoveMany),
        1 => Just(Attempt::RemoveAccount),
        2 => Just(Attempt::Reroot),
        2 => Just(Attempt::Work),
        1 => Just(Attempt::Restart),
    ];
    prop::collection::vec(attempt, 1..16)
}

struct Try {
    house: House,
    core: Core<Faulty<Shared>>,
    plan: u64,
    asked: u64,
}

impl Try {
    fn new(seed: u64) -> Self {
        let house = House::new(seed, 4);
        let core = begin(&house, seed);
        Self { house, core, plan: seed, asked: 0 }
    }

    fn restart(&mut self) {
        drop(self.house.world.take_work());
        self.plan = self.plan.wrapping_add(1);
        self.core = begin(&self.house, self.plan);
    }

    /// Tries until the answer is not that the store failed. After every try, whatever came of it, what is
    /// accepted is what the store says.
    fn insist(&mut self, verb: Verb, command: &Command, once: bool) -> Result<Answer, Error> {
        self.asked += 1;
        let once = once.then_some(self.asked);
        for _ in 0..TRIES {
            let answer = finish(ask(&self.core, &self.house.owner, verb, command.clone(), once));
            self.holds();
            if !matches!(answer, Err(Error::Unavailable { .. })) {
                return answer;
            }
        }
        panic!("{TRIES} tries came to nothing");
    }

    fn key(&self, key: usize) -> Known {
        self.house.keys[key % self.house.keys.len()].clone()
    }

    fn attempt(&mut self, attempt: &Attempt) {
        let if_match = None;
        match attempt {
            Attempt::Issue => {
                let issued = self.insist(Verb::Issue, &self.house.issue(), true);
                self.house.keys.extend(issued.map(known));
            }
            Attempt::Update(key) => {
                let patch = Box::new(Patch { name: Some("renamed".to_owned()), ..Patch::default() });
                let key = self.key(*key).id;
                let _ = self.insist(Verb::Update, &Command::Update { key, patch, if_match }, false);
            }
            Attempt::Suspend(key) => {
                let key = self.key(*key);
                let command = Command::Suspend { key: key.id, remove_at: None, if_match };
                if self.insist(Verb::Suspend, &command, false).is_ok() {
                    assert!(!accepts(&self.core, &key));
                }
            }
            Attempt::Resume(key) => {
                let key = self.key(*key).id;
                let _ = self.insist(Verb::Resume, &Command::Resume { key, if_match }, false);
            }
            Attempt::Rotate(key, overlap) => self.rotate(&self.key(*key), *overlap),
            Attempt::Remove(key) => {
                let key = self.key(*key);
                let command = Command::Remove(
                    key.id.into(),
                    Ending { reason: Reason::Compromised, if_match, ..Ending::default() },
                );
                let removed = self.insist(Verb::Remove, &command, false);
                assert!(matches!(removed, Ok(Answer::Removed(_))));
                assert!(!accepts(&self.core, &key));
            }
            Attempt::RemoveMany(key) => {
                let selection = Box::new(Selection::One(Named::Secret(self.key(*key).text.into())));
                let reason = Reason::Compromised;
                let command = Command::StartRemoval { selection, reason, plan_hash: None };
                let _ = self.insist(Verb::Remove, &command, true);
            }
            Attempt::RemoveAccount => {
                let (account, policy) = (self.house.account.id, KeyPolicy::Remove);
                let command = Command::RemoveAccount { account, policy, if_match };
                assert!(self.insist(Verb::RemoveAccount, &command, false).is_ok());
                assert!(self.house.keys.iter().all(|key| !accepts(&self.core, key)));
            }
            Attempt::Reroot => {
                let rerooted = self.insist(Verb::Reroot, &Command::Reroot, true);
                let Ok(Answer::Rerooted(epoch)) = rerooted else { panic!("re-rooted") };
                assert_eq!(self.house.world.epochs(), [epoch.number]);
                assert!(epoch.finished.is_some());
            }
            Attempt::Work => self.house.world.work(),
            Attempt::Restart => self.restart(),
        }
        self.holds();
    }

    fn rotate(&mut self, key: &Known, overlap_seconds: u64) {
        let before = self.core.live().len();
        let worked = accepts(&self.core, key);
        let command = Command::Rotate { key: key.id, overlap_seconds, if_match: None };
        let Ok(rotated) = self.insist(Verb::Rotate, &command, true) else { return };
        let successor = known(rotated);
        assert_eq!(accepts(&self.core, &successor), worked, "the successor");
        assert_eq!(accepts(&self.core, key), worked && overlap_seconds > 0, "the key before it");
        let both = usize::from(overlap_seconds > 0);
        assert_eq!(self.core.live().len(), before + both, "one successor, however often it was tried");
        self.house.keys.push(successor);
    }

    /// What the core accepts is what it would accept after a restart without failures, and never what the
    /// store knows to be removed.
    fn holds(&self) {
        let fresh = finish(start(self.house.store.clone(), &self.house.world.apart())).unwrap();
        let standing = finish(self.house.store.fetch(self.house.account.id.id())).unwrap().unwrap();
        let account = keyward_core::account::Account::from_record(&standing.record).unwrap();
        let is_gone = matches!(account.standing, Standing::Removed { .. });
        for key in &self.house.keys {
            let stored = finish(self.house.store.fetch(key.id.id())).unwrap().unwrap();
            let removed = matches!(record::key::read(&stored.record).unwrap(), Found::Removed(_));
            let accepted = accepts(&self.core, key);
            assert!(!(accepted && (removed || is_gone)), "{} is removed and accepted", key.id);
            assert_eq!(accepted, accepts(&fresh, key), "{}: now, and after a restart", key.id);
        }
    }
}

/// Starts over a store of whose calls a quarter fails; as often as it takes.
fn begin(house: &House, plan: u64) -> Core<Faulty<Shared>> {
    for more in 0..1000 {
        let store =
            Faulty::new(house.store.clone(), Plan::seed(plan.wrapping_mul(1000).wrapping_add(more), 25));
        match finish(start(store, &house.world)) {
            Ok(core) => return core,
            Err(error) => assert!(matches!(error, Error::Unavailable { .. }), "{error:?}"),
        }
        drop(house.world.take_work());
    }
    panic!("it never starts")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn what_is_accepted_is_what_the_store_says(seed in any::<u64>(), attempts in attempts()) {
        let mut one = Try::new(seed);
        for attempt in &attempts {
            one.attempt(attempt);
        }
        // Stopped, and started with a store that works again: what was begun is finished.
        drop(one.house.world.take_work());
        let core = finish(start(one.house.store.clone(), &one.house.world)).unwrap();
        one.house.world.work();
        let removed = attempts.iter().any(|attempt| matches!(attempt, Attempt::RemoveAccount));
        if removed {
            prop_assert_eq!(core.live().len(), 1, "the owner's key is left");
        }
    }
}
