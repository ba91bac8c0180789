//! This file is about keys at rest: the head in clear, the traits sealed, or a tombstone.

pub(crate) mod material;

use std::borrow::Cow;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use self::material::MaterialRow;
use super::{decode, encode};
use crate::error::Error;
use crate::event::Reason;
use crate::id::Id;
use crate::key::{Found, Head, Key, Kind, Place, RateLimit, Session, State, Tombstone, Traits};
use crate::metadata::Metadata;
use crate::scope::{Scope, Scopes};
use crate::seal::{Binding, NONCE, SlotSecret};
use crate::secret::{Handle, Label};
use crate::store::{List, Record, RecordKind};
use crate::time::Timestamp;

// Texts and bytes are read as they lie there: an owned row of bytes is read byte by byte, which is noticed at every start and
// in every list.
#[derive(Serialize, Deserialize)]
struct Row<'a> {
    organization: u128,
    account: u128,
    kind: KindRow,
    handle: &'a str,
    environment: &'a str,
    created_at: u64,
    salt: [u8; 16],
    #[serde(borrow)]
    life: Life<'a>,
}

#[derive(Serialize, Deserialize)]
enum Life<'a> {
    Live {
        place: PlaceRow,
        suspended: bool,
        remove_at: Option<u64>,
        remove_for: Reason,
        protected: bool,
        session: Option<SessionRow>,
        sealed: &'a [u8],
    },
    Removed {
        at: u64,
        reason: Reason,
    },
}

#[derive(Serialize, Deserialize)]
struct SessionRow {
    parent: u128,
    idle_seconds: Option<u32>,
}

#[derive(Serialize, Deserialize)]
enum KindRow {
    Secret,
    Access,
    Crypto,
}

impl From<Kind> for KindRow {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Secret => Self::Secret,
            Kind::Access => Self::Access,
            Kind::Crypto => Self::Crypto,
        }
    }
}

impl From<KindRow> for Kind {
    fn from(row: KindRow) -> Self {
        match row {
            KindRow::Secret => Self::Secret,
            KindRow::Access => Self::Access,
            KindRow::Crypto => Self::Crypto,
        }
    }
}

#[derive(Serialize, Deserialize)]
enum PlaceRow {
    Handle,
    Digest(u64),
    Parts,
    Names,
    Nowhere,
}

#[derive(Serialize, Deserialize)]
struct TraitsRow<'a> {
    name: &'a str,
    #[serde(borrow)]
    scopes: Vec<&'a str>,
    metadata: &'a str,
    tags: Cow<'a, [String]>,
    not_before: Option<u64>,
    expires_at: Option<u64>,
    ip_allow: Cow<'a, [IpNet]>,
    rate_limit: Option<(u32, u32)>,
    uses: Option<u64>,
    supersedes: Option<u128>,
    updated_at: u64,
    #[serde(borrow)]
    material: MaterialRow<'a>,
}

/// A key's record, opened as far as it can be without its slot.
#[derive(Clone)]
pub struct Sealed {
    /// What may be read.
    pub head: Head,
    sealed: Vec<u8>,
}

impl Sealed {
    /// Opens the sealed half.
    ///
    /// # Errors
    /// [`Error::Internal`] if the slot secret is another key's, or the record is damaged.
    pub fn open(self, secret: &SlotSecret) -> Result<Key, Error> {
        let plain = secret.open(&self.sealed, binding(&self.head))?;
        let row: TraitsRow<'_> = postcard::from_bytes(&plain).map_err(Error::internal)?;
        let traits = row.into_traits().ok_or_else(|| {
            Error::internal(format!("{} holds traits that nobody could have written", self.head.id))
        })?;
        Ok(Key { head: self.head, traits })
    }
}

fn binding(head: &Head) -> Binding {
    Binding { organization: head.organization, id: head.id.id(), version: head.version }
}

impl Head {
    fn to_row<'a>(&'a self, sealed: &'a [u8]) -> Row<'a> {
        let place = match self.place {
            Place::Handle => PlaceRow::Handle,
            Place::Digest(bits) => PlaceRow::Digest(bits),
            Place::Parts => PlaceRow::Parts,
            Place::Names => PlaceRow::Names,
            Place::Nowhere => PlaceRow::Nowhere,
        };
        Row {
            organization: self.organization.id().bits(),
            account: self.account.id().bits(),
            kind: self.kind.into(),
            handle: self.handle.as_str(),
            environment: self.environment.as_str(),
            created_at: self.created_at.millis(),
            salt: self.salt,
            life: Life::Live {
                place,
                suspended: self.state == State::Suspended,
                remove_at: self.remove_at.map(Timestamp::millis),
                remove_for: self.remove_for,
                protected: self.protected,
                session: self.session.map(|session| SessionRow {
                    parent: session.parent.id().bits(),
                    idle_seconds: session.idle_seconds,
                }),
                sealed,
            },
        }
    }

