//! This file is about what makes it a key, at rest: the core of what is sealed.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::access::{Access, Identification, Opens, PinDigest};
use crate::crypto::{Algorithm, Crypto, Private, Source, Usages};
use crate::error::Error;
use crate::id::Id;
use crate::key::{Material, Proof, Scheme, SecretMaterial};
use crate::secret::{Digest, Secret};

#[derive(Serialize, Deserialize)]
pub(super) enum MaterialRow<'a> {
    Secret {
        #[serde(borrow)]
        proof: ProofRow<'a>,
        hint: &'a str,
        recoverable: Option<Cow<'a, str>>,
    },
    Access {
        is_code: bool,
        identification: Cow<'a, str>,
        pin: Option<[u8; 16]>,
        levels: Vec<u128>,
        person: Option<u128>,
    },
    Crypto(#[serde(borrow)] CryptoRow<'a>),
    /// One with a mark, which earlier builds knew nothing of.
    MarkedCrypto(#[serde(borrow)] CryptoRow<'a>, Cow<'a, [u8]>),
}

#[derive(Serialize, Deserialize)]
pub(super) struct CryptoRow<'a> {
    // As they lie there: a `Cow` is copied, of bytes one by one, which is noticed where a key is opened for each use.
    #[serde(borrow)]
    algorithm: &'a str,
    usages: u16,
    source: SourceRow,
    #[serde(borrow)]
    lookup: Option<&'a [u8]>,
    #[serde(borrow)]
    public: Option<&'a [u8]>,
    #[serde(borrow)]
    private: Option<&'a [u8]>,
}

#[derive(Serialize, Deserialize)]
pub(super) enum SourceRow {
    Generated,
    Imported,
    Derived,
}

impl From<Source> for SourceRow {
    fn from(source: Source) -> Self {
        match source {
            Source::Generated => Self::Generated,
            Source::Imported => Self::Imported,
            Source::Derived => Self::Derived,
        }
    }
}

impl From<SourceRow> for Source {
    fn from(row: SourceRow) -> Self {
        match row {
            SourceRow::Generated => Self::Generated,
            SourceRow::Imported => Self::Imported,
            SourceRow::Derived => Self::Derived,
        }
    }
}

