//! This file is about verifiers that go on without a lease: which run of one a restarted server still knows of.

use keyward_core::command::{Command, Ending};
use keyward_core::permit::Verb;
use keyward_core::verifiers::Seat;
use keyward_verifier::frame::{Hello, Reason, VerifierFrame};
use keyward_verifier::lease::{Incarnation, Mode, Position};

use crate::house::{Core, House, done};
use crate::world::{Shared, World, finish, interleave, start};

const EARLIER: u128 = 1;
const LATER: u128 = 2;

/// A run of the verifier that all here are.
pub(crate) fn run_of_gateway(run: u128, serve_stale: bool) -> Hello {
    let (incarnation, mode) = (Incarnation(run), Mode::Full);
    let (position, anchor, name) = (Position(0), String::new(), "gateway".to_owned());
    Hello { incarnation, mode, serve_stale, position, anchor, name }
}

async fn take(core: Core<Shared>, house: &House, hello: Hello) -> Result<Seat<Shared, World>, Reason> {
    let permit = house.owner.permit(Verb::JoinVerifiers).unwrap();
    Seat::take(&core, &permit, &hello).await.map(|(seat, _)| seat)
}

pub(crate) fn joined(core: &Core<Shared>, house: &House, hello: Hello) -> Seat<Shared, World> {
    finish(take(core.clone(), house, hello)).unwrap_or_else(|reason| panic!("{reason:?}"))
}

fn leave(mut seat: Seat<Shared, World>) {
    assert_eq!(finish(seat.heard(VerifierFrame::Goodbye)).err(), Some(Reason::Unknown));
}

/// Whom a server that has started again, and has heard of no verifier since, names as who may accept a key that it removes.
fn uncovered_after_a_restart(house: &House) -> Vec<String> {
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    let remove = Command::Remove(house.keys[0].id.into(), Ending::default());
    let removed = finish(done(&core, &house.owner, remove.verb(), remove, None));
    removed.unwrap_or_else(|error| panic!("{error:?}")).uncovered
}

/// The earlier run was refused, but had taken the later one's place in what a restart leaves; and took it along when it left.
#[test]
fn a_refused_run_does_not_take_the_place_of_the_one_that_has_its_name() {
    let house = House::new(1, 1);
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    let earlier = joined(&core, &house, run_of_gateway(EARLIER, true));
    let later = joined(&core, &house, run_of_gateway(LATER, true));
    let again = finish(take(core.clone(), &house, run_of_gateway(EARLIER, true)));
    assert_eq!(again.err(), Some(Reason::Superseded));
    leave(earlier);
    drop((later, core));
    assert_eq!(uncovered_after_a_restart(&house), ["gateway"]);
}

/// The earlier run was refused, and yet named as uncovered for ever after a restart.
#[test]
fn a_refused_run_is_not_remembered() {
    let house = House::new(2, 1);
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    let earlier = joined(&core, &house, run_of_gateway(EARLIER, true));
    let later = joined(&core, &house, run_of_gateway(LATER, false));
    let again = finish(take(core.clone(), &house, run_of_gateway(EARLIER, true)));
    assert_eq!(again.err(), Some(Reason::Superseded));
    drop((earlier, later, core));
    assert!(uncovered_after_a_restart(&house).is_empty());
}

/// However the two meet, the later run has the name: the earlier one is known, and comes back under it or is refused.
#[test]
fn who_is_remembered_is_who_has_the_name_in_whatever_order_they_come() {
    for seed in 0..100 {
        for serves_stale in [true, false] {
            let house = House::new(seed, 1);
            let core = finish(start(house.store.clone().yielding(), &house.world)).unwrap();
            let earlier = joined(&core, &house, run_of_gateway(EARLIER, true));
            let both = [run_of_gateway(EARLIER, true), run_of_gateway(LATER, serves_stale)];
            let coming = both.map(|hello| {
                let (core, permit) = (core.clone(), house.owner.permit(Verb::JoinVerifiers).unwrap());
                Box::pin(async move { drop(Seat::take(&core, &permit, &hello).await) }) as _
            });
            interleave(&house.world, coming.into());
            leave(earlier);
            drop(core);
            let wanted: &[&str] = if serves_stale { &["gateway"] } else { &[] };
            assert_eq!(uncovered_after_a_restart(&house), wanted, "seed {seed}");
        }
    }
}