    /// A session stands in its parent's list too, so that whoever ends the one can end the other.
    fn lists(&self) -> Vec<List> {
        let parent = self.session.map(|session| List { kind: RecordKind::Key, owner: session.parent.id() });
        let owners = lists(RecordKind::Key, self.organization.id(), self.account.id());
        owners.into_iter().chain(parent).collect()
    }
}

fn lists(kind: RecordKind, organization: Id, account: Id) -> [List; 2] {
    [List { kind, owner: organization }, List { kind, owner: account }]
}

impl Key {
    /// The key as a store keeps it, its traits sealed under the secret in its slot.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if it is longer than a record may be; [`Error::Internal`] if it does not encode.
    pub fn to_record(&self, secret: &SlotSecret, nonce: [u8; NONCE]) -> Result<Record, Error> {
        let plain =
            Zeroizing::new(postcard::to_allocvec(&TraitsRow::of(&self.traits)).map_err(Error::internal)?);
        let sealed = secret.seal(&plain, binding(&self.head), nonce)?;
        let body = encode(&self.head.to_row(&sealed))?;
        if body.len() > Record::BODY_LIMIT {
            return Err(Error::TooLarge { limit: Record::BODY_LIMIT as u64 });
        }
        Ok(Record {
            id: self.head.id.id(),
            kind: RecordKind::Key,
            version: self.head.version,
            body,
            names: self.head.names.clone(),
            lists: self.head.lists(),
        })
    }
}

impl Tombstone {
    /// The tombstone as a store keeps it. It stands in lists of its own and holds its handle's name, so that
    /// whoever looks for the key learns that it was removed.
    ///
    /// # Errors
    /// [`Error::Internal`] if it does not encode.
    pub fn to_record(&self, names: Vec<crate::store::Name>) -> Result<Record, Error> {
        let row = Row {
            organization: self.organization.id().bits(),
            account: self.account.id().bits(),
            kind: self.kind.into(),
            handle: self.handle.as_str(),
            environment: self.environment.as_str(),
            created_at: self.created_at.millis(),
            salt: self.salt,
            life: Life::Removed { at: self.removed_at.millis(), reason: self.reason },
        };
        Ok(Record {
            id: self.id.id(),
            kind: RecordKind::Key,
            version: self.version,
            body: encode(&row)?,
            names,
            lists: lists(RecordKind::Tombstone, self.organization.id(), self.account.id()).into(),
        })
    }
}

/// Reads a key's record as far as it can be read without its slot.
///
/// # Errors
/// [`Error::Internal`] if the record holds no key.
pub fn read(record: &Record) -> Result<Found<Sealed>, Error> {
    let row: Row<'_> = decode(record.id, &record.body)?;
    let labels = Handle::parse(row.handle).zip(Label::parse(row.environment));
    let (handle, environment) =
        labels.ok_or_else(|| Error::internal(format!("record {:?} has no handle", record.id)))?;
    let kind = row.kind.into();
    let (organization, account) = (Id::from_bits(row.organization).into(), Id::from_bits(row.account).into());
    let created_at = Timestamp::from_millis(row.created_at);
    let (id, salt, version) = (record.id.into(), row.salt, record.version);
    Ok(match row.life {
        Life::Live { place, suspended, remove_at, remove_for, protected, session, sealed } => {
            let place = match place {
                PlaceRow::Handle => Place::Handle,
                PlaceRow::Digest(bits) => Place::Digest(bits),
                PlaceRow::Parts => Place::Parts,
                PlaceRow::Names => Place::Names,
                PlaceRow::Nowhere => Place::Nowhere,
            };
            let state = if suspended { State::Suspended } else { State::Active };
            let remove_at = remove_at.map(Timestamp::from_millis);
            let names = record.names.clone();
            let head = Head {
                id,
                organization,
                account,
                kind,
                handle,
                place,
                environment,
                state,
                remove_at,
                remove_for,
                protected,
                session: session.map(|session| Session {
                    parent: Id::from_bits(session.parent).into(),
                    idle_seconds: session.idle_seconds,
                }),
                created_at,
                salt,
                version,
                names,
            };
            Found::Live(Sealed { head, sealed: sealed.to_vec() })
        }
        Life::Removed { at, reason } => Found::Removed(Tombstone {
            id,
            organization,
            account,
            kind,
            handle,
            environment,
            created_at,
            reason,
            salt,
            version,
            removed_at: Timestamp::from_millis(at),
        }),
    })
}

impl<'a> TraitsRow<'a> {
    fn of(traits: &'a Traits) -> Self {
        Self {
            name: &traits.name,
            scopes: traits.scopes.iter().map(Scope::as_str).collect(),
            metadata: traits.metadata.as_str(),
            tags: Cow::Borrowed(&traits.tags),
            not_before: traits.not_before.map(Timestamp::millis),
            expires_at: traits.expires_at.map(Timestamp::millis),
            ip_allow: Cow::Borrowed(&traits.ip_allow),
            rate_limit: traits.rate_limit.map(|rate| (rate.limit, rate.window_seconds)),
            uses: traits.uses,
            supersedes: traits.supersedes.map(|key| key.id().bits()),
            updated_at: traits.updated_at.millis(),
            material: MaterialRow::of(&traits.material),
        }
    }

