//! This file is about the verifier's side alone: when it may accept keys, and whom it does not believe.

use std::time::Duration;

use keyward_verifier::lease::{
    Checkpoint, Grant, Holder, HolderError, Incarnation, Moment, Position, Term, Welcome,
};

const ME: Incarnation = Incarnation(0xABC);

fn at(millis: u64) -> Moment {
    Moment::from_nanos(millis * 1_000_000)
}

fn shown(position: u64, root: u8) -> Checkpoint {
    Checkpoint { position: Position(position), root: [root; 32] }
}

fn welcome(position: u64, resumes: bool) -> Welcome {
    Welcome { term: Term(5), position: Position(position), resumes, shown: shown(position, position as u8) }
}

fn grant(renewal: u64, requires: u64) -> Grant {
    let (requires, length) = (Position(requires), Duration::from_secs(3));
    Grant { term: Term(5), incarnation: ME, renewal, requires, length }
}

/// A verifier whose table is whole at position 10.
fn following() -> Holder {
    let mut holder = Holder::new(ME, None);
    holder.welcomed(&welcome(10, false)).unwrap();
    holder.loaded(Position(10)).unwrap();
    holder
}

/// The same, with a lease that was asked for at 1 s.
fn leased() -> Holder {
    let mut holder = following();
    let renewal = holder.renew(at(1000)).unwrap();
    holder.granted(&grant(renewal, 10)).unwrap();
    holder
}

#[test]
fn without_a_lease_nothing_is_accepted() {
    assert!(!Holder::new(ME, None).may_accept(at(0)));
    assert!(!following().may_accept(at(0)));
}

#[test]
fn a_lease_counts_from_when_it_was_asked_for() {
    let mut holder = following();
    let renewal = holder.renew(at(1000)).unwrap();
    // Whenever the grant comes.
    holder.granted(&grant(renewal, 10)).unwrap();
    assert_eq!(holder.deadline(), Some(at(4000)));
    assert!(holder.may_accept(at(3999)));
    assert!(!holder.may_accept(at(4000)));
}

#[test]
fn a_grant_waits_for_what_it_requires() {
    let mut holder = following();
    let renewal = holder.renew(at(1000)).unwrap();
    holder.granted(&grant(renewal, 12)).unwrap();
    assert!(!holder.may_accept(at(1001)));
    holder.applied(Position(10), Position(11)).unwrap();
    assert!(!holder.may_accept(at(1002)));
    holder.applied(Position(11), Position(12)).unwrap();
    assert!(holder.may_accept(at(1003)));
}

#[test]
fn a_grant_answers_one_renewal_of_one_run_under_one_term() {
    let mut holder = following();
    let first = holder.renew(at(1000)).unwrap();
    let second = holder.renew(at(2000)).unwrap();
    let foreign = Grant { incarnation: Incarnation(1), ..grant(second, 10) };
    assert_eq!(holder.granted(&foreign), Err(HolderError::NotAsked));
    assert_eq!(holder.granted(&Grant { term: Term(4), ..grant(second, 10) }), Err(HolderError::Deposed));
    assert_eq!(holder.granted(&grant(second + 1, 10)), Err(HolderError::NotAsked));
    assert_eq!(holder.deadline(), None);
    assert_eq!(holder.granted(&grant(second, 10)), Ok(at(2000)), "when it was asked for");
    assert_eq!(holder.granted(&grant(second, 10)), Err(HolderError::NotAsked), "twice");
    assert_eq!(holder.granted(&grant(first, 10)), Err(HolderError::NotAsked), "late");
    assert_eq!(holder.deadline(), Some(at(5000)));
}

#[test]
fn renewals_without_answer_are_forgotten_in_the_end() {
    let mut holder = following();
    let first = holder.renew(at(0)).unwrap();
    for n in 1..=8 {
        holder.renew(at(n)).unwrap();
    }
    assert_eq!(holder.granted(&grant(first, 10)), Err(HolderError::NotAsked));
    assert_eq!(holder.granted(&grant(first + 1, 10)), Ok(at(1)));
}

#[test]
fn changes_follow_on_one_another() {
    let mut holder = leased();
    assert!(!holder.expects(Position(9)) && !holder.expects(Position(11)));
    assert_eq!(holder.applied(Position(11), Position(12)), Err(HolderError::Gap));
    assert_eq!(holder.applied(Position(9), Position(11)), Err(HolderError::Gap));
    assert_eq!(holder.applied(Position(10), Position(9)), Err(HolderError::Gap));
    assert!(holder.expects(Position(10)));
    assert_eq!(holder.applied(Position(10), Position(15)), Ok(()));
    assert_eq!(holder.acknowledges(), Some(Position(15)));
}

#[test]
fn a_table_that_is_being_loaded_counts_as_empty() {
    let mut holder = leased();
    holder.disconnected();
    assert!(holder.may_accept(at(2000)), "the lease runs on");
    holder.welcomed(&welcome(20, false)).unwrap();
    assert!(!holder.may_accept(at(2000)), "until the table goes");
    assert_eq!((holder.position(), holder.acknowledges(), holder.renew(at(2000))), (Position(0), None, None));
    assert_eq!(holder.granted(&grant(1, 10)), Err(HolderError::OutOfOrder));
    // Rows were read at 21, and that change has not come.
    assert_eq!(holder.loaded(Position(21)), Err(HolderError::Gap));
    holder.applied(Position(20), Position(21)).unwrap();
    holder.loaded(Position(21)).unwrap();
    assert_eq!(holder.acknowledges(), Some(Position(21)));
}

