//! This file is about what a core in the bench's own process is lent.
#![expect(
    clippy::disallowed_methods,
    reason = "a core that runs here needs a clock and randomness; nothing is timed by them"
)]

use std::time::{Duration, UNIX_EPOCH};

use keyward_core::error::Error;
use keyward_core::keyward::{Environment, Moment};
use keyward_core::seal::Root;
use keyward_core::time::Timestamp;
use zeroize::Zeroizing;

/// This process: its clock, its randomness, and a root that rests nowhere.
pub(super) struct Here;

impl Environment for Here {
    fn now(&self) -> Timestamp {
        let since = UNIX_EPOCH.elapsed().unwrap_or_default();
        Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn moment(&self) -> Moment {
        Moment::from_nanos(self.now().millis() * 1_000_000)
    }

    async fn pause(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn fill(&self, bytes: &mut [u8]) {
        // The library fails only where the kernel's source does.
        if aws_lc_rs::rand::fill(bytes).is_err() {
            std::process::abort();
        }
    }

    /// No password is set here.
    async fn check_slow_hash(&self, _: String, _: Zeroizing<String>) -> bool {
        false
    }

    async fn hash_password(&self, _: Zeroizing<String>) -> Option<String> {
        None
    }

    async fn roots(&self) -> Result<Vec<Root>, Error> {
        Ok(vec![self.create_root(1).await?])
    }

    async fn create_root(&self, epoch: u32) -> Result<Root, Error> {
        Root::new(epoch, &[7; 32]).map_err(Error::internal)
    }

    async fn destroy_roots_before(&self, _: u32) -> Result<(), Error> {
        Ok(())
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(work);
    }
}
