//! This file is about what a key is: a head that may be read without opening it, traits that are sealed, and
//! the tombstone that is left when it is removed.

use ipnet::IpNet;

use crate::access::Access;
use crate::crypto::Crypto;
use crate::error::Error;
use crate::event::Reason;
use crate::id::{AccountId, KeyId, OrganizationId};
use crate::metadata::Metadata;
use crate::scope::Scopes;
use crate::secret::{Digest, Handle, Kept, Label};
use crate::store::Name;
use crate::time::Timestamp;

/// A key that has not been removed.
#[derive(Clone)]
pub struct Key {
    /// What may be read without opening it.
    pub head: Head,
    /// What is sealed.
    pub traits: Traits,
}

/// The part of a key that may be read without opening it: all that its removal needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its id.
    pub id: KeyId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Who it acts as.
    pub account: AccountId,
    /// What kind of key it is.
    pub kind: Kind,
    /// Its public part.
    pub handle: Handle,
    /// Where it stands in the table of live keys.
    pub place: Place,
    /// What it is for: `live`, `test`, ...
    pub environment: Label,
    /// Whether it works.
    pub state: State,
    /// When it is to be removed by itself; it is refused from that instant on.
    pub remove_at: Option<Timestamp>,
    /// Why it is to be removed then.
    pub remove_for: Reason,
    /// Whether its removal is refused.
    pub protected: bool,
    /// How it came to be, if that was by signing in.
    pub session: Option<Session>,
    /// When it was issued or imported.
    pub created_at: Timestamp,
    /// The salt of the commitment that names it in the log.
    pub salt: [u8; 16],
    /// The version of its record, from 1.
    pub version: u64,
    /// The unique names that it holds.
    pub names: Vec<Name>,
}

/// What makes a key a session: a key like any other, with a short life and a parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// The key that signed in.
    pub parent: KeyId,
    /// It is refused after so long without use.
    pub idle_seconds: Option<u32>,
}

/// The kinds of key. Each is handled by an exhaustive match wherever kinds differ, so a new one is met by the
/// compiler at every place that must know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A bearer secret: whoever shows it may.
    Secret,
    /// A door credential: a badge or a code, read at a door.
    Access,
    /// A cryptographic key that never leaves.
    Crypto,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Secret, Self::Access, Self::Crypto];

    /// The word on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Access => "access",
            Self::Crypto => "crypto",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// Where a key stands in the table of live keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// By the ten random characters inside a secret of ours, which end its handle.
    Handle,
    /// By these 64 bits of its digest, for a secret that was made elsewhere.
    Digest(u64),
    /// At each part of what a door knows it by: by 64 bits of every name after that of its handle.
    Parts,
    /// At each of its names: a key that is asked for by what it is called, and presented by nobody.
    Names,
    /// Nowhere: a password, which signs in and is never presented as a key.
    Nowhere,
}

/// Whether a key that has not been removed works. Expiry is a time, not a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It works.
    Active,
    /// It was stopped, and can be resumed.
    Suspended,
}

/// The part of a key that is sealed.
#[derive(Clone)]
pub struct Traits {
    /// What people call it; 1 to 100 characters.
    pub name: String,
    /// What it may be used for.
    pub scopes: Scopes,
    /// Whatever its owner keeps with it.
    pub metadata: Metadata,
    /// Words to find it by; at most 32 of 1 to 64 characters.
    pub tags: Vec<String>,
    /// It is refused before this.
    pub not_before: Option<Timestamp>,
    /// It is refused from this instant on.
    pub expires_at: Option<Timestamp>,
    /// The networks that it may be used from; none given: from everywhere.
    pub ip_allow: Vec<IpNet>,
    /// How often it may be used.
    pub rate_limit: Option<RateLimit>,
    /// How often it may be used in all.
    pub uses: Option<u64>,
    /// The key that it took the place of.
    pub supersedes: Option<KeyId>,
    /// When something about it was last changed.
    pub updated_at: Timestamp,
    /// What makes it a key.
    pub material: Material,
}

/// At most `limit` uses in any `window_seconds`, spread evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RateLimit {
    /// Uses, from 1.
    pub limit: u32,
    /// Seconds, 1 to 86,400.
    pub window_seconds: u32,
}

/// What makes it a key.
#[derive(Clone)]
pub enum Material {
    /// A bearer secret.
    Secret(SecretMaterial),
    /// A door credential.
    Access(Access),
    /// A cryptographic key that never leaves.
    Crypto(Crypto),
}

impl Material {
    /// The kind of key that it makes.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Secret(_) => Kind::Secret,
            Self::Access(_) => Kind::Access,
            Self::Crypto(_) => Kind::Crypto,
        }
    }
}

/// What is kept of a bearer secret.
#[derive(Clone)]
pub struct SecretMaterial {
    /// How a presented text is compared.
    pub proof: Proof,
    /// The few characters of it that stay readable; mostly none.
    pub hint: String,
    /// The text itself, where it must be shown again.
    pub recoverable: Option<Kept>,
}

