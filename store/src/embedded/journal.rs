//! This file is about the engine's journal before the engine replays it: its batches must stand in the order in
//! which they were written.
//!
//! The engine's checksum covers the rows of a batch and not the sequence number at its head. A bit that flips there
//! would let older rows win over newer ones, a live key over its removal, and nothing else would notice. So the
//! numbers are read here, and must rise from batch to batch. Whatever else may be wrong with a journal the engine
//! notices itself; reading stops where it can go no further, and leaves the rest to it.
//!
//! The format is that of fjall 3, `journal/entry.rs`: entries that begin with a tag, numbers in little-endian order.

use std::fs::{self, File};
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;

/// The journal of this folder whose batches do not stand in their order, if there is one.
///
/// # Errors
/// Whatever the system says when a journal cannot be read.
pub(crate) fn out_of_order(folder: &Path) -> io::Result<Option<PathBuf>> {
    let mut newest = None;
    for path in journals(folder)? {
        let mut entries = Entries(BufReader::with_capacity(1 << 20, File::open(&path)?));
        while let Some(number) = entries.next_batch()? {
            if newest.is_some_and(|newest| number <= newest) {
                return Ok(Some(path));
            }
            newest = Some(number);
        }
    }
    Ok(None)
}

/// The journals, oldest first: their names are numbers.
fn journals(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::<(u64, PathBuf)>::new();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let path = entry?.path();
        let number = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".jnl")?.parse().ok());
        found.extend(number.map(|number| (number, path)));
    }
    found.sort_unstable();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// The entries of one journal.
struct Entries<R>(R);

impl<R: Read> Entries<R> {
    /// The sequence number of the next batch that is whole, or nothing where the journal ends or cannot be read.
    fn next_batch(&mut self) -> io::Result<Option<u64>> {
        match self.batch() {
            Ok(number) => Ok(number),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn batch(&mut self) -> io::Result<Option<u64>> {
        let [START] = self.bytes()? else { return Ok(None) };
        let entries = u32::from_le_bytes(self.bytes()?);
        let number = u64::from_le_bytes(self.bytes()?);
        for _ in 0..entries {
            match self.bytes()? {
                [ITEM] => self.skip_item()?,
                [CLEAR] => self.skip(size_of::<u64>() as u64)?,
                [_] => return Ok(None),
            }
        }
        let [END] = self.bytes()? else { return Ok(None) };
        // A checksum, and four bytes that end every batch.
        self.skip(12)?;
        Ok(Some(number))
    }

    /// A row: its type, how it is compressed, its keyspace, three lengths, then key and value.
    fn skip_item(&mut self) -> io::Result<()> {
        let _: [u8; 10] = self.bytes()?;
        let key = u16::from_le_bytes(self.bytes()?);
        let _: [u8; 4] = self.bytes()?;
        let value = u32::from_le_bytes(self.bytes()?);
        self.skip(u64::from(key) + u64::from(value))
    }

    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn skip(&mut self, length: u64) -> io::Result<()> {
        let skipped = io::copy(&mut self.0.by_ref().take(length), &mut io::sink())?;
        if skipped == length { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
    }
}
