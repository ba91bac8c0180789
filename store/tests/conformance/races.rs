//! This file is about callers that come at once.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use keyward_core::store::{
    Change, CommitError, Position, Record, RecordKind, SlotChange, Spend, Store, Stored,
};
use tokio::task::JoinSet;

use super::{ids, same};
use crate::fixture::*;

/// Runs changes at once; returns what each came to.
async fn race<S: Store>(
    store: &Arc<S>,
    changes: impl IntoIterator<Item = Change>,
) -> Vec<Result<Position, CommitError>> {
    let mut tasks = JoinSet::new();
    for change in changes {
        let store = Arc::clone(store);
        tasks.spawn(async move { store.commit(change).await });
    }
    let mut results = Vec::new();
    while let Some(result) = tasks.join_next().await {
        results.push(result.unwrap());
    }
    results
}

fn winners(results: &[Result<Position, CommitError>], lost: &CommitError) -> usize {
    let losers = results.iter().filter(|result| result.as_ref() == Err(lost)).count();
    let winners = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!(winners + losers, results.len(), "{results:?}");
    winners
}

pub(crate) async fn one_of_many_wins_a_version(store: impl Store) {
    let store = Arc::new(store);
    store.commit(creation(1)).await.unwrap();
    for version in 2..20 {
        let removal = || change(record(1, version), SlotChange::Keep);
        let results = race(&store, (0..8).map(|_| removal())).await;
        assert_eq!(winners(&results, &CommitError::Stale), 1, "version {version}");
        assert_eq!(store.fetch(id(1)).await.unwrap().unwrap().record.version, version);
    }
}

pub(crate) async fn one_of_many_wins_a_name(store: impl Store) {
    let store = Arc::new(store);
    for round in 0..20_u8 {
        let numbers = (0..8).map(|racer| u64::from(round) * 8 + racer);
        let named = |number| Record { names: vec![name(round)], ..record(number, 1) };
        let results = race(&store, numbers.map(|number| change(named(number), SlotChange::Keep))).await;
        assert_eq!(winners(&results, &CommitError::NameTaken(name(round))), 1);
        let holder = store.holder(name(round)).await.unwrap().unwrap();
        assert!(store.fetch(holder).await.unwrap().is_some());
    }
}

pub(crate) async fn one_of_many_wins_an_answer(store: impl Store) {
    let store = Arc::new(store);
    for round in 0..20_u8 {
        let kept = Some(replay(round, 1_800_000_000_000));
        let numbers = (0..8).map(|racer| u64::from(round) * 8 + racer);
        let changes = numbers.map(|number| Change { replay: kept.clone(), ..creation(number) });
        assert_eq!(winners(&race(&store, changes).await, &CommitError::AlreadyAnswered), 1);
    }
}

pub(crate) async fn many_spend_exactly_the_limit(store: impl Store) {
    let store = Arc::new(store);
    let mut tasks = JoinSet::new();
    for _ in 0..100 {
        let store = Arc::clone(&store);
        tasks.spawn(async move { store.spend(Spend { id: id(1), cost: 3, limit: 100 }).await.unwrap() });
    }
    let mut left = Vec::new();
    while let Some(spent) = tasks.join_next().await {
        left.extend(spent.unwrap());
    }
    let distinct: HashSet<u64> = left.iter().copied().collect();
    assert_eq!(distinct.len(), left.len(), "two draws never share what is left");
    assert_eq!(distinct, (1..=33).map(|draw| 100 - 3 * draw).collect());
}

pub(crate) async fn many_commits_are_each_seen_by_their_caller(store: impl Store) {
    let store = Arc::new(store);
    let mut tasks = JoinSet::new();
    for number in 0..32 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            for version in 1..20 {
                let lists = vec![list(500 + version % 2)];
                let names = vec![name(number as u8 + 1)];
                let next = Record { lists, names, ..record(number, version) };
                let position =
                    store.commit(change(next.clone(), SlotChange::Fill(slot(version as u8)))).await;
                let stored = store.fetch(id(number)).await.unwrap().unwrap();
                same(&stored, &next, position.unwrap());
                assert_eq!(stored.slot, Some(slot(version as u8)));
                assert_eq!(store.holder(name(number as u8 + 1)).await.unwrap(), Some(id(number)));
                let before = if number == 0 { None } else { Some(id(number - 1)) };
                assert_eq!(ids(&*store, 500 + version % 2, before, 1).await, [id(number)]);
                let size = opened(&store.checkpoint().await.unwrap()).size();
                assert!(size > stored.position);
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

pub(crate) async fn a_slot_is_never_another_record_s(store: impl Store) {
    let store = Arc::new(store);
    let mut tasks = JoinSet::new();
    for number in 0..8 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            for version in 1..400 {
                // Cells are let go and taken again all the time.
                let tagged = SlotChange::Fill(slot(number as u8 + 1));
                let next = if version % 3 == 0 { SlotChange::Erase } else { tagged };
                store.commit(change(record(number, version), next)).await.unwrap();
            }
        });
    }
    let mut looked = 0_u64;
    while !tasks.is_empty() {
        let own = |stored: &Stored| {
            let number = (0..8).find(|number| id(*number) == stored.record.id).unwrap();
            let expected = (!stored.record.version.is_multiple_of(3)).then(|| slot(number as u8 + 1));
            assert_eq!(stored.slot, expected, "key {number} at version {}", stored.record.version);
        };
        for number in (0..8).cycle().take(800) {
            store.fetch(id(number)).await.unwrap().iter().for_each(own);
        }
        store.scan(RecordKind::Key, &|stored| own(&stored)).await.unwrap();
        looked += 1;
        while let Some(done) = tasks.try_join_next() {
            done.unwrap();
        }
    }
    assert!(looked > 0);
}

