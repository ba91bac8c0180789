//! This file is about the server's side alone: what it waits for, what it tells, and whom it does not hear.

use std::time::Duration;

use keyward_verifier::lease::{
    Cover, Fence, Grant, Incarnation, Join, JoinError, Limits, Mode, Moment, Outcome, Position, Progress,
    Refused, Standing, Term,
};

const ACME: u128 = 7;
const OTHER: u128 = 8;
const A: Incarnation = Incarnation(1);
const B: Incarnation = Incarnation(2);

/// A lease of 3 s, and 1 % for drift.
const WAITS: u64 = 3030;

fn at(millis: u64) -> Moment {
    Moment::from_nanos(millis * 1_000_000)
}

fn fence() -> Fence {
    Fence::new(Limits::default(), Term(1), Position(10), at(0), Duration::ZERO)
}

fn join(incarnation: Incarnation, name: &str) -> Join {
    Join {
        incarnation,
        name: name.to_owned(),
        organization: Some(ACME),
        mode: Mode::Full,
        serve_stale: false,
        seen: Position(10),
    }
}

/// A verifier that has joined, has everything, and got a lease at a time.
fn leased(fence: &mut Fence, join: &Join, millis: u64) -> Grant {
    fence.join(join, at(millis)).unwrap();
    fence.acknowledged(join.incarnation, fence.position(), at(millis)).unwrap();
    fence.renew(join.incarnation, 1, at(millis)).unwrap().unwrap()
}

fn remove(fence: &mut Fence) -> Position {
    let position = Position(fence.position().0 + 1);
    fence.committed(position);
    position
}

fn enforced(fence: &mut Fence, position: Position, now: u64) -> Progress {
    fence.enforced(ACME, position, at(100), at(now))
}

fn waits_until(millis: u64) -> Progress {
    Progress::Waiting { at_latest: at(millis) }
}

fn done(covers: &[(&str, Incarnation, Outcome)]) -> Progress {
    let cover = |(name, incarnation, outcome): &(&str, Incarnation, Outcome)| Cover {
        name: (*name).to_owned(),
        incarnation: *incarnation,
        outcome: *outcome,
    };
    Progress::Done(covers.iter().map(cover).collect())
}

#[test]
fn a_grant_says_everything_that_binds_it() {
    let grant = leased(&mut fence(), &join(A, "a"), 0);
    let length = Duration::from_secs(3);
    assert_eq!(grant, Grant { term: Term(1), incarnation: A, renewal: 1, requires: Position(10), length });
}

#[test]
fn a_removal_waits_for_the_acknowledgement() {
    let mut fence = fence();
    leased(&mut fence, &join(A, "a"), 0);
    let removal = remove(&mut fence);
    assert_eq!(enforced(&mut fence, removal, 101), waits_until(WAITS));
    fence.acknowledged(A, removal, at(120)).unwrap();
    let acknowledged = Outcome::Acknowledged { at: at(120) };
    assert_eq!(enforced(&mut fence, removal, 121), done(&[("a", A, acknowledged)]));
}

#[test]
fn a_removal_waits_for_the_lease_and_the_drift_and_no_longer() {
    let mut fence = fence();
    leased(&mut fence, &join(A, "a"), 0);
    fence.disconnected(A);
    let removal = remove(&mut fence);
    assert_eq!(enforced(&mut fence, removal, WAITS - 1), waits_until(WAITS));
    let ran_out = Outcome::RanOut { at: at(WAITS) };
    assert_eq!(enforced(&mut fence, removal, WAITS), done(&[("a", A, ran_out)]));
}

#[test]
fn a_dead_verifier_costs_one_wait() {
    let mut fence = fence();
    leased(&mut fence, &join(A, "a"), 0);
    let first = remove(&mut fence);
    // It still asks, and applies nothing.
    assert_eq!(fence.renew(A, 2, at(200)), Ok(None));
    assert_eq!(enforced(&mut fence, first, 300), waits_until(3230), "the lease that it may yet get");
    assert!(matches!(enforced(&mut fence, first, WAITS), Progress::Done(_)));
    for n in 0..5 {
        let next = remove(&mut fence);
        assert_eq!(fence.renew(A, 3 + n, at(WAITS + 1000 * n)), Ok(None));
        let progress = fence.enforced(ACME, next, at(WAITS + 1000 * n), at(WAITS + 1000 * n));
        assert!(matches!(progress, Progress::Done(_)), "removal {n} waits again: {progress:?}");
    }
    // It has caught up: it is granted again.
    let newest = fence.position();
    fence.acknowledged(A, newest, at(20_000)).unwrap();
    assert!(fence.renew(A, 9, at(20_000)).unwrap().is_some());
}

