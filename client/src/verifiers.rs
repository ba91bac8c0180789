//! This file is about calls on verifiers: who accepts keys besides the server.

use crate::error::Error;
use crate::transport::{Call, Client};
use crate::wire::Verifiers;

impl Client {
    /// Reads which verifiers there are, how far each is, and for how long it may accept keys.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn list_verifiers(&self) -> Result<Verifiers, Error> {
        self.json(Call::get("/v1/verifiers")).await
    }
}
