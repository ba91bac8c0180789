//! This file is about what a verifier is told of keys and their owners: rows of a snapshot, and changes.

use super::FrameError;
use super::bytes::{Reader, Writer};
use crate::place::Place;
use crate::record::{Fingerprint, Row};

/// One key, by one of the digests that it is found by: 47 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyRow {
    /// What is kept of the digest.
    pub fingerprint: Fingerprint,
    /// Where the text says that the key stands, if it is one of our own format.
    pub place: Option<Place>,
    /// Its id.
    pub key: u128,
    /// The number of its profile, as the last profile frame before this one that has the number says.
    pub profile: u32,
    /// Refused until somebody resumes it.
    pub suspended: bool,
    /// No verifier can judge it alone (its uses are counted, it ends when nobody uses it): ask the server each time.
    pub ask: bool,
    /// From when on it is refused, Unix seconds.
    pub expires_at: Option<u32>,
    /// Until when it is refused, Unix seconds.
    pub not_before: Option<u32>,
}

impl KeyRow {
    /// How many bytes it takes.
    pub const BYTES: usize = 47;

    /// The bit of [`Row::flags`] for a suspended key.
    pub const FLAG_SUSPENDED: u8 = 1;
    /// The bit of [`Row::flags`] for a key that only the server can judge.
    pub const FLAG_ASK: u8 = 2;
    const HAS_EXPIRY: u8 = 1 << 6;
    const HAS_NOT_BEFORE: u8 = 1 << 7;

    /// The row for a table, under the caller's own index of its profile.
    #[must_use]
    pub fn row(&self, profile: u32) -> Row {
        let millis = |seconds: u32| u64::from(seconds) * 1000;
        Row {
            id: self.key,
            profile,
            expires_at: self.expires_at.map(millis),
            not_before: self.not_before.map(millis),
            flags: self.flags(),
        }
    }

    const fn flags(&self) -> u8 {
        let suspended = if self.suspended { Self::FLAG_SUSPENDED } else { 0 };
        suspended | if self.ask { Self::FLAG_ASK } else { 0 }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, FrameError> {
        let (fingerprint, place) = (Fingerprint::from_bytes(reader.array()?), reader.place()?);
        let (key, profile, flags) = (reader.u128()?, reader.u32()?, reader.u8()?);
        let known = Self::FLAG_SUSPENDED | Self::FLAG_ASK | Self::HAS_EXPIRY | Self::HAS_NOT_BEFORE;
        // A flag that is not known here may be a reason to refuse the key.
        if flags & !known != 0 {
            return Err(FrameError::Field("flags"));
        }
        let mut time = |bit| match (flags & bit != 0, reader.u32()?) {
            (true, seconds) => Ok(Some(seconds)),
            (false, 0) => Ok(None),
            (false, _) => Err(FrameError::Field("time")),
        };
        Ok(Self {
            fingerprint,
            place,
            key,
            profile,
            suspended: flags & Self::FLAG_SUSPENDED != 0,
            ask: flags & Self::FLAG_ASK != 0,
            expires_at: time(Self::HAS_EXPIRY)?,
            not_before: time(Self::HAS_NOT_BEFORE)?,
        })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        let expires = self.expires_at.map_or(0, |_| Self::HAS_EXPIRY);
        let flags = self.flags() | expires | self.not_before.map_or(0, |_| Self::HAS_NOT_BEFORE);
        writer.bytes(&self.fingerprint.to_bytes()).place(self.place).u128(self.key);
        writer.u32(self.profile).u8(flags);
        writer.u32(self.expires_at.unwrap_or_default()).u32(self.not_before.unwrap_or_default());
    }
}

/// What an organization or an account lets the keys below it do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum OwnerStanding {
    /// Work.
    Active = 1,
    /// Nothing, until it is resumed.
    Suspended = 2,
    /// Nothing, ever again.
    Removed = 3,
}

/// The standing of one organization or account: 17 bytes. One that no verifier was told of counts as suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OwnerRow {
    /// Its id; organizations, accounts and keys never share one.
    pub owner: u128,
    /// How it stands.
    pub standing: OwnerStanding,
}

impl OwnerRow {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, FrameError> {
        let owner = reader.u128()?;
        let standing = match reader.u8()? {
            1 => OwnerStanding::Active,
            2 => OwnerStanding::Suspended,
            3 => OwnerStanding::Removed,
            _ => return Err(FrameError::Field("standing")),
        };
        Ok(Self { owner, standing })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.u128(self.owner).u8(self.standing as u8);
    }
}

/// One thing that changed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A key is there, or is otherwise than it was: replaces the row of the same key under the same fingerprint.
    Key(KeyRow),
    /// A key is no longer to be accepted, for ever.
    End {
        /// Which key.
        key: u128,
        /// What it was found by.
        fingerprint: Fingerprint,
        /// Where it stood, as its row said.
        place: Option<Place>,
    },
    /// An organization or an account stands otherwise than it did.
    Owner(OwnerRow),
}

impl Change {
    const KEY: u8 = 1;
    const END: u8 = 2;
    const OWNER: u8 = 3;

    /// What it is about: a key, an account or an organization.
    #[must_use]
    pub const fn subject(&self) -> u128 {
        match self {
            Self::Key(row) => row.key,
            Self::End { key, .. } => *key,
            Self::Owner(row) => row.owner,
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, FrameError> {
        match reader.u8()? {
            Self::KEY => KeyRow::read(reader).map(Self::Key),
            Self::END => Ok(Self::End {
                key: reader.u128()?,
                fingerprint: Fingerprint::from_bytes(reader.array()?),
                place: reader.place()?,
            }),
            Self::OWNER => OwnerRow::read(reader).map(Self::Owner),
            _ => Err(FrameError::Field("change")),
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        match self {
            Self::Key(row) => row.write(writer.u8(Self::KEY)),
            Self::End { key, fingerprint, place } => {
                writer.u8(Self::END).u128(*key).bytes(&fingerprint.to_bytes()).place(*place);
            }
            Self::Owner(row) => row.write(writer.u8(Self::OWNER)),
        }
    }
}
