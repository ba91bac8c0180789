//! This file is about the ways to take a digest that imported keys brought along: eight for each organization, and nobody
//! else's.

use std::sync::{Arc, Mutex};

use keyward_core::command::{Answer, Command, Draft, Ending, Given, Import};
use keyward_core::error::Error;
use keyward_core::id::KeyId;
use keyward_core::key::Scheme;
use keyward_core::permit::{Caller, Verb};
use keyward_core::scope::Scopes;
use keyward_core::secret::Label;
use keyward_core::store::Store;
use keyward_core::verbs::verify::{Refusal, Verdict};
use proptest::prelude::*;

use crate::house::{Core, House, ask};
use crate::play;
use crate::world::{Shared, Work, finish, interleave, start};

/// The way of this number: SHA-512 or a pepper.
fn way(number: usize) -> Scheme {
    if number == 0 {
        Scheme::Sha512
    } else {
        Scheme::HmacSha256(format!("pepper {number}").into_bytes().into())
    }
}

fn text(number: usize) -> String {
    format!("brought-along-{number:04}")
}

/// An import of a text, known by a digest taken this way, for the caller's own account.
fn import(text: &str, way: &Scheme) -> Command {
    Command::Import(Box::new(Import {
        account: None,
        environment: Label::parse("live").unwrap(),
        protected: false,
        given: Given::Digest(way.clone(), way.digest(text)),
        handle: None,
        draft: Draft {
            name: "brought along".to_owned(),
            scopes: Scopes::parse(["keys:read"]).unwrap(),
            ..Draft::default()
        },
    }))
}

async fn brought<S: Store>(
    core: &Core<S>,
    caller: &Caller,
    text: &str,
    way: &Scheme,
) -> Result<KeyId, Error> {
    match ask(core, caller, Verb::Import, import(text, way), None).await? {
        Answer::Key(key) => Ok(key.head.id),
        _ => panic!("a key"),
    }
}

fn verified(core: &Core<Shared>, caller: &Caller, text: &str) -> Result<KeyId, Refusal> {
    match finish(ask(core, caller, Verb::Verify, play::ask(text, None, 1), None)) {
        Ok(Answer::Verdict(verdict)) => match *verdict {
            Verdict::Valid(valid) => Ok(valid.key),
            Verdict::Refused(refusal) => Err(refusal),
        },
        other => panic!("a verdict: {:?}", other.err()),
    }
}

fn remove(core: &Core<Shared>, caller: &Caller, key: KeyId) {
    let command = Command::Remove(key.into(), Ending::default());
    finish(ask(core, caller, Verb::Remove, command, None)).unwrap();
}

fn is_full(done: &Result<KeyId, Error>) -> bool {
    matches!(done, Err(Error::WrongState { why }) if why.contains("eight ways"))
}

/// Sixteen peppers were all that there were: one organization imported them, and no other one could import any.
#[test]
fn an_organization_has_eight_ways_and_nobody_elses() {
    let house = House::new(1, 0);
    let mut core = finish(start(house.store.clone(), &house.world)).unwrap();
    let bob = house.other_owner(&core);
    let own: Vec<KeyId> = (0..8).map(|n| finish(brought(&core, &bob, &text(n), &way(n))).unwrap()).collect();
    let second = finish(brought(&core, &bob, "a-second-text", &way(7))).unwrap();
    for restarted in [false, true] {
        if restarted {
            core = finish(start(house.store.clone(), &house.world)).unwrap();
        }
        assert!(is_full(&finish(brought(&core, &bob, "one-too-many", &way(8)))), "{restarted}");
        for (n, id) in own.iter().enumerate() {
            assert_eq!(verified(&core, &bob, &text(n)).ok(), Some(*id));
        }
    }
    let of_ann = finish(brought(&core, &house.owner, "of-another-house", &way(9))).unwrap();
    assert_eq!(verified(&core, &house.owner, "of-another-house").ok(), Some(of_ann));
    assert_eq!(verified(&core, &bob, "of-another-house"), Err(Refusal::Unknown));
    assert_eq!(core.authenticate(&text(3), None).unwrap().key, own[3], "and whoever signs in by it is found");

    // The last key of a way takes it along; one of two does not.
    remove(&core, &bob, own[7]);
    assert!(is_full(&finish(brought(&core, &bob, "one-too-many", &way(8)))));
    remove(&core, &bob, second);
    let late = finish(brought(&core, &bob, "one-too-many", &way(8))).unwrap();
    assert_eq!(verified(&core, &bob, "one-too-many").ok(), Some(late));
    assert!(is_full(&finish(brought(&core, &bob, &text(7), &way(7)))), "it is taken by now");
}

