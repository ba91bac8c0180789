//! The SDK of Keyward: management calls over HTTP, a verifier of keys in the own process, and the wire types of the
//! native API.
//!
//! ```no_run
//! # async fn example() -> Result<(), keyward_client::Error> {
//! use keyward_client::{Client, wire};
//!
//! let client = Client::new("https://keys.example.com", &wire::Secret::new("kw_live_…".to_owned()))?;
//! let issued = client.issue_key(&wire::IssueKey { name: "ci".to_owned(), ..Default::default() }).await?;
//! let removed = client.remove_key(&issued.key.id, None, None).await?;
//! // From here on every verify of it is refused, and the receipt says so for ever.
//! # Ok(())
//! # }
//! ```

mod access_levels;
mod accounts;
#[cfg(feature = "axum")]
mod axum;
mod error;
mod exercise;
mod id;
mod keys;
mod lines;
mod log;
mod organizations;
mod removals;
mod store;
#[cfg(feature = "tower")]
pub mod tower;
mod transport;
mod verifier;
mod verifiers;
pub mod wire;

#[cfg(feature = "axum")]
pub use self::axum::NoKey;
pub use self::error::Error;
pub use self::id::Id;
pub use self::lines::{Followed, ImportedLines};
pub use self::transport::Client;
pub use self::verifier::{Key, Needs, OnRemove, Removed, Verdict, Verifier, VerifierOptions};
