//! This file is about keys that never leave: random runs of what is done to them, against a model that knows no more than
//! who lives, under which name. A name is one live key's; a key that is removed or stopped does nothing.

use std::sync::Arc;

use keyward_core::command::{Answer, Command, Draft, Ending};
use keyward_core::crypto::{
    Algorithm, Crypto, Exercise, Exercised, Identity, KeyRef, NewCrypto, Origin, Scheme, Source, Usage,
    Usages,
};
use keyward_core::error::Error;
use keyward_core::event::Reason;
use keyward_core::id::KeyId;
use keyward_core::key::{Key, Material};
use keyward_core::permit::Caller;
use keyward_core::secret::Label;
use proptest::prelude::*;
use zeroize::Zeroizing;

use crate::house::{Core, House, ask};
use crate::world::{Shared, finish, start};

/// What may happen. Keys are places in the model, taken around; halves are those of three keys that were made elsewhere.
#[derive(Clone, Debug)]
enum Step {
    Make,
    Import { half: usize },
    Suspend { key: usize },
    Resume { key: usize },
    Remove { key: usize },
    Use { key: usize, by_name: bool },
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = any::<usize>;
    let step = prop_oneof![
        2 => Just(Step::Make),
        4 => (0..3_usize).prop_map(|half| Step::Import { half }),
        2 => key().prop_map(|key| Step::Suspend { key }),
        2 => key().prop_map(|key| Step::Resume { key }),
        3 => key().prop_map(|key| Step::Remove { key }),
        5 => (key(), any::<bool>()).prop_map(|(key, by_name)| Step::Use { key, by_name }),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..40)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Active,
    Suspended,
    Removed,
}

/// A key as the model knows it.
struct Known {
    id: KeyId,
    name: Vec<u8>,
    life: Life,
    /// Which half it was imported as; `None` for one that was made here.
    half: Option<usize>,
}

/// How this test's dialect names keys.
fn naming(identity: &Identity<'_>) -> Vec<u8> {
    match identity {
        Identity::Public(half) => half[..8].to_vec(),
        Identity::Fingerprint(bytes) => bytes.to_vec(),
    }
}

/// A key that was made elsewhere.
fn elsewhere(half: usize) -> Crypto {
    let seed = Zeroizing::new(vec![u8::try_from(half).unwrap(); 32]);
    let halves = Algorithm::Ed25519.key_of(seed).unwrap_or_else(|error| panic!("{error:?}"));
    Crypto {
        algorithm: Algorithm::Ed25519,
        usages: Algorithm::Ed25519.usages(),
        source: Source::Generated,
        lookup: None,
        mark: None,
        public: halves.public,
        private: halves.private,
    }
}

fn signing() -> Exercise {
    Exercise::Sign { scheme: Scheme::Ed25519, message: message(), context: Vec::new() }
}

fn message() -> Zeroizing<Vec<u8>> {
    Zeroizing::new(b"message".to_vec())
}

struct Scene {
    house: House,
    core: Core<Shared>,
    stranger: Caller,
    known: Vec<Known>,
}

impl Scene {
    fn new() -> Self {
        let house = House::new(1, 0);
        let core = finish(start(house.store.clone(), &house.world)).unwrap();
        let stranger = house.owner.clone();
        let mut scene = Self { house, core, stranger, known: Vec::new() };
        scene.stranger = scene.house.other_owner(&scene.core);
        scene
    }

    fn run_as(&self, caller: &Caller, command: Command) -> Result<Answer, Error> {
        let verb = command.verb();
        finish(ask(&self.core, caller, verb, command, None))
    }

    fn run(&self, command: Command) -> Result<Answer, Error> {
        self.run_as(&self.house.owner, command)
    }

    fn issue(&self, origin: Origin, usages: Usages) -> Result<Box<Key>, Error> {
        let new = NewCrypto {
            account: None,
            environment: Label::parse("live").unwrap(),
            protected: false,
            algorithm: Algorithm::Ed25519,
            usages,
            origin,
            naming: Some(Arc::new(naming)),
            mark: None,
            draft: Draft { name: "signer".to_owned(), ..Draft::default() },
        };
        match self.run(Command::IssueCrypto(Box::new(new)))? {
            Answer::IssuedCrypto(key) => Ok(key),
            _ => panic!("a key that never leaves"),
        }
    }

    fn learn(&mut self, key: &Key, half: Option<usize>) {
        let Material::Crypto(Crypto { lookup: Some(name), private, .. }) = &key.traits.material else {
            panic!("a key with a name")
        };
        assert_eq!(private.is_some(), half.is_none());
        self.known.push(Known { id: key.head.id, name: name.clone(), life: Life::Active, half });
    }

    fn at(&self, key: usize) -> Option<usize> {
        (!self.known.is_empty()).then(|| key % self.known.len())
    }

