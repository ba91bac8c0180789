//! This file is about kept answers, counters and notes.

use keyward_core::store::{Change, CommitError, Spend, Store};
use keyward_core::time::Timestamp;

use crate::fixture::*;

pub(crate) async fn keeps_answers_until_they_expire(store: impl Store) {
    let kept = replay(1, 1_800_000_000_000);
    store.commit(Change { replay: Some(kept.clone()), ..creation(1) }).await.unwrap();
    for (now, expected) in
        [(0, true), (1_799_999_999_999, true), (1_800_000_000_000, false), (1_900_000_000_000, false)]
    {
        let read = store.replay([1; 32], Timestamp::from_millis(now)).await.unwrap();
        assert_eq!(read, expected.then(|| kept.clone()), "at {now}");
    }
}

pub(crate) async fn an_answer_is_kept_once(store: impl Store) {
    let kept = || Some(replay(1, 1_800_000_000_000));
    store.commit(Change { replay: kept(), ..creation(1) }).await.unwrap();
    let again = Change { replay: kept(), ..creation(2) };
    assert_eq!(store.commit(again).await, Err(CommitError::AlreadyAnswered));
    assert!(store.fetch(id(2)).await.unwrap().is_none());
}

pub(crate) async fn an_answer_comes_before_a_stale_version(store: impl Store) {
    let kept = || Some(replay(1, 1_800_000_000_000));
    store.commit(Change { replay: kept(), ..creation(1) }).await.unwrap();
    let again = Change { replay: kept(), ..creation(1) };
    assert_eq!(store.commit(again).await, Err(CommitError::AlreadyAnswered));
}

pub(crate) async fn an_expired_answer_makes_room(store: impl Store) {
    // The fixture's events are of 1,700,000,000,000.
    store.commit(Change { replay: Some(replay(1, 1_699_999_999_999)), ..creation(1) }).await.unwrap();
    let newer = replay(1, 1_800_000_000_000);
    store.commit(Change { replay: Some(newer.clone()), ..creation(2) }).await.unwrap();
    for number in 3..6 {
        let other = replay(number as u8, 1_699_999_999_999);
        store.commit(Change { replay: Some(other), ..creation(number) }).await.unwrap();
    }
    assert_eq!(store.replay([1; 32], Timestamp::from_millis(1_700_000_000_000)).await.unwrap(), Some(newer));
}

pub(crate) async fn spends_up_to_the_limit(store: impl Store) {
    let spend = |cost, limit| store.spend(Spend { id: id(1), cost, limit });
    assert_eq!(spend(3, 10).await, Ok(Some(7)));
    assert_eq!(spend(8, 10).await, Ok(None), "what is too much is not drawn");
    assert_eq!(spend(7, 10).await, Ok(Some(0)));
    assert_eq!(spend(1, 10).await, Ok(None));
    assert_eq!(spend(0, 10).await, Ok(Some(0)));
    assert_eq!(spend(5, 20).await, Ok(Some(5)), "the limit is the caller's");
    assert_eq!(spend(0, 10).await, Ok(None), "more than the limit is drawn already");
    assert_eq!(store.spend(Spend { id: id(2), cost: 10, limit: 10 }).await, Ok(Some(0)));
}

pub(crate) async fn spends_never_overflow(store: impl Store) {
    let spend = |cost| store.spend(Spend { id: id(1), cost, limit: u64::MAX });
    assert_eq!(spend(u64::MAX).await, Ok(Some(0)));
    assert_eq!(spend(1).await, Ok(None));
    assert_eq!(spend(u64::MAX).await, Ok(None));
}

pub(crate) async fn notes_are_readable_at_once(store: impl Store) {
    store.note(vec![(id(1), vec![1, 2]), (id(2), vec![])]).await.unwrap();
    assert_eq!(store.noted(id(1)).await.unwrap(), Some(vec![1, 2]));
    assert_eq!(store.noted(id(2)).await.unwrap(), Some(vec![]));
    store.note(vec![(id(1), vec![3])]).await.unwrap();
    assert_eq!(store.noted(id(1)).await.unwrap(), Some(vec![3]));
    assert_eq!(opened(&store.checkpoint().await.unwrap()).size(), 0, "a note is in no log");
}
