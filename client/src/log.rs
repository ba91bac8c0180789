//! This file is about the log: receipts, checkpoint, tiles, events.

use crate::error::Error;
use crate::lines::Followed;
use crate::transport::{Call, Client, segment};
use crate::wire::{Event, List, ListEvents};

impl Client {
    /// Reads a receipt: one or more proofs of `c2sp.org/tlog-proof`, what `keyward receipt check` reads.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn receipt(&self, id: &str) -> Result<String, Error> {
        let call = Call::get(format!("/v1/receipts/{}", segment(id)));
        self.call(call.accept("text/plain")).await?.text()
    }

    /// Reads the newest checkpoint of the log, a signed note.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn checkpoint(&self) -> Result<String, Error> {
        self.call(Call::get("/v1/log/checkpoint")).await?.text()
    }

    /// Reads a tile of the log by its path (`tile/0/x001/234`, `tile/entries/000.p/17`).
    ///
    /// # Errors
    /// [`Error`].
    pub async fn tile(&self, path: &str) -> Result<Vec<u8>, Error> {
        Ok(self.call(Call::get(format!("/v1/log/{path}"))).await?.bytes().to_vec())
    }

    /// Reads a page of events.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn list_events(&self, which: &ListEvents) -> Result<List<Event>, Error> {
        self.json(Call::get("/v1/events").with_query(which)?).await
    }

    /// Follows events, those that come included.
    ///
    /// # Errors
    /// [`Error`] if that does not begin.
    pub async fn follow_events(&self, after: Option<u64>) -> Result<Followed, Error> {
        Followed::begin(self, &ListEvents { after, limit: None }).await
    }
}
