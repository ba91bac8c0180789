//! This file is about signed notes: against published ones, against the crate `signed_note`, and against
//! forgeries.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyward_log::{KeyError, KeyName, Note, NoteError, Signer, VerifierKey};
use proptest::prelude::*;
use signed_note::{StandardSigner, StandardVerifier, VerifierList};

use crate::sample::{name, signer, witness};

/// The example of Go's `golang.org/x/mod/sumdb/note`, signed by two keys.
const GO_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\
    \n\
    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n\
    \u{2014} EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";
const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const ENOCH: &str = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";

fn key(text: &str) -> VerifierKey {
    text.parse().unwrap()
}

#[test]
fn gos_example_opens_and_prints() {
    let note: Note = GO_NOTE.parse().unwrap();
    assert_eq!(note.to_string(), GO_NOTE);
    for (vkey, name) in [(PETER, "PeterNeumann"), (ENOCH, "EnochRoot")] {
        let key = key(vkey);
        assert!(note.open(&key).unwrap().ends_with("what your problem is.\n"));
        assert_eq!((key.name().as_str(), key.to_string().as_str()), (name, vkey));
    }
    // Enoch's seed is all zeros, so that its line can be made again.
    let enoch = Signer::new(name("EnochRoot"), &[0; 32].into()).unwrap();
    assert_eq!(enoch.verifier_key(), key(ENOCH));
    let again = Note::sign(note.open(&key(PETER)).unwrap(), &enoch).unwrap();
    assert_eq!(again.to_string().lines().last(), GO_NOTE.lines().last());
}

#[test]
fn only_what_the_key_signed_opens() {
    let note = Note::sign("text\n", &signer()).unwrap();
    let key = signer().verifier_key();
    assert_eq!(note.open(&key), Ok("text\n"));

    let stranger = Signer::new(name("stranger.example"), &[7; 32].into()).unwrap();
    assert_eq!(note.open(&stranger.verifier_key()), Err(NoteError::NotSigned));
    let namesake = Signer::new(key.name().clone(), &[9; 32].into()).unwrap();
    assert_eq!(note.open(&namesake.verifier_key()), Err(NoteError::NotSigned));

    let changed: Note = note.to_string().replacen("text", "test", 1).parse().unwrap();
    assert_eq!(changed.open(&key), Err(NoteError::BadSignature));

    // One false signature in the key's name spoils the note, wherever it stands.
    let false_line = changed_line(&note);
    for both in
        [format!("{note}{false_line}"), note.to_string().replacen("\n\n", &format!("\n\n{false_line}"), 1)]
    {
        assert_eq!(both.parse::<Note>().unwrap().open(&key), Err(NoteError::BadSignature));
    }
    // Signatures of others do not.
    let cosigned = note.clone().with(witness().cosign(&note, 1)).unwrap();
    assert_eq!(cosigned.open(&key), Ok("text\n"));
}

/// The note's signature line with a signature of something else.
fn changed_line(note: &Note) -> String {
    let other = Note::sign("other\n", &signer()).unwrap().to_string();
    assert_ne!(other.lines().last(), note.to_string().lines().last());
    format!("{}\n", other.lines().last().unwrap())
}

#[test]
fn what_is_no_note_is_refused() {
    let line = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQ\n";
    let note = format!("text\n\n{line}");
    assert!(note.parse::<Note>().is_ok());
    assert!(format!("one\n\n\ntwo\n\n{line}").parse::<Note>().is_ok());
    let refused = [
        String::new(),
        "\n".into(),
        "text\n".into(),
        "text\n\n".into(),
        "text\n\n\n".into(),
        note.trim_end().into(),
        format!("{note}\n"),
        format!("{note}more\n"),
        note.replace("\n\n", "\n"),
        note.replace("\n\n", "\n \n"),
        note.replace('\n', "\r\n"),
        note.replace("text", "te\txt"),
        note.replace("text", "te\0xt"),
        note.replace('\u{2014}', "-"),
        note.replace("\u{2014} ", "\u{2014}"),
        note.replace("PeterNeumann ", ""),
        note.replace("PeterNeumann", ""),
        note.replace("PeterNeumann", "Peter Neumann"),
        note.replace("PeterNeumann", "Peter\u{a0}Neumann"),
        note.replace("PeterNeumann", "Peter+Neumann"),
        note.replace("x08go/ZJkuBS9UG/SffcvIAQ", ""),
        note.replace("x08go/ZJkuBS9UG/SffcvIAQ", "x08g"),
        note.replace("x08go/ZJkuBS9UG/SffcvIAQ", "x08gow=="),
        note.replace("x08go/ZJ", "x08go_ZJ"),
        note.replace("vIAQ\n", "vIA=\n").replace("vIA=", "vIB="),
        note.replace("vIAQ\n", "vIA\n"),
        note.replace("vIAQ\n", "vIAQ \n"),
    ];
    for refused in refused {
        assert!(refused.parse::<Note>().is_err(), "{refused:?}");
    }
}

