//! This file is about calls on the store as a whole.

use std::time::Duration;

use http::Method;

use crate::error::Error;
use crate::transport::{Call, Client};
use crate::wire::{Backup, Epoch};

/// How long a backup may take: it is as long as the store is large.
const LONGEST_BACKUP: Duration = Duration::from_secs(6 * 3600);

impl Client {
    /// Wraps every slot under a new root and destroys the old one: when this returns, every older copy of the slots is
    /// noise. For operators.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn reroot(&self) -> Result<Epoch, Error> {
        self.json(self.post("/v1/store/reroot")?).await
    }

    /// Writes a backup of the store into the folder that the server's configuration names for it. For operators.
    ///
    /// # Errors
    /// [`Error`]; 409 where no folder is configured or another backup is being written.
    pub async fn back_up(&self) -> Result<Backup, Error> {
        let call = Call::new(Method::POST, "/v1/store/backup".to_owned(), false);
        self.json(call.within(LONGEST_BACKUP)).await
    }
}
