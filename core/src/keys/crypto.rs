//! This file is about what is done to keys that never leave in their own way: they are made of an algorithm, found by what
//! a dialect named them, and used.

use crate::command::Answer;
use crate::crypto::{
    self, Algorithm, Crypto, Exercise, Halves, Identity, KeyRef, Naming, NewCrypto, Peer, PeerHalf, Source,
};
use crate::error::Error;
use crate::id::{KeyId, OrganizationId};
use crate::key::{Found, Kind, Material, Place};
use crate::keyward::{Environment, Keyward, Origin};
use crate::live::Details;
use crate::permit::Permit;
use crate::secret::Handle;
use crate::store::{CommitError, Name, Store};
use crate::time::Timestamp;
use crate::usage::Use;
use crate::verbs;
use crate::verbs::issue::Birth;
use crate::verbs::verify::{Entry, Refusal};

/// A key that never leaves, as it stands in memory, opened.
struct Usable {
    entry: Entry,
    details: Details,
    crypto: Crypto,
}

impl<S: Store, E: Environment> Keyward<S, E> {
    pub(crate) async fn issue_crypto(
        &self,
        permit: &Permit,
        new: NewCrypto,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        permit.may_give(&new.draft.scopes)?;
        let account = self.owner(permit, new.account).await?;
        let (halves, source) = self.make(permit, &new, origin).await?;
        let id: KeyId = self.new_id().into();
        let handle = Handle::from(id);
        let organization = account.organization;
        let naming = new.naming.map(|naming| self.lookup_of(&naming, organization, new.algorithm, &halves));
        let lookup = naming.transpose()?;
        let named = lookup.as_ref().map(|lookup| self.lookup_name(organization, lookup));
        let birth = Birth {
            id,
            organization,
            account: account.id,
            place: Place::Names,
            environment: new.environment,
            protected: new.protected,
            names: std::iter::once(handle.name(&self.pepper)).chain(named).collect(),
            handle,
            material: Material::Crypto(Crypto {
                algorithm: new.algorithm,
                usages: new.usages,
                source,
                lookup,
                mark: new.mark,
                public: halves.public,
                private: halves.private,
            }),
            salt: self.random(),
            supersedes: None,
            session: None,
        };
        let key = verbs::issue::issue(birth, new.draft, self.environment.now())?;
        match self.commit_new(Some(permit), &key, None, origin).await {
            Ok(_) => Ok(Answer::IssuedCrypto(Box::new(key))),
            Err(CommitError::NameTaken(_)) => Err(Error::Taken { what: "lookup" }),
            Err(error) => Err(error.into()),
        }
    }

    /// The halves of a new key, and how they came to be.
    async fn make(
        &self,
        permit: &Permit,
        new: &NewCrypto,
        origin: &Origin,
    ) -> Result<(Halves, Source), Error> {
        verbs::issue::check_usages(new)?;
        let algorithm = new.algorithm;
        match &new.origin {
            crypto::Origin::Generate => {
                let halves = algorithm.generate(&mut |bytes| self.environment.fill(bytes))?;
                Ok((halves, Source::Generated))
            }
            crypto::Origin::Public(public) => {
                algorithm.check_public(public)?;
                Ok((Halves { public: Some(public.clone()), private: None }, Source::Imported))
            }
            crypto::Origin::Derive { key, peer, info } => {
                let now = self.environment.now();
                let used = self.usable(permit, key, origin, now).await?;
                let peer = self.peer(permit, peer, origin, now).await?;
                let derive = || {
                    let bytes = used.crypto.derive(&peer, info, algorithm.private_bytes())?;
                    algorithm.key_of(bytes)
                };
                Ok((self.counted(&used, origin, now, derive).await?, Source::Derived))
            }
        }
    }

