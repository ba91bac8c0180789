//! This file is about judging a key: what is asked, and what is told.

use std::net::IpAddr;
use std::sync::Arc;

use super::replica::Profile;
use crate::error::Error;
use crate::id::Id;
use crate::wire::{Refusal, Valid};

/// What a key must be good for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Needs<'a> {
    /// The scopes that it must have.
    pub scopes: &'a [&'a str],
    /// Where it was presented from: a key that is bound to networks is refused where that is not known.
    pub address: Option<IpAddr>,
}

/// What a verifier says.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// The key is valid for what was asked.
    Valid(Key),
    /// It is not.
    Refused(Refusal),
    /// Only the server can tell.
    Ask,
    /// There is no lease, so nobody can tell: neither "valid" nor "invalid" would be true.
    Unavailable,
}

impl Verdict {
    /// The key, if it is valid.
    #[must_use]
    pub fn valid(self) -> Option<Key> {
        match self {
            Self::Valid(key) => Some(key),
            Self::Refused(_) | Self::Ask | Self::Unavailable => None,
        }
    }
}

/// A valid key.
#[derive(Clone, Debug)]
pub struct Key {
    pub(super) id: Id,
    pub(super) profile: Arc<Profile>,
    pub(super) expires_at: Option<u64>,
}

impl Key {
    /// Its id.
    #[must_use]
    pub const fn id(&self) -> Id {
        self.id
    }

    /// The account that it acts as.
    #[must_use]
    pub fn account(&self) -> Id {
        Id::account(self.profile.account.id)
    }

    /// The organization that owns it.
    #[must_use]
    pub fn organization(&self) -> Id {
        Id::organization(self.profile.organization.id)
    }

    /// What it may be used for.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        &self.profile.scopes
    }

    /// Whether it may be used for this.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.profile.scopes.iter().any(|own| own == scope)
    }

    /// From when on it is refused, Unix seconds; as far as the verifier itself was asked.
    #[must_use]
    pub const fn expires_at(&self) -> Option<u64> {
        self.expires_at
    }

    /// The key that the server told of.
    pub(super) fn told(valid: &Valid) -> Result<Self, Error> {
        let id = |prefix, text: &str| {
            Id::parse(prefix, text).ok_or_else(|| Error::Unexpected(format!("no {prefix}… id")))
        };
        let owner = |id: Id| Arc::new(super::replica::Owner::unknown(id.bits()));
        let profile = Profile {
            organization: owner(id("org_", &valid.organization_id)?),
            account: owner(id("acct_", &valid.account_id)?),
            scopes: valid.scopes.clone(),
            networks: Vec::new(),
            is_limited: false,
        };
        Ok(Self { id: id("key_", &valid.key_id)?, profile: Arc::new(profile), expires_at: None })
    }
}
