//! This file is about roots that are wrapped under a credential of systemd, which a TPM or the machine's own key may
//! seal. We cannot replace a credential: it wraps every root, so destroying one rests on its file being overwritten.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrap as _};
use zeroize::Zeroizing;

use super::{Key, Provider};
use crate::keyfiles::read_secret;

/// The length of a wrapped root, in bytes: RFC 3394 adds a block of 8.
const WRAPPED: usize = 40;

/// A file of 64 hex digits.
pub(super) struct Credential {
    /// `None` where nobody has said in which folder credentials are.
    pub(super) file: Option<PathBuf>,
}

impl Credential {
    /// The credential of this name in the folder that systemd gives.
    pub(super) fn named(name: &str) -> Self {
        let folder = std::env::var_os("CREDENTIALS_DIRECTORY");
        Self { file: folder.map(|folder| PathBuf::from(folder).join(name)) }
    }

    fn kek(&self) -> anyhow::Result<AesKek> {
        let file = self.file.as_deref();
        let key =
            read_secret(file.context("CREDENTIALS_DIRECTORY is not set: systemd sets it for its units")?)?;
        AesKek::new(&AES_256, key.as_slice()).map_err(|_| anyhow!("the library refuses the credential"))
    }
}

/// AES Key Wrap (RFC 3394).
impl Provider for Credential {
    fn name(&self) -> &'static str {
        "credential"
    }

    fn wrap(&self, root: &Key) -> anyhow::Result<Vec<u8>> {
        let mut wrapped = vec![0; WRAPPED];
        let done = self.kek()?.wrap(root.as_slice(), &mut wrapped).map(|_| ());
        done.map_err(|_| anyhow!("the library refuses to wrap"))?;
        Ok(wrapped)
    }

    fn unwrap(&self, wrapped: &[u8]) -> anyhow::Result<Option<Key>> {
        let mut plain = Zeroizing::new([0; WRAPPED]);
        let opened = self.kek()?.unwrap(wrapped, plain.as_mut_slice());
        let root = opened.map_err(|_| anyhow!("wrapped under another credential"))?;
        Ok(Some(Zeroizing::new(<[u8; 32]>::try_from(&*root)?)))
    }

    fn destroy(&self, _: &[u8]) -> anyhow::Result<()> {
        Ok(())
    }
}
