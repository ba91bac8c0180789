//! This file is about the model check: every order in which messages, clocks, crashes and take-overs can fall, on the
//! shipped state machines, up to some bounds. Then the same with one rule broken at a time, which must be noticed.
//!
//! Time is in ticks; a lease lasts two. Drift is drawn large so that it shows: a verifier's clock may miss one of three ticks,
//! and the server allows for that. A message arrives at any time after it was sent, in any order, or never; and some arrive twice.

use std::collections::BTreeSet;
use std::time::Duration;

use keyward_verifier::lease::Limits;
use stateright::{Checker, HasDiscoveries, Model, Property};

use crate::world::{Broken, Message, Rules, World};

/// A verifier's clock misses at most one tick of so many.
const DRIFT_TICKS: u64 = 3;

/// How far the search goes.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    verifiers: usize,
    ticks: u64,
    removals: u64,
    renewals: u8,
    crashes: u8,
    take_overs: u8,
    duplicates: u8,
    dismissals: u8,
    one_name: bool,
}

#[derive(Clone, Debug)]
struct Leases {
    bounds: Bounds,
    broken: Broken,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    world: World,
    network: BTreeSet<Message>,
    renewals: Vec<u8>,
    /// How many ticks each clock must still notice before it may miss one.
    steady: Vec<u64>,
    crashes: u8,
    take_overs: u8,
    duplicates: u8,
    dismissals: u8,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    /// Time passes; this verifier's clock does not notice.
    Tick {
        missed_by: Option<usize>,
    },
    Remove,
    Join(usize),
    Renew(usize),
    Deliver(Message),
    /// It will arrive once more.
    Duplicate(Message),
    Crash(usize),
    TakeOver,
    /// The server tells this verifier that it may be one no more.
    Dismiss(usize),
}

