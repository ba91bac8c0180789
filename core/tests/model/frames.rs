//! This file is about what a verifier is told that is too much for one frame.

use std::collections::HashSet;

use keyward_core::account::Role;
use keyward_core::command::{AccountPatch, Answer, Command, NewAccount};
use keyward_verifier::frame::{Change, OwnerStanding, ServerFrame, VerifierFrame};
use keyward_verifier::lease::Position;

use crate::house::{Core, House, ask};
use crate::stale::{joined, run_of_gateway};
use crate::world::{Shared, finish, start};

/// More accounts than one frame tells of.
const BELOW: usize = 4_500;

fn run(core: &Core<Shared>, house: &House, command: Command) -> Answer {
    let done = finish(ask(core, &house.owner, command.verb(), command, None));
    done.unwrap_or_else(|error| panic!("{error:?}"))
}

#[test]
fn the_end_of_thousands_of_accounts_at_once_is_told_in_parts() {
    let house = House::new(1, 1);
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    let mut stopped = HashSet::from([house.account.id.id().bits()]);
    for number in 0..BELOW {
        let parent = Some(house.account.id);
        let name = format!("below {number}");
        let new = NewAccount { organization: None, parent, name, role: Role::Member };
        let Answer::Account(made) = run(&core, &house, Command::CreateAccount(new)) else {
            panic!("an account")
        };
        stopped.insert(made.id.id().bits());
    }
    let mut seat = joined(&core, &house, run_of_gateway(1, false));
    let mut reached = loop {
        let frames = finish(seat.next()).unwrap();
        if let Some(ServerFrame::Loaded(position)) = frames.last() {
            break *position;
        }
    };
    let patch = AccountPatch { suspended: Some(true), ..AccountPatch::default() };
    run(&core, &house, Command::UpdateAccount { account: house.account.id, patch, if_match: None });
    let frames = finish(seat.next()).unwrap();
    assert!(frames.len() > 1);
    for (frame, is_last) in frames.iter().zip((1..=frames.len()).map(|number| number == frames.len())) {
        assert!(frame.encode().is_ok(), "it is no longer than a frame may be");
        let ServerFrame::Changes(told) = frame else { panic!("changes") };
        assert_eq!((told.after, told.to > reached), (reached, is_last), "the last part moves on");
        for change in &told.changes {
            let Change::Owner(row) = change else { panic!("an account") };
            assert!(row.standing == OwnerStanding::Suspended && stopped.remove(&row.owner));
        }
        // Each is acknowledged like any other.
        reached = Position(told.to.0);
        finish(seat.heard(VerifierFrame::Acknowledge(reached))).unwrap();
    }
    assert!(stopped.is_empty(), "{} were not told", stopped.len());
}
