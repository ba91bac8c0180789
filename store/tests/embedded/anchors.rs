//! This file is about anchors: an older store under a newer anchor is locked.

use std::fs;
use std::path::Path;

use keyward_core::store::Store;
use keyward_store::{Embedded, OpenError, Options, Standing};

use crate::crashes::{Place, copy};
use crate::fixture::{opened, run, signer};
use crate::workload::{assert_locked, reopen, step};

fn commit(place: &Place, numbers: std::ops::Range<u64>) {
    let store = reopen(&place.folder, &place.anchor);
    run(async {
        for number in numbers {
            store.commit(step(number, 1, 0)).await.unwrap();
        }
    });
}

fn put_back(place: &Place, copied: &Path) {
    fs::remove_dir_all(&place.folder).unwrap();
    copy(copied, &place.folder);
}

#[test]
fn an_older_copy_is_locked_until_the_loss_is_accepted() {
    let place = Place::new();
    commit(&place, 0..5);
    let old = place.kept.path().join("old");
    copy(&place.folder, &old);
    commit(&place, 5..9);
    put_back(&place, &old);
    let store = reopen(&place.folder, &place.anchor);
    assert_eq!(store.standing(), Standing::Behind { store: 5, anchor: 9 });
    run(async {
        assert_locked(&store).await;
        assert!(store.fetch(crate::fixture::id(0)).await.unwrap().is_some(), "reading goes on");
        drop(store);
        let store = reopen(&place.folder, &place.anchor);
        assert_eq!(store.standing(), Standing::Behind { store: 5, anchor: 9 }, "opening again is no way out");
        store.accept_loss().await.unwrap();
        assert_eq!(store.standing(), Standing::Ready);
        store.commit(step(50, 1, 0)).await.unwrap();
    });
    assert_eq!(reopen(&place.folder, &place.anchor).standing(), Standing::Ready);
}

#[test]
fn another_history_of_the_same_log_is_locked() {
    let place = Place::new();
    commit(&place, 0..3);
    let old = place.kept.path().join("old");
    copy(&place.folder, &old);
    commit(&place, 3..6);
    put_back(&place, &old);
    // The copy goes its own way without the anchor, further than the anchor knows.
    let store = Embedded::open(&place.folder, signer(), Options::default()).unwrap();
    run(async {
        for number in 100..110 {
            store.commit(step(number, 1, 0)).await.unwrap();
        }
    });
    drop(store);
    let store = reopen(&place.folder, &place.anchor);
    assert!(matches!(store.standing(), Standing::Diverged { at: 6, .. }), "{:?}", store.standing());
    run(assert_locked(&store));
}

#[test]
fn the_anchor_follows_every_answer() {
    let place = Place::new();
    let store = reopen(&place.folder, &place.anchor);
    run(async {
        for number in 0..4 {
            store.commit(step(number, 1, 0)).await.unwrap();
            let newest = store.checkpoint().await.unwrap();
            let halves = fs::read_to_string(&place.anchor).unwrap();
            assert!(halves.contains(&newest), "after {number}");
        }
    });
}

#[test]
fn one_torn_half_leaves_the_other() {
    let place = Place::new();
    commit(&place, 0..4);
    let whole = fs::read(&place.anchor).unwrap();
    let size = |half: &[u8]| {
        let text = String::from_utf8(half.iter().copied().take_while(|byte| *byte != 0).collect()).unwrap();
        opened(&text).size()
    };
    let newer = usize::from(size(&whole[4096..]) > size(&whole[..4096])) * 4096;
    for (torn, expected) in [(newer, true), (4096 - newer, true)] {
        let mut bytes = whole.clone();
        bytes[torn + 100..torn + 200].fill(0);
        fs::write(&place.anchor, bytes).unwrap();
        assert_eq!(reopen(&place.folder, &place.anchor).standing() == Standing::Ready, expected);
        fs::write(&place.anchor, &whole).unwrap();
    }
}

#[test]
fn an_unreadable_anchor_is_named() {
    let place = Place::new();
    for wrong in ["", "something", "store.test/log\n5\nAAAA\n"] {
        fs::write(&place.anchor, wrong).unwrap();
        let options = Options { anchor: Some(place.anchor.clone()), ..Options::default() };
        let error = Embedded::open(&place.folder, signer(), options).unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains(place.anchor.to_str().unwrap()), "{error}");
    }
}

#[test]
fn an_empty_disk_does_not_begin_a_log_that_an_anchor_knows() {
    let place = Place::new();
    fs::remove_dir_all(&place.folder).unwrap();
    let options = Options { anchor: Some(place.anchor.clone()), ..Options::default() };
    let error = Embedded::create(&place.folder, signer(), options).unwrap_err();
    assert!(matches!(error, OpenError::AnchorExists(_)), "{error}");
    assert!(!place.folder.exists());
}

/// The story: a verifier proved to a server that it had been put back; the server forgot it when it was started again.
#[test]
fn what_somebody_proved_is_known_after_a_restart() {
    for others in [0_u64, 10] {
        let place = Place::new();
        commit(&place, 0..5);
        let old = place.kept.path().join("old");
        copy(&place.folder, &old);
        commit(&place, 5..9);
        let proof = run(reopen(&place.folder, &place.anchor).checkpoint()).unwrap();
        put_back(&place, &old);
        fs::remove_file(&place.anchor).unwrap();
        // Shorter than what was seen, or longer by what is something else.
        commit(&place, 100..100 + others);
        let wanted = |standing: Standing| match standing {
            Standing::Behind { store, anchor } => (store, anchor) == (5, 9) && others == 0,
            Standing::Diverged { at, .. } => at == 9 && others == 10,
            Standing::Ready => false,
        };
        let store = reopen(&place.folder, &place.anchor);
        run(async {
            for nothing in [store.checkpoint().await.unwrap(), "no checkpoint".to_owned()] {
                assert!(store.lock(nothing).await.is_err());
            }
            assert_eq!(store.standing(), Standing::Ready);
            store.lock(proof).await.unwrap();
            assert_locked(&store).await;
        });
        assert!(wanted(store.standing()), "{:?}", store.standing());
        drop(store);
        for _ in 0..2 {
            let store = reopen(&place.folder, &place.anchor);
            assert!(wanted(store.standing()), "{:?}", store.standing());
            run(assert_locked(&store));
        }
        let store = reopen(&place.folder, &place.anchor);
        run(async {
            store.accept_loss().await.unwrap();
            store.commit(step(50, 1, 0)).await.unwrap();
        });
        drop(store);
        assert_eq!(reopen(&place.folder, &place.anchor).standing(), Standing::Ready);
    }
}

#[test]
fn without_an_anchor_a_proof_locks_until_the_end() {
    let place = Place::new();
    commit(&place, 0..5);
    let old = place.kept.path().join("old");
    copy(&place.folder, &old);
    commit(&place, 5..9);
    let proof = run(reopen(&place.folder, &place.anchor).checkpoint()).unwrap();
    put_back(&place, &old);
    let store = Embedded::open(&place.folder, signer(), Options::default()).unwrap();
    run(async {
        store.lock(proof).await.unwrap();
        assert_locked(&store).await;
    });
}