#[test]
fn a_renewal_that_waited_is_granted_with_the_acknowledgement_and_requires_what_is_newest() {
    let mut fence = fence();
    leased(&mut fence, &join(A, "a"), 0);
    let first = remove(&mut fence);
    assert_eq!(fence.renew(A, 2, at(500)), Ok(None));
    let second = remove(&mut fence);
    let grant = fence.acknowledged(A, first, at(600)).unwrap().unwrap();
    assert_eq!((grant.renewal, grant.requires), (2, second));
    // It counts from when the renewal came, on the server's clock too.
    assert_eq!(enforced(&mut fence, second, 700), waits_until(500 + WAITS));
}

#[test]
fn an_acknowledgement_that_comes_late_takes_nothing_back() {
    let mut fence = fence();
    leased(&mut fence, &join(A, "a"), 0);
    let (first, second) = (remove(&mut fence), remove(&mut fence));
    fence.acknowledged(A, second, at(200)).unwrap();
    fence.acknowledged(A, first, at(300)).unwrap();
    assert!(fence.renew(A, 2, at(400)).unwrap().is_some(), "everything was acknowledged");
    let acknowledged = Outcome::Acknowledged { at: at(200) };
    assert_eq!(enforced(&mut fence, first, 400), done(&[("a", A, acknowledged)]));
}

#[test]
fn removals_that_come_all_the_time_starve_nobody() {
    let mut fence = fence();
    leased(&mut fence, &join(A, "a"), 0);
    let mut granted = 0;
    for n in 0..3000 {
        let position = remove(&mut fence);
        if n % 1000 == 0 {
            granted += u64::from(fence.renew(A, 2 + n, at(n)).unwrap().is_some());
        }
        // Always one behind.
        let reached = Position(position.0 - 1);
        granted += u64::from(fence.acknowledged(A, reached, at(n)).unwrap().is_some());
    }
    assert_eq!(granted, 3);
}

#[test]
fn a_lease_that_counts_only_with_the_removal_holds_nothing_back() {
    let mut fence = fence();
    leased(&mut fence, &join(A, "a"), 0);
    let first = remove(&mut fence);
    assert_eq!(fence.renew(A, 2, at(3000)), Ok(None));
    let second = remove(&mut fence);
    // The first lease has run out, and then the second one is granted, late.
    assert!(matches!(enforced(&mut fence, second, WAITS), Progress::Done(_)));
    assert!(fence.acknowledged(A, first, at(3500)).unwrap().is_some());
    let ran_out = Outcome::RanOut { at: at(WAITS) };
    assert_eq!(enforced(&mut fence, second, 3600), done(&[("a", A, ran_out)]));
    let third = remove(&mut fence);
    assert_eq!(enforced(&mut fence, third, 3700), waits_until(3000 + WAITS));
}

#[test]
fn unknown_leases_are_waited_out() {
    let longest = Duration::from_secs(10);
    let mut fence = Fence::new(Limits::default(), Term(2), Position(10), at(0), longest);
    assert_eq!(enforced(&mut fence, Position(10), 0), waits_until(10_100));
    assert_eq!(fence.frontier(ACME, at(10_099)), None);
    assert_eq!(fence.frontier(ACME, at(10_100)), Some(Position(10)));
}

#[test]
fn whoever_waits_looks_again_when_the_next_lease_ends() {
    let mut fence = fence();
    leased(&mut fence, &join(A, "a"), 0);
    leased(&mut fence, &join(B, "b"), 50);
    let removal = remove(&mut fence);
    assert_eq!(enforced(&mut fence, removal, 100), waits_until(WAITS));
    assert_eq!(enforced(&mut fence, removal, WAITS), waits_until(50 + WAITS));
    assert!(matches!(enforced(&mut fence, removal, 50 + WAITS), Progress::Done(_)));
}

#[test]
fn other_organizations_do_not_wait() {
    let mut fence = fence();
    leased(&mut fence, &join(A, "a"), 0);
    leased(&mut fence, &Join { organization: Some(OTHER), ..join(B, "a") }, 0);
    let removal = remove(&mut fence);
    fence.acknowledged(A, removal, at(200)).unwrap();
    assert!(matches!(enforced(&mut fence, removal, 300), Progress::Done(covers) if covers.len() == 1));
    assert_eq!(fence.frontier(OTHER, at(300)), Some(Position(10)));
}

#[test]
fn whoever_sees_all_organizations_holds_all_back() {
    let mut fence = fence();
    leased(&mut fence, &Join { organization: None, ..join(A, "a") }, 0);
    let removal = remove(&mut fence);
    for organization in [ACME, OTHER] {
        let progress = fence.enforced(organization, removal, at(100), at(200));
        assert_eq!(progress, waits_until(WAITS));
    }
}

