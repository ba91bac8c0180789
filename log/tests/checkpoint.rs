//! This file is about checkpoints: one of a public log, `tlog_tiles`, and forgeries.

use keyward_log::{Checkpoint, CheckpointError, Hash, Note, NoteError, Signer};
use proptest::prelude::*;

use crate::sample::{ORIGIN, name, signer};

/// A checkpoint of a public Certificate Transparency log, with cosignatures of public witnesses.
pub(crate) const PUBLIC: &str = "arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

\u{2014} arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
\u{2014} arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
\u{2014} transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
\u{2014} witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
\u{2014} remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
\u{2014} witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==
";

const PUBLIC_ORIGIN: &str = "arche2025h1.staging.ct.transparency.dev";
const PUBLIC_KEY: &str =
    "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f";

#[test]
fn a_public_log_s_checkpoint_opens() {
    let note: Note = PUBLIC.parse().unwrap();
    assert_eq!(note.to_string(), PUBLIC);
    let checkpoint = Checkpoint::open(&note, &PUBLIC_KEY.parse().unwrap(), PUBLIC_ORIGIN).unwrap();
    assert_eq!(checkpoint.size(), 1_432_088_532);
    assert_eq!(checkpoint.root().to_string(), "U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=");
    assert_eq!(checkpoint.origin(), PUBLIC_ORIGIN);
    assert!(checkpoint.extensions().is_empty());

    let forged: Note = PUBLIC.replacen("1432088532", "1432088533", 1).parse().unwrap();
    let opened = Checkpoint::open(&forged, &PUBLIC_KEY.parse().unwrap(), PUBLIC_ORIGIN);
    assert_eq!(opened, Err(CheckpointError::Note(NoteError::BadSignature)));
}

#[test]
fn the_wrong_log_or_key_or_text_is_refused() {
    let checkpoint = Checkpoint::new(ORIGIN, 5, Hash([1; 32])).unwrap();
    let note = checkpoint.sign(&signer()).unwrap();
    let key = signer().verifier_key();
    assert_eq!(Checkpoint::open(&note, &key, ORIGIN), Ok(checkpoint));
    assert_eq!(Checkpoint::open(&note, &key, "keys.example.com/log2"), Err(CheckpointError::Origin));
    let namesake = Signer::new(name(ORIGIN), &[9; 32].into()).unwrap().verifier_key();
    let refused = Checkpoint::open(&note, &namesake, ORIGIN);
    assert_eq!(refused, Err(CheckpointError::Note(NoteError::NotSigned)));
    let other = Note::sign("not a checkpoint\n", &signer()).unwrap();
    assert_eq!(Checkpoint::open(&other, &key, ORIGIN), Err(CheckpointError::Format));
}

#[test]
fn what_is_no_checkpoint_is_refused() {
    let root = "U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=";
    assert!(format!("o\n0\n{root}\n").parse::<Checkpoint>().is_ok());
    assert!(format!("o\n18446744073709551615\n{root}\nmore\n").parse::<Checkpoint>().is_ok());
    let refused = [
        String::new(),
        "\n".into(),
        "o\n".into(),
        "o\n1\n".into(),
        format!("\n1\n{root}\n"),
        format!("o\n1\n{root}"),
        format!("o\n\n{root}\n"),
        format!("o\n01\n{root}\n"),
        format!("o\n+1\n{root}\n"),
        format!("o\n-1\n{root}\n"),
        format!("o\n 1\n{root}\n"),
        format!("o\n1 \n{root}\n"),
        format!("o\n0x1\n{root}\n"),
        format!("o\n18446744073709551616\n{root}\n"),
        format!("o\n1\n{}\n", &root[..43]),
        format!("o\n1\n{}\n", root.replace("Ro=", "Rp=")),
        format!("o\n1\n{}\n", root.replace('/', "_")),
        format!("o\n1\n{root} \n"),
        format!("o\n1\n{root}\n\n"),
        format!("o\n1\n{root}\n\nmore\n"),
        format!("o\r\n1\r\n{root}\r\n"),
    ];
    for refused in refused {
        assert_eq!(refused.parse::<Checkpoint>(), Err(CheckpointError::Format), "{refused:?}");
    }
    for origin in ["", "a\nb", "a\tb"] {
        assert_eq!(Checkpoint::new(origin, 0, Hash::EMPTY), Err(CheckpointError::Format));
    }
    for line in ["", "a\nb"] {
        let made = Checkpoint::with_extensions("o", 0, Hash::EMPTY, vec![line.into()]);
        assert_eq!(made, Err(CheckpointError::Format));
    }
}

proptest! {
    #[test]
    fn ours_and_the_reference_s_are_the_same_text(
        origin in "[!-~é]{1,40}", size: u64, root: [u8; 32],
        extensions in proptest::collection::vec("[ -~]{1,20}", 0..3),
    ) {
        let ours = Checkpoint::with_extensions(origin.clone(), size, Hash(root), extensions.clone()).unwrap();
        let lines: String = extensions.iter().map(|line| format!("{line}\n")).collect();
        let theirs = tlog_tiles::Checkpoint::new(&origin, size, tlog_tiles::Hash(root), &lines).unwrap();
        let text = ours.to_string();
        prop_assert_eq!(text.as_bytes(), theirs.to_bytes());
        prop_assert_eq!(tlog_tiles::Checkpoint::from_bytes(text.as_bytes()).unwrap(), theirs);
        prop_assert_eq!(text.parse(), Ok(ours));
    }
}
