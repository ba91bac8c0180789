//! This file is about receipts: that they hold, for us and for strangers, and that nothing else does.

use std::io::Write as _;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyward_log::{
    Checkpoint, CheckpointError, Entry, Hash, InvalidProof, Leaf, Note, NoteError, Opening, Receipt,
    ReceiptError, Signer, inclusion_proof,
};
use proptest::prelude::*;
use signed_note::{StandardVerifier, VerifierList};
use tlog_tiles::tlog;

use crate::sample::{Log, ORIGIN, name, signer, witness};

const OPENING: Opening = Opening { salt: *b"salt of 16 bytes", id: *b"an id of 16 byte" };

/// The log that the receipts are from: the removal of a key is entry 3, that it was enforced is entry 5.
fn leaves() -> Vec<Leaf> {
    let commitment = OPENING.commitment();
    let mut leaves: Vec<String> = (0..7).map(|index| format!("keyward/1 key.created {index}")).collect();
    leaves[3] = format!("keyward/1 key.removed 2026-05-23T21:50:24.000Z {commitment} v3 compromised");
    leaves[5] = format!("keyward/1 key.enforced 2026-05-23T21:50:24.025Z {commitment} v4");
    leaves.into_iter().map(|text| Leaf::new(text).unwrap()).collect()
}

fn entry(index: u64, size: usize, openings: Vec<Opening>) -> Entry {
    let leaves = &leaves()[..size];
    let log = Log::with_leaves(leaves.iter().map(Leaf::hash));
    let size = log.tree.size();
    let proof = inclusion_proof(&log.at(size), index, size).unwrap();
    let checkpoint = Checkpoint::new(ORIGIN, size, log.tree.root()).unwrap().sign(&signer()).unwrap();
    let leaf = leaves[usize::try_from(index).unwrap()].clone();
    Entry::new(leaf, openings, index, proof, checkpoint).unwrap()
}

/// The receipt of a removal, and later the same with the proof that it was enforced.
fn removal() -> Receipt {
    Receipt::new(vec![entry(3, 5, vec![OPENING])]).unwrap()
}

fn enforced_removal() -> Receipt {
    Receipt::new(vec![entry(3, 5, vec![OPENING]), entry(5, 7, vec![OPENING])]).unwrap()
}

#[test]
fn it_proves_the_removal_and_its_enforcement() {
    let receipt = enforced_removal();
    let checked = receipt.check(&signer().verifier_key(), ORIGIN).unwrap();
    assert_eq!(
        checked.iter().map(|entry| (entry.index(), entry.checkpoint().size())).collect::<Vec<_>>(),
        [(3, 5), (5, 7)]
    );
    assert_eq!(checked[0].leaf(), &leaves()[3]);
    assert_eq!(checked[1].leaf(), &leaves()[5]);
    assert!(checked.iter().all(|entry| entry.openings() == [OPENING]));
    // Two receipts, one below the other, are one receipt.
    let one_by_one = format!("{}{}", removal(), Receipt::new(receipt.entries()[1..].to_vec()).unwrap());
    assert_eq!(one_by_one.parse(), Ok(receipt));
}

#[test]
fn the_documented_example_is_what_we_print() {
    let document = include_str!("../../docs/receipts.md");
    let example = enforced_removal().to_string();
    assert!(
        document.contains(&format!("```text\n{example}```\n")),
        "docs/receipts.md should show:\n{example}"
    );
    let key = signer().verifier_key().to_string();
    assert!(document.contains(&key), "docs/receipts.md should show: {key}");
}

#[test]
fn published_implementations_check_it() {
    let receipt = removal().to_string();
    let (proof, note) = receipt.split_once("\n\n").unwrap();
    let mut lines = proof.lines();
    assert_eq!(lines.next(), Some("c2sp.org/tlog-proof@v1"));
    let extra = STANDARD.decode(lines.next().unwrap().strip_prefix("extra ").unwrap()).unwrap();
    let extra = String::from_utf8(extra).unwrap();
    let leaf = extra.lines().next().unwrap().strip_prefix("leaf ").unwrap();
    let index: u64 = lines.next().unwrap().strip_prefix("index ").unwrap().parse().unwrap();
    let proof = lines.map(|line| tlog::Hash::parse_hash(line).unwrap()).collect();

    let verifier = StandardVerifier::new(&signer().verifier_key().to_string()).unwrap();
    let note = signed_note::Note::from_bytes(note.as_bytes()).unwrap();
    note.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
    let checkpoint = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
    let leaf = tlog::record_hash(leaf.as_bytes());
    tlog::check_record(&proof, checkpoint.size(), *checkpoint.hash(), index, leaf).unwrap();
}

fn is_proof(text: &[u8]) -> bool {
    let receipt: Option<Receipt> = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    receipt.is_some_and(|receipt| receipt.check(&signer().verifier_key(), ORIGIN).is_ok())
}

