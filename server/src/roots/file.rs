//! This file is about the provider that is always there: the file itself, which its owner alone may read.

use zeroize::Zeroizing;

use super::{Key, Provider};

/// Leaves a root as it is.
pub(super) struct KeyFile;

impl Provider for KeyFile {
    fn name(&self) -> &'static str {
        "file"
    }

    fn wrap(&self, root: &Key) -> anyhow::Result<Vec<u8>> {
        Ok(root.to_vec())
    }

    fn unwrap(&self, wrapped: &[u8]) -> anyhow::Result<Option<Key>> {
        Ok(Some(Zeroizing::new(wrapped.try_into()?)))
    }

    fn destroy(&self, _: &[u8]) -> anyhow::Result<()> {
        Ok(())
    }
}
