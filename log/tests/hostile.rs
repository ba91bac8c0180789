//! This file is about strangers' input: nothing panics, and what is accepted is what would be printed.

use std::fmt::Display;
use std::str::FromStr;

use keyward_log::{
    Checkpoint, Commitment, CosignerKey, Entry, Hash, KeyName, Leaf, Note, Opening, Receipt, Signature, Tile,
    VerifierKey, parse_entry_bundle, parse_hash_tile,
};
use proptest::prelude::*;

use crate::checkpoint::PUBLIC;

/// A real text of every form, for mutation.
const TEXTS: [&str; 8] = [
    PUBLIC,
    "c2sp.org/tlog-proof@v1\nextra bGVhZiB4Cg==\nindex 0\n\no\n1\n9sPnPvnqgp09/+BKYjfNXNGTkAHnbNA1tvrgJWDzCQw=\n\n\u{2014} o AAAAAAAA\n",
    "keys.example.com/log\n7\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
    "AQEBAQEBAQEBAQEBAQEBAQ== AgICAgICAgICAgICAgICAg==",
    "tile/0/x001/x234/067.p/255",
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
];

fn canonical<T: FromStr + Display>(text: &str) -> bool {
    match text.parse::<T>() {
        Ok(value) => {
            assert_eq!(value.to_string(), text);
            true
        }
        Err(_) => false,
    }
}

/// Reads a text as every form; how many accept it.
fn read(text: &str) -> usize {
    let accepted = [
        canonical::<Checkpoint>(text),
        canonical::<Commitment>(text),
        canonical::<CosignerKey>(text),
        canonical::<Entry>(text),
        canonical::<Hash>(text),
        canonical::<Leaf>(text),
        canonical::<Note>(text),
        canonical::<Opening>(text),
        canonical::<Receipt>(text),
        canonical::<Signature>(text),
        canonical::<Tile>(text),
        canonical::<VerifierKey>(text),
        KeyName::new(text).is_ok_and(|name| name.as_str() == text),
    ];
    accepted.into_iter().filter(|accepted| *accepted).count()
}

#[test]
fn the_texts_to_mutate_are_accepted() {
    assert!(TEXTS.iter().all(|text| read(text) > 0));
    assert!(canonical::<Receipt>(TEXTS[1]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_text(text in any::<String>()) {
        read(&text);
    }

    #[test]
    fn texts_of_the_right_characters(text in "[\u{2014} +/=.\nA-Za-z0-9x]{0,200}") {
        read(&text);
    }

    #[test]
    fn mutated_texts(
        which in 0..TEXTS.len(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<char>(), 0..4_u8), 1..4),
    ) {
        let mut text: Vec<char> = TEXTS[which].chars().collect();
        for (place, character, edit) in edits {
            let place = place.index(text.len());
            match edit {
                0 => text[place] = character,
                1 => text.insert(place, character),
                2 => text.insert(place, '\n'),
                _ => drop(text.remove(place)),
            }
        }
        read(&text.into_iter().collect::<String>());
    }

    #[test]
    fn lines_of_all_the_texts(picks in proptest::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        let lines: Vec<&str> = TEXTS.iter().flat_map(|text| text.split_inclusive('\n')).collect();
        read(&picks.into_iter().map(|pick| *pick.get(&lines)).collect::<String>());
    }

    #[test]
    fn any_tile(bytes in proptest::collection::vec(any::<u8>(), 0..600), width in 0..=300_u16) {
        if let Ok(hashes) = parse_hash_tile(&bytes, width) {
            prop_assert_eq!(hashes.len() * 32, bytes.len());
        }
        if let Ok(leaves) = parse_entry_bundle(&bytes, width) {
            prop_assert_eq!(keyward_log::entry_bundle(&leaves), bytes);
        }
    }
}