/// How a presented text proves to be the secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Proof {
    /// Its digest, taken in one step, is this.
    Digest(Scheme, Digest),
    /// A slow password hash accepts it: imported so, and replaced by a digest at first use.
    Slow(String),
    /// A slow hash accepts it, and it stays so: people choose passwords that a fast hash would give away. It signs
    /// in, under the handle; no verifier accepts it.
    Password(String),
}

/// How the digest of an imported secret was taken. What the table holds is always 32 bytes.
#[derive(Clone, PartialEq, Eq)]
pub enum Scheme {
    /// SHA-256 of the text: every secret of ours.
    Sha256,
    /// SHA-256 over the SHA-512 of the text.
    Sha512,
    /// SHA-256 over the HMAC-SHA-256 of the text under this pepper.
    HmacSha256(zeroize::Zeroizing<Vec<u8>>),
}

/// What is left of a removed key: facts, no secret, nothing that it opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// Its id.
    pub id: KeyId,
    /// Whose it was.
    pub organization: OrganizationId,
    /// Who it acted as.
    pub account: AccountId,
    /// What kind of key it was.
    pub kind: Kind,
    /// Its public part.
    pub handle: Handle,
    /// What it was for.
    pub environment: Label,
    /// When it was issued or imported.
    pub created_at: Timestamp,
    /// When its removal was decided.
    pub removed_at: Timestamp,
    /// Why.
    pub reason: Reason,
    /// The salt of the commitment that names it in the log.
    pub salt: [u8; 16],
    /// The version of its record: its last.
    pub version: u64,
}

/// A key as it is found: it lives, or it lived.
#[derive(Clone)]
pub enum Found<K> {
    /// It has not been removed.
    Live(K),
    /// It has.
    Removed(Tombstone),
}

impl<K> Found<K> {
    /// The living key.
    ///
    /// # Errors
    /// [`Error::Gone`] if it was removed.
    pub fn live(self) -> Result<K, Error> {
        match self {
            Self::Live(key) => Ok(key),
            Self::Removed(tombstone) => Err(Error::Gone(Box::new(tombstone))),
        }
    }
}

impl Head {
    /// Whether it is an API key: a secret that is presented for what it is, neither a session's nor a password.
    #[must_use]
    pub fn is_api_key(&self) -> bool {
        self.kind == Kind::Secret && self.place != Place::Nowhere && self.session.is_none()
    }

    /// The names that another key may have after it: of the parts of a door credential's identification, what a dialect
    /// called a key that never leaves, and the login of a password, which is no secret text.
    #[must_use]
    pub fn passing_names(&self) -> &[Name] {
        match self.place {
            Place::Parts | Place::Names => self.names.get(1..).unwrap_or_default(),
            Place::Nowhere => &self.names,
            Place::Handle | Place::Digest(_) => &[],
        }
    }

    /// The names that it still holds when it is removed. A secret is never a key twice; a badge may be handed on, and
    /// somebody may have the login after its holder.
    #[must_use]
    pub fn lasting_names(&self) -> Vec<Name> {
        let count = self.names.len() - self.passing_names().len();
        self.names.iter().take(count).copied().collect()
    }
}

impl Key {
    /// The instant from which on it is refused, whichever comes first.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        match (self.traits.expires_at, self.head.remove_at) {
            (Some(expiry), Some(removal)) => Some(expiry.min(removal)),
            (one, other) => one.or(other),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Digest, Head, Key, Kind, Material, Place, Proof, Scheme, SecretMaterial, State, Traits};
    use crate::event::Reason;
    use crate::id::Id;
    use crate::metadata::Metadata;
    use crate::scope::Scopes;
    use crate::secret::{Handle, Label};
    use crate::store::Name;
    use crate::time::Timestamp;

    /// A plain active key at version 1.
    pub(crate) fn key() -> Key {
        Key {
            head: Head {
                id: Id::from_bits(1).into(),
                organization: Id::from_bits(2).into(),
                account: Id::from_bits(3).into(),
                kind: Kind::Secret,
                handle: Handle::parse("kw_live_0123456789").unwrap(),
                place: Place::Handle,
                environment: Label::parse("live").unwrap(),
                state: State::Active,
                remove_at: None,
                remove_for: Reason::Retired,
                protected: false,
                session: None,
                created_at: Timestamp::from_millis(1000),
                salt: [5; 16],
                version: 1,
                names: vec![Name([6; 16])],
            },
            traits: Traits {
                name: "ci".to_owned(),
                scopes: Scopes::parse(["orders:read"]).unwrap(),
                metadata: Metadata::parse(r#"{"team":"blue"}"#).unwrap(),
                tags: vec!["a".to_owned()],
                not_before: None,
                expires_at: None,
                ip_allow: vec!["10.0.0.0/8".parse().unwrap()],
                rate_limit: None,
                uses: Some(3),
                supersedes: None,
                updated_at: Timestamp::from_millis(1000),
                material: Material::Secret(SecretMaterial {
                    proof: Proof::Digest(Scheme::Sha256, Digest::of(b"x")),
                    hint: String::new(),
                    recoverable: None,
                }),
            },
        }
    }
}