/// What makes it a key, as bytes: wherever they go, they go sealed.
///
/// # Errors
/// [`Error::Internal`] if it does not encode.
pub(crate) fn encode(material: &Material) -> Result<Zeroizing<Vec<u8>>, Error> {
    postcard::to_allocvec(&MaterialRow::of(material)).map(Zeroizing::new).map_err(Error::internal)
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// [`Error::Internal`] for anything else.
pub(crate) fn decode(bytes: &[u8]) -> Result<Material, Error> {
    let row: MaterialRow<'_> = postcard::from_bytes(bytes).map_err(Error::internal)?;
    row.into_material().ok_or_else(|| Error::internal("material that nobody could have written"))
}

impl<'a> MaterialRow<'a> {
    pub(super) fn of(material: &'a Material) -> Self {
        match material {
            Material::Secret(secret) => Self::Secret {
                proof: ProofRow::of(&secret.proof),
                hint: &secret.hint,
                recoverable: secret.recoverable.as_ref().map(|kept| Cow::Borrowed(kept.text())),
            },
            Material::Access(Access { identification, opens }) => Self::Access {
                is_code: matches!(identification, Identification::Code(_)),
                identification: Cow::Owned(identification.text().to_string()),
                pin: opens.pin.as_ref().map(|pin| pin.0),
                levels: opens.levels.iter().map(|level| level.id().bits()).collect(),
                person: opens.person.map(|person| person.id().bits()),
            },
            Material::Crypto(crypto) => match &crypto.mark {
                None => Self::Crypto(CryptoRow::of(crypto)),
                Some(mark) => Self::MarkedCrypto(CryptoRow::of(crypto), Cow::Borrowed(mark)),
            },
        }
    }

    pub(super) fn into_material(self) -> Option<Material> {
        Some(match self {
            Self::Secret { proof, hint, recoverable } => {
                let recoverable = match recoverable {
                    Some(text) => Some(Secret::import(&text).ok()?.into()),
                    None => None,
                };
                Material::Secret(SecretMaterial {
                    proof: proof.into_proof(),
                    hint: hint.to_owned(),
                    recoverable,
                })
            }
            Self::Access { is_code, identification, pin, levels, person } => {
                let read = if is_code { Identification::code } else { Identification::badge };
                let resource = |bits| Id::from_bits(bits).into();
                let levels = levels.into_iter().map(resource).collect();
                let opens = Opens { pin: pin.map(PinDigest), levels, person: person.map(resource) };
                Material::Access(Access { identification: read(&identification)?, opens })
            }
            Self::Crypto(row) => Material::Crypto(row.into_crypto(None)?),
            Self::MarkedCrypto(row, mark) => Material::Crypto(row.into_crypto(Some(mark.into_owned()))?),
        })
    }
}

impl<'a> CryptoRow<'a> {
    fn of(crypto: &'a Crypto) -> Self {
        Self {
            algorithm: crypto.algorithm.word(),
            usages: crypto.usages.bits(),
            source: crypto.source.into(),
            lookup: crypto.lookup.as_deref(),
            public: crypto.public.as_deref(),
            private: crypto.private.as_ref().map(Private::expose),
        }
    }

    fn into_crypto(self, mark: Option<Vec<u8>>) -> Option<Crypto> {
        Some(Crypto {
            algorithm: Algorithm::parse(self.algorithm)?,
            usages: Usages::from_bits(self.usages)?,
            source: self.source.into(),
            lookup: self.lookup.map(<[u8]>::to_vec),
            mark,
            public: self.public.map(<[u8]>::to_vec),
            private: self.private.map(|bytes| Private::new(Zeroizing::new(bytes.to_vec()))),
        })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) enum ProofRow<'a> {
    Sha256([u8; 32]),
    Sha512([u8; 32]),
    HmacSha256 { digest: [u8; 32], pepper: Cow<'a, [u8]> },
    Slow(Cow<'a, str>),
    Password(Cow<'a, str>),
}

impl<'a> ProofRow<'a> {
    fn of(proof: &'a Proof) -> Self {
        match proof {
            Proof::Digest(Scheme::Sha256, digest) => Self::Sha256(*digest.bytes()),
            Proof::Digest(Scheme::Sha512, digest) => Self::Sha512(*digest.bytes()),
            Proof::Digest(Scheme::HmacSha256(pepper), digest) => {
                Self::HmacSha256 { digest: *digest.bytes(), pepper: Cow::Borrowed(pepper) }
            }
            Proof::Slow(hash) => Self::Slow(Cow::Borrowed(hash)),
            Proof::Password(hash) => Self::Password(Cow::Borrowed(hash)),
        }
    }

    fn into_proof(self) -> Proof {
        match self {
            Self::Sha256(digest) => Proof::Digest(Scheme::Sha256, Digest::from_bytes(digest)),
            Self::Sha512(digest) => Proof::Digest(Scheme::Sha512, Digest::from_bytes(digest)),
            Self::HmacSha256 { digest, pepper } => {
                let pepper = Zeroizing::new(pepper.into_owned());
                Proof::Digest(Scheme::HmacSha256(pepper), Digest::from_bytes(digest))
            }
            Self::Slow(hash) => Proof::Slow(hash.into_owned()),
            Self::Password(hash) => Proof::Password(hash.into_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};
    use crate::key::Material;

    /// AES-128, to encrypt, generated, without lookup and public half: as builds wrote it that knew of no marks.
    const UNMARKED: &[u8] = b"\x02\x07AES-128\x08\x00\x00\x00\x01\x10sixteen bytes...";

    fn mark(bytes: &[u8]) -> Option<Vec<u8>> {
        let Material::Crypto(crypto) = decode(bytes).unwrap() else { panic!("it never leaves") };
        crypto.mark
    }

    #[test]
    fn a_key_without_a_mark_rests_as_it_always_did() {
        assert_eq!(mark(UNMARKED), None);
        assert_eq!(encode(&decode(UNMARKED).unwrap()).unwrap().as_slice(), UNMARKED);
    }

    #[test]
    fn a_mark_comes_back_as_it_was() {
        let marked = [b"\x03", &UNMARKED[1..], b"\x04mark"].concat();
        assert_eq!(mark(&marked).as_deref(), Some(&b"mark"[..]));
        assert_eq!(*encode(&decode(&marked).unwrap()).unwrap(), marked);
    }

    /// Postcard's own specification says how: the number of the variant, and a length before every text and every row of bytes.
    #[test]
    fn a_key_that_never_leaves_rests_as_it_always_has() {
        let mut bytes = vec![2, 7];
        bytes.extend(b"AES-256");
        // One usage, generated, found by two bytes, no public half, and 32 bytes that nobody sees.
        bytes.extend([1, 0, 1, 2, 0xca, 0xfe, 0, 1, 32]);
        bytes.extend([9; 32]);
        let material = decode(&bytes).unwrap();
        assert_eq!(*encode(&material).unwrap(), bytes);
        let Material::Crypto(crypto) = material else { panic!("of another kind") };
        assert_eq!(crypto.lookup.as_deref(), Some([0xca, 0xfe].as_slice()));
        assert_eq!(crypto.public, None);
        assert_eq!(crypto.private.unwrap().expose(), [9; 32]);
    }
}
