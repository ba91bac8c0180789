//! Who accepts keys, and for how long.
//!
//! A verifier holds every live key in memory: [`Table`] answers whether a presented secret is one of them, and with
//! which rights, without waiting for a writer and without allocating. Pure: time, randomness and I/O stay with the
//! caller.
//!
//! * [`Table`]: the keys, found by [`Place`] and SHA-256 digest, removed by [`Place`] and id.
//! * [`Profiles`]: what many keys share (organization, account, scopes, limits), stored once and named by an index.
//! * [`frame`]: what a verifier and the server say to each other, byte by byte.
//! * [`lease`]: for how long a verifier may accept keys, and when a removal has reached every verifier.
//! * [`Hot`]: the cache of a verifier that does not hold every key.
//! * [`Uses`]: how often keys were used, until the server is told.

mod bucket;
pub mod frame;
mod hot;
pub mod lease;
mod place;
mod profiles;
mod record;
mod segment;
mod sync;
mod table;
mod uses;
mod writer;

pub use hot::Hot;
pub use place::{PLACE_CHARS, Place};
pub use profiles::Profiles;
pub use record::{Details, Fingerprint, MAX_DETAILS, Row};
pub use table::{At, InsertError, Table};
pub use uses::{Counted, Uses};
