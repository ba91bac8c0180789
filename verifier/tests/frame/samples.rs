//! This file is about one frame of each kind, with values that tell every field from its neighbours.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use keyward_verifier::frame::{
    Answer, Change, Changes, Granted, Hello, KeyRow, KeyUses, Lookup, Network, OwnerRow, OwnerStanding,
    Profile, RateLimit, Reason, ServerFrame, Shown, VerifierFrame, Welcomed,
};
use keyward_verifier::lease::{Grant, Incarnation, Mode, Position, Term};
use keyward_verifier::{Fingerprint, Place};

const INCARNATION: Incarnation = Incarnation(0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100);
/// In the shape of a signed checkpoint.
const NOTE: &str = "example.test/log\n1002\nqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=\n\n\u{2014} example.test/log AAAA\n";
const KEY: u128 = 0x0190_0000_0000_7000_8000_0000_0000_0001;
const ORGANIZATION: u128 = 0x0190_0000_0000_7000_8000_0000_0000_0002;
const ACCOUNT: u128 = 0x0190_0000_0000_7000_8000_0000_0000_0003;

/// The SHA-256 digest of `kw_live_0123456789abcdefghijklmnopqrstuvwxyzABCDEF`.
fn digest() -> [u8; 32] {
    let text = b"kw_live_0123456789abcdefghijklmnopqrstuvwxyzABCDEF";
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text).as_ref().try_into().unwrap()
}

fn row() -> KeyRow {
    KeyRow {
        fingerprint: Fingerprint::from(&digest()),
        place: Some(Place::of_chars(b"0123456789")),
        key: KEY,
        profile: 1,
        suspended: false,
        ask: false,
        expires_at: Some(1_893_456_000),
        not_before: None,
    }
}

pub(crate) fn verifier_frames() -> Vec<(&'static str, VerifierFrame)> {
    let own = Lookup { number: 9, place: Some(Place::of_chars(b"0123456789")), digest: digest().into() };
    let foreign = Lookup { place: None, ..own.clone() };
    let first = Hello {
        incarnation: INCARNATION,
        mode: Mode::Full,
        serve_stale: false,
        position: Position(0),
        anchor: String::new(),
        name: "gateway-1".to_owned(),
    };
    let again = Hello {
        mode: Mode::Hot,
        serve_stale: true,
        position: Position(1001),
        anchor: NOTE.to_owned(),
        ..first.clone()
    };
    let used = KeyUses { key: KEY, accepted: 300, refused: 2, seconds_ago: 4 };
    vec![
        ("Hello of a verifier that has nothing", VerifierFrame::Hello(first)),
        ("Hello of one that comes back", VerifierFrame::Hello(again)),
        ("Renew", VerifierFrame::Renew(3)),
        ("Acknowledge", VerifierFrame::Acknowledge(Position(1002))),
        ("Lookup of a text in our own format", VerifierFrame::Lookup(own)),
        ("Lookup of any other text", VerifierFrame::Lookup(foreign)),
        ("Goodbye", VerifierFrame::Goodbye),
        ("Uses", VerifierFrame::Uses(vec![used])),
    ]
}

pub(crate) fn server_frames() -> Vec<(&'static str, ServerFrame)> {
    let shown = Shown { proof: vec![[0xBB; 32]], note: NOTE.to_owned() };
    let owners = [
        OwnerRow { owner: ORGANIZATION, standing: OwnerStanding::Active },
        OwnerRow { owner: ACCOUNT, standing: OwnerStanding::Suspended },
    ];
    let nonzero = |number| NonZeroU32::new(number).unwrap();
    let profile = Profile {
        organization: ORGANIZATION,
        account: ACCOUNT,
        rate_limit: Some(RateLimit { limit: nonzero(100), window_seconds: nonzero(60) }),
        networks: vec![
            Network { address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), prefix: 8 },
            Network { address: IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0)), prefix: 32 },
        ],
        scopes: vec!["orders:read".to_owned(), "orders:write".to_owned()],
    };
    let stopped =
        KeyRow { place: None, suspended: true, ask: true, expires_at: None, not_before: Some(7), ..row() };
    let changes = vec![
        Change::Key(stopped),
        Change::End { key: KEY, fingerprint: row().fingerprint, place: row().place },
        Change::Owner(OwnerRow { owner: ACCOUNT, standing: OwnerStanding::Removed }),
    ];
    let welcome = |resumes| Welcomed {
        term: Term(5),
        lease_millis: 3000,
        position: Position(1001),
        resumes,
        keys: if resumes { 0 } else { 2 },
        shown: shown.clone(),
    };
    let grant = Grant {
        term: Term(5),
        incarnation: INCARNATION,
        renewal: 3,
        requires: Position(1002),
        length: Duration::from_secs(3),
    };
    let answer = |row| ServerFrame::Answer(Answer { number: 9, position: Position(1004), row });
    vec![
        ("Welcome, a snapshot follows", ServerFrame::Welcome(welcome(false))),
        ("Welcome, changes follow", ServerFrame::Welcome(welcome(true))),
        ("Owners", ServerFrame::Owners(owners.to_vec())),
        ("Profile", ServerFrame::Profile(1, profile)),
        ("Rows", ServerFrame::Rows(vec![row()])),
        ("Loaded", ServerFrame::Loaded(Position(1002))),
        ("Changes", ServerFrame::Changes(Changes { after: Position(1001), to: Position(1004), changes })),
        (
            "Changes that do not concern the verifier",
            ServerFrame::Changes(Changes { after: Position(1004), to: Position(1005), changes: Vec::new() }),
        ),
        ("Grant", ServerFrame::Grant(Granted { grant, unix_millis: 1_750_000_000_123 })),
        ("Shown", ServerFrame::Shown(shown.clone())),
        ("Answer, found", answer(Some(row()))),
        ("Answer, unknown", answer(None)),
        ("Refuse", ServerFrame::Refuse(Reason::NotServing)),
    ]
}
