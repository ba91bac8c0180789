//! This file is about the folder of keys: three files of 32 random bytes in hex, readable by their owner only.
//!
//! `root.key` wraps the slots, `names.key` hashes names, `log.key` signs the log. Whoever has the first two and
//! the store can read it; whoever has the third can sign receipts. `log.pub` is the public half of the third, for
//! everyone who checks receipts.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use keyward_core::seal::{Pepper, Root};
use keyward_log::{KeyName, Signer, VerifierKey};
use zeroize::Zeroizing;

use crate::environment;

/// The first epoch; re-rooting will count it up.
const EPOCH: u32 = 1;

/// The keys of a server.
pub(crate) struct KeyFiles {
    pub(crate) root: Root,
    pub(crate) pepper: Pepper,
    pub(crate) signer: Signer,
}

/// Makes a folder of new keys. Refuses a folder that has any.
pub(crate) fn create(folder: &Path, log_name: &str) -> anyhow::Result<KeyFiles> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("{}", folder.display()))?;
    for name in ["root.key", "names.key", "log.key"] {
        let mut key = Zeroizing::new([0; 32]);
        environment::fill(key.as_mut_slice());
        let text = Zeroizing::new(hex(key.as_slice()) + "\n");
        write_new(&folder.join(name), text.as_bytes(), 0o600)?;
    }
    write_new(&folder.join("log.name"), format!("{log_name}\n").as_bytes(), 0o644)?;
    let keys = read(folder)?;
    write_new(&folder.join("log.pub"), format!("{}\n", keys.signer.verifier_key()).as_bytes(), 0o644)?;
    Ok(keys)
}

/// Reads the keys of a folder.
pub(crate) fn read(folder: &Path) -> anyhow::Result<KeyFiles> {
    let (root, names, log) = (
        secret(&folder.join("root.key"))?,
        secret(&folder.join("names.key"))?,
        secret(&folder.join("log.key"))?,
    );
    let name_file = folder.join("log.name");
    let name = fs::read_to_string(&name_file).with_context(|| format!("{}", name_file.display()))?;
    let name = KeyName::new(name.trim_end()).with_context(|| format!("{}", name_file.display()))?;
    Ok(KeyFiles {
        root: Root::new(EPOCH, &root)?,
        pepper: Pepper::new(&names),
        signer: Signer::new(name, &log)?,
    })
}

/// Reads the public key that receipts and checkpoints are checked with.
pub(crate) fn read_public(file: &Path) -> anyhow::Result<VerifierKey> {
    let text = fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
    text.trim().parse().with_context(|| format!("{}: not a verifier key", file.display()))
}

fn secret(file: &Path) -> anyhow::Result<Zeroizing<[u8; 32]>> {
    let metadata =
        fs::metadata(file).with_context(|| format!("{}; `keyward init` makes it", file.display()))?;
    if metadata.mode() & 0o077 != 0 {
        bail!("{}: others may read it; run chmod 600 on it", file.display());
    }
    let text = Zeroizing::new(fs::read_to_string(file).with_context(|| format!("{}", file.display()))?);
    let mut key = Zeroizing::new([0; 32]);
    let digits = text.trim_end().as_bytes();
    ensure!(digits.len() == 64, "{}: not 64 hex digits", file.display());
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = str::from_utf8(pair).unwrap_or_default();
        *byte = u8::from_str_radix(pair, 16).with_context(|| format!("{}: not hex", file.display()))?;
    }
    Ok(key)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}"))
}

/// Writes a new file with these permissions, durably.
pub(crate) fn write_new(file: &Path, content: &[u8], mode: u32) -> anyhow::Result<()> {
    let mut opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(file)
        .with_context(|| format!("{}", file.display()))?;
    opened.write_all(content)?;
    opened.sync_all()?;
    Ok(())
}
