//! These tests are about the algorithms of keys that never leave: published vectors (RFCs, NIST by way of Wycheproof), a
//! second implementation of each, and what must be refused.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test may stop at its own mistakes"
)]

#[path = "crypto/agreement.rs"]
mod agreement;
#[path = "crypto/ciphers.rs"]
mod ciphers;
#[path = "crypto/codes.rs"]
mod codes;
#[path = "crypto/ecdsa.rs"]
mod ecdsa;
#[path = "crypto/edwards.rs"]
mod edwards;
#[path = "crypto/hand.rs"]
mod hand;
#[path = "crypto/lattices.rs"]
mod lattices;
#[path = "crypto/rules.rs"]
mod rules;
#[path = "crypto/wrapping.rs"]
mod wrapping;