/// A way was taken by an import that did not happen.
#[test]
fn what_was_not_imported_takes_no_way() {
    let house = House::new(1, 0);
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    let bob = house.other_owner(&core);
    let taken = way(1).digest("taken");
    finish(brought(&core, &bob, "taken", &way(1))).unwrap();
    for n in 2..20 {
        let Command::Import(mut again) = import("taken", &way(n)) else { panic!("an import") };
        again.given = Given::Digest(way(n), taken.clone());
        let refused = finish(ask(&core, &bob, Verb::Import, Command::Import(again), None));
        assert!(matches!(refused, Err(Error::Taken { what: "secret" })), "{:?}", refused.err());
    }
    for n in 2..9 {
        finish(brought(&core, &bob, &text(n), &way(n))).unwrap();
    }
    assert!(is_full(&finish(brought(&core, &bob, &text(9), &way(9)))));
}

/// What came of the import of this number.
type Came = (usize, Result<KeyId, Error>);

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Several import at once by ways that are new, and the last key of one way is removed meanwhile: no more ways than eight
    /// come to be, and every key whose import was answered is found.
    #[test]
    fn of_many_at_once_as_many_come_in_as_there_is_room_for(
        seed in any::<u64>(), before in 5..8_usize, removes in any::<bool>(),
        ways in prop::collection::vec(prop_oneof![1 => Just(0), 6 => 10..14_usize], 2..8),
    ) {
        let house = House::new(seed, 0);
        let plain = finish(start(house.store.clone(), &house.world)).unwrap();
        let bob = house.other_owner(&plain);
        let core = finish(start(house.store.clone().yielding(), &house.world)).unwrap();
        let own: Vec<KeyId> = (0..before).map(|n| finish(brought(&core, &bob, &text(n), &way(n))).unwrap()).collect();
        let first = own[0];
        let done: Arc<Mutex<Vec<Came>>> = Arc::default();
        let mut running: Vec<Work> = Vec::new();
        for (n, number) in ways.iter().copied().enumerate() {
            let (core, bob, done) = (Arc::clone(&core), bob.clone(), Arc::clone(&done));
            running.push(Box::pin(async move {
                let came = brought(&core, &bob, &text(100 + n), &way(number)).await;
                done.lock().unwrap().push((n, came));
            }));
        }
        if removes {
            let (core, bob) = (Arc::clone(&core), bob.clone());
            running.push(Box::pin(async move {
                let command = Command::Remove(first.into(), Ending::default());
                assert!(ask(&core, &bob, Verb::Remove, command, None).await.is_ok());
            }));
        }
        interleave(&house.world, running);

        let mut in_use: std::collections::BTreeSet<usize> = (usize::from(removes)..before).collect();
        let done = std::mem::take(&mut *done.lock().unwrap());
        for (n, came) in &done {
            prop_assert!(came.is_ok() || is_full(came), "{:?}", came);
            if let Ok(id) = came {
                prop_assert_eq!(verified(&core, &bob, &text(100 + n)).ok(), Some(*id));
                in_use.insert(ways[*n]);
            }
        }
        prop_assert!(in_use.len() <= 8, "{} ways", in_use.len());
        // Whoever was refused was so because all were taken.
        prop_assert!(done.iter().all(|(_, came)| came.is_ok()) || in_use.len() >= 8 - usize::from(removes));
        let new = finish(brought(&core, &bob, &text(999), &way(99)));
        prop_assert_eq!(new.is_ok(), in_use.len() < 8, "{:?}", new);
        let again = finish(start(house.store.clone(), &house.world)).unwrap();
        for (n, came) in &done {
            if let Ok(id) = came {
                prop_assert_eq!(verified(&again, &bob, &text(100 + n)).ok(), Some(*id));
            }
        }
    }
}