#[test]
fn a_load_that_broke_off_leaves_nothing_to_resume_from() {
    let mut holder = Holder::new(ME, None);
    holder.welcomed(&welcome(10, false)).unwrap();
    holder.disconnected();
    assert_eq!(holder.position(), Position(0));
    assert_eq!(holder.welcomed(&welcome(10, true)), Err(HolderError::Gap));
}

#[test]
fn a_verifier_resumes_where_it_was_and_keeps_its_lease() {
    let mut holder = leased();
    holder.disconnected();
    assert_eq!(
        holder.welcomed(&Welcome { position: Position(9), ..welcome(10, true) }),
        Err(HolderError::Gap)
    );
    let more = Welcome { position: Position(10), shown: shown(14, 14), ..welcome(10, true) };
    holder.welcomed(&more).unwrap();
    assert!(holder.may_accept(at(3999)));
    assert_eq!(holder.applied(Position(10), Position(14)), Ok(()));
}

#[test]
fn a_grant_of_an_earlier_connection_does_not_count() {
    let mut holder = following();
    let renewal = holder.renew(at(1000)).unwrap();
    holder.disconnected();
    assert_eq!(holder.granted(&grant(renewal, 10)), Err(HolderError::OutOfOrder));
    holder.welcomed(&welcome(10, true)).unwrap();
    assert_eq!(holder.granted(&grant(renewal, 10)), Err(HolderError::NotAsked));
}

#[test]
fn a_deposed_server_is_refused() {
    let mut holder = following();
    holder.disconnected();
    let old = Welcome { term: Term(4), ..welcome(10, true) };
    assert_eq!(holder.welcomed(&old), Err(HolderError::Deposed));
    assert_eq!(holder.welcomed(&welcome(10, true)), Ok(()));
}

#[test]
fn a_server_that_shows_less_is_refused_for_good() {
    for less in [shown(9, 9), shown(10, 0xFF)] {
        let mut holder = leased();
        holder.disconnected();
        let behind = Welcome { shown: less, position: less.position, ..welcome(10, false) };
        assert_eq!(holder.welcomed(&behind), Err(HolderError::OtherLog));
        assert!(!holder.may_accept(at(1001)), "nothing is accepted any more");
        // It has grown again meanwhile, on another branch.
        assert_eq!(holder.welcomed(&welcome(30, false)), Err(HolderError::OtherLog));
        assert_eq!(holder.anchor(), Some(shown(10, 10)));
    }
}

#[test]
fn what_was_applied_was_seen() {
    let mut holder = following();
    holder.applied(Position(10), Position(15)).unwrap();
    holder.disconnected();
    let behind = Welcome { shown: shown(12, 12), ..welcome(12, false) };
    assert_eq!(holder.welcomed(&behind), Err(HolderError::OtherLog));
}

#[test]
fn an_open_renewal_ends_with_the_trust() {
    let mut holder = following();
    let renewal = holder.renew(at(1000)).unwrap();
    assert_eq!(holder.shown(shown(8, 8)), Err(HolderError::OtherLog));
    assert_eq!(holder.granted(&grant(renewal, 10)), Err(HolderError::NotAsked));
    assert!(!holder.may_accept(at(1001)));
}

#[test]
fn the_anchor_of_an_earlier_run_counts() {
    let mut holder = Holder::new(ME, Some(shown(12, 12)));
    assert_eq!(holder.welcomed(&welcome(11, false)), Err(HolderError::OtherLog));
    let mut holder = Holder::new(ME, Some(shown(12, 12)));
    holder.welcomed(&welcome(12, false)).unwrap();
    holder.shown(shown(13, 13)).unwrap();
    assert_eq!(holder.anchor(), Some(shown(13, 13)));
}

#[test]
fn frames_come_in_order() {
    let mut holder = Holder::new(ME, None);
    assert_eq!(holder.loaded(Position(1)), Err(HolderError::OutOfOrder));
    assert_eq!(holder.applied(Position(0), Position(1)), Err(HolderError::OutOfOrder));
    holder.welcomed(&welcome(10, false)).unwrap();
    assert_eq!(holder.welcomed(&welcome(10, false)), Err(HolderError::OutOfOrder));
}

#[test]
fn whoever_resigns_accepts_nothing_and_comes_back_as_another_run() {
    let mut holder = leased();
    assert!(holder.may_accept(at(2000)));
    let anchor = holder.anchor();
    holder.resign(Incarnation(99));
    assert!(!holder.may_accept(at(2000)) && holder.deadline().is_none());
    assert_eq!((holder.incarnation(), holder.position()), (Incarnation(99), Position(0)));
    assert_eq!((holder.acknowledges(), holder.renew(at(2000))), (None, None), "until it is welcomed again");
    assert_eq!(holder.anchor(), anchor, "what it has seen of the log stays");
}
