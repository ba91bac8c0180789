//! This file is about writing and reading: the same comes back, whatever it was.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use keyward_verifier::frame::{
    Answer, Change, Changes, Granted, Hello, KeyRow, KeyUses, Lookup, Network, OwnerRow, OwnerStanding,
    Profile, RateLimit, Reason, ServerFrame, Shown, VerifierFrame, Welcomed,
};
use keyward_verifier::lease::{Grant, Incarnation, Mode, Position, Term};
use keyward_verifier::{Fingerprint, Place};
use proptest::prelude::*;
use zeroize::Zeroizing;

use crate::samples::{server_frames, verifier_frames};

/// What rows are made of: rows themselves are not to be printed.
type RowParts = (([u8; 14], Option<u64>), u128, u32, [bool; 2], [Option<u32>; 2]);

fn stands((fingerprint, place): ([u8; 14], Option<u64>)) -> (Fingerprint, Option<Place>) {
    (Fingerprint::from_bytes(fingerprint), place.map(Place::of_bits))
}

fn row((stood, key, profile, [suspended, ask], [expires_at, not_before]): RowParts) -> KeyRow {
    let (fingerprint, place) = stands(stood);
    KeyRow { fingerprint, place, key, profile, suspended, ask, expires_at, not_before }
}

fn owner(owner: u128, standing: u8) -> OwnerRow {
    let standing = match standing % 3 {
        0 => OwnerStanding::Active,
        1 => OwnerStanding::Suspended,
        _ => OwnerStanding::Removed,
    };
    OwnerRow { owner, standing }
}

fn same_from_server(frame: &ServerFrame) -> bool {
    ServerFrame::decode(&frame.encode().unwrap()).is_ok_and(|read| read == *frame)
}

fn same_from_verifier(frame: &VerifierFrame) -> bool {
    VerifierFrame::decode(&frame.encode().unwrap()).is_ok_and(|read| read == *frame)
}

#[test]
fn samples_and_reasons() {
    assert!(verifier_frames().iter().all(|(_, frame)| same_from_verifier(frame)));
    assert!(server_frames().iter().all(|(_, frame)| same_from_server(frame)));
    assert!(Reason::ALL.into_iter().all(|reason| same_from_server(&ServerFrame::Refuse(reason))));
}

proptest! {
    #[test]
    fn rows_and_answers(
        rows in prop::collection::vec(any::<RowParts>(), 0..50), number: u32, position: u64,
    ) {
        let rows: Vec<KeyRow> = rows.into_iter().map(row).collect();
        let answer = Answer { number, position: Position(position), row: rows.first().copied() };
        prop_assert!(same_from_server(&ServerFrame::Answer(answer)));
        prop_assert!(same_from_server(&ServerFrame::Rows(rows)));
    }

    #[test]
    fn changes(
        drawn in prop::collection::vec(any::<(u8, RowParts, u8)>(), 0..50), positions: [u64; 2],
    ) {
        let change = |(kind, parts, standing): (u8, RowParts, u8)| match kind % 3 {
            0 => Change::Key(row(parts)),
            1 => {
                let (fingerprint, place) = stands(parts.0);
                Change::End { key: parts.1, fingerprint, place }
            }
            _ => Change::Owner(owner(parts.1, standing)),
        };
        let [one, other] = positions;
        let (after, to) = (Position(one.min(other)), Position(one.max(other)));
        let changes = Changes { after, to, changes: drawn.into_iter().map(change).collect() };
        prop_assert!(same_from_server(&ServerFrame::Changes(changes)));
    }

    #[test]
    fn owners(drawn in prop::collection::vec(any::<(u128, u8)>(), 0..50)) {
        let owners = drawn.into_iter().map(|(id, standing)| owner(id, standing)).collect();
        prop_assert!(same_from_server(&ServerFrame::Owners(owners)));
    }

    #[test]
    fn profiles(
        number: u32, organization: u128, account: u128, limit: Option<(NonZeroU32, NonZeroU32)>,
        networks in prop::collection::vec(any::<(IpAddr, u8)>(), 0..10),
        scopes in prop::collection::vec("[a-z:]{0,64}", 0..10),
    ) {
        let network = |(address, prefix): (IpAddr, u8)| Network {
            address, prefix: prefix % if address.is_ipv4() { 33 } else { 129 },
        };
        let profile = Profile {
            organization,
            account,
            rate_limit: limit.map(|(limit, window_seconds)| RateLimit { limit, window_seconds }),
            networks: networks.into_iter().map(network).collect(),
            scopes,
        };
        prop_assert!(same_from_server(&ServerFrame::Profile(number, profile)));
    }

    #[test]
    fn what_the_server_says_of_itself(
        numbers: [u64; 6], incarnation: u128, millis: u32, resumes: bool,
        proof in prop::collection::vec(any::<[u8; 32]>(), 0..64), note in "\\PC{0,300}",
    ) {
        let [term, position, renewal, requires, keys, unix_millis] = numbers;
        let shown = Shown { proof, note };
        let grant = Grant {
            term: Term(term), incarnation: Incarnation(incarnation), renewal, requires: Position(requires),
            length: Duration::from_millis(millis.into()),
        };
        let welcomed = Welcomed {
            term: Term(term), lease_millis: millis, position: Position(position), resumes, keys,
            shown: shown.clone(),
        };
        prop_assert!(same_from_server(&ServerFrame::Welcome(welcomed)));
        prop_assert!(same_from_server(&ServerFrame::Shown(shown)));
        let granted = Granted { grant, unix_millis };
        prop_assert!(same_from_server(&ServerFrame::Grant(granted)));
        prop_assert!(same_from_server(&ServerFrame::Loaded(Position(position))));
    }

    #[test]
    fn what_a_verifier_says(
        incarnation: u128, mode: u8, serve_stale: bool, position: u64, anchor in "\\PC{0,250}",
        name in "[^\\pC]{1,16}", number: u32, place: Option<u64>, digest: [u8; 32],
    ) {
        let mode = [Mode::Full, Mode::Hot, Mode::Online][usize::from(mode % 3)];
        let hello = Hello {
            incarnation: Incarnation(incarnation), mode, serve_stale, position: Position(position), anchor, name,
        };
        let lookup = Lookup { number, place: place.map(Place::of_bits), digest: Zeroizing::new(digest) };
        prop_assert!(same_from_verifier(&VerifierFrame::Hello(hello)));
        prop_assert!(same_from_verifier(&VerifierFrame::Lookup(lookup)));
        prop_assert!(same_from_verifier(&VerifierFrame::Renew(position)));
        prop_assert!(same_from_verifier(&VerifierFrame::Acknowledge(Position(position))));
    }

    #[test]
    fn uses(drawn in prop::collection::vec(any::<(u128, u32, u32, u32)>(), 1..50)) {
        let used = |(key, accepted, refused, ago)| KeyUses {
            key, accepted, refused, seconds_ago: if accepted == 0 { 0 } else { ago },
        };
        prop_assert!(same_from_verifier(&VerifierFrame::Uses(drawn.into_iter().map(used).collect())));
    }

    #[test]
    fn any_bytes_are_a_frame_or_not(kind: u8, bytes: Vec<u8>) {
        let frame = [&[kind][..], &bytes].concat();
        if let Ok(read) = VerifierFrame::decode(&frame) {
            prop_assert_eq!(read.encode().unwrap(), frame);
        } else if let Ok(read) = ServerFrame::decode(&frame) {
            prop_assert_eq!(read.encode().unwrap(), frame);
        }
    }
}