    fn into_traits(self) -> Option<Traits> {
        Some(Traits {
            name: self.name.to_owned(),
            scopes: Scopes::parse(self.scopes).ok()?,
            metadata: Metadata::parse(self.metadata).ok()?,
            tags: self.tags.into_owned(),
            not_before: self.not_before.map(Timestamp::from_millis),
            expires_at: self.expires_at.map(Timestamp::from_millis),
            ip_allow: self.ip_allow.into_owned(),
            rate_limit: self.rate_limit.map(|(limit, window_seconds)| RateLimit { limit, window_seconds }),
            uses: self.uses,
            supersedes: self.supersedes.map(|key| Id::from_bits(key).into()),
            updated_at: Timestamp::from_millis(self.updated_at),
            material: self.material.into_material()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::access::{Access, Identification, Opens, PinDigest};
    use crate::event::Reason;
    use crate::id::Id;
    use crate::key::tests::key;
    use crate::key::{Found, Kind, Material, Place, Tombstone};
    use crate::seal::SlotSecret;
    use crate::store::Name;
    use crate::time::Timestamp;

    #[test]
    fn a_key_comes_back_as_it_was() {
        let (key, secret) = (key(), SlotSecret::new([1; 32]));
        let record = key.to_record(&secret, [2; 12]).unwrap();
        let Found::Live(sealed) = read(&record).unwrap() else { panic!("lives") };
        assert_eq!(sealed.head, key.head);
        let again = sealed.open(&secret).unwrap();
        assert_eq!(again.to_record(&secret, [2; 12]).unwrap(), record);
        assert_eq!(again.traits.uses, Some(3));
    }

    #[test]
    fn a_door_credential_comes_back_as_it_was_and_rests_unreadable() {
        let (mut key, secret) = (key(), SlotSecret::new([1; 32]));
        key.head.kind = Kind::Access;
        key.head.place = Place::Parts;
        key.head.names = vec![Name([6; 16]), Name([7; 16])];
        for identification in [Identification::badge("EM:1234567890"), Identification::code("00421234")] {
            let identification = identification.unwrap();
            let opens = Opens {
                pin: Some(PinDigest([9; 16])),
                levels: vec![Id::from_bits(4).into()],
                person: Some(Id::from_bits(5).into()),
            };
            key.traits.material = Material::Access(Access { identification, opens });
            let record = key.to_record(&secret, [2; 12]).unwrap();
            let Found::Live(sealed) = read(&record).unwrap() else { panic!("lives") };
            assert_eq!(sealed.head, key.head);
            assert_eq!(sealed.open(&secret).unwrap().to_record(&secret, [2; 12]).unwrap(), record);
            for text in ["1234567890", "0001234567890", "00421234"] {
                assert!(!record.body.windows(text.len()).any(|window| window == text.as_bytes()), "{text}");
            }
        }
    }

    #[test]
    fn a_badge_may_be_handed_on_and_a_secret_is_never_a_key_twice() {
        let mut head = key().head;
        head.names = vec![Name([6; 16]), Name([7; 16]), Name([8; 16])];
        assert_eq!((head.lasting_names(), head.passing_names()), (head.names.clone(), &[][..]));
        head.place = Place::Parts;
        assert_eq!(head.lasting_names(), [Name([6; 16])]);
        assert_eq!(head.passing_names(), [Name([7; 16]), Name([8; 16])]);
    }

    #[test]
    fn nothing_of_the_traits_rests_in_clear() {
        let record = key().to_record(&SlotSecret::new([1; 32]), [2; 12]).unwrap();
        for secret in ["ci", "orders:read", "blue"] {
            let found = record.body.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret}");
        }
    }

    #[test]
    fn a_tombstone_comes_back_as_it_was() {
        let head = key().head;
        let tombstone = Tombstone {
            id: head.id,
            organization: head.organization,
            account: head.account,
            kind: head.kind,
            handle: head.handle,
            environment: head.environment,
            created_at: head.created_at,
            removed_at: Timestamp::from_millis(2000),
            reason: Reason::Compromised,
            salt: head.salt,
            version: 2,
        };
        let record = tombstone.to_record(Vec::new()).unwrap();
        let Found::Removed(again) = read(&record).unwrap() else { panic!("removed") };
        assert_eq!(again, tombstone);
    }

    #[test]
    fn what_is_no_record_is_an_error() {
        let mut record = key().to_record(&SlotSecret::new([1; 32]), [2; 12]).unwrap();
        record.body[0] = 2;
        assert!(read(&record).is_err());
        record.body.truncate(5);
        assert!(read(&record).is_err());
    }
}
