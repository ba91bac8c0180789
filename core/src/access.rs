//! This file is about door credentials: badges and codes, what they open, and how they are read at a door.
//!
//! Their secrets are short, so nothing of them rests under a plain hash: an identification and a PIN are compared, and
//! found, through keyed hashes only, and lie sealed beside the key's other traits where they must be shown.

mod notation;

use std::fmt;

use aws_lc_rs::constant_time;
use zeroize::Zeroizing;

pub use self::notation::{Badge, Code, Part, Technology};
use crate::command::Draft;
use crate::error::Error;
use crate::id::{AccountId, KeyId, OrganizationId, ResourceId};
use crate::seal::Pepper;
use crate::secret::Label;
use crate::store::Name;
use crate::verbs::verify::Refusal;

/// The collection of what a door credential opens.
pub const LEVELS: &str = "access_levels";
/// The collection of who carries one.
pub const PERSONS: &str = "persons";
/// The collection of what was read at doors.
pub const DOOR_EVENTS: &str = "door_events";
/// The most access levels of one credential.
const MOST_LEVELS: usize = 64;

/// What a door knows a credential by.
#[derive(Clone, PartialEq, Eq)]
pub enum Identification {
    /// A badge that a reader reads.
    Badge(Badge),
    /// Digits that somebody types.
    Code(Code),
}

impl Identification {
    /// The badge that a text means, in any notation.
    #[must_use]
    pub fn badge(text: &str) -> Option<Self> {
        Badge::parse(text).map(Self::Badge)
    }

    /// The code that a text is.
    #[must_use]
    pub fn code(text: &str) -> Option<Self> {
        Code::parse(text).map(Self::Code)
    }

    /// The word for what it is.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Badge(_) => "proximity",
            Self::Code(_) => "code",
        }
    }

    /// The one notation that it is shown in.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        match self {
            Self::Badge(badge) => badge.text(),
            Self::Code(code) => Zeroizing::new(code.text().to_owned()),
        }
    }

    /// What it is filed under: every part by itself, in one organization. So no part is ever two live keys of it, and a
    /// reader that reads one chip of a badge finds the key of all.
    #[must_use]
    pub fn names(&self, pepper: &Pepper, organization: OrganizationId) -> Vec<Name> {
        let name = |text: &str| pepper.name("access", organization.id(), text.as_bytes());
        match self {
            Self::Badge(badge) => badge.parts().iter().map(|part| name(&part.prefixed())).collect(),
            Self::Code(code) => vec![name(code.text())],
        }
    }
}

/// What makes a key a door credential.
#[derive(Clone)]
pub struct Access {
    /// What a door knows it by; it never changes.
    pub identification: Identification,
    /// What it opens.
    pub opens: Opens,
}

/// What a door credential opens, and with what.
#[derive(Clone)]
pub struct Opens {
    /// The PIN that must come with it.
    pub pin: Option<PinDigest>,
    /// The access levels that were granted.
    pub levels: Vec<ResourceId>,
    /// Who carries it.
    pub person: Option<ResourceId>,
}

impl Opens {
    /// Judges a read at a door, with the digest of the PIN that came with it.
    ///
    /// # Errors
    /// [`Refusal::WrongPin`], [`Refusal::NoPin`], [`Refusal::LevelNotGranted`].
    pub fn judge(&self, level: Option<ResourceId>, pin: Option<&PinDigest>) -> Result<(), Refusal> {
        match (&self.pin, pin) {
            (Some(own), Some(given)) if own == given => {}
            (Some(_), _) => return Err(Refusal::WrongPin),
            (None, Some(_)) => return Err(Refusal::NoPin),
            (None, None) => {}
        }
        let granted = level.is_none_or(|level| self.levels.contains(&level));
        granted.then_some(()).ok_or(Refusal::LevelNotGranted)
    }

    /// Takes over what changes.
    pub(crate) fn change(&mut self, patch: AccessPatch, pepper: &Pepper, key: KeyId) {
        if let Some(pin) = patch.pin {
            self.pin = pin.map(|pin| pin.digest(pepper, key));
        }
        if let Some(levels) = patch.levels {
            self.levels = levels;
        }
        if let Some(person) = patch.person {
            self.person = person;
        }
    }
}

/// A PIN as it was typed: 4 to 8 digits.
#[derive(Clone)]
pub struct Pin(Zeroizing<String>);

impl Pin {
    /// Reads a PIN.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (4..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// What is kept of it beside one key.
    #[must_use]
    pub fn digest(&self, pepper: &Pepper, key: KeyId) -> PinDigest {
        PinDigest(pepper.name("pin", key.id(), self.0.as_bytes()).0)
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin")
    }
}

/// A keyed hash of a PIN: another one for every key, so that equal PINs do not show.
#[derive(Clone)]
pub struct PinDigest(pub(crate) [u8; 16]);

impl PartialEq for PinDigest {
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

/// A door credential to make.
#[derive(Clone)]
pub struct NewAccess {
    /// Who it acts as; not given: the caller's account.
    pub account: Option<AccountId>,
    /// What it is for.
    pub environment: Label,
    /// Whether its removal is refused.
    pub protected: bool,
    /// What a door knows it by; not given: a new code.
    pub identification: Option<Identification>,
    /// The PIN that must come with it.
    pub pin: Option<Pin>,
    /// The access levels to grant.
    pub levels: Vec<ResourceId>,
    /// Who carries it.
    pub person: Option<ResourceId>,
    /// The rest.
    pub draft: Draft,
}

/// What changes about a door credential. `None` leaves a field; `Some(None)` clears it.
#[derive(Clone, Debug, Default)]
pub struct AccessPatch {
    /// A new PIN.
    pub pin: Option<Option<Pin>>,
    /// Other access levels, replaced whole.
    pub levels: Option<Vec<ResourceId>>,
    /// Who carries it.
    pub person: Option<Option<ResourceId>>,
}

/// A credential as it was read at a door.
#[derive(Clone)]
pub struct DoorRead {
    /// What was read.
    pub identification: Identification,
    /// What was typed after it.
    pub pin: Option<Pin>,
    /// The access level that this door is of.
    pub level: Option<ResourceId>,
    /// Which door; given, the read is written down.
    pub door: Option<Door>,
}

/// A door, as whoever asks calls it.
#[derive(Clone)]
pub struct Door {
    /// Its name.
    pub name: Option<String>,
    /// The verifier that controls it.
    pub verifier: Option<String>,
}

/// Judges how many levels are named.
///
/// # Errors
/// [`Error::Invalid`] above 64.
pub(crate) fn check_levels(levels: &[ResourceId]) -> Result<(), Error> {
    let fits = levels.len() <= MOST_LEVELS;
    fits.then_some(()).ok_or_else(|| Error::invalid("access.levels", "at most 64 access levels"))
}

#[cfg(test)]
mod tests;
