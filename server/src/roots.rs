//! This file is about where roots rest: one file an epoch in the folder of keys, each as a provider has wrapped it.
//!
//! `root.key` is the root of epoch 1, `root-2.key` that of epoch 2, and so on; there are two while a re-rooting is under
//! way. A file says which provider wrapped it, so another provider can be configured at any time: the next re-rooting
//! moves the root over.

mod credential;
mod file;
mod pkcs11;

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail, ensure};
use keyward_core::seal::Root;
use zeroize::Zeroizing;

use self::credential::Credential;
use self::file::KeyFile;
use self::pkcs11::Token;
use crate::config::Config;
use crate::environment;
use crate::keyfiles::{hex, read_private, unhex, write_new};

/// A root, as it is in memory only.
type Key = Zeroizing<[u8; 32]>;

/// What keeps the roots that rest in files from being read by whoever has the files.
pub(crate) trait Provider: Send + Sync {
    /// Its word in the files.
    fn name(&self) -> &'static str;

    /// Wraps a new root, under a key of its own if the provider can make one.
    fn wrap(&self, root: &Key) -> anyhow::Result<Vec<u8>>;

    /// Unwraps a root; `None` if what it was wrapped under is destroyed.
    fn unwrap(&self, wrapped: &[u8]) -> anyhow::Result<Option<Key>>;

    /// Destroys the key that this root alone is wrapped under, if there is one. Doing it twice is no error.
    fn destroy(&self, wrapped: &[u8]) -> anyhow::Result<()>;
}

/// A root at rest: who wrapped it, and what came of it.
struct Wrapped<'a> {
    provider: &'a dyn Provider,
    bytes: Zeroizing<Vec<u8>>,
}

/// The roots of a server. Everything here waits for disks and tokens.
pub(crate) struct RootFiles {
    folder: PathBuf,
    /// The first one wraps new roots; the others still read theirs.
    providers: Vec<Box<dyn Provider>>,
}

impl RootFiles {
    /// The roots in the configured folder of keys.
    pub(crate) fn new(config: &Config) -> Self {
        let mut providers: Vec<Box<dyn Provider>> = Vec::new();
        if let Some(pkcs11) = &config.pkcs11 {
            providers.push(Box::new(Token::new(pkcs11.clone())));
        }
        if let Some(name) = &config.roots.credential {
            providers.push(Box::new(Credential::named(name)));
        }
        providers.push(Box::new(KeyFile));
        Self { folder: config.keys.clone(), providers }
    }

    /// Every root that is not destroyed, the oldest first.
    pub(crate) fn read(&self) -> anyhow::Result<Vec<Root>> {
        let files = self.files()?;
        ensure!(
            !files.is_empty(),
            "{}: no root.key; put back the one that was made with the store",
            self.folder.display()
        );
        let newest = files.last().map(|(epoch, _)| *epoch);
        let mut roots = Vec::new();
        for (epoch, file) in files {
            match self.key(&file)? {
                Some(key) => roots.push(Root::new(epoch, &key)?),
                // Cut off while it was destroyed: the next start of a server goes on with that.
                None if Some(epoch) != newest => {}
                None => bail!("{}: what it was wrapped under is gone", file.display()),
            }
        }
        Ok(roots)
    }

    /// Makes the root of an epoch, or reads the one that is there.
    pub(crate) fn create(&self, epoch: u32) -> anyhow::Result<Root> {
        let file = self.folder.join(name_of(epoch));
        if !file.exists() {
            let mut key = Key::default();
            environment::fill(key.as_mut_slice());
            let provider = self.providers.first().ok_or_else(|| anyhow!("no provider"))?;
            let wrapped = provider.wrap(&key)?;
            let text = Zeroizing::new(format!("{} {}\n", provider.name(), hex(&wrapped)));
            let new = file.with_extension("new");
            erase(&new)?;
            write_new(&new, text.as_bytes(), 0o600)?;
            fs::rename(&new, &file).with_context(|| format!("{}", file.display()))?;
            sync_folder(&self.folder)?;
        }
        let key = self.key(&file)?;
        let key = key.with_context(|| format!("{}: what it was wrapped under is gone", file.display()))?;
        Ok(Root::new(epoch, &key)?)
    }

    /// Destroys the roots of older epochs: first what they are wrapped under, so that copies of the files are noise
    /// too, then the bytes of the files, then the files.
    pub(crate) fn destroy_before(&self, epoch: u32) -> anyhow::Result<()> {
        for (_, file) in self.files()?.into_iter().filter(|(older, _)| *older < epoch) {
            if let Some(Wrapped { provider, bytes }) = self.wrapped(&file)? {
                provider.destroy(&bytes).with_context(|| format!("{}", file.display()))?;
            }
            erase(&file)?;
            sync_folder(&self.folder)?;
        }
        Ok(())
    }

    /// The files of roots by epoch.
    fn files(&self) -> anyhow::Result<Vec<(u32, PathBuf)>> {
        let mut files = Vec::new();
        let entries = fs::read_dir(&self.folder).with_context(|| format!("{}", self.folder.display()))?;
        for entry in entries {
            let entry = entry?;
            if let Some(epoch) = entry.file_name().to_str().and_then(epoch_of) {
                files.push((epoch, entry.path()));
            }
        }
        files.sort_unstable();
        Ok(files)
    }

    fn key(&self, file: &Path) -> anyhow::Result<Option<Key>> {
        let Some(Wrapped { provider, bytes }) = self.wrapped(file)? else { return Ok(None) };
        provider.unwrap(&bytes).with_context(|| format!("{}", file.display()))
    }

    /// What a file holds; `None` if it was overwritten.
    fn wrapped(&self, file: &Path) -> anyhow::Result<Option<Wrapped<'_>>> {
        let text = read_private(file)?;
        if text.bytes().all(|byte| byte == 0) {
            return Ok(None);
        }
        // The first version wrote nothing but the digits.
        let (name, digits) = text.trim_end().split_once(' ').unwrap_or((KeyFile.name(), text.trim_end()));
        let provider = self.providers.iter().find(|provider| provider.name() == name);
        let provider = provider
            .with_context(|| format!("{}: wrapped by `{name}`, which is not configured", file.display()))?;
        let bytes = unhex(digits).with_context(|| format!("{}: not hex", file.display()))?;
        Ok(Some(Wrapped { provider: &**provider, bytes }))
    }
}

fn name_of(epoch: u32) -> String {
    if epoch == 1 { "root.key".to_owned() } else { format!("root-{epoch}.key") }
}

fn epoch_of(name: &str) -> Option<u32> {
    if name == name_of(1) {
        return Some(1);
    }
    let epoch = name.strip_prefix("root-")?.strip_suffix(".key")?.parse().ok()?;
    (name_of(epoch) == name).then_some(epoch)
}

/// Overwrites a file, syncs it, and only then deletes it. What is not there is done.
fn erase(file: &Path) -> anyhow::Result<()> {
    let overwrite = |mut opened: File| {
        let length = usize::try_from(opened.metadata()?.len()).unwrap_or_default();
        opened.write_all(&vec![0; length])?;
        opened.sync_all()?;
        fs::remove_file(file)
    };
    match OpenOptions::new().write(true).open(file).and_then(overwrite) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{}", file.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn sync_folder(folder: &Path) -> anyhow::Result<()> {
    File::open(folder).and_then(|opened| opened.sync_all()).with_context(|| format!("{}", folder.display()))
}

#[cfg(test)]
mod tests;
