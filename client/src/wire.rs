//! The wire types of the native API: what goes in and what comes back, as JSON. They are the source of the
//! schemas in the `OpenAPI` document.
//!
//! Ids are text as printed (`key_…`), times are RFC 3339 in UTC, and a member that is `null` in an answer is one
//! that does not apply. Requests refuse members that they do not know and members that are given twice.

mod access;
mod access_level;
mod account;
mod backup;
mod bytes;
mod changed;
mod crypto;
mod crypto_use;
mod epoch;
mod event;
mod issue;
mod key;
mod list;
mod metadata;
mod organization;
mod problem;
mod receipt;
mod removal;
mod secret;
mod text;
mod token;
mod update;
mod usage;
mod verifier;
mod verify;

pub use self::access::{Access, AccessType, AtDoor, Identification, IssueAccess, UpdateAccess};
pub use self::access_level::{AccessLevel, CreateAccessLevel, ListAccessLevels, UpdateAccessLevel};
pub use self::account::{
    Account, CreateAccount, KeyPolicy, ListAccounts, RemoveAccount, SetPassword, UpdateAccount,
};
pub use self::backup::{Backup, SlotCopy};
pub use self::bytes::Bytes;
pub use self::changed::{Changed, Uncovered};
pub use self::crypto::{
    Crypto, CryptoAlgorithm, CryptoSource, CryptoUsage, DeriveKey, Hash, ImportCrypto, IssueCrypto, Peer,
};
pub use self::crypto_use::{
    Agree, AgreedKey, Authenticate, Check, Checked, CipherMode, Ciphertext, Decapsulate, Decrypt,
    Encapsulate, Encapsulated, Encrypt, Mac, Plaintext, SharedSecret, Sign, Signature, SignatureScheme,
    Unwrap, Unwrapped, Wrap, Wrapped,
};
pub use self::epoch::Epoch;
pub use self::event::{Event, ListEvents};
pub use self::issue::{
    Algorithm, Alphabet, Digest, ImportKey, ImportOutcome, ImportedLine, IssueKey, Issued, SecretFormat,
};
pub use self::key::{FoundKey, Key, Kind, RateLimit, Reason, Role, State, Tombstone};
pub use self::list::{List, Page};
pub use self::metadata::Metadata;
pub use self::organization::{CreateOrganization, Hold, Organization, UpdateOrganization};
pub use self::problem::Problem;
pub use self::receipt::{Receipt, RemoveKey, Removed};
pub use self::removal::{Filter, InUse, ListKeys, Plan, Removal, RemovalProgress, RemoveKeys, UsedWithin};
pub use self::secret::Secret;
pub use self::text::Text;
pub use self::token::{Introspection, Token};
pub use self::update::{RotateKey, SuspendKey, UpdateKey};
pub use self::usage::{Client, HourlyCount, Usage};
pub use self::verifier::{Covered, Verifier, VerifierMode, VerifierStanding, Verifiers};
pub use self::verify::{Always, Refusal, Refused, Valid, Verdict, Verify};