#[test]
fn a_later_run_takes_the_name_and_the_earlier_lease_is_waited_out() {
    let mut fence = fence();
    leased(&mut fence, &join(A, "a"), 0);
    assert_eq!(fence.join(&join(B, "a"), at(1000)), Ok(Some(A)));
    assert_eq!(fence.renew(A, 2, at(1001)), Err(Refused::Superseded));
    assert_eq!(fence.join(&join(A, "a"), at(1002)), Err(JoinError::Refused(Refused::Superseded)));
    let removal = remove(&mut fence);
    assert_eq!(enforced(&mut fence, removal, 1100), waits_until(WAITS));
    let ran_out = Outcome::RanOut { at: at(WAITS) };
    assert_eq!(enforced(&mut fence, removal, WAITS), done(&[("a", A, ran_out)]));
}

#[test]
fn to_ask_whether_one_may_join_changes_nothing() {
    let mut fence = fence();
    leased(&mut fence, &join(A, "a"), 0);
    assert_eq!(fence.may_join(&join(B, "a"), at(1000)), Ok(()));
    assert!(fence.renew(A, 2, at(1001)).unwrap().is_some(), "it still has the name");
    fence.join(&join(B, "a"), at(1002)).unwrap();
    assert_eq!(fence.may_join(&join(A, "a"), at(1003)), Err(JoinError::Refused(Refused::Superseded)));
    assert_eq!(fence.may_join(&join(B, "b"), at(1004)), Err(JoinError::IncarnationTaken));
    let ahead = Join { seen: Position(11), ..join(B, "a") };
    assert_eq!(fence.may_join(&ahead, at(1005)), Err(JoinError::ServerBehind));
}

#[test]
fn whoever_lies_is_not_heard_again() {
    let mut fence = fence();
    leased(&mut fence, &join(A, "a"), 0);
    let removal = remove(&mut fence);
    assert_eq!(fence.acknowledged(A, Position(removal.0 + 1), at(200)), Err(Refused::Lied));
    assert_eq!(fence.acknowledged(A, removal, at(200)), Err(Refused::Lied));
    assert_eq!(fence.join(&join(A, "a"), at(300)), Err(JoinError::Refused(Refused::Lied)));
    assert_eq!(enforced(&mut fence, removal, 400), waits_until(WAITS), "its lease may still run");
    assert!(matches!(enforced(&mut fence, removal, WAITS), Progress::Done(_)));
}

#[test]
fn whoever_says_goodbye_holds_nothing_back() {
    let mut fence = fence();
    leased(&mut fence, &join(A, "a"), 0);
    let removal = remove(&mut fence);
    fence.leave(A);
    assert_eq!(enforced(&mut fence, removal, 200), done(&[]));
    assert_eq!(fence.renew(A, 2, at(200)), Err(Refused::Unknown));
}

#[test]
fn whoever_serves_stale_is_uncovered_until_it_acknowledges() {
    let mut fence = fence();
    leased(&mut fence, &Join { serve_stale: true, ..join(A, "a") }, 0);
    fence.disconnected(A);
    let removal = remove(&mut fence);
    assert_eq!(enforced(&mut fence, removal, 200), waits_until(WAITS));
    assert_eq!(enforced(&mut fence, removal, WAITS), done(&[("a", A, Outcome::Uncovered)]));
    assert_eq!(enforced(&mut fence, removal, 900_000), done(&[("a", A, Outcome::Uncovered)]));
    fence.join(&Join { serve_stale: true, ..join(A, "a") }, at(900_000)).unwrap();
    fence.acknowledged(A, removal, at(900_001)).unwrap();
    let acknowledged = Outcome::Acknowledged { at: at(900_001) };
    assert_eq!(enforced(&mut fence, removal, 900_002), done(&[("a", A, acknowledged)]));
}

#[test]
fn a_restarted_server_remembers_who_serves_stale() {
    let mut fence = fence();
    fence.remember(&Join { serve_stale: true, ..join(A, "a") });
    let removal = remove(&mut fence);
    assert_eq!(enforced(&mut fence, removal, 200), done(&[("a", A, Outcome::Uncovered)]));
    fence.leave(A);
    assert_eq!(enforced(&mut fence, removal, 200), done(&[]));
}

#[test]
fn a_verifier_that_has_seen_more_tells_the_server_that_it_is_behind() {
    let ahead = Join { seen: Position(11), ..join(A, "a") };
    assert_eq!(fence().join(&ahead, at(0)), Err(JoinError::ServerBehind));
}

