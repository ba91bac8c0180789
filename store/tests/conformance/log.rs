//! This file is about the log: positions, events, hashes, checkpoints, and what is done in log order.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use keyward_core::store::{Apply, Change, CommitError, Position, ReadError, Store};
use keyward_log::{Hash, HashReader, inclusion_proof, verify_inclusion};
use tokio::task::JoinSet;

use crate::fixture::*;

pub(crate) async fn a_new_store_has_a_signed_empty_log(store: impl Store) {
    let checkpoint = opened(&store.checkpoint().await.unwrap());
    assert_eq!((checkpoint.size(), *checkpoint.root()), (0, Hash::EMPTY));
    assert_eq!(store.events(0, 10).await.unwrap(), []);
}

pub(crate) async fn applies_once_before_the_answer_in_log_order(store: impl Store) {
    let store = Arc::new(store);
    let positions = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = JoinSet::new();
    for number in 0..200 {
        let (store, positions) = (Arc::clone(&store), Arc::clone(&positions));
        tasks.spawn(async move {
            let noted = Change { apply: noting(&positions), ..creation(number) };
            let position = store.commit(noted).await.unwrap();
            assert!(positions.lock().unwrap().contains(&position), "applied before the answer");
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(*positions.lock().unwrap(), (0..200).collect::<Vec<_>>());
}

pub(crate) async fn never_applies_what_was_refused(store: impl Store) {
    store.commit(creation(1)).await.unwrap();
    let positions = Arc::new(Mutex::new(Vec::new()));
    let refused = Change { apply: noting(&positions), ..creation(1) };
    assert_eq!(store.commit(refused).await, Err(CommitError::Stale));
    store.commit(creation(2)).await.unwrap();
    assert!(positions.lock().unwrap().is_empty());
}

pub(crate) async fn positions_count_from_zero_without_gaps(store: impl Store) {
    for number in 0..5 {
        assert_eq!(store.commit(creation(number)).await, Ok(number));
        assert_eq!(store.commit(creation(number)).await, Err(CommitError::Stale));
    }
}

pub(crate) async fn events_come_back_as_they_were(store: impl Store) {
    let mut events = Vec::new();
    for number in 0..20 {
        let made = creation(number);
        events.push(made.event.clone());
        store.commit(made).await.unwrap();
    }
    let read = store.events(0, 100).await.unwrap();
    assert_eq!(read.iter().map(|logged| logged.position).collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
    assert_eq!(read.into_iter().map(|logged| logged.event).collect::<Vec<_>>(), events);
    let part = store.events(7, 3).await.unwrap();
    assert_eq!(part.iter().map(|logged| logged.position).collect::<Vec<_>>(), [7, 8, 9]);
    assert_eq!(part[0].event, events[7]);
    for from in [20, 21, u64::MAX] {
        assert_eq!(store.events(from, 10).await.unwrap(), [], "from {from}");
    }
}

pub(crate) async fn the_checkpoint_covers_every_commit(store: impl Store) {
    let mut tree = keyward_log::Tree::new();
    for number in 0..300 {
        let made = creation(number);
        tree.append(Hash::leaf(made.event.leaf().as_bytes()));
        store.commit(made).await.unwrap();
        let checkpoint = opened(&store.checkpoint().await.unwrap());
        assert_eq!((checkpoint.size(), *checkpoint.root()), (number + 1, tree.root()));
    }
}

pub(crate) async fn hashes_are_those_of_the_log(store: impl Store) {
    let mut tree = keyward_log::Tree::new();
    let mut expected = HashMap::new();
    for number in 0..600 {
        let made = creation(number);
        let leaf = Hash::leaf(made.event.leaf().as_bytes());
        expected.insert((0, number), leaf);
        expected
            .extend(tree.append(leaf).into_iter().map(|stored| ((stored.level, stored.index), stored.hash)));
        store.commit(made).await.unwrap();
    }
    assert_eq!(expected.keys().filter(|(level, _)| *level == 1).count(), 2);
    for ((level, index), hash) in expected {
        assert_eq!(store.hash(level, index).await.unwrap(), hash, "hash {index} of level {level}");
    }
}

struct Known(HashMap<(u8, u64), Hash>);

impl HashReader for Known {
    type Error = String;

    fn hash(&self, level: u8, index: u64) -> Result<Hash, String> {
        self.0.get(&(level, index)).copied().ok_or(format!("no {index} of level {level}"))
    }
}

pub(crate) async fn proves_inclusion(store: impl Store) {
    for number in 0..270 {
        store.commit(creation(number)).await.unwrap();
    }
    let checkpoint = opened(&store.checkpoint().await.unwrap());
    let mut known = Known(HashMap::new());
    for (level, count) in [(0, 270), (1, 1)] {
        for index in 0..count {
            known.0.insert((level, index), store.hash(level, index).await.unwrap());
        }
    }
    for logged in store.events(0, 300).await.unwrap() {
        let proof = inclusion_proof(&known, logged.position, checkpoint.size()).unwrap();
        let leaf = Hash::leaf(logged.event.leaf().as_bytes());
        verify_inclusion(&leaf, logged.position, checkpoint.size(), &proof, checkpoint.root()).unwrap();
    }
}

pub(crate) async fn asks_again_for_missing_hashes_in_vain(store: impl Store) {
    store.commit(creation(1)).await.unwrap();
    for (level, index) in [(0, 1), (1, 0), (7, 0), (200, 0), (0, u64::MAX)] {
        let missing = store.hash(level, index).await;
        assert!(matches!(missing, Err(ReadError::Damaged(_))), "{index} of level {level}");
    }
}

/// An `apply` that writes down its position.
fn noting(positions: &Arc<Mutex<Vec<Position>>>) -> Apply {
    let positions = Arc::clone(positions);
    Box::new(move |position| positions.lock().unwrap().push(position))
}
