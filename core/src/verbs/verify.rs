//! This file is about verifying: what a verifier says about a presented key, and why not.

use std::net::IpAddr;
use std::sync::Arc;

use crate::command::Ask;
use crate::id::KeyId;
use crate::live::{Details, Profile, Stands};
use crate::store::Position;
use crate::time::Timestamp;

/// What a verifier says.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// The key is valid for what was asked.
    Valid(Valid),
    /// It is not.
    Refused(Refusal),
}

/// A valid key, as far as whoever asked may know it.
#[derive(Clone, Debug)]
pub struct Valid {
    /// Which key.
    pub key: KeyId,
    /// Whose it is, and what it may do.
    pub profile: Arc<Profile>,
    /// Its name and metadata.
    pub details: Details,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// How many events the verifier that says this has applied.
    pub position: Position,
}

/// Why a key is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// It is no key, or a mistyped one.
    Malformed,
    /// Nobody knows it, or not here.
    Unknown,
    /// It was removed.
    Removed,
    /// It, its account or its organization was stopped.
    Suspended,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// It lacks a scope that was asked for.
    InsufficientScope,
    /// It may not be used from there.
    AddressNotAllowed,
    /// It was used too often lately.
    RateLimited,
    /// It was used as often as it may be.
    UsedUp,
    /// Its PIN is missing, or another one was typed.
    WrongPin,
    /// A PIN was typed, and it has none.
    NoPin,
    /// The access level of this door was not granted.
    LevelNotGranted,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Malformed,
        Self::Unknown,
        Self::Removed,
        Self::Suspended,
        Self::Expired,
        Self::NotYetValid,
        Self::InsufficientScope,
        Self::AddressNotAllowed,
        Self::RateLimited,
        Self::UsedUp,
        Self::WrongPin,
        Self::NoPin,
        Self::LevelNotGranted,
    ];

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| refusal.word() == word)
    }

    /// The word on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::Removed => "removed",
            Self::Suspended => "suspended",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::InsufficientScope => "insufficient_scope",
            Self::AddressNotAllowed => "address_not_allowed",
            Self::RateLimited => "rate_limited",
            Self::UsedUp => "used_up",
            Self::WrongPin => "wrong_pin",
            Self::NoPin => "no_pin",
            Self::LevelNotGranted => "level_not_granted",
        }
    }
}

/// A live key as the table holds it, and the profile that it shares with others.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Which key.
    pub key: KeyId,
    /// What it shares with others.
    pub profile: Arc<Profile>,
    /// Whether it was stopped.
    pub suspended: bool,
    /// Whether it ends when nobody uses it for long.
    pub idles: bool,
    /// It is refused before this.
    pub not_before: Option<Timestamp>,
    /// It is refused from this instant on.
    pub ends_at: Option<Timestamp>,
}

impl Entry {
    /// Judges all that needs no counting: state, time, network.
    ///
    /// # Errors
    /// The first [`Refusal`] that fits.
    pub fn judge(&self, address: Option<IpAddr>, now: Timestamp) -> Result<(), Refusal> {
        match self.profile.stands() {
            Stands::Removed => return Err(Refusal::Removed),
            Stands::Suspended => return Err(Refusal::Suspended),
            Stands::Active if self.suspended => return Err(Refusal::Suspended),
            Stands::Active => {}
        }
        if self.ends_at.is_some_and(|end| now >= end) {
            return Err(Refusal::Expired);
        }
        if self.not_before.is_some_and(|start| now < start) {
            return Err(Refusal::NotYetValid);
        }
        let networks = &self.profile.ip_allow;
        // Where networks are named and the address is not known, nothing can be allowed.
        let allowed = networks.is_empty()
            || address.is_some_and(|address| networks.iter().any(|network| network.contains(&address)));
        allowed.then_some(()).ok_or(Refusal::AddressNotAllowed)
    }

    /// Judges it for what was asked.
    ///
    /// # Errors
    /// The first [`Refusal`] that fits.
    pub fn answer(&self, ask: &Ask, now: Timestamp) -> Result<(), Refusal> {
        self.judge(ask.address, now)?;
        self.profile.scopes.cover(&ask.scopes).then_some(()).ok_or(Refusal::InsufficientScope)
    }

    /// The key as whoever asked may know it.
    #[must_use]
    pub fn into_valid(self, details: Details, position: Position) -> Valid {
        Valid { key: self.key, profile: self.profile, details, expires_at: self.ends_at, position }
    }
}
