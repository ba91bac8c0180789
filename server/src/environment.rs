//! This file is about the one clock, the one source of randomness, the roots, and the hands that the core is lent.
#![expect(clippy::disallowed_methods, reason = "this is the one place that they are allowed in")]

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use keyward_core::error::Error;
use keyward_core::keyward::{Environment, Moment};
use keyward_core::seal::Root;
use keyward_core::time::Timestamp;
use keyward_dialects::slow_hash;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::roots::RootFiles;

/// How many slow hashes of a sort are computed at once; the others wait. Each takes a core for a tenth of a second.
const SLOW_HASHES: usize = 1;

/// How much of a text bcrypt sees, in bytes.
const BCRYPT_BYTES: usize = 72;

/// The real world.
pub(crate) struct World {
    slow_hashes: Semaphore,
    passwords: Semaphore,
    roots: Arc<RootFiles>,
}

impl World {
    /// The world with these roots.
    pub(crate) fn new(roots: RootFiles) -> Self {
        Self {
            slow_hashes: Semaphore::new(SLOW_HASHES),
            passwords: Semaphore::new(SLOW_HASHES),
            roots: Arc::new(roots),
        }
    }

    /// Does something with the roots where waiting for a disk or a token holds nobody up.
    async fn with_roots<T: Send + 'static>(
        &self,
        act: impl FnOnce(&RootFiles) -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let roots = Arc::clone(&self.roots);
        let done = tokio::task::spawn_blocking(move || act(&roots)).await.map_err(anyhow::Error::from);
        done.flatten().map_err(|error| Error::Unavailable { inside: format!("the roots: {error:#}") })
    }
}

/// The time of the system's clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// A moment to measure durations from.
pub(crate) fn moment() -> Instant {
    Instant::now()
}

/// Milliseconds of a clock that goes forward only, at the kernel's last tick: up to 10 ms ago, and read in a fifth of the time that
/// [`moment`] takes. For patience with clients, which is of seconds.
pub(crate) fn tick() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    time.tv_sec.unsigned_abs() * 1000 + time.tv_nsec.unsigned_abs() / 1_000_000
}

/// Fills a buffer with random bytes fit for keys.
///
/// The library fails only where the kernel's source fails, and then nothing that a key server does is safe.
pub(crate) fn fill(bytes: &mut [u8]) {
    if aws_lc_rs::rand::fill(bytes).is_err() {
        std::process::abort();
    }
}

/// Waits between two rounds of something that is done again and again.
pub(crate) async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

impl Environment for World {
    fn now(&self) -> Timestamp {
        now()
    }

    fn moment(&self) -> Moment {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        // The kernel's clocks do not go below zero.
        let seconds = Duration::from_secs(time.tv_sec.unsigned_abs());
        Moment::from_nanos(0).plus(seconds).plus(Duration::from_nanos(time.tv_nsec.unsigned_abs()))
    }

    async fn pause(&self, duration: Duration) {
        pause(duration).await;
    }

    /// Not by waking itself: the runtime would go on with it at once, and look for what has come in sixty turns later.
    async fn give_way(&self) {
        tokio::task::yield_now().await;
    }

    fn fill(&self, bytes: &mut [u8]) {
        fill(bytes);
    }

    fn sole_scopes(&self) -> &'static [&'static str] {
        &keyward_dialects::SOLE_SCOPES
    }

    async fn check_slow_hash(&self, hash: String, text: Zeroizing<String>) -> bool {
        let Ok(_turn) = self.slow_hashes.acquire().await else { return false };
        tokio::task::spawn_blocking(move || fits(&hash, &text)).await.unwrap_or(false)
    }

    async fn check_password(&self, hash: String, text: Zeroizing<String>) -> bool {
        let Ok(_turn) = self.passwords.acquire().await else { return false };
        tokio::task::spawn_blocking(move || fits(&hash, &text)).await.unwrap_or(false)
    }

    async fn hash_password(&self, text: Zeroizing<String>) -> Option<String> {
        let _turn = self.passwords.acquire().await.ok()?;
        let mut salt = [0; 16];
        fill(&mut salt);
        let hash =
            move || Some(Argon2::default().hash_password_with_salt(text.as_bytes(), &salt).ok()?.to_string());
        tokio::task::spawn_blocking(hash).await.ok()?
    }

    async fn roots(&self) -> Result<Vec<Root>, Error> {
        self.with_roots(RootFiles::read).await
    }

    async fn create_root(&self, epoch: u32) -> Result<Root, Error> {
        self.with_roots(move |roots| roots.create(epoch)).await
    }

    async fn destroy_roots_before(&self, epoch: u32) -> Result<(), Error> {
        self.with_roots(move |roots| roots.destroy_before(epoch)).await
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(work);
    }
}

fn fits(hash: &str, text: &str) -> bool {
    // An import asks the same; what rests may be older than that.
    if !slow_hash::is_bearable(hash) {
        return false;
    }
    if hash.starts_with("$2") {
        // Of a longer text it sees the beginning alone: whatever follows would fit, and be taken for the secret.
        return text.len() <= BCRYPT_BYTES && bcrypt::verify(text, hash).unwrap_or(false);
    }
    Argon2::default().verify_password(text.as_bytes(), hash).is_ok()
}

#[cfg(test)]
mod tests {
    use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};

    use super::fits;

    /// The story: a secret of 80 bytes was imported as a bcrypt hash. The first 72 and anything after them were accepted;
    /// what came first became the key's digest, and the secret itself was refused from then on.
    #[test]
    fn bcrypt_fits_no_text_of_which_it_sees_a_part() {
        let seen = "s".repeat(72);
        let hash = bcrypt::hash(format!("{seen}and more"), 4).unwrap();
        for text in [format!("{seen}and more"), format!("{seen}or not"), format!("{seen}x")] {
            assert!(!fits(&hash, &text), "{text}");
        }
        assert!(fits(&bcrypt::hash(&seen, 4).unwrap(), &seen), "all of it is seen");
    }

    /// A hash that would hold the machine up opens nothing, not even for the right text.
    #[test]
    fn what_rests_and_costs_too_much_is_not_computed() {
        let hash = |m, t, p| {
            let params = Params::new(m, t, p, None).unwrap();
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            argon2.hash_password_with_salt(b"text", b"saltsaltsalt").unwrap().to_string()
        };
        assert!(fits(&hash(32, 10, 4), "text") && !fits(&hash(32, 10, 4), "texts"));
        for (m, t, p) in [(8, 11, 1), (40, 1, 5), (65_544, 1, 1)] {
            assert!(!fits(&hash(m, t, p), "text"), "m={m},t={t},p={p}");
        }
    }
}
