//! This file is about calls on the store as a whole.

use crate::error::Error;
use crate::transport::Client;
use crate::wire::Epoch;

impl Client {
    /// Wraps every slot under a new root and destroys the old one: when this returns, every older copy of the slots is
    /// noise. For operators.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn reroot(&self) -> Result<Epoch, Error> {
        self.json(self.post("/v1/store/reroot")?).await
    }
}