    /// What a dialect names a key.
    fn lookup_of(
        &self,
        naming: &Naming,
        organization: OrganizationId,
        algorithm: Algorithm,
        halves: &Halves,
    ) -> Result<Vec<u8>, Error> {
        match (&halves.public, &halves.private) {
            (Some(public), _) => Ok(naming(&Identity::Public(public))),
            (None, Some(private)) => {
                // Its own word in front: the same bytes under two algorithms are two keys.
                let text =
                    zeroize::Zeroizing::new([algorithm.word().as_bytes(), &[0], private.expose()].concat());
                let fingerprint = self.pepper.name("fingerprint", organization.id(), &text);
                Ok(naming(&Identity::Fingerprint(fingerprint.0)))
            }
            (None, None) => Err(Error::internal("a key without halves")),
        }
    }

    fn lookup_name(&self, organization: OrganizationId, lookup: &[u8]) -> Name {
        self.pepper.name("crypto", organization.id(), lookup)
    }

    pub(crate) async fn find_crypto(&self, permit: &Permit, lookup: &[u8]) -> Result<Answer, Error> {
        let name = self.lookup_name(permit.caller().organization, lookup);
        let id = self.store.holder(name).await?.ok_or(Error::NotFound)?;
        self.find(permit, id.into()).await
    }

    /// Does what nothing needs to be waited for, as is nearly everything that is asked of keys; `None` for what is left to
    /// [`Self::exercise`]. A future would be made, moved and wiped for it, which is half as long as to encrypt.
    pub(crate) fn exercise_at_hand(
        &self,
        permit: &Permit,
        key: &KeyRef,
        exercise: &Exercise,
        origin: &Origin,
    ) -> Result<Option<Answer>, Error> {
        if exercise.peer().is_some() {
            return Ok(None);
        }
        let now = self.environment.now();
        let Some(used) = self.at_hand(permit, key, origin, now)?.filter(|used| used.details.uses().is_none())
        else {
            return Ok(None);
        };
        let counted = self.live.count(&used.entry, 1, now);
        self.noted(&used, origin, now, counted, || self.perform(&used, exercise, None)).map(Some)
    }

    pub(crate) async fn exercise(
        &self,
        permit: &Permit,
        key: &KeyRef,
        exercise: &Exercise,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        let now = self.environment.now();
        let used = self.usable(permit, key, origin, now).await?;
        let peer = match exercise.peer() {
            Some(peer) => Some(self.peer(permit, peer, origin, now).await?),
            None => None,
        };
        self.counted(&used, origin, now, || self.perform(&used, exercise, peer.as_ref())).await
    }

    fn perform(&self, used: &Usable, exercise: &Exercise, peer: Option<&PeerHalf>) -> Result<Answer, Error> {
        let done = used.crypto.perform(exercise, peer, &mut |bytes| self.environment.fill(bytes));
        done.map(|exercised| Answer::Exercised(Box::new(exercised)))
    }

    /// The public half of a peer.
    async fn peer(
        &self,
        permit: &Permit,
        peer: &Peer,
        origin: &Origin,
        now: Timestamp,
    ) -> Result<PeerHalf, Error> {
        match peer {
            Peer::Public(public) => Ok(PeerHalf { algorithm: None, public: public.clone() }),
            Peer::Key(key) => {
                let Usable { crypto, .. } = self.usable(permit, key, origin, now).await?;
                let public = crypto.public.ok_or(Error::WrongState { why: "the peer has no public half" })?;
                Ok(PeerHalf { algorithm: Some(crypto.algorithm), public })
            }
        }
    }

    /// Counts a use of a key, lets it happen, and notes it.
    async fn counted<T>(
        &self,
        used: &Usable,
        origin: &Origin,
        now: Timestamp,
        act: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let counted = self.count(&used.entry, &used.details, 1, now).await?;
        self.noted(used, origin, now, counted, act)
    }

