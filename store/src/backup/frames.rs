//! This file is about how backups are written down: a line that says what it is, frames, and a hash at the end.
//!
//! A frame is its kind (1 byte), the lengths of key (2 bytes) and value (4 bytes), both little-endian, then key
//! and value. The last frame has kind 255, no key, and the SHA-256 of everything before it.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};

use crate::layout::sync_folder_of;

/// What a frame holds. The order is that of the file: the head comes first, events before what they explain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// The store's row about itself.
    Head = 1,
    /// Events that stand one after the other.
    Event = 2,
    /// A record; in a copy of slots, a record's slot.
    Record = 3,
    /// A counter.
    Counter = 4,
    /// A kept answer.
    Replay = 5,
    /// A note.
    Note = 6,
}

impl Kind {
    /// Every kind, in the order of the file.
    pub(super) const ALL: [Self; 6] =
        [Self::Head, Self::Event, Self::Record, Self::Counter, Self::Replay, Self::Note];
}

/// The kind of the last frame.
const END: u8 = 255;
/// The longest value, in bytes: more than any row has.
const VALUE_LIMIT: u32 = 64 << 20;
const HASH: usize = 32;

/// Writes frames.
pub(super) struct FrameWriter<'a> {
    path: &'a Path,
    out: BufWriter<File>,
    hash: Context,
}

impl<'a> FrameWriter<'a> {
    /// Begins a new file.
    pub(super) fn create(path: &'a Path, magic: &[u8]) -> io::Result<Self> {
        let out = BufWriter::with_capacity(1 << 20, File::create_new(path)?);
        let mut writer = Self { path, out, hash: Context::new(&SHA256) };
        writer.write(magic)?;
        Ok(writer)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.out.write_all(bytes)
    }

    /// Writes one frame.
    pub(super) fn frame(&mut self, kind: Kind, key: &[u8], value: &[u8]) -> io::Result<()> {
        self.write(&head(kind as u8, key, value)?)?;
        self.write(key)?;
        self.write(value)
    }

    /// Writes the last frame and makes the file durable.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let hash = self.hash.clone().finish();
        self.write(&head(END, &[], hash.as_ref())?)?;
        self.write(hash.as_ref())?;
        self.out.into_inner()?.sync_all()?;
        sync_folder_of(self.path)
    }
}

fn head(kind: u8, key: &[u8], value: &[u8]) -> io::Result<[u8; 7]> {
    let too_long = |_| io::Error::new(io::ErrorKind::InvalidInput, "a row is too long for a backup");
    let [k0, k1] = u16::try_from(key.len()).map_err(too_long)?.to_le_bytes();
    let [v0, v1, v2, v3] = u32::try_from(value.len()).map_err(too_long)?.to_le_bytes();
    Ok([kind, k0, k1, v0, v1, v2, v3])
}

/// One frame: kind, key and value.
pub(super) type Frame = (Kind, Vec<u8>, Vec<u8>);

/// Reads frames; trusts nothing before the last one has been seen.
pub(super) struct FrameReader {
    input: BufReader<File>,
    hash: Context,
    is_over: bool,
}

impl FrameReader {
    /// Opens a file that begins as it should.
    pub(super) fn open(path: &Path, magic: &[u8]) -> io::Result<Self> {
        let input = BufReader::with_capacity(1 << 20, File::open(path)?);
        let mut reader = Self { input, hash: Context::new(&SHA256), is_over: false };
        if reader.take(magic.len())? != magic {
            return Err(damage("it does not begin like one"));
        }
        Ok(reader)
    }

    fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let bytes = self.take_unhashed(length)?;
        self.hash.update(&bytes);
        Ok(bytes)
    }

    fn take_unhashed(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.input.read_exact(&mut bytes).map_err(|error| {
            if error.kind() == io::ErrorKind::UnexpectedEof { damage("it ends too early") } else { error }
        })?;
        Ok(bytes)
    }

    /// The next frame; `None` after the last one, whose hash then was right.
    pub(super) fn next(&mut self) -> io::Result<Option<Frame>> {
        if self.is_over {
            return Ok(None);
        }
        let so_far = self.hash.clone();
        let head = self.take(7)?;
        let &[kind, k0, k1, v0, v1, v2, v3] = head.as_slice() else { return Err(damage("a frame is cut")) };
        let key_length = usize::from(u16::from_le_bytes([k0, k1]));
        let value_length = u32::from_le_bytes([v0, v1, v2, v3]);
        if kind == END {
            return self.end(so_far, key_length, value_length).map(|()| None);
        }
        let kind = Kind::ALL.into_iter().find(|known| *known as u8 == kind);
        let kind =
            kind.filter(|_| value_length <= VALUE_LIMIT).ok_or_else(|| damage("a frame is unknown"))?;
        let key = self.take(key_length)?;
        Ok(Some((kind, key, self.take(value_length as usize)?)))
    }

    fn end(&mut self, so_far: Context, key_length: usize, value_length: u32) -> io::Result<()> {
        if key_length != 0 || value_length as usize != HASH {
            return Err(damage("the last frame is malformed"));
        }
        let claimed = self.take_unhashed(HASH)?;
        if so_far.finish().as_ref() != claimed.as_slice() {
            return Err(damage("its hash is wrong: it is not what was written"));
        }
        if self.input.read(&mut [0])? != 0 {
            return Err(damage("something stands behind its end"));
        }
        self.is_over = true;
        Ok(())
    }
}

/// The file is not what was written.
pub(super) fn damage(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}