pub(crate) async fn of_many_changes_each_is_judged_alone(store: impl Store) {
    assert_eq!(store.commit_many(Vec::new()).await, []);
    store
        .commit(change(Record { names: vec![name(1)], ..record(1, 1) }, SlotChange::Fill(slot(1))))
        .await
        .unwrap();
    let applied = Arc::new(Mutex::new(Vec::new()));
    let noting = |record: Record, slot| {
        let (applied, of) = (Arc::clone(&applied), (record.id, record.version));
        let apply = Box::new(move |position| applied.lock().unwrap().push((of, position)));
        Change { apply, ..change(record, slot) }
    };
    let taken = Record { names: vec![name(1)], ..record(3, 1) };
    let large = Record { body: vec![0; Record::BODY_LIMIT + 1], ..record(4, 1) };
    // In this order: the name is free again once its holder is removed, and each is judged against those before it.
    let changes = vec![
        noting(record(2, 1), SlotChange::Fill(slot(2))),
        noting(taken.clone(), SlotChange::Keep),
        noting(record(1, 2), SlotChange::Erase),
        noting(record(1, 2), SlotChange::Erase),
        noting(large, SlotChange::Keep),
        noting(taken, SlotChange::Keep),
        noting(record(2, 2), SlotChange::Erase),
    ];
    let done = store.commit_many(changes).await;
    let (stale, too_large) = (Err(CommitError::Stale), Err(CommitError::TooLarge));
    let name_taken = Err(CommitError::NameTaken(name(1)));
    assert_eq!(done, [Ok(1), name_taken, Ok(2), stale, too_large, Ok(3), Ok(4)]);
    let expected = [((id(2), 1), 1), ((id(1), 2), 2), ((id(3), 1), 3), ((id(2), 2), 4)];
    assert_eq!(
        *applied.lock().unwrap(),
        expected,
        "in log order, before the answer, and nothing that was refused"
    );
    for (number, version, position) in [(1, 2, 2), (2, 2, 4), (3, 1, 3)] {
        let stored = store.fetch(id(number)).await.unwrap().unwrap();
        assert_eq!((stored.record.version, stored.position, stored.slot), (version, position, None));
    }
    assert_eq!(store.holder(name(1)).await.unwrap(), Some(id(3)));
    assert_eq!(opened(&store.checkpoint().await.unwrap()).size(), 5);
}

/// Half of the keys are removed in groups that are larger than any batch when they come together, and the others one by one.
pub(crate) async fn groups_of_changes_and_single_ones_take_turns(store: impl Store) {
    const GROUPS: u64 = 6;
    const EACH: u64 = 1000;
    let store = Arc::new(store);
    let mut tasks = JoinSet::new();
    for group in 0..GROUPS {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let changes = (0..EACH).map(|number| creation(1 + group * EACH + number));
            let done = store.commit_many(changes.collect()).await;
            assert!(done.iter().all(Result::is_ok), "{done:?}");
            assert!(done.is_sorted_by_key(|done| *done.as_ref().unwrap()));
            let alone = store.commit(creation(1_000_000 + group)).await.unwrap();
            assert!(done.iter().all(|done| *done.as_ref().unwrap() < alone), "it was answered before");
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(opened(&store.checkpoint().await.unwrap()).size(), GROUPS * (EACH + 1));
    for number in [1, EACH, GROUPS * EACH] {
        assert_eq!(store.fetch(id(number)).await.unwrap().unwrap().slot, Some(slot(number as u8)));
    }
}

/// Neighbours, with others between them, few or many, and some that are not there.
pub(crate) async fn groups_end_what_they_name_and_no_neighbour(store: impl Store) {
    let made = (0..200).filter(|number| number % 10 != 9).map(creation).collect();
    assert!(store.commit_many(made).await.iter().all(Result::is_ok));
    let of = |every: usize| (0..200).step_by(every);
    let mut ended = HashSet::new();
    for every in [50, 7, 2, 1] {
        let removals = of(every).map(|number| change(record(number, 2), SlotChange::Erase)).collect();
        for (number, done) in of(every).zip(store.commit_many(removals).await) {
            let expected = number % 10 != 9 && ended.insert(number);
            assert_eq!(done.is_ok(), expected, "key {number}, every {every}: {done:?}");
        }
        for number in (0..200).filter(|number| number % 10 != 9) {
            let slot = (!ended.contains(&number)).then(|| slot(number as u8));
            assert_eq!(store.fetch(id(number)).await.unwrap().unwrap().slot, slot, "key {number}");
        }
    }
}
