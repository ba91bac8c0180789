//! This file is about what a receipt must carry, whatever lies between in the log.

use keyward_core::command::{Answer, Command, Draft, Ending};
use keyward_core::crypto::{Algorithm, NewCrypto, Origin};
use keyward_core::id::{KeyId, ReceiptId};
use keyward_core::permit::Verb;
use keyward_core::secret::Label;
use keyward_core::store::Store;
use keyward_core::verifiers::{Covered, Seat};
use keyward_log::Receipt;
use keyward_verifier::frame::{Hello, ServerFrame, VerifierFrame};
use keyward_verifier::lease::{Incarnation, Mode, Position};

use crate::house::{Core, House, ask};
use crate::world::{Shared, World, finish, start};

fn run(core: &Core<Shared>, house: &House, command: Command) -> Answer {
    let done = finish(ask(core, &house.owner, command.verb(), command, None));
    done.unwrap_or_else(|error| panic!("{error:?}"))
}

fn signing_key(core: &Core<Shared>, house: &House) -> KeyId {
    let new = NewCrypto {
        account: Some(house.account.id),
        environment: Label::parse("live").unwrap(),
        protected: false,
        algorithm: Algorithm::Ed25519,
        usages: Algorithm::Ed25519.usages(),
        origin: Origin::Generate,
        naming: None,
        mark: None,
        draft: Draft { name: "signs".to_owned(), ..Draft::default() },
    };
    let Answer::IssuedCrypto(key) = run(core, house, Command::IssueCrypto(Box::new(new))) else {
        panic!("a key")
    };
    key.head.id
}

fn remove(core: &Core<Shared>, house: &House, key: KeyId) {
    run(core, house, Command::Remove(key.into(), Ending::default()));
}

fn receipt(core: &Core<Shared>, house: &House, key: KeyId) -> (Box<Receipt>, Vec<Covered>) {
    let read = Command::ReadReceipt(ReceiptId::from(key.id()));
    let Answer::Receipt(_, receipt, covered) = run(core, house, read) else { panic!("a receipt") };
    (receipt, covered)
}

/// The places of a receipt's entries in the log, and what stands there, as whoever has the log's key reads it.
fn checked(core: &Core<Shared>, receipt: &Receipt) -> Vec<(u64, String)> {
    let entries = receipt.check(&core.store().log_key(), "model.test/log").unwrap();
    entries.iter().map(|entry| (entry.index(), entry.leaf().as_str().to_owned())).collect()
}

/// What the receipt of a key says that happened.
fn told(core: &Core<Shared>, house: &House, key: KeyId) -> Vec<String> {
    let entries = checked(core, &receipt(core, house, key).0);
    entries.iter().map(|(_, leaf)| leaf.split(' ').nth(1).unwrap().to_owned()).collect()
}

/// More events than any receipt was once looked for among, all of one instant and none of which takes a right away.
fn crowd(core: &Core<Shared>, house: &House) {
    for number in 0..10_100 {
        run(core, house, Command::CreateOrganization { name: format!("org {number}") });
    }
}

/// The creation of a key was looked for among the 10,000 events from its time on. Under load, more than that come in the second
/// by which clocks may differ.
#[test]
fn a_receipt_begins_with_the_creation_however_much_happened_at_that_time() {
    let house = House::new(1, 0);
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    crowd(&core, &house);
    let key = signing_key(&core, &house);
    remove(&core, &house, key);
    assert_eq!(told(&core, &house, key), ["key.created", "key.removed"]);
}

/// The clock was an hour ahead while a key was made, and was set: the log is not in the order of its times.
#[test]
fn a_receipt_begins_with_the_creation_although_the_clock_was_set() {
    let house = House::new(1, 0);
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    let hour = 3_600_000;
    house.world.advance(hour);
    let key = signing_key(&core, &house);
    house.world.advance(0_u64.wrapping_sub(hour));
    for _ in 0..100 {
        signing_key(&core, &house);
    }
    remove(&core, &house, key);
    assert_eq!(told(&core, &house, key), ["key.created", "key.removed"]);
}

/// A verifier that has everything so far, and a lease.
fn joined(core: &Core<Shared>, house: &House, run: u128) -> Seat<Shared, World> {
    let permit = house.owner.permit(Verb::JoinVerifiers).unwrap();
    let (incarnation, mode) = (Incarnation(run), Mode::Full);
    let (position, anchor, name) = (Position(0), String::new(), "gateway".to_owned());
    let hello = Hello { incarnation, mode, serve_stale: false, position, anchor, name };
    let (mut seat, _) =
        finish(Seat::take(core, &permit, &hello)).unwrap_or_else(|reason| panic!("{reason:?}"));
    loop {
        let frames = finish(seat.next()).unwrap_or_else(|reason| panic!("{reason:?}"));
        let loaded = frames.iter().find_map(|frame| match frame {
            ServerFrame::Loaded(position) => Some(*position),
            _ => None,
        });
        if let Some(position) = loaded {
            for frame in [VerifierFrame::Acknowledge(position), VerifierFrame::Renew(1)] {
                finish(seat.heard(frame)).unwrap_or_else(|reason| panic!("{reason:?}"));
            }
            return seat;
        }
    }
}

/// That every verifier had it was looked for among the 8,192 events after the removal. More come while it is written down.
#[test]
fn a_receipt_says_when_every_verifier_had_it_however_late_that_was_written() {
    let house = House::new(1, 1);
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    let _seat = joined(&core, &house, 1);
    remove(&core, &house, house.keys[0].id);
    assert_eq!(told(&core, &house, house.keys[0].id), ["key.removed"], "nothing is written yet");
    crowd(&core, &house);
    house.world.work();
    assert_eq!(told(&core, &house, house.keys[0].id), ["key.removed", "log.enforced"]);
    let (_, covered) = receipt(&core, &house, house.keys[0].id);
    assert_eq!((covered.len(), covered[0].name.as_str()), (1, "gateway"));
    assert!(covered[0].ran_out_at.is_some(), "it never acknowledged");
}

/// A server stopped between a removal and what says that every verifier had it: no receipt of it ever said so.
#[test]
fn a_receipt_says_when_every_verifier_had_it_although_that_was_cut_off() {
    let house = House::new(1, 2);
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    let seat = joined(&core, &house, 1);
    remove(&core, &house, house.keys[0].id);
    drop((house.world.take_work(), seat, core));
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    let _seat = joined(&core, &house, 2);
    assert_eq!(told(&core, &house, house.keys[0].id), ["key.removed"]);
    remove(&core, &house, house.keys[1].id);
    house.world.work();
    for key in &house.keys {
        assert_eq!(told(&core, &house, key.id), ["key.removed", "log.enforced"]);
    }
    // It speaks of no event that came after it.
    let entries = checked(&core, &receipt(&core, &house, house.keys[1].id).0);
    let [(removed, _), (enforced, leaf)] = &entries[..] else { panic!("two entries") };
    assert!(leaf.contains(&format!(" events=0-{removed} ")) && removed < enforced, "{leaf}");
}
