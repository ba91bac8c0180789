//! This file is about commands that meet at one key: every call of the store waits a turn, and the order of turns
//! is drawn.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use keyward_core::command::{Answer, Command, Ending, KeyPolicy, Patch};
use keyward_core::error::Error;
use keyward_core::event::Reason;
use keyward_core::keyward::{Environment, Origin};
use keyward_core::permit::Verb;
use keyward_core::store::Store;
use proptest::prelude::*;

use crate::house::{Core, House, Known, accepts, ask, known};
use crate::world::{Shared, Work, finish, interleave, start};

#[derive(Clone, Copy, Debug)]
enum Racer {
    Issue,
    Update,
    Suspend,
    Resume,
    Rotate(u64),
    Remove,
    RemoveDue,
    RemoveAccount,
    Reroot,
}

fn racers() -> impl Strategy<Value = Vec<Racer>> {
    let racer = prop_oneof![
        1 => Just(Racer::Issue),
        2 => Just(Racer::Update),
        1 => Just(Racer::Suspend),
        2 => Just(Racer::Resume),
        3 => prop_oneof![Just(0), Just(3)].prop_map(Racer::Rotate),
        3 => Just(Racer::Remove),
        1 => Just(Racer::RemoveDue),
        1 => Just(Racer::RemoveAccount),
        2 => Just(Racer::Reroot),
    ];
    prop::collection::vec(racer, 2..6)
}

/// What the racers share.
#[derive(Clone)]
struct Track {
    core: Core<Shared>,
    key: Known,
    /// Keys that somebody was given.
    given: Arc<Mutex<Vec<Known>>>,
    /// What answers have promised to be refused for ever.
    ended: Arc<Mutex<Vec<Known>>>,
    /// How many were told that it was they who removed the key.
    removers: Arc<AtomicUsize>,
}

impl Track {
    fn is_ended(&self, key: &Known) {
        assert!(!accepts(&self.core, key), "accepted after the answer");
        self.ended.lock().unwrap().push(key.clone());
    }

    fn racer(&self, house: &House, racer: Racer) -> Work {
        let (track, owner, if_match) = (self.clone(), house.owner.clone(), None);
        let (key, account, issue) = (self.key.id, house.account.id, house.issue());
        let send = move |verb, command| {
            let track = track.clone();
            async move { (ask(&track.core, &owner, verb, command, None).await, track) }
        };
        match racer {
            Racer::Issue => Box::pin(async move {
                match send(Verb::Issue, issue).await {
                    (Ok(issued), track) => track.given.lock().unwrap().push(known(issued)),
                    (refused, _) => plain(refused),
                }
            }),
            Racer::Update => Box::pin(async move {
                let patch = Box::new(Patch { name: Some("renamed".to_owned()), ..Patch::default() });
                plain(send(Verb::Update, Command::Update { key, patch, if_match }).await.0);
            }),
            Racer::Suspend => Box::pin(async move {
                plain(send(Verb::Suspend, Command::Suspend { key, remove_at: None, if_match }).await.0);
            }),
            Racer::Resume => Box::pin(async move {
                plain(send(Verb::Resume, Command::Resume { key, if_match }).await.0);
            }),
            Racer::Rotate(overlap_seconds) => Box::pin(async move {
                let command = Command::Rotate { key, overlap_seconds, if_match };
                if let (Ok(rotated), track) = send(Verb::Rotate, command).await {
                    track.given.lock().unwrap().push(known(rotated));
                    if overlap_seconds == 0 {
                        track.is_ended(&track.key);
                    }
                }
            }),
            Racer::Remove => Box::pin(async move {
                let command = Command::Remove(
                    key.into(),
                    Ending { reason: Reason::Compromised, if_match, ..Ending::default() },
                );
                let (removed, track) = send(Verb::Remove, command).await;
                let Ok(Answer::Removed(removed)) = removed else { panic!("it is removed") };
                track.removers.fetch_add(usize::from(!removed.again), Ordering::SeqCst);
                track.is_ended(&track.key);
            }),
            Racer::RemoveDue => {
                let core = Arc::clone(&self.core);
                Box::pin(async move { assert!(core.remove_due().await.is_ok()) })
            }
            Racer::Reroot => {
                let core = Arc::clone(&self.core);
                Box::pin(async move {
                    let rerooted = core.reroot(None, &Origin::default()).await;
                    // Two at once: the second one is told so.
                    assert!(matches!(rerooted, Ok(_) | Err(Error::WrongState { .. })), "{rerooted:?}");
                })
            }
            Racer::RemoveAccount => Box::pin(async move {
                let command = Command::RemoveAccount { account, policy: KeyPolicy::Remove, if_match };
                let (removed, track) = send(Verb::RemoveAccount, command).await;
                assert!(removed.is_ok(), "it is removed: {:?}", removed.err());
                track.is_ended(&track.key);
                let given = track.given.lock().unwrap().clone();
                given.iter().for_each(|key| track.is_ended(key));
            }),
        }
    }
}

/// An answer that may be a plain no, and never that something broke.
fn plain(answer: Result<Answer, Error>) {
    if let Err(error) = answer {
        assert!(!matches!(error, Error::Internal { .. } | Error::Unavailable { .. }), "{error:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 384, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_turns_brings_a_key_back(seed in any::<u64>(), racers in racers(), retired in any::<bool>()) {
        let house = House::new(seed, 1);
        let core = finish(start(house.store.clone().yielding(), &house.world)).unwrap();
        let key = house.keys[0].clone();
        if retired {
            let remove_at = Some(house.world.now().plus_seconds(1));
            let command = Command::Suspend { key: key.id, remove_at, if_match: None };
            prop_assert!(finish(ask(&core, &house.owner, Verb::Suspend, command, None)).is_ok());
            house.world.advance(1500);
        }
        let track = Track { core, key, given: Arc::default(), ended: Arc::default(), removers: Arc::default() };
        let running = racers.iter().map(|racer| track.racer(&house, *racer)).collect();
        interleave(&house.world, running);

        prop_assert!(track.removers.load(Ordering::SeqCst) <= 1, "it was removed twice");
        for ended in track.ended.lock().unwrap().iter() {
            prop_assert!(!accepts(&track.core, ended), "{} came back", ended.id);
        }
        // Nothing lives that nobody was given: the owner's key, the one they met at, and these.
        let given = track.given.lock().unwrap().clone();
        let all: Vec<&Known> = std::iter::once(&track.key).chain(&given).collect();
        let living = all.iter().filter(|key| !is_removed(&house, key)).count();
        prop_assert_eq!(track.core.live().len(), 1 + living);
        prop_assert_eq!(house.world.epochs().len(), 1, "every older root is destroyed");
        // And a restart says the same.
        let fresh = finish(start(house.store.clone(), &house.world.apart())).unwrap();
        for key in all {
            prop_assert_eq!(accepts(&track.core, key), accepts(&fresh, key));
        }
        let events = finish(house.store.events(0, usize::MAX)).unwrap();
        prop_assert_eq!(track.core.live().position(), events.len() as u64);
    }
}

fn is_removed(house: &House, key: &Known) -> bool {
    let stored = finish(house.store.fetch(key.id.id())).unwrap().unwrap();
    let found = keyward_core::record::key::read(&stored.record).unwrap();
    matches!(found, keyward_core::key::Found::Removed(_))
}
