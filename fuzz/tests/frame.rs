//! This file is about the frames of the verifier protocol: whatever is read is written as it was read.

use bolero::{check, produce};
use keyward_verifier::frame::{Change, KeyRow, Lookup, Reason, Welcomed};
use keyward_verifier::frame::{Changes, Hello, OwnerRow, OwnerStanding, ServerFrame, Shown, VerifierFrame};
use keyward_verifier::lease::{Incarnation, Mode, Position, Term};
use keyward_verifier::{Fingerprint, Place};

use crate::mutation::{SCRIPT, mutated};

fn row() -> KeyRow {
    KeyRow {
        fingerprint: Fingerprint::from_bytes([2; 14]),
        place: Place::from_number(8),
        key: 3,
        profile: 4,
        suspended: true,
        ask: false,
        expires_at: Some(5),
        not_before: None,
    }
}

fn from_verifiers() -> Vec<Vec<u8>> {
    let hello = Hello {
        incarnation: Incarnation(1),
        mode: Mode::Full,
        serve_stale: false,
        position: Position(9),
        anchor: "origin\n9\n".to_owned(),
        name: "gateway".to_owned(),
    };
    let lookup = Lookup { number: 1, place: Some(Place::of_bits(1)), digest: [2; 32].into() };
    let frames = [
        VerifierFrame::Hello(hello),
        VerifierFrame::Renew(1),
        VerifierFrame::Acknowledge(Position(9)),
        VerifierFrame::Lookup(lookup),
        VerifierFrame::Goodbye,
    ];
    frames.iter().map(|frame| frame.encode().unwrap()).collect()
}

fn from_servers() -> Vec<Vec<u8>> {
    let shown = Shown { proof: vec![[1; 32]; 2], note: "origin\n9\n".to_owned() };
    let owner = OwnerRow { owner: 6, standing: OwnerStanding::Active };
    let changes = vec![
        Change::Key(row()),
        Change::End { key: 3, fingerprint: row().fingerprint, place: None },
        Change::Owner(owner),
    ];
    let welcome = Welcomed {
        term: Term(1),
        lease_millis: 3000,
        position: Position(9),
        resumes: true,
        keys: 0,
        shown: shown.clone(),
    };
    // A profile with one network and one scope; a grant; an answer with a row.
    let profile = [&[0x83][..], &[0; 44], &[1, 4, 10, 0, 0, 0, 8, 1, b'a']].concat();
    let grant = [&[0x87][..], &[1; 52]].concat();
    let frames = [
        ServerFrame::Welcome(welcome),
        ServerFrame::Owners(vec![owner]),
        ServerFrame::Rows(vec![row(); 3]),
        ServerFrame::Loaded(Position(9)),
        ServerFrame::Changes(Changes { after: Position(8), to: Position(9), changes }),
        ServerFrame::Shown(shown),
        ServerFrame::Refuse(Reason::Full),
    ];
    let encoded = frames.iter().map(|frame| frame.encode().unwrap());
    encoded.chain([profile, grant]).collect()
}

#[test]
fn a_frame_from_a_verifier() {
    let bases = from_verifiers();
    let input = (0..bases.len(), produce::<Vec<u8>>().with().len(SCRIPT));
    check!().with_iterations(8000).with_generator(input).for_each(|(base, script)| {
        let bytes = mutated(&bases[*base], script);
        match VerifierFrame::decode(&bytes) {
            Ok(frame) => assert_eq!(frame.encode().unwrap(), bytes),
            Err(error) => assert!(bytes != bases[*base], "{error}"),
        }
    });
}

#[test]
fn a_frame_from_a_server() {
    let bases = from_servers();
    let input = (0..bases.len(), produce::<Vec<u8>>().with().len(SCRIPT));
    check!().with_iterations(8000).with_generator(input).for_each(|(base, script)| {
        let bytes = mutated(&bases[*base], script);
        match ServerFrame::decode(&bytes) {
            Ok(frame) => assert_eq!(frame.encode().unwrap(), bytes),
            Err(error) => assert!(bytes != bases[*base], "{error}"),
        }
    });
}