    /// The live key of a name.
    fn holder(&self, name: &[u8]) -> Option<usize> {
        self.known.iter().position(|known| known.name == name && known.life != Life::Removed)
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Make => {
                let key = self.issue(Origin::Generate, Usages::of([Usage::Sign])).unwrap();
                self.learn(&key, None);
            }
            Step::Import { half } => {
                let public = elsewhere(half).public.unwrap();
                let is_taken = self.holder(&public[..8]).is_some();
                match self.issue(Origin::Public(public), Usages::of([Usage::Verify])) {
                    Ok(key) => {
                        assert!(!is_taken, "one name is two live keys");
                        self.learn(&key, Some(half));
                    }
                    Err(error) => assert_eq!((error, is_taken), (Error::Taken { what: "lookup" }, true)),
                }
            }
            Step::Suspend { key } => self.change(key, Life::Active, Life::Suspended, |key| {
                Command::Suspend { key, remove_at: None, if_match: None }
            }),
            Step::Resume { key } => {
                self.change(key, Life::Suspended, Life::Active, |key| Command::Resume {
                    key,
                    if_match: None,
                });
            }
            Step::Remove { key } => {
                let Some(at) = self.at(key) else { return };
                let (key, reason, if_match) = (self.known[at].id, Reason::Compromised, None);
                let remove = Command::Remove(
                    key.into(),
                    Ending { reason, if_match, prove: true, end_sessions: false, ..Ending::default() },
                );
                let Ok(Answer::Removed(removed)) = self.run(remove) else { panic!("it is removed") };
                assert_eq!(removed.receipt.unwrap().entries().len(), 2, "creation and removal");
                self.known[at].life = Life::Removed;
            }
            Step::Use { key, by_name } => self.use_key(key, by_name),
            Step::Restart => self.core = finish(start(self.house.store.clone(), &self.house.world)).unwrap(),
        }
    }

    fn change(&mut self, key: usize, from: Life, to: Life, command: impl Fn(KeyId) -> Command) {
        let Some(at) = self.at(key) else { return };
        let done = self.run(command(self.known[at].id)).is_ok();
        // Stopping what is stopped is no change of state, and no mistake.
        if done && self.known[at].life == from {
            self.known[at].life = to;
        }
        assert_eq!(done, self.known[at].life == to, "{:?} to {to:?}", self.known[at].life);
    }

    fn use_key(&self, key: usize, by_name: bool) {
        let Some(at) = self.at(key) else { return };
        let (known, name) = (&self.known[at], &self.known[at].name);
        let (meant, key) = match by_name {
            true => (self.holder(name), KeyRef::Lookup(name.clone())),
            false => (Some(at), KeyRef::Id(known.id)),
        };
        let exercise = match known.half {
            None => signing(),
            Some(half) => {
                let signed = elsewhere(half).perform(&signing(), None, &mut |_| panic!("it draws nothing"));
                let Ok(Exercised::Signature(signature)) = signed else { panic!("a signature") };
                Exercise::Verify {
                    scheme: Scheme::Ed25519,
                    message: message(),
                    context: Vec::new(),
                    signature,
                }
            }
        };
        let command = || Command::Exercise { key: key.clone(), exercise: Box::new(exercise.clone()) };
        let done = self.run(command());
        match meant.map(|at| self.known[at].life) {
            Some(Life::Active) => {
                let Ok(Answer::Exercised(exercised)) = done else { panic!("it works: {:?}", done.err()) };
                assert!(matches!(*exercised, Exercised::Signature(_) | Exercised::Fits(true)));
            }
            Some(Life::Suspended) => assert!(matches!(done.err(), Some(Error::WrongState { .. }))),
            Some(Life::Removed) => assert!(matches!(done.err(), Some(Error::Gone(_)))),
            None => assert_eq!(done.err(), Some(Error::NotFound), "a name that nobody has"),
        }
        // To a stranger there is no such key, whatever its state, and none of this name.
        assert_eq!(self.run_as(&self.stranger, command()).err(), Some(Error::NotFound));
        let found = self.run(Command::FindCrypto(name.clone()));
        match (self.holder(name), found) {
            (Some(at), Ok(Answer::Found(key))) => assert_eq!(key.head.id, self.known[at].id),
            (None, Err(error)) => assert_eq!(error, Error::NotFound),
            (_, found) => panic!("{:?}", found.err()),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn core_and_model_agree_on_keys_that_never_leave(run in steps()) {
        let mut scene = Scene::new();
        for step in &run {
            scene.step(step);
        }
        // Whatever happened, every key is as it is known, by its id and by its name, before and after a restart.
        for _ in 0..2 {
            for key in 0..scene.known.len() {
                scene.use_key(key, false);
                scene.use_key(key, true);
            }
            scene.step(&Step::Restart);
        }
    }
}
