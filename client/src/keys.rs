//! This file is about calls on keys.

use crate::error::Error;
use crate::lines::ImportedLines;
use crate::transport::{Call, Client, segment};
use crate::wire::{
    Changed, FoundKey, ImportKey, IssueKey, Issued, Key, List, ListKeys, Reason, RemoveKey, Removed,
    RotateKey, SuspendKey, UpdateKey, Usage, Verdict, Verify,
};

const JSON: &str = "application/json";

impl Client {
    /// Issues a key; the answer holds its secret, this once.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn issue_key(&self, key: &IssueKey) -> Result<Issued, Error> {
        self.json(self.post("/v1/keys")?.with_body(JSON, key)?).await
    }

    /// Brings keys along, as many as there are: each is sent as the one before it is on its way, and answered
    /// by a line.
    ///
    /// # Errors
    /// [`Error`] if the import does not begin; what becomes of each key stands in its line.
    pub async fn import_keys<I>(&self, keys: I) -> Result<ImportedLines, Error>
    where
        I: IntoIterator<Item = ImportKey>,
        I::IntoIter: Send + 'static,
    {
        ImportedLines::begin(self, keys.into_iter()).await
    }

    /// Reads a key.
    ///
    /// # Errors
    /// [`Error`]; the code is `removed` for one that was removed, and the problem holds what is left of it.
    pub async fn find_key(&self, id: &str) -> Result<Key, Error> {
        self.json(Call::get(key(id))).await
    }

    /// Reads a page of the keys that fit.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn list_keys(&self, which: &ListKeys) -> Result<List<FoundKey>, Error> {
        self.json(Call::get("/v1/keys").with_query(which)?).await
    }

    /// Changes a key, if it is at this version.
    ///
    /// # Errors
    /// [`Error`]; the code is `stale` for another version.
    pub async fn update_key(
        &self,
        id: &str,
        patch: &UpdateKey,
        version: Option<u64>,
    ) -> Result<Changed<Key>, Error> {
        self.changed(Call::patch(key(id), patch)?.if_match(version)).await
    }

    /// Stops a key until it is resumed.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn suspend_key(
        &self,
        id: &str,
        how: &SuspendKey,
        version: Option<u64>,
    ) -> Result<Changed<Key>, Error> {
        let call = self.post(key(id) + "/suspend")?.with_body(JSON, how)?;
        self.changed(call.if_match(version)).await
    }

    /// Lets a key work again, and calls off its retirement.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn resume_key(&self, id: &str, version: Option<u64>) -> Result<Key, Error> {
        self.json(self.post(key(id) + "/resume")?.if_match(version)).await
    }

    /// Gives a key a successor with the same rights; the answer holds its secret, this once.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn rotate_key(&self, id: &str, how: &RotateKey, version: Option<u64>) -> Result<Issued, Error> {
        let call = self.post(key(id) + "/rotate")?.with_body(JSON, how)?;
        self.json(call.if_match(version)).await
    }

    /// Asks whether a key is valid for something. Not repeated by itself: a use is counted.
    ///
    /// # Errors
    /// [`Error`]; a key that is not valid is no error.
    pub async fn verify(&self, question: &Verify<'_>) -> Result<Verdict, Error> {
        self.json(Call::ask("/v1/keys/verify", question)?).await
    }

    /// Removes a key for ever, if it is at this version. When this returns, every verify that begins is refused, but at the verifiers
    /// that [`Removed::uncovered`] names.
    ///
    /// # Errors
    /// [`Error`]. After [`Error::Connection`] ask again: it is removed once, and the receipt is the same.
    pub async fn remove_key(
        &self,
        id: &str,
        reason: Option<Reason>,
        version: Option<u64>,
    ) -> Result<Removed, Error> {
        let call = Call::delete(key(id)).with_query(&RemoveKey { reason, end_sessions: None })?;
        self.json(call.if_match(version).with("prefer", "return=representation")).await
    }

    /// Reads who uses a key, or still tries to.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn usage(&self, id: &str) -> Result<Usage, Error> {
        self.json(Call::get(key(id) + "/usage")).await
    }
}

fn key(id: &str) -> String {
    format!("/v1/keys/{}", segment(id))
}
