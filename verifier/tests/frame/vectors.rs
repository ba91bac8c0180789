//! This file is about the examples of the protocol's document.

use std::fmt::Write as _;
use std::path::Path;

use crate::samples::{server_frames, verifier_frames};

const BEGIN: &str = "<!-- written by verifier/tests/frame/vectors.rs -->\n";
const END: &str = "<!-- end -->\n";

fn section() -> String {
    let mut text = String::new();
    let mut frame = |name: &str, bytes: &[u8]| {
        write!(text, "\n{name}, {} bytes:\n\n", bytes.len()).unwrap();
        for line in bytes.chunks(32) {
            let hex: String = line.iter().map(|byte| format!("{byte:02x}")).collect();
            writeln!(text, "    {hex}").unwrap();
        }
    };
    for (name, sample) in verifier_frames() {
        frame(name, &sample.encode().unwrap());
    }
    for (name, sample) in server_frames() {
        frame(name, &sample.encode().unwrap());
    }
    text.push('\n');
    text
}

#[test]
fn the_document_shows_what_this_code_writes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/verifier-protocol.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (there, after) = rest.split_once(END).unwrap();
    let section = section();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{section}{END}{after}")).unwrap();
    } else {
        assert_eq!(there, section, "UPDATE_DOCS=1 writes it anew");
    }
}

/// What another implementation would make of the document's layout, field by field, in Python's `struct` notation.
#[test]
fn a_grant_is_laid_out_as_the_document_says() {
    let (_, grant) = server_frames().into_iter().find(|(name, _)| *name == "Grant").unwrap();
    let mut expected = vec![0x87];
    expected.extend(5_u64.to_be_bytes());
    expected.extend((0..16).rev().collect::<Vec<u8>>());
    expected.extend(3_u64.to_be_bytes());
    expected.extend(1002_u64.to_be_bytes());
    expected.extend(3000_u32.to_be_bytes());
    expected.extend(1_750_000_000_123_u64.to_be_bytes());
    assert_eq!(grant.encode().unwrap(), expected);
}
