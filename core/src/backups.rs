//! This file is about backups of a store that goes on, as its operator asks for them.

use crate::command::Answer;
use crate::error::Error;
use crate::keyward::{Environment, Keyward};
use crate::store::Store;

impl<S: Store, E: Environment> Keyward<S, E> {
    /// Writes a backup, one at a time: two would only take each other's disk.
    ///
    /// # Errors
    /// [`Error::WrongState`] if one is under way, or there is no place for backups; [`Error::Unavailable`] or
    /// [`Error::Internal`] if it could not be written.
    pub(crate) async fn back_up(&self) -> Result<Answer, Error> {
        let _turn = self.backup_turn.try_lock().ok_or(Error::WrongState { why: "a backup is under way" })?;
        let written = self.store.back_up(self.environment.now()).await?;
        let backup = written.ok_or(Error::WrongState { why: "no folder for backups is configured" })?;
        Ok(Answer::BackedUp(Box::new(backup)))
    }
}
