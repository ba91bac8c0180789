//! This file is about what a verifier says.

use zeroize::Zeroizing;

use super::bytes::{Reader, Writer};
use super::{FrameError, VERIFIER_FRAME_LIMIT, VERSION};
use crate::lease::{Incarnation, Mode, Position};
use crate::place::Place;

/// A frame from a verifier.
#[derive(Clone, PartialEq, Eq)]
pub enum VerifierFrame {
    /// Who it is: the first frame of a connection.
    Hello(Hello),
    /// It asks for a lease, under a number that grows with each renewal of a run.
    Renew(u64),
    /// It has applied everything up to here.
    Acknowledge(Position),
    /// It asks for one key.
    Lookup(Lookup),
    /// It accepts nothing any more: its lease is over.
    Goodbye,
    /// How often it accepted and refused some keys, one at least.
    Uses(Vec<KeyUses>),
}

/// Who a verifier is, and what it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Which run of it.
    pub incarnation: Incarnation,
    /// What it keeps.
    pub mode: Mode,
    /// Does it go on when its lease has run out?
    pub serve_stale: bool,
    /// Up to where its table is whole; 0: it has nothing.
    pub position: Position,
    /// The signed checkpoint of the longest log that it has seen (C2SP tlog-checkpoint), at most 1,024 bytes; empty if it
    /// has seen none. With the signature it is proof: a server that has less was put back.
    pub anchor: String,
    /// Its name: 1 to 64 bytes of text without control characters.
    pub name: String,
}

/// A question about one key. It says more of the presented text than a verifier keeps: the server finds keys by it.
#[derive(Clone, PartialEq, Eq)]
pub struct Lookup {
    /// Comes back with the answer.
    pub number: u32,
    /// Where the text says that the key stands, if it is one of our own format.
    pub place: Option<Place>,
    /// The SHA-256 digest of the text.
    pub digest: Zeroizing<[u8; 32]>,
}

/// How a verifier saw one key used since it was told of last: 28 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUses {
    /// The key's id.
    pub key: u128,
    /// How often it was accepted.
    pub accepted: u32,
    /// How often it was refused although it was known.
    pub refused: u32,
    /// How many seconds ago it was last accepted; 0 if it was not.
    pub seconds_ago: u32,
}

const HELLO: u8 = 0x01;
const RENEW: u8 = 0x02;
const ACKNOWLEDGE: u8 = 0x03;
const LOOKUP: u8 = 0x04;
const GOODBYE: u8 = 0x05;
const USES: u8 = 0x06;

impl VerifierFrame {
    /// Reads a frame.
    ///
    /// # Errors
    /// [`FrameError`]: the connection is closed.
    pub fn decode(frame: &[u8]) -> Result<Self, FrameError> {
        let (kind, mut reader) = Reader::open(frame, VERIFIER_FRAME_LIMIT)?;
        let frame = match kind {
            HELLO => Self::Hello(Hello::read(&mut reader)?),
            RENEW => Self::Renew(reader.u64()?),
            ACKNOWLEDGE => Self::Acknowledge(Position(reader.u64()?)),
            LOOKUP => Self::Lookup(Lookup {
                number: reader.u32()?,
                place: reader.place()?,
                digest: Zeroizing::new(reader.array()?),
            }),
            GOODBYE => Self::Goodbye,
            USES => Self::Uses(KeyUses::read_some(&mut reader)?),
            other => return Err(FrameError::Type(other)),
        };
        reader.end()?;
        Ok(frame)
    }

    /// Writes it.
    ///
    /// # Errors
    /// [`FrameError::Field`] for a name that is none, [`FrameError::TooLong`] for more than a frame holds.
    pub fn encode(&self) -> Result<Vec<u8>, FrameError> {
        let mut writer = Writer::new(self.kind());
        match self {
            Self::Hello(hello) => hello.write(&mut writer)?,
            Self::Renew(number) => drop(writer.u64(*number)),
            Self::Acknowledge(position) => drop(writer.u64(position.0)),
            Self::Lookup(lookup) => {
                writer.u32(lookup.number).place(lookup.place).bytes(lookup.digest.as_slice());
            }
            Self::Goodbye => {}
            Self::Uses(uses) => uses.iter().for_each(|one| one.write(&mut writer)),
        }
        writer.finish(VERIFIER_FRAME_LIMIT)
    }

    const fn kind(&self) -> u8 {
        match self {
            Self::Hello(_) => HELLO,
            Self::Renew(_) => RENEW,
            Self::Acknowledge(_) => ACKNOWLEDGE,
            Self::Lookup(_) => LOOKUP,
            Self::Goodbye => GOODBYE,
            Self::Uses(_) => USES,
        }
    }
}

impl KeyUses {
    /// How many of them a frame holds.
    pub const IN_A_FRAME: usize = (VERIFIER_FRAME_LIMIT - 1) / Self::BYTES;
    const BYTES: usize = 28;

    fn read_some(reader: &mut Reader<'_>) -> Result<Vec<Self>, FrameError> {
        let uses = reader.rest(Self::read)?;
        if uses.is_empty() { Err(FrameError::Length) } else { Ok(uses) }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, FrameError> {
        let (key, accepted, refused) = (reader.u128()?, reader.u32()?, reader.u32()?);
        match (accepted, reader.u32()?) {
            (0, 1..) => Err(FrameError::Field("time")),
            (_, seconds_ago) => Ok(Self { key, accepted, refused, seconds_ago }),
        }
    }

    fn write(&self, writer: &mut Writer) {
        writer.u128(self.key).u32(self.accepted).u32(self.refused).u32(self.seconds_ago);
    }
}

impl Hello {
    /// The longest name, in bytes.
    pub const NAME_LIMIT: usize = 64;
    /// The longest signed checkpoint, in bytes: ours have about 200.
    pub const ANCHOR_LIMIT: usize = 1024;

    fn read(reader: &mut Reader<'_>) -> Result<Self, FrameError> {
        let version = reader.u16()?;
        if version != VERSION {
            return Err(FrameError::Version(version));
        }
        let incarnation = Incarnation(reader.u128()?);
        let mode = match reader.u8()? {
            1 => Mode::Full,
            2 => Mode::Hot,
            3 => Mode::Online,
            _ => return Err(FrameError::Field("mode")),
        };
        let serve_stale = reader.flag("serve_stale")?;
        let position = Position(reader.u64()?);
        let length = reader.u16()?.into();
        let anchor = reader.text(length, "anchor")?.to_owned();
        let length = reader.u8()?.into();
        let name = reader.text(length, "name")?.to_owned();
        Self { incarnation, mode, serve_stale, position, anchor, name }.checked()
    }

    fn write(&self, writer: &mut Writer) -> Result<(), FrameError> {
        self.clone().checked()?;
        let mode = match self.mode {
            Mode::Full => 1,
            Mode::Hot => 2,
            Mode::Online => 3,
        };
        writer.u16(VERSION).u128(self.incarnation.0).u8(mode).u8(self.serve_stale.into());
        writer.u64(self.position.0);
        writer.long(self.anchor.len())?.bytes(self.anchor.as_bytes());
        writer.short(self.name.len())?.bytes(self.name.as_bytes());
        Ok(())
    }

    fn checked(self) -> Result<Self, FrameError> {
        let fits = (1..=Self::NAME_LIMIT).contains(&self.name.len());
        if !fits || self.name.contains(char::is_control) {
            return Err(FrameError::Field("name"));
        }
        if self.anchor.len() > Self::ANCHOR_LIMIT { Err(FrameError::Field("anchor")) } else { Ok(self) }
    }
}