#[test]
fn whoever_is_deposed_says_nothing_more() {
    let mut fence = fence();
    leased(&mut fence, &join(A, "a"), 0);
    let removal = remove(&mut fence);
    fence.depose();
    assert_eq!(fence.renew(A, 2, at(100)), Err(Refused::Deposed));
    assert_eq!(fence.acknowledged(A, removal, at(100)), Err(Refused::Deposed));
    assert_eq!(fence.join(&join(B, "b"), at(100)), Err(JoinError::Refused(Refused::Deposed)));
    assert_eq!(enforced(&mut fence, removal, 90_000), Progress::Deposed);
}

#[test]
fn whoever_asks_every_time_gets_no_lease() {
    let mut fence = fence();
    fence.join(&Join { mode: Mode::Online, ..join(A, "a") }, at(0)).unwrap();
    fence.acknowledged(A, Position(10), at(0)).unwrap();
    assert_eq!(fence.renew(A, 1, at(0)), Ok(None));
    let removal = remove(&mut fence);
    assert_eq!(enforced(&mut fence, removal, 100), done(&[]));
}

#[test]
fn there_is_a_limit_for_each_organization_and_room_when_somebody_is_gone() {
    let limits = Limits { members: 2, ..Limits::default() };
    let mut fence = Fence::new(limits, Term(1), Position(10), at(0), Duration::ZERO);
    leased(&mut fence, &join(A, "a"), 0);
    leased(&mut fence, &join(B, "b"), 0);
    let third = join(Incarnation(3), "c");
    assert_eq!(fence.join(&third, at(1)), Err(JoinError::Full));
    assert_eq!(fence.join(&Join { organization: Some(OTHER), ..join(Incarnation(4), "c") }, at(1)), Ok(None));
    fence.disconnected(A);
    assert_eq!(fence.join(&third, at(WAITS - 1)), Err(JoinError::Full), "its lease still runs");
    assert_eq!(fence.join(&third, at(WAITS)), Ok(None));
    assert_eq!(fence.statuses().count(), 3);
}

#[test]
fn an_incarnation_belongs_to_one_verifier() {
    let mut fence = fence();
    leased(&mut fence, &join(A, "a"), 0);
    assert_eq!(fence.join(&join(A, "b"), at(1)), Err(JoinError::IncarnationTaken));
    let foreign = Join { organization: Some(OTHER), ..join(A, "a") };
    assert_eq!(fence.join(&foreign, at(1)), Err(JoinError::IncarnationTaken));
    assert_eq!(fence.statuses().next().unwrap().standing, Standing::Present);
}

#[test]
fn a_new_connection_may_be_there_before_the_old_one_is_seen_to_be_gone() {
    let mut fence = fence();
    leased(&mut fence, &join(A, "a"), 0);
    fence.join(&join(A, "a"), at(100)).unwrap();
    fence.disconnected(A);
    assert!(fence.renew(A, 2, at(200)).unwrap().is_some());
    fence.disconnected(A);
    assert_eq!(fence.renew(A, 3, at(300)), Err(Refused::Unknown));
}

#[test]
fn an_acknowledgement_from_an_old_connection_is_not_heard() {
    let mut fence = fence();
    leased(&mut fence, &join(A, "a"), 0);
    fence.disconnected(A);
    assert_eq!(fence.renew(A, 2, at(100)), Err(Refused::Unknown));
    fence.join(&join(A, "a"), at(200)).unwrap();
    assert!(fence.renew(A, 3, at(300)).unwrap().is_some());
}

#[test]
fn only_the_last_acknowledgement_moves_what_all_reflect() {
    let mut fence = fence();
    leased(&mut fence, &join(A, "a"), 0);
    leased(&mut fence, &join(B, "b"), 0);
    let elsewhere = Incarnation(3);
    leased(&mut fence, &Join { organization: Some(OTHER), ..join(elsewhere, "c") }, 0);
    let removal = remove(&mut fence);
    assert_eq!(fence.reflected(A), Some(Position(10)));
    fence.acknowledged(B, removal, at(10)).unwrap();
    assert_eq!(fence.reflected(B), Some(Position(10)), "the other one does not have it yet");
    fence.acknowledged(elsewhere, removal, at(11)).unwrap();
    assert_eq!(fence.reflected(A), Some(Position(10)), "nobody waits for another organization's");
    fence.acknowledged(A, removal, at(12)).unwrap();
    assert_eq!((fence.reflected(A), fence.reflected(B)), (Some(removal), Some(removal)));
    assert_eq!(fence.reflected(Incarnation(9)), None);
}
