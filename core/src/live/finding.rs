//! This file is about finding the key that a text is the secret of, or that stands by a name.

use std::sync::Arc;

use keyward_verifier::{At, Details as RowDetails, Place as TablePlace, Row};

use super::places::place_of;
use super::schemes::Whose;
use super::{Details, Live};
use crate::id::KeyId;
use crate::key::Scheme;
use crate::seal::Pepper;
use crate::secret::{Digest, Handle, Presented};
use crate::store::Name;
use crate::verbs::verify::Entry;

impl Live {
    /// Finds the key that a text is the secret of, whatever its state.
    #[must_use]
    pub fn find(&self, presented: &Presented<'_>, whose: Whose, pepper: &Pepper) -> Option<(Entry, Details)> {
        self.locate(presented, whose, pepper, Details::unpack)
    }

    /// Finds the door credential that has all of these parts, whatever its state.
    #[must_use]
    pub fn find_parts(&self, parts: &[Name]) -> Option<(Entry, Details)> {
        let (first, others) = parts.split_first()?;
        let found = self.find_named(first)?;
        let is_its = |part| self.find_named(part).is_some_and(|(entry, _)| entry.key == found.0.key);
        others.iter().all(is_its).then_some(found)
    }

    /// Finds the key that stands by this name, whatever its state.
    #[must_use]
    pub fn find_named(&self, name: &Name) -> Option<(Entry, Details)> {
        self.find_at(place_of(name), &Digest::of(&name.0))
    }

    /// Finds the key that never leaves and has this id, whatever its state.
    #[must_use]
    pub fn find_by_id(&self, key: KeyId) -> Option<(Entry, Details)> {
        let (place, digest) = self.by_id(key);
        self.find_at(place, &digest)
    }

    fn find_at(&self, place: TablePlace, digest: &Digest) -> Option<(Entry, Details)> {
        let resolve = |row, bytes: RowDetails<'_>| Some((self.entry(&row)?, Details::unpack(&row, &bytes)?));
        self.table.find_with(place, digest.bytes(), resolve).flatten()
    }

    /// The key that a text is the secret of, and what `unpack` makes of the details of its row.
    pub(super) fn locate<D>(
        &self,
        presented: &Presented<'_>,
        whose: Whose,
        pepper: &Pepper,
        unpack: impl Fn(&Row, &RowDetails<'_>) -> Option<D>,
    ) -> Option<(Entry, D)> {
        let read = |at: At<'_>, digest: &Digest| {
            let resolve = |row, bytes: RowDetails<'_>| {
                let entry = self.entry(&row)?;
                let is_theirs = whose.includes(entry.profile.account.organization.id);
                is_theirs.then(|| Some((entry, unpack(&row, &bytes)?))).flatten()
            };
            at.find_with(digest.bytes(), resolve).flatten()
        };
        // Its memory is on the way while the text is hashed.
        let own = own_place(presented).map(|place| self.table.at(place));
        let digest = Digest::of(presented.text().as_bytes());
        if let Some(found) = own.and_then(|at| read(at, &digest)) {
            return Some(found);
        }
        let at = |bits| self.table.at(TablePlace::of_bits(bits));
        // Made elsewhere; or of our format and brought along as a digest, which does not tell the place.
        let text = digest.place(pepper);
        if let Some(found) = read(at(text), &digest) {
            return Some(found);
        }
        // A secret of our own claims its SHA-256 and no other digest: by those it could come back after its removal.
        if !self.schemes.any() || presented.handle().is_some() {
            return None;
        }
        let by = |ways: Vec<Arc<Scheme>>| {
            let digests = ways.iter().map(|scheme| scheme.digest(presented.text()));
            digests.into_iter().find_map(|digest| read(at(digest.place(pepper)), &digest))
        };
        let at_hand = || self.schemes.where_found(text).map_or_else(Vec::new, |whose| self.schemes.of(whose));
        match whose {
            Whose::One(organization) => by(self.schemes.of(organization)),
            Whose::AtHand => by(at_hand()),
            Whose::Anyone => by(at_hand()).or_else(|| {
                let found = by(self.schemes.all())?;
                self.schemes.remember(text, found.0.profile.account.organization.id);
                Some(found)
            }),
        }
    }

    /// Every digest under which a text may be known, as far as that can be told: a removed key takes the pepper of
    /// its digest along.
    pub fn digests(&self, text: &str, whose: Whose, pepper: &Pepper) -> impl Iterator<Item = Digest> {
        let sha256 = Digest::of(text.as_bytes());
        let mut ways = match whose {
            Whose::One(organization) => self.schemes.ever_of(organization),
            Whose::AtHand => {
                let found_in = self.schemes.where_found(sha256.place(pepper));
                found_in.map_or_else(Vec::new, |organization| self.schemes.ever_of(organization))
            }
            Whose::Anyone => self.schemes.all_ever(),
        };
        ways.retain(|way| **way != Scheme::Sha512);
        let sha512 = Scheme::Sha512.digest(text);
        [sha256, sha512].into_iter().chain(ways.into_iter().map(move |way| way.digest(text)))
    }

    /// The handles that may begin a presented text whose key was imported with a slow hash.
    #[must_use]
    pub fn slow_handles(&self, presented: &Presented<'_>, whose: Whose) -> Vec<Handle> {
        self.schemes.slow_handles(presented, whose)
    }
}

fn own_place(presented: &Presented<'_>) -> Option<TablePlace> {
    presented.place()?.first_chunk().map(TablePlace::of_chars)
}

impl Digest {
    /// Where a key with this digest stands, if its text is not of our own format: bits of its name, so that
    /// they can be kept in clear without giving a guesser anything to compare with.
    #[must_use]
    pub fn place(&self, pepper: &Pepper) -> u64 {
        self.name(pepper).bits()
    }
}
