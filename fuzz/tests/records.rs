//! This file is about what stands in the store: records, events and notes, damaged or made up.

use bolero::{check, produce};
use keyward_core::account::{Account, Organization};
use keyward_core::event::Event;
use keyward_core::filter::{Filter, StateFilter};
use keyward_core::id::Id;
use keyward_core::key::{Found, Key};
use keyward_core::record::key;
use keyward_core::removal::Removal;
use keyward_core::secret::{Handle, Label};
use keyward_core::store::Record;
use keyward_core::time::Timestamp;
use keyward_core::usage::{Usage, Use};
use keyward_log::Leaf;

use crate::mutation::{SCRIPT, mutated};
use crate::samples::SAMPLES;

const NONCE: [u8; 12] = [5; 12];

fn with_body(record: &Record, script: &[u8]) -> Record {
    Record { body: mutated(&record.body, script), ..record.clone() }
}

#[test]
fn living_keys() {
    let samples = &*SAMPLES;
    let Ok(Found::Live(original)) = key::read(&samples.key) else { panic!("a living key") };
    let original = original.open(&samples.key_secret).unwrap();
    let again = original.to_record(&samples.key_secret, NONCE).unwrap();
    let input = produce::<Vec<u8>>().with().len(SCRIPT);
    check!().with_iterations(4000).with_generator(input).for_each(|script| {
        let record = with_body(&samples.key, script);
        let Ok(Found::Live(sealed)) = key::read(&record) else { return };
        let head = sealed.head.clone();
        let opened = sealed.open(&samples.key_secret);
        if let Ok(opened) = opened {
            // Whatever stands in clear, what was sealed opens as it was, and for the same key.
            assert_eq!(head.organization, original.head.organization);
            let sealed_half = Key { head: original.head.clone(), traits: opened.traits };
            assert!(sealed_half.to_record(&samples.key_secret, NONCE).unwrap() == again);
        }
    });
}

#[test]
fn a_key_opens_for_no_other_organization_id_or_version() {
    let samples = &*SAMPLES;
    check!().with_iterations(1000).with_type::<(u128, u64)>().for_each(|(id, version)| {
        let record = Record { id: Id::from_bits(*id), version: *version, ..samples.key.clone() };
        let same = (record.id, record.version) == (samples.key.id, samples.key.version);
        let Ok(Found::Live(sealed)) = key::read(&record) else { panic!("the body is whole") };
        assert_eq!(sealed.open(&samples.key_secret).is_ok(), same);
    });
}

#[test]
fn tombstones() {
    let input = produce::<Vec<u8>>().with().len(SCRIPT);
    check!().with_iterations(4000).with_generator(input).for_each(|script| {
        let record = with_body(&SAMPLES.removed, script);
        if let Ok(Found::Removed(tombstone)) = key::read(&record) {
            let written = tombstone.to_record(record.names.clone()).unwrap();
            let Ok(Found::Removed(again)) = key::read(&written) else { panic!("a tombstone stays one") };
            assert_eq!(again, tombstone);
        }
    });
}

fn removal() -> Removal {
    Removal {
        id: Id::from_bits(1).into(),
        organization: Id::from_bits(2).into(),
        actor: Id::from_bits(3).into(),
        filter: Filter {
            account: Some(Id::from_bits(4).into()),
            state: Some(StateFilter::Suspended),
            environment: Label::parse("live"),
            handle: Handle::parse("kw_live_0123456789"),
            tag: Some("old".to_owned()),
            expires_before: Some(Timestamp::from_millis(7)),
            ..Filter::default()
        },
        spares_owners: true,
        reason: keyward_core::event::Reason::Retired,
        total: 300,
        created_at: Timestamp::from_millis(1_800_000_000_000),
        finished_at: None,
        removed: 2,
        position: 9,
        salt: [8; 16],
        version: 1,
    }
}

#[test]
fn owners_and_removals() {
    let removal = removal();
    let written = removal.to_record().unwrap();
    assert_eq!(Removal::from_record(&written).unwrap(), removal);
    let input = produce::<Vec<u8>>().with().len(SCRIPT);
    check!().with_iterations(4000).with_generator(input).for_each(|script| {
        if let Ok(account) = Account::from_record(&with_body(&SAMPLES.account, script)) {
            assert_eq!(Account::from_record(&account.to_record().unwrap()).unwrap(), account);
        }
        if let Ok(organization) = Organization::from_record(&with_body(&SAMPLES.organization, script)) {
            let again = Organization::from_record(&organization.to_record().unwrap());
            assert_eq!(again.unwrap(), organization);
        }
        if let Ok(removal) = Removal::from_record(&with_body(&written, script)) {
            assert_eq!(Removal::from_record(&removal.to_record().unwrap()).unwrap(), removal);
        }
    });
}

#[test]
fn what_stands_behind_a_record_is_refused() {
    check!().with_iterations(500).with_type::<Vec<u8>>().for_each(|behind| {
        let samples = &*SAMPLES;
        for record in [&samples.key, &samples.removed] {
            let body = [record.body.as_slice(), behind].concat();
            let read = key::read(&Record { body, ..record.clone() });
            assert_eq!(read.is_ok(), behind.is_empty(), "{behind:?}");
        }
        for event in &samples.events {
            assert_eq!(Event::decode(&[event.as_slice(), behind].concat()).is_some(), behind.is_empty());
        }
    });
}

#[test]
fn events() {
    let events = &SAMPLES.events;
    let input = (0..events.len(), produce::<Vec<u8>>().with().len(SCRIPT));
    check!().with_iterations(4000).with_generator(input).for_each(|(which, script)| {
        if let Some(event) = Event::decode(&mutated(&events[*which], script)) {
            assert_eq!(Event::decode(&event.encode()).unwrap(), event);
            // Whatever it says, it is one leaf of a log.
            assert!(Leaf::new(event.leaf()).is_ok(), "{}", event.leaf());
            assert_eq!(event.leaf().split(' ').nth(3), Some(event.opening.commitment().to_string().as_str()));
        }
    });
}

#[test]
fn notes_of_use() {
    let mut usage = Usage::default();
    for second in 0..40_u8 {
        let at = Timestamp::from_millis(u64::from(second) * 1_000_000);
        let address = Some(std::net::Ipv4Addr::new(10, 0, 0, second % 5).into());
        usage.add(Use { at, address, accepted: second % 3 != 0 });
    }
    let valid = usage.encode();
    assert_eq!(Usage::decode(&valid), usage);
    let input = produce::<Vec<u8>>().with().len(SCRIPT);
    check!().with_iterations(4000).with_generator(input).for_each(|script| {
        let read = Usage::decode(&mutated(&valid, script));
        assert_eq!(Usage::decode(&read.encode()), read);
        // And one more use can be added to whatever was read.
        let mut more = read;
        more.add(Use { at: Timestamp::LAST, address: None, accepted: true });
        assert_eq!(more.last_used_at, Some(Timestamp::LAST));
    });
}
