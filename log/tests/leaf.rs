//! This file is about what a leaf may be.

use keyward_log::{Leaf, LeafError};

use crate::sample;

#[test]
fn one_printable_line_of_512_bytes() {
    assert_eq!(Leaf::new("x".repeat(512)).unwrap().as_str().len(), 512);
    assert_eq!(Leaf::new("x".repeat(513)), Err(LeafError::Length(513)));
    assert_eq!(Leaf::new("é".repeat(257)), Err(LeafError::Length(514)));
    assert_eq!(Leaf::new(""), Err(LeafError::Length(0)));
    assert_eq!(Leaf::new("grün ist 緑").unwrap().to_string(), "grün ist 緑");
    let refused = "\n\r\t\0\x1b\x7f\u{85}\u{2028}\u{2029}\u{202e}\u{2066}\u{200f}\u{61c}";
    for character in refused.chars() {
        assert_eq!(Leaf::new(format!("a{character}b")), Err(LeafError::Character(character)));
    }
}

#[test]
fn its_hash_is_that_of_its_bytes() {
    assert_eq!(Leaf::new("leaf 41").unwrap().hash(), sample::leaf(41));
}