#[test]
fn no_bit_of_it_can_be_changed() {
    let receipt = enforced_removal().to_string().into_bytes();
    assert!(is_proof(&receipt));
    for place in 0..receipt.len() {
        for bit in 0..8 {
            let mut changed = receipt.clone();
            changed[place] ^= 1 << bit;
            assert!(!is_proof(&changed), "bit {bit} of byte {place}");
        }
        assert!(!is_proof(&[&receipt[..place], &receipt[place + 1..]].concat()), "without byte {place}");
    }
}

#[test]
fn every_error_says_what_is_wrong() {
    let key = signer().verifier_key();
    let check = |receipt: &Receipt, origin: &str| receipt.check(&key, origin).map(|_| ());
    assert_eq!(
        check(&removal(), "other.example/log"),
        Err(ReceiptError::Checkpoint(CheckpointError::Origin))
    );
    let stranger = Signer::new(name("stranger.example"), &[7; 32].into()).unwrap();
    let refused = removal().check(&stranger.verifier_key(), ORIGIN).map(|_| ());
    assert_eq!(refused, Err(ReceiptError::Checkpoint(CheckpointError::Note(NoteError::NotSigned))));

    let whole = entry(3, 5, vec![]);
    let other = Entry::new(leaves()[4].clone(), vec![], 3, vec![], whole.checkpoint().clone()).unwrap();
    let other = Receipt::new(vec![whole, other]).unwrap();
    assert_eq!(check(&other, ORIGIN), Err(ReceiptError::Inclusion(InvalidProof)));
}

#[test]
fn what_is_no_receipt_is_not_made() {
    let entry = entry(3, 5, vec![]);
    let note = entry.checkpoint().clone();
    let leaf = leaves()[3].clone();
    let make = |openings, proof, note| Entry::new(leaf.clone(), openings, 3, proof, note).map(|_| ());
    assert_eq!(make(vec![OPENING; 16], vec![Hash::EMPTY; 64], note.clone()), Ok(()));
    assert_eq!(make(vec![OPENING; 17], vec![], note.clone()), Err(ReceiptError::TooLong));
    assert_eq!(make(vec![], vec![Hash::EMPTY; 65], note.clone()), Err(ReceiptError::TooLong));
    let other = Opening { id: [0; 16], ..OPENING };
    assert_eq!(make(vec![OPENING, other], vec![], note), Err(ReceiptError::Opening));
    let no_checkpoint = Err(ReceiptError::Checkpoint(CheckpointError::Format));
    let note = Note::sign("no checkpoint\n", &signer()).unwrap();
    assert_eq!(make(vec![], vec![], note), no_checkpoint);
    let header = "c2sp.org/tlog-proof@v1";
    let note = Checkpoint::new(header, 0, Hash::EMPTY).unwrap().sign(&signer()).unwrap();
    assert_eq!(make(vec![], vec![], note), no_checkpoint);

    assert_eq!(Receipt::new(vec![]), Err(ReceiptError::Format(header)));
    assert!(Receipt::new(vec![entry.clone(); 8]).is_ok());
    assert_eq!(Receipt::new(vec![entry.clone(); 9]), Err(ReceiptError::TooLong));
    assert_eq!(entry.to_string().repeat(9).parse::<Receipt>(), Err(ReceiptError::TooLong));
    assert_eq!("x".repeat(Receipt::MAX_BYTES + 1).parse::<Receipt>(), Err(ReceiptError::TooLong));
}

#[test]
fn what_is_no_receipt_is_not_read() {
    let receipt = removal().to_string();
    let extra = receipt.lines().nth(1).unwrap();
    let with_extra = |text: &str| receipt.replace(extra, &format!("extra {}", STANDARD.encode(text)));
    let leaf = &leaves()[3];
    assert_eq!(with_extra(&format!("leaf {leaf}\nopening {OPENING}\n")), receipt);
    assert!(is_proof(with_extra(&format!("leaf {leaf}\n")).as_bytes()));
    let refused = [
        String::new(),
        "\n".into(),
        format!("\n{receipt}"),
        format!("{receipt}\n"),
        format!("{receipt}\n{receipt}"),
        format!("{receipt}c2sp.org/tlog-proof@v1\n"),
        receipt.replace("@v1", "@v2"),
        receipt.replace(&format!("{extra}\n"), ""),
        receipt.replace(&format!("{extra}\n"), &format!("{extra}\n{extra}\n")),
        receipt.replace("index 3", "index 03"),
        receipt.replace("index 3", "index +3"),
        receipt.replace("index 3", "index -3"),
        receipt.replace("index 3", "Index 3"),
        receipt.replace("index 3", "index  3"),
        receipt.replace("index 3", "index 3 "),
        receipt.replace("index 3\n", ""),
        receipt.replace('\n', "\r\n"),
        with_extra(""),
        with_extra("\n"),
        with_extra("leaf \n"),
        with_extra(&format!("leaf {leaf}")),
        with_extra(&format!("leaf {leaf}\n\n")),
        with_extra(&format!("leaf {leaf}\nopening {OPENING}")),
        with_extra(&format!("leaf {leaf}\nopening {OPENING} \n")),
        with_extra(&format!("leaf {leaf}\nopening  {OPENING}\n")),
        with_extra(&format!("opening {OPENING}\nleaf {leaf}\n")),
        with_extra(&format!("leaf {leaf}\nleaf {leaf}\n")),
        with_extra(&format!("leaf {leaf}\nmore\n")),
    ];
    for refused in refused {
        assert!(refused.parse::<Receipt>().is_err(), "{refused}");
    }
}