#[test]
fn sizes_are_limited() {
    let signer = signer();
    assert_eq!(Note::sign("x".repeat(Note::MAX_BYTES) + "\n", &signer), Err(NoteError::TooLong));
    assert_eq!(" ".repeat(Note::MAX_BYTES + 1).parse::<Note>(), Err(NoteError::TooLong));

    let mut note = Note::sign("text\n", &signer).unwrap();
    for time in 1..64 {
        note = note.clone().with(witness().cosign(&note, time)).unwrap();
    }
    assert_eq!(note.to_string().parse(), Ok(note.clone()));
    assert_eq!(note.clone().with(witness().cosign(&note, 64)), Err(NoteError::TooLong));
    let line = note.to_string().lines().last().unwrap().to_owned();
    assert_eq!(format!("{note}{line}\n").parse::<Note>(), Err(NoteError::TooLong));

    for text in ["", "text", "te\rxt\n"] {
        assert_eq!(Note::sign(text, &signer), Err(NoteError::Text));
    }
}

#[test]
fn keys_are_read_strictly() {
    let refused = [
        ("", KeyError::Format),
        ("PeterNeumann", KeyError::Format),
        ("PeterNeumann+c74f20a3", KeyError::Format),
        ("+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::Name),
        ("Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::Name),
        ("PeterNeumenn+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::Id),
        ("PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::Id),
        ("PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::Id),
        ("PeterNeumann+0c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::Id),
        ("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TX", KeyError::Id),
        ("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T", KeyError::Format),
        ("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy", KeyError::Type),
        ("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n", KeyError::Format),
        // A witness's key verifies cosignatures, not notes.
        ("remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2", KeyError::Type),
    ];
    for (text, error) in refused {
        assert_eq!(text.parse::<VerifierKey>(), Err(error), "{text}");
    }
    assert!(KeyName::new("x".repeat(255)).is_ok());
    for text in
        [String::new(), "x".repeat(256), "a b".into(), "a+b".into(), "a\u{1}".into(), "a\u{2003}b".into()]
    {
        assert_eq!(KeyName::new(text), Err(KeyError::Name));
    }
}

#[test]
fn debug_shows_no_seed() {
    let shown = format!("{:?}", signer());
    assert_eq!(shown, format!("Signer(private half of {})", signer().verifier_key()));
}

/// The same signer in the crate `signed_note`, by its private text form.
pub(crate) fn reference_signer(key: &VerifierKey, seed: &[u8; 32]) -> StandardSigner {
    let vkey = key.to_string();
    let id = vkey.split('+').nth(1).unwrap();
    let private = STANDARD.encode([&[1], seed.as_slice()].concat());
    StandardSigner::new(&format!("PRIVATE+KEY+{}+{id}+{private}", key.name())).unwrap()
}

proptest! {
    #[test]
    fn ours_open_with_the_reference_and_its_with_ours(
        name in "[a-zé./]{1,40}", seed: [u8; 32], text in "([ -~ä]{0,30}\n){1,5}",
    ) {
        let ours = Signer::new(KeyName::new(name).unwrap(), &seed.into()).unwrap();
        let key = ours.verifier_key();
        let note = Note::sign(text.clone(), &ours).unwrap();

        let verifiers = VerifierList::new(vec![Box::new(StandardVerifier::new(&key.to_string()).unwrap())]);
        let opened = signed_note::Note::from_bytes(note.to_string().as_bytes()).unwrap();
        prop_assert_eq!(opened.verify(&verifiers).unwrap().0.len(), 1);
        prop_assert_eq!(opened.text(), text.as_bytes());

        let mut theirs = signed_note::Note::new(text.as_bytes(), &[]).unwrap();
        theirs.add_sigs(&[&reference_signer(&key, &seed)]).unwrap();
        let theirs = String::from_utf8(theirs.to_bytes()).unwrap();
        prop_assert_eq!(&theirs, &note.to_string());
        let theirs: Note = theirs.parse().unwrap();
        prop_assert_eq!(theirs.open(&key), Ok(text.as_str()));
    }
}
