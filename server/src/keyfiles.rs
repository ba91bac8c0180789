//! This file is about the folder of keys: files of 32 random bytes in hex, readable by their owner only.
//!
//! `names.key` hashes names, `log.key` signs the log, and the roots (`roots.rs`) wrap the slots. Whoever has roots and
//! names.key and the store can read it; whoever has log.key can sign receipts. `log.pub` is its public half, for everyone
//! who checks receipts.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use keyward_core::seal::Pepper;
use keyward_log::{KeyName, Signer, VerifierKey};
use zeroize::Zeroizing;

use crate::config::Config;
use crate::environment;
use crate::roots::RootFiles;

/// The keys of a server.
pub(crate) struct KeyFiles {
    pub(crate) roots: RootFiles,
    pub(crate) pepper: Pepper,
    pub(crate) signer: Signer,
}

/// Makes a folder of new keys. Refuses a folder that has any.
pub(crate) fn create(config: &Config, log_name: &str) -> anyhow::Result<KeyFiles> {
    let folder = &config.keys;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("{}", folder.display()))?;
    // First: it is what can fail, and what may be there already.
    RootFiles::new(config).create(1)?;
    for name in ["names.key", "log.key"] {
        let mut key = Zeroizing::new([0; 32]);
        environment::fill(key.as_mut_slice());
        let text = Zeroizing::new(hex(key.as_slice()) + "\n");
        write_new(&folder.join(name), text.as_bytes(), 0o600)?;
    }
    write_new(&folder.join("log.name"), format!("{log_name}\n").as_bytes(), 0o644)?;
    let keys = read(config)?;
    write_new(&folder.join("log.pub"), format!("{}\n", keys.signer.verifier_key()).as_bytes(), 0o644)?;
    Ok(keys)
}

/// Reads the keys of a folder.
pub(crate) fn read(config: &Config) -> anyhow::Result<KeyFiles> {
    let folder = &config.keys;
    let (names, log) = (read_secret(&folder.join("names.key"))?, read_secret(&folder.join("log.key"))?);
    let name_file = folder.join("log.name");
    let name = fs::read_to_string(&name_file).with_context(|| format!("{}", name_file.display()))?;
    let name = KeyName::new(name.trim_end()).with_context(|| format!("{}", name_file.display()))?;
    Ok(KeyFiles {
        roots: RootFiles::new(config),
        pepper: Pepper::new(&names),
        signer: Signer::new(name, &log)?,
    })
}

/// Reads the public key that receipts and checkpoints are checked with.
pub(crate) fn read_public(file: &Path) -> anyhow::Result<VerifierKey> {
    let text = fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
    text.trim().parse().with_context(|| format!("{}: not a verifier key", file.display()))
}

/// Reads 32 bytes in hex from a file that only its owner may read.
pub(crate) fn read_secret(file: &Path) -> anyhow::Result<Zeroizing<[u8; 32]>> {
    let text = read_private(file)?;
    let bytes = unhex(text.trim_end()).with_context(|| format!("{}: not hex", file.display()))?;
    let key =
        bytes.as_slice().try_into().with_context(|| format!("{}: not 64 hex digits", file.display()))?;
    Ok(Zeroizing::new(key))
}

/// Reads a file that only its owner may read.
pub(crate) fn read_private(file: &Path) -> anyhow::Result<Zeroizing<String>> {
    let metadata = fs::metadata(file)
        .with_context(|| format!("{}; put back the one that was made with the store", file.display()))?;
    if metadata.mode() & 0o077 != 0 {
        bail!("{}: others may read it; run chmod 600 on it", file.display());
    }
    fs::read_to_string(file).map(Zeroizing::new).with_context(|| format!("{}", file.display()))
}

/// Reads hex digits.
pub(crate) fn unhex(digits: &str) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    ensure!(digits.len().is_multiple_of(2), "an odd number of digits");
    let mut bytes = Zeroizing::new(Vec::with_capacity(digits.len() / 2));
    for pair in digits.as_bytes().chunks_exact(2) {
        bytes.push(u8::from_str_radix(str::from_utf8(pair)?, 16)?);
    }
    Ok(bytes)
}

/// Writes hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |text, byte| text + &format!("{byte:02x}"))
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