    /// Lets a use of a key happen that was counted, and notes it.
    fn noted<T>(
        &self,
        used: &Usable,
        origin: &Origin,
        now: Timestamp,
        counted: Result<(), Refusal>,
        act: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let done = match (counted, used.entry.profile.rate_limit) {
            (Ok(()), _) => act(),
            (Err(Refusal::RateLimited), Some(limit)) => Err(self.live.slow(used.entry.key, limit, now)),
            (Err(refusal), _) => Err(refused(refusal)),
        };
        self.note_use(used.entry.key, origin, now, done.is_ok());
        done
    }

    /// A key that never leaves and may be used now, from there, by this caller.
    async fn usable(
        &self,
        permit: &Permit,
        key: &KeyRef,
        origin: &Origin,
        now: Timestamp,
    ) -> Result<Usable, Error> {
        match self.at_hand(permit, key, origin, now)? {
            Some(used) => Ok(used),
            // What rarely happens is boxed.
            None => Err(Box::pin(self.why_unusable(permit, key, origin)).await?),
        }
    }

    /// The same where it is in memory.
    fn at_hand(
        &self,
        permit: &Permit,
        key: &KeyRef,
        origin: &Origin,
        now: Timestamp,
    ) -> Result<Option<Usable>, Error> {
        let found = match key {
            KeyRef::Id(id) => self.live.find_by_id(*id),
            KeyRef::Lookup(lookup) => {
                self.live.find_named(&self.lookup_name(permit.caller().organization, lookup))
            }
        };
        let Some((entry, mut details)) = found else { return Ok(None) };
        let Some(crypto) = self.live.open(&entry, &mut details)? else { return Ok(None) };
        let account = &entry.profile.account;
        self.covers(permit, account.organization.id, account.id)?;
        entry.judge(origin.address, now).map_err(|refusal| {
            self.note_use(entry.key, origin, now, false);
            refused(refusal)
        })?;
        Ok(Some(Usable { entry, details, crypto }))
    }

    /// Why no key that never leaves is found by this in memory.
    async fn why_unusable(&self, permit: &Permit, key: &KeyRef, origin: &Origin) -> Result<Error, Error> {
        let id = match key {
            KeyRef::Id(id) => id.id(),
            KeyRef::Lookup(lookup) => {
                let name = self.lookup_name(permit.caller().organization, lookup);
                self.store.holder(name).await?.ok_or(Error::NotFound)?
            }
        };
        let stored = self.fetch_key(permit, id.into()).await?;
        Ok(match self.covered(permit, &stored)? {
            Found::Removed(tombstone) => {
                self.note_use(tombstone.id, origin, self.environment.now(), false);
                Error::Gone(Box::new(tombstone))
            }
            Found::Live(sealed) => match sealed.head.kind {
                Kind::Secret | Kind::Access => Error::WrongState { why: "this is no cryptographic key" },
                // Restored without its slot; or so new that whoever asks cannot have heard of it.
                Kind::Crypto => match self.slot_secret(&stored).await {
                    Err(error) => error,
                    Ok(_) => Error::Unavailable { inside: format!("{} is not in memory", sealed.head.id) },
                },
            },
        })
    }

    fn note_use(&self, key: KeyId, origin: &Origin, at: Timestamp, accepted: bool) {
        self.notes.add(key.id(), Use { at, address: origin.address, accepted });
    }
}

/// What a refusal is to whoever wanted to use a key.
fn refused(refusal: Refusal) -> Error {
    let why = match refusal {
        Refusal::Suspended => "the key, its account or its organization is suspended",
        Refusal::Removed => "the key's account or organization was removed",
        Refusal::Expired => "the key has expired",
        Refusal::NotYetValid => "the time of the key has not come",
        Refusal::UsedUp => "the key was used as often as it may be",
        Refusal::AddressNotAllowed => return Error::Forbidden,
        Refusal::Malformed
        | Refusal::Unknown
        | Refusal::RateLimited
        | Refusal::InsufficientScope
        | Refusal::WrongPin
        | Refusal::NoPin
        | Refusal::LevelNotGranted => return Error::internal("a refusal of another kind of key"),
    };
    Error::WrongState { why }
}