/// Runs the checker for strangers: python and openssl, nothing of ours. `Ok` is what it printed.
fn stranger_checks(receipt: &str, key: &str) -> Result<String, String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(receipt.as_bytes()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/check_receipt.py");
    let output = Command::new("python3").arg(script).arg(file.path()).arg(key).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

#[test]
fn a_stranger_with_python_and_openssl_checks_it() {
    let key = signer().verifier_key().to_string();
    let receipt = enforced_removal();
    let printed = stranger_checks(&receipt.to_string(), &key).unwrap();
    let said: Vec<&str> = printed.lines().collect();
    let opened = format!("  {} is 616e206964206f662031362062797465", OPENING.commitment());
    assert_eq!(
        said,
        [format!("3 of 5: {}", leaves()[3]), opened.clone(), format!("5 of 7: {}", leaves()[5]), opened]
    );

    let entry = &receipt.entries()[0];
    let note = entry.checkpoint().clone().with(witness().cosign(entry.checkpoint(), 1)).unwrap();
    let witnessed = removal().to_string().replace(&entry.checkpoint().to_string(), &note.to_string());
    stranger_checks(&witnessed, &key).unwrap();
}

#[test]
fn a_stranger_with_python_and_openssl_refuses_forgeries() {
    let key = signer().verifier_key().to_string();
    let receipt = removal().to_string();
    let lines: Vec<&str> = receipt.lines().collect();
    let extra = STANDARD.decode(&lines[1]["extra ".len()..]).unwrap();
    let extra = String::from_utf8(extra).unwrap();
    let with_extra = |text: String| receipt.replace(lines[1], &format!("extra {}", STANDARD.encode(text)));
    let swap = |line: &str| {
        let at = line.len() - 10;
        let other = if line.as_bytes()[at] == b'A' { "B" } else { "A" };
        receipt.replace(line, &format!("{}{other}{}", &line[..at], &line[at + 1..]))
    };
    let other_opening = Opening { id: [9; 16], ..OPENING };
    let refused = [
        (with_extra(extra.replace("compromised", "retired")), "not in the log"),
        (with_extra(extra.replace(&OPENING.to_string(), &other_opening.to_string())), "opens nothing"),
        (receipt.replace("index 3", "index 2"), "not in the log"),
        (receipt.replace("index 3", "index 4"), "does not fit"),
        (receipt.replace("index 3", "index 5"), "does not fit"),
        (swap(lines[3]), "not in the log"),
        (receipt.replacen(&format!("{}\n", lines[3]), "", 1), "does not fit"),
        (receipt.replace("\n5\n", "\n6\n"), "not signed"),
        (swap(lines[9]), "not signed"),
        (swap(lines.last().unwrap()), "not signed"),
        (receipt.replace(ORIGIN, "other.example/log"), "not signed"),
        (format!("{receipt}{}", receipt.replace("index 3", "index 2")), "not in the log"),
        (String::new(), "not a receipt"),
        (format!("x{receipt}"), "not a receipt"),
    ];
    for (forged, why) in refused {
        assert_ne!(forged, receipt, "{why}");
        let said = stranger_checks(&forged, &key).unwrap_err();
        assert!(said.contains(why), "{why}: {said}{forged}");
        assert!(!is_proof(forged.as_bytes()), "{why}");
    }
    let other_key = Signer::new(name(ORIGIN), &[9; 32].into()).unwrap().verifier_key().to_string();
    assert!(stranger_checks(&receipt, &other_key).unwrap_err().contains("not signed"));
}

proptest! {
    #[test]
    fn it_is_read_as_it_was_printed(
        texts in proptest::collection::vec("[ -~é]{1,100}", 1..40), salt: [u8; 16], id: [u8; 16], pick: usize,
    ) {
        let opening = Opening { salt, id };
        let leaf = |text: &String| Leaf::new(format!("{text}{}", opening.commitment())).unwrap();
        let leaves: Vec<Leaf> = texts.iter().map(leaf).collect();
        let log = Log::with_leaves(leaves.iter().map(Leaf::hash));
        let (size, pick) = (log.tree.size(), pick % leaves.len());
        let index = u64::try_from(pick).unwrap();
        let note = Checkpoint::new(ORIGIN, size, log.tree.root()).unwrap().sign(&signer()).unwrap();
        let proof = inclusion_proof(&log.at(size), index, size).unwrap();
        let entry = Entry::new(leaves[pick].clone(), vec![opening], index, proof, note).unwrap();
        let receipt = Receipt::new(vec![entry]).unwrap();
        prop_assert_eq!(receipt.to_string().parse(), Ok(receipt.clone()));
        prop_assert!(receipt.check(&signer().verifier_key(), ORIGIN).is_ok());
    }
}
