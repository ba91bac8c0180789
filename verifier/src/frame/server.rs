//! This file is about what a server says.

use std::time::Duration;

use super::bytes::{Reader, Writer};
use super::profile::Profile;
use super::row::{Change, KeyRow, OwnerRow};
use super::{FrameError, SERVER_FRAME_LIMIT};
use crate::lease::{Grant, Incarnation, Position, Term};

/// A frame from the server.
#[derive(Clone, PartialEq, Eq)]
pub enum ServerFrame {
    /// The verifier has joined: the first frame of a connection.
    Welcome(Welcomed),
    /// How some organizations and accounts stand: part of a snapshot, or before an answer that names them.
    Owners(Vec<OwnerRow>),
    /// What a profile number means in the rows that follow.
    Profile(u32, Profile),
    /// Some keys: part of a snapshot.
    Rows(Vec<KeyRow>),
    /// The snapshot is complete; the server read its last row when its log was at this position.
    Loaded(Position),
    /// What changed between two positions, in order.
    Changes(Changes),
    /// A lease, and what time it is.
    Grant(Granted),
    /// A longer log.
    Shown(Shown),
    /// What was asked.
    Answer(Answer),
    /// The connection ends, and why: the last frame.
    Refuse(Reason),
}

/// How the server receives a verifier; see [`Welcome`](crate::lease::Welcome), which a verifier makes of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Welcomed {
    /// The server's reign.
    pub term: Term,
    /// How long its leases last, in milliseconds: renew three times in that.
    pub lease_millis: u32,
    /// After which position the changes begin.
    pub position: Position,
    /// True: the verifier keeps its table. False: a snapshot follows.
    pub resumes: bool,
    /// About how many rows the snapshot has, to lay a table out by.
    pub keys: u64,
    /// What it shows of its log.
    pub shown: Shown,
}

/// What a server shows of its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// A consistency proof (RFC 6962 section 2.1.2) from what the verifier has seen last; empty if it has seen nothing, or the same.
    pub proof: Vec<[u8; 32]>,
    /// The signed checkpoint (C2SP tlog-checkpoint).
    pub note: String,
}

/// What changed, without gaps.
#[derive(Clone, PartialEq, Eq)]
pub struct Changes {
    /// Where the changes before ended.
    pub after: Position,
    /// Where these end. Events that do not concern the verifier lie in between unsaid.
    pub to: Position,
    /// The changes, oldest first.
    pub changes: Vec<Change>,
}

/// A lease, and what time it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Granted {
    /// The lease.
    pub grant: Grant,
    /// The server's time when it gave the lease, in Unix milliseconds, rounded down: the times of keys are judged by it.
    pub unix_millis: u64,
}

/// What the server has, or has not, where a lookup asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The lookup's number.
    pub number: u32,
    /// What the answer reflects.
    pub position: Position,
    /// The key, if there is one.
    pub row: Option<KeyRow>,
}

/// Why a server ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Reason {
    /// It does not speak the verifier's version.
    Version = 1,
    /// A frame was malformed, or not allowed at this point.
    Malformed = 2,
    /// It serves nobody now: it is starting, stopping, locked or deposed.
    NotServing = 3,
    /// What the verifier has seen is not in its log.
    OtherLog = 4,
    /// There are too many verifiers.
    Full = 5,
    /// Another run has joined under the same name.
    Superseded = 6,
    /// The verifier acknowledged what it was never sent.
    Lied = 7,
    /// The verifier does not keep up with the changes.
    TooSlow = 8,
    /// The verifier's credential no longer allows it.
    Forbidden = 9,
    /// The verifier is not known on this connection: it joins anew.
    Unknown = 10,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 10] = [
        Self::Version,
        Self::Malformed,
        Self::NotServing,
        Self::OtherLog,
        Self::Full,
        Self::Superseded,
        Self::Lied,
        Self::TooSlow,
        Self::Forbidden,
        Self::Unknown,
    ];
}

const WELCOME: u8 = 0x81;
const OWNERS: u8 = 0x82;
const PROFILE: u8 = 0x83;
const ROWS: u8 = 0x84;
const LOADED: u8 = 0x85;
const CHANGES: u8 = 0x86;
const GRANT: u8 = 0x87;
const SHOWN: u8 = 0x88;
const ANSWER: u8 = 0x89;
const REFUSE: u8 = 0x8A;

impl ServerFrame {
    /// Reads a frame.
    ///
    /// # Errors
    /// [`FrameError`]: the connection is closed.
    pub fn decode(frame: &[u8]) -> Result<Self, FrameError> {
        let (kind, mut reader) = Reader::open(frame, SERVER_FRAME_LIMIT)?;
        let reader = &mut reader;
        let frame = match kind {
            WELCOME => Self::Welcome(Welcomed::read(reader)?),
            OWNERS => Self::Owners(reader.rest(OwnerRow::read)?),
            PROFILE => Self::Profile(reader.u32()?, Profile::read(reader)?),
            ROWS => Self::Rows(reader.rest(KeyRow::read)?),
            LOADED => Self::Loaded(Position(reader.u64()?)),
            CHANGES => Self::Changes(Changes::read(reader)?),
            GRANT => Self::Grant(Granted::read(reader)?),
            SHOWN => Self::Shown(Shown::read(reader)?),
            ANSWER => Self::Answer(Answer::read(reader)?),
            REFUSE => {
                let number = reader.u8()?;
                let reason = Reason::ALL.into_iter().find(|reason| *reason as u8 == number);
                Self::Refuse(reason.ok_or(FrameError::Field("reason"))?)
            }
            other => return Err(FrameError::Type(other)),
        };
        if reader.is_empty() { Ok(frame) } else { Err(FrameError::Length) }
    }

