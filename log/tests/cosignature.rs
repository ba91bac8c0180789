//! This file is about cosignatures: those of public witnesses, and our own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyward_log::{Checkpoint, CosignerKey, Hash, KeyError, Note, NoteError, Signer};
use signed_note::Signer as _;

use crate::checkpoint::PUBLIC;
use crate::note::reference_signer;
use crate::sample::{ORIGIN, name, signer, witness};

const PUBLIC_WITNESSES: [&str; 4] = [
    "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
    "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
    "transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM",
    "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
];

#[test]
fn public_witnesses_cosigned_the_public_checkpoint() {
    let note: Note = PUBLIC.parse().unwrap();
    let forged: Note = PUBLIC.replacen("1432088532", "1432088533", 1).parse().unwrap();
    for key in PUBLIC_WITNESSES {
        let witness: CosignerKey = key.parse().unwrap();
        assert_eq!(witness.to_string(), key);
        // 23 May 2026, 21:50:24 UTC: 0x6a122120 in every one of the lines.
        assert_eq!(witness.verify(&note), Ok(1_779_573_024), "{key}");
        assert_eq!(witness.verify(&forged), Err(NoteError::BadSignature), "{key}");
    }
}

#[test]
fn the_time_is_signed() {
    let checkpoint = Checkpoint::new(ORIGIN, 5, Hash([1; 32])).unwrap();
    let note = checkpoint.sign(&signer()).unwrap();
    assert_eq!(witness().key().verify(&note), Err(NoteError::NotSigned));
    let cosigned = note.clone().with(witness().cosign(&note, 1_700_000_000)).unwrap();
    assert_eq!(witness().key().verify(&cosigned), Ok(1_700_000_000));
    assert_eq!(cosigned.to_string().parse(), Ok(cosigned.clone()));

    // The signature of one time under another: the last digit of the 8 bytes after the key id.
    let line = cosigned.to_string().lines().last().unwrap().to_owned();
    let at = line.rfind(' ').unwrap() + 1 + 15;
    let mut other = line.clone().into_bytes();
    other[at] = if other[at] == b'A' { b'E' } else { b'A' };
    let other = String::from_utf8(other).unwrap();
    let forged: Note = cosigned.to_string().replace(&line, &other).parse().unwrap();
    assert_eq!(witness().key().verify(&forged), Err(NoteError::BadSignature));

    let again = cosigned.clone().with(witness().cosign(&note, 1_700_000_060)).unwrap();
    assert_eq!(witness().key().verify(&again), Ok(1_700_000_060));
    let earlier = again.clone().with(witness().cosign(&note, 1_600_000_000)).unwrap();
    assert_eq!(witness().key().verify(&earlier), Ok(1_700_000_060));
    let far = note.clone().with(witness().cosign(&note, u64::MAX)).unwrap();
    assert_eq!(witness().key().verify(&far), Ok(u64::MAX >> 1));
}

/// The cosignature line that the specification describes, made without this crate's cosigner.
fn reference_line(checkpoint: &Checkpoint, time_seconds: u64) -> String {
    let key = witness().key();
    let key_id = u32::from_str_radix(key.to_string().split('+').nth(1).unwrap(), 16).unwrap();
    let same_seed = Signer::new(name("same.example"), &[8; 32].into()).unwrap().verifier_key();
    let message = format!("cosignature/v1\ntime {time_seconds}\n{checkpoint}");
    let signature = reference_signer(&same_seed, &[8; 32]).sign(message.as_bytes()).unwrap();
    let bytes = [&key_id.to_be_bytes(), time_seconds.to_be_bytes().as_slice(), &signature].concat();
    format!("\u{2014} {} {}\n", key.name(), STANDARD.encode(bytes))
}

#[test]
fn ours_are_made_as_specified_and_no_time_is_past_the_end() {
    let checkpoint = Checkpoint::new(ORIGIN, 5, Hash([1; 32])).unwrap();
    let note = checkpoint.sign(&signer()).unwrap();
    let with_line = |time_seconds| format!("{note}{}", reference_line(&checkpoint, time_seconds));
    let last = u64::MAX >> 1;
    for time_seconds in [0, 1_700_000_000, last] {
        let ours = note.clone().with(witness().cosign(&note, time_seconds)).unwrap();
        assert_eq!(ours.to_string(), with_line(time_seconds));
        assert_eq!(witness().key().verify(&ours), Ok(time_seconds));
    }
    let past: Note = with_line(last + 1).parse().unwrap();
    assert_eq!(witness().key().verify(&past), Err(NoteError::BadSignature));
}

#[test]
fn a_signature_too_short_for_a_time_is_refused() {
    let note = Checkpoint::new(ORIGIN, 5, Hash([1; 32])).unwrap().sign(&signer()).unwrap();
    let cosigned = note.clone().with(witness().cosign(&note, 1)).unwrap().to_string();
    // Four bytes of key id and three of what should be eight of time.
    let cut = cosigned.rfind(' ').unwrap() + 1 + 8;
    let short: Note = format!("{}AA==\n", &cosigned[..cut]).parse().unwrap();
    assert_eq!(witness().key().verify(&short), Err(NoteError::BadSignature));
}

#[test]
fn a_log_s_key_is_no_witness_s() {
    let key = signer().verifier_key().to_string();
    assert_eq!(key.parse::<CosignerKey>(), Err(KeyError::Type));
    assert_eq!(format!("{:?}", witness()), format!("Cosigner(private half of {})", witness().key()));
}
