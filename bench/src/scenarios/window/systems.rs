//! This file is about the systems that are measured, each deployed as its documentation says: what all of them can.

use anyhow::Result;

pub(super) mod keyward;
pub(super) mod node;

/// A system that runs.
pub(super) trait System {
    /// How its keys are made, presented and removed.
    fn calls(&self) -> Calls;

    /// Stops its processes.
    fn stop(&mut self);

    /// Starts them again on what they have stored, and waits until they take requests.
    fn start(&mut self) -> Result<()>;

    /// Takes a backup of what is stored, as its users do; the system runs before and after.
    fn back_up(&mut self) -> Result<()>;

    /// Puts the latest backup back while the system is stopped.
    fn put_back(&mut self) -> Result<()>;
}

/// Command lines and an address, as `keyward bench window` wants them.
pub(super) struct Calls {
    /// Makes a key.
    pub(super) create: String,
    /// Makes a key that outlives the measurement, where others do not.
    pub(super) control: Option<String>,
    /// Where a key is presented, in the header field `X-API-Key`.
    pub(super) verify_url: String,
    /// Further header fields.
    pub(super) verify_headers: Vec<String>,
    /// Removes a key.
    pub(super) remove: String,
}