    /// Writes it.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] for more than a frame holds, [`FrameError::Field`] for what has no bytes.
    pub fn encode(&self) -> Result<Vec<u8>, FrameError> {
        let mut writer = Writer::new(self.kind());
        match self {
            Self::Welcome(welcomed) => welcomed.write(&mut writer)?,
            Self::Owners(owners) => owners.iter().for_each(|owner| owner.write(&mut writer)),
            Self::Profile(number, profile) => profile.write(writer.u32(*number))?,
            Self::Rows(rows) => rows.iter().for_each(|row| row.write(&mut writer)),
            Self::Loaded(position) => drop(writer.u64(position.0)),
            Self::Changes(changes) => changes.write(&mut writer),
            Self::Grant(granted) => granted.write(&mut writer)?,
            Self::Shown(shown) => shown.write(&mut writer)?,
            Self::Answer(answer) => answer.write(&mut writer),
            Self::Refuse(reason) => drop(writer.u8(*reason as u8)),
        }
        writer.finish(SERVER_FRAME_LIMIT)
    }

    const fn kind(&self) -> u8 {
        match self {
            Self::Welcome(_) => WELCOME,
            Self::Owners(_) => OWNERS,
            Self::Profile(..) => PROFILE,
            Self::Rows(_) => ROWS,
            Self::Loaded(_) => LOADED,
            Self::Changes(_) => CHANGES,
            Self::Grant(_) => GRANT,
            Self::Shown(_) => SHOWN,
            Self::Answer(_) => ANSWER,
            Self::Refuse(_) => REFUSE,
        }
    }
}

impl Welcomed {
    fn read(reader: &mut Reader<'_>) -> Result<Self, FrameError> {
        Ok(Self {
            term: Term(reader.u64()?),
            lease_millis: reader.u32()?,
            position: Position(reader.u64()?),
            resumes: reader.flag("resumes")?,
            keys: reader.u64()?,
            shown: Shown::read(reader)?,
        })
    }

    fn write(&self, writer: &mut Writer) -> Result<(), FrameError> {
        writer.u64(self.term.0).u32(self.lease_millis).u64(self.position.0).u8(self.resumes.into());
        writer.u64(self.keys);
        self.shown.write(writer)
    }
}

impl Shown {
    fn read(reader: &mut Reader<'_>) -> Result<Self, FrameError> {
        let proof = (0..reader.u8()?).map(|_| reader.array()).collect::<Result<_, _>>()?;
        let length = reader.u16()?.into();
        Ok(Self { proof, note: reader.text(length, "checkpoint")?.to_owned() })
    }

    fn write(&self, writer: &mut Writer) -> Result<(), FrameError> {
        writer.short(self.proof.len())?;
        writer.bytes(self.proof.as_flattened());
        writer.long(self.note.len())?.bytes(self.note.as_bytes());
        Ok(())
    }
}

impl Changes {
    fn read(reader: &mut Reader<'_>) -> Result<Self, FrameError> {
        let (after, to) = (Position(reader.u64()?), Position(reader.u64()?));
        if to < after {
            return Err(FrameError::Field("position"));
        }
        Ok(Self { after, to, changes: reader.rest(Change::read)? })
    }

    fn write(&self, writer: &mut Writer) {
        writer.u64(self.after.0).u64(self.to.0);
        self.changes.iter().for_each(|change| change.write(writer));
    }
}

impl Answer {
    fn read(reader: &mut Reader<'_>) -> Result<Self, FrameError> {
        let (number, position) = (reader.u32()?, Position(reader.u64()?));
        let row = if reader.flag("found")? { Some(KeyRow::read(reader)?) } else { None };
        Ok(Self { number, position, row })
    }

    fn write(&self, writer: &mut Writer) {
        writer.u32(self.number).u64(self.position.0).u8(self.row.is_some().into());
        if let Some(row) = &self.row {
            row.write(writer);
        }
    }
}

impl Granted {
    fn read(reader: &mut Reader<'_>) -> Result<Self, FrameError> {
        let grant = Grant {
            term: Term(reader.u64()?),
            incarnation: Incarnation(reader.u128()?),
            renewal: reader.u64()?,
            requires: Position(reader.u64()?),
            length: Duration::from_millis(reader.u32()?.into()),
        };
        Ok(Self { grant, unix_millis: reader.u64()? })
    }

    fn write(&self, writer: &mut Writer) -> Result<(), FrameError> {
        let Grant { term, incarnation, renewal, requires, length } = self.grant;
        // Rounded down: a lease never lasts longer than the server counts.
        let millis = u32::try_from(length.as_millis()).map_err(|_| FrameError::Field("lease"))?;
        writer.u64(term.0).u128(incarnation.0).u64(renewal).u64(requires.0).u32(millis).u64(self.unix_millis);
        Ok(())
    }
}
