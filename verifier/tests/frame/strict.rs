//! This file is about what is no frame.

use keyward_verifier::frame::{
    FrameError, Hello, KeyRow, KeyUses, Reason, SERVER_FRAME_LIMIT, ServerFrame, VERIFIER_FRAME_LIMIT,
    VerifierFrame,
};
use keyward_verifier::lease::{Incarnation, Mode, Position};

use crate::samples::{server_frames, verifier_frames};

#[test]
fn nothing_may_be_missing_or_left() {
    for (name, frame) in verifier_frames() {
        let bytes = frame.encode().unwrap();
        for end in 0..bytes.len() {
            assert!(VerifierFrame::decode(&bytes[..end]).is_err(), "{name}, {end} bytes");
        }
        assert!(VerifierFrame::decode(&[&bytes[..], &[0]].concat()).is_err(), "{name}, one byte more");
    }
    // A list ends with its frame, so a shorter one may be one too: it is, only where an item ends.
    for (name, frame) in server_frames() {
        let bytes = frame.encode().unwrap();
        for end in 0..bytes.len() {
            let shorter = ServerFrame::decode(&bytes[..end]);
            assert!(shorter.is_err() || shorter.is_ok_and(|read| read != frame), "{name}, {end} bytes");
        }
        assert!(ServerFrame::decode(&[&bytes[..], &[0xFF]].concat()).is_err(), "{name}, one byte more");
    }
}

#[test]
fn other_types_and_versions_are_told_apart() {
    assert_eq!(VerifierFrame::decode(&[0x81]).err(), Some(FrameError::Type(0x81)));
    assert_eq!(ServerFrame::decode(&[0x01]).err(), Some(FrameError::Type(0x01)));
    let mut hello = verifier_frames()[0].1.encode().unwrap();
    hello[2] = 1;
    assert_eq!(VerifierFrame::decode(&hello).err(), Some(FrameError::Version(1)));
}

#[test]
fn a_frame_has_a_limit() {
    let long = vec![0x02; VERIFIER_FRAME_LIMIT + 1];
    assert_eq!(VerifierFrame::decode(&long).err(), Some(FrameError::TooLong));
    assert_eq!(ServerFrame::decode(&vec![0x84; SERVER_FRAME_LIMIT + 1]).err(), Some(FrameError::TooLong));
    let (_, ServerFrame::Rows(rows)) = server_frames().swap_remove(4) else { unreachable!() };
    let many = |count: usize| ServerFrame::Rows(rows.iter().copied().cycle().take(count).collect()).encode();
    let fit = (SERVER_FRAME_LIMIT - 1) / KeyRow::BYTES;
    assert_eq!(many(fit).unwrap().len(), 1 + fit * KeyRow::BYTES);
    assert_eq!(many(fit + 1), Err(FrameError::TooLong));
    let used = KeyUses { key: 1, accepted: 0, refused: 1, seconds_ago: 0 };
    let uses = |count: usize| VerifierFrame::Uses(vec![used; count]).encode();
    assert!(uses(KeyUses::IN_A_FRAME).is_ok_and(|bytes| bytes.len() == 1 + 585 * 28));
    assert_eq!(uses(KeyUses::IN_A_FRAME + 1), Err(FrameError::TooLong));
    assert_eq!(uses(0).map(|bytes| VerifierFrame::decode(&bytes).err()), Ok(Some(FrameError::Length)));
}

#[test]
fn who_was_never_accepted_was_not_at_any_time() {
    let (_, uses) = verifier_frames().pop().unwrap();
    let mut bytes = uses.encode().unwrap();
    assert!(VerifierFrame::decode(&bytes).is_ok());
    bytes[17..21].fill(0);
    assert_eq!(VerifierFrame::decode(&bytes).err(), Some(FrameError::Field("time")));
}

fn hello(name: &str) -> Hello {
    Hello {
        incarnation: Incarnation(1),
        mode: Mode::Online,
        serve_stale: false,
        position: Position(0),
        anchor: String::new(),
        name: name.to_owned(),
    }
}

#[test]
fn an_anchor_is_short() {
    let with = |length| VerifierFrame::Hello(Hello { anchor: "x".repeat(length), ..hello("a") });
    assert!(VerifierFrame::decode(&with(1024).encode().unwrap()).is_ok_and(|read| read == with(1024)));
    assert_eq!(with(1025).encode(), Err(FrameError::Field("anchor")));
}

#[test]
fn a_name_is_short_and_printable() {
    for wrong in ["", "a\nb", &"x".repeat(65)] {
        let encoded = VerifierFrame::Hello(hello(wrong)).encode();
        assert_eq!(encoded, Err(FrameError::Field("name")), "{wrong:?}");
    }
    let longest = VerifierFrame::Hello(hello(&"x".repeat(64)));
    assert!(VerifierFrame::decode(&longest.encode().unwrap()).is_ok_and(|read| read == longest));
}

/// Each place in a sample where some byte must be refused.
#[test]
fn fields_have_values_that_they_may_not_have() {
    let refused = |name: &str, at: usize, byte: u8| {
        let (_, frame) = server_frames().into_iter().find(|(other, _)| *other == name).unwrap();
        let mut bytes = frame.encode().unwrap();
        bytes[at] = byte;
        ServerFrame::decode(&bytes).err()
    };
    let flags = 1 + 14 + 4 + 16 + 4;
    assert_eq!(refused("Rows", flags, 0x44), Some(FrameError::Field("flags")), "an unknown flag");
    assert_eq!(refused("Rows", flags, 0x00), Some(FrameError::Field("time")), "a time without its flag");
    assert_eq!(refused("Rows", 1 + 14, 0x04), Some(FrameError::Field("place")), "more than 26 bits");
    assert_eq!(refused("Owners", 17, 0), Some(FrameError::Field("standing")));
    assert_eq!(refused("Changes", 17, 9), Some(FrameError::Field("change")));
    assert_eq!(refused("Changes", 8, 0xFF), Some(FrameError::Field("position")), "backwards");
    assert_eq!(refused("Profile", 1 + 4 + 32 + 3, 0), Some(FrameError::Field("rate limit")));
    assert_eq!(refused("Profile", 1 + 4 + 32 + 8 + 1, 5), Some(FrameError::Field("address family")));
    assert_eq!(refused("Profile", 1 + 4 + 32 + 8 + 1 + 5, 33), Some(FrameError::Field("prefix")));
    assert_eq!(refused("Answer, found", 13, 2), Some(FrameError::Field("found")));
    assert_eq!(refused("Refuse", 1, 0), Some(FrameError::Field("reason")));
    assert_eq!(refused("Refuse", 1, Reason::ALL.len() as u8 + 1), Some(FrameError::Field("reason")));
}