impl Model for Leases {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let drift_per_mille = if self.broken == Broken::IgnoresDrift { 0 } else { 500 };
        let limits = Limits { lease: Duration::from_nanos(2), drift_per_mille, members: 16 };
        let rules = Rules { broken: self.broken, limits, one_name: self.bounds.one_name };
        let verifiers = self.bounds.verifiers;
        vec![State {
            world: World::new(rules, verifiers),
            network: BTreeSet::new(),
            renewals: vec![0; verifiers],
            steady: vec![0; verifiers],
            crashes: 0,
            take_overs: 0,
            duplicates: 0,
            dismissals: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let bounds = &self.bounds;
        let verifiers = 0..bounds.verifiers;
        if state.world.now < bounds.ticks {
            actions.push(Action::Tick { missed_by: None });
            let may_miss = |v: &usize| state.steady[*v] == 0;
            actions.extend(verifiers.clone().filter(may_miss).map(|v| Action::Tick { missed_by: Some(v) }));
        }
        if state.world.log <= bounds.removals {
            actions.push(Action::Remove);
        }
        let current = state.world.servers.len() - 1;
        let elsewhere = |v: &usize| state.world.verifiers[*v].server != Some(current);
        actions.extend(verifiers.clone().filter(elsewhere).map(Action::Join));
        let may_renew = |v: &usize| state.renewals[*v] < bounds.renewals;
        actions.extend(verifiers.clone().filter(may_renew).map(Action::Renew));
        if state.crashes < bounds.crashes {
            actions.extend(verifiers.clone().map(Action::Crash));
        }
        if state.dismissals < bounds.dismissals {
            actions.extend(verifiers.map(Action::Dismiss));
        }
        if state.take_overs < bounds.take_overs {
            actions.push(Action::TakeOver);
        }
        if state.duplicates < bounds.duplicates {
            actions.extend(state.network.iter().cloned().map(Action::Duplicate));
        }
        actions.extend(state.network.iter().cloned().map(Action::Deliver));
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        let sent = match action {
            Action::Tick { missed_by } => {
                state.world.now += 1;
                for (v, verifier) in state.world.verifiers.iter_mut().enumerate() {
                    let missed = missed_by == Some(v);
                    verifier.clock += u64::from(!missed);
                    let steady = &mut state.steady[v];
                    *steady = if missed { DRIFT_TICKS - 1 } else { steady.saturating_sub(1) };
                }
                Vec::new()
            }
            Action::Remove => state.world.commit(),
            Action::Join(v) => state.world.join(v),
            Action::Renew(v) => {
                state.renewals[v] += 1;
                state.world.renew(v)
            }
            Action::Deliver(message) => {
                state.network.remove(&message);
                state.world.deliver(&message)
            }
            Action::Duplicate(message) => {
                state.duplicates += 1;
                state.world.deliver(&message)
            }
            Action::Crash(v) => {
                state.crashes += 1;
                state.world.crash(v);
                Vec::new()
            }
            Action::Dismiss(v) => {
                state.dismissals += 1;
                state.world.dismiss(v)
            }
            Action::TakeOver => {
                state.take_overs += 1;
                state.world.take_over();
                Vec::new()
            }
        };
        state.network.extend(sent);
        // The earliest answer is the hardest to keep.
        state.world.answer();
        (state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(SAFE, |_, state: &State| {
                (0..state.world.verifiers.len()).all(|v| !state.world.accepts_removed(v))
            }),
            // What would hold of a model in which nothing happens does not count.
            Property::sometimes("a verifier accepts keys after an answered removal", |_, state: &State| {
                let world = &state.world;
                world.answered > 1 && (0..world.verifiers.len()).any(|v| world.accepts(v))
            }),
            Property::sometimes(
                "a verifier accepts keys while a removal waits for it",
                |_, state: &State| {
                    let world = &state.world;
                    world.answered < world.log && (0..world.verifiers.len()).any(|v| world.accepts(v))
                },
            ),
        ]
    }
}

const SAFE: &str = "no verify that begins after an answered removal accepts the key";

/// One verifier; nothing but time, removals and messages happens.
const CALM: Bounds = Bounds {
    verifiers: 1,
    ticks: 4,
    removals: 1,
    renewals: 2,
    crashes: 0,
    take_overs: 0,
    duplicates: 0,
    dismissals: 0,
    one_name: false,
};

/// Explores everything within the bounds.
fn is_safe(bounds: Bounds) {
    let model = Leases { bounds, broken: Broken::Nothing };
    let checker = model.checker().threads(2).spawn_dfs().join();
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    println!("{bounds:?}: {states} states, {depth} steps deep");
    checker.assert_properties();
}

/// Explores until the broken rule shows.
fn breaks(broken: Broken, bounds: Bounds) {
    let failed = HasDiscoveries::AnyOf(BTreeSet::from([SAFE]));
    let model = Leases { bounds, broken };
    let checker = model.checker().threads(2).finish_when(failed).spawn_bfs().join();
    let steps = checker.assert_any_discovery(SAFE).into_actions();
    println!("{broken:?}: {} states, then {} steps: {steps:?}", checker.unique_state_count(), steps.len());
}

#[test]
fn safe_while_messages_are_late_lost_or_come_twice() {
    is_safe(Bounds { removals: 2, renewals: 1, duplicates: 1, ..CALM });
}

#[test]
fn safe_while_a_verifier_crashes() {
    is_safe(Bounds { crashes: 1, ..CALM });
}

#[test]
fn safe_while_another_server_takes_over() {
    is_safe(Bounds { ticks: 3, take_overs: 1, ..CALM });
}

#[test]
fn safe_with_two_verifiers_of_one_name() {
    is_safe(Bounds { verifiers: 2, ticks: 3, renewals: 1, one_name: true, ..CALM });
}

#[test]
fn safe_while_a_verifier_is_told_to_stop() {
    is_safe(Bounds { ticks: 3, dismissals: 1, ..CALM });
}

/// More at once: minutes. `cargo test --release -p keyward-verifier --test lease -- --ignored --nocapture`
#[test]
#[ignore = "explores for minutes"]
fn safe_whatever_happens() {
    is_safe(Bounds { take_overs: 1, ..CALM });
    is_safe(Bounds { removals: 2, duplicates: 1, ..CALM });
    is_safe(Bounds { ticks: 3, crashes: 1, take_overs: 1, ..CALM });
    is_safe(Bounds { removals: 2, dismissals: 2, ..CALM });
    is_safe(Bounds { ticks: 3, dismissals: 1, take_overs: 1, ..CALM });
    is_safe(Bounds { verifiers: 2, ticks: 3, renewals: 1, crashes: 1, take_overs: 1, ..CALM });
}

#[test]
fn a_lease_counts_from_when_it_was_asked_for() {
    breaks(Broken::CountsFromReceipt, CALM);
}

#[test]
fn a_grant_names_what_must_have_been_applied() {
    breaks(Broken::GrantsWithoutCatchUp, Bounds { removals: 2, ..CALM });
}

#[test]
fn unknown_leases_are_waited_out() {
    breaks(Broken::ForgetsUnknownLeases, Bounds { take_overs: 1, ..CALM });
}

#[test]
fn whoever_is_deposed_grants_nothing() {
    breaks(Broken::DeposedGrants, Bounds { take_overs: 1, ..CALM });
}

#[test]
fn a_grant_is_for_one_run() {
    breaks(Broken::GrantsToAnyIncarnation, Bounds { crashes: 1, ..CALM });
}

#[test]
fn drift_is_allowed_for() {
    breaks(Broken::IgnoresDrift, CALM);
}

#[test]
fn changes_leave_no_gap() {
    breaks(Broken::TakesGaps, Bounds { removals: 2, ..CALM });
}

#[test]
fn whoever_is_told_to_stop_has_to_say_that_it_did() {
    breaks(Broken::ForgetsWhomItDismisses, Bounds { dismissals: 1, ..CALM });
}

#[test]
fn whoever_says_goodbye_accepts_nothing_any_more() {
    breaks(Broken::GoesOnAfterGoodbye, Bounds { dismissals: 1, ..CALM });
}

#[test]
fn whoever_has_said_goodbye_comes_back_as_another_run() {
    breaks(Broken::ComesBackAsTheSame, Bounds { dismissals: 1, ..CALM });
}
