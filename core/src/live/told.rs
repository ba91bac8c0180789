//! This file is about what verifiers on other machines are told of what is live here: rows, and what many of them share.

use std::num::NonZeroU32;
use std::sync::Arc;

use keyward_verifier::frame::{self, KeyRow, Lookup};
use keyward_verifier::{Details, Fingerprint, Place, Row};

use super::entry::{FLAG_IDLE, FLAG_METERED, FLAG_OPENS, FLAG_OWN, FLAG_SEALED, FLAG_SUSPENDED};
use super::{Live, Profile, Stands};
use crate::account::Role;
use crate::id::OrganizationId;
use crate::scope::Right;
use crate::seal::Pepper;
use crate::secret::Digest;

impl Profile {
    /// The profile as verifiers are told of it. What a frame cannot say, no key can have.
    pub(crate) fn told(&self) -> frame::Profile {
        let rate_limit = self.rate_limit.and_then(|limit| {
            let (limit, window) = (NonZeroU32::new(limit.limit), NonZeroU32::new(limit.window_seconds));
            Some(frame::RateLimit { limit: limit?, window_seconds: window? })
        });
        let network =
            |network: &ipnet::IpNet| frame::Network { address: network.addr(), prefix: network.prefix_len() };
        frame::Profile {
            organization: self.account.organization.id.id().bits(),
            account: self.account.id.id().bits(),
            rate_limit,
            networks: self.ip_allow.iter().map(network).collect(),
            scopes: self.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
        }
    }
}

impl Live {
    /// How many parts the table has.
    pub(crate) const fn parts(&self) -> usize {
        self.table.parts()
    }

    /// About how many keys belong to an organization, or to any.
    pub(crate) fn keys_of(&self, organization: Option<OrganizationId>) -> u64 {
        self.profiles
            .count_uses(|profile| organization.is_none_or(|whose| profile.account.organization.id == whose))
    }

    /// Whether an active owner of the operator's organization has a key with every right.
    #[must_use]
    pub fn has_operator(&self) -> bool {
        let is_theirs = |profile: &Profile| {
            let account = &profile.account;
            let is_operator = account.organization.operator() && account.role() == Role::Owner;
            is_operator && account.stands() == Stands::Active && profile.rights.has(Right::Admin)
        };
        self.profiles.count_uses(is_theirs) > 0
    }

    /// The keys of one part of the table that belong to an organization, or to any.
    pub(crate) fn show(
        &self,
        part: usize,
        organization: Option<OrganizationId>,
    ) -> Vec<(KeyRow, Arc<Profile>)> {
        let mut rows = Vec::new();
        self.table.show(part, |place, fingerprint, row| {
            rows.extend(self.concerning(place, fingerprint, &row, organization));
        });
        rows
    }

    /// The key that a verifier asks for.
    pub(crate) fn look_up(
        &self,
        lookup: &Lookup,
        pepper: &Pepper,
        organization: Option<OrganizationId>,
    ) -> Option<(KeyRow, Arc<Profile>)> {
        let digest = Digest::from_bytes(*lookup.digest);
        let places = lookup.place.into_iter().chain([Place::of_bits(digest.place(pepper))]);
        let fingerprint = Fingerprint::from(digest.bytes());
        let find = |place| {
            let row = |row: Row, _: Details<'_>| self.concerning(place, fingerprint, &row, organization);
            self.table.find_with(place, fingerprint, row).flatten()
        };
        places.into_iter().find_map(find)
    }

    /// What a verifier of this organization is told of a row, while it stands in the table.
    fn concerning(
        &self,
        place: Place,
        fingerprint: Fingerprint,
        row: &Row,
        organization: Option<OrganizationId>,
    ) -> Option<(KeyRow, Arc<Profile>)> {
        let profile = self.profiles.with(row.profile, Arc::clone)?;
        let theirs = organization.is_none_or(|whose| whose == profile.account.organization.id);
        (theirs && is_told(row)).then(|| (told(place, fingerprint, row), profile))
    }
}

/// Whether verifiers are told of a row: not of what only this server judges, doors and keys that never leave.
pub(super) const fn is_told(row: &Row) -> bool {
    row.flags & (FLAG_OPENS | FLAG_SEALED) == 0
}

/// The place as verifiers are told of it: one that a presented text does not tell means nothing to them.
pub(super) fn told_place(place: Place, row: &Row) -> Option<Place> {
    (row.flags & FLAG_OWN != 0).then_some(place)
}

/// A row as verifiers are told of it.
pub(super) fn told(place: Place, fingerprint: Fingerprint, row: &Row) -> KeyRow {
    // The table keeps whole seconds before 2106.
    let seconds = |millis: u64| u32::try_from(millis / 1000).unwrap_or(u32::MAX);
    KeyRow {
        fingerprint,
        place: told_place(place, row),
        key: row.id,
        profile: row.profile,
        suspended: row.flags & FLAG_SUSPENDED != 0,
        ask: row.flags & (FLAG_METERED | FLAG_IDLE) != 0,
        expires_at: row.expires_at.map(seconds),
        not_before: row.not_before.map(|millis| seconds(millis.saturating_add(999))),
    }
}
