//! This file is about issuing: a new key out of a draft.

use crate::command::Draft;
use crate::crypto::{NewCrypto, Origin, Usage};
use crate::error::Error;
use crate::event::Reason;
use crate::id::{AccountId, KeyId, OrganizationId};
use crate::key::{Head, Key, Material, Place, Session, State, Traits};
use crate::metadata::Metadata;
use crate::secret::{Handle, Label};
use crate::store::Name;
use crate::time::Timestamp;

/// The most tags on a key.
const TAGS: usize = 32;
/// The most networks that a key may be used from.
const NETWORKS: usize = 64;
/// The longest name and the longest tag, in bytes.
const NAME: usize = 200;
const TAG: usize = 64;
/// What a name must be.
const A_NAME: &str = "1 to 200 bytes, no control characters";
/// The longest window of a rate limit: a day.
const WINDOW: u32 = 86_400;

/// What a new key gets that the draft does not say.
pub struct Birth {
    /// Its id.
    pub id: KeyId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Who it acts as.
    pub account: AccountId,
    /// Its public part.
    pub handle: Handle,
    /// Where it stands in the table.
    pub place: Place,
    /// What it is for.
    pub environment: Label,
    /// Whether its removal is refused.
    pub protected: bool,
    /// What makes it a key.
    pub material: Material,
    /// The names that it claims.
    pub names: Vec<Name>,
    /// The salt of its commitment.
    pub salt: [u8; 16],
    /// The key that it takes the place of.
    pub supersedes: Option<KeyId>,
    /// What makes it a session.
    pub session: Option<Session>,
}

/// The new key, active, at version 1.
///
/// # Errors
/// [`Error::Invalid`] if the draft breaks a limit.
pub fn issue(birth: Birth, draft: Draft, now: Timestamp) -> Result<Key, Error> {
    draft.check(now)?;
    Ok(Key {
        head: Head {
            id: birth.id,
            organization: birth.organization,
            account: birth.account,
            kind: birth.material.kind(),
            handle: birth.handle,
            place: birth.place,
            environment: birth.environment,
            state: State::Active,
            remove_at: None,
            remove_for: Reason::Retired,
            protected: birth.protected,
            session: birth.session,
            created_at: now,
            salt: birth.salt,
            version: 1,
            names: birth.names,
        },
        traits: Traits {
            name: draft.name,
            scopes: draft.scopes,
            metadata: draft.metadata,
            tags: draft.tags,
            not_before: draft.not_before,
            expires_at: draft.expires_at,
            ip_allow: draft.ip_allow,
            rate_limit: draft.rate_limit,
            uses: draft.uses,
            supersedes: birth.supersedes,
            updated_at: now,
            material: birth.material,
        },
    })
}

impl Draft {
    /// Judges what a key is to be like, at issue and after every change.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the first field that breaks a limit.
    pub fn check(&self, now: Timestamp) -> Result<(), Error> {
        let window =
            |limit: &crate::key::RateLimit| limit.limit > 0 && (1..=WINDOW).contains(&limit.window_seconds);
        let rules = [
            (is_name(&self.name), "name", A_NAME),
            (
                self.tags.len() <= TAGS && self.tags.iter().all(|t| is_tag(t)),
                "tags",
                "at most 32 of 1 to 64 bytes",
            ),
            (self.ip_allow.len() <= NETWORKS, "ip_allow", "at most 64 networks"),
            (
                self.rate_limit.as_ref().is_none_or(window),
                "rate_limit",
                "limit from 1, window_seconds 1 to 86400",
            ),
            (self.expires_at.is_none_or(|at| at > now), "expires_at", "in the future"),
            (
                self.not_before.zip(self.expires_at).is_none_or(|(start, end)| start < end),
                "not_before",
                "before expires_at",
            ),
            (self.uses.is_none_or(|uses| uses > 0), "uses_left", "at least 1"),
            (
                // Counting uses is a write; who calls Keyward itself must not need one.
                self.uses.is_none() || self.scopes.rights() == crate::scope::Rights::default(),
                "uses_left",
                "absent on a key whose scopes are rights on Keyward",
            ),
        ];
        match rules.into_iter().find(|(holds, ..)| !holds) {
            Some((_, field, must)) => Err(Error::invalid(field, must)),
            None => Ok(()),
        }
    }
}

/// Judges what a key that never leaves is to be for: something that its algorithm does, with the half that is there.
///
/// # Errors
/// [`Error::Invalid`].
pub fn check_usages(new: &NewCrypto) -> Result<(), Error> {
    let (possible, needs_one) = match new.origin {
        // A public half may be there to be agreed with, and for nothing else.
        Origin::Public(_) => (new.algorithm.public_usages(), false),
        Origin::Generate | Origin::Derive { .. } => (new.algorithm.usages(), true),
    };
    let fits = possible.cover(new.usages) && !(needs_one && new.usages.is_empty());
    let words: Vec<&str> = possible.iter().map(Usage::word).collect();
    let must = || Error::invalid("crypto.usages", &format!("of: {}", words.join(", ")));
    fits.then_some(()).ok_or_else(must)
}

/// Judges what may be the name of a key, an account, an organization or a resource.
///
/// # Errors
/// [`Error::Invalid`].
pub fn check_name(text: &str) -> Result<(), Error> {
    is_name(text).then_some(()).ok_or_else(|| Error::invalid("name", A_NAME))
}

/// True for what may be such a name.
#[must_use]
pub fn is_name(text: &str) -> bool {
    (1..=NAME).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn is_tag(text: &str) -> bool {
    (1..=TAG).contains(&text.len()) && !text.chars().any(char::is_control)
}

impl From<&Traits> for Draft {
    fn from(traits: &Traits) -> Self {
        Self {
            name: traits.name.clone(),
            scopes: traits.scopes.clone(),
            metadata: Metadata::clone(&traits.metadata),
            tags: traits.tags.clone(),
            not_before: traits.not_before,
            expires_at: traits.expires_at,
            ip_allow: traits.ip_allow.clone(),
            rate_limit: traits.rate_limit,
            uses: traits.uses,
        }
    }
}
