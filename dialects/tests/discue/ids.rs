//! Ids: the same one in two notations.

use keyward_core::command::{Answer, Command};
use keyward_core::error::Error;
use keyward_core::id::Id;
use keyward_core::time::Timestamp;
use proptest::prelude::*;

use super::talk::{KEY, UNKNOWN, WRITTEN, answer, key};
use crate::samples::send;

/// Which key a `GET` of this id asks for; the status where it asks for none.
fn asked(id: &str) -> Result<Id, u16> {
    let mut asked = None;
    let (status, _) = answer(&send("GET", &format!("/v1/api_keys/{id}")), |command| {
        let Command::Find(key) = command else { panic!() };
        asked = Some(key.id());
        Err(Error::NotFound)
    });
    asked.ok_or(status)
}

/// How an id is written: in the link of a removal.
fn written(id: Id) -> String {
    let mut key = key("{}");
    key.head.id = id.into();
    let mut key = Some(Box::new(key));
    let (status, body) = answer(&send("GET", &format!("/v1/api_keys/{UNKNOWN}")), |command| match command {
        Command::Find(_) => Ok(Answer::Found(key.take().unwrap())),
        Command::ReadUsage(_) => Ok(Answer::Usage(Box::default())),
        _ => panic!(),
    });
    assert_eq!(status, 200);
    body["api_key"]["id"].as_str().unwrap().to_owned()
}

proptest! {
    #[test]
    fn an_id_is_read_as_it_was_written(millis in 0_u64..1 << 48, random: [u8; 10]) {
        let id = Id::new(Timestamp::from_millis(millis), random);
        let text = written(id);
        prop_assert_eq!(text.len(), 21);
        prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{}", text);
        prop_assert_eq!(asked(&text), Ok(id));
    }

    #[test]
    fn what_is_read_is_written_so_or_is_nobodys(text in "[0-5][A-Za-z0-9-]{20}") {
        let id = asked(&text).unwrap();
        prop_assert!(id == Id::from_bits(0) || written(id) == text);
    }

    #[test]
    fn every_nanoid_is_well_formed(text in "[A-Za-z0-9_-]{21}") {
        prop_assert!(asked(&text).is_ok());
    }
}

#[test]
fn an_id_is_its_bits_in_base_63() {
    assert_eq!(written(KEY), WRITTEN);
}

#[test]
fn what_no_record_can_have_is_unknown_and_what_is_no_id_is_malformed() {
    // With `_`, and above 2^122.
    for unknown in [UNKNOWN, "---------------------"] {
        assert_eq!(asked(unknown), Ok(Id::from_bits(0)), "{unknown}");
    }
    for wrong in [
        "1",
        "V1StGXR8_Z5jdHi6B-my",
        "V1StGXR8_Z5jdHi6B-myTT",
        "V1StGXR8.Z5jdHi6B-myT",
        "V1StGXR8%20Z5jdHi6B-myT",
        "%FF",
    ] {
        assert_eq!(asked(wrong), Err(400), "{wrong}");
    }
}
