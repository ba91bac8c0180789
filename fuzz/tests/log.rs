//! This file is about the log's texts and tiles: what is accepted prints as the same bytes, and a receipt that
//! checks says what the real one says.

use std::fmt::Display;
use std::str::FromStr;

use bolero::{check, produce};
use keyward_log::{
    Checkpoint, Commitment, CosignerKey, Hash, Leaf, Note, Opening, Receipt, Signature, Tile, TileKind,
    VerifierKey, entry_bundle, parse_entry_bundle, parse_hash_tile,
};

use crate::mutation::{SCRIPT, mutated, mutated_text};
use crate::samples::{ORIGIN, SAMPLES, signer};

/// What is read prints as what was read.
fn is_strict<T: FromStr + Display>(text: &str) -> Option<T> {
    let read = text.parse::<T>().ok();
    if let Some(read) = &read {
        assert_eq!(read.to_string(), text);
    }
    read
}

fn texts() -> Vec<String> {
    let samples = &*SAMPLES;
    let note: Note = samples.checkpoint.parse().unwrap();
    let opening = Opening { salt: [1; 16], id: [2; 16] };
    let leaf = samples.receipt.entries()[0].to_string();
    vec![
        samples.checkpoint.clone(),
        note.unverified_text().to_owned(),
        samples.checkpoint.lines().last().unwrap().to_owned(),
        samples.receipt.to_string(),
        leaf,
        signer().verifier_key().to_string(),
        opening.to_string(),
        opening.commitment().to_string(),
        Hash::leaf(b"x").to_string(),
        "tile/0/x001/234.p/17".to_owned(),
        "tile/entries/x001/234".to_owned(),
        "keyward/1 key.removed 2026-05-23T21:50:24.000Z x v3 compromised".to_owned(),
    ]
}

#[test]
fn every_text_is_read_strictly() {
    let bases = texts();
    let input = (0..bases.len(), produce::<Vec<u8>>().with().len(SCRIPT));
    check!().with_iterations(8000).with_generator(input).for_each(|(base, script)| {
        let text = mutated_text(&bases[*base], script);
        let taken = [
            is_strict::<Note>(&text).is_some(),
            is_strict::<Checkpoint>(&text).is_some(),
            is_strict::<Signature>(&text).is_some(),
            is_strict::<Receipt>(&text).is_some(),
            is_strict::<VerifierKey>(&text).is_some(),
            is_strict::<CosignerKey>(&text).is_some(),
            is_strict::<Opening>(&text).is_some(),
            is_strict::<Commitment>(&text).is_some(),
            is_strict::<Hash>(&text).is_some(),
            is_strict::<Tile>(&text).is_some(),
            is_strict::<Leaf>(&text).is_some(),
        ];
        assert!(text != bases[*base] || taken.contains(&true), "{text}");
    });
}

#[test]
fn a_receipt_that_checks_proves_what_happened() {
    let (receipt, key) = (&SAMPLES.receipt, signer().verifier_key());
    let proven: Vec<String> = receipt.check(&key, ORIGIN).unwrap().iter().map(say).collect();
    let valid = receipt.to_string();
    let input = produce::<Vec<u8>>().with().len(SCRIPT);
    check!().with_iterations(6000).with_generator(input).for_each(|script| {
        let Ok(changed) = mutated_text(&valid, script).parse::<Receipt>() else { return };
        if let Ok(checked) = changed.check(&key, ORIGIN) {
            assert!(checked.iter().map(say).all(|one| proven.contains(&one)));
        }
    });
}

fn say(checked: &keyward_log::Checked<'_>) -> String {
    format!("{} {} {}", checked.index(), checked.leaf(), checked.checkpoint())
}

#[test]
fn a_checkpoint_opens_only_as_it_was_signed() {
    let (valid, key) = (&SAMPLES.checkpoint, signer().verifier_key());
    let text = valid.parse::<Note>().unwrap().unverified_text().to_owned();
    let input = produce::<Vec<u8>>().with().len(SCRIPT);
    check!().with_iterations(4000).with_generator(input).for_each(|script| {
        if let Ok(note) = mutated_text(valid, script).parse::<Note>()
            && let Ok(checkpoint) = Checkpoint::open(&note, &key, ORIGIN)
        {
            assert_eq!(checkpoint.to_string(), text);
        }
    });
}

#[test]
fn tiles() {
    let leaves: Vec<Leaf> = (0..5).map(|n| Leaf::new(format!("keyward/1 leaf {n}")).unwrap()).collect();
    let bundle = entry_bundle(&leaves);
    assert_eq!(parse_entry_bundle(&bundle, 5).unwrap(), leaves);
    let input = (produce::<u16>(), produce::<Vec<u8>>().with().len(SCRIPT));
    check!().with_iterations(4000).with_generator(input).for_each(|(width, script)| {
        let bytes = mutated(&bundle, script);
        for width in [*width % 8, *width] {
            if let Ok(read) = parse_entry_bundle(&bytes, width) {
                assert_eq!((entry_bundle(&read), read.len()), (bytes.clone(), usize::from(width)));
            }
            if let Ok(hashes) = parse_hash_tile(&bytes, width) {
                assert_eq!((hashes.len(), bytes.len()), (usize::from(width), usize::from(width) * 32));
            }
        }
    });
}

#[test]
fn places_of_tiles() {
    check!().with_iterations(4000).with_type::<(bool, u8, u64, u16)>().for_each(
        |(entries, level, index, width)| {
            let kind = if *entries { TileKind::Entries } else { TileKind::Hashes { level: *level } };
            if let Ok(tile) = Tile::new(kind, *index, *width) {
                assert_eq!(tile.to_string().parse::<Tile>().ok(), Some(tile));
                let members = tile.members();
                assert_eq!(members.end - members.start, u64::from(tile.width()));
            }
        },
    );
}
